"""Measures answers to questions about pictures against those that people gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from clipsearch.captioning_errors import ChoicesMissing, QuestionRefused
from clipsearch.captions import PictureQuestion, QuestionSet
from clipsearch.errors import UnreadableQueryImage
from clipsearch.evaluation.embedding import OnStep
from clipsearch.evaluation_errors import NothingToMeasure
from clipsearch.measures.vqa import comparable, vqa_accuracy
from clipsearch.values import Skip, SkipCode

KIND_YES_NO, KIND_NUMBER, KIND_OTHER = "yes/no", "number", "other"


class Given(Protocol):
    """An answer as it was given."""

    @property
    def text(self) -> str:
        """Its words."""


class Answerer(Protocol):
    """What answers questions about pictures."""

    @property
    def name(self) -> str:
        """What it is called."""

    def answers(self, picture: bytes, question: str, choices: Sequence[str]) -> Sequence[Given]:
        """Its answers, best first.

        Raises UnreadableQueryImage, and ChoicesMissing or QuestionRefused where it has none.
        """


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, what was answered (None: nothing), and how right that is, 0 to 1."""

    question: PictureQuestion
    answer: str | None
    accuracy: float

    @property
    def kind(self) -> str:
        """yes/no, number or other, by what people answered."""
        return answer_kind(self.question.answers)


@dataclass(frozen=True, slots=True)
class VqaEvaluation:
    """All questions with their answers."""

    source: str
    answerer: str
    answered: tuple[Answered, ...]
    skips: tuple[Skip, ...]

    def metrics(self) -> dict[str, float]:
        """The accuracy over all questions, by kind of answer, and the part that was answered."""
        found = {"accuracy": _mean([each.accuracy for each in self.answered])}
        for kind in (KIND_YES_NO, KIND_NUMBER, KIND_OTHER):
            own = [each.accuracy for each in self.answered if each.kind == kind]
            if own:
                found[f"accuracy {kind}"] = _mean(own)
        found["answered"] = _mean([float(each.answer is not None) for each in self.answered])
        return found


def evaluate_vqa(answerer: Answerer, data: QuestionSet, on_step: OnStep) -> VqaEvaluation:
    """Have every question answered, and measure. Raises NothingToMeasure.

    A question without an answer counts as wrong; a picture that cannot be read is left out.
    """
    skips: list[Skip] = []
    answered: list[Answered] = []
    for done, question in enumerate(data.questions, 1):
        try:
            answer = _answer(answerer, question)
        except UnreadableQueryImage as error:
            skips.append(Skip(Path(question.name), error.skip.code, error.skip.reason))
        except OSError as error:
            told = (error.strerror or str(error)).lower()
            skips.append(Skip(Path(question.name), SkipCode.UNREADABLE, told))
        else:
            right = 0.0 if answer is None else vqa_accuracy(answer, question.answers)
            answered.append(Answered(question, answer, right))
        on_step("questions", done, len(data.questions), len(skips))
    if not answered:
        raise NothingToMeasure(data.source, "no question about a picture that can be read")
    return VqaEvaluation(data.source, answerer.name, tuple(answered), (*data.skips, *skips))


def _answer(answerer: Answerer, question: PictureQuestion) -> str | None:
    """The best answer; None where the answerer cannot be asked such a question."""
    try:
        return answerer.answers(question.read(), question.question, question.choices)[0].text
    except (ChoicesMissing, QuestionRefused):
        return None


def answer_kind(answers: Sequence[str]) -> str:
    """What the most frequent answer is, as VQA's tables part them: yes/no, number or other."""
    told = [comparable(each) for each in answers]
    most = max(dict.fromkeys(told), key=told.count)
    if most in ("yes", "no"):
        return KIND_YES_NO
    return KIND_NUMBER if most.isdecimal() else KIND_OTHER


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
