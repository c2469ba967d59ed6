"""A collection of pictures: the face that programs and the command line use."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from clipsearch.catalogue import Catalogue, Indexed, reading, transaction, words, writing
from clipsearch.collection_reader import CollectionReader
from clipsearch.duplicates import (
    DuplicateOptions,
    Duplicates,
    Step,
    find_duplicates,
    is_sketched,
    sketch_missing,
)
from clipsearch.durable import TEMPORARY, named_disk_errors, sweep
from clipsearch.errors import NoRoots, NothingReadable, PathMissing
from clipsearch.indexes import Recipe
from clipsearch.ingest import (
    BATCH,
    CHECKED_AT_MOST,
    Addition,
    IngestOptions,
    IngestReport,
    MigrationOptions,
    MigrationReport,
    OnProgress,
    Place,
    Progress,
    abandon,
    add_pictures,
    bring_background_up,
    bring_captions_up,
    bring_index_up,
    check_on_additions,
    check_on_first_files,
    ingest_folders,
    migrate,
    note_precision_held,
    precision_held,
    rebuild_indexes,
    refuse_bad_tables,
    refuse_missing,
    rules_of,
    silent,
)
from clipsearch.lock import only_writer
from clipsearch.migration_errors import TowerReplaced
from clipsearch.paths import Paths, paths_of, root_of, spellings
from clipsearch.tower_choice import TowerChoice, refuse_other_tower, said_tower
from clipsearch.towers import TowerMemory, TowerPair, embedding_once
from clipsearch.values import Caption, Image, Removed, Skip, TowerIdentity

if TYPE_CHECKING:
    from clipsearch.exchange import ImportOptions, ImportReport, OnRows
    from clipsearch.watching import OnEvent, WatchOptions

# Captions that come one by one are scanned at each query until so many make an index worth it.
CAPTION_TAIL = 1_000

if TYPE_CHECKING:
    from clipsearch.caption_writing import CaptionWriter
    from clipsearch.captioning import CaptionOptions, CaptionReport


def unheard(_done: int, _total: int) -> None:
    """Nobody listens."""


class Collection(CollectionReader):
    """Pictures that can be found by words or by a picture.

    A collection begins at its first write; reading one that has none raises CollectionMissing.
    Reading is safe from several threads; a second writer raises CollectionHeld after
    `wait_seconds`.

    >>> from clipsearch import Collection
    >>> with Collection("holidays") as holidays:
    ...     report = holidays.ingest([photographs])
    ...     hits = holidays.query("a cat", k=3)
    >>> hits[0].path.name
    'chelsea.png'
    """

    def ingest(
        self,
        roots: Paths = (),
        options: IngestOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> IngestReport:
        """Bring the collection up to the pictures under `roots` (default: all known roots).

        New and changed files are embedded, vanished ones under the roots dropped. Stopping it
        at any moment costs at most one batch. Raises PathMissing, NoRoots, NothingReadable,
        CollectionHeld, CaptionsUnreadable, PrecisionRefused.
        """
        options = options or IngestOptions()
        tables = paths_of(options.captions, "captions")
        options = replace(options, captions=tuple(map(root_of, tables)))
        refuse_bad_tables(options.captions)
        asked = [root_of(root) for root in paths_of(roots, "roots")]
        refuse_missing(asked, options, self.knows)
        if not self.exists and not asked:
            raise NoRoots(self.name)
        started = time.monotonic()
        checked = self._check_precision(asked, options, on_progress)
        spent = time.monotonic() - started
        with self._writing() as catalogue:
            note_precision_held(catalogue, checked)
            asked = asked or self._known_roots(catalogue)
            report = ingest_folders(catalogue, self.tower, asked, options, on_progress)
            report.seconds += spent
            on_progress(Progress("indexing", 0, None))
            bring_index_up(catalogue, self.folder)
            bring_captions_up(catalogue, self.folder, self.tower, on_progress)
            bring_background_up(catalogue, embedding_once(self.tower, self.home))
            self.tower.prepare()
        away = report.missing or report.emptied  # what they hold is known, and may come back
        if report.failed and not report.readable and not away:
            raise NothingReadable(asked, report.failed, self.name)
        return report

    def watch(
        self,
        roots: Paths = (),
        options: WatchOptions | None = None,
        on_event: OnEvent = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        """Keep the collection up to `roots` (default: all known roots) until `stop` is set.

        Folders that are away are waited for. The collection is held while something is taken
        in, and at no other time. Raises NoRoots, ExtraMissing, and what `ingest` raises.
        """
        from clipsearch.watching import Place, Watch, WatchOptions, check_watchfiles

        options = options or WatchOptions()
        if options.poll is None:
            check_watchfiles()
        asked = [root_of(root) for root in paths_of(roots, "roots")]
        if not asked and not self.exists:
            raise NoRoots(self.name)
        asked = asked or self._known_roots(self._open())

        def take_in(changed: Sequence[Path]) -> IngestReport:
            try:
                return self.ingest(changed, options.ingest)
            except TowerReplaced:
                self._forget_tower()
                return self.ingest(changed, options.ingest)
            finally:
                self.close()

        Watch(Place(take_in, self.home), asked, options, on_event).run(stop or threading.Event())

    def add(self, additions: Iterable[Addition]) -> list[Image]:
        """Take in pictures that are not files, with captions and metadata.

        They stay until `remove`. A picture that stands already keeps its id. A lower
        precision that was not held against fp32 yet is so on the first batch of additions:
        PrecisionRefused before anything is written.
        """
        first: list[Addition] = []
        rest, checked = iter(additions), 0
        if (reference := self._precision_reference()) is not None:
            first = list(islice(rest, BATCH))
            checked = check_on_additions(first, self.tower, reference)
        with self._writing() as catalogue:
            note_precision_held(catalogue, checked)
            ids = add_pictures(catalogue, self.tower, chain(first, rest))
            bring_index_up(catalogue, self.folder)
            bring_captions_up(catalogue, self.folder, self.tower, tail=CAPTION_TAIL)
            bring_background_up(catalogue, embedding_once(self.tower, self.home))
        found = self.images(ids)
        return [found[image_id] for image_id in ids]

    def import_embeddings(
        self, folder: Path, options: ImportOptions | None = None, on_rows: OnRows = unheard
    ) -> ImportReport:
        """Take in embeddings that another program made, as clip-retrieval keeps them.

        All of them or none: the folder is looked over before anything is written, and its rows
        are written in one transaction. Raises ExchangeUnreadable, EmbeddingsRefused,
        TowerUnnamed, TowerMismatch, ExtraMissing, CollectionHeld.
        """
        from clipsearch.exchange import ImportOptions, check_rows, import_rows, take_inventory

        options, folder = options or ImportOptions(), folder.absolute()
        inventory = take_inventory(folder)
        identity = said_tower(folder, inventory.dim, options.tower, self.home)
        if self.exists:
            refuse_other_tower(self.name, self._open().tower(), identity)
        check_rows(inventory, normalise=options.normalise)
        with self._writing(identity) as catalogue:
            refuse_other_tower(self.name, catalogue.tower(), identity)
            with catalogue.writer() as connection:
                report = import_rows(connection, inventory, options, on_rows)
            bring_index_up(catalogue, self.folder)
        return report

    def add_captions(self, image_id: int, captions: Sequence[Caption]) -> None:
        """Add captions to an image, and embed them. Raises KeyError for an id that is not there."""
        self.image(image_id)
        with self._writing() as catalogue:
            with catalogue.writer() as connection, transaction(connection):
                writing.add_captions(connection, image_id, captions)
            bring_captions_up(catalogue, self.folder, self.tower, tail=CAPTION_TAIL)

    def caption_images(
        self,
        captioner: CaptionWriter,
        options: CaptionOptions | None = None,
        under: Paths = (),
        on_progress: OnProgress = silent,
        *,
        anew: bool = False,
    ) -> CaptionReport:
        """Give each image (of those `under` some paths) a caption, if it has none of this kind.

        With `anew` one of this kind is replaced. Captions by people and of other sources stay.
        Stopping it costs at most one batch; the next call goes on. Raises CollectionMissing,
        CollectionHeld, DecodingUnavailable.
        """
        from clipsearch.captioning import CaptionOptions, caption_catalogue  # no query pays for it

        catalogue = self._open()
        among = None
        if under:
            with catalogue.reader() as connection:
                places = [root_of(path) for path in paths_of(under, "under")]
                among = set(reading.ids_of_files(connection, places))

        def hear(done: int, total: int, failed: int) -> None:
            on_progress(Progress("captioning", done, total, failed))

        with self._writing() as held:
            wanted = options or CaptionOptions()
            report = caption_catalogue(held, captioner, wanted, among, hear, anew=anew)
            bring_captions_up(held, self.folder, self.tower, on_progress)
        return report

    def remove(self, ids: Sequence[int] = (), under: Paths = ()) -> Removed:
        """Take images out by id and by file or folder; files on disk stay.

        Roots and tables of captions there are forgotten, too. What lies under a root that is
        still known comes back at its next `ingest`.
        """
        places = [place for path in paths_of(under, "under") for place in spellings(path)]
        self._open()
        with self._writing() as catalogue:
            with catalogue.writer() as connection, transaction(connection):
                gone = writing.remove(connection, ids, places)
            bring_index_up(catalogue, self.folder)
            bring_index_up(catalogue, self.folder, Indexed.CAPTIONS, CAPTION_TAIL)
            bring_background_up(catalogue)
        return gone

    def duplicates(
        self, options: DuplicateOptions | None = None, on_progress: OnProgress = silent
    ) -> Duplicates:
        """Files that show the same: exact copies, copies, look-alikes; no file is touched.

        Pictures that have no sketch yet are read first, and their sketches kept: stopping it
        costs at most one batch. Only that needs the writer's lock. Raises CollectionMissing,
        CollectionHeld, PathMissing, GenerationDamaged, DecodingUnavailable.
        """
        options = options or DuplicateOptions()
        under = paths_of(options.under, "under")
        self._open()
        for path in under:
            if not path.exists() and not self.knows(path):
                raise PathMissing(path)
        options = replace(options, under=under)
        unread: list[Skip] = []

        def on_step(step: Step, done: int, total: int | None) -> None:
            on_progress(Progress(step, done, total, len(unread)))

        if not is_sketched(self._open()):
            with self._writing() as catalogue:
                sketch_missing(catalogue, options, unread, on_step)
        found = find_duplicates(self._open(), self._rank().pictures.neighbours, options, on_step)
        every = {skip.path: skip for skip in (*unread, *found.unread)}
        return replace(found, unread=tuple(every[path] for path in sorted(every)))

    def rebuild(self, recipe: Recipe | None = None) -> None:
        """Make the indexes anew from the catalogue, `recipe` that of images; embeds nothing."""
        self._open()
        with self._writing() as catalogue:
            rebuild_indexes(catalogue, self.folder, recipe)
            bring_background_up(catalogue)

    def migrate(
        self,
        tower: TowerPair,
        options: MigrationOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> MigrationReport:
        """Embed every image anew with another tower pair, and go over to it in one step.

        Ids, captions, metadata and folders stay. Queries go on with the old tower until then;
        captions are embedded anew after it.
        Stopping it costs at most one batch; the next call goes on. Raises CollectionMissing,
        CollectionHeld, MigrationUnfinished, MigrationIncomplete, SpaceShort, PrecisionRefused.
        """
        self._open()
        with self._writing() as catalogue:
            place = Place(catalogue, self.folder, self.name)
            report = migrate(place, tower, options or MigrationOptions(), on_progress)
            bring_captions_up(catalogue, self.folder, tower, on_progress)
            bring_background_up(catalogue, embedding_once(tower, self.home))
            tower.prepare()
        self._forget_tower()
        self._choice = TowerChoice(tower if self._choice.given is not None else None)
        return report

    def abandon_migration(self) -> TowerIdentity | None:
        """Give up an unfinished migration; returns the tower that it went to, if there was one."""
        self._open()
        with self._writing() as catalogue:
            return abandon(catalogue)

    def delete(self) -> None:
        """Remove the collection with all it holds; files outside its folder stay."""
        self._open()
        with self._writing():
            self.close()
            # renamed first: a crash leaves a whole collection or none
            doomed = self.folder.with_name(f".{self.name}.{os.getpid()}{TEMPORARY}")
            self.folder.rename(doomed)
        shutil.rmtree(doomed)

    @contextmanager
    def _writing(self, tower: TowerIdentity | None = None) -> Iterator[Catalogue]:
        """Hold the collection's lock; the collection begins here if it is new.

        A new one will hold embeddings of `tower` (None: of its own).
        """
        with named_disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with only_writer(self.folder, self.name, self._wait_seconds):
                sweep(self.folder)
                catalogue = self._open() if self.exists else self._begin(tower)
                # it may have waited for a migration, with the old tower in its hand
                if self._tower is not None and self._tower.identity != (now := catalogue.tower()):
                    raise TowerReplaced(self._tower.identity, now)
                yield catalogue
                if self.exists:  # `delete` leaves none
                    with catalogue.writer() as connection:
                        words.bring_up(connection)

    def _begin(self, tower: TowerIdentity | None) -> Catalogue:
        with self._lock:
            self._catalogue = Catalogue.create(self.folder, tower or self.tower.identity)
            return self._catalogue

    def _precision_reference(self) -> TowerPair | None:
        """The towers to hold a lower precision against; None at fp32, and once it held."""
        if self.exists and precision_held(self._open()):
            return None
        if TowerMemory(self.home, self.tower.identity).precision_held:
            return None
        return self._choice.reference(self.tower, self.home)

    def _check_precision(
        self, asked: Sequence[Path], options: IngestOptions, on_progress: OnProgress
    ) -> int:
        """Refuse a precision that does not find what fp32 finds among the first pictures.

        Before anything is written. Returns how many pictures were compared.
        """
        if (reference := self._precision_reference()) is None:
            return 0
        on_progress(Progress("checking the precision", 0, None))
        roots = asked or self._known_roots(self._open())
        there = [root for root in roots if root.exists()]
        with self._open().reader() if self.exists else nullcontext() as connection:
            rules = {root: rules_of(connection, root, options) for root in there}
        standing = self.name if self.exists else None
        checked = check_on_first_files(rules, options, self.tower, reference, standing)
        if checked == CHECKED_AT_MOST:  # of fewer pictures the next collection asks its own
            TowerMemory(self.home, self.tower.identity).note_precision_held(checked)
        return checked

    def _known_roots(self, catalogue: Catalogue) -> list[Path]:
        with catalogue.reader() as connection:
            roots = reading.known_roots(connection, "given")
        if not roots:
            raise NoRoots(self.name)
        return roots
