"""The loop of training on a handful of invented features."""

from pathlib import Path

import numpy as np
import pytest
import torch

from clipsearch.training.anchors import anchors_from
from clipsearch.training.fit import Photos, Schedule, Trainee, fit
from clipsearch.training.heads import Dropout, Heads
from clipsearch.training.lessons import Captions, Lessons, Names, Sizes
from clipsearch.training.sight import CachedSight
from clipsearch.training.words import Words

PICTURES, PHOTOS, CLASSES = 12, 4, 6


def _trainee() -> Trainee[Heads]:
    """Twelve captioned pictures and four photos with features of pure noise."""
    random = torch.Generator().manual_seed(0)
    features = torch.rand(2, PICTURES + PHOTOS, 1280, generator=random)
    captions = torch.randn(PICTURES * 2, 384, generator=random)
    names = Names(
        torch.randn(3, CLASSES * 2, 384, generator=random),
        np.arange(0, CLASSES * 2, 2),
        np.full(CLASSES, 2, dtype=np.int64),
    )
    lessons = Lessons(
        captions=Captions(captions, np.arange(0, PICTURES * 2, 2)),
        names=names,
        words=Words(
            torch.randn(3, 5, 384, generator=random),
            torch.eye(PICTURES)[:, :5] > 0,
            torch.eye(PICTURES)[:, :5] == 0,
        ),
        anchors=anchors_from(
            torch.randn(CLASSES, 1280, generator=random), torch.zeros(CLASSES), features[0]
        ),
        scatter=features,
        beliefs=torch.rand(2, PICTURES + PHOTOS, CLASSES, generator=random).softmax(2),
        sizes=Sizes(anchors=2, beliefs=4),
    )
    torch.manual_seed(0)
    heads = Heads(Dropout(0.1, 0.1))
    heads.standardise(features[0], captions)
    photos = Photos(np.arange(PICTURES, PICTURES + PHOTOS), np.arange(PHOTOS))
    return Trainee(heads, None, CachedSight(features), (2,) * PICTURES, lessons, photos)


def _own_captions_found(trainee: Trainee[Heads]) -> dict[str, float]:
    """Score how many training pictures find one of their captions first."""
    trainee.heads.eval()
    assert isinstance(trainee.lessons, Lessons)
    with torch.inference_mode():
        images = trainee.heads.embed_images(trainee.lessons.scatter[0, :PICTURES])
        texts = trainee.heads.embed_texts(trainee.lessons.captions.pooled)
    first = (images @ texts.T).argmax(dim=1) // 2
    return {"score": float((first == torch.arange(PICTURES)).float().mean())}


def _schedule(epochs: int) -> Schedule:
    return Schedule("heads", epochs, 12, 1e-3, 0.1)


def test_heads_learn_pairs_of_noise_by_heart(tmp_path: Path) -> None:
    trainee = _trainee()
    fit(trainee, _schedule(40), lambda: _own_captions_found(trainee), tmp_path, seed=0)
    assert _own_captions_found(trainee)["score"] >= 0.9


def test_a_run_taken_up_again_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    whole, broken = _trainee(), _trainee()
    fit(whole, _schedule(6), lambda: {"score": 0.0}, tmp_path / "whole", seed=3)

    class Killed(Exception):
        """The power went off."""

    measured = 0

    def fail_at_the_fourth() -> dict[str, float]:
        nonlocal measured
        measured += 1
        if measured == 4:
            raise Killed
        return {"score": 0.0}

    folder = tmp_path / "broken"
    with pytest.raises(Killed):
        fit(broken, _schedule(6), fail_at_the_fourth, folder, seed=3)
    again = _trainee()
    fit(again, _schedule(6), lambda: {"score": 0.0}, folder, seed=3)
    last = [(tmp_path / name / "heads.last").read_bytes() for name in ("whole", "broken")]
    assert last[0] == last[1]
