"""How often the built-in captioner answers right, on questions made from people's captions.

    python benchmarks/asking.py DATA [--fit] [--json]

DATA holds flickr8k.csv and coco.csv (filepath,title,split) with the pictures beside them. Each dev
picture's captions make questions whose answer they give: the colour of a thing where all captions
agree on one, how many there are where two begin with the same number, and whether a thing is there
(two captions name it; against one of another picture that no caption names). The weights of
clipsearch/captioning/answering.py were fitted on the even pictures of Flickr8k dev (`--fit`, needs
scipy); measured are the odd ones, and COCO dev.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipsearch import Captioner, load_towers
from clipsearch.captioning.answering import (
    CHOICE,
    CHOICE_COSINE,
    CLAIM,
    CLAIM_BIAS,
    CLAIM_BLIND,
    CLAIM_COSINE,
)
from clipsearch.captioning.statements import COLOURS, COUNTS, statement
from clipsearch.captions.plain_words import plain
from clipsearch.images import decode_picture
from clipsearch.settings import default_home

THINGS = """dog man woman boy girl child people ball water snow grass beach street car bike hat
horse rock mountain tree building crowd pool skateboard camera shirt table food bench river cat bus
train boat""".split()  # noqa: SIM905
MASS = {"people", "water", "snow", "grass", "food"}
ALIKE = {
    "people": "man woman men women boys girls children person crowd boy girl child kids",
    "child": "boy girl kid toddler baby children boys girls kids",
    "man": "men guy person people boy male",
    "woman": "women lady girl people person female",
    "boy": "child kid boys man toddler",
    "girl": "child kid girls woman toddler",
    "bike": "bicycle biker motorcycle cyclist bicyclist",
    "water": "ocean lake river pool sea wave waves beach surf",
    "snow": "snowy ski skier snowboarder",
    "grass": "grassy field lawn",
    "beach": "sand ocean shore",
    "rock": "rocks cliff rocky",
    "tree": "forest woods",
    "ball": "football basketball baseball tennis soccer",
    "street": "road sidewalk",
    "hat": "cap helmet",
    "car": "vehicle",
}
MANY = {
    **{"dogs": "dog", "men": "man", "women": "woman", "boys": "boy", "girls": "girl"},
    **{"people": "person", "children": "child"},
}
NUMBERS = {"a": 0, "an": 0, "one": 0, "two": 1, "three": 2, "four": 3, "five": 4}
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """A question about the picture at a place, its choices, and which of them is right."""

    picture: int
    kind: str
    text: str
    choices: tuple[str, ...]
    right: int


@dataclass(frozen=True)
class Weighed:
    """Questions of one kind: what was measured of each choice, and which is right.

    Log-likelihoods, those where nothing is seen, and cosines, each [questions, choices]; a
    yes-or-no question has one statement.
    """

    logs: Numbers
    blind: Numbers
    cosines: Numbers
    right: NDArray[np.int64]


def main() -> None:
    """Make questions, weigh them, and print how many are answered right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit the weights (needs scipy)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    flickr = captions(arguments.data, "flickr8k.csv")
    asked = list(questions(list(flickr.values())))
    if arguments.fit:
        fit(weighed(arguments.data, list(flickr), [q for q in asked if q.picture % 2 == 0]))
        return
    coco = captions(arguments.data, "coco.csv")
    sets = {
        "Flickr8k dev, other half": (list(flickr), [q for q in asked if q.picture % 2]),
        "COCO dev": (list(coco), list(questions(list(coco.values())))),
    }
    rows = [
        {"set": name, **row}
        for name, (names, own) in sets.items()
        for row in measured(weighed(arguments.data, names, own))
    ]
    print(json.dumps(rows, indent=1) if arguments.json else table(rows))


def captions(data: Path, name: str) -> dict[str, list[str]]:
    """The dev pictures of a table with their first five captions, as plain words."""
    texts: dict[str, list[str]] = {}
    with (data / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "dev":
                own = plain(row["title"]).replace("grey", "gray")
                texts.setdefault(row["filepath"], []).append(own)
    return {each: texts[each][:5] for each in sorted(texts) if len(texts[each]) >= 5}


def questions(captions: Sequence[Sequence[str]]) -> Iterator[Question]:
    """All questions that the captions of pictures answer."""
    random = np.random.default_rng(5)
    words = [[set(text.split()) for text in five] for five in captions]
    there = [[each for each in THINGS if sum(each in said for said in own) > 1] for own in words]
    for place, five in enumerate(captions):
        yield from colour_questions(place, five)
        yield from count_questions(place, five)
        if not there[place]:
            continue
        named = there[place][random.integers(len(there[place]))]
        yield Question(place, "yes or no", is_there(named), ("yes", "no"), 0)
        said = set().union(*words[place])
        for _ in range(50):  # a thing of another picture: as frequent as those that are there
            other = there[random.integers(len(there))]
            thing = other[random.integers(len(other))] if other else named
            alike = {thing, f"{thing}s", *ALIKE.get(thing, "").split()}
            if not alike & said:
                yield Question(place, "yes or no", is_there(thing), ("yes", "no"), 1)
                break


def is_there(thing: str) -> str:
    return f"is there {thing if thing in MASS else f'a {thing}'} in the picture?"


def colour_questions(place: int, five: Sequence[str]) -> Iterator[Question]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for text in five:
        for match in re.finditer(rf"\b({'|'.join(COLOURS)})( and \w+)? (\w+)", text):
            found[match[3]]["?" if match[2] else match[1]] += 1
    for thing, colours in found.items():
        small = thing in {*COLOURS, "and", "in", "with", "on", "is", "s", "are", "or"}
        (colour,) = colours if len(colours) == 1 else ("?",)
        if colour != "?" and not small:
            right = COLOURS.index(colour)
            yield Question(place, "colour", f"what color is the {thing}?", COLOURS, right)


def count_questions(place: int, five: Sequence[str]) -> Iterator[Question]:
    for things, one in MANY.items():
        pattern = re.compile(rf"({'|'.join(NUMBERS)}) (?:\w+ )?(?:{things}|{one})\b")
        told = Counter(NUMBERS[found[1]] for text in five if (found := pattern.match(text)))
        if len(told) == 1 and told.total() > 1:
            (right,) = told
            yield Question(place, "count", f"how many {things} are there?", COUNTS, right)


def weighed(data: Path, names: Sequence[str], asked: Sequence[Question]) -> dict[str, Weighed]:
    """What captioner and tower say of every choice, by kind of question."""
    captioner, tower = Captioner(), load_towers("builtin", default_home())
    rows: dict[str, list[tuple[Numbers, Numbers, Numbers, int]]] = defaultdict(list)
    by_picture: dict[int, list[Question]] = defaultdict(list)
    for question in asked:
        by_picture[question.picture].append(question)
    for place, own in by_picture.items():
        picture = decode_picture(data / names[place], captioner.preprocessing).pixels
        sights = captioner.see(picture[np.newaxis])
        seen = captioner.look(sights)
        for question in own:
            made = [statement(question.text, each).text for each in question.choices]
            texts = made[:1] if question.kind == "yes or no" else made
            tokens = [captioner.tokens(text)[:-1] for text in texts]
            logs = captioner.log_likelihoods(seen, tokens)[0]
            blind = captioner.log_likelihoods(seen.blind, tokens)[0]
            embedded = np.concatenate([tower.embed_texts([text]) for text in texts])
            cosines = np.asarray(embedded @ sights.embeddings[0], np.float64)
            rows[question.kind].append((logs, blind, cosines, question.right))
    print(f"{len(asked)} questions weighed", file=sys.stderr)
    return {
        kind: Weighed(*(np.array(column) for column in zip(*own, strict=True)))
        for kind, own in rows.items()
    }


def claims(own: Weighed, weights: Sequence[float]) -> Numbers:
    """What a statement is worth, above 0 for yes: [questions]."""
    told, blind, cosine, bias = weights
    return np.asarray(
        told * own.logs[:, 0] + blind * own.blind[:, 0] + cosine * own.cosines[:, 0] + bias
    )


def measured(kinds: dict[str, Weighed]) -> Iterator[dict[str, object]]:
    """The part answered right with its interval, against chance and the most frequent answer."""
    for kind, own in sorted(kinds.items()):
        if kind == "yes or no":
            worth = claims(own, (CLAIM, CLAIM_BLIND, CLAIM_COSINE, CLAIM_BIAS))
            right, choices = (worth > 0) == (own.right == 0), 2
        else:
            worth = CHOICE * own.logs + CHOICE_COSINE * own.cosines
            right, choices = worth.argmax(axis=1) == own.right, own.logs.shape[1]
        drawn = np.random.default_rng(1).integers(0, len(right), (2000, len(right)))
        low, high = np.percentile(right[drawn].mean(axis=1), [2.5, 97.5])
        most = np.bincount(own.right).max() / len(right)
        yield {
            "kind": kind,
            "questions": len(right),
            "right": f"{100 * right.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})",
            "chance": f"{100 / choices:.1f}",
            "most frequent answer": f"{100 * most:.1f}",
        }


def fit(kinds: dict[str, Weighed]) -> None:
    """Print the weights under which the right answers are likeliest."""
    from scipy.optimize import minimize

    own = kinds["yes or no"]
    sign = np.where(own.right == 0, 1.0, -1.0)
    found = minimize(lambda w: np.logaddexp(0, -sign * claims(own, w)).mean(), np.zeros(4)).x
    print("yes or no: log-likelihood, blind, cosine, bias:", np.round(found, 2))
    own = kinds["colour"]
    rows = np.arange(len(own.right))

    def loss(weights: Numbers) -> float:
        worth = weights[0] * own.logs + weights[1] * own.cosines + weights[2] * own.blind
        return float((np.logaddexp.reduce(worth, axis=1) - worth[rows, own.right]).mean())

    print("colours: log-likelihood, cosine, blind:", np.round(minimize(loss, np.zeros(3)).x, 2))
    two = minimize(lambda w: loss(np.array([*w, 0.0])), np.zeros(2)).x
    print("colours without blind:", np.round(two, 2))


def table(rows: Sequence[dict[str, object]]) -> str:
    """The rows as a table in Markdown."""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row.values()))} |" for row in rows)])


if __name__ == "__main__":
    main()
