"""What the image tower's detectors know is said where a caption names a thing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipsearch.captioning import Captioner, Manner
from clipsearch.captioning.confidence import confidence
from clipsearch.captioning.folder import Classes, read_captioner_folder
from clipsearch.captioning.graphs import Floats, Ints, Said, Seen
from clipsearch.captioning.hypotheses import END, Hypothesis
from clipsearch.captioning.naming import PROPOSED, SHARE, Namer
from clipsearch.captioning_errors import CaptionerMissing
from clipsearch.images import decode_picture
from clipsearch.towers.builtin import BUILTIN_FOLDER

PHOTO, CAT, DOG, OWL = 3, 4, 5, 6
WORDS = {"cat": CAT, "dog": DOG, "owl": OWL}
CLASSES = Classes(2, ("photo cat", "photo dog", "photo owl"))
NOTHING = np.zeros((0, 1, 0, 0, 0), np.float32)


class Naming:
    """Says "photo" and then, by equal chances, one of three things."""

    def begin(self, seen: Seen, captions: int) -> Said:
        empty = np.zeros((0, captions, 0, 0, 0), np.float32)
        return Said(empty, empty)

    def step(self, tokens: Ints, said: Said, seen: Seen) -> tuple[Floats, Said]:
        chances = np.full((*tokens.shape, 7), 1e-9)
        chances[tokens == PHOTO] = [0, 0, 0, 0, *(1 / 3,) * 3]
        chances[tokens < PHOTO, PHOTO] = 1.0
        chances[tokens > PHOTO, END] = 1.0
        return np.log(chances + 1e-9).astype(np.float32), said


def tokens(text: str) -> tuple[int, ...]:
    return (*(PHOTO if word == "photo" else WORDS[word] for word in text.split()), END)


def namer() -> Namer:
    return Namer(CLASSES, tokens)


def proposed(units: list[float], longest: int = 9) -> list[Hypothesis]:
    seen = Seen(NOTHING, NOTHING)
    return namer().proposals(Naming(), seen, np.array(units, np.float32), longest)


def test_what_the_detectors_see_is_the_likeliest_name() -> None:
    found = proposed([9, 9, -4, 5, 0])
    assert [each.tokens for each in found] == [(PHOTO, DOG), (PHOTO, OWL), (PHOTO, CAT)]
    first, *others = (each.total for each in found)
    assert first == pytest.approx(np.log((1 - SHARE) / 3 + SHARE), abs=1e-2)
    assert all(each == pytest.approx(np.log((1 - SHARE) / 3), abs=2e-2) for each in others)


def test_what_is_too_long_is_not_even_tried() -> None:
    assert proposed([0, 0, 1, 0, 0], longest=2) == []
    classes = Classes(0, ("photo cat", "photo" + " owl" * 60))
    seen = Seen(NOTHING, NOTHING)
    units = np.array([0, 9], np.float32)
    (found,) = Namer(classes, tokens).proposals(Naming(), seen, units, 9)
    assert found.tokens == (PHOTO, CAT)


def test_two_classes_of_one_name_are_one() -> None:
    classes = Classes(0, ("photo cat", "photo owl", "photo cat"))
    units = np.log(np.array([0.3, 0.4, 0.3], np.float32))
    seen = Seen(NOTHING, NOTHING)
    found = Namer(classes, tokens).proposals(Naming(), seen, units, 9)
    assert [each.tokens for each in found] == [(PHOTO, CAT), (PHOTO, OWL)]
    assert found[0].total == pytest.approx(np.log((1 - SHARE) / 3 + SHARE * 0.6), abs=1e-2)


def test_the_head_of_another_tower_proposes_nothing() -> None:
    assert proposed([1, 2]) == []


def test_what_cannot_be_classes_is_no_captioner(tmp_path: Path) -> None:
    for file in BUILTIN_FOLDER.glob("captioner.*"):
        shutil.copy(file, tmp_path)
    described = json.loads((tmp_path / "captioner.json").read_bytes())
    for classes in ({"first": -1, "sentences": ["a", "b"]}, {"first": 0, "sentences": ["a"]}, [1]):
        (tmp_path / "captioner.json").write_text(json.dumps({**described, "classes": classes}))
        with pytest.raises(CaptionerMissing):
            read_captioner_folder(tmp_path)


def test_of_what_cannot_be_embedded_nothing_is_sure() -> None:
    calibration = read_captioner_folder(BUILTIN_FOLDER).calibration
    assert confidence(calibration, (-0.1, -0.1, 1.0, float("nan"))) == 0.0


def test_a_caption_that_is_drawn_is_said_as_it_was_drawn(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = Captioner(threads=1)
    monkeypatch.setattr(Namer, "proposals", lambda *_: pytest.fail("a name was proposed"))
    picture = decode_picture(photographs / "chelsea.png", captioner.preprocessing).pixels
    (drawn,) = captioner.write([picture], Manner(nucleus=0.1))
    assert drawn.text.startswith("A photo of")


def test_only_what_begins_as_a_name_is_one() -> None:
    assert namer().names(Hypothesis((PHOTO, OWL), (0.0, 0.0, 0.0)))
    assert not namer().names(Hypothesis((CAT,), (0.0, 0.0)))


def test_the_built_in_captioner_knows_the_thousand_classes(photographs: Path) -> None:
    classes = read_captioner_folder(BUILTIN_FOLDER).classes
    assert classes is not None
    assert len(classes.sentences) == 1000
    captioner = Captioner(threads=1)
    picture = decode_picture(photographs / "chelsea.png", captioner.preprocessing).pixels
    units = captioner.see(picture[np.newaxis]).units
    assert units is not None
    best = np.argsort(-units[0, classes.first :])[:PROPOSED]
    assert any("cat" in classes.sentences[each].split() for each in best)


def test_a_cat_is_a_cat_where_the_detectors_have_a_say(photographs: Path) -> None:
    captioner, decoder = Captioner(threads=1), Captioner(threads=1)
    decoder.folder = replace(decoder.folder, classes=None)
    picture = decode_picture(photographs / "chelsea.png", captioner.preprocessing).pixels
    (named,), (alone,) = captioner.write([picture]), decoder.write([picture])
    assert named.text.endswith(" cat")
    assert named != alone
