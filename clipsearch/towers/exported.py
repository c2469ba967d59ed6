"""A pair of towers that runs from an exported folder, without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clipsearch.processors import usable_cpus
from clipsearch.towers.folder import IMAGE, TEXT, TEXT_INT8, TowerFolder
from clipsearch.towers.image_models import ImageModel, check_shape, embed_all, open_image_model
from clipsearch.towers.pair import of_unit_length
from clipsearch.towers.ready import make_ready, ready_folder, ready_model
from clipsearch.towers.runtime import open_quickly
from clipsearch.towers.tokens import Tokenizer, open_tokenizer, padded
from clipsearch.values import Embeddings, Pixels, Precision, TowerIdentity

if TYPE_CHECKING:
    import onnxruntime

    from clipsearch.towers.parts import Parts
    from clipsearch.towers.spatial import PartsOf

TEXT_THREADS = 2


class ExportedTowers:
    """The towers of a folder, at one precision. Each opens at its first use."""

    def __init__(
        self,
        folder: TowerFolder,
        precision: Precision,
        cache: Path,
        image_model: Callable[[], ImageModel] | None = None,
    ) -> None:
        """Name the folder; nothing is opened yet.

        `cache` is the folder that holds text towers made ready for this machine. `image_model`
        opens another form of the same image tower, as on a GPU.
        """
        self.identity = TowerIdentity(folder.name, folder.dim, precision, folder.digest)
        self.preprocessing = folder.preprocessing
        self.logit_scale = folder.logit_scale
        self.languages = folder.text.languages
        self.templates = folder.text.templates
        self.notes = folder.notes
        self._folder = folder
        self._open_image_model = image_model or partial(open_image_model, folder, precision)
        self._cache = cache

    def embed_images(self, pixels: Pixels) -> Embeddings:
        """Embed pictures, uint8 [n, h, w, 3] of its input size: float32 [n, dim]."""
        return embed_all(self._image_model, pixels, self.preprocessing, self.identity.dim)

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts, long ones cut at its number of tokens: float32 [n, dim]."""
        rows = np.empty((len(texts), self.identity.dim), np.float32)
        # One by one: dynamic int8 takes its scale from all that runs together, and a text must
        # have the same embedding whatever stands beside it.
        for place, encoded in enumerate(self._tokenizer.encode(texts)):
            ids, mask = padded([encoded], self._folder.text)
            given = {"input_ids": ids, "attention_mask": mask}
            taken = {name: given[name] for name in self._text_inputs}
            found = self._text_session.run(["embedding"], taken)[0]
            rows[place : place + 1] = of_unit_length(np.asarray(found))
        return rows

    def parts(self, pixels: Pixels) -> Parts | None:
        """What each place of one picture, uint8 [h, w, 3], gives to its embedding (at fp32)."""
        check_shape(pixels[np.newaxis], self.preprocessing)
        return self._parts_of(pixels) if self._parts_of is not None else None

    def prepare(self) -> None:
        """Write the text tower as this machine starts it quickest; a failure costs only time."""
        try:
            target = self._ready_folder
            if ready_model(target) is None:
                make_ready(self._text_file, target)
        except Exception:  # an unwritable cache or an older runtime: the packaged file serves
            return

    @cached_property
    def _image_model(self) -> ImageModel:
        return self._open_image_model()

    @cached_property
    def _parts_of(self) -> PartsOf | None:
        from clipsearch.towers.spatial import cut_model, source_model  # a query has no use for it

        found = cut_model(self._folder.path / IMAGE, self.preprocessing)
        return found or source_model(self._folder.name, self.preprocessing)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return open_tokenizer(self._folder)

    @cached_property
    def _text_session(self) -> onnxruntime.InferenceSession:
        """Optimising costs more than one query gains, so it is done in `prepare` or not at all."""
        threads = min(TEXT_THREADS, usable_cpus())
        ready = ready_model(self._ready_folder)
        if ready is not None:
            try:
                return open_quickly(ready, threads)
            except Exception:  # damaged within, at the size and time that were written
                return open_quickly(self._text_file, threads)
        return open_quickly(self._text_file, threads)

    @cached_property
    def _text_inputs(self) -> list[str]:
        return [entry.name for entry in self._text_session.get_inputs()]

    @property
    def _text_file(self) -> Path:
        lighter = self.identity.precision == "int8" and TEXT_INT8 in self._folder.files
        return self._folder.path / (TEXT_INT8 if lighter else TEXT)

    @property
    def _ready_folder(self) -> Path:
        return ready_folder(self._cache, self.identity.digest, self._text_file)
