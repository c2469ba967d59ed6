"""What to look for under a root: what is asked for now, else what was asked for before."""

from __future__ import annotations

from pathlib import Path

from clipsearch.catalogue import Reading, reading
from clipsearch.images import ScanRules
from clipsearch.ingest.report import IngestOptions


def rules_of(connection: Reading | None, root: Path, options: IngestOptions) -> ScanRules:
    """The rules of a root, where the options are silent those that it had.

    A collection that does not exist yet has no connection, and remembers nothing.
    """
    exclude, hidden = options.exclude, options.hidden
    if connection is None:
        return ScanRules(exclude=exclude or (), hidden=bool(hidden))
    return ScanRules(
        exclude=reading.exclusions(connection, root) if exclude is None else exclude,
        hidden=reading.hidden_names(connection, root) if hidden is None else hidden,
    )
