"""Which images a query may find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clipsearch.catalogue import Catalogue, reading
from clipsearch.values import Ids


@dataclass(frozen=True, slots=True)
class Filter:
    """Restricts a query, exactly: never fewer hits than exist among what is allowed.

    `ids` are image ids, `under` are files or folders; an image must satisfy each that is given.
    """

    ids: Sequence[int] | None = None
    under: Sequence[Path] | None = None

    def allowed(self, catalogue: Catalogue) -> Ids | None:
        """The allowed ids in ascending order; None when everything is allowed."""
        allowed: Ids | None = None
        if self.ids is not None:
            allowed = np.unique(np.asarray(list(self.ids), dtype=np.int64))
        if self.under is not None:
            with catalogue.reader() as connection:
                beneath = reading.ids_of_files(connection, map(Path.absolute, self.under))
            allowed = beneath if allowed is None else np.intersect1d(allowed, beneath)
        return allowed


EVERYTHING = Filter()
