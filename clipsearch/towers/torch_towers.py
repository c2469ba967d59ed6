"""A pair of towers that runs in torch: on a GPU, or where an export is impossible."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clipsearch.errors import PrecisionRefused
from clipsearch.towers.image_models import (
    ImageModel,
    Normalised,
    check_shape,
    embed_all,
    normalised,
)
from clipsearch.towers.open_clip_model import LoadedModel
from clipsearch.towers.pair import of_unit_length
from clipsearch.towers.tokenizer_export import languages_of
from clipsearch.values import Embeddings, Pixels, Precision, TowerIdentity

if TYPE_CHECKING:
    from clipsearch.towers.parts import Parts

TEXT_BATCH = 8


class TorchTowers:
    """The towers of a model in memory, at fp32 or under bf16 autocast."""

    def __init__(
        self, model: LoadedModel, precision: Precision, device: str | None, notes: Sequence[str]
    ) -> None:
        """Move the model to `device` (None: a GPU if there is one). Raises PrecisionRefused."""
        name = str(model.source.name)
        if precision == "int8":
            raise PrecisionRefused(name, "int8", "torch runs it at fp32 or bf16")
        self.identity = TowerIdentity(name, model.dim, precision, model.digest())
        self.preprocessing = model.preprocessing
        self.logit_scale = model.logit_scale
        self.languages = languages_of(model.tokenizer)
        self.notes = (*model.source.notes, *notes)
        self._model = model
        self._device = device or best_device()
        self._image_model = torch_image_model(model, precision, self._device)

    def embed_images(self, pixels: Pixels) -> Embeddings:
        """Embed pictures, uint8 [n, h, w, 3] of its input size: float32 [n, dim]."""
        return embed_all(self._image_model, pixels, self.preprocessing, self.identity.dim)

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts, long ones cut at its number of tokens: float32 [n, dim]."""
        import torch

        rows = np.empty((len(texts), self.identity.dim), np.float32)
        for start in range(0, len(texts), TEXT_BATCH):
            batch = [
                text.encode("utf-8", "replace").decode() for text in texts[start:][:TEXT_BATCH]
            ]
            with torch.inference_mode():
                tokens = self._model.tokenizer(batch).to(self._device)
                found = self._model.module.encode_text(tokens, normalize=True)
            rows[start : start + TEXT_BATCH] = of_unit_length(found.float().cpu().numpy())
        return rows

    def parts(self, pixels: Pixels) -> Parts | None:
        """What each place of one picture, uint8 [h, w, 3], gives to its embedding."""
        from clipsearch.towers.torch_parts import torch_parts

        check_shape(pixels[np.newaxis], self.preprocessing)
        return torch_parts(self._model.module, normalised(pixels[np.newaxis], self.preprocessing))

    def prepare(self) -> None:
        """Nothing to do: torch takes its seconds at every start."""


def torch_image_model(model: LoadedModel, precision: Precision, device: str) -> ImageModel:
    """The image tower in torch: normalised pictures to embeddings, at fp32 or bf16."""
    import torch

    module = model.module.to(device)
    kind = torch.device(device).type

    def casting() -> AbstractContextManager[Any]:
        if precision == "bf16":
            return torch.autocast(kind, dtype=torch.bfloat16)
        return nullcontext()

    def embed(given: Normalised) -> Normalised:
        with torch.inference_mode(), casting():
            found = module.encode_image(torch.from_numpy(given).to(device), normalize=True)
            return np.asarray(found.float().cpu().numpy(), dtype=np.float32)

    return ImageModel(embed)


def best_device() -> Literal["cuda", "cpu"]:
    """The GPU if torch can use one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
