"""The teacher's heads learn captions from features, in the recipe's own loop."""

from pathlib import Path

import numpy as np
import torch

from clipsearch.training.fit import Photos, Schedule, Trainee, fit
from clipsearch.training.lessons import Captions
from clipsearch.training.sight import CachedSight
from clipsearch.training.teacher import CaptionsAlone, TeacherHeads

PICTURES, WIDTH = 12, 40
SCHEDULE = Schedule("teacher", 40, PICTURES, 1e-3, 0.1, photos=0, measure_every=40)


def test_its_heads_tell_whose_caption_is_whose(tmp_path: Path) -> None:
    torch.manual_seed(0)
    features, texts = torch.rand(PICTURES, WIDTH), torch.randn(PICTURES * 2, 384)
    captions = Captions(texts, np.arange(0, PICTURES * 2, 2))
    heads, none = TeacherHeads(WIDTH), np.empty(0, dtype=np.int64)
    heads.image.standardise(features, 0.05)
    heads.text.standardise(texts, 0.0)
    sight, lesson = CachedSight(features[None]), CaptionsAlone(captions)
    trainee = Trainee(heads, None, sight, (2,) * PICTURES, lesson, Photos(none, none))

    def right() -> dict[str, float]:
        heads.eval()
        with torch.inference_mode():
            found = (heads.text(texts) @ heads.image(features).T).argmax(1)
        return {"right": float((found == torch.arange(PICTURES * 2) // 2).float().mean())}

    assert right()["right"] < 0.5
    fit(trainee, SCHEDULE, right, tmp_path, seed=0)
    assert right()["right"] >= 0.9
