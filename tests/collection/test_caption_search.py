"""Images found by their captions: by the nearest one, exactly, whatever stands beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers

from clipsearch import Addition, Caption, Collection, MigrationOptions
from clipsearch.catalogue import Catalogue, Indexed, transaction, writing
from clipsearch.catalogue.caption_rows import count_unembedded, put_embeddings, unembedded
from clipsearch.search.caption_search import CaptionSearcher, NearestCaptions
from clipsearch.values import ImageInfo

TOWERS = ColourTowers()


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue.create(tmp_path, TOWERS.identity) as made:
        yield made


def described(catalogue: Catalogue, *texts: Sequence[str]) -> None:
    """Put in an image for each list of captions, all black, and embed the captions."""
    black = TOWERS.embed_texts(["black"])[0]
    with catalogue.writer() as connection, transaction(connection):
        for number, own in enumerate(texts, 1):
            info = ImageInfo(number.to_bytes(32, "big"), "PNG", 1, 1, 1)
            image_id = writing.insert_image(connection, info, black)
            writing.add_captions(connection, image_id, [Caption(text) for text in own])
        waiting = unembedded(connection, 10_000)
        rows = TOWERS.embed_texts([text for _, text in waiting])
        put_embeddings(connection, [caption_id for caption_id, _ in waiting], list(rows))


def nearest(
    catalogue: Catalogue, text: str, k: int, allowed: list[int] | None = None
) -> NearestCaptions:
    ids = None if allowed is None else np.array(allowed, np.int64)
    with catalogue.snapshot() as connection:
        searcher = CaptionSearcher(catalogue, catalogue.path.parent)
        return searcher.nearest(connection, TOWERS.embed_texts([text]), k, ids)


def found(collection: Collection, text: str, tower: ColourTowers = TOWERS) -> list[str]:
    """The nearest captions of all images, in their order."""
    with Catalogue.open(collection.folder) as catalogue, catalogue.snapshot() as connection:
        searcher = CaptionSearcher(catalogue, collection.folder)
        ids = searcher.nearest(connection, tower.embed_texts([text]), 100, None).caption_ids
        query = "SELECT text FROM captions WHERE id = ?"
        return [str(connection.exec_driver_sql(query, (each,)).scalar()) for each in ids.tolist()]


def add(collection: Collection, *texts: str) -> list[int]:
    """Add a picture for each caption."""
    start = len(collection) if collection.exists else 0
    pictures = [np.full((4, 4, 3), start + number, np.uint8) for number in range(len(texts))]
    return [
        image.id
        for image in collection.add(
            Addition(picture, [Caption(text)])
            for picture, text in zip(pictures, texts, strict=True)
        )
    ]


def test_an_image_counts_with_its_nearest_caption(catalogue: Catalogue) -> None:
    described(catalogue, ["blue", "red"], ["red green"], ["green"])
    hits = nearest(catalogue, "red", 2)
    assert hits.image_ids.tolist() == [1, 2]
    assert hits.caption_ids.tolist() == [2, 3]
    assert hits.scores == pytest.approx([1.0, np.sqrt(0.5)])


def test_equal_captions_stand_in_the_order_of_their_images(catalogue: Catalogue) -> None:
    described(catalogue, ["green"], ["red"], ["red", "red"], ["red"])
    assert nearest(catalogue, "red", 3).image_ids.tolist() == [2, 3, 4]


def test_a_filter_leaves_no_fewer_images_than_it_allows(catalogue: Catalogue) -> None:
    described(catalogue, *[["red"]] * 40, ["green"], ["blue", "green"])
    assert nearest(catalogue, "red", 5, [41, 42]).image_ids.tolist() == [41, 42]


def test_an_image_with_many_captions_leaves_room_for_others(catalogue: Catalogue) -> None:
    described(catalogue, [f"red {number}" for number in range(1_000)], ["green"])
    assert nearest(catalogue, "red", 2).image_ids.tolist() == [1, 2]


def test_a_caption_that_the_tower_cannot_read_is_not_found(catalogue: Catalogue) -> None:
    described(catalogue, ["red"])
    with catalogue.writer() as connection, transaction(connection):
        put_embeddings(connection, [1], [None])
    assert len(nearest(catalogue, "red", 5)) == 0


def test_a_collection_without_captions_has_none_to_find(catalogue: Catalogue) -> None:
    assert len(nearest(catalogue, "red", 5)) == 0


def test_fewer_than_one_image_cannot_be_asked_for(catalogue: Catalogue) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        nearest(catalogue, "red", 0)


def test_captions_added_by_a_program_are_found_at_once(collection: Collection) -> None:
    (image_id,) = add(collection, "red")
    collection.add_captions(image_id, [Caption("blue", "generated:x")])
    assert found(collection, "blue") == ["blue"]


def test_an_index_that_lags_finds_what_is_newer_and_hides_what_is_gone(
    collection: Collection,
) -> None:
    gone, *_ = add(collection, "red", "red green")
    collection.rebuild()
    add(collection, "red blue white")
    collection.remove(ids=[gone])
    with Catalogue.open(collection.folder) as catalogue:
        named = catalogue.generation(Indexed.CAPTIONS)
    assert named is not None
    assert named.number == 1
    assert found(collection, "red") == ["red green", "red blue white"]


def test_an_index_answers_as_a_scan_does(collection: Collection) -> None:
    colours = ["red", "green", "blue", "white", "black", "yellow"]
    texts = [f"{a} {b} {c}" for a in colours for b in colours for c in colours]
    add(collection, *texts)
    scanned = found(collection, "red red green")
    collection.rebuild()
    assert found(collection, "red red green") == scanned


def test_another_tower_embeds_all_captions_anew(collection: Collection) -> None:
    add(collection, "red", "green")
    collection.rebuild()
    pictures = [np.full((4, 4, 3), number, np.uint8) for number in range(2)]
    new = ColourTowers("new", side=16)
    options = MigrationOptions(supply=lambda image: pictures[image.id - 1])
    collection.migrate(new, options)
    assert found(collection, "green", new)[0] == "green"


def test_a_caption_in_letters_that_the_tower_cannot_read_waits_for_another_tower(
    collection: Collection,
) -> None:
    add(collection, "красный")
    assert found(collection, "red") == []
    with Catalogue.open(collection.folder) as catalogue, catalogue.reader() as connection:
        assert count_unembedded(connection) == 0
