"""Words of the captions, each to find the pictures it was said of.

Captions are sentences and class names are things; people search with bare words, "snow",
"running", that are neither. A word that two writers used of a picture is right for it, one that
nobody used is wrong, and one that a single writer used is left open.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from clipsearch.training.pairs import Example

TEMPLATES = ("{}", "a photo of {}", "a picture with {} in it")
FEWEST_PICTURES = 8
MOST_OF_PICTURES = 0.3
SHORTEST_WORD = 3
WRITERS = 2
SAY_NOTHING = frozenset(
    {"and", "are", "the", "with", "his", "her", "their", "its", "out", "for", "from", "into"}
    | {"while", "that", "this", "there", "through", "who", "which", "one", "has", "have", "other"}
    | {"another", "some", "near", "over", "they", "them", "him", "she", "being", "down", "off"}
    | {"them", "each", "around", "onto", "towards", "toward", "between", "what", "about", "very"}
    | {"together", "along", "behind", "beside", "next", "front", "several", "something", "himself"}
)


@dataclass(frozen=True)
class Words:
    """Pooled words [templates, w, 384], and of which pictures [n, w] they are right and wrong."""

    pooled: Tensor
    right: Tensor
    wrong: Tensor

    def loss(self, images: Tensor, pictures: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
        """Give the mean over words of the cross entropy against all pictures of a batch.

        `images` [b, d] are the embedded `pictures` [b], `texts` [w, d] the embedded words. A word
        that is right for several pictures is to name each as likely as the others; one that is
        right for none teaches nothing. Nought when there is no word to teach.
        """
        right = self.right[pictures].T
        known = right | self.wrong[pictures].T
        taught = right.any(dim=1)
        if not bool(taught.any()):
            return images.sum() * 0.0
        scores = (scale * texts @ images.T).masked_fill(~known, -1e4)[taught]
        wanted = right[taught].float()
        wanted = wanted / wanted.sum(dim=1, keepdim=True)
        return -(wanted * log_softmax(scores, dim=1)).sum(dim=1).mean()


def count_writers(examples: Sequence[Example]) -> list[Counter[str]]:
    """Count for each picture how many of its captions use a word."""
    return [
        Counter(word for caption in each.captions for word in set(_words_of(caption)))
        for each in examples
    ]


def choose_words(writers: Sequence[Counter[str]]) -> list[str]:
    """Give, in order, the words that are right for enough pictures and not for too many."""
    pictures = Counter(word for each in writers for word, count in each.items() if count >= WRITERS)
    most = MOST_OF_PICTURES * len(writers)
    return sorted(word for word, count in pictures.items() if FEWEST_PICTURES <= count <= most)


def words_from(pooled: Tensor, words: Sequence[str], writers: Sequence[Counter[str]]) -> Words:
    """Say of which pictures the words are right and wrong."""
    counts = np.array([[each[word] for word in words] for each in writers])
    return Words(pooled, torch.from_numpy(counts >= WRITERS), torch.from_numpy(counts == 0))


def _words_of(caption: str) -> list[str]:
    """Give the words of a caption that say something."""
    found = re.findall(r"[a-z]+", caption.lower())
    return [each for each in found if len(each) >= SHORTEST_WORD and each not in SAY_NOTHING]
