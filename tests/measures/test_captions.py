"""The measures of captions agree with worked examples and with MS COCO's own scorers."""

from __future__ import annotations

import math
import shutil
from itertools import pairwise

import pytest

from clipsearch.measures.bleu import bleu
from clipsearch.measures.caption_words import caption_words
from clipsearch.measures.captions import caption_scores
from clipsearch.measures.cider import CiderD
from clipsearch.measures.meteor import meteor
from clipsearch.measures.rouge import rouge_l

REFERENCES = [
    ["a cat sits on a mat", "the cat is on the mat", "a cat on a mat"],
    ["two dogs run through the snow", "two brown dogs running in snow"],
    ["a rocket stands on its pad", "a rocket before its launch", "the rocket on the launch pad"],
    ["a cup of coffee on a saucer", "coffee in a white cup"],
]
CAPTIONS = [
    "a cat is on the mat",
    "two dogs are running through the snow",
    "a red rocket",
    "a spoon",
]


def words(*captions: str) -> list[tuple[str, ...]]:
    return [caption_words(caption) for caption in captions]


def test_punctuation_is_no_word_and_contractions_are_two() -> None:
    found = caption_words("A man's T-shirt, isn't it? \u2014 \u201cYes.\u201d 3.5 m")
    assert found == ("a", "man", "'s", "t-shirt", "is", "n't", "it", "yes", "3.5", "m")


def test_bleu_clips_what_is_said_more_often_than_in_any_reference() -> None:
    # the worked example of Papineni et al.: two of seven unigrams
    references = words("the cat is on the mat", "there is a cat on the mat")
    first, *_ = bleu(words("the the the the the the the"), [references])
    assert first == pytest.approx(2 / 7)


def test_bleu_punishes_brevity() -> None:
    first, *_ = bleu(words("the cat"), [words("the cat is on the mat")])
    assert first == pytest.approx(math.exp(1 - 6 / 2))


def test_rouge_l_is_the_longest_common_subsequence() -> None:
    # "police ... the gunman": three of four words, both ways, as in Lin's example
    found = rouge_l(caption_words("police kill the gunman"), words("police killed the gunman"))
    assert found == pytest.approx(3 / 4)


def test_cider_of_a_reference_against_itself_alone_is_ten() -> None:
    apart = [words("a cat sits on a mat"), words("two dogs run through the snow")]
    assert CiderD(apart).score(0, apart[0][0]) == pytest.approx(10.0)


def test_cider_gives_nothing_for_words_that_every_picture_has() -> None:
    common = [words("a cat here now"), words("a dog here now"), words("a cup here now")]
    assert CiderD(common).score(0, words("here now")[0]) == 0.0


def test_better_captions_score_higher() -> None:
    ladder = ["a cat is on the mat", "a cat on a table", "a dog on a mat in the snow", "a spoon"]
    measure = CiderD([words(*own) for own in REFERENCES])
    scores = [measure.score(0, each) for each in words(*ladder)]
    assert all(better > worse for better, worse in pairwise(scores))


def test_a_picture_without_a_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="reference"):
        caption_scores(["a cat"], [[]])


def test_all_measures_agree_with_the_scorers_of_ms_coco() -> None:
    bleu_module = pytest.importorskip("pycocoevalcap.bleu.bleu")
    cider_module = pytest.importorskip("pycocoevalcap.cider.cider")
    rouge_module = pytest.importorskip("pycocoevalcap.rouge.rouge")
    given = {at: [" ".join(caption_words(each))] for at, each in enumerate(CAPTIONS)}
    known = {
        at: [" ".join(caption_words(each)) for each in own] for at, own in enumerate(REFERENCES)
    }
    theirs, _ = bleu_module.Bleu(4).compute_score(known, given, verbose=0)
    cider, each = cider_module.Cider().compute_score(known, given)
    rouge, _ = rouge_module.Rouge().compute_score(known, given)
    ours = caption_scores(CAPTIONS, REFERENCES)
    assert ours.bleu == pytest.approx(theirs, abs=1e-6)
    assert ours.cider == pytest.approx(cider)
    assert ours.each == pytest.approx(each.tolist())
    assert ours.rouge_l == pytest.approx(rouge)


def test_meteor_is_not_measured_without_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = caption_scores(CAPTIONS, REFERENCES)
    assert "meteor" not in found.named()
    assert found.not_measured == ("METEOR", "SPICE")


@pytest.mark.skipif(shutil.which("java") is None, reason="METEOR is a Java program")
def test_meteor_knows_stems_and_synonyms() -> None:
    pytest.importorskip("pycocoevalcap.meteor.meteor")
    (cat,) = words("a cat sits on the sofa")
    near, far = words("a cat sitting on a couch", "two dogs run in snow")
    assert (meteor([near], [[cat]]) or 0) > 2 * (meteor([far], [[cat]]) or 0)
