"""Puts in many images at once, with embeddings that were made elsewhere.

Each function works inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update

from clipsearch.catalogue import reading, writing
from clipsearch.catalogue.rows import embedding_bytes, image_row
from clipsearch.catalogue.schema import captions, embeddings, images
from clipsearch.values import Caption, Embeddings, FoundFile, ImageInfo


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image from elsewhere with its embedding [d] and all that is said of it.

    `files` hold it now; `kept` says that it stays without any. `caption_embedding` [d] is that
    of the first caption that is no list of keywords.
    """

    info: ImageInfo
    embedding: Embeddings
    files: Sequence[FoundFile] = ()
    captions: Sequence[Caption] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    kept: bool = False
    caption_embedding: Embeddings | None = None


def put_images(connection: Connection, batch: Sequence[NewImage]) -> int:
    """Put in images; a content that stands already keeps its id, its embedding and its captions.

    It gains the files, captions and metadata. Returns how many contents were new.
    """
    known = _known(connection, [image.info.fingerprint for image in batch])
    fresh: dict[bytes, NewImage] = {}
    for image in batch:
        if image.info.fingerprint not in known:
            fresh.setdefault(image.info.fingerprint, image)
    first = reading.last_image_id(connection) + 1
    ids = {fingerprint: first + place for place, fingerprint in enumerate(fresh)}
    _insert(connection, [(ids[fingerprint], image) for fingerprint, image in fresh.items()])
    ids |= known
    for image in batch:
        image_id = ids[image.info.fingerprint]
        if fresh.get(image.info.fingerprint) is not image:
            _add_to(connection, image_id, image)
        for file in image.files:
            writing.put_file(connection, file, image_id)
    return len(fresh)


def _known(connection: Connection, fingerprints: list[bytes]) -> dict[bytes, int]:
    query = select(images.c.fingerprint, images.c.id).where(images.c.fingerprint.in_(fingerprints))
    return {row.fingerprint: row.id for row in connection.execute(query)}


def _insert(connection: Connection, numbered: list[tuple[int, NewImage]]) -> None:
    if not numbered:
        return
    image_rows = [
        {"id": image_id, "kept": int(image.kept), **image_row(image.info, image.metadata)}
        for image_id, image in numbered
    ]
    embedding_rows = [
        {"image_id": image_id, "embedding": embedding_bytes(image.embedding)}
        for image_id, image in numbered
    ]
    caption_rows = [row for image_id, image in numbered for row in _captions(image_id, image)]
    connection.execute(insert(images), image_rows)
    connection.execute(insert(embeddings), embedding_rows)
    if caption_rows:
        connection.execute(insert(captions), caption_rows)


def _captions(image_id: int, image: NewImage) -> Iterator[dict[str, Any]]:
    embedded = _embedded_caption(image)
    for caption in dict.fromkeys(image.captions):
        yield {
            "image_id": image_id,
            **asdict(caption),
            "embedding": embedded[1] if embedded and caption == embedded[0] else None,
        }


def _add_to(connection: Connection, image_id: int, image: NewImage) -> None:
    """Add to an image that stands what is said of it here."""
    writing.add_captions(connection, image_id, image.captions)
    if embedded := _embedded_caption(image):
        caption, embedding = embedded
        connection.execute(
            update(captions)
            .where(captions.c.image_id == image_id, captions.c.text == caption.text)
            .where(captions.c.embedding.is_(None), captions.c.kind == "caption")
            .values(embedding=embedding)
        )
    if image.kept:
        writing.keep_image(connection, image_id, image.metadata)


def _embedded_caption(image: NewImage) -> tuple[Caption, bytes] | None:
    """The first caption with its embedding, as the catalogue keeps it."""
    first = next((caption for caption in image.captions if caption.kind == "caption"), None)
    if first is None or image.caption_embedding is None:
        return None
    return first, embedding_bytes(image.caption_embedding)
