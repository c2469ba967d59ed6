"""Takes in the captions that lie in files: sidecars beside pictures, and tables.

A file is read when it is new or changed, and when the pictures that it may speak of have changed.
One that cannot be read leaves what it said before as it is, and is tried again by the next run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from clipsearch.captions import (
    GeneratedTexts,
    SidecarText,
    check_table,
    named_captions,
    sidecar_text,
)
from clipsearch.catalogue import caption_files, transaction
from clipsearch.catalogue.caption_files import Changed, Table
from clipsearch.catalogue.sidecar_survey import PendingSidecar, SidecarSurvey
from clipsearch.errors import CaptionsUnreadable, PathMissing
from clipsearch.evaluation_errors import SourceUnreadable
from clipsearch.images import NoXmp, possible_sidecars, read_or_skip, xmp_captions
from clipsearch.ingest.report import IngestOptions, IngestReport, OnProgress, Progress
from clipsearch.ingest.vanished import is_beneath
from clipsearch.values import (
    LONGEST_CAPTION,
    Caption,
    FoundFile,
    FoundSidecar,
    Skip,
    SkipCode,
)

LARGEST_SIDECAR = 1 << 24
ROWS_AT_ONCE = 500


def refuse_bad_tables(tables: Iterable[Path]) -> None:
    """Raise PathMissing or CaptionsUnreadable for what is no table of captions."""
    for table in tables:
        if not table.exists():
            raise PathMissing(table)
        try:
            check_table(table)
        except SourceUnreadable as error:
            raise CaptionsUnreadable(table, error.reason) from error
        except OSError as error:
            raise CaptionsUnreadable(table, (error.strerror or str(error)).lower()) from error


class CaptionIngestion:
    """The captions of one run over some roots; each step leaves the catalogue whole."""

    def __init__(
        self,
        connection: Connection,
        options: IngestOptions,
        report: IngestReport,
        on_progress: OnProgress,
    ) -> None:
        self._connection = connection
        self._options = options
        self._report = report
        self._tell = on_progress
        self._survey = SidecarSurvey(connection)
        self._generated = GeneratedTexts()
        self._failed: list[Skip] = []

    def note(self, sidecars: Iterable[FoundSidecar]) -> None:
        """Note sidecars that the scan found."""
        self._survey.add(sidecars)

    def begin(self, tables: Iterable[Path], *, pictures_change: bool) -> None:
        """Remember tables, and that all are to be read if pictures come in: a crash may follow."""
        with transaction(self._connection):
            for table in tables:
                caption_files.remember_table(self._connection, table)
            if pictures_change:
                caption_files.tables_are_to_be_read(self._connection)

    def read(self, roots: Sequence[Path], spared: Sequence[Path]) -> None:
        """Take in what is new or changed and drop what is gone, save beneath `spared` folders."""
        self._drop_sidecars(roots, spared)
        self._read_sidecars()
        for table in caption_files.tables(self._connection):
            self._bring_table_up(table)
        self._report.captions_failed = tuple(self._failed)

    def _drop_sidecars(self, roots: Sequence[Path], spared: Sequence[Path]) -> None:
        with transaction(self._connection):
            for root in roots:
                gone = self._survey.vanished_beneath(root)
                if root.is_file():
                    gone += self._survey.vanished_among(possible_sidecars(root))
                lost = [path for path in gone if not any(is_beneath(path, each) for each in spared)]
                self._count(caption_files.drop_caption_files(self._connection, lost))

    def _read_sidecars(self) -> None:
        total, done = self._survey.count_pending(), 0
        for chunk in self._survey.pending():
            self._tell(Progress("reading captions", done, total, len(self._failed)))
            with transaction(self._connection):
                for sidecar in chunk:
                    self._read_sidecar(sidecar)
            done += len(chunk)

    def _read_sidecar(self, sidecar: PendingSidecar) -> None:
        said = _said(sidecar.file)
        path = sidecar.file.path
        self._failed += [Skip(path, SkipCode.UNREADABLE, fault) for fault in said.faults]
        if said.faults and not said.captions:
            return
        captions = said.captions
        if path.suffix.lower() == ".txt":
            captions = self._generated.marked(path.parent, captions)
        texts = [(each, caption) for each in sidecar.image_ids for caption in captions]
        self._count(caption_files.put_captions(self._connection, sidecar.file, "sidecar", texts))

    def _bring_table_up(self, table: Table) -> None:
        try:
            found = table.path.stat()
        except OSError as error:
            self._miss_table(table.path, error)
            return
        file = FoundFile(table.path, found.st_size, found.st_mtime_ns)
        if table.holds(file):
            return
        self._tell(Progress("reading captions", 0, None))
        bad: list[Skip] = []
        try:
            with transaction(self._connection):
                texts = self._table_texts(table.path, bad)
                self._count(caption_files.put_captions(self._connection, file, "table", texts))
        except SourceUnreadable as error:
            bad = [Skip(table.path, SkipCode.UNREADABLE, error.reason)]
        except OSError as error:
            bad = [Skip(table.path, SkipCode.UNREADABLE, (error.strerror or str(error)).lower())]
        self._failed += bad

    def _table_texts(self, table: Path, bad: list[Skip]) -> Iterator[tuple[int, Caption]]:
        """The captions of a table with the ids of their images; what has no image is counted."""
        folders = list(dict.fromkeys([table.parent, table.parent.resolve()]))
        unknown: dict[str, None] = {}
        rows = named_captions(table, bad)
        while part := list(islice(rows, ROWS_AT_ONCE)):
            places = {name: [_place(folder, name) for folder in folders] for name, _ in part}
            found = caption_files.images_at(
                self._connection, (path for own in places.values() for path in own)
            )
            for name, caption in part:
                image_id = next((found[path] for path in places[name] if path in found), None)
                if image_id is None:
                    unknown[name] = None
                else:
                    yield image_id, caption
        if unknown:
            reason = f"{len(unknown)} pictures that it names are not in the collection"
            first = next(iter(unknown))
            bad.append(Skip(table, SkipCode.UNREADABLE, f"{reason}, first {first!r}"))

    def _miss_table(self, table: Path, error: OSError) -> None:
        """Drop a table that is gone; its folder may be on a disk that is not mounted."""
        if isinstance(error, FileNotFoundError) and (table.parent.is_dir() or self._options.prune):
            with transaction(self._connection):
                self._count(caption_files.drop_caption_files(self._connection, [table]))
            return
        reason = f"{(error.strerror or str(error)).lower()}; its captions stay"
        self._failed.append(Skip(table, SkipCode.UNREADABLE, reason))

    def _count(self, changed: Changed) -> None:
        self._report.captions_added += changed.added
        self._report.captions_removed += changed.removed


def _said(file: FoundFile) -> SidecarText:
    data = read_or_skip(file, LARGEST_SIDECAR)
    if isinstance(data, Skip):
        return SidecarText(faults=(data.reason,))
    if file.path.suffix.lower() != ".xmp":
        return sidecar_text(file.path.name, data)
    try:
        captions = xmp_captions(data)
    except NoXmp as error:
        return SidecarText(faults=(str(error),))
    good = tuple(caption for caption in captions if len(caption.text) <= LONGEST_CAPTION)
    return SidecarText(good, ("a text of it is too long",) if len(good) < len(captions) else ())


def _place(folder: Path, name: str) -> Path:
    """Where a table's picture lies; it is looked up, never opened."""
    return Path(os.path.normpath(folder / name))
