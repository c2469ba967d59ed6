"""Hits are right whatever the index knows: exact, ordered, filtered, never stale."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers

from clipsearch import Collection, Direction, Filter, IngestOptions, Likeness, Query, Words
from clipsearch.errors import (
    CollectionMissing,
    EmptyQuery,
    GenerationDamaged,
    TowerMismatch,
    UnreadableQueryImage,
    UnreadableScript,
)
from clipsearch.indexes import recipe_named
from clipsearch.ingest import publishing
from clipsearch.search import Part
from clipsearch.settings import GENERATIONS

Paint = Callable[[str, str], Path]


@pytest.fixture
def rainbow(collection: Collection, pictures: Path, paint: Paint) -> Collection:
    for colour in ("red", "orange", "yellow", "green", "blue", "magenta", "white", "black"):
        paint(f"{colour}.png", colour)
    collection.ingest([pictures])
    return collection


def found(collection: Collection, query: Query) -> list[str]:
    return [hit.path.name for hit in collection.search(query) if hit.path]


def test_hits_are_ranked_by_cosine(rainbow: Collection) -> None:
    hits = rainbow.query("red", k=8)
    assert [hit.rank for hit in hits] == list(range(1, 9))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].path is not None
    assert hits[0].path.name == "red.png"
    assert hits[0].score == pytest.approx(1.0, abs=0.01)


def test_the_score_is_the_cosine_of_the_stored_embedding(rainbow: Collection) -> None:
    query = rainbow.tower.embed_texts(["green"])[0]
    for hit in rainbow.query("green", k=8):
        assert hit.score == pytest.approx(float(rainbow.embedding(hit.image.id) @ query), abs=1e-6)


@pytest.mark.parametrize("name", ["flat", "flat-fp32", "pq"])
def test_every_index_gives_the_same_hits(name: str, rainbow: Collection) -> None:
    before = rainbow.query("yellow", k=8)
    rainbow.rebuild(recipe_named(name))
    assert rainbow.query("yellow", k=8) == before


def test_the_first_five_of_fifteen_are_the_five(rainbow: Collection) -> None:
    assert rainbow.query("blue", k=5) == rainbow.query("blue", k=8)[:5]


def test_more_hits_than_images_are_all_images(rainbow: Collection) -> None:
    assert len(rainbow.query("red", k=10_000)) == 8


@pytest.mark.parametrize("k", [0, -1])
def test_a_k_below_one_is_a_programming_mistake(k: int, rainbow: Collection) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        rainbow.query("red", k=k)


def test_a_least_score_cuts_the_hits(rainbow: Collection) -> None:
    assert found(rainbow, Query([Words("red")], min_score=0.95)) == ["red.png"]


def test_words_and_pictures_add_up(rainbow: Collection, pictures: Path) -> None:
    parts: list[Part] = [Words("red"), Likeness(pictures / "blue.png")]
    assert set(found(rainbow, Query(parts, k=2))) == {"red.png", "blue.png"}


def test_weights_decide_between_the_parts(rainbow: Collection, pictures: Path) -> None:
    parts: list[Part] = [Words("red", 2.0), Likeness(pictures / "blue.png")]
    assert found(rainbow, Query(parts, k=2)) == ["red.png", "blue.png"]


def test_a_negative_weight_looks_away(rainbow: Collection) -> None:
    parts = [Words("red"), Words("yellow"), Words("yellow", -1.0)]
    assert found(rainbow, Query(parts, k=1)) == ["red.png"]


def test_a_picture_finds_itself_first(rainbow: Collection, pictures: Path) -> None:
    hit = rainbow.similar(pictures / "green.png", k=1)[0]
    assert hit.path == pictures / "green.png"
    assert hit.score == pytest.approx(1.0, abs=1e-5)


def test_a_filter_on_ids_is_exact(rainbow: Collection) -> None:
    some = [image.id for image in rainbow][3:6]
    hits = rainbow.search(Query([Words("red")], k=8, where=Filter(ids=some)))
    assert {hit.image.id for hit in hits} == set(some)


def test_a_filter_on_paths_is_exact(collection: Collection, pictures: Path, paint: Paint) -> None:
    for number in range(60):
        paint(f"many/{number}.png", "red")
    paint("few/blue.png", "blue")
    collection.ingest([pictures])
    where = Filter(under=[pictures / "few"])
    assert found(collection, Query([Words("red")], where=where)) == ["blue.png"]


def test_a_filter_that_leaves_nothing_gives_no_hits(rainbow: Collection) -> None:
    assert rainbow.search(Query([Words("red")], where=Filter(ids=[]))) == []


def test_filters_that_contradict_each_other_give_no_hits(
    rainbow: Collection, tmp_path: Path
) -> None:
    every = [image.id for image in rainbow]
    where = Filter(ids=every, under=[tmp_path / "elsewhere"])
    assert rainbow.search(Query([Words("red")], where=where)) == []


def test_removed_images_are_hidden_at_once(rainbow: Collection, pictures: Path) -> None:
    rainbow.remove(under=[pictures / "red.png"])
    assert "red.png" not in found(rainbow, Query([Words("red")], k=8))


def test_many_removed_images_do_not_starve_a_query(
    collection: Collection, pictures: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(120):
        paint(f"{number}.png", "red")
    paint("blue.png", "blue")
    collection.ingest([pictures])
    monkeypatch.setattr(publishing, "SMALL", 0)
    monkeypatch.setattr(publishing, "LAG", 10.0)
    reds = [image.id for image in collection if image.path and image.path.name != "blue.png"]
    collection.remove(ids=reds)
    assert collection.status().index_images == 121
    assert found(collection, Query([Words("red")], k=5)) == ["blue.png"]


def test_images_that_no_index_holds_yet_are_found(
    rainbow: Collection, pictures: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "SMALL", 0)
    monkeypatch.setattr(publishing, "LAG", 10.0)
    paint("cyan.png", "cyan")
    rainbow.ingest([pictures])
    assert rainbow.status().index_images == 8
    assert found(rainbow, Query([Words("cyan")], k=1)) == ["cyan.png"]


def test_a_reader_sees_what_a_writer_publishes(
    rainbow: Collection, home: Path, pictures: Path, paint: Paint
) -> None:
    with Collection(home=home, tower=ColourTowers()) as reader:
        reader.query("red")
        for number in range(4):
            paint(f"cyan{number}.png", "cyan")
            rainbow.ingest([pictures])
            assert found(reader, Query([Words("cyan")], k=1))[0].startswith("cyan")


def test_a_damaged_index_is_said_and_rebuilt(rainbow: Collection) -> None:
    before = rainbow.query("red")
    rainbow.close()
    for index in (rainbow.folder / GENERATIONS).rglob("index.faiss"):
        index.write_bytes(b"\xa5" * index.stat().st_size)  # row 46
    with pytest.raises(GenerationDamaged, match="clipsearch rebuild"):
        rainbow.query("red")
    assert not rainbow.verify().whole
    rainbow.rebuild()
    assert rainbow.verify().whole
    assert rainbow.query("red") == before


def test_an_older_index_in_the_place_of_the_named_one_is_noticed(
    rainbow: Collection, pictures: Path, paint: Paint
) -> None:
    generations = rainbow.folder / GENERATIONS
    number = f"{rainbow.status().index_generation:06d}"
    (generations / number).rename(generations / "kept")
    rainbow.rebuild()
    named = f"{rainbow.status().index_generation:06d}"
    rainbow.close()
    (generations / named).rename(generations / "away")
    (generations / "kept").rename(generations / named)  # row 47
    with pytest.raises(GenerationDamaged, match="not the one that was published"):
        rainbow.query("red")


def test_a_catalogue_that_lost_its_log_is_noticed(rainbow: Collection, tmp_path: Path) -> None:
    other = Collection(home=tmp_path / "copy", tower=ColourTowers())
    log = "catalogue.sqlite-wal"  # row 50: open readers keep the rows in the log
    shutil.copytree(rainbow.folder, other.folder, ignore=shutil.ignore_patterns(log))
    faults = other.verify().faults
    assert any("older than its index" in fault for fault in faults)
    assert rainbow.verify().whole


def test_reading_a_missing_collection_is_an_error_and_makes_nothing(home: Path) -> None:
    with pytest.raises(CollectionMissing, match="clipsearch index"):
        Collection("nowhere", home=home).query("red")
    assert not home.exists()


def test_another_tower_is_refused_and_both_are_named(
    rainbow: Collection, home: Path, pictures: Path
) -> None:
    other = Collection(home=home, tower=ColourTowers("other"))  # row 41
    with pytest.raises(TowerMismatch, match=r"colours.*other"):
        other.query("red")
    with pytest.raises(TowerMismatch):
        other.ingest([pictures])


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_a_blank_query_is_refused(text: str, rainbow: Collection) -> None:
    with pytest.raises(EmptyQuery):
        rainbow.query(text)


def test_parts_that_cancel_out_ask_nothing(rainbow: Collection) -> None:
    with pytest.raises(EmptyQuery):
        rainbow.search(Query([Words("red"), Words("red", -1.0)]))


def test_ten_thousand_words_are_a_query(rainbow: Collection) -> None:
    assert rainbow.query("red " * 10_000, k=1)[0].path is not None


def test_a_script_that_the_tower_cannot_read_is_said(rainbow: Collection) -> None:
    with pytest.raises(UnreadableScript, match="multilingual"):
        rainbow.query("красная собака")


def test_a_query_picture_that_cannot_be_read_is_said(rainbow: Collection, pictures: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"nothing")
    with pytest.raises(UnreadableQueryImage, match=r"bad\.jpg"):
        rainbow.similar(pictures / "bad.jpg")


def test_an_embedding_of_another_width_is_a_programming_mistake(rainbow: Collection) -> None:
    with pytest.raises(ValueError, match="must be"):
        rainbow.search(Query([Direction(np.ones(3, np.float32))]))


def test_many_threads_read_the_same_hits(rainbow: Collection) -> None:
    expected = rainbow.query("red", k=8)
    answers: list[object] = []

    def ask() -> None:
        answers.extend(rainbow.query("red", k=8) == expected for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 160


def test_queries_go_on_while_pictures_come_in(
    rainbow: Collection, home: Path, pictures: Path, paint: Paint
) -> None:
    for number in range(40):
        paint(f"more/{number}.png", "cyan")
    seen: list[int] = []

    def ask_meanwhile(_: object) -> None:
        with Collection(home=home, tower=ColourTowers()) as reader:
            seen.append(len(reader.query("red", k=100)))

    rainbow.ingest([pictures], IngestOptions(batch=8), ask_meanwhile)
    assert seen[0] == 8
    assert seen[-1] == 48
    assert seen == sorted(seen)
