"""Images found by their captions: by the nearest one, exactly, whatever stands beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers

from clipsearch.catalogue import Catalogue, transaction, writing
from clipsearch.catalogue.caption_rows import put_embeddings, unembedded
from clipsearch.search.caption_search import CaptionSearcher, NearestCaptions
from clipsearch.values import Caption, ImageInfo

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


def test_an_image_counts_with_its_nearest_caption(catalogue: Catalogue) -> None:
    described(catalogue, ["blue", "red"], ["red green"], ["green"])
    found = nearest(catalogue, "red", 2)
    assert found.image_ids.tolist() == [1, 2]
    assert found.caption_ids.tolist() == [2, 3]
    assert found.scores == pytest.approx([1.0, np.sqrt(0.5)])


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
