"""Writes captions for pictures, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from clipsearch.caption_writing import USUAL, Manner, WrittenCaption
from clipsearch.captioning.beams import ended_beams, worth
from clipsearch.captioning.confidence import Evidence, confidence, evidence
from clipsearch.captioning.folder import WORDS, read_captioner_folder
from clipsearch.captioning.graphs import Graphs, Seen, joined
from clipsearch.captioning.hypotheses import END, Hypothesis
from clipsearch.captioning.likelihood import Logs, Tokens, log_likelihoods
from clipsearch.captioning.naming import Namer
from clipsearch.captioning.sampling import sample
from clipsearch.captioning_errors import CaptionerMismatch, CaptionerMissing
from clipsearch.captions.plain_words import plain
from clipsearch.processors import usable_cpus
from clipsearch.settings import default_home, tower_cache
from clipsearch.towers.builtin import BUILTIN_FOLDER
from clipsearch.towers.exported_pair import exported_pair
from clipsearch.towers.folder import read_tower_folder
from clipsearch.towers.grid import GridTower, Sights
from clipsearch.towers.pair import TowerOptions
from clipsearch.values import Embeddings, Pixels, Preprocessing

BATCH = 16
EMBEDDED = 4096
"""Captions whose embeddings are kept at hand: many are written again and again."""
FIT = 0.5
"""What a cosine of 1 is worth beside the words of a caption, by which of those that ended the
best is taken: fitted by `benchmarks/fitting_captions.py`."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """A caption as a sentence and as it was said, and the cosine of picture and sentence."""

    text: str
    path: Hypothesis
    fit: float


class Captioner:
    """A captioner and the towers that it looks through. All open at their first use.

    Of the captions that its beams end with, and of those that its tower's detectors propose, the
    one is taken that is the best as words and by the towers' cosine of picture and caption.
    """

    def __init__(
        self, path: Path = BUILTIN_FOLDER, tower: Path = BUILTIN_FOLDER, threads: int | None = None
    ) -> None:
        """Read the descriptions of both. `threads` are those of the decoder and the image tower.

        The text tower is opened as queries with the default home open it.

        Raises CaptionerMissing, CaptionerMismatch for a tower it was not trained on, TowerMissing.
        """
        self.folder = read_captioner_folder(path)
        seen_by = read_tower_folder(tower)
        self._texts = exported_pair(seen_by, tower_cache(default_home()), TowerOptions())
        self._embedded = lru_cache(EMBEDDED)(lambda text: self._texts.embed_texts([text])[0])
        self._threads = threads or usable_cpus()
        self._tower = GridTower(seen_by, self._threads)
        if self._tower.digest != self.folder.tower_digest:
            raise CaptionerMismatch(self.folder.name, self.folder.tower, seen_by.name)

    @property
    def source(self) -> str:
        """The source of its captions: `generated:NAME`."""
        return self.folder.source

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes its input."""
        return self._tower.preprocessing

    @property
    def batch(self) -> int:
        """Pictures that are captioned at once."""
        return BATCH

    def see(self, pixels: Pixels) -> Sights:
        """What the tower sees in pictures, uint8 [n, h, w, 3] of its input size."""
        return self._tower.see(pixels)

    def look(self, sights: Sights) -> Seen:
        """What the captioner attends to in what the tower saw."""
        return self._graphs.look(sights)

    def look_at(self, pixels: Pixels) -> Seen:
        """What it attends to in pictures, uint8 [n, h, w, 3] of its input size."""
        parts = range(0, len(pixels), BATCH)
        return joined([self.look(self.see(pixels[at : at + BATCH])) for at in parts])

    def tokens(self, text: str) -> Tokens:
        """A text as this captioner would say it, longer than `longest` as it may be."""
        return (*self._words.encode(plain(text)).ids, END)

    @property
    def longest(self) -> int:
        """The most tokens of a text that it has learned to say, the closing one with it."""
        return self.folder.longest

    def log_likelihoods(self, seen: Seen, texts: Sequence[Tokens]) -> Logs:
        """How likely it is to say each text of each picture: nats, float64 [pictures, texts].

        Raises ValueError for a text of more than `longest` tokens.
        """
        if any(len(each) > self.longest for each in texts):
            raise ValueError(f"a text may have {self.longest} tokens")
        return log_likelihoods(self._graphs, seen, texts)

    def write(self, pictures: Iterable[Pixels], manner: Manner = USUAL) -> list[WrittenCaption]:
        """A caption of each picture, uint8 [h, w, 3] of its input size.

        By beams a picture has the same caption whatever stands beside it.
        """
        pixels = np.stack(list(pictures))
        return [
            WrittenCaption(text, round(confidence(self.folder.calibration, found), 4))
            for text, found in self.weighed(pixels, manner)
        ]

    def weighed(self, pixels: Pixels, manner: Manner = USUAL) -> list[tuple[str, Evidence]]:
        """The captions of `write`, each with what its confidence is calculated from."""
        random = np.random.default_rng(manner.seed)
        found = []
        for start in range(0, len(pixels), BATCH):
            some = pixels[start : start + BATCH]
            for best, picture in zip(self._chosen(some, manner, random), some, strict=True):
                found.append((best.text, evidence(best.path, picture, best.fit)))
        return found

    def _chosen(
        self, pixels: Pixels, manner: Manner, random: np.random.Generator
    ) -> Iterator[_Choice]:
        """The caption of each picture of a batch."""
        sights = self._tower.see(pixels)
        seen = self.look(sights)
        longest = min(manner.longest or self.folder.longest, self.folder.longest)
        if manner.nucleus is not None:
            drawn = sample(self._graphs, seen, manner.nucleus, longest, random)
            for path, picture in zip(drawn, sights.embeddings, strict=True):
                yield self._fitting([path], picture)
            return
        ended = ended_beams(self._graphs, seen, manner.beams, longest)
        for at, (paths, picture) in enumerate(zip(ended, sights.embeddings, strict=True)):
            best = self._fitting(paths, picture)
            if self._namer and sights.units is not None and self._namer.names(best.path):
                one = seen.of(np.array([at]))
                proposed = self._namer.proposals(self._graphs, one, sights.units[at], longest)
                best = self._fitting([best.path, *proposed], picture)
            yield best

    def _fitting(self, paths: Sequence[Hypothesis], picture: Embeddings) -> _Choice:
        """The best of a picture's captions."""
        texts = [self._spelled(each) for each in paths]
        cosines = [float(self._embedded(each) @ picture) for each in texts]
        choices = map(_Choice, texts, paths, cosines)
        return max(choices, key=lambda each: worth(each.path) + FIT * each.fit)

    def _spelled(self, path: Hypothesis) -> str:
        """Tokens as a sentence that begins with a capital."""
        text = self._words.decode(list(path.tokens))
        return text[:1].upper() + text[1:]

    @cached_property
    def _namer(self) -> Namer | None:
        return Namer(self.folder.classes, self.tokens) if self.folder.classes else None

    @cached_property
    def _graphs(self) -> Graphs:
        try:
            return Graphs(self.folder, self._threads)
        except Exception as error:  # the runtime refuses what it cannot follow in many ways
            raise CaptionerMissing(
                self.folder.path, f"its graphs cannot be run ({error})"
            ) from error

    @cached_property
    def _words(self) -> Tokenizer:
        try:
            return Tokenizer.from_file(str(self.folder.path / WORDS))
        except Exception as error:  # tokenizers raises plain Exception
            raise CaptionerMissing(
                self.folder.path, f"its words cannot be read ({error})"
            ) from error
