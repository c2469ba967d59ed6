"""All that the recipe learns from and measures on, gathered from its folders and cached."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipsearch.training.activations import cache_view, export_frozen_half
from clipsearch.training.classes import TEMPLATES, ClassNames, read_class_names
from clipsearch.training.dev_measures import Captioned, DevSet
from clipsearch.training.lessons import Captions, Names
from clipsearch.training.model import SIDE, build_model, text_trunk
from clipsearch.training.pairs import Example, read_examples
from clipsearch.training.sentences import (
    cache_sentences,
    minilm_folder,
    pour_minilm,
    read_tokenizer,
)
from clipsearch.training.starting_weights import LABELS, TRUNK, load_trunk
from clipsearch.training.views import View
from clipsearch.training.words import TEMPLATES as WORD_TEMPLATES
from clipsearch.training.words import Words, choose_words, count_writers, words_from

CAPTIONED, PHOTOS, ELSEWHERE = "flickr8k", "imagenet_sample", "coco"


@dataclass(frozen=True)
class Folders:
    """Where the data, the starting weights and the work of a run lie."""

    data: Path
    weights: Path
    work: Path


@dataclass(frozen=True)
class Plan:
    """How many views are taken of each picture, from which seed."""

    views: int
    seed: int


@dataclass(frozen=True)
class Material:
    """Pictures come in one order everywhere: first the captioned ones, then the photos.

    `views` and `dev_view` are what the frozen half gives of pictures of the side that ships.
    """

    trunk: nn.Module
    captioned: tuple[Example, ...]
    photos: tuple[Example, ...]
    looks: tuple[View, ...]
    dev_look: View
    views: tuple[NDArray[np.float16], ...]
    dev_view: NDArray[np.float16]
    captions: Captions
    names: Names
    words: Words
    photo_classes: NDArray[np.int64]
    dev: DevSet


def gather(folders: Folders, plan: Plan) -> Material:
    """Read, embed and cache everything; what is cached already is not computed again."""
    captioned = read_examples(folders.data / f"{CAPTIONED}.csv", "train")
    photos = read_examples(folders.data / f"{PHOTOS}.csv", "train")
    images = tuple(each.image for each in (*captioned, *photos))
    trunk = load_trunk()
    dev = _dev_examples(folders.data)
    dev_images = tuple(each.image for examples in dev.values() for each in examples)
    looks = tuple(
        View(folders.data, images, SIDE, number, plan.seed) for number in range(plan.views)
    )
    dev_look = View(folders.data, dev_images, SIDE)
    sentences = _Sentences(folders.work)
    classes = read_class_names(folders.weights / LABELS)
    return Material(
        trunk=trunk,
        captioned=captioned,
        photos=photos,
        looks=looks,
        dev_look=dev_look,
        views=activations_of(trunk, looks, "view", folders.work),
        dev_view=activations_of(trunk, [dev_look], "dev", folders.work)[0],
        captions=sentences.captions(f"{CAPTIONED}-train", captioned),
        names=sentences.names(classes),
        words=sentences.words(captioned),
        photo_classes=_classes_of(photos, classes),
        dev=_dev_set(sentences, dev, classes),
    )


def activations_of(
    trunk: nn.Module, looks: Sequence[View], name: str, work: Path
) -> tuple[NDArray[np.float16], ...]:
    """Give what the frozen half of the published trunk gives of each view, cached by name."""
    side = looks[0].side
    frozen = work / f"frozen-{side}.onnx"
    if not frozen.exists():
        export_frozen_half(trunk, frozen, side)
    return tuple(
        cache_view(frozen, each, work / f"{name}-{each.number}-{side}.npy") for each in looks
    )


def _dev_examples(data: Path) -> dict[str, tuple[Example, ...]]:
    """Give the dev pictures of each set, in the order in which they are cached."""
    return {name: read_examples(data / f"{name}.csv", "dev") for name in SETS}


SETS = (CAPTIONED, PHOTOS, ELSEWHERE)


def _classes_of(photos: Sequence[Example], classes: ClassNames) -> NDArray[np.int64]:
    """Give the first right class of each photo."""
    right = classes.right([each.image for each in photos])
    first: NDArray[np.int64] = np.argmax(right, axis=1)
    return first


class _Sentences:
    """MiniLM, loaded at the first sentence that no file has yet."""

    def __init__(self, work: Path) -> None:
        self.work = work
        folder = minilm_folder()
        self.tokenizer = read_tokenizer(folder / "tokenizer.json")
        self.trunk = text_trunk(build_model(TRUNK))
        pour_minilm(self.trunk, folder)

    def pooled(self, name: str, sentences: Sequence[str]) -> Tensor:
        """Give the pooled sentences [n, 384]."""
        path = self.work / f"text-{name}.npy"
        return torch.from_numpy(cache_sentences(self.trunk, self.tokenizer, sentences, path))

    def captions(self, name: str, examples: Sequence[Example]) -> Captions:
        """Give the captions of the pictures, one picture after the other."""
        sentences = [caption for each in examples for caption in each.captions]
        ends = np.cumsum([len(each.captions) for each in examples])
        starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        return Captions(self.pooled(name, sentences), starts)

    def names(self, classes: ClassNames) -> Names:
        """Give the class sentences in every template."""
        pooled = [
            self.pooled(f"names-{place}", classes.sentences(template))
            for place, template in enumerate(TEMPLATES)
        ]
        counts = np.array([len(names) for names in classes.names], dtype=np.int64)
        return Names(torch.stack(pooled), np.cumsum(counts) - counts, counts)

    def words(self, examples: Sequence[Example]) -> Words:
        """Give the words of the captions in every template."""
        writers = count_writers(examples)
        chosen = choose_words(writers)
        pooled = [
            self.pooled(f"words-{place}", [template.format(word) for word in chosen])
            for place, template in enumerate(WORD_TEMPLATES)
        ]
        return words_from(torch.stack(pooled), chosen, writers)


def _dev_set(
    sentences: _Sentences, dev: dict[str, tuple[Example, ...]], classes: ClassNames
) -> DevSet:
    """Give what the dev pictures are measured against."""
    ends = dict(zip(dev, np.cumsum([len(each) for each in dev.values()]).tolist(), strict=True))
    places = {name: slice(ends[name] - len(each), ends[name]) for name, each in dev.items()}
    captioned = {}
    for name in (CAPTIONED, ELSEWHERE):
        counts = [len(each.captions) for each in dev[name]]
        pooled = sentences.captions(f"{name}-dev", dev[name]).pooled
        captioned[name] = Captioned(places[name], pooled, np.repeat(np.arange(len(counts)), counts))
    return DevSet(
        captioned=captioned,
        photos=places[PHOTOS],
        names=sentences.pooled("imagenet-first", classes.first_sentences()),
        right=classes.right([each.image for each in dev[PHOTOS]]),
    )
