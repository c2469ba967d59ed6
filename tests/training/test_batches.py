"""What a batch holds."""

import numpy as np

from clipsearch.training.batches import Draw


def test_a_picture_stands_at_most_once_in_a_batch_and_in_an_epoch() -> None:
    draw = Draw(captions_of=(5,) * 100, views=3, size=32)
    seen: list[int] = []
    for batch in draw.epoch(np.random.default_rng(0)):
        assert len(set(batch.pictures.tolist())) == len(batch.pictures)
        seen.extend(batch.pictures.tolist())
    assert len(set(seen)) == len(seen)


def test_captions_and_views_stay_inside_what_a_picture_has() -> None:
    draw = Draw(captions_of=(1, 2, 3, 4), views=2, size=4)
    for seed in range(50):
        for batch in draw.epoch(np.random.default_rng(seed)):
            assert (batch.captions < np.array(draw.captions_of)[batch.pictures]).all()
            assert (batch.views < 2).all()


def test_a_small_rest_is_left_out_and_a_large_one_is_a_batch() -> None:
    assert Draw((1,) * 70, 1, 32).batches_an_epoch() == 2
    assert Draw((1,) * 90, 1, 32).batches_an_epoch() == 3
    assert Draw((1,) * 5, 1, 32).batches_an_epoch() == 1


def test_the_same_seed_draws_the_same() -> None:
    draw = Draw((5,) * 20, 2, 8)
    first, second = (list(draw.epoch(np.random.default_rng(7))) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.pictures.tolist() == other.pictures.tolist()
        assert one.captions.tolist() == other.captions.tolist()
