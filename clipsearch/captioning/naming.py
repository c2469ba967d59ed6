"""Names of things by the image tower's own detectors, beside those that the decoder finds.

The head of the built-in tower has a detector of each class of ImageNet. It tells them apart better
than a small decoder learned to say them, so where the decoder begins to name ("a photo of ..."),
the likeliest classes are proposed as well. A name that is proposed is as likely as a mixture of
both says, as where a summariser may copy a word (See, Liu and Manning, "Get To The Point", ACL
2017); what the decoder found by itself stays as likely as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice, takewhile

import numpy as np
from numpy.typing import NDArray

from clipsearch.captioning.beams import Decoder
from clipsearch.captioning.folder import Classes
from clipsearch.captioning.graphs import Seen
from clipsearch.captioning.hypotheses import Hypothesis
from clipsearch.captioning.likelihood import Tokens, log_likelihoods

SHARE = 0.25
"""The detectors' part of a name's probability: see docs/captioning.md."""
PROPOSED = 5


class Namer:
    """Proposes captions that name what the detectors see."""

    def __init__(self, classes: Classes, tokens: Callable[[str], Tokens]) -> None:
        """Take the classes, and what makes tokens of a text. Classes of one name are one."""
        self._units = slice(classes.first, classes.first + len(classes.sentences))
        self._sentences = list(dict.fromkeys(map(tokens, classes.sentences)))
        places = {sentence: place for place, sentence in enumerate(self._sentences)}
        self._named = np.array([places[tokens(each)] for each in classes.sentences])
        alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*self._sentences, strict=False))
        self._lead: Tokens = tuple(token for token, *_ in alike)

    def names(self, path: Hypothesis) -> bool:
        """Whether a caption begins as all these sentences do."""
        return bool(self._lead) and path.tokens[: len(self._lead)] == self._lead

    def proposals(
        self, decoder: Decoder, seen: Seen, units: NDArray[np.float32], longest: int
    ) -> list[Hypothesis]:
        """Captions of one picture by its likeliest classes, of at most `longest` tokens.

        `units` [units] is the first layer of the head. What is known of a whole name is shared out
        among its tokens.
        """
        logits = units[self._units].astype(np.float64)
        if len(logits) < len(self._named):
            return []  # the head of another tower
        by_class = np.exp(logits - logits.max())
        shares = np.bincount(self._named, by_class / by_class.sum())
        order = np.argsort(-shares, kind="stable").tolist()
        short = (each for each in order if len(self._sentences[each]) <= longest)
        likeliest = list(islice(short, PROPOSED))
        if not likeliest:
            return []
        texts = [self._sentences[each] for each in likeliest]
        lead, *whole = log_likelihoods(decoder, seen, [self._lead, *texts])[0].tolist()
        return [
            self._mixed(text, lead, said - lead, float(shares[at]))
            for at, text, said in zip(likeliest, texts, whole, strict=True)
        ]

    def _mixed(self, text: Tokens, lead: float, name: float, share: float) -> Hypothesis:
        """A sentence whose name is said with a log-probability `name` and detected by `share`."""
        mixed = float(np.logaddexp(math.log(1 - SHARE) + name, math.log(SHARE * share + 1e-30)))
        begun = len(self._lead)
        rest = len(text) - begun
        return Hypothesis(text[:-1], (lead / begun,) * begun + (mixed / rest,) * rest)
