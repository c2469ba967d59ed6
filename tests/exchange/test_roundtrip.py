"""A collection goes out as a folder of embeddings and comes in again, whole and equal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers
from PIL import Image as PillowImage

from clipsearch import Addition, Caption, Collection, ExportOptions, Query, Words
from clipsearch.errors import TowerMismatch
from clipsearch.exchange_errors import ExportInTheWay

pq = pytest.importorskip("pyarrow.parquet", reason="parquet needs clipsearch[exchange]")

Paint = Callable[[str, str], Path]
COLOURS = ("red", "green", "blue", "white", "yellow")


@pytest.fixture
def filled(collection: Collection, pictures: Path, paint: Paint) -> Collection:
    """Five pictures, one of them captioned twice, and one that is no file."""
    for colour in COLOURS:
        paint(f"{colour}.png", colour)
    collection.ingest([pictures])
    addition = Addition(PillowImage.new("RGB", (40, 30), "cyan"), [Caption("sea")], {"sku": "C-17"})
    collection.add([addition])
    red = collection.query("red", k=1)[0].image
    collection.add_captions(red.id, [Caption("a red wall"), Caption("brick", "xmp", "keywords")])
    return collection


def copy_of(folder: Path, home: Path) -> Collection:
    copy = Collection("copy", home=home, tower=ColourTowers())
    copy.import_embeddings(folder)
    return copy


@pytest.mark.parametrize("rows", [2, 1_000_000], ids=["in parts", "in one"])
def test_what_comes_in_again_gives_the_same_hits(
    filled: Collection, home: Path, tmp_path: Path, rows: int
) -> None:
    filled.export(tmp_path / "out", ExportOptions(rows=rows))
    copy = copy_of(tmp_path / "out", home)
    for text in COLOURS:
        # by pictures: captions come in without embeddings, and have them after the next ingest
        asked = Query([Words(text)], by="pictures", matches_only=False)
        before, after = filled.search(asked), copy.search(asked)
        assert [(hit.score, hit.image) for hit in before] == [
            (hit.score, hit.image) for hit in after
        ]
    assert copy.verify().faults == ()


def test_float16_finds_the_same_in_half_the_space(
    filled: Collection, home: Path, tmp_path: Path
) -> None:
    filled.export(tmp_path / "out", ExportOptions("float16"))
    assert np.load(tmp_path / "out/img_emb/img_emb_0.npy").dtype == np.float16
    copy = copy_of(tmp_path / "out", home)
    for text in COLOURS:
        assert copy.query(text)[0].path == filled.query(text)[0].path
    assert np.allclose(np.linalg.norm(copy.embedding(1)), 1, atol=1e-6)


def test_the_folder_is_as_others_read_it(filled: Collection, tmp_path: Path) -> None:
    filled.export(tmp_path / "out", ExportOptions(rows=4))
    names = sorted(path.name for path in (tmp_path / "out").rglob("*_*.*"))
    assert names == [
        *("img_emb_0.npy", "img_emb_1.npy"),
        *("metadata_0.parquet", "metadata_1.parquet"),
        *("text_emb_0.npy", "text_emb_1.npy"),
    ]
    table = pq.read_table(tmp_path / "out/metadata/metadata_0.parquet")
    assert table.num_rows == len(np.load(tmp_path / "out/img_emb/img_emb_0.npy")) == 4
    rows = table.to_pylist()
    assert {Path(row["image_path"]).name for row in rows} < {f"{one}.png" for one in COLOURS}
    assert {row["caption"] for row in rows} == {"a red wall", ""}
    assert all(value is not None for row in rows for value in row.values())


def test_a_rescan_after_an_import_embeds_nothing(
    filled: Collection, home: Path, tmp_path: Path, pictures: Path
) -> None:
    filled.export(tmp_path / "out")
    copy = copy_of(tmp_path / "out", home)
    report = copy.ingest([pictures])
    assert (report.unchanged, report.added, report.embedded) == (5, 0, 0)


def test_a_file_that_changed_meanwhile_is_not_taken_for_what_it_was(
    filled: Collection, home: Path, tmp_path: Path, pictures: Path
) -> None:
    filled.export(tmp_path / "out")
    os.utime(pictures / "blue.png", ns=(1, 1))
    copy = copy_of(tmp_path / "out", home)
    assert copy.query("blue", k=1)[0].path is None
    assert copy.query("green", k=1)[0].path == pictures / "green.png"


def test_a_second_import_adds_nothing(filled: Collection, home: Path, tmp_path: Path) -> None:
    filled.export(tmp_path / "out")
    copy = copy_of(tmp_path / "out", home)
    before = list(copy)
    report = copy.import_embeddings(tmp_path / "out")
    assert (report.rows, report.added, report.known) == (6, 0, 6)
    assert list(copy) == before


def test_a_name_that_is_no_utf8_comes_back_byte_for_byte(
    collection: Collection, home: Path, tmp_path: Path, pictures: Path, paint: Paint
) -> None:
    odd = paint("red.png", "red").rename(os.fsdecode(os.fsencode(pictures) + b"/\xff\n\xfe.png"))
    collection.ingest([pictures])
    collection.export(tmp_path / "out")
    assert copy_of(tmp_path / "out", home).query("red")[0].path == odd


def test_another_tower_is_refused(
    filled: Collection, home: Path, tmp_path: Path, pictures: Path
) -> None:
    filled.export(tmp_path / "out")
    other = Collection("other", home=home, tower=ColourTowers("others"))
    other.ingest([pictures])
    with pytest.raises(TowerMismatch):
        other.import_embeddings(tmp_path / "out")


def test_nothing_is_written_over(filled: Collection, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportInTheWay):
        filled.export(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
