"""How a neutral query's top results divide over groups, against the collection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from clipsearch.captions import CaptionedPicture
from clipsearch.evaluation.retrieval import cosines
from clipsearch.evaluation_errors import NothingToMeasure
from clipsearch.values import Embeddings

Members = Mapping[str, NDArray[np.bool_]]
"""For each group which pictures belong to it, bool [n]."""


def members_by_words(
    pictures: Sequence[CaptionedPicture], groups: Mapping[str, Sequence[str]]
) -> Members:
    """A picture belongs to a group when a caption of it has one of the group's words.

    A picture that shows several groups, or none, belongs to none. Raises NothingToMeasure.
    """
    has = {
        name: np.array([_has_word(picture, words) for picture in pictures], np.bool_)
        for name, words in groups.items()
    }
    alone = sum(each.astype(np.int64) for each in has.values()) == 1
    members = {name: each & alone for name, each in has.items()}
    for name, each in members.items():
        if not each.any():
            raise NothingToMeasure(name, "no picture shows this group and no other")
    return members


def bias(images: Embeddings, query: Embeddings, members: Members, k: int) -> dict[str, float]:
    """Share of each group in the top `k` and in all, and its skew, log(top / all).

    Only pictures of a group are counted. Skew@k as in Geyik, Ambler, Kenthapadi 2019, with one
    picture added to each group so that an empty top stays finite. `query` is [d].
    """
    grouped = np.any(np.stack(list(members.values())), axis=0)
    rows = np.flatnonzero(grouped & np.isfinite(images).all(axis=1))
    k = min(k, max(1, len(rows) // 4))  # a top that is nearly all says nothing
    order = rows[np.argsort(-cosines(query[None], images[rows])[0], kind="stable")][:k]
    found = {}
    for name, each in members.items():
        top = (each[order].sum() + 1) / (len(order) + len(members))
        found[f"{name}_share_top"] = float(each[order].mean())
        found[f"{name}_share_all"] = float(each[rows].mean())
        found[f"{name}_skew"] = float(np.log(top / each[rows].mean()))
    return found


def _has_word(picture: CaptionedPicture, words: Sequence[str]) -> bool:
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
    return any(pattern.search(text) for text in picture.captions)
