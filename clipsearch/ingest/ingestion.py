"""Takes folders of pictures into a catalogue: scan, read, embed, commit, drop what is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from clipsearch.catalogue import Catalogue, Pending, Survey, transaction, writing
from clipsearch.errors import PathMissing
from clipsearch.images import DecodePool, Scan
from clipsearch.ingest.batches import BatchWriter, Read, embed_batch, in_batches
from clipsearch.ingest.caption_ingestion import CaptionIngestion
from clipsearch.ingest.report import IngestOptions, IngestReport, OnProgress, Progress
from clipsearch.ingest.rules import rules_of
from clipsearch.ingest.vanished import count_moves, drop_vanished, suspicious_folders
from clipsearch.towers import TowerPair
from clipsearch.values import FoundFile, FoundSidecar, Skip

SCAN_CHUNK = 1_000


def ingest_folders(
    catalogue: Catalogue,
    tower: TowerPair,
    roots: Sequence[Path],
    options: IngestOptions,
    on_progress: OnProgress,
) -> IngestReport:
    """Bring the catalogue up to what lies under `roots` (absolute paths).

    Finished batches stay whatever happens; running it again goes on where it stopped. The
    caller holds the collection's writer lock.
    """
    started = time.monotonic()
    report = IngestReport()
    with catalogue.writer() as connection:
        run = _Ingestion(connection, tower, options, report, on_progress)
        run.scan(roots)
        run.embed_pending()
        run.settle(roots)
    report.seconds = time.monotonic() - started
    return report


def refuse_missing(
    roots: Iterable[Path], options: IngestOptions, knows: Callable[[Path], bool]
) -> None:
    """Raise PathMissing for a root that does not exist, unless what it held is to be dropped."""
    for root in roots:
        if not root.exists() and not (knows(root) and options.prune):
            raise PathMissing(root, known=knows(root))


class _Ingestion:
    """One run over some roots; each step leaves the catalogue whole."""

    def __init__(
        self,
        connection: Connection,
        tower: TowerPair,
        options: IngestOptions,
        report: IngestReport,
        on_progress: OnProgress,
    ) -> None:
        self._connection = connection
        self._tower = tower
        self._options = options
        self._report = report
        self._tell = on_progress
        self._survey = Survey(connection)
        self._writer = BatchWriter(connection, report)
        self._captions = CaptionIngestion(connection, options, report, on_progress)
        self._missing: list[Path] = []
        self._scan_skips: list[Skip] = []
        self._left_out_before: set[Skip] = set()
        self._unlistable: list[Path] = []
        self._failed = 0

    def scan(self, roots: Sequence[Path]) -> None:
        """Find the files under the roots and remember the roots."""
        self._left_out_before = set(self._left_out(roots))
        for root in roots:
            if not root.exists():
                self._missing.append(root)
                continue
            rules = rules_of(self._connection, root, self._options)
            scan = Scan(root, rules)
            self._note_files(iter(scan))
            self._report.symlinks += scan.symlinks
            self._report.raws += scan.raws
            self._unlistable += scan.unlistable
            with transaction(self._connection):
                writing.remember_root(self._connection, root, rules.exclude, hidden=rules.hidden)
                for mount in scan.mounts:
                    writing.remember_mount(self._connection, mount)

    def embed_pending(self) -> None:
        """Read, embed and commit what is new or changed."""
        total = self._survey.count_pending()
        self._captions.begin(self._options.captions, pictures_change=total > 0)
        self._report.unchanged = self._survey.count_unchanged()
        self._progress(0, total)
        done = 0
        with closing(self._reads()) as reads:
            for batch in in_batches(reads, self._options.batch):
                self._writer.commit(embed_batch(batch, self._tower))
                done += len(batch)
                self._failed += sum(isinstance(read.outcome, Skip) for read in batch)
                self._progress(done, total)

    def settle(self, roots: Sequence[Path]) -> None:
        """Drop what is gone, keep what only seems to be, read captions, finish the report."""
        report = self._report
        emptied = suspicious_folders(self._connection, self._survey, roots)
        spared = list(self._unlistable)
        if not self._options.prune:
            spared += self._missing + emptied
        lost = drop_vanished(self._connection, self._survey, roots, spared)
        count_moves(report, self._writer.appeared, lost)
        self._captions.read(roots, spared)
        self._record_scan_skips()
        report.missing = tuple(self._missing)
        report.emptied = tuple(folder for folder in emptied if folder not in self._missing)
        report.unlistable = tuple(self._unlistable)
        report.failed = self._left_out(roots)
        before = self._left_out_before
        report.newly_failed = tuple(skip for skip in report.failed if skip not in before)
        if self._options.prune:
            with transaction(self._connection):
                writing.forget_roots(self._connection, self._missing)

    def _left_out(self, roots: Sequence[Path]) -> tuple[Skip, ...]:
        skips = (skip for root in roots for skip in self._survey.skips_beneath(root))
        return tuple(dict.fromkeys(skips))

    def _reads(self) -> Generator[Read, None, None]:
        waiting: dict[Path, Pending] = {}

        def requests() -> Iterator[tuple[FoundFile, Sequence[bytes]]]:
            for pending in self._survey.pending():
                waiting[pending.file.path] = pending
                yield pending.file, pending.fingerprints

        options = self._options
        with DecodePool(self._tower.preprocessing, options.limits, options.workers) as pool:
            for outcome in pool.decode(requests()):
                yield Read(waiting.pop(outcome.path), outcome)

    def _note_files(self, found: Iterator[FoundFile | FoundSidecar | Skip]) -> None:
        while part := list(islice(found, SCAN_CHUNK)):
            self._survey.add(item for item in part if isinstance(item, FoundFile))
            self._captions.note(item for item in part if isinstance(item, FoundSidecar))
            self._scan_skips += [item for item in part if isinstance(item, Skip)]
            self._tell(Progress("finding files", self._survey.count(), None))

    def _record_scan_skips(self) -> None:
        with transaction(self._connection):
            for skip in self._scan_skips:
                writing.put_skip(self._connection, skip, None)

    def _progress(self, done: int, total: int) -> None:
        self._tell(Progress("embedding", done, total, self._failed))
