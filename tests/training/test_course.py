"""Which classes a course teaches."""

import numpy as np

from clipsearch.training.course import Taught


def test_every_tenth_class_is_left_out() -> None:
    taught = Taught.all_but_every(10)
    assert taught.left_out.tolist() == list(range(0, 1000, 10))
    assert len(taught.classes) == 900
    assert not np.isin(taught.left_out, taught.classes).any()


def test_a_whole_course_leaves_nothing_out() -> None:
    assert Taught.all().left_out.size == 0
