"""How classes are found that were never taught: the recipe's heads, with classes left out.

    python -m clipsearch.training.open_vocabulary --data DIR --weights DIR --work DIR [--every 10]

Every so-manieth class is left out of training altogether: its names, its photos and its row of
the image tower's classifier, as detector, as anchor and in what real pictures are told as. Its
photos are then looked for among all 1,000 names. Captions and their words stay as they are, so a
class that people name in captions ("tiger") may be known from them: that is what an open
vocabulary is for. The image tower itself was trained on all classes and stays so.
"""

import argparse
import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clipsearch.measures import hit_at, right_class_ranks
from clipsearch.training.activations import TrainedHalf
from clipsearch.training.builtin import HEADS, VIEWS, measured, seen_by
from clipsearch.training.course import Course, Taught
from clipsearch.training.fit import fit
from clipsearch.training.heads import CLASSES, Heads
from clipsearch.training.material import Folders, Material, Plan, gather
from clipsearch.training.sight import CachedSight

KS = (1, 5, 10)


def main() -> None:
    """Train heads without some classes, and print how their photos are found."""
    # an import has set logging up already, for warnings alone
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    arguments = _parser().parse_args()
    folders = Folders(arguments.data, arguments.weights, arguments.work)
    torch.manual_seed(arguments.seed)
    material = gather(folders, Plan(arguments.views, arguments.seed))
    half = TrainedHalf(material.trunk)
    seen = seen_by(half, material)
    features, dev = seen.train, seen.dev
    course = Course(material, features, Taught.all_but_every(arguments.every))
    heads, lessons = course.heads(), course.lessons()
    trainee = course.trainee(heads, None, CachedSight(features), lessons)
    schedule = replace(HEADS, stage=f"heads-of-{len(course.taught.classes)}")
    fit(trainee, schedule, lambda: measured(heads, half, material), folders.work, arguments.seed)
    found = report(heads, material, features[0], dev, course.taught.left_out)
    print(json.dumps({**measured(heads, half, material), **found}, indent=2))


@torch.inference_mode()
def report(
    heads: Heads,
    material: Material,
    features: torch.Tensor,
    dev: torch.Tensor,
    left_out: NDArray[np.int64],
) -> dict[str, float]:
    """Give hit@k in percent of the photos of the classes left out, and of the other dev photos.

    The photos of the classes left out are those of dev and, since nothing was learned from them,
    those of train; both among all 1,000 names, and the first also among the names left out.
    """
    heads.eval()
    names = heads.embed_texts(material.dev.names).numpy()
    train = heads.embed_images(features[len(material.captioned) :]).numpy()
    told = heads.embed_images(dev[material.dev.photos]).numpy()
    right = np.eye(CLASSES, dtype=bool)[material.photo_classes]
    photos = np.concatenate([told, train])
    rights = np.concatenate([material.dev.right, right])
    mine = rights[:, left_out].any(1)
    others = ~material.dev.right[:, left_out].any(1)
    ranks = {
        "left out": right_class_ranks(photos[mine], names, rights[mine]),
        "left out, among themselves": right_class_ranks(
            photos[mine], names[left_out], rights[mine][:, left_out]
        ),
        "other dev photos": right_class_ranks(told[others], names, material.dev.right[others]),
    }
    counts = {f"{name}: photos": float(len(each)) for name, each in ranks.items()}
    hits = {f"{name}: hit@{k}": 100 * hit_at(k, each) for name, each in ranks.items() for k in KS}
    return {**counts, **{name: round(value, 1) for name, value in hits.items()}}


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="flickr8k.csv, .tar and so on")
    parser.add_argument("--weights", type=Path, required=True, help="with the names of the classes")
    parser.add_argument("--work", type=Path, required=True, help="caches and checkpoints")
    parser.add_argument("--every", type=int, default=10, help="leave out every so-manieth class")
    parser.add_argument("--views", type=int, default=VIEWS, help="of each picture [%(default)s]")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
