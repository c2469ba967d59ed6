"""What `verify` finds in a collection whose embeddings were damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from clipsearch import Collection
from clipsearch.catalogue import FILE_NAME
from clipsearch.errors import CatalogueDamaged

Paint = Callable[[str, str], Path]


def embedding_bytes(collection: Collection, image_id: int) -> bytes:
    return collection.embedding(image_id).astype("<f4").tobytes()


def overwrite(
    collection: Collection, image_id: int, blob: bytes, table: str = "embeddings"
) -> None:
    """Put other bytes in the place of an embedding, behind the catalogue's back."""
    collection.close()
    with closing(sqlite3.connect(collection.folder / FILE_NAME)) as connection:
        query = f"UPDATE {table} SET embedding = ? WHERE image_id = ?"
        assert connection.execute(query, (blob, image_id)).rowcount == 1
        connection.commit()


@pytest.fixture
def three(collection: Collection, pictures: Path, paint: Paint) -> Collection:
    for colour in ("red", "green", "blue"):
        paint(f"{colour}.png", colour)
    collection.ingest([pictures])
    assert collection.verify().whole
    return collection


def test_bytes_overwritten_within_an_embedding_are_found(three: Collection) -> None:
    blob = embedding_bytes(three, 2)
    overwrite(three, 2, blob[:8] + b"\xa5" * 16 + blob[24:])
    (fault,) = three.verify().faults
    assert "1 image has a damaged embedding" in fault
    assert "remove --id 2`" in fault
    assert "index its file again" in fault


@pytest.mark.parametrize("blob", [b"", b"\0" * 31, b"\0" * 33])
def test_an_embedding_of_another_length_is_found(blob: bytes, three: Collection) -> None:
    overwrite(three, 3, blob)
    (fault,) = three.verify().faults
    assert "remove --id 3`" in fault
    with pytest.raises(CatalogueDamaged, match="not 32 bytes long"):
        three.query("red")


def test_an_embedding_that_the_index_was_not_made_from_is_found(three: Collection) -> None:
    overwrite(three, 1, np.eye(8, dtype="<f4")[7].tobytes())
    overwrite(three, 3, b"\xff" * 32)
    (fault,) = three.verify().faults
    assert "2 images have damaged embeddings" in fault
    assert "remove --id 1 --id 3`" in fault


def test_the_way_out_that_verify_names_mends_the_collection(three: Collection) -> None:
    overwrite(three, 2, b"\0" * 31)
    three.remove(ids=[2])
    assert three.ingest().added == 1
    assert three.verify().whole
    assert three.query("green", k=1)[0].image.id == 4


@pytest.mark.parametrize("blob", [np.eye(8, dtype="<f4")[7].tobytes(), b"\xff" * 32])
def test_a_caption_whose_embedding_the_index_was_not_made_from_is_found(
    blob: bytes, three: Collection, pictures: Path
) -> None:
    (pictures / "green.txt").write_text("red")
    three.ingest()
    assert three.verify().whole
    overwrite(three, 2, blob, "captions")
    (fault,) = three.verify().faults
    assert "1 caption has a damaged embedding" in fault
    assert "remove --id 2`" in fault
    three.remove(ids=[2])
    three.ingest()
    assert three.verify().whole
