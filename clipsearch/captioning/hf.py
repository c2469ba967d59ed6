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

from clipsearch.caption_writing import USUAL, Manner, Unwritten, WrittenCaption
from clipsearch.captioning.hf_models import library, named_model, told
from clipsearch.captioning_errors import CaptionerUnusable
from clipsearch.errors import ExtraMissing
from clipsearch.plain_text import plain_line
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

_PREPROCESSING = Preprocessing(
    SIDE, SIDE, "within", "bicubic", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
)


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
                    raise CaptionerUnusable(self._name, told(error)) from error
                found += map(_caption, texts)
        return found

    def _texts(
        self, model: Any, processor: Any, images: Sequence[Image.Image], manner: Manner
    ) -> list[str]:
        given = self._inputs(processor, images).to(model.device)
        drawn: dict[str, Any] = {"num_beams": manner.beams, "do_sample": False}
        if manner.nucleus is not None:
            drawn = {"num_beams": 1, "do_sample": True, "top_p": manner.nucleus, "top_k": 0}
        written = model.generate(**given, **drawn, max_new_tokens=manner.longest or LONGEST)
        asked = given.get("input_ids")
        if asked is not None and torch.equal(written[:, : asked.shape[1]], asked):
            written = written[:, asked.shape[1] :]  # many say the question before the answer
        texts: list[str] = processor.batch_decode(written, skip_special_tokens=True)
        return texts

    def _inputs(self, processor: Any, images: Sequence[Image.Image]) -> Any:
        """What the model is given: pictures, and a question where it wants one."""
        asked = PROMPTS.get(self._config.model_type)
        if asked is not None:
            return processor(images=list(images), text=[asked] * len(images), return_tensors="pt")
        if getattr(processor, "chat_template", None):
            content = [{"type": "image"}, {"type": "text", "text": WORDS}]
            turn = [{"role": "user", "content": content}]
            asked = processor.apply_chat_template(turn, add_generation_prompt=True)
            pictures = [[image] for image in images]
            texts = [asked] * len(images)
            return processor(images=pictures, text=texts, padding=True, return_tensors="pt")
        return processor(images=list(images), return_tensors="pt")

    @cached_property
    def _opened(self) -> tuple[Any, Any]:
        """The model in evaluation mode, in float32 on the best device, and its processor."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        safe = {"trust_remote_code": False}
        try:
            model = library.AutoModelForImageTextToText.from_pretrained(
                self._place, dtype=torch.float32, **safe
            )
            processor = open_processor(self._place, self._config.model_type)
        except Exception as error:
            raise CaptionerUnusable(self._name, told(error)) from error
        return model.to(device).eval(), processor


class _Halves:
    """The image processor and the tokenizer of a model that has no processor of both."""

    def __init__(self, place: str) -> None:
        self.images = library.AutoImageProcessor.from_pretrained(place, trust_remote_code=False)
        self.words = library.AutoTokenizer.from_pretrained(place, trust_remote_code=False)

    def __call__(self, images: list[Image.Image], return_tensors: str) -> Any:
        return self.images(images=images, return_tensors=return_tensors)

    def batch_decode(self, written: Any, *, skip_special_tokens: bool) -> list[str]:
        texts: list[str] = self.words.batch_decode(written, skip_special_tokens=skip_special_tokens)
        return texts


def open_processor(place: str, model_type: str) -> Any:
    """What turns pictures into a model's input and its output into text."""
    if model_type == "vision-encoder-decoder":
        return _Halves(place)
    processor = library.AutoProcessor.from_pretrained(place, trust_remote_code=False)
    if getattr(processor, "chat_template", None) and hasattr(processor, "tokenizer"):
        processor.tokenizer.padding_side = "left"  # answers begin where questions end
    return processor


def _caption(text: str) -> WrittenCaption | Unwritten:
    line = plain_line(text)
    if not line:
        return Unwritten("its captioner says nothing")
    return WrittenCaption(line[:1].upper() + line[1:], None)
