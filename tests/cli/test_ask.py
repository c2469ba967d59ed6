"""clipsearch ask and eval --task vqa, and query --rerank, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chat_stand_in import chat_stand_in, said
from running import Clipsearch


def test_a_pipe_gets_answers_with_probabilities(clipsearch: Clipsearch, photographs: Path) -> None:
    cat = photographs / "chelsea.png"
    ran = clipsearch("ask", cat, "what animal is this?", "--choices", "bus, cat")
    assert ran.code == 0, ran.err
    rows = [line.split("\t") for line in ran.lines]
    assert [row[0] for row in rows] == ["cat", "bus"]
    assert float(rows[0][1]) + float(rows[1][1]) == pytest.approx(1.0, abs=1e-3)


def test_json_says_what_was_weighed(clipsearch: Clipsearch, photographs: Path) -> None:
    picture = (photographs / "chelsea.png").read_bytes()
    ran = clipsearch("ask", "-", "is there a cat?", "--json", stdin=picture)
    found = json.loads(ran.out)
    assert list(found) == [
        *("schema_version", "command", "image", "question", "model", "answers", "cost"),
    ]
    assert {each["answer"]: each["statement"] for each in found["answers"]} == {
        "yes": "a cat",
        "no": "a cat",
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("why is it here?",), "--choices A,B,C"),
        (("who is it?", "--choices", "a cat"), "only choice"),
        ((" ",), "empty"),
        (("is it red?", "--model", "nowhere"), "no whole captioner"),
    ],
)
def test_what_cannot_be_answered_is_an_error_with_its_way_out(
    clipsearch: Clipsearch, photographs: Path, arguments: tuple[str, ...], told: str
) -> None:
    ran = clipsearch("ask", photographs / "chelsea.png", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.network_stand_in
def test_a_server_that_is_named_answers_freely(clipsearch: Clipsearch, photographs: Path) -> None:
    pytest.importorskip("httpx2", reason="servers are asked with clipsearch[servers]")
    picture = photographs / "chelsea.png"
    with chat_stand_in(lambda *_: said("**A cat**\x1b]0;owned\x07")) as server:
        ran = clipsearch("ask", picture, "what is it?", "--model", server.spelled(), "--json")
    found = json.loads(ran.out)
    assert found["answers"] == [
        {"answer": "A cat ]0;owned", "probability": None, "statement": None}
    ]
    assert found["cost"]["prompt_tokens"] == 100
    (asked,) = server.asked
    assert "what is it?" in asked["messages"][0]["content"][0]["text"]


def test_vqa_is_measured_and_shown(
    clipsearch: Clipsearch, photographs: Path, tmp_path: Path
) -> None:
    rows = [
        {"image": "chelsea.png", "question": "is there a cat?", "answers": ["yes"] * 10},
        {"image": "chelsea.png", "question": "why?", "answers": ["luck"] * 10},
        {"image": "gone.png", "question": "is there a cat?", "answers": ["yes"] * 10},
    ]
    table = tmp_path / "questions.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)))
    page = tmp_path / "page.html"
    data = (table, "--root", photographs, "--task", "vqa", "--quiet")
    ran = clipsearch("eval", *data, "--json", "--html", page)
    found = json.loads(ran.out)
    assert found["metrics"]["accuracy"] == 0.5
    assert [each["answer"] for each in found["answers"]] == ["yes", None]
    assert len(found["skipped"]) == 1
    assert "why?" in page.read_text()
    assert clipsearch("eval", *data, "--task", "captions").code == 2


def test_hits_are_ranked_again_and_say_what_it_is_worth(indexed: Clipsearch) -> None:
    ran = indexed("query", "a cat on a sofa", "--rerank", "-k", "5", "--json")
    found = json.loads(ran.out)
    assert found["rerank"] is True
    assert found["hits"][0]["path"].endswith("chelsea.png")
    for hit in found["hits"]:
        parts = [each["evidence"] for each in hit["signals"].values() if each]
        assert hit["signals"]["likelihood"]
        assert hit["rank_score"] == pytest.approx(sum(parts), abs=1e-4)
    scores = [hit["rank_score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "arguments", [("a cat", "--by", "pictures"), ("--image", "chelsea.png")], ids=["by", "image"]
)
def test_what_the_captioner_cannot_rank_is_refused(
    indexed: Clipsearch, photographs: Path, arguments: tuple[str, ...]
) -> None:
    given = [str(photographs / each) if each.endswith(".png") else each for each in arguments]
    ran = indexed("query", *given, "--rerank")
    assert ran.code == 2
    assert "cannot rank these hits again" in ran.err


def test_two_questions_are_not_taken_for_one(clipsearch: Clipsearch, photographs: Path) -> None:
    ran = clipsearch("ask", photographs / "chelsea.png", "is there a cat?", "is there a dog?")
    assert ran.code == 2
    assert "one question at a time" in ran.err
