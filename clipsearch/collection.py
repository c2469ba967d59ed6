"""A collection of pictures: the face that programs and the command line use."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from types import TracebackType

import numpy as np

from clipsearch.catalogue import FILE_NAME, Catalogue, reading, transaction, writing
from clipsearch.durable import TEMPORARY, named_disk_errors, sweep
from clipsearch.embedder import Embedder
from clipsearch.errors import CollectionMissing, NoRoots, NothingReadable
from clipsearch.images import Picture
from clipsearch.indexes import Recipe
from clipsearch.ingest import (
    BATCH,
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
    bring_index_up,
    check_on_additions,
    check_on_first_files,
    ingest_folders,
    migrate,
    note_precision_held,
    precision_held,
    publish_generation,
    refuse_missing,
    rules_of,
    silent,
)
from clipsearch.lock import only_writer
from clipsearch.migration_errors import TowerReplaced
from clipsearch.search import Direction, Likeness, Query, Searcher, Words, query_embedding
from clipsearch.settings import DEFAULT_COLLECTION, collection_folder, default_home
from clipsearch.status import CollectionStatus, VerifyReport, status_of, verify_collection
from clipsearch.tower_choice import TowerChoice
from clipsearch.towers import TowerOptions, TowerPair
from clipsearch.values import Caption, Embeddings, Hit, Image, Skip, TowerIdentity


class Collection:
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

    def __init__(
        self,
        name: str = DEFAULT_COLLECTION,
        *,
        home: Path | None = None,
        tower: TowerPair | None = None,
        model: str | None = None,
        options: TowerOptions | None = None,
        wait_seconds: float = 0.0,
    ) -> None:
        """Name a collection; nothing is read or written yet.

        `tower` is a tower pair at hand; else `model` names one (default: the collection's own,
        or the built-in one for a new collection). Raises BadCollectionName.
        """
        self.name = name
        self.home = home or default_home()
        self.folder = collection_folder(self.home, name)
        self._choice = TowerChoice(tower, model, options)
        self._wait_seconds = wait_seconds
        self._lock = threading.RLock()
        self._catalogue: Catalogue | None = None
        self._searcher: Searcher | None = None
        self._tower: TowerPair | None = None

    @property
    def exists(self) -> bool:
        """Whether anything was written to it."""
        return (self.folder / FILE_NAME).exists()

    @property
    def tower(self) -> TowerPair:
        """Its tower pair. Raises TowerMismatch if the given one is not what it was made with."""
        with self._lock:
            if self._tower is None:
                self._tower = self._load_tower()
            return self._tower

    def ingest(
        self,
        roots: Sequence[Path] = (),
        options: IngestOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> IngestReport:
        """Bring the collection up to the pictures under `roots` (default: all known roots).

        New and changed files are embedded, vanished ones under the roots dropped. Stopping it
        at any moment costs at most one batch. Raises PathMissing, NoRoots, NothingReadable,
        CollectionHeld, PrecisionRefused.
        """
        options = options or IngestOptions()
        asked = [_root(root) for root in roots]
        refuse_missing(asked, options)
        if not self.exists and not asked:
            raise NoRoots(self.name)
        checked = self._check_precision(asked, options)
        with self._writing() as catalogue:
            note_precision_held(catalogue, checked)
            asked = asked or self._known_roots(catalogue)
            report = ingest_folders(catalogue, self.tower, asked, options, on_progress)
            on_progress(Progress("indexing", 0, None))
            bring_index_up(catalogue, self.folder)
            self.tower.prepare()
        away = report.missing or report.emptied  # what they hold is known, and may come back
        if report.failed and not report.readable and not away:
            raise NothingReadable(asked, report.failed, self.name)
        return report

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
        found = self.images(ids)
        return [found[image_id] for image_id in ids]

    def add_captions(self, image_id: int, captions: Sequence[Caption]) -> None:
        """Add captions to an image. Raises KeyError for an id that is not there."""
        self.image(image_id)
        with (
            self._writing() as catalogue,
            catalogue.writer() as connection,
            transaction(connection),
        ):
            writing.add_captions(connection, image_id, captions)

    def query(self, text: str, k: int = 10) -> list[Hit]:
        """The `k` images that fit the words best, best first."""
        return self.search(Query([Words(text)], k))

    def similar(self, picture: Picture, k: int = 10) -> list[Hit]:
        """The `k` images most like a picture (path, bytes, PIL image, array), best first."""
        return self.search(Query([Likeness(picture)], k))

    def nearest(self, embedding: Embeddings, k: int = 10) -> list[Hit]:
        """The `k` images nearest to an embedding [dim] of its tower, best first."""
        return self.search(Query([Direction(embedding)], k))

    def search(self, query: Query) -> list[Hit]:
        """Answer a query of several parts, with weights, filter and least score.

        Raises CollectionMissing, EmptyQuery, UnreadableScript, UnreadableQueryImage,
        TowerMismatch, GenerationDamaged. A collection that went over to another tower since
        it was opened is asked with that one.
        """
        try:
            hits = self._hits(query)
        except TowerReplaced:
            if any(isinstance(part, Direction) for part in query.parts):
                raise  # an embedding of the old tower says nothing to the new one
            self._forget_tower()
            hits = self._hits(query)
        if query.min_score is None:
            return hits
        return [hit for hit in hits if hit.score >= query.min_score]

    def _hits(self, query: Query) -> list[Hit]:
        searcher, tower = self._search(), self.tower
        if searcher.tower != tower.identity:
            raise TowerReplaced(tower.identity, searcher.tower)
        return searcher.hits(query_embedding(query.parts, tower), query.k, query.where)

    def image(self, image_id: int) -> Image:
        """One image. Raises KeyError for an id that is not there."""
        return self.images([image_id])[image_id]

    def images(self, ids: Sequence[int]) -> dict[int, Image]:
        """The images of those ids that are there."""
        with self._open().reader() as connection:
            return reading.images_of(connection, ids)

    def embedding(self, image_id: int) -> Embeddings:
        """An image's embedding, float32 [dim]. Raises KeyError for an id that is not there."""
        with self._open().snapshot() as connection:
            dim = reading.tower(connection).dim
            _, rows = reading.embeddings_of(connection, [image_id], dim)
        if not len(rows):
            raise KeyError(image_id)
        return np.asarray(rows[0])

    def embeddings(self) -> Iterator[tuple[np.ndarray, Embeddings]]:
        """All ids and embeddings in chunks: int64 [n], float32 [n, dim]."""
        return self._open().embedding_chunks()

    def __iter__(self) -> Iterator[Image]:
        return self._open().images()

    def __len__(self) -> int:
        with self._open().reader() as connection:
            return reading.count_embeddings(connection)

    def skips(self) -> list[Skip]:
        """The images that are left out, with their reasons."""
        with self._open().reader() as connection:
            return reading.all_skips(connection)

    def similarity(self, pictures: Sequence[Picture], texts: Sequence[str]) -> Embeddings:
        """Cosines of every picture with every text: float32 [pictures, texts]."""
        return Embedder(tower=self.tower).similarity(pictures, texts)

    def remove(self, ids: Sequence[int] = (), under: Sequence[Path] = ()) -> int:
        """Take images out by id and by file or folder; files on disk stay.

        Returns how many images went. What lies under a known root comes back at the next
        `ingest` of that root.
        """
        self._open()
        with self._writing() as catalogue:
            with catalogue.writer() as connection, transaction(connection):
                gone = writing.remove(connection, ids, [path.absolute() for path in under])
            bring_index_up(catalogue, self.folder)
        return gone

    def status(self) -> CollectionStatus:
        """How much it holds and how its index stands."""
        return status_of(self._open(), self.name, self.folder)

    def verify(self) -> VerifyReport:
        """Check catalogue and index down to their bytes; nothing is changed."""
        return verify_collection(self._open(), self.folder)

    def rebuild(self, recipe: Recipe | None = None) -> None:
        """Make the index anew from the catalogue; embeds nothing."""
        self._open()
        with self._writing() as catalogue:
            publish_generation(catalogue, self.folder, recipe)

    def migrate(
        self,
        tower: TowerPair,
        options: MigrationOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> MigrationReport:
        """Embed every image anew with another tower pair, and go over to it in one step.

        Ids, captions, metadata and folders stay. Queries go on with the old tower until then.
        Stopping it costs at most one batch; the next call goes on. Raises CollectionMissing,
        CollectionHeld, MigrationUnfinished, MigrationIncomplete, SpaceShort, PrecisionRefused.
        """
        self._open()
        with self._writing() as catalogue:
            place = Place(catalogue, self.folder, self.name)
            report = migrate(place, tower, options or MigrationOptions(), on_progress)
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

    def close(self) -> None:
        """Let go of files; the next call opens them again."""
        with self._lock:
            if self._catalogue is not None:
                self._catalogue.close()
            self._catalogue = self._searcher = None

    def __enter__(self) -> Collection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> Catalogue:
        with self._lock:
            if self._catalogue is None:
                if not self.exists:
                    raise CollectionMissing(self.name, self.home)
                self._catalogue = Catalogue.open(self.folder)
            return self._catalogue

    def _search(self) -> Searcher:
        with self._lock:
            if self._searcher is None:
                self._searcher = Searcher(self._open(), self.folder)
            return self._searcher

    @contextmanager
    def _writing(self) -> Iterator[Catalogue]:
        """Hold the collection's lock; the collection begins here if it is new."""
        with named_disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with only_writer(self.folder, self.name, self._wait_seconds):
                sweep(self.folder)
                catalogue = self._open() if self.exists else self._begin()
                # it may have waited for a migration, with the old tower in its hand
                if self._tower is not None and self._tower.identity != (now := catalogue.tower()):
                    raise TowerReplaced(self._tower.identity, now)
                yield catalogue

    def _forget_tower(self) -> None:
        with self._lock:
            self._tower = self._searcher = None

    def _begin(self) -> Catalogue:
        with self._lock:
            self._catalogue = Catalogue.create(self.folder, self.tower.identity)
            return self._catalogue

    def _precision_reference(self) -> TowerPair | None:
        """The towers to hold a lower precision against; None at fp32, and once it held."""
        if self.exists and precision_held(self._open()):
            return None
        return self._choice.reference(self.tower, self.home)

    def _check_precision(self, asked: Sequence[Path], options: IngestOptions) -> int:
        """Refuse a precision that does not find what fp32 finds among the first pictures.

        Before anything is written. Returns how many pictures were compared.
        """
        if (reference := self._precision_reference()) is None:
            return 0
        if self.exists:
            roots = asked or self._known_roots(self._open())
            with self._open().reader() as connection:
                rules = {root: rules_of(connection, root, options) for root in roots}
        else:
            rules = {root: rules_of(None, root, options) for root in asked}
        found = {root: rule for root, rule in rules.items() if root.exists()}
        return check_on_first_files(found, options, self.tower, reference)

    def _known_roots(self, catalogue: Catalogue) -> list[Path]:
        with catalogue.reader() as connection:
            roots = reading.known_roots(connection, "given")
        if not roots:
            raise NoRoots(self.name)
        return roots

    def _load_tower(self) -> TowerPair:
        if not self.exists:
            return self._choice.begin(self.home)
        return self._choice.go_on(self.name, self._open().tower(), self.home)


def _root(path: Path) -> Path:
    """A root as the catalogue names it: absolute; a link to a file is the file."""
    absolute = path.expanduser().absolute()
    return absolute.resolve() if absolute.is_file() else absolute
