"""Finds images by their words: captions, keywords, names of files and folders, by BM25.

The table `words` has a row an image and is derived: triggers note in `words_stale` whose row has
to be written anew, so that nothing is lost whoever wrote, and whenever it died.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clipsearch.catalogue.connections import Reading, transaction
from clipsearch.catalogue.rows import path_from
from clipsearch.catalogue.terms import name_words, spaced
from clipsearch.values import Ids

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHUNK = 5_000
WEIGHTS = {"captions": 1.0, "generated": 0.1, "keywords": 1.0, "names": 0.5}
"""What a word counts in each column: a model's captions and mere names less than people's words."""
WHOLE_GENERATED = 0.5
"""What it counts that a model says all the words: of a name, more than a word among others."""

_MATCHING = (
    f"SELECT rowid, -bm25(words, {', '.join(map(str, WEIGHTS.values()))}) AS bm25 "
    "FROM words WHERE words MATCH ? ORDER BY rowid"
)
_IDS = "SELECT rowid FROM words WHERE words MATCH ?"
_COUNT = "SELECT count(*) FROM words_docsize"
_BY_PEOPLE = " ".join(column for column in WEIGHTS if column != "generated")
_IN = "IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True, eq=False)
class MatchedWords:
    """Images that have some of the words: int64 [n] ascending, float32 [n], float32 [n].

    `whole` is 0 unless the image has all the words; then it is the logarithm of how rare that
    is, log(1 + images / images that have all), and half of it where a model says some of them.
    """

    ids: Ids
    bm25: NDArray[np.float32]
    whole: NDArray[np.float32]

    @classmethod
    def nothing(cls) -> MatchedWords:
        """No image."""
        return cls(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32))


def bring_up(connection: Connection) -> int:
    """Write the rows that are stale, a transaction a chunk; returns how many images had one."""
    brought = 0
    while True:
        with transaction(connection):
            done = _bring_chunk_up(connection)
        if not done:
            return brought
        brought += done


def matching(connection: Reading, sought: Mapping[str, str], allowed: Ids | None) -> MatchedWords:
    """All images that have any of the words (`terms.terms`), and how well they fit.

    BM25 is SQLite's (https://www.sqlite.org/fts5.html#the_bm25_function).
    """
    if not sought:
        return MatchedWords.nothing()
    rows = connection.exec_driver_sql(_MATCHING, (" OR ".join(sought.values()),)).all()
    ids = np.array([row[0] for row in rows], np.int64)
    bm25 = np.array([row[1] for row in rows], np.float32)
    whole = np.zeros(len(ids), np.float32)
    every = " AND ".join(sought.values())
    said_by_anyone, said_by_people = (
        np.array(connection.exec_driver_sql(_IDS, (asked,)).scalars().all(), np.int64)
        for asked in (every, f"{{{_BY_PEOPLE}}} : ({every})")
    )
    if len(said_by_anyone):
        count = int(connection.exec_driver_sql(_COUNT).scalar_one())
        rarity = math.log1p(count / len(said_by_anyone))
        whole[np.isin(ids, said_by_anyone)] = WHOLE_GENERATED * rarity
        whole[np.isin(ids, said_by_people)] = rarity
    if allowed is not None:
        kept = np.isin(ids, allowed)
        ids, bm25, whole = ids[kept], bm25[kept], whole[kept]
    return MatchedWords(ids, bm25, whole)


def matched_words(
    connection: Reading, sought: Mapping[str, str], ids: Sequence[int]
) -> dict[int, tuple[str, ...]]:
    """Which of the words each of those images has, as the query spells them."""
    found: dict[int, list[str]] = {}
    asked = json.dumps([int(image_id) for image_id in ids])
    query = f"{_IDS} AND rowid {_IN}"
    for word, phrase in sought.items():
        for (image_id,) in connection.exec_driver_sql(query, (phrase, asked)):
            found.setdefault(image_id, []).append(word)
    return {image_id: tuple(words) for image_id, words in found.items()}


def _bring_chunk_up(connection: Connection) -> int:
    query = f"SELECT image_id FROM words_stale ORDER BY image_id LIMIT {CHUNK}"
    stale = connection.exec_driver_sql(query).scalars().all()
    if not stale:
        return 0
    ids = json.dumps(list(stale))
    rows = _rows(connection, ids)
    connection.exec_driver_sql(f"DELETE FROM words WHERE rowid {_IN}", (ids,))
    if rows:
        columns = ", ".join(WEIGHTS)
        insert = f"INSERT INTO words (rowid, {columns}) VALUES (?, ?, ?, ?, ?)"
        connection.exec_driver_sql(insert, rows)
    connection.exec_driver_sql(f"DELETE FROM words_stale WHERE image_id {_IN}", (ids,))
    return len(stale)


def _rows(connection: Reading, ids: str) -> list[tuple[Any, ...]]:
    """What the table is to say of those images that have any words."""
    texts: dict[int, dict[str, list[str]]] = {}
    captions = f"SELECT image_id, text, source, kind FROM captions WHERE image_id {_IN} ORDER BY id"
    for image_id, text, source, kind in connection.exec_driver_sql(captions, (ids,)):
        column = "generated" if source.startswith("generated") else "captions"
        column = "keywords" if kind == "keywords" else column
        texts.setdefault(image_id, {}).setdefault(column, []).append(spaced(text))
    given = "SELECT path FROM roots WHERE kind = 'given'"
    roots = [path_from(path) for path in connection.exec_driver_sql(given).scalars()]
    files = f"SELECT image_id, path FROM files WHERE image_id {_IN} ORDER BY path"
    for image_id, path in connection.exec_driver_sql(files, (ids,)):
        words = name_words(path_from(path), roots)
        texts.setdefault(image_id, {}).setdefault("names", []).append(words)
    return [
        (image_id, *("\n".join(own.get(column, ())) for column in WEIGHTS))
        for image_id, own in texts.items()
    ]
