"""The likelihood of a given text is the product of the likelihoods of its tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipsearch.captioning import Captioner
from clipsearch.captioning.beams import LENGTH_POWER
from clipsearch.captioning.graphs import Floats, Ints, Said, Seen, joined
from clipsearch.captioning.hypotheses import END, START
from clipsearch.captioning.likelihood import AT_ONCE, log_likelihoods
from clipsearch.images import decode_picture

A, B = 3, 4


class Bigrams:
    """The next word depends on the word before, and B is likelier by each picture's own factor."""

    def begin(self, seen: Seen, captions: int) -> Said:
        empty = np.zeros((1, captions, 1, 0, 1), np.float32)
        return Said(empty, empty)

    def step(self, tokens: Ints, said: Said, seen: Seen) -> tuple[Floats, Said]:
        assert len(tokens) == seen.keys.shape[1]
        assert tokens.size == said.keys.shape[1]
        share = np.full((*tokens.shape, 5), 0.01, np.float32)
        share[tokens == START] = [0, 0, 0, 0.5, 0.1]
        share[tokens == A] = [0, 0.5, 0, 0, 0.1]
        share[tokens == B] = [0, 0.25, 0, 0.5, 0]
        share[..., B] *= seen.keys[0, :, 0, 0, 0][:, np.newaxis]
        return np.log(share + 1e-12), said


def pictures(*factors: float) -> Seen:
    keys = np.array(factors, np.float32).reshape(1, -1, 1, 1, 1)
    return Seen(keys, keys)


def test_texts_of_any_length_stand_side_by_side() -> None:
    texts = [(A, END), (B, A, END), (B, END), (A,), (A, B, A)]
    found = np.exp(log_likelihoods(Bigrams(), pictures(1, 2), texts))
    assert found == pytest.approx(
        np.array([[0.25, 0.025, 0.025, 0.5, 0.025], [0.25, 0.05, 0.05, 0.5, 0.05]])
    )


def test_more_than_are_followed_at_once_are_followed_in_turn() -> None:
    many = [(A, END), (B, END)] * AT_ONCE
    by_texts = log_likelihoods(Bigrams(), pictures(1), many)
    by_pictures = log_likelihoods(Bigrams(), pictures(*[1.0, 3.0] * AT_ONCE), [(B, END)])
    assert np.exp(by_texts[0, -2:]) == pytest.approx([0.25, 0.025])
    assert np.exp(by_pictures[-2:, 0]) == pytest.approx([0.025, 0.075])


def test_the_built_in_captioner_finds_its_own_caption_as_likely_as_when_it_said_it(
    photographs: Path,
) -> None:
    captioner = Captioner(threads=1)
    captioner.folder = replace(captioner.folder, classes=None)  # which it does not say by itself
    names = ("astronaut.png", "chelsea.png")
    pixels = np.stack(
        [decode_picture(photographs / name, captioner.preprocessing).pixels for name in names]
    )
    weighed = captioner.weighed(pixels)
    texts = [captioner.tokens(text) for text, _ in weighed]
    found = captioner.log_likelihoods(captioner.look_at(pixels), texts)
    for at, (_, (mean, *_)) in enumerate(weighed):
        assert found[at, at] == pytest.approx(mean * len(texts[at]), abs=1e-2)
    lengths = np.array([len(each) for each in texts]) ** LENGTH_POWER
    assert (found / lengths).argmax(axis=1).tolist() == [0, 1]


def test_pictures_side_by_side_are_as_alone(photographs: Path) -> None:
    captioner = Captioner(threads=1)
    pixels = decode_picture(photographs / "coffee.png", captioner.preprocessing).pixels
    both = np.stack([pixels, np.zeros_like(pixels)])
    texts = [captioner.tokens(text) for text in ("a cup", "a dog is running through the grass")]
    alone = [captioner.look_at(each[np.newaxis]) for each in both]
    together = captioner.log_likelihoods(captioner.look_at(both), texts)
    apart = captioner.log_likelihoods(joined(alone), texts[:1])
    assert together[:, :1] == pytest.approx(apart, abs=1e-3)


def test_a_text_longer_than_it_has_learned_to_say_is_refused(photographs: Path) -> None:
    captioner = Captioner(threads=1)
    black = np.zeros((1, *(captioner.preprocessing.height, captioner.preprocessing.width), 3), "u1")
    with pytest.raises(ValueError, match="tokens"):
        captioner.log_likelihoods(captioner.look_at(black), [captioner.tokens("a dog " * 40)])
