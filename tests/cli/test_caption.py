"""clipsearch caption, as it is called."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from pathlib import Path

import pytest
from running import STOPPED, Clipsearch
from tiny_captioner import draw_square

from clipsearch import Caption, Collection


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """A folder with a red and a blue square, and a file that is no picture."""
    folder = tmp_path / "squares"
    folder.mkdir()
    draw_square(folder / "a red.png", "red", 50)
    draw_square(folder / "b.png", "blue", 51)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_each_picture_is_a_line_of_path_confidence_and_caption(
    clipsearch: Clipsearch, squares: Path, squares_captioner: Path
) -> None:
    ran = clipsearch("caption", squares, "--captioner", squares_captioner)
    assert ran.code == 0, ran.err
    rows = [line.split("\t") for line in ran.lines]
    assert [Path(path).name for path, _, _ in rows] == ["a red.png", "b.png"]
    assert "red" in rows[0][2]
    assert "blue" in rows[1][2]
    assert all(0 <= float(sure) <= 1 for _, sure, _ in rows)
    assert "left out" in ran.err
    assert "broken.png" in ran.err


def test_json_is_one_object(clipsearch: Clipsearch, squares: Path, squares_captioner: Path) -> None:
    ran = clipsearch("caption", squares, "--captioner", squares_captioner, "--json", "--quiet")
    found = json.loads(ran.out)
    assert (found["schema_version"], found["command"]) == (2, "caption")
    assert found["source"] == "generated:squares-1"
    assert [Path(each["path"]).name for each in found["captions"]] == ["a red.png", "b.png"]
    assert [skip["code"] for skip in found["failed"]] == ["not_an_image"]


def test_sidecars_of_people_stay_and_the_rest_is_written_once(
    clipsearch: Clipsearch, squares: Path, squares_captioner: Path
) -> None:
    (squares / "b.txt").write_text("my own words")
    asked = ("caption", squares, "--captioner", squares_captioner, "--write", "sidecar")
    assert clipsearch(*asked).code == 0
    first = (squares / "a red.txt").read_text()
    assert "red" in first
    again = clipsearch(*asked)
    assert (again.code, again.out) == (0, "")
    assert "2 had a caption already" in again.err
    assert (squares / "b.txt").read_text() == "my own words"


def test_a_table_has_a_row_for_each_picture(
    clipsearch: Clipsearch, squares: Path, squares_captioner: Path
) -> None:
    table = squares / "captions.csv"
    asked = ("caption", squares, "--captioner", squares_captioner, "--write", table)
    assert clipsearch(*asked).code == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["filepath"] for row in rows] == ["a red.png", "b.png"]
    assert "red" in rows[0]["title"]


def test_captions_go_into_the_catalogue_beside_those_of_people(
    clipsearch: Clipsearch, squares: Path, squares_captioner: Path
) -> None:
    assert clipsearch("index", squares, "--quiet").code == 0
    asked = ("caption", "--captioner", squares_captioner, "--write", "catalogue")
    ran = clipsearch(*asked)
    assert ran.code == 0, ran.err
    assert ran.out == "2 captioned, 0 had a caption\n"
    assert clipsearch(*asked).out == "0 captioned, 2 had a caption\n"
    listed = json.loads(clipsearch("list", "default", "--json").out)
    sources = [caption["source"] for image in listed["images"] for caption in image["captions"]]
    assert sources == ["generated:squares-1"] * 2


def test_index_captions_what_it_takes_in_and_query_shows_it(
    clipsearch: Clipsearch, squares: Path
) -> None:
    ran = clipsearch("index", squares, "--caption")
    assert ran.code == 0, ran.err
    assert ran.lines[-1] == "2 captioned"
    found = json.loads(clipsearch("query", "red", "--all", "--captions", "--json").out)
    sources = [each["source"] for hit in found["hits"] for each in hit["captions"]]
    assert sources == ["generated:builtin-captioner-6"] * 2


def test_captions_of_an_earlier_version_give_way(clipsearch: Clipsearch, squares: Path) -> None:
    assert clipsearch("index", squares, "--quiet").code == 0
    old = Caption("two zeppelins", "generated:builtin-captioner-1")
    kept = [Caption("two zeppelins over a hill", each) for each in ("human", "generated:hf:other")]
    with Collection(home=clipsearch.home) as collection:
        for image in list(collection):
            collection.add_captions(image.id, [old, *kept])
    assert clipsearch("caption", "--write", "catalogue").out == "2 captioned, 0 had a caption\n"
    with Collection(home=clipsearch.home) as collection:
        sources = [{each.source for each in image.captions} for image in collection]
        hit = collection.query("two zeppelins", k=1)[0]
    assert sources == [{*(each.source for each in kept), "generated:builtin-captioner-6"}] * 2
    assert hit.signals.caption is not None
    assert hit.signals.caption.text == kept[0].text


def test_query_writes_a_caption_on_the_spot_and_keeps_none(
    clipsearch: Clipsearch, squares: Path
) -> None:
    clipsearch("index", squares, "--quiet")
    shown = clipsearch("query", "red", "--all", "--captions")
    assert all(line.split("\t")[3] for line in shown.lines)
    found = json.loads(clipsearch("query", "red", "--all", "--json").out)
    assert [hit["captions"] for hit in found["hits"]] == [[], []]


def test_pictures_of_a_collection_are_captioned(
    clipsearch: Clipsearch, squares: Path, squares_captioner: Path
) -> None:
    clipsearch("index", squares, "--quiet")
    ran = clipsearch(
        *("caption", "-c", "default", squares / "b.png", "--captioner", squares_captioner)
    )
    assert [Path(line.split("\t")[0]).name for line in ran.lines] == ["b.png"]


def test_control_characters_in_a_name_do_not_reach_the_terminal(
    clipsearch: Clipsearch, tmp_path: Path, squares_captioner: Path
) -> None:
    path = draw_square(tmp_path / "x\x1b[31m\n.png", "red", 5)
    ran = clipsearch("caption", path, "--captioner", squares_captioner)
    assert ran.code == 0, ran.err
    assert "\x1b" not in ran.out
    assert len(ran.lines) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give PATHs"),
        (("nowhere",), "does not exist"),
        ((".", "--write", "file.docx"), "neither sidecar, xmp"),
        ((".", "--captioner", "."), "no whole captioner"),
        (("-c", "none", "--write", "catalogue"), "none"),
    ],
)
def test_what_cannot_be_done_is_said(
    clipsearch: Clipsearch, squares_captioner: Path, arguments: tuple[str, ...], told: str
) -> None:
    own = [] if "--captioner" in arguments else ["--captioner", str(squares_captioner)]
    ran = clipsearch("caption", *arguments, *own)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_where_nothing_is_readable_it_is_an_error(
    clipsearch: Clipsearch, squares: Path, squares_captioner: Path
) -> None:
    asked = ("caption", squares / "broken.png", "--captioner", squares_captioner)
    assert clipsearch(*asked).code == 2
    empty = squares / "empty"
    empty.mkdir()
    assert clipsearch("caption", empty, "--captioner", squares_captioner).code == 1


def test_ctrl_c_keeps_what_was_written(
    clipsearch: Clipsearch, tmp_path: Path, squares_captioner: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(120):
        draw_square(folder / f"{number:03}.png", "red", number)
    running = clipsearch.start(
        *(
            "caption",
            folder,
            "--captioner",
            squares_captioner,
            "--write",
            "sidecar",
            "--beams",
            "16",
        )
    )
    while not (folder / "000.txt").exists() and running.poll() is None:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode in STOPPED, err
    assert b"stopped;" in err
    assert b"Traceback" not in err
    written = list(folder.glob("*.txt"))
    assert 0 < len(written) < 120
    assert all("red" in each.read_text() for each in written)


def test_in_a_collection_what_the_captioner_wrote_is_written_anew_when_asked(
    clipsearch: Clipsearch, squares: Path
) -> None:
    assert clipsearch("index", squares, "--quiet").code == 0
    human = Caption("two zeppelins over a hill", "human")
    with Collection(home=clipsearch.home) as collection:
        for image in list(collection):
            collection.add_captions(image.id, [human])
    asked = ("caption", "-c", "default", "--write", "catalogue")
    assert clipsearch(*asked, "--longest", "2").out == "2 captioned, 0 had a caption\n"
    short = captions_in(clipsearch)
    assert clipsearch(*asked).out == "0 captioned, 2 had a caption\n"
    assert captions_in(clipsearch) == short
    assert clipsearch(*asked, "--overwrite").out == "2 captioned, 0 had a caption\n"
    found = captions_in(clipsearch)
    assert all(human in own and len(own) == 2 for own in found)
    assert all(own != before for own, before in zip(found, short, strict=True))


def captions_in(clipsearch: Clipsearch) -> list[list[Caption]]:
    with Collection(home=clipsearch.home) as collection:
        return [list(image.captions) for image in collection]
