"""What a run writes down: two CSV files, TensorBoard's events, and curves as a picture."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, float]

STEPS, EPOCHS = "steps.csv", "epochs.csv"
CURVES = "curves.png"


class Logs:
    """The logs of a run folder; rows of epochs that are trained again are dropped first."""

    def __init__(self, folder: Path, begun: int) -> None:
        self.folder = folder
        for name in (STEPS, EPOCHS):
            _drop_later_rows(folder / name, begun)
        self._events = _events_of(folder / "tensorboard")

    def step(self, row: Row) -> None:
        """Write a row about a step: `epoch`, `step` (of the run), `loss`, `rate`..."""
        _append(self.folder / STEPS, row)
        self._tell("step", row, int(row["step"]))

    def epoch(self, row: Row) -> None:
        """Write a row about an epoch: `epoch`, `loss`, and the measures on dev."""
        _append(self.folder / EPOCHS, row)
        self._tell("epoch", row, int(row["epoch"]))

    def close(self) -> None:
        """Write what TensorBoard still holds back."""
        if self._events is not None:
            self._events.close()

    def _tell(self, kind: str, row: Row, at: int) -> None:
        if self._events is not None:
            for name, value in row.items():
                if name not in ("epoch", "step") and not math.isnan(value):
                    self._events.add_scalar(f"{kind}/{name}", value, at)


def read_rows(path: Path) -> list[dict[str, float]]:
    """The rows of a log, none if there is no such file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def draw_curves(folder: Path) -> Path | None:
    """Draw loss and recall over the run as PNG; None where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    steps, epochs = read_rows(folder / STEPS), read_rows(folder / EPOCHS)
    figure = Figure(figsize=(11, 4.2), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([row["step"] for row in steps], [row["loss"] for row in steps], lw=0.8, alpha=0.5)
    ends = [max(row["step"] for row in steps if row["epoch"] == each["epoch"]) for each in epochs
            if any(row["epoch"] == each["epoch"] for row in steps)]  # fmt: skip
    means = [row["loss"] for row in epochs if row["epoch"] >= 1]
    left.plot(ends, means, "o-", color="C0", label="mean of an epoch")
    left.set(xlabel="step", ylabel="loss", title="Loss on train")
    left.legend()
    _plot_recall(right, epochs)
    target = folder / CURVES
    figure.savefig(target)
    return target


def _plot_recall(axes: Any, epochs: Sequence[Row]) -> None:
    for way, style in (("text_to_image", "-"), ("image_to_text", "--")):
        for depth, colour in ((1, "C3"), (5, "C1"), (10, "C2")):
            values = [row[f"{way}_{depth}"] for row in epochs]
            label = f"{way.replace('_', ' ')} R@{depth}"
            axes.plot(
                [row["epoch"] for row in epochs],
                values,
                style,
                marker=".",
                color=colour,
                label=label,
            )
    axes.set(xlabel="epoch (0: before)", ylabel="%", ylim=(0, 100), title="R@K (hit@k) on dev")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _events_of(folder: Path) -> Any:
    """TensorBoard's writer, or None where tensorboard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def _append(path: Path, row: Row) -> None:
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow({name: _shown(value) for name, value in row.items()})


def _shown(value: float) -> str:
    return f"{value:.7g}"


def _drop_later_rows(path: Path, begun: int) -> None:
    """Keep the rows of finished epochs (numbers up to `begun`)."""
    rows = [row for row in read_rows(path) if row["epoch"] <= begun]
    path.unlink(missing_ok=True)
    for row in rows:
        _append(path, row)
