"""Captioners of Hugging Face's transformers: from the hub or from a folder, with torch.

Vision-encoder-decoder models (vit-gpt2), BLIP, GIT, Florence-2, and every other model that
transformers lists for image-text-to-text. Code of a repository is never run. HF_HOME, HF_ENDPOINT
and HF_HUB_OFFLINE are obeyed, as transformers obeys them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from PIL import Image

from clipsearch.caption_writing import USUAL, Manner, Unwritten, WrittenCaption, caption_of
from clipsearch.captioning.hf_models import (
    chat_inputs,
    library,
    named_model,
    open_model,
    open_processor,
    said_alone,
)
from clipsearch.captioning_errors import CaptionerUnusable
from clipsearch.errors import ExtraMissing
from clipsearch.values import Pixels, Preprocessing

try:
    import torch
except ModuleNotFoundError as error:
    raise ExtraMissing("captions", "a captioner of transformers") from error

BATCH = 4
LONGEST = 40
"""Tokens of a caption, at most."""
SIDE = 1024
"""Pixels of a picture's longer side; the model's own processor does the rest."""
WORDS = "Describe this picture in one plain sentence of at most 20 words."
"""What models are asked that follow instructions."""
PROMPTS = {"florence2": "<CAPTION>", "paligemma": "caption en", "kosmos-2": "An image of"}
"""What models are asked that know a word for it, by their kind; the others are asked nothing."""

_PREPROCESSING = Preprocessing.whole(SIDE)


class HfCaptioner:
    """A captioner of transformers. Its model opens at its first use; it knows no confidence.

    What it calls a score is the likelihood of its words, and no probability of being right.
    """

    def __init__(self, name: str) -> None:
        """Read what kind it is of, from a folder or the hub. Raises CaptionerUnusable."""
        found = named_model(name)
        self._place, self._name, self._config = found.place, found.name, found.config

    @property
    def source(self) -> str:
        """The source of its captions: `generated:hf:NAME`, of a folder its own name."""
        return f"generated:{self._name}"

    @property
    def preprocessing(self) -> Preprocessing:
        """Pictures keep their aspect and are made no larger."""
        return _PREPROCESSING

    @property
    def batch(self) -> int:
        """Pictures that are captioned at once."""
        return BATCH

    def write(
        self, pictures: Iterable[Pixels], manner: Manner = USUAL
    ) -> list[WrittenCaption | Unwritten]:
        """A caption of each picture, uint8 [h, w, 3]. Raises CaptionerUnusable."""
        images = [Image.fromarray(picture) for picture in pictures]
        found: list[WrittenCaption | Unwritten] = []
        model, processor = self._opened
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(manner.seed)
            for start in range(0, len(images), BATCH):
                try:
                    texts = self._texts(model, processor, images[start : start + BATCH], manner)
                except Exception as error:
                    raise CaptionerUnusable.because(self._name, error) from error
                found += map(caption_of, texts)
        return found

    def _texts(
        self, model: Any, processor: Any, images: Sequence[Image.Image], manner: Manner
    ) -> list[str]:
        given = self._inputs(processor, images).to(model.device)
        drawn: dict[str, Any] = {"num_beams": manner.beams, "do_sample": False}
        if manner.nucleus is not None:
            drawn = {"num_beams": 1, "do_sample": True, "top_p": manner.nucleus, "top_k": 0}
        written = model.generate(**given, **drawn, max_new_tokens=manner.longest or LONGEST)
        own = said_alone(written, given)
        texts: list[str] = processor.batch_decode(own, skip_special_tokens=True)
        return texts

    def _inputs(self, processor: Any, images: Sequence[Image.Image]) -> Any:
        """What the model is given: pictures, and a question where it wants one."""
        asked = PROMPTS.get(self._config.model_type)
        if asked is not None:
            return processor(images=list(images), text=[asked] * len(images), return_tensors="pt")
        if getattr(processor, "chat_template", None):
            return chat_inputs(processor, images, WORDS)
        return processor(images=list(images), return_tensors="pt")

    @cached_property
    def _opened(self) -> tuple[Any, Any]:
        """The model in evaluation mode, in float32 on the best device, and its processor."""
        try:
            model = open_model(library.AutoModelForImageTextToText, self._place)
            processor = open_processor(self._place, self._config.model_type)
        except Exception as error:
            raise CaptionerUnusable.because(self._name, error) from error
        return model, processor
