"""hit@k on worked examples."""

import numpy as np
import pytest

from clipsearch.measures import caption_ranks, hit_at, image_ranks, right_class_ranks

IMAGES = np.eye(3, dtype=np.float32)
# Two captions for each of three images; the fourth is nearer to image 0 than to its own.
CAPTIONS = np.array(
    [[1, 0, 0], [0.8, 0.6, 0], [0, 1, 0], [0.8, 0.6, 0], [0, 0, 1], [0, 0.6, 0.8]],
    dtype=np.float32,
)
OWNER = np.array([0, 0, 1, 1, 2, 2], dtype=np.int64)


def test_every_caption_is_a_query_for_its_own_image() -> None:
    ranks = image_ranks(CAPTIONS, IMAGES, OWNER)
    assert ranks.tolist() == [1, 1, 1, 2, 1, 1]
    assert hit_at(1, ranks) == pytest.approx(5 / 6)
    assert hit_at(2, ranks) == 1.0


def test_an_image_is_found_when_the_best_of_its_captions_is() -> None:
    assert caption_ranks(IMAGES, CAPTIONS, OWNER).tolist() == [1, 1, 1]


def test_an_image_whose_captions_all_score_low_stands_behind_the_others() -> None:
    swapped = np.array([1, 1, 0, 2, 2, 2], dtype=np.int64)
    assert caption_ranks(IMAGES, CAPTIONS, swapped).tolist() == [6, 4, 1]


def test_two_classes_of_one_name_are_both_right() -> None:
    classes = np.array([[0, 1, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
    right = np.array([[True, False, True]])
    assert right_class_ranks(IMAGES[1:2], classes, right).tolist() == [1]


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 0.5])
def test_embeddings_that_say_nothing_find_nothing(value: float) -> None:
    images = np.full((3, 3), value, dtype=np.float32)
    captions = np.full((6, 3), value, dtype=np.float32)
    assert hit_at(1, image_ranks(captions, images, OWNER)) == 0.0
    assert hit_at(1, caption_ranks(images, captions, OWNER)) == 0.0


def test_one_image_of_nan_is_never_found_and_hides_no_other() -> None:
    images = IMAGES.copy()
    images[1] = np.nan
    found = image_ranks(CAPTIONS, images, OWNER) == 1
    assert found.tolist() == [True, True, False, False, True, True]


def test_no_queries_have_no_measure() -> None:
    with pytest.raises(ValueError, match="no queries"):
        hit_at(1, np.empty(0, dtype=np.int64))


def test_more_captions_than_fit_at_once_are_ranked_alike() -> None:
    captions, owner = np.tile(CAPTIONS, (400, 1)), np.tile(OWNER, 400)
    assert hit_at(1, image_ranks(captions, IMAGES, owner)) == pytest.approx(5 / 6)
