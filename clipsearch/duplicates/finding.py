"""Finds the duplicates of a collection: proposes pairs, compares them, groups what is alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clipsearch.catalogue import Catalogue, Reading, reading
from clipsearch.catalogue.sketches import all_sketches, images_in_several_files
from clipsearch.duplicates.candidates import Pairs, Search, by_embeddings, by_signatures, joined
from clipsearch.duplicates.files import Standing
from clipsearch.duplicates.group import (
    Duplicate,
    DuplicateGroup,
    DuplicateOptions,
    Duplicates,
    Tier,
)
from clipsearch.duplicates.grouping import stars
from clipsearch.duplicates.progress import OnStep
from clipsearch.duplicates.screening import SIMILAR, screened
from clipsearch.duplicates.sketch import SIDE, Sketches, contrast, signatures
from clipsearch.duplicates.verifying import Candidate, Verified, verified
from clipsearch.values import Ids

LEAST_CONTRAST = 3.0
"""Greys; a picture that spreads less has nothing to be recognised by."""

LEAST_SIDE = 48
"""Pixels of the shorter side; icons resemble each other without being copies."""

SAME_LAYOUT = 0.16
"""So much less a cosine is enough for look-alikes whose sketches lie over each other."""

Pair = tuple[int, int]


def find_duplicates(
    catalogue: Catalogue, search: Search, options: DuplicateOptions, on_step: OnStep
) -> Duplicates:
    """The groups of files that show the same; images without a sketch are told by bytes alone.

    `search` gives the nearest images of embeddings. Nothing is written and no file is touched.
    """
    standing = Standing(tuple(path.absolute() for path in options.under))
    with catalogue.reader() as connection:
        ids, sketches = _comparable(connection, standing)
    pairs = _proposed(catalogue, ids, sketches, search, options, on_step)
    found = screened(sketches, pairs)
    named = list(zip(ids[pairs.first].tolist(), ids[pairs.second].tolist(), strict=True))
    likely = found.maybe_copies | (pairs.scores >= options.least_score)
    least = np.where(found.maybe_copies, options.least_score - SAME_LAYOUT, options.least_score)
    with catalogue.reader() as connection:
        standing.look(connection, {each for at in np.flatnonzero(likely) for each in named[at]})
        standing.look(connection, images_in_several_files(connection))
    candidates = [
        Candidate(*named[at], int(found.turns[at]))
        for at in np.flatnonzero(found.maybe_copies)
        if _may_be_copies(named[at], standing)
    ]
    copies = {
        (pair.first, pair.second): pair for pair in verified(candidates, standing, options, on_step)
    }
    alike = [named[at] for at in np.flatnonzero(pairs.scores >= least)]
    groups = _Grouping(standing, copies, alike).groups()
    with catalogue.reader() as connection:
        asked = [group for group in groups if group.tier in options.tiers]
        scored = tuple(_scored(connection, asked))
    return Duplicates(scored, tuple(standing.unread[path] for path in sorted(standing.unread)))


def _comparable(connection: Reading, standing: Standing) -> tuple[Ids, Sketches]:
    """The images that can be told from others by what they show, and their sketches."""
    ids, sketches = all_sketches(connection, SIDE)
    clear = contrast(sketches) >= LEAST_CONTRAST
    if standing.under:
        clear &= np.isin(ids, reading.ids_of_files(connection, standing.under))
    return ids[clear], sketches[clear]


def _proposed(
    catalogue: Catalogue,
    ids: Ids,
    sketches: Sketches,
    search: Search,
    options: DuplicateOptions,
    on_step: OnStep,
) -> Pairs:
    """The pairs worth comparing, by both searches."""
    if len(ids) < 2:
        return joined([])
    on_step("searching", 0, len(ids))
    near = [joined(by_signatures(signatures(sketches)))]
    chunks, least = catalogue.embedding_chunks(), min(SIMILAR, options.least_score)
    for done, pairs in by_embeddings(chunks, ids, search, least):
        near.append(pairs)
        on_step("searching", done, len(ids))
    return joined(near)


def _may_be_copies(pair: Pair, standing: Standing) -> bool:
    """Of animations only the first frame is known, and icons are too small to be sure."""
    images = [standing.images[each] for each in pair if standing.has(each)]
    return len(images) == 2 and all(
        min(image.width, image.height) >= LEAST_SIDE and not image.animated for image in images
    )


@dataclass(frozen=True, slots=True)
class _Grouping:
    """From pairs to groups: each tier groups what the tier before it kept."""

    standing: Standing
    copies: Mapping[Pair, Verified]
    alike: Sequence[Pair]

    def groups(self) -> list[DuplicateGroup]:
        """All groups, tier by tier, the largest pictures first."""
        images = {each for pair in self.alike for each in pair}
        images |= {image_id for image_id, held in self.standing.images.items() if held.files}
        ranked = sorted(filter(self.standing.has, images), key=self.standing.rank)
        equal = [pair for pair, found in self.copies.items() if found.equal]
        exact = stars(ranked, _neighbours(equal))
        ranked = _without(ranked, exact)
        copies = stars(ranked, _neighbours(self.copies))
        left = _without(ranked, copies)
        kept = _keepers([*exact, *copies])
        alike = [(kept.get(first, first), kept.get(second, second)) for first, second in self.alike]
        alike = [pair for pair in alike if pair[0] != pair[1]]
        lookalikes = stars(left, _neighbours(alike))
        return [
            *self._exact(ranked, dict(exact)),
            *(self._group(Tier.COPY, *star) for star in copies),
            *(self._group(Tier.LOOKALIKE, *star) for star in lookalikes),
        ]

    def _exact(
        self, ranked: Sequence[int], equal: dict[int, list[int]]
    ) -> Iterator[DuplicateGroup]:
        """Files of one image, and of images with the same pixels."""
        for image_id in ranked:
            ids = [image_id, *equal.get(image_id, [])]
            kept, *others = (file for each in ids for file in self.standing.duplicates(each))
            if others:
                yield DuplicateGroup(Tier.EXACT, kept, tuple(others))

    def _group(self, tier: Tier, kept: int, others: Sequence[int]) -> DuplicateGroup:
        first = self.standing.duplicates(kept)[0]
        return DuplicateGroup(
            tier, first, tuple(self._compared(tier, kept, each) for each in others)
        )

    def _compared(self, tier: Tier, kept: int, other: int) -> Duplicate:
        file = self.standing.duplicates(other)[0]
        if tier is Tier.LOOKALIKE:
            return replace(file, difference=None)
        pair = self.copies[min(kept, other), max(kept, other)]
        return replace(file, difference=pair.difference, turned=pair.turned)


def _neighbours(pairs: Iterable[Pair]) -> dict[int, set[int]]:
    neighbours: dict[int, set[int]] = defaultdict(set)
    for first, second in pairs:
        neighbours[first].add(second)
        neighbours[second].add(first)
    return neighbours


Stars = Sequence[tuple[int, list[int]]]


def _without(ranked: Sequence[int], groups: Stars) -> list[int]:
    """What is left when each group is its kept one alone."""
    gone = {each for _, others in groups for each in others}
    return [each for each in ranked if each not in gone]


def _keepers(groups: Stars) -> dict[int, int]:
    """Who is kept in the place of whom, through all tiers."""
    kept: dict[int, int] = {}
    for keeper, others in reversed(groups):
        for each in others:
            kept[each] = kept.get(keeper, keeper)
    return kept


def _scored(connection: Reading, groups: Sequence[DuplicateGroup]) -> Iterator[DuplicateGroup]:
    """The groups with the cosine of each file's embedding with that of the kept one."""
    dim = reading.tower(connection).dim
    for group in groups:
        ids = {group.kept.image_id, *(other.image_id for other in group.others)}
        if len(ids) == 1:
            yield group
            continue
        held, rows = reading.embeddings_of(connection, sorted(ids), dim)
        scores = dict(
            zip(held.tolist(), rows @ rows[held.tolist().index(group.kept.image_id)], strict=True)
        )
        others = (replace(each, score=float(scores[each.image_id])) for each in group.others)
        yield replace(group, others=tuple(others))
