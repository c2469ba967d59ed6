"""What `clipsearch eval` was asked, and the data and towers that it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

import clipsearch
from clipsearch.cli.captioners import Chosen
from clipsearch.cli.options import Shown

if TYPE_CHECKING:
    from clipsearch.captions import CaptionedSet
    from clipsearch.values import Precision


@dataclass(frozen=True, slots=True)
class Request:
    """DATA or a collection, the models, how captions are written and results are shown, and the
    other options as they were `given`."""

    data: Path | None
    collection: str | None
    models: tuple[str, ...]
    chosen: Chosen
    shown: Shown
    given: Mapping[str, Any]

    def refuse_others(self, task: str, most_models: int, *, most_precisions: int) -> None:
        """Refuse what cannot be asked together with a task. Raises UsageError."""
        if len(self.given["tasks"]) > 1 or len(self.models) > most_models:
            how = "and measures no tower" if not most_models else "of one --model at most"
            raise click.UsageError(f"--task {task} is asked alone, {how}.")
        if len(self.given["precisions"]) > most_precisions:
            how = "one --precision at most" if most_precisions else "no --precision"
            raise click.UsageError(f"--task {task} takes {how}.")

    def captioned(self) -> CaptionedSet:
        """Read DATA, or the pictures of the collection with the embeddings that it has.

        Raises UsageError unless one of the two was given, and for a precision of a collection's
        own tower.
        """
        from clipsearch.captions import read_captioned

        if (self.data is None) == (self.collection is None):
            raise click.UsageError("give DATA, or a collection with --collection NAME.")
        if self.collection is not None and self.given["precisions"] and not self.models:
            raise click.UsageError(
                "a collection is measured at the precision that it has; "
                "--precision needs --model with it."
            )
        if self.data is not None:
            found = read_captioned(self.data, self.given["split"], self.given["root"])
        else:
            found = _held(self.collection or "")
        return replace(found, pictures=found.pictures[: self.given["limit"]])

    def towers(self) -> list[clipsearch.TowerPair]:
        """Those named, at each precision; else the collection's own, or the built-in one."""
        precisions: tuple[Precision | Literal["auto"], ...] = self.given["precisions"]
        if self.models or self.collection is None:
            return [
                clipsearch.Embedder(model, options=clipsearch.TowerOptions(precision)).tower
                for model in self.models or ("builtin",)
                for precision in precisions or ("auto",)
            ]
        with clipsearch.Collection(self.collection) as held:  # at the precision that it has
            return [held.tower]


def _held(name: str) -> CaptionedSet:
    """The pictures of a collection, with their embeddings."""
    from clipsearch.captions import searched_images

    with clipsearch.Collection(name) as collection:
        known = {
            image_id: row
            for ids, rows in collection.embeddings()
            for image_id, row in zip(ids.tolist(), rows, strict=True)
        }
        return searched_images(name, collection, known, collection.tower.identity)
