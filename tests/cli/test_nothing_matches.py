"""`clipsearch query` says that nothing matches, and how to see the nearest all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running import Clipsearch


def test_a_query_of_what_is_not_there_says_that_nothing_matches(indexed: Clipsearch) -> None:
    ran = indexed("query", "a", "submarine")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "nothing matches. `--all` shows the nearest pictures all the same.\n"


def test_all_shows_the_nearest_with_their_low_probabilities(indexed: Clipsearch) -> None:
    ran = indexed("query", "a", "submarine", "--all", "-k", "3", "--json")
    hits = json.loads(ran.out)["hits"]
    assert (ran.code, len(hits)) == (0, 3)
    assert all(0 < hit["probability"] < 0.5 for hit in hits)


def test_json_says_that_nothing_matched(indexed: Clipsearch) -> None:
    document = json.loads(indexed("query", "a", "submarine", "--json").out)
    assert document["matched"] is False
    assert document["hits"] == []


def test_a_terminal_shows_the_probability_in_percent(indexed: Clipsearch) -> None:
    shown = indexed.on_terminal("query", "a", "cat", "-k", "1", NO_COLOR="1")
    assert shown.splitlines()[1].split()[2].endswith("%")


def test_a_picture_query_has_no_probability(indexed: Clipsearch, photographs: Path) -> None:
    ran = indexed("similar", photographs / "chelsea.png", "-k", "1", "--json")
    document = json.loads(ran.out)
    assert document["matched"] is True
    assert document["hits"][0]["probability"] is None


def test_a_least_probability_of_a_picture_query_is_refused(
    indexed: Clipsearch, photographs: Path
) -> None:
    ran = indexed("query", "--image", photographs / "chelsea.png", "--min-probability", "0.5")
    assert ran.code == 2
    assert "words alone" in ran.err


@pytest.mark.parametrize("given", ["1.5", "-0.1", "nan"])
def test_a_probability_is_between_0_and_1(given: str, indexed: Clipsearch) -> None:
    assert indexed("query", "cat", "--min-probability", given).code == 2


def test_not_leaves_out_what_a_text_describes(indexed: Clipsearch) -> None:
    assert "chelsea" in indexed("query", "a cat", "-k", "1", "--paths").out
    without = indexed("query", "a cat", "--all", "-k", "5", "--paths", "--not", "a cat")
    assert len(without.lines) == 5
    assert "chelsea" not in without.out


def test_an_empty_text_to_leave_out_is_refused(indexed: Clipsearch) -> None:
    assert indexed("query", "cat", "--not", " ").code == 2


def test_filters_are_named_where_nothing_matches_among_what_passes(indexed: Clipsearch) -> None:
    ran = indexed("query", "a", "submarine", "--format", "png")
    assert ran.err.startswith("nothing matches among the pictures that pass the filters. ")
