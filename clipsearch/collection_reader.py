"""What a collection can be asked, safe from several threads at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from clipsearch.captioning_errors import RerankRefused
from clipsearch.catalogue import (
    FILE_NAME,
    Catalogue,
    FilterCounts,
    allowed_ids,
    filter_counts,
    reading,
)
from clipsearch.errors import CollectionMissing, UnreadableScript, WrongArgument
from clipsearch.filters import Filter
from clipsearch.images import Picture
from clipsearch.migration_errors import TowerReplaced
from clipsearch.paths import spellings
from clipsearch.search import (
    Asked,
    Direction,
    Likeness,
    Matcher,
    Query,
    Ranker,
    Words,
    asks_for_text,
    candidates,
    query_embedding,
    sought_words,
    texts_of,
)
from clipsearch.settings import DEFAULT_COLLECTION, collection_folder, default_home
from clipsearch.tower_choice import TowerChoice
from clipsearch.towers import TowerOptions, TowerPair
from clipsearch.towers.builtin import is_builtin
from clipsearch.values import Embeddings, Hit, Image, Skip

if TYPE_CHECKING:
    from clipsearch.captioning import Captioner
    from clipsearch.exchange import ExportOptions, ExportReport
    from clipsearch.status import CollectionStatus, VerifyReport


class CollectionReader:
    """The reading half of a `Collection`."""

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
        self._ranker: Ranker | None = None
        self._matcher: Matcher | None = None
        self._tower: TowerPair | None = None
        self._captioner: Captioner | None = None

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

    def __repr__(self) -> str:
        """Name, number of pictures and tower, as far as they can be read."""
        with self._lock:
            was_open = self._catalogue is not None
            try:
                count = len(self)
                pictures = "1 picture" if count == 1 else f"{count:,} pictures"
                told = f"{pictures}, {self._open().tower().name}"
            except CollectionMissing:
                told = "not begun"
            except Exception as error:  # whoever prints it wants to see what it is, whatever it is
                told = f"cannot be read: {type(error).__name__}"
            if not was_open:
                self.close()
        return f"<{type(self).__name__} {self.name!r}: {told}>"

    def query(self, text: str, k: int = 10) -> list[Hit]:
        """The `k` images that fit the words best, best first. Raises WrongArgument for no text."""
        if not isinstance(text, str):
            raise WrongArgument("text", "a text", text)
        return self.search(Query([Words(text)], k))

    def similar(self, picture: Picture, k: int = 10) -> list[Hit]:
        """The `k` images most like a picture (path, bytes, PIL image, array), best first."""
        return self.search(Query([Likeness(picture)], k))

    def nearest(self, embedding: Embeddings, k: int = 10) -> list[Hit]:
        """The `k` images nearest to an embedding [dim] of its tower, best first."""
        return self.search(Query([Direction(embedding)], k))

    def search(self, query: Query) -> list[Hit]:
        """Answer a query of several parts, with weights, filter and least score.

        A text that the tower cannot read finds what has its words; UnreadableScript where nothing
        has. Raises CollectionMissing, EmptyQuery, UnreadableScript, UnreadableQueryImage,
        ProbabilityUnknown, TowerMismatch, GenerationDamaged. A collection that went over to
        another tower since it was opened is asked with that one.
        """
        try:
            return self._hits(query)
        except TowerReplaced:
            if any(isinstance(part, Direction) for part in query.parts):
                raise  # an embedding of the old tower says nothing to the new one
            self._forget_tower()
            return self._hits(query)

    def _hits(self, query: Query) -> list[Hit]:
        ranker, tower = self._rank(), self.tower
        if ranker.tower != tower.identity:
            raise TowerReplaced(tower.identity, ranker.tower)
        matcher = self._judge()
        self._check_rerank(query, tower)
        asked = Asked(
            None,
            sought_words(query.parts),
            query.by if query.by != "fused" or asks_for_text(query.parts) else "pictures",
            max(candidates(query), query.rerank or 0),
            query.min_score,
            matcher.refuses(query.without, tower),
        )
        try:
            embedding = query_embedding(query.parts, tower)
        except UnreadableScript:
            hits = [] if asked.by in ("pictures", "captions") else ranker.hits(asked, query.where)
            if not hits:
                raise
            return hits[: query.k]
        hits = ranker.hits(replace(asked, embedding=embedding), query.where)
        if query.rerank is not None:
            hits = self._reranked(hits, query, query.rerank)[: candidates(query)]
        return matcher.judged(hits, query, embedding, tower)

    def image(self, image_id: int) -> Image:
        """One image. Raises KeyError for an id that is not there."""
        return self.images([image_id])[image_id]

    def images(self, ids: Sequence[int]) -> dict[int, Image]:
        """The images of those ids that are there."""
        with self._open().reader() as connection:
            return reading.images_of(connection, ids)

    def matching(self, where: Filter) -> Iterator[Image]:
        """The images that pass a filter, in the order of ids."""
        catalogue = self._open()
        with catalogue.reader() as connection:
            allowed = allowed_ids(connection, where)
        return iter(self) if allowed is None else catalogue.images(allowed.tolist())

    def filter_counts(self, where: Filter) -> FilterCounts:
        """How many images pass a filter, and how many have no date, place or camera at all."""
        with self._open().snapshot() as connection:
            return filter_counts(connection, where)

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

    def knows(self, path: Path) -> bool:
        """Whether anything at a path or beneath it is known, be it on the disk or not."""
        if not self.exists:
            return False
        with self._open().reader() as connection:
            return any(reading.knows(connection, place) for place in spellings(path))

    def skips(self) -> list[Skip]:
        """The images that are left out, with their reasons."""
        with self._open().reader() as connection:
            return reading.all_skips(connection)

    def similarity(self, pictures: Sequence[Picture], texts: Sequence[str]) -> Embeddings:
        """Cosines of every picture with every text: float32 [pictures, texts]."""
        from clipsearch.embedder import Embedder  # no query needs it

        return Embedder(tower=self.tower).similarity(pictures, texts)

    def status(self) -> CollectionStatus:
        """How much it holds and how its index stands."""
        from clipsearch.status import status_of  # no query needs it

        return status_of(self._open(), self.name, self.folder)

    def verify(self) -> VerifyReport:
        """Check catalogue and index down to their bytes; nothing is changed."""
        from clipsearch.status import verify_collection

        return verify_collection(self._open(), self.folder)

    def export(self, target: Path, options: ExportOptions | None = None) -> ExportReport:
        """Write all embeddings and metadata into a new folder, as clip-retrieval keeps them.

        Whole or not at all, and of one moment. Raises ExportInTheWay, ExtraMissing.
        """
        from clipsearch.exchange import ExportOptions, export_catalogue

        return export_catalogue(self._open(), target.absolute(), options or ExportOptions())

    def close(self) -> None:
        """Let go of files; the next call opens them again."""
        with self._lock:
            if self._catalogue is not None:
                self._catalogue.close()
            self._catalogue = self._ranker = self._matcher = None

    def __enter__(self) -> Self:
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

    def _rank(self) -> Ranker:
        with self._lock:
            if self._ranker is None:
                self._ranker = Ranker(self._open(), self.folder)
            return self._ranker

    def _judge(self) -> Matcher:
        with self._lock:
            if self._matcher is None:
                self._matcher = Matcher(self._open(), self.name)
            return self._matcher

    def _reranked(self, hits: list[Hit], query: Query, first: int) -> list[Hit]:
        """The hits with the first of them in the order that the captioner helps to find."""
        from clipsearch.captioning import Captioner, reranked  # no other query needs it

        with self._lock:
            if self._captioner is None:
                self._captioner = Captioner()
        return [*reranked(hits[:first], texts_of(query.parts), self._captioner), *hits[first:]]

    def _check_rerank(self, query: Query, tower: TowerPair) -> None:
        """Raise RerankRefused for what the captioner cannot rank, ValueError for no candidate."""
        if query.rerank is None:
            return
        if query.rerank < 1:
            raise ValueError(f"at least one hit is ranked again, not {query.rerank}")
        name = tower.identity.name
        if query.by != "fused":
            raise RerankRefused(f"they are ranked by {query.by} alone")
        if not is_builtin(name):
            raise RerankRefused(
                f"the collection's tower is {name!r}, and the captioner was "
                "weighed beside the built-in one"
            )
        if not texts_of(query.parts):
            raise RerankRefused("no text is looked for")

    def _forget_tower(self) -> None:
        with self._lock:
            self._tower = self._ranker = None

    def _load_tower(self) -> TowerPair:
        if not self.exists:
            return self._choice.begin(self.home)
        return self._choice.go_on(self.name, self._open().tower(), self.home)
