"""Beam search and sampling, on a language that is written down."""

from __future__ import annotations

import numpy as np
import pytest

from clipsearch.caption_writing import Manner
from clipsearch.captioning.beams import ended_beams, search_beams
from clipsearch.captioning.graphs import Floats, Ints, Said, Seen
from clipsearch.captioning.hypotheses import END, START, repeating
from clipsearch.captioning.sampling import sample

A, B, C = 3, 4, 5
WORDS = 6
ONE = Seen(np.zeros((1, 1, 1, 1, 1), np.float32), np.zeros((1, 1, 1, 1, 1), np.float32))
TWO = ONE.of(np.array([0, 0]))


class Grammar:
    """The next word depends on the word before alone: probabilities by word."""

    def __init__(self, table: dict[int, dict[int, float]]) -> None:
        self.table = np.full((WORDS, WORDS), 1e-9, np.float32)
        for word, following in table.items():
            for token, share in following.items():
                self.table[word, token] = share

    def begin(self, seen: Seen, captions: int) -> Said:
        empty = np.zeros((1, captions, 1, 0, 1), np.float32)
        return Said(empty, empty)

    def step(self, tokens: Ints, said: Said, seen: Seen) -> tuple[Floats, Said]:
        assert said.keys.shape[1] == tokens.size
        assert seen.keys.shape[1] == len(tokens)
        return np.log(self.table[tokens]), said


# Greedily A comes first, but the best whole sentence is B.
GARDEN_PATH = Grammar(
    {START: {A: 0.6, B: 0.4}, A: {C: 0.5, END: 0.5}, B: {END: 1.0}, C: {END: 0.1}}
)
CIRCLE = Grammar({START: {A: 1.0}, A: {B: 0.9, END: 0.1}, B: {A: 0.9, END: 0.1}})


def test_beams_find_what_a_greedy_search_misses() -> None:
    (greedy,) = search_beams(GARDEN_PATH, ONE, 1, 5)
    (best,) = search_beams(GARDEN_PATH, ONE, 3, 5)
    assert greedy.tokens[0] == A
    assert best.tokens == (B,)
    assert best.total == pytest.approx(np.log(0.4))


def test_the_captions_that_ended_come_best_first() -> None:
    (found,) = ended_beams(GARDEN_PATH, ONE, 3, 5)
    assert [each.tokens for each in found[:3]] == [(B,), (A,), (A, C)]


def test_every_picture_has_its_own_caption() -> None:
    found = search_beams(GARDEN_PATH, TWO, 3, 5)
    assert [each.tokens for each in found] == [(B,), (B,)]


def test_no_run_of_three_words_is_said_twice() -> None:
    (found,) = search_beams(CIRCLE, ONE, 2, 12)
    runs = [found.tokens[at : at + 3] for at in range(len(found.tokens) - 2)]
    assert len(runs) == len(set(runs))
    assert repeating((A, B, C, A, B)) == {B, C}


def test_at_the_longest_every_caption_ends() -> None:
    endless = Grammar({START: {A: 1.0}, A: {B: 1.0}, B: {C: 1.0}, C: {B: 0.5, A: 0.5}})
    (found,) = search_beams(endless, ONE, 1, 4)
    assert len(found.tokens) == 4


def test_a_small_nucleus_takes_the_likeliest_word() -> None:
    (drawn,) = sample(GARDEN_PATH, ONE, 0.01, 5, np.random.default_rng(0))
    assert drawn.tokens[0] == A


def test_words_outside_the_nucleus_are_never_drawn() -> None:
    grammar = Grammar({START: {A: 0.5, B: 0.45, C: 0.05}, A: {END: 1}, B: {END: 1}, C: {END: 1}})
    drawn = {
        sample(grammar, ONE, 0.9, 3, np.random.default_rng(seed))[0].tokens for seed in range(60)
    }
    assert drawn == {(A,), (B,)}


@pytest.mark.parametrize("given", [{"beams": 0}, {"nucleus": 0.0}, {"nucleus": 1.5}])
def test_what_no_search_can_follow_is_a_mistake(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not"):
        Manner(**given)  # type: ignore[arg-type]
