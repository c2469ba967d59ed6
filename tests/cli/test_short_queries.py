"""`clipsearch query` asks for short words in sentences, and says so."""

from __future__ import annotations

import json

from running import Clipsearch


def asked(indexed: Clipsearch, *arguments: str) -> dict[str, object]:
    ran = indexed("query", *arguments, "--all", "-k", "1", "--json")
    found: dict[str, object] = json.loads(ran.out)["query"][0]
    return found


def test_json_says_in_which_sentences_a_word_was_asked_for(indexed: Clipsearch) -> None:
    assert asked(indexed, "cat") == {
        "text": "cat",
        "weight": 1.0,
        "exact": False,
        "embedded": ["a cat", "a photo of a cat", "there is a cat in the picture"],
    }


def test_exact_takes_a_word_as_it_stands(indexed: Clipsearch) -> None:
    part = asked(indexed, "cat", "--exact")
    assert (part["exact"], part["embedded"]) == (True, ["cat"])


def test_a_bare_word_is_as_probable_as_one_with_its_article(indexed: Clipsearch) -> None:
    bare, named, exact = (
        json.loads(indexed("query", *words, "-k", "1", "--json").out)["hits"][0]["probability"]
        for words in (["cat"], ["a", "cat"], ["cat", "--exact"])
    )
    assert bare > named - 0.1
    assert bare > exact
