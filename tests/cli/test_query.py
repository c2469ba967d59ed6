"""What query and similar write, to people, to pipes and to programs."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import Paint
from running import Clipsearch, Ran


@pytest.fixture(scope="module")
def cat(indexed: Clipsearch) -> Ran:
    return indexed("query", "a", "cat", "--top", "5")


def test_a_pipe_gets_rank_score_and_path_between_tabs(cat: Ran) -> None:
    rows = [line.split("\t") for line in cat.lines]
    assert cat.code == 0
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert all(re.fullmatch(r"-?\d\.\d{4}", row[1]) for row in rows)
    assert all(Path(row[2]).is_file() for row in rows)
    assert cat.err == ""


def test_what_is_asked_for_comes_first(cat: Ran) -> None:
    assert cat.lines[0].endswith("/chelsea.png")


def test_a_pipe_gets_no_colour_and_whole_paths_whatever_its_width(
    indexed: Clipsearch, cat: Ran
) -> None:
    narrow = indexed("query", "a", "cat", "--top", "5", COLUMNS="20", FORCE_COLOR="1")
    assert narrow.out == cat.out
    assert "\x1b" not in narrow.out


def test_a_terminal_gets_a_coloured_table_with_whole_paths(indexed: Clipsearch, cat: Ran) -> None:
    shown = indexed.on_terminal("query", "a", "cat", "--top", "5")
    assert "\x1b[36m" in shown
    plain = re.sub(r"\x1b\[\d*m", "", shown).splitlines()
    assert plain[0].split() == ["rank", "score", "match", "path"]
    rows = [line.split() for line in plain[1:] if not line.startswith("note: ")]
    assert [row[3] for row in rows] == [line.split("\t")[2] for line in cat.lines]


def test_no_color_is_obeyed_on_a_terminal(indexed: Clipsearch) -> None:
    assert not re.search(r"\x1b\[3\dm", indexed.on_terminal("query", "a", "cat", NO_COLOR="1"))


def test_json_is_one_object_of_the_documented_form(indexed: Clipsearch, cat: Ran) -> None:
    ran = indexed("query", "2:a cat", "--minus", "a dog", "--top", "2", "--json")
    document = json.loads(ran.out)
    assert list(document) == [
        *("schema_version", "command", "collection", "tower", "query", "top", "min_score"),
        *("min_probability", "not", "filter", "by", "rerank", "matched", "hits"),
        "captions_failed",
    ]
    assert document["schema_version"] == 2
    assert document["query"] == [
        {"text": "a cat", "weight": 2.0, "exact": False, "embedded": ["a cat"]},
        {"text": "a dog", "weight": -1.0, "exact": False, "embedded": ["a dog"]},
    ]
    assert document["matched"] is True
    assert len(document["hits"]) == 2
    assert list(document["hits"][0]) == [
        *("rank", "score", "rank_score", "probability", "signals"),
        *("id", "path", "path_base64", "paths", "paths_base64"),
        *("width", "height", "bytes", "format", "taken", "camera", "latitude", "longitude"),
        *("distance_km", "captions", "metadata"),
    ]
    assert ran.out.isascii()


def test_csv_has_a_header_and_a_row_for_each_hit(indexed: Clipsearch, cat: Ran) -> None:
    rows = list(csv.DictReader(io.StringIO(indexed("query", "a cat", "-k", "5", "--csv").out)))
    assert [row["path"] for row in rows] == [line.split("\t")[2] for line in cat.lines]
    assert rows[0]["width"] == "451"


def test_paths_writes_paths_only_and_null_ends_them_with_nul(indexed: Clipsearch, cat: Ran) -> None:
    paths = [line.split("\t")[2] for line in cat.lines]
    assert indexed("query", "a cat", "-k", "5", "--paths").lines == paths
    null = indexed("query", "a cat", "-k", "5", "-0").out
    assert null == "".join(f"{path}\0" for path in paths)


def test_more_is_asked_for_than_there_is(indexed: Clipsearch) -> None:
    ran = indexed("query", "a cat", "--top", "1000000")
    assert ran.code == 0
    assert len(ran.lines) == 28


def test_nothing_found_is_exit_1_and_said_on_stderr(indexed: Clipsearch) -> None:
    ran = indexed("query", "a cat", "--min-score", "0.99")
    assert (ran.code, ran.out, ran.err) == (1, "", "nothing found.\n")


def test_under_keeps_to_a_folder(indexed: Clipsearch, photographs: Path, tmp_path: Path) -> None:
    ran = indexed("query", "a cat", "--under", photographs / "coins.png", "--all", "--paths")
    assert ran.lines == [str(photographs / "coins.png")]
    assert indexed("query", "a cat", "--under", tmp_path).code == 1


def test_under_takes_a_folder_that_is_gone_while_its_pictures_are_known(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("old/red.png", "red")
    clipsearch("index", pictures)
    shutil.rmtree(pictures / "old")
    ran = clipsearch("query", "red", "--all", "--under", pictures / "old", "--paths")
    assert ran.lines == [str(pictures / "old" / "red.png")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["query"], "the query is empty"),
        (["query", "  "], "the query is empty"),
        (["query", "cat", "-k", "0"], "0 is not in the range"),
        (["query", "cat", "--min-score", "high"], "not a valid float"),
        (["query", "cat", "--nosuch"], "No such option"),
        (["query", "cat", "-c", "nosuch"], "there is no collection 'nosuch'"),
        (["query", "cat", "-c", "../x"], "cannot name a collection"),
        (["query", "9" * 400 + ":cat"], "the weight before 'cat' must be between"),
        (["query", "0:cat"], "the weight before 'cat' must be between"),
        (["query", "--image", "0.0:cat.jpg"], "the weight before 'cat.jpg' must be between"),
        (["query", "cat", "--min-score", "nan"], "nan is no number to compare with"),
        (["similar", "cat.jpg", "--min-score", "inf"], "inf is not in the range"),
        (["query", "--image", "-", "--image", "2:-"], "only one picture can come on stdin"),
        (["query", "cat", "--under", "/nosuch"], "--under /nosuch: there is no such folder"),
        (["query", "cat", "--after", "2025", "--before", "2024"], "--after: it begins 2025"),
        (["query", "cat", "--after", "soon"], "'soon' is no date like 2024"),
        (["query", "cat", "--near", "95,0,1"], "latitude 95 is not between -90 and 90"),
        (["similar", "cat.jpg", "--min-size", "0"], "asks for nothing"),
        (["query", "cat", "--where", "sku"], "'sku' is no KEY=VALUE"),
        (["query", "cat", "--format", "psd"], "there is no format 'psd'; there are jpeg, png"),
        (["remove", "--id", "9" * 20], "is not in the range"),
        (["remove", "--id", "0"], "is not in the range"),
        (["score", "cat.jpg", "--text", "cat", "--text", " "], "a text is empty"),
        (["query", "кошка"], "cannot read Cyrillic"),
        (["query", "--image", "/nosuch.jpg"], "cannot read '/nosuch.jpg'"),
        (["similar", "/etc/passwd"], "cannot read '/etc/passwd'"),
        (["query", "cat", "--html", "/nosuch/page.html"], "no file in a folder that exists"),
        (["nosuch"], "No such command"),
    ],
)
def test_an_error_is_one_clear_message_and_exit_2(
    indexed: Clipsearch, arguments: list[str], said: str
) -> None:
    ran = indexed(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert said in ran.err
    assert ran.err.startswith("clipsearch: ")
    assert "Traceback" not in ran.err


def test_ten_thousand_words_are_asked_all_the_same(indexed: Clipsearch) -> None:
    assert indexed("query", "a cat " * 5_000, "--all").code == 0


def test_similar_finds_the_picture_itself_first(indexed: Clipsearch, photographs: Path) -> None:
    ran = indexed("similar", photographs / "coffee.png", "-k", "2")
    assert ran.lines[0] == f"1\t1.0000\t{photographs / 'coffee.png'}"


def test_a_picture_may_come_on_stdin(indexed: Clipsearch, photographs: Path) -> None:
    picture = (photographs / "coffee.png").read_bytes()
    ran = indexed("query", "--image", "-", "-k", "1", "--paths", stdin=picture)
    assert ran.lines == [str(photographs / "coffee.png")]


def test_a_page_is_written_beside_the_hits(indexed: Clipsearch, tmp_path: Path) -> None:
    page = tmp_path / "found.html"
    ran = indexed("query", "a cat", "--html", page)
    assert ran.lines[0].endswith("chelsea.png")
    assert ran.err == f"wrote {page}\n"
    assert page.read_text().count("<figure") == 10


def test_a_reader_that_goes_away_is_no_error(indexed: Clipsearch) -> None:
    with indexed.start("list", "default", "--json") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


def test_a_hit_is_shown_where_it_still_lies(
    clipsearch: Clipsearch, photographs: Path, tmp_path: Path
) -> None:
    """A folder that was renamed and indexed anew is known in both places."""
    before, after = tmp_path / "before", tmp_path / "now"
    before.mkdir()
    shutil.copy(photographs / "chelsea.png", before)
    clipsearch("index", before, "--quiet")
    before.rename(after)
    clipsearch("index", after, "--quiet")
    ran = clipsearch("query", "a cat", "-0")
    assert ran.out == f"{after / 'chelsea.png'}\0"
    (found,) = json.loads(clipsearch("query", "a cat", "--json").out)["hits"]
    assert found["paths"] == [str(after / "chelsea.png"), str(before / "chelsea.png")]


def test_what_counted_is_told_whole_where_the_output_is_no_terminal(
    clipsearch: Clipsearch, photographs: Path, tmp_path: Path
) -> None:
    said = "a cat that looks at whoever takes its picture, from very near and without any fear"
    shutil.copy(photographs / "chelsea.png", tmp_path)
    (tmp_path / "chelsea.txt").write_text(said + "\n")
    clipsearch("index", tmp_path, "--quiet")
    assert said in clipsearch("query", "a cat", "--explain").out


def test_a_page_never_takes_the_place_of_a_photograph(
    indexed: Clipsearch, photographs: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "cat.png"
    photo.write_bytes((photographs / "chelsea.png").read_bytes())
    ran = indexed("query", "a cat", "--html", photo)
    assert ran.code == 2
    assert "is no page" in ran.err
    assert photo.read_bytes() == (photographs / "chelsea.png").read_bytes()
    page = tmp_path / "cat.html"
    for _ in range(2):  # a page takes the place of an older one
        assert indexed("query", "a cat", "--html", page).code == 0
