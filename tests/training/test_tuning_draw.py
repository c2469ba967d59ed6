"""Batches of fine-tuning."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clipsearch.training.tuning.draw import draw_epoch, parts_of, share_of
from clipsearch.training.tuning.pace import part_of_rate

CAPTIONS = st.lists(st.lists(st.sampled_from("ABCDEFGH"), min_size=1, max_size=3), min_size=1)


@given(captions=CAPTIONS, size=st.integers(2, 9), seed=st.integers(0, 5))
def test_each_picture_is_drawn_once_and_no_caption_twice_in_a_batch(
    captions: list[list[str]], size: int, seed: int
) -> None:
    batches = draw_epoch(captions, size, np.random.default_rng(seed))
    drawn = [each for batch in batches for each in batch]
    assert sorted(each.picture for each in drawn) == list(range(len(captions)))
    assert all(each.caption in captions[each.picture] for each in drawn)
    for batch in batches:
        assert 0 < len(batch) <= size
        assert len({each.caption for each in batch}) == len(batch)


def test_captions_that_differ_in_case_and_blanks_are_one() -> None:
    batches = draw_epoch([["A  dog"], ["a dog "]], 8, np.random.default_rng(0))
    assert [len(batch) for batch in batches] == [1, 1]


def test_the_same_seed_draws_the_same() -> None:
    captions = [[f"{at}", f"other {at}"] for at in range(20)]
    first, again = (draw_epoch(captions, 8, np.random.default_rng(3)) for _ in range(2))
    assert first == again
    assert first != draw_epoch(captions, 8, np.random.default_rng(4))


def test_shares_and_parts_make_up_the_whole_batch() -> None:
    (batch,) = draw_epoch([[f"{at}"] for at in range(7)], 7, np.random.default_rng(0))
    shares = [share_of(batch, rank, 3) for rank in range(3)]
    assert tuple(each for share in shares for each in share) == batch
    assert tuple(each for part in parts_of(batch, 4) for each in part) == batch


def test_the_rate_rises_and_falls_to_nothing() -> None:
    assert part_of_rate(0.0, 0.1) == 0.0
    assert part_of_rate(0.05, 0.1) == 0.5
    assert part_of_rate(0.1, 0.1) == 1.0
    assert part_of_rate(1.0, 0.1) < 1e-9
    assert part_of_rate(0.0, 0.0) == 1.0
