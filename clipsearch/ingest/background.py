"""Keeps the collection's background (clipsearch.calibration) in step with its index."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from clipsearch.calibration import (
    background_texts,
    measure_background,
    shipped_embeddings,
    texts_digest,
)
from clipsearch.catalogue import Catalogue, backgrounds, reading, transaction
from clipsearch.catalogue.backgrounds import BackgroundStamp, KeptBackground
from clipsearch.towers import EmbedTexts
from clipsearch.values import Embeddings


def bring_background_up(catalogue: Catalogue, embed_texts: EmbedTexts | None = None) -> bool:
    """Measure the background anew if the index is another than it was measured at.

    Without `embed_texts` only where the texts' embeddings are at hand: kept from the time
    before, or shipped. Returns whether it measured. One pass over the embeddings.
    """
    named, tower = catalogue.generation(), catalogue.tower()
    if named is None:
        return False
    stamp = BackgroundStamp(tower.digest, texts_digest(), named.key)
    with catalogue.reader() as connection:
        if backgrounds.background_stamp(connection) == stamp:
            return False
        kept = backgrounds.kept_background(connection, tower.dim)
        images = reading.count_embeddings(connection)
    texts = _texts(kept, stamp, embed_texts)
    if texts is None:
        return False
    found = measure_background(texts, catalogue.embedding_chunks(), images)
    if found is None:
        return False
    fresh = KeptBackground(stamp, asdict(found.figures), texts, found.sample)
    with catalogue.writer() as writer, transaction(writer):
        backgrounds.keep_background(writer, fresh)
    return True


def _texts(
    kept: KeptBackground | None, stamp: BackgroundStamp, embed_texts: EmbedTexts | None
) -> Embeddings | None:
    """The background texts' embeddings, from where they cost least."""
    if kept is not None and (kept.stamp.tower, kept.stamp.texts) == (stamp.tower, stamp.texts):
        return kept.texts
    shipped = shipped_embeddings(stamp.tower)
    if shipped is not None or embed_texts is None:
        return shipped
    return embed_texts(background_texts()).astype(np.float16).astype(np.float32)
