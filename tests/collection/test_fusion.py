"""One ranking of pictures, captions and words: each adds what it knows, none takes away."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from colour_towers import ColourTowers

from clipsearch import Caption, Collection, Filter, Hit, Likeness, Query, Signals, Words
from clipsearch.errors import UnreadableScript
from clipsearch.search import By, Part, ranking
from clipsearch.search.evidence import GENERATED

Paint = Callable[[str, str], Path]
COLOURS = ("red", "orange", "yellow", "green", "blue", "magenta", "white", "black", "gray", "cyan")


@pytest.fixture
def numbered(collection: Collection, pictures: Path, paint: Paint) -> Collection:
    """Ten pictures whose names say nothing: 0 is red, 1 orange, and so on."""
    for number, colour in enumerate(COLOURS):
        paint(f"{number}.png", colour)
    collection.ingest([pictures])
    return collection


def caption(collection: Collection, texts: dict[str, str], source: str = "human") -> None:
    """Give captions to pictures by the names of their colours."""
    for colour, text in texts.items():
        image_id = ids(collection)[COLOURS.index(colour)]
        collection.add_captions(image_id, [Caption(text, source)])


def ids(collection: Collection) -> list[int]:
    """The ids in the order of names."""
    return [image.id for image in sorted(collection, key=lambda image: str(image.path))]


def found(collection: Collection, text: str, k: int = 3, by: By = "fused") -> list[str]:
    hits = collection.search(Query([Words(text)], k, by=by))
    return [COLOURS[int(hit.path.stem)] for hit in hits if hit.path]


def judged(hit: Hit) -> tuple[int, int, float, float, Signals]:
    """All that a ranking says of a hit."""
    return (hit.rank, hit.image.id, hit.score, hit.rank_score, hit.signals)


def test_without_captions_the_ranking_is_that_of_pictures(numbered: Collection) -> None:
    assert found(numbered, "red", 10) == found(numbered, "red", 10, "pictures")


def test_a_word_that_no_tower_knows_is_found_by_the_caption(numbered: Collection) -> None:
    before = found(numbered, "Anna", 10).index("blue")
    caption(numbered, {"blue": "Anna", "green": "somebody else"})
    assert found(numbered, "Anna", 10).index("blue") < before
    assert found(numbered, "Anna", 10, "words") == ["blue"]


def test_a_name_of_a_folder_is_found(collection: Collection, pictures: Path, paint: Paint) -> None:
    for number, colour in enumerate(COLOURS):
        paint(f"Norway2019/{number}.png" if colour == "blue" else f"{number}.png", colour)
    collection.ingest([pictures])
    by_pictures = found(collection, "norway", 10, "pictures")
    assert found(collection, "norway", 10).index("blue") < by_pictures.index("blue")
    assert found(collection, "norway", 10, "words") == ["blue"]


def test_a_picture_without_captions_loses_nothing(numbered: Collection) -> None:
    before = numbered.query("red", k=10)
    caption(numbered, dict.fromkeys(COLOURS[1:], "white"))
    after = {hit.image.id: hit.rank_score for hit in numbered.query("red", k=10)}
    assert found(numbered, "red", 1) == ["red"]
    for hit in before:
        assert after[hit.image.id] >= hit.rank_score


def test_a_wrong_caption_does_not_bury_the_right_picture(numbered: Collection) -> None:
    caption(numbered, {"red": "blue", "blue": "green", "green": "red"})
    assert "red" in found(numbered, "red", 2)


def test_a_models_caption_is_worth_less_than_a_persons(numbered: Collection) -> None:
    caption(numbered, {"white": "a zebra"}, "generated:small")
    caption(numbered, {"black": "a zebra"})
    white, black = (
        next(hit for hit in numbered.query("zebra", k=10) if hit.image.id == ids(numbered)[at])
        for at in (COLOURS.index("white"), COLOURS.index("black"))
    )
    assert white.signals.words is not None
    assert black.signals.words is not None
    assert 0 < white.signals.words.evidence < black.signals.words.evidence
    assert white.signals.caption is not None
    assert black.signals.caption is not None
    worth = GENERATED * black.signals.caption.evidence
    assert white.signals.caption.evidence == pytest.approx(worth)
    assert 0 < GENERATED < 1


def test_the_signals_sum_up_to_the_rank_score(numbered: Collection) -> None:
    caption(numbered, {"red": "a red house", "blue": "red and blue"})
    hits = numbered.query("red house", k=10)
    assert [hit.rank_score for hit in hits] == sorted((h.rank_score for h in hits), reverse=True)
    for hit in hits:
        parts = (hit.signals.picture, hit.signals.caption, hit.signals.words)
        total = sum(part.evidence for part in parts if part is not None)
        assert hit.rank_score == pytest.approx(total, abs=1e-5)
        assert hit.signals.picture is not None
        assert hit.signals.picture.cosine == pytest.approx(hit.score, abs=1e-6)
    best = hits[0].signals
    assert best.caption is not None
    assert (best.caption.text, best.caption.source) == ("a red house", "human")
    assert best.words is not None
    assert best.words.words == ("red", "house")


def test_one_signal_alone_ranks_what_it_knows(numbered: Collection) -> None:
    caption(numbered, {"white": "green", "black": "a red dog"})
    assert found(numbered, "red dog", 10, "pictures")[0] == "red"
    assert found(numbered, "red dog", 10, "captions") == ["black", "white"]
    assert found(numbered, "red dog", 10, "words") == ["black"]
    assert found(numbered, "horse", 10, "words") == []


@pytest.mark.parametrize("by", ["fused", "pictures", "captions", "words"])
def test_the_first_hits_are_the_same_however_many_are_asked_for(
    by: By, collection: Collection, pictures: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "DEPTH", 1)
    monkeypatch.setattr(ranking, "DEEPER", 2)
    for number in range(40):
        paint(f"{number:02}.png", COLOURS[number % 10])
    collection.ingest([pictures])
    for number, image_id in enumerate(ids(collection)):
        if number % 3:
            collection.add_captions(image_id, [Caption(f"{COLOURS[number % 7]} house {number}")])
    asked = [Query([Words("a red house")], k, by=by) for k in (1, 2, 5, 15, 60)]
    every = collection.search(asked[-1])
    assert len(every) == {"fused": 40, "pictures": 40, "captions": 26, "words": 26}[by]
    for query in asked:
        hits = collection.search(query)
        assert [judged(hit) for hit in hits] == [judged(hit) for hit in every[: query.k]]


@pytest.mark.parametrize(("by", "count"), [("fused", 4), ("captions", 2), ("words", 2)])
def test_a_filter_holds_inside_each_signal(by: By, count: int, numbered: Collection) -> None:
    caption(numbered, dict.fromkeys(COLOURS[:8], "a red dog"))
    some = ids(numbered)[6:]
    hits = numbered.search(Query([Words("red dog")], 10, where=Filter(ids=some), by=by))
    assert len(hits) == count
    assert {hit.image.id for hit in hits} <= set(some)


@pytest.mark.parametrize("by", ["fused", "captions", "words"])
def test_a_least_score_leaves_no_fewer_hits_than_there_are(
    by: By, numbered: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "DEPTH", 1)
    caption(numbered, dict.fromkeys(COLOURS, "dog dog") | {"red": "a dog and very much else"})
    hits = numbered.search(Query([Words("red dog")], 1, min_score=0.9, by=by))
    assert [hit.image.id for hit in hits] == ids(numbered)[:1]


def test_words_that_are_looked_away_from_are_not_looked_for(numbered: Collection) -> None:
    caption(numbered, {"white": "a dog in the snow"})
    hits = numbered.search(Query([Words("red dog in snow"), Words("dog", -1.0)], 10))
    signal = next(hit for hit in hits if hit.image.id == ids(numbered)[6]).signals.words
    assert signal is not None
    assert signal.words == ("snow",)


def test_a_query_by_a_picture_goes_by_pictures(numbered: Collection, pictures: Path) -> None:
    caption(numbered, dict.fromkeys(COLOURS[1:], "red"))
    parts: list[Part] = [Likeness(pictures / "0.png"), Words("dog", -0.1)]
    for hit in numbered.search(Query(parts, 10)):
        assert hit.signals.caption is None
        assert hit.rank_score == hit.score


def test_words_are_found_in_a_script_that_the_tower_cannot_read(numbered: Collection) -> None:
    caption(numbered, {"green": "一只小狗在海滩上跑"})
    (hit,) = numbered.query("海滩")
    assert hit.image.id == ids(numbered)[3]
    assert math.isnan(hit.score)
    with pytest.raises(UnreadableScript):
        numbered.query("雪山")


@pytest.mark.parametrize("text", ['"', "red AND", "col:red", "NEAR(", "*"])
def test_signs_of_a_query_language_are_only_signs(text: str, numbered: Collection) -> None:
    caption(numbered, {"red": "red"})
    assert len(numbered.query(text, k=10)) == 10


def test_a_picture_alone_in_its_collection_is_found(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    collection.ingest([pictures])
    (hit,) = collection.query("red")
    assert math.isfinite(hit.rank_score)


def test_words_that_a_crash_left_stale_are_brought_up_by_the_next_write(
    numbered: Collection, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("clipsearch.catalogue.words.bring_up", dies)
        with pytest.raises(KeyboardInterrupt):
            caption(numbered, {"blue": "Anna"})
    numbered.close()
    with Collection(home=home, tower=ColourTowers()) as reopened:
        assert found(reopened, "Anna", 1, "words") == []
        caption(reopened, {"green": "nobody"})
        assert found(reopened, "Anna", 1, "words") == ["blue"]
