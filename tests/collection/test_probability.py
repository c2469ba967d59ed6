"""Hits say how probable they are, and a query of what is not there finds nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from colour_towers import ColourTowers
from conftest import Paint
from sqlalchemy import create_engine, text

from clipsearch import Collection, Filter, IngestOptions, Likeness, Query, Words
from clipsearch.errors import ProbabilityUnknown

NO_PHOTOGRAPHS = ("chessboard_*", "color.png", "horse.png", "logo.png", "multipage*")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Collection:
    """Photographs under the built-in tower. Tests only read it."""
    collection = Collection(home=tmp_path_factory.mktemp("photos"))
    collection.ingest([photographs], IngestOptions(exclude=NO_PHOTOGRAPHS))
    return collection


@pytest.fixture
def warm(collection: Collection, pictures: Path, paint: Paint) -> Collection:
    """Reds and greens, no blue."""
    for number in range(6):
        paint(f"red{number}.png", "red")
        paint(f"green{number}.png", "green")
    collection.ingest([pictures])
    return collection


def names(collection: Collection, query: Query) -> list[str]:
    return [hit.path.name for hit in collection.search(query) if hit.path]


def forget_background(collection: Collection) -> None:
    collection.close()
    engine = create_engine(f"sqlite:///{collection.folder / 'catalogue.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM background"))
    engine.dispose()


def test_what_is_there_is_probable_and_what_is_not_is_not(photos: Collection) -> None:
    (cat,) = photos.query("a cat", k=1)
    (submarine,) = photos.query("a submarine", k=1)
    assert cat.probability is not None
    assert submarine.probability is not None
    assert cat.probability > 0.8 > 0.3 > submarine.probability


def test_a_query_for_matches_alone_finds_nothing_where_nothing_matches(
    photos: Collection,
) -> None:
    assert names(photos, Query([Words("a cat")], 1, matches_only=True)) == ["chelsea.png"]
    assert names(photos, Query([Words("a submarine")], 1, matches_only=True)) == []


def test_probabilities_change_neither_order_nor_number(photos: Collection) -> None:
    asked = Query([Words("a cat")], 7)
    assert names(photos, replace(asked, matches_only=True)) == names(photos, asked)
    assert len(photos.search(asked)) == 7


def test_a_least_probability_leaves_out_what_is_below_it(photos: Collection) -> None:
    asked = Query([Words("a cat")], 10)
    all_hits = photos.search(asked)
    kept = photos.search(replace(asked, min_probability=0.9))
    assert 0 < len(kept) < len(all_hits)
    assert all(hit.probability is not None and hit.probability >= 0.9 for hit in kept)
    assert [hit.rank for hit in kept] == list(range(1, len(kept) + 1))


def test_looking_away_from_something_does_not_change_what_a_match_is(photos: Collection) -> None:
    plain = {hit.image.id: hit.probability for hit in photos.query("a cat", k=20)}
    for hit in photos.search(Query([Words("a cat"), Words("a rocket", -0.5)], 3)):
        assert hit.probability == pytest.approx(plain[hit.image.id])


def test_a_picture_has_no_probability_and_is_never_said_to_match_nothing(
    photos: Collection, photographs: Path
) -> None:
    asked = Query([Likeness(photographs / "chelsea.png")], 2, matches_only=True)
    assert [hit.probability for hit in photos.search(asked)] == [None, None]
    with pytest.raises(ProbabilityUnknown, match="words alone"):
        photos.search(replace(asked, min_probability=0.5))


def test_what_a_text_describes_is_left_out_and_others_take_the_place(warm: Collection) -> None:
    found = names(warm, Query([Words("red")], 8, without=["red"]))
    assert len(found) == 6
    assert all(name.startswith("green") for name in found)


def test_several_texts_are_left_out_together(warm: Collection) -> None:
    assert names(warm, Query([Words("red")], 8, without=["red", "green"])) == []


def test_leaving_out_what_is_not_there_leaves_out_nothing(warm: Collection) -> None:
    assert len(names(warm, Query([Words("red")], 12, without=["blue"]))) == 12


def test_pictures_newer_than_the_index_are_left_out_too(
    warm: Collection, monkeypatch: pytest.MonkeyPatch, pictures: Path, paint: Paint
) -> None:
    monkeypatch.setattr("clipsearch.ingest.publishing.SMALL", 1)
    monkeypatch.setattr("clipsearch.ingest.publishing.LAG", 10.0)
    late = paint("red-late.png", "red")
    warm.ingest([pictures])
    asked = Query([Words("red")], 20, where=Filter(under=[late]))
    assert names(warm, asked) == ["red-late.png"]
    assert names(warm, replace(asked, without=["red"])) == []


def test_the_background_follows_the_index(warm: Collection, paint: Paint, pictures: Path) -> None:
    before = warm.query("blue", k=1)[0].probability
    for number in range(6):
        paint(f"blue{number}.png", "blue")
    warm.ingest([pictures])
    after = warm.query("blue", k=1)[0].probability
    assert before is not None
    assert after is not None
    assert after > before


def test_a_collection_without_a_background_finds_as_before(warm: Collection) -> None:
    forget_background(warm)
    hits = warm.search(Query([Words("red")], 3, matches_only=True))
    assert [hit.probability for hit in hits] == [None, None, None]


def test_a_collection_without_a_background_says_what_repairs_it(warm: Collection) -> None:
    forget_background(warm)
    with pytest.raises(ProbabilityUnknown, match="clipsearch index"):
        warm.search(Query([Words("red")], without=["green"]))
    warm.ingest()
    assert warm.query("red", k=1)[0].probability is not None


def test_the_texts_are_embedded_once_for_a_tower(
    warm: Collection, paint: Paint, pictures: Path
) -> None:
    tower = warm.tower
    assert isinstance(tower, ColourTowers)
    asked: list[int] = []
    embed = tower.embed_texts
    tower.embed_texts = lambda texts: asked.append(len(texts)) or embed(texts)  # type: ignore[method-assign, func-returns-value]
    paint("one-more.png", "blue")
    warm.ingest([pictures])
    assert asked == []


def test_another_towers_background_is_not_used(warm: Collection) -> None:
    warm.migrate(ColourTowers("others"))
    assert warm.query("red", k=1)[0].probability is not None
    with warm._open().reader() as connection:
        held = connection.exec_driver_sql("SELECT tower FROM background").scalar()
    assert held == ColourTowers("others").identity.digest


@pytest.mark.parametrize("count", [1, 3])
def test_a_few_pictures_can_match_and_not_match(
    count: int, collection: Collection, pictures: Path, paint: Paint
) -> None:
    for number in range(count):
        paint(f"{number}.png", "red")
    collection.ingest([pictures])
    red, blue = collection.query("red", k=1)[0], collection.query("blue", k=1)[0]
    assert red.probability is not None
    assert blue.probability is not None
    assert red.probability > 0.5 > blue.probability
