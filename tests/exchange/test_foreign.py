"""Embeddings of other programs are taken in, and refused before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colour_towers import ColourTowers
from exchange.foreign import units, write_part

from clipsearch import Collection, ImportOptions
from clipsearch.errors import ClipsearchError, TowerMismatch
from clipsearch.exchange_errors import EmbeddingsRefused, ExchangeUnreadable, TowerUnnamed

pytest.importorskip("pyarrow", reason="parquet needs clipsearch[exchange]")

Paint = Callable[[str, str], Path]
COLOURS = ImportOptions(tower="colours")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "embeddings"


def of_colours(*names: str) -> Any:
    return ColourTowers().embed_texts(names).astype(np.float16)


def refusal(collection: Collection, folder: Path, options: ImportOptions = COLOURS) -> str:
    """Why a folder is refused; nothing of it is there afterwards."""
    with pytest.raises(ClipsearchError) as raised:
        collection.import_embeddings(folder, options)
    assert isinstance(raised.value, (EmbeddingsRefused, ExchangeUnreadable))
    assert not collection.exists
    return str(raised.value)


def test_embeddings_without_files_are_found_with_what_is_said_of_them(
    collection: Collection, folder: Path
) -> None:
    rows = [
        {"image_path": "a.jpg", "caption": "a wall", "url": "http://x/a", "punsafe": 0.25},
        {"image_path": "b.jpg", "caption": "", "url": "http://x/b", "punsafe": float("nan")},
    ]
    write_part(folder, 0, of_colours("red", "blue"), rows)
    report = collection.import_embeddings(folder, COLOURS)
    assert (report.rows, report.added, report.with_file) == (2, 2, 0)
    red, blue = collection.query("red", k=1)[0].image, collection.query("blue", k=1)[0].image
    assert (red.path, red.captions[0].text) == (None, "a wall")
    assert red.metadata == {"image_path": "a.jpg", "url": "http://x/a", "punsafe": 0.25}
    assert (blue.captions, "punsafe" in blue.metadata) == ((), False)


def test_a_file_that_is_there_is_read_once_and_known_by_its_content(
    collection: Collection, folder: Path, pictures: Path, paint: Paint
) -> None:
    paint("red.png", "red")
    rows = [{"image_path": "red.png"}, {"image_path": "gone.png"}]
    write_part(folder, 0, of_colours("red", "blue"), rows)
    report = collection.import_embeddings(folder, ImportOptions(tower="colours", root=pictures))
    assert (report.added, report.with_file) == (2, 1)
    hit = collection.query("red", k=1)[0]
    assert (hit.path, hit.image.info.width) == (pictures / "red.png", 48)
    (pictures / "red.png").rename(pictures / "moved.png")
    again = collection.ingest([pictures])
    assert (again.moved + again.added, again.embedded) == (1, 0)


def test_a_file_that_is_no_picture_is_told_and_its_row_stays(
    collection: Collection, folder: Path, pictures: Path
) -> None:
    (pictures / "bad.jpg").write_bytes(b"nothing")
    os.mkfifo(pictures / "pipe.jpg")
    rows = [{"image_path": str(pictures / name)} for name in ("bad.jpg", "pipe.jpg")]
    write_part(folder, 0, of_colours("red", "blue"), rows)
    report = collection.import_embeddings(folder, COLOURS)
    assert [skip.path.name for skip in report.failed] == ["bad.jpg"]
    assert len(collection) == 2


def test_parts_follow_their_numbers_whatever_their_zeros(
    collection: Collection, folder: Path
) -> None:
    for number, name in enumerate(("red", "green", "blue")):
        write_part(folder, 5 * number, of_colours(name), [{"image_path": name}])
    collection.import_embeddings(folder, COLOURS)
    assert [image.metadata["image_path"] for image in collection] == ["red", "green", "blue"]


def test_rows_of_one_picture_are_one_image_with_their_captions(
    collection: Collection, folder: Path
) -> None:
    rows = [{"image_path": "a.jpg", "caption": text} for text in ("one", "two")]
    write_part(folder, 0, of_colours("red", "red"), rows)
    report = collection.import_embeddings(folder, COLOURS)
    assert (report.added, report.known) == (1, 1)
    assert [caption.text for caption in collection.image(1).captions] == ["one", "two"]


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "is not finite"), (np.inf, "is not finite"), (0.5, "unit length")]
)
def test_a_bad_row_is_named(collection: Collection, folder: Path, value: float, said: str) -> None:
    embeddings = units(50)
    embeddings[17, 3] = value
    write_part(folder, 0, embeddings, [{"image_path": str(row)} for row in range(50)])
    message = refusal(collection, folder)
    assert "row 17" in message
    assert said in message


def test_rows_of_any_length_can_be_normalised(collection: Collection, folder: Path) -> None:
    write_part(folder, 0, units(3, dtype="float32") * 7, [{"image_path": str(n)} for n in range(3)])
    assert "--normalise" in refusal(collection, folder)
    collection.import_embeddings(folder, ImportOptions(tower="colours", normalise=True))
    assert np.allclose(np.linalg.norm(collection.embedding(2)), 1)


def test_rows_that_do_not_match_are_refused(collection: Collection, folder: Path) -> None:
    write_part(folder, 0, units(3), [{"image_path": "a"}])
    assert "has 3 rows, and metadata_0.parquet has 1" in refusal(collection, folder)


def test_captions_that_do_not_match_are_refused(collection: Collection, folder: Path) -> None:
    write_part(folder, 0, units(1), [{"image_path": "a"}], texts=units(2))
    assert "text_emb_0.npy" in refusal(collection, folder)


def test_another_width_is_refused(collection: Collection, folder: Path, paint: Paint) -> None:
    collection.ingest([paint("a.png", "red")])
    write_part(folder, 0, units(1, dim=9), [{"image_path": "a"}])
    with pytest.raises(TowerMismatch):
        collection.import_embeddings(folder, COLOURS)
    with pytest.raises(EmbeddingsRefused, match="9 numbers"):
        collection.import_embeddings(folder, ImportOptions(tower="builtin"))
    assert len(collection) == 1


def test_a_tower_that_nobody_names_is_asked_for(collection: Collection, folder: Path) -> None:
    write_part(folder, 0, units(1), [{"image_path": "a"}])
    with pytest.raises(TowerUnnamed, match="--tower"):
        collection.import_embeddings(folder)


def test_a_pickle_is_not_opened(collection: Collection, folder: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    write_part(folder, 0, np.array([[Trap()]], dtype=object), [{"image_path": "a"}])
    assert "whole .npy" in refusal(collection, folder)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["img_emb/img_emb_0.npy", "metadata/metadata_0.parquet"])
@pytest.mark.parametrize("damage", ["cut", "garbage", "empty"])
def test_a_damaged_file_is_refused(
    collection: Collection, folder: Path, name: str, damage: str
) -> None:
    write_part(folder, 0, units(40), [{"image_path": str(row)} for row in range(40)])
    whole = (folder / name).read_bytes()
    broken = {"cut": whole[: len(whole) // 2], "garbage": b"\x93" * 400, "empty": b""}[damage]
    (folder / name).write_bytes(broken)
    assert Path(name).name in refusal(collection, folder)


def test_a_part_without_metadata_is_refused(collection: Collection, folder: Path) -> None:
    write_part(folder, 0, units(1), [{"image_path": "a"}])
    np.save(folder / "img_emb/img_emb_1.npy", units(1))
    assert "counterpart of img_emb_1.npy" in refusal(collection, folder)


@pytest.mark.parametrize(
    "record", ["nothing", "{}", '{"a": "\\ud800"}', '{"info": {"fingerprint": "ff"}}', "[" * 9999]
)
def test_a_record_that_is_not_ours_is_refused_and_takes_everything_back(
    collection: Collection, folder: Path, record: str
) -> None:
    rows: list[dict[str, Any]] = [{"image_path": str(row), "clipsearch": None} for row in range(9)]
    rows[8]["clipsearch"] = record
    write_part(folder, 0, units(9), rows)
    with pytest.raises(ExchangeUnreadable):
        collection.import_embeddings(folder, COLOURS)
    assert len(collection) == 0


def test_captions_bring_their_embeddings(collection: Collection, folder: Path, home: Path) -> None:
    rows = [{"image_path": "a", "caption": "red"}, {"image_path": "b", "caption": ""}]
    texts = np.concatenate([of_colours("red"), np.zeros((1, 8), np.float16)])
    write_part(folder, 0, of_colours("blue", "green"), rows, texts)
    collection.import_embeddings(folder, COLOURS)
    collection.export(folder.parent / "again")
    again = np.load(folder.parent / "again/text_emb/text_emb_0.npy")
    assert np.allclose(again, texts, atol=1e-3)
    assert not again[1].any()
