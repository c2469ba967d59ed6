"""Shows how far a training is, on stderr: a line redrawn on a terminal, else one an epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from clipsearch.cli.exits import say

if TYPE_CHECKING:
    from clipsearch.training.tuning.loop import Progress

Hear = Callable[["Progress"], None]


def shown_training(*, quiet: bool) -> AbstractContextManager[Hear]:
    """A listener that shows progress as stderr can show it."""
    if quiet:
        return nullcontext(lambda _: None)
    return _line() if sys.stderr.isatty() else nullcontext(_say_epoch)


def scores_told(scores: Mapping[str, float]) -> str:
    """R@1, R@5 and R@10 both ways in one line."""
    ways = (("text to image", "text_to_image"), ("image to text", "image_to_text"))
    told = (
        f"{name} " + " / ".join(f"{scores[f'{way}_{k}']:.1f}" for k in (1, 5, 10))
        for name, way in ways
    )
    return ", ".join(told)


def _say_epoch(progress: Progress) -> None:
    if progress.scores is not None:
        say(_epoch(progress))


def _epoch(progress: Progress) -> str:
    left_out = f", {progress.left_out} left out" if progress.left_out else ""
    scores = scores_told(progress.scores or {})
    return (
        f"epoch {progress.epoch} of {progress.epochs}: loss {progress.loss:.4f}, "
        f"R@1 / 5 / 10 on dev: {scores}{left_out}"
    )


@contextmanager
def _line() -> Iterator[Hear]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[left_out]}", style="red"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("train", total=None, epoch="1", told="", left_out="")

        def hear(progress: Progress) -> None:
            if progress.scores is not None:
                bar.console.print(_epoch(progress), highlight=False, soft_wrap=True)
                return
            bar.update(
                task,
                total=progress.epochs * progress.steps,
                completed=(progress.epoch - 1) * progress.steps + progress.step,
                epoch=f"{progress.epoch}/{progress.epochs}",
                told=f"loss {progress.loss:.4f}, {progress.images_per_second:.1f} images/s",
                left_out=f"{progress.left_out} left out" if progress.left_out else "",
            )

        yield hear
