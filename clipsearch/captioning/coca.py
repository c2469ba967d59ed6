"""Captions by a CoCa of open_clip (Yu et al. 2022), with torch.

open_clip's own `generate` asks for parts that transformers no longer has from version 5 on; the
captions are therefore searched as those of the built-in captioner are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from clipsearch.caption_writing import USUAL, Manner, Unwritten, WrittenCaption, caption_of
from clipsearch.captioning.beams import search_beams
from clipsearch.captioning.graphs import Floats, Ints, Said, Seen
from clipsearch.captioning.hypotheses import START, Hypothesis
from clipsearch.captioning.sampling import sample
from clipsearch.captioning_errors import CaptionerUnusable
from clipsearch.errors import ExtraMissing
from clipsearch.towers.names import parse_tower_name
from clipsearch.towers.open_clip_model import LoadedModel, build_model
from clipsearch.towers.open_clip_source import find_source, input_preprocessing
from clipsearch.values import Pixels, Preprocessing

try:
    import torch
    from open_clip.tokenizer import decode
except ModuleNotFoundError as error:
    raise ExtraMissing("captions", "a captioner of open_clip") from error

BATCH = 8
LONGEST = 30
"""Tokens of a caption, at most, as open_clip has it."""
START_OF_TEXT, END_OF_TEXT = 49406, 49407
"""The last two tokens of CLIP's vocabulary."""
FIRST_WORD = 3
"""Our search has three tokens of its own in front of the words."""


class CocaCaptioner:
    """A captioner of open_clip. Its model opens at its first use; it knows no confidence."""

    def __init__(self, spelling: str) -> None:
        """Find its parts, and fetch them where it must.

        Raises TowerMissing, CaptionerUnusable for a model that is no CoCa, ExtraMissing.
        """
        name = parse_tower_name(spelling)
        folder = name.kind in ("open_clip_folder", "exported_folder", "checkpoint")
        shown = Path(name.weights or name.model).name if folder else str(name)
        self._name = f"coca:{shown}"
        if name.kind in ("builtin", "exported_folder"):
            raise CaptionerUnusable(self._name, "it is no CoCa")
        self._source = find_source(name)
        if "multimodal_cfg" not in self._source.model_cfg:
            raise CaptionerUnusable(self._name, "it is no CoCa")
        if "hf_tokenizer_name" in self._source.model_cfg["text_cfg"]:
            raise CaptionerUnusable(self._name, "only CLIP's own tokenizer is known here")

    @property
    def source(self) -> str:
        """The source of its captions: `generated:coca:NAME`, of a folder its own name."""
        return f"generated:{self._name}"

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes its input."""
        return input_preprocessing(self._source, self._source.model_cfg["vision_cfg"]["image_size"])

    @property
    def batch(self) -> int:
        """Pictures that are captioned at once."""
        return BATCH

    def write(
        self, pictures: Iterable[Pixels], manner: Manner = USUAL
    ) -> list[WrittenCaption | Unwritten]:
        """A caption of each picture, uint8 [h, w, 3] of its input size. Raises TowerMissing."""
        return [_caption(path) for path in self.paths(list(pictures), manner)]

    def paths(self, pictures: Sequence[Pixels], manner: Manner) -> list[Hypothesis]:
        """The captions as tokens of our search, with their probabilities."""
        random = np.random.default_rng(manner.seed)
        longest = min(manner.longest or LONGEST, 75)
        found: list[Hypothesis] = []
        for start in range(0, len(pictures), BATCH):
            seen = self._decoder.look(self.normalised(pictures[start : start + BATCH]))
            if manner.nucleus is not None:
                found += sample(self._decoder, seen, manner.nucleus, longest, random)
            else:
                found += search_beams(self._decoder, seen, manner.beams, longest)
        return found

    def normalised(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        """Pictures as the model takes them: float32 [n, 3, h, w]."""
        wanted = self.preprocessing
        pixels = np.stack(list(pictures)).astype(np.float32) / 255
        mean, std = (np.asarray(each, np.float32) for each in (wanted.mean, wanted.std))
        scaled = (pixels - mean) / std
        return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))

    @property
    def module(self) -> Any:
        """The CoCa itself."""
        return self._model.module

    @cached_property
    def _model(self) -> LoadedModel:
        return build_model(self._source)

    @cached_property
    def _decoder(self) -> _Decoder:
        return _Decoder(self.module)


class _Decoder:
    """Says the next word, as the beam search wants it.

    `Seen` holds the picture's tokens and its embedding; `Said` the words themselves, since this
    decoder reads a caption anew for each of its words.
    """

    def __init__(self, module: Any) -> None:
        self._module = module

    def look(self, images: torch.Tensor) -> Seen:
        """What the image tower sees in pictures."""
        with torch.inference_mode():
            latent, tokens = self._module._encode_image(images)
        return Seen(tokens.numpy()[np.newaxis], latent.numpy()[np.newaxis])

    def begin(self, seen: Seen, captions: int) -> Said:
        """Captions without a word."""
        empty = np.zeros((1, captions, 0), np.float32)
        return Said(empty, empty)

    def step(self, tokens: Ints, said: Said, seen: Seen) -> tuple[Floats, Said]:
        """Log-probabilities float32 [n, k, vocabulary] after one more token [n, k] each."""
        count, beams = tokens.shape
        latest = tokens.reshape(-1, 1).astype(np.float32)  # whole numbers below 2^24 stay whole
        words = np.concatenate([said.keys[0], latest], axis=1)
        theirs = np.where(words == START, START_OF_TEXT, words - FIRST_WORD).astype(np.int64)
        with torch.inference_mode():
            found = self._module(
                None,
                torch.from_numpy(theirs),
                image_latent=torch.from_numpy(seen.values[0].repeat(beams, axis=0)),
                image_embs=torch.from_numpy(seen.keys[0].repeat(beams, axis=0)),
                output_labels=False,
            )
            logs = found["logits"][:, -1].log_softmax(dim=-1).numpy()
        never = np.full((len(logs), 1), -np.inf, np.float32)
        end = logs[:, END_OF_TEXT : END_OF_TEXT + 1]
        ours = np.concatenate([never, end, never, logs[:, :START_OF_TEXT]], axis=1)
        return ours.reshape(count, beams, -1), Said(words[np.newaxis], words[np.newaxis])


def _caption(path: Hypothesis) -> WrittenCaption | Unwritten:
    text = decode(torch.tensor([token - FIRST_WORD for token in path.tokens]))
    return caption_of(text.replace(" .", ".").replace(" ,", ","))
