"""Embeds the captions that wait for it with the collection's text tower, and indexes them.

A caption waits from the transaction that wrote it until that of its batch here; whatever stops
the work, the next that writes the collection goes on.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from clipsearch.catalogue import Catalogue, Indexed, caption_rows, transaction
from clipsearch.errors import UnreadableScript
from clipsearch.ingest.publishing import bring_index_up
from clipsearch.ingest.report import OnProgress, Progress, silent
from clipsearch.towers import TowerPair, check_readable, usable
from clipsearch.values import Embeddings

BATCH = 256


def bring_captions_up(
    catalogue: Catalogue,
    folder: Path,
    tower: TowerPair,
    on_progress: OnProgress = silent,
    tail: int = 0,
) -> None:
    """Embed what waits, and make the captions' index anew if more than `tail` captions changed.

    The caller holds the collection's writer lock.
    """
    embed_captions(catalogue, tower, on_progress)
    bring_index_up(catalogue, folder, Indexed.CAPTIONS, tail)


def embed_captions(catalogue: Catalogue, tower: TowerPair, on_progress: OnProgress) -> None:
    """Embed every caption that has no embedding yet, a transaction a batch."""
    with catalogue.writer() as connection:
        total = caption_rows.count_unembedded(connection)
        done = 0
        while done < total:
            on_progress(Progress("embedding captions", done, total))
            done += _embed_batch(connection, tower)


def _embed_batch(connection: Connection, tower: TowerPair) -> int:
    waiting = caption_rows.unembedded(connection, BATCH)
    # an album may say the same of all its pictures
    texts = dict.fromkeys(text for _, text in waiting if _readable(text, tower))
    embedded = _embedded(list(texts), tower)
    with transaction(connection):
        ids = [caption_id for caption_id, _ in waiting]
        caption_rows.put_embeddings(connection, ids, [embedded.get(text) for _, text in waiting])
    return len(waiting)


def _embedded(texts: list[str], tower: TowerPair) -> dict[str, Embeddings]:
    """The embedding [dim] of each text that has a usable one."""
    if not texts:
        return {}
    rows = tower.embed_texts(texts)
    return {text: row for text, row, fine in zip(texts, rows, usable(rows), strict=True) if fine}


def _readable(text: str, tower: TowerPair) -> bool:
    try:
        check_readable(text, tower)
    except UnreadableScript:
        return False
    return bool(text.strip())
