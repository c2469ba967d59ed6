"""A collection goes over to another tower, and everything but the embeddings stays."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers
from PIL import Image as PillowImage

from clipsearch import (
    Addition,
    Caption,
    Collection,
    Direction,
    MigrationOptions,
    Query,
    TowerPair,
    load_towers,
)
from clipsearch.catalogue import staging
from clipsearch.errors import EmbeddingUnusable, PrecisionRefused, TowerMismatch
from clipsearch.ingest.migration_space import PAGE, refuse_short_space, table_bytes
from clipsearch.migration_errors import (
    MigrationIncomplete,
    MigrationUnfinished,
    SpaceShort,
    TowerOutdated,
    TowerReplaced,
)
from clipsearch.towers import builtin_name
from clipsearch.values import Embeddings, Image, Pixels

Paint = Callable[[str, str], Path]


@pytest.fixture
def other() -> ColourTowers:
    """Other towers, of another input size."""
    return ColourTowers("other", side=16)


@pytest.fixture
def filled(collection: Collection, pictures: Path, paint: Paint) -> Collection:
    """A collection of three painted pictures."""
    for colour in ("red", "green", "blue"):
        paint(f"{colour}.png", colour)
    collection.ingest([pictures])
    return collection


def identity_held(collection: Collection) -> str:
    return collection.status().tower.name


def test_the_new_tower_answers_and_the_report_counts(
    filled: Collection, other: ColourTowers, pictures: Path
) -> None:
    report = filled.migrate(other)
    assert (report.migrated, report.embedded, report.resumed, report.dropped) == (True, 3, 0, ())
    assert identity_held(filled) == "other"
    assert filled.query("green", k=1)[0].path == pictures / "green.png"
    assert filled.verify().whole


def test_the_index_is_made_of_the_new_embeddings(filled: Collection, other: ColourTowers) -> None:
    filled.migrate(other)
    status = filled.status()
    assert (status.index_generation, status.index_images) == (2, 3)


def test_ids_captions_metadata_and_roots_stay(
    filled: Collection, other: ColourTowers, pictures: Path
) -> None:
    image_id = filled.query("red", k=1)[0].image.id
    filled.add_captions(image_id, [Caption("a red wall")])
    before = {image.id: image for image in filled}
    filled.migrate(other)
    assert {image.id: image for image in filled} == before
    assert filled.status().roots == (pictures,)


def test_pictures_found_later_are_embedded_with_the_new_tower(
    filled: Collection, other: ColourTowers, paint: Paint
) -> None:
    filled.migrate(other)
    paint("white.png", "white")
    assert filled.ingest().added == 1
    assert filled.verify().whole


def test_a_collection_that_has_the_tower_already_embeds_nothing(filled: Collection) -> None:
    same = ColourTowers()
    assert not filled.migrate(same).migrated
    assert same.images_embedded == 0


def test_an_empty_collection_goes_over(
    collection: Collection, other: ColourTowers, pictures: Path, paint: Paint
) -> None:
    paint("red.png", "red").unlink()
    collection.ingest([pictures])
    assert collection.migrate(other).embedded == 0
    assert identity_held(collection) == "other"


def test_an_open_reader_goes_on_with_the_new_tower_by_itself(
    home: Path, filled: Collection, other: ColourTowers, tiny_towers: tuple[Path, Path]
) -> None:
    old, new = tiny_towers
    pictures = filled.status().roots[0]
    with Collection("tiny", home=home, model=str(old)) as writer:
        writer.ingest([pictures])
    with Collection("tiny", home=home) as reader, Collection("tiny", home=home) as writer:
        assert len(reader.query("dog", k=3)) == 3
        writer.migrate(_load(new, home))
        asked = reader.query("dog", k=3)
        assert reader.tower.identity == _load(new, home).identity
        with Collection("tiny", home=home) as fresh:
            assert asked == fresh.query("dog", k=3)


def test_an_open_reader_with_towers_of_its_own_is_told(
    home: Path, filled: Collection, other: ColourTowers
) -> None:
    with Collection(home=home, tower=ColourTowers()) as reader:
        reader.query("red", k=1)
        filled.migrate(other)
        with pytest.raises(TowerMismatch, match="clipsearch migrate"):
            reader.query("red", k=1)


def test_an_embedding_of_the_old_tower_is_not_held_against_new_ones(
    home: Path, filled: Collection, other: ColourTowers
) -> None:
    red = ColourTowers().embed_texts(["red"])[0]
    with Collection(home=home, tower=ColourTowers()) as reader:
        reader.search(Query([Direction(red)], 1))
        filled.migrate(other)
        with pytest.raises(TowerReplaced):
            reader.search(Query([Direction(red)], 1))


def test_embeddings_of_two_towers_are_never_read_as_one(
    home: Path, filled: Collection, other: ColourTowers
) -> None:
    with Collection(home=home, tower=ColourTowers()) as reader:
        chunks = reader.embeddings()
        next(chunks)
        filled.migrate(other)
        with pytest.raises(TowerReplaced, match="run the command again"):
            next(chunks)


def test_a_writer_that_holds_the_old_tower_writes_nothing(
    home: Path, filled: Collection, other: ColourTowers, paint: Paint
) -> None:
    with Collection(home=home, tower=ColourTowers()) as late:
        late.query("red", k=1)  # its tower is loaded now
        filled.migrate(other)
        paint("white.png", "white")
        with pytest.raises(TowerReplaced):
            late.ingest()
    assert len(filled) == 3


class Interrupted(ColourTowers):
    """Towers whose second batch is interrupted, as by Ctrl-C."""

    def embed_images(self, pixels: Pixels) -> Embeddings:
        if self.images_embedded:
            raise KeyboardInterrupt
        return super().embed_images(pixels)


def stopped_half_way(collection: Collection) -> None:
    with pytest.raises(KeyboardInterrupt):
        collection.migrate(Interrupted("other", side=16), MigrationOptions(batch=2, workers=1))


def test_a_migration_that_was_stopped_goes_on(filled: Collection, other: ColourTowers) -> None:
    stopped_half_way(filled)
    assert filled.query("red", k=1)[0].score == pytest.approx(1.0, abs=1e-3)
    report = filled.migrate(other)
    assert (report.resumed, report.embedded) == (2, 1)
    assert filled.verify().whole


def test_the_status_tells_of_a_migration_that_was_stopped(
    filled: Collection, other: ColourTowers
) -> None:
    assert filled.status().migrating_to is None
    stopped_half_way(filled)
    stopped = filled.status()
    assert (stopped.migrating_to, stopped.migrated) == (other.identity, 2)
    assert filled.abandon_migration() == other.identity
    assert filled.status().migrating_to is None


def test_what_came_and_went_in_between_is_seen(
    filled: Collection, other: ColourTowers, pictures: Path, paint: Paint
) -> None:
    stopped_half_way(filled)
    paint("white.png", "white")
    (pictures / "red.png").unlink()
    filled.ingest()
    filled.migrate(other)
    names = sorted(hit.path.name for hit in filled.query("white", k=9) if hit.path)
    assert names == ["blue.png", "green.png", "white.png"]
    assert filled.verify().whole


def test_another_tower_must_wait_until_an_unfinished_migration_is_given_up(
    filled: Collection, other: ColourTowers
) -> None:
    stopped_half_way(filled)
    third = ColourTowers("third")
    with pytest.raises(MigrationUnfinished, match="--abandon"):
        filled.migrate(third)
    assert filled.abandon_migration() == other.identity
    assert filled.migrate(third).embedded == 3


def test_nothing_is_given_up_where_nothing_was_begun(filled: Collection) -> None:
    assert filled.abandon_migration() is None
    assert filled.verify().whole


def test_a_file_that_is_gone_stops_it_before_anything_is_embedded(
    filled: Collection, other: ColourTowers, pictures: Path
) -> None:
    (pictures / "red.png").unlink()
    with pytest.raises(MigrationIncomplete) as caught:
        filled.migrate(other)
    (gone,) = caught.value.unreached
    assert (gone.path, gone.reason) == (pictures / "red.png", "its file is gone")
    assert other.images_embedded == 0
    assert identity_held(filled) == "colours"


def test_a_file_with_another_picture_stops_the_switch(
    filled: Collection, other: ColourTowers, pictures: Path
) -> None:
    PillowImage.new("RGB", (48, 32), "white").save(pictures / "red.png")
    with pytest.raises(MigrationIncomplete, match="1 of 3 images") as caught:
        filled.migrate(other)
    assert caught.value.unreached[0].reason == "its file holds another picture now"
    assert identity_held(filled) == "colours"
    assert len(filled.query("red", k=9)) == 3


def test_what_is_gone_is_left_behind_when_it_is_asked_for(
    filled: Collection, other: ColourTowers, pictures: Path
) -> None:
    (pictures / "red.png").unlink()
    report = filled.migrate(other, MigrationOptions(drop_missing=True))
    assert [gone.path for gone in report.dropped] == [pictures / "red.png"]
    assert len(filled) == 2
    assert filled.verify().whole


def test_a_collection_whose_disk_is_away_is_never_emptied(
    filled: Collection, other: ColourTowers, pictures: Path
) -> None:
    pictures.rename(pictures.with_name("away"))
    with pytest.raises(MigrationIncomplete) as caught:
        filled.migrate(other, MigrationOptions(drop_missing=True))
    assert "--drop-missing" not in str(caught.value)
    assert len(filled) == 3


def test_a_copy_serves_where_the_first_file_is_gone(
    filled: Collection, other: ColourTowers, pictures: Path
) -> None:
    os.link(pictures / "red.png", pictures / "z copy.png")
    filled.ingest()
    (pictures / "red.png").unlink()
    assert filled.migrate(other).embedded == 3


def test_a_copy_serves_where_the_first_file_was_overwritten(
    filled: Collection, other: ColourTowers, pictures: Path
) -> None:
    (pictures / "z copy.png").write_bytes((pictures / "red.png").read_bytes())
    filled.ingest()
    (pictures / "red.png").write_bytes(b"nothing")
    assert filled.migrate(other).embedded == 3


def added(collection: Collection, colour: str) -> Image:
    picture = PillowImage.new("RGB", (8, 8), colour)
    (image,) = collection.add([Addition(picture, [Caption("mine")], {"colour": colour})])
    return image


def test_a_picture_that_a_program_added_stops_it(filled: Collection, other: ColourTowers) -> None:
    image = added(filled, "white")
    with pytest.raises(MigrationIncomplete) as caught:
        filled.migrate(other)
    (gone,) = caught.value.unreached
    assert (gone.image_id, gone.path) == (image.id, None)
    assert "a program added it" in gone.reason


def test_a_program_supplies_the_pictures_that_it_added(
    filled: Collection, other: ColourTowers
) -> None:
    image = added(filled, "white")

    def supply(wanted: Image) -> PillowImage.Image:
        return PillowImage.new("RGB", (8, 8), wanted.metadata["colour"])

    report = filled.migrate(other, MigrationOptions(supply=supply))
    assert (report.embedded, report.dropped) == (4, ())
    assert filled.image(image.id) == image
    assert filled.query("white", k=1)[0].image == image


def test_another_picture_than_the_one_added_is_refused(
    filled: Collection, other: ColourTowers
) -> None:
    added(filled, "white")

    def supply(_: Image) -> PillowImage.Image:
        return PillowImage.new("RGB", (8, 8), "black")

    with pytest.raises(MigrationIncomplete, match="1 of 4"):
        filled.migrate(other, MigrationOptions(supply=supply))


class Blind(ColourTowers):
    """Towers that give no number for what is red."""

    def embed_images(self, pixels: Pixels) -> Embeddings:
        rows = super().embed_images(pixels)
        rows[(pixels[:, 16, 16] == (255, 0, 0)).all(axis=1)] = np.nan
        return rows


def test_what_the_new_tower_cannot_embed_stops_the_switch(filled: Collection) -> None:
    with pytest.raises(MigrationIncomplete) as caught:
        filled.migrate(Blind("blind"))
    assert "not finite" in caught.value.unreached[0].reason
    assert identity_held(filled) == "colours"


def test_a_lower_precision_that_finds_others_is_refused(filled: Collection) -> None:
    with pytest.raises(PrecisionRefused):
        filled.migrate(
            Blind("blind", precision="int8"), MigrationOptions(reference=ColourTowers("blind"))
        )
    assert identity_held(filled) == "colours"


def test_too_little_space_is_said_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(SpaceShort, match="free some space"):
        refuse_short_space(tmp_path, to_embed=10**12, staged=0, dim=512)


@pytest.mark.parametrize("dim", [8, 256, 512, 768, 1024, 1152])
def test_the_space_of_a_table_is_foreseen(tmp_path: Path, dim: int) -> None:
    rows, path = 2_000, tmp_path / "table.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (image_id INTEGER PRIMARY KEY, embedding BLOB)")
        database.executemany(
            "INSERT INTO t (embedding) VALUES (?)", [(b"\1" * 4 * dim,) for _ in range(rows)]
        )
    taken = path.stat().st_size
    assert 0.9 * taken - 8 * PAGE < table_bytes(rows, dim) < 1.3 * taken


def test_a_removed_image_takes_its_staged_embedding_with_it(filled: Collection, home: Path) -> None:
    stopped_half_way(filled)
    image = filled.query("red", k=1)[0].image
    filled.remove(ids=[image.id for image in filled])
    with filled._open().reader() as connection:
        assert staging.count_staged(connection) == 0
    assert image.id not in filled.images([image.id])


def test_a_collection_of_earlier_builtin_towers_is_told_how_to_migrate(
    home: Path, pictures: Path, paint: Paint
) -> None:
    paint("red.png", "red")
    earlier = ColourTowers("builtin-0")
    Collection("old", home=home, tower=earlier).ingest([pictures])
    with pytest.raises(TowerOutdated, match="`clipsearch migrate -c old`") as caught:
        Collection("old", home=home).query("red")
    assert caught.value.held == earlier.identity


def test_the_same_name_with_other_weights_is_told_how_to_migrate(
    home: Path, pictures: Path, paint: Paint
) -> None:
    paint("red.png", "red")
    tower = ColourTowers(builtin_name())
    tower.identity = replace(tower.identity, digest="0" * 64)
    Collection(home=home, tower=tower).ingest([pictures])
    with pytest.raises(TowerOutdated, match="clipsearch migrate"):
        Collection(home=home).query("red")


def test_an_unusable_addition_is_still_said_by_its_name(home: Path) -> None:
    collection = Collection(home=home, tower=Blind("blind"))
    with pytest.raises(EmbeddingUnusable):
        added(collection, "red")


@pytest.fixture
def tiny_towers(tmp_path: Path) -> tuple[Path, Path]:
    """Two exported folders with different random weights."""
    pytest.importorskip("onnx", reason="the tiny towers are written with onnx")
    from towers.tiny_folder import write_tiny_folder  # it imports onnx

    return write_tiny_folder(tmp_path / "one", 1), write_tiny_folder(tmp_path / "two", 2)


def _load(folder: Path, home: Path) -> TowerPair:
    return load_towers(str(folder), home)
