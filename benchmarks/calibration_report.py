"""The table, the ROC and the calibration curve of `benchmarks/calibration.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from clipsearch.calibration import MATCHED

BINS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What was told of a folder's queries: probabilities, cosines and truth [queries, hits]."""

    folder: str
    tower: str
    probability: NDArray[np.float64]
    cosine: NDArray[np.float64]
    right: NDArray[np.bool_]
    present: NDArray[np.bool_]

    @property
    def weight(self) -> NDArray[np.float64]:
        """Of each query [queries]: present and absent nouns count the same."""
        absent = ~self.present
        return np.where(self.present, 0.5 / max(1, self.present.sum()), 0.5 / max(1, absent.sum()))


def roc(
    scores: NDArray[np.float64], present: NDArray[np.bool_], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Absent and present queries at or above each score, in shares, and the area beneath.

    Weighed, since large folders hold more nouns and give greater cosines: unweighed, the size
    of the folder alone would seem to tell present from absent.
    """
    order = np.argsort(-scores)
    last = np.append(np.diff(scores[order]) != 0, True)
    shares = []
    for kind in (~present, present):
        heavy = np.where(kind, weight, 0.0)[order].cumsum()[last]
        shares.append(np.concatenate([[0.0], heavy / max(heavy[-1], 1e-12)]))
    return shares[0], shares[1], float(np.trapezoid(shares[1], shares[0]))


def calibration(told: Sequence[Told]) -> tuple[float, list[tuple[float, float, float]]]:
    """Expected calibration error over all hits, and of each bin what was told, true, its weight.

    Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning" (2015).
    """
    probability = np.concatenate([each.probability.ravel() for each in told])
    right = np.concatenate([each.right.ravel() for each in told])
    weight = np.concatenate([np.repeat(each.weight, each.right.shape[1]) for each in told])
    bins = []
    for low in np.arange(BINS) / BINS:
        inside = (probability >= low) & (probability < low + 1 / BINS + (low == 1 - 1 / BINS))
        if (heavy := float(weight[inside].sum())) > 0:
            mean = float(np.average(probability[inside], weights=weight[inside]))
            bins.append((mean, float(np.average(right[inside], weights=weight[inside])), heavy))
    total = sum(heavy for *_, heavy in bins)
    return sum(abs(told - true) * heavy for told, true, heavy in bins) / total, bins


def pooled(told: Sequence[Told]) -> tuple[NDArray[np.float64], ...]:
    """Of every query of all folders: best probability, best cosine, whether there, weight."""
    return (
        np.concatenate([each.probability.max(axis=1) for each in told]),
        np.concatenate([each.cosine.max(axis=1) for each in told]),
        np.concatenate([each.present for each in told]),
        np.concatenate([each.weight for each in told]),
    )


def print_thresholds(told: Sequence[Told]) -> None:
    """What each threshold would have done to the queries that fitted the constants."""
    probability, _, present, weight = pooled(told)
    there = present.astype(bool)
    for threshold in np.arange(0.1, 0.6, 0.05):
        silent = probability < threshold
        absent = np.average(silent[~there], weights=weight[~there])
        lost = np.average(silent[there], weights=weight[there])
        print(f"below {threshold:.2f}: {absent:.0%} of the absent, {lost:.0%} of the present")


def print_report(told: Sequence[Told]) -> None:
    """A row for each folder and tower, and one for each tower over all folders."""
    table = Table(title="Does anything match? Half the nouns, pictures that fitted nothing")
    for column in (
        *("tower", "folder", "present", "absent", "ROC area", "of the cosine", "ECE"),
        *("absent: nothing", "present: nothing", "of these wrong at 10"),
    ):
        table.add_column(column)
    for tower in dict.fromkeys(each.tower for each in told):
        own = [each for each in told if each.tower == tower]
        for folder in dict.fromkeys(each.folder for each in own):
            table.add_row(*figures(tower, folder, [e for e in own if e.folder == folder]))
        table.add_row(*figures(tower, "all", own), end_section=True)
    Console(width=160).print(table)


def figures(tower: str, folder: str, told: Sequence[Told]) -> list[str]:
    """One row of the table."""
    probability, cosine, present, weight = pooled(told)
    there, silent = present.astype(bool), probability < MATCHED
    wrong = ~np.concatenate([each.right.any(axis=1) for each in told])
    missed = silent & there
    return [
        tower.rsplit("/", 1)[-1],
        folder,
        f"{there.sum()}",
        f"{(~there).sum()}",
        f"{roc(probability, there, weight)[-1]:.3f}",
        f"{roc(cosine, there, weight)[-1]:.3f}",
        f"{calibration(told)[0]:.3f}",
        f"{np.average(silent[~there], weights=weight[~there]):.0%}",
        f"{np.average(silent[there], weights=weight[there]):.0%}",
        f"{wrong[missed].mean():.0%}" if missed.any() else "-",
    ]


def draw(told: Sequence[Told], out: Path) -> None:
    """Write calibration-roc.png and calibration-curve.png."""
    from matplotlib.figure import Figure

    of_roc_page, of_curve_page = (Figure(figsize=(5, 5), dpi=80) for _ in range(2))
    of_roc, of_curve = of_roc_page.subplots(), of_curve_page.subplots()
    for tower in dict.fromkeys(each.tower for each in told):
        own, name = [each for each in told if each.tower == tower], tower.rsplit("/", 1)[-1]
        probability, cosine, present, weight = pooled(own)
        for scores, line, what in ((probability, "-", "probability"), (cosine, ":", "cosine")):
            false, true, area = roc(scores, present.astype(bool), weight)
            of_roc.plot(false, true, line, label=f"{name}, {what}: {area:.2f}")
        error, bins = calibration(own)
        label = f"{name}: error {error:.3f}"
        of_curve.plot([b[0] for b in bins], [b[1] for b in bins], "o-", label=label)
    of_curve.plot([0, 1], [0, 1], "k:", linewidth=1)
    of_roc.set(xlabel="absent nouns that match", ylabel="present nouns that match")
    of_curve.set(xlabel="told probability of a hit", ylabel="hits that match")
    for figure, axes, name in ((of_roc_page, of_roc, "roc"), (of_curve_page, of_curve, "curve")):
        axes.legend(loc="best", fontsize=8)
        axes.grid(alpha=0.3)
        figure.tight_layout()
        figure.savefig(out / f"calibration-{name}.png")
