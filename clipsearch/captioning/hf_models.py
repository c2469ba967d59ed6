"""Models of Hugging Face's transformers, by the name of a folder or of the hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from clipsearch.captioning_errors import CaptionerUnusable
from clipsearch.errors import ExtraMissing

try:
    import torch
    import transformers
except ModuleNotFoundError as error:
    raise ExtraMissing("captions", "a model of transformers") from error

library: Any = transformers  # half of it is typed


@dataclass(frozen=True, slots=True)
class HfModel:
    """Where a model lies, how it is called (`hf:NAME`, of a folder its own name), what it is."""

    place: str
    name: str
    config: Any


def named_model(name: str) -> HfModel:
    """Read what kind of model it is; no code of a repository is run. Raises CaptionerUnusable."""
    if not name.strip():
        raise CaptionerUnusable("hf:", "no folder and no model of the hub is named behind it")
    folder = Path(name).expanduser()
    place = str(folder) if folder.is_dir() else name
    spoken = f"hf:{folder.resolve().name if folder.is_dir() else name}"
    try:
        config = library.AutoConfig.from_pretrained(place, trust_remote_code=False)
    except Exception as error:  # transformers, its client and its parsers raise what they like
        raise CaptionerUnusable.because(spoken, error) from error
    return HfModel(place, spoken, config)


def open_model(kind: Any, place: str) -> Any:
    """A model of a kind of transformers, to be asked: in float32, on the best device."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = kind.from_pretrained(place, dtype=torch.float32, trust_remote_code=False)
    return model.to(device).eval()


def chat_inputs(processor: Any, images: Sequence[Image.Image], words: str) -> Any:
    """What a model that chats is given: each picture, and the same words about it."""
    content = [{"type": "image"}, {"type": "text", "text": words}]
    turn = [{"role": "user", "content": content}]
    asked = processor.apply_chat_template(turn, add_generation_prompt=True)
    pictures, texts = [[image] for image in images], [asked] * len(images)
    return processor(images=pictures, text=texts, padding=True, return_tensors="pt")


def said_alone(written: Any, given: Any) -> Any:
    """The tokens that a model wrote: many say what they were asked before."""
    asked = given.get("input_ids")
    if asked is not None and torch.equal(written[:, : asked.shape[1]], asked):
        return written[:, asked.shape[1] :]
    return written


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
