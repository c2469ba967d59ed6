"""What the commands say beside their results: order, captions, what was left out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from chat_stand_in import chat_stand_in, failed, hung
from conftest import Paint
from running import Ran

from clipsearch import Caption, Collection, Query, Words

Call = Callable[..., Ran]


TEXT = "a quiet harbour at dawn"


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Path:
    """A home with three photographs; the second nearest to TEXT is said to show it. Only read."""
    home = tmp_path_factory.mktemp("harbour") / "home"
    with Collection(home=home) as pictures:
        names = ("chelsea.png", "coins.png", "rocket.jpg")
        pictures.ingest([photographs / name for name in names])
        _, second, _ = pictures.search(Query([Words(TEXT)], by="pictures"))
        pictures.add_captions(second.image.id, [Caption(TEXT)])
    return home


def test_a_table_whose_order_is_not_that_of_its_scores_says_what_it_is(
    call: Call, harbour: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ran = call("query", TEXT, "--all", home=harbour)
    assert ran.err.startswith("note: ordered by pictures, captions and words together, not by")
    assert call("query", TEXT, "--all", "--by", "pictures", home=harbour).err == ""


def test_captions_are_a_column_of_csv(call: Call, harbour: Path) -> None:
    ran = call("query", TEXT, "--all", "--captions", "--csv", home=harbour)
    said = [row["caption"] for row in csv.DictReader(io.StringIO(ran.out))]
    assert TEXT in said
    assert len(list(filter(None, said))) == 3


@pytest.mark.network_stand_in
def test_hits_stay_where_a_server_fails_to_caption_them(call: Call, harbour: Path) -> None:
    pytest.importorskip("httpx2", reason="servers are asked with clipsearch[servers]")
    with chat_stand_in(lambda *_: failed(500, "no")) as server:
        how = ("--captions", "--captioner", server.spelled(), "--retries", "0")
        ran = call("query", TEXT, "--all", *how, "--json", home=harbour)
    found = json.loads(ran.out)
    assert ran.code == 0
    assert len(found["hits"]) == 3
    assert len(found["captions_failed"]) == 2
    assert all(each["path"] in ran.err for each in found["captions_failed"])
    assert ran.err.count("fails (500") == 1


@pytest.mark.network_stand_in
def test_a_server_is_asked_about_several_hits_at_once(call: Call, harbour: Path) -> None:
    pytest.importorskip("httpx2", reason="servers are asked with clipsearch[servers]")
    with chat_stand_in(lambda *_: hung(0.3)) as server:
        how = ("--captions", "--captioner", server.spelled())
        ran = call("query", TEXT, "--all", *how, home=harbour)
    assert sorted(line.split("\t")[3] for line in ran.lines) == ["Too late", "Too late", TEXT]
    assert server.at_once == 2


def test_a_probability_of_a_picture_is_said_not_to_be_known(
    call: Call, harbour: Path, photographs: Path
) -> None:
    picture = photographs / "coins.png"
    ran = call("query", "--image", picture, "--min-probability", "0.5", home=harbour)
    assert ran.code == 2
    assert ran.err.startswith("clipsearch: how probable a picture is, is known of queries in words")


def test_what_cannot_be_written_is_named_as_it_was_typed(call: Call, harbour: Path) -> None:
    ran = call("query", "cat", "--html", "/proc/x", home=harbour)
    assert ran.code == 2
    assert "clipsearch: cannot use /proc/x: no such file or directory. Check that" in ran.err


def test_what_was_left_out_before_is_only_counted(
    call: Call, collection: Collection, paint: Paint
) -> None:
    folder = paint("red.png", "red").parent
    (folder / "old.jpg").write_bytes(b"no picture")
    assert [each.path.name for each in collection.ingest([folder]).newly_failed] == ["old.jpg"]
    (folder / "new.jpg").write_bytes(b"no picture either")
    report = collection.ingest([folder])
    assert len(report.failed) == 2
    assert [each.path.name for each in report.newly_failed] == ["new.jpg"]


def test_a_collection_that_cannot_be_read_is_listed_without_none(call: Call, home: Path) -> None:
    broken = home / "collections" / "broken"
    broken.mkdir(parents=True)
    (broken / "catalogue.sqlite").write_bytes(b"garbage")
    assert call("list").out.startswith("broken\t-\t-\t-\t/")


def test_a_home_that_is_a_file_is_found_by_the_doctor(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        assert "BROKEN\thome\t" in call("doctor", home=home).out


def test_a_broken_file_costs_no_other_its_scores(call: Call, pictures: Path, paint: Paint) -> None:
    good, broken = paint("red.png", "red"), pictures / "broken.jpg"
    broken.write_bytes(b"no picture")
    ran = call("score", pictures, good, "--text", "red", "--text", "blue", "--json")
    found = json.loads(ran.out)
    assert ran.code == 0
    assert found["images"] == [str(good)] * 2
    assert [len(found["cosine"]), len(found["softmax"])] == [2, 2]
    assert [each["path"] for each in found["failed"]] == [str(broken)]
    assert f"left out: {broken}: " in ran.err
    assert call("score", broken, "--text", "red").code == 2
    assert "does not exist" in call("score", "/missing", "--text", "red").err


def test_a_mistyped_command_is_told_what_may_have_been_meant(call: Call) -> None:
    assert "Did you mean 'query'?" in call("qurey", "cat").err


def test_summaries_of_commands_are_whole(call: Call) -> None:
    shown = " ".join(call("--help").out.split())
    assert "..." not in shown.split("Commands:")[1]
    assert "as clip-retrieval and autofaiss read it." in shown


def test_a_question_needs_no_quotes(call: Call, photographs: Path) -> None:
    ran = call("ask", photographs / "chelsea.png", "is", "there", "a", "cat?", "--json")
    assert json.loads(ran.out)["question"] == "is there a cat?"
