"""clipsearch explain, as it is called."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image
from running import Clipsearch


def test_json_has_a_grid_that_sums_up_to_the_score(
    clipsearch: Clipsearch, photographs: Path
) -> None:
    ran = clipsearch("explain", photographs / "chelsea.png", "a cat", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert (found["schema_version"], found["command"], found["text"]) == (2, "explain", "a cat")
    numbers = found["grid"]["values"]
    assert len(numbers) == found["grid"]["rows"]
    assert sum(map(sum, numbers)) == pytest.approx(found["score"], abs=2e-3)


def test_words_have_boxes_inside_the_picture(clipsearch: Clipsearch, photographs: Path) -> None:
    ran = clipsearch("explain", photographs / "rocket.jpg", "a rocket and a sky", "--words")
    assert ran.code == 0, ran.err
    rows = [line.split("\t") for line in ran.lines]
    assert [row[0] for row in rows] == ["rocket", "sky"]
    left, top, width, height = map(int, rows[0][2:])
    with Image.open(photographs / "rocket.jpg") as picture:
        assert left >= 0
        assert top >= 0
        assert left + width <= picture.width
        assert top + height <= picture.height


def test_out_writes_a_picture(clipsearch: Clipsearch, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "heat.png"
    ran = clipsearch("explain", photographs / "chelsea.png", "a", "cat", "--out", out)
    assert ran.code == 0, ran.err
    with Image.open(out) as drawn:
        assert drawn.format == "PNG"
        assert min(drawn.size) > 200
    assert len(ran.lines) == 9


def test_a_picture_comes_on_stdin(clipsearch: Clipsearch, photographs: Path) -> None:
    ran = clipsearch("explain", "-", "a cat", stdin=(photographs / "chelsea.png").read_bytes())
    assert len(ran.lines) == 9


def test_a_terminal_shows_the_picture_in_colour(clipsearch: Clipsearch, photographs: Path) -> None:
    shown = clipsearch.on_terminal("explain", photographs / "chelsea.png", "a cat")
    assert "▀" in shown
    assert "\x1b[" in shown


def test_no_color_gives_numbers(clipsearch: Clipsearch, photographs: Path) -> None:
    shown = clipsearch.on_terminal("explain", photographs / "chelsea.png", "a cat", NO_COLOR="1")
    assert "\x1b[" not in shown
    assert "0.0" in shown


def test_what_is_no_picture_is_said(clipsearch: Clipsearch, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"nothing")
    ran = clipsearch("explain", tmp_path / "x.jpg", "a cat")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("clipsearch: cannot read")


def test_an_empty_text_is_said(clipsearch: Clipsearch, photographs: Path) -> None:
    assert clipsearch("explain", photographs / "chelsea.png", " ").code == 2


def test_the_gallery_shows_where_the_query_is(indexed: Clipsearch, tmp_path: Path) -> None:
    page = tmp_path / "found.html"
    ran = indexed("query", "a cat", "-k", "2", "--html", page, "--explain")
    assert ran.code == 0, ran.err
    assert page.read_text().count('<img class=heat src="data:image/png;base64,') == 2


def test_a_collections_tower_explains(clipsearch: Clipsearch, photographs: Path) -> None:
    picture = photographs / "chelsea.png"
    assert clipsearch("explain", picture, "a cat", "-c", "nosuch").code == 2
    both = clipsearch("explain", picture, "a cat", "-c", "cats", "--model", "builtin")
    assert "give one" in both.err
    clipsearch("index", picture, "-c", "cats")
    ran = clipsearch("explain", picture, "a cat", "-c", "cats", "--json")
    held = clipsearch("status", "-c", "cats", "--json")
    assert json.loads(ran.out)["tower"] == json.loads(held.out)["tower"]


def test_a_query_explains_what_its_ranks_rest_on(indexed: Clipsearch) -> None:
    ran = indexed("query", "rocket", "-k", "1", "--explain")
    rank, score, picture, caption, words, path = ran.out.rstrip("\n").split("\t")
    assert (rank, caption) == ("1", "-")
    assert path.endswith("/rocket.jpg")
    assert words.endswith(": rocket)")
    shares = [float(cell.split()[0]) for cell in (picture, words)]
    assert float(score) == pytest.approx(sum(shares), abs=0.02)


def test_a_terminal_shows_a_column_for_each_signal(indexed: Clipsearch) -> None:
    shown = indexed.on_terminal("query", "a", "cat", "-k", "1", "--explain")
    plain = re.sub(r"\x1b\[\d*m", "", shown)
    heading = ["rank", "rank", "score", "picture", "caption", "words", "path"]
    assert plain.splitlines()[0].split() == heading


def test_a_query_goes_by_one_signal_alone(indexed: Clipsearch) -> None:
    by_words = indexed("query", "rocket", "--by", "words", "--json")
    assert [hit["signals"]["words"]["words"] for hit in json.loads(by_words.out)["hits"]] == [
        ["rocket"]
    ]
    assert indexed("query", "zeppelin", "--by", "captions").code == 1


def test_a_name_that_has_all_the_words_matches_whatever_the_picture_shows(
    indexed: Clipsearch, photographs: Path
) -> None:
    ran = indexed("query", "ihc", "-k", "1", "--paths")
    assert ran.lines == [str(photographs / "ihc.png")]


def test_a_png_bears_no_other_name(
    clipsearch: Clipsearch, photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "heat.jpg"
    ran = clipsearch("explain", photographs / "chelsea.png", "a cat", "--out", out)
    assert ran.code == 2
    assert "heat.png" in ran.err
    assert not out.exists()
