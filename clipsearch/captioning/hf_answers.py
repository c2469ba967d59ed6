"""Answers of Hugging Face's transformers: ViLT, BLIP, and models that are asked in words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from PIL import Image

from clipsearch.captioning.answering import Answer, checked, chosen_of, instruction
from clipsearch.captioning.hf_models import (
    chat_inputs,
    library,
    named_model,
    open_model,
    open_processor,
    said_alone,
)
from clipsearch.captioning_errors import CaptionerUnusable, QuestionRefused
from clipsearch.errors import ExtraMissing
from clipsearch.images import Picture, decode_picture
from clipsearch.plain_text import plain_line
from clipsearch.values import Preprocessing

try:
    import torch
except ModuleNotFoundError as error:
    raise ExtraMissing("captions", "answering by a model of transformers") from error

LONGEST = 40
"""Tokens of an answer, at most."""
BEST = 5
"""How many of its own answers a classifier shows."""
SIDE = 1024
_PREPROCESSING = Preprocessing.whole(SIDE)


class HfAnswerer:
    """A model of transformers that answers questions; it opens at its first use.

    One that was trained as a classifier of answers (ViLT) gives probabilities, among the choices
    where there are some; one that writes its answer gives none. No code of a repository is run.
    """

    def __init__(self, name: str) -> None:
        """Read what kind it is of, from a folder or the hub. Raises CaptionerUnusable."""
        found = named_model(name)
        self._place, self._name, self._config = found.place, found.name, found.config

    @property
    def name(self) -> str:
        """`hf:NAME`, of a folder its own name."""
        return self._name

    def answers(self, picture: Picture, question: str, choices: Sequence[str] = ()) -> list[Answer]:
        """Its answers, best first. Raises CaptionerUnusable, QuestionRefused."""
        asked = checked(question, choices)
        image = Image.fromarray(decode_picture(picture, _PREPROCESSING).pixels)
        with torch.inference_mode():
            try:
                model, processor = self._opened
                if self._is_classifier:
                    return self._classified(model, processor, image, question, asked)
                text = plain_line(self._written(model, processor, image, question, asked))
            except (CaptionerUnusable, QuestionRefused):
                raise
            except Exception as error:
                raise CaptionerUnusable.because(self._name, error) from error
        if not text:
            raise CaptionerUnusable(self._name, "it says nothing")
        return [Answer(chosen_of(text, asked))]

    @property
    def _architecture(self) -> str:
        return next(iter(self._config.architectures or ()), "")

    @property
    def _is_classifier(self) -> bool:
        return self._architecture == "ViltForQuestionAnswering"

    def _classified(
        self, model: Any, processor: Any, image: Image.Image, question: str, choices: Sequence[str]
    ) -> list[Answer]:
        given = processor(images=image, text=question, return_tensors="pt", truncation=True)
        logits = model(**given.to(model.device)).logits[0].float()
        labels = [str(model.config.id2label[at]) for at in range(len(logits))]
        places = list(range(len(labels)))
        if choices:
            known = {label.lower(): at for at, label in enumerate(labels)}
            missing = [each for each in choices if each.lower() not in known]
            if missing:
                raise QuestionRefused(f"{self._name} has no answer {missing[0]!r}")
            places = [known[each.lower()] for each in choices]
            labels = list(choices)
        shares = logits[places].softmax(0).tolist()
        found = [Answer(*each) for each in zip(labels, shares, strict=True)]
        found.sort(key=lambda each: -(each.probability or 0.0))
        return found if choices else found[:BEST]

    def _written(
        self, model: Any, processor: Any, image: Image.Image, question: str, choices: Sequence[str]
    ) -> str:
        if getattr(processor, "chat_template", None):
            given = chat_inputs(processor, [image], instruction(question, choices))
        else:
            given = processor(images=image, text=question, return_tensors="pt")
        given = given.to(model.device)
        written = model.generate(**given, max_new_tokens=LONGEST, do_sample=False)
        (text,) = processor.batch_decode(said_alone(written, given), skip_special_tokens=True)
        return str(text)

    @cached_property
    def _opened(self) -> tuple[Any, Any]:
        """The model in evaluation mode, in float32 on the best device, and its processor."""
        made_for_it = "QuestionAnswering" in self._architecture
        kind = (
            library.AutoModelForVisualQuestionAnswering
            if made_for_it
            else library.AutoModelForImageTextToText
        )
        processor = open_processor(self._place, self._config.model_type)
        return open_model(kind, self._place), processor
