"""What can go wrong while a tower is trained: the branch TrainingError of `errors`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from clipsearch.errors import ClipsearchError


class TrainingError(ClipsearchError):
    """A tower cannot be trained."""


class EmptySplit(TrainingError):
    """There is no picture with a caption to train on, or to measure on."""

    def __init__(self, source: str, purpose: str, left_out: int = 0) -> None:
        self.source, self.purpose, self.left_out = source, purpose, left_out
        also = f" ({left_out} were left out)" if left_out else ""
        super().__init__(
            f"{source} has no pictures with captions for {purpose}{also}. Name another split "
            "(`--split`, `--dev-split`) or other data."
        )


class ClassNamesUnusable(TrainingError):
    """A file of class names does not go with the tower or the pictures."""

    def __init__(self, names: str, reason: str) -> None:
        self.names, self.reason = names, reason
        super().__init__(
            f"cannot learn the classes of {names!r}: {reason}. It is to be ImageNet's label file, "
            "1,001 lines of `name, synonym, ...` with the background first, and some pictures have "
            "captions like `a photo of a tench`."
        )


class DevInsideTrain(TrainingError):
    """Pictures that are measured on are trained on, too: nothing measured would count."""

    def __init__(self, measured: str, pictures: Sequence[str]) -> None:
        self.measured, self.pictures = measured, tuple(pictures)
        named = ", ".join(repr(name) for name in self.pictures[:3])
        more = f" and {len(self.pictures) - 3} more" if len(self.pictures) > 3 else ""
        super().__init__(
            f"pictures of {measured} are also trained on, by their content: {named}{more}. "
            "Take them out of one of the two."
        )


class LossNotFinite(TrainingError):
    """The loss or its gradient became NaN or infinite; what was kept before stands."""

    def __init__(self, epoch: int, step: int, run: Path) -> None:
        self.epoch, self.step, self.run = epoch, step, run
        super().__init__(
            f"the loss or its gradient is not a number in epoch {epoch}, step {step}. The last "
            f"good checkpoint stands in {run}; begin again with a smaller `--rate`, or with "
            "`--precision fp32`."
        )


class ResumeDiffers(TrainingError):
    """A run is to be taken up with other settings or other data."""

    def __init__(self, run: Path, differences: Mapping[str, tuple[object, object]]) -> None:
        self.run, self.differences = run, dict(differences)
        told = "; ".join(
            f"{name}: {old} then, {new} now" for name, (old, new) in differences.items()
        )
        super().__init__(
            f"{run} was begun otherwise ({told}). Give the same settings and data, or begin "
            "anew with `--restart`."
        )


class RunInTheWay(TrainingError):
    """The folders named hold something else than the command needs."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path, self.detail = path, detail
        super().__init__(f"{path} {detail}.")


class ModelGotWorse(TrainingError):
    """No mixture of the trained model and its start is better; nothing was replaced."""

    def __init__(self, out: Path, detail: str) -> None:
        self.out, self.detail = out, detail
        super().__init__(
            f"{out} was not written: {detail}. Train otherwise, or write it all the same with "
            "`--resume --force`."
        )
