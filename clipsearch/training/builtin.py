"""The recipe of the built-in tower, from published weights to shipped files, in one command.

    python -m clipsearch.training.builtin --data DIR --weights DIR --out DIR [--seed 0]

Three steps: what never changes is computed once and cached; the two heads are trained on frozen
towers; the last stages of the image tower are trained together with the heads. Every step is
kept on disk under `--work` and is taken up where it stopped. Two cores take one to two hours.
"""

import argparse
import datetime
import logging
from pathlib import Path

import numpy as np
import torch
from open_clip import CustomTextCLIP
from torch import nn

from clipsearch.training.activations import TrainedHalf
from clipsearch.training.anchors import anchors_from
from clipsearch.training.dev_measures import measure_heads
from clipsearch.training.fit import Photos, Schedule, Trainee, fit
from clipsearch.training.heads import Dropout, Heads, pour_heads
from clipsearch.training.lessons import Lessons, Sizes, beliefs_of
from clipsearch.training.material import Folders, Material, Plan, gather
from clipsearch.training.model import build_model, image_trunk, text_trunk
from clipsearch.training.sentences import minilm_folder, pour_minilm
from clipsearch.training.ship import Provenance, describe_pair, export_pair
from clipsearch.training.sight import CachedSight, Sight, TrainedSight, pool_all

TRUNK = "mobilenet_edgetpu_100"
VIEWS = 4
DROPOUT = Dropout(image=0.7, text=0.2, detectors=0.3)
HEADS = Schedule("heads", 110, 1024, 2e-3, 0.0, 1.0, 10)
STAGES = Schedule("stages", 4, 512, 2e-4, 1e-4, 1.0, 1)
RECIPE = "python -m clipsearch.training.builtin --data DIR --weights DIR --out DIR --seed {seed}"


def main() -> None:
    """Train, export and describe the built-in pair of towers."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments = _parser().parse_args()
    work = arguments.work or arguments.out / "work"
    folders = Folders(arguments.data, arguments.weights, work)
    torch.manual_seed(arguments.seed)
    model, measures = train(folders, Plan(TRUNK, VIEWS, arguments.seed))
    export_pair(model, minilm_folder() / "vocab.txt", work, arguments.out)
    trained = Provenance(
        recipe=RECIPE.format(seed=arguments.seed),
        data=("flickr8k train", "imagenet_sample train"),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        seed=arguments.seed,
    )
    describe_pair(model, TRUNK, measures, trained, arguments.out)


def train(folders: Folders, plan: Plan) -> tuple[CustomTextCLIP, dict[str, float]]:
    """Train heads and last stages; give the open_clip model and its measures on dev."""
    folders.work.mkdir(parents=True, exist_ok=True)
    material = gather(folders, plan)
    half = TrainedHalf(material.trunk)
    features = torch.stack([pool_all(half, each) for each in material.views])
    lessons = _lessons(material, features)
    heads = Heads(DROPOUT)
    heads.standardise(features[0, : len(material.captioned)], material.captions.pooled)
    classifier = _classifier(material.trunk)
    heads.detect_classes(classifier.weight.detach()[1:], classifier.bias.detach()[1:], features[0])
    for schedule, trained, sight in (
        (HEADS, None, CachedSight(features)),
        (STAGES, half, TrainedSight(half, material.views)),
    ):
        trainee = _trainee(material, heads, trained, sight, lessons)
        fit(trainee, schedule, lambda: measured(heads, half, material), folders.work, plan.seed)
    return assemble(heads, material, plan.trunk), measured(heads, half, material)


def measured(heads: Heads, half: TrainedHalf, material: Material) -> dict[str, float]:
    """Measure on the dev pictures."""
    return measure_heads(heads, pool_all(half, material.dev_view), material.dev)


def assemble(heads: Heads, material: Material, trunk: str) -> CustomTextCLIP:
    """Put the trained parts into one open_clip model."""
    model = build_model(trunk)
    kept = {k: v for k, v in material.trunk.state_dict().items() if "classifier" not in k}
    image_trunk(model).load_state_dict(kept)
    pour_minilm(text_trunk(model), minilm_folder())
    pour_heads(heads, model)
    return model


def _lessons(material: Material, features: torch.Tensor) -> Lessons:
    """Prepare what is taught beside the pictures, from the untouched image tower."""
    classifier = _classifier(material.trunk)
    return Lessons(
        captions=material.captions,
        names=material.names,
        words=material.words,
        anchors=anchors_from(classifier.weight.detach()[1:], features[0]),
        scatter=features,
        beliefs=beliefs_of(classifier, features),
        sizes=Sizes(),
    )


def _classifier(trunk: nn.Module) -> nn.Linear:
    """Give the image tower's own classifier; the first of its 1,001 classes is the background."""
    found = trunk.get_submodule("classifier")
    assert isinstance(found, nn.Linear)
    return found


def _trainee(
    material: Material, heads: Heads, half: TrainedHalf | None, sight: Sight, lessons: Lessons
) -> Trainee:
    """Put together what one stage trains."""
    captions_of = tuple(len(each.captions) for each in material.captioned)
    first = len(captions_of)
    places = np.arange(first, first + len(material.photos))
    photos = Photos(places, material.photo_classes)
    return Trainee(heads, half, sight, captions_of, lessons, photos)


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="flickr8k.csv, .tar and so on")
    parser.add_argument("--weights", type=Path, required=True, help="the published MobileNets")
    parser.add_argument("--out", type=Path, required=True, help="where the shipped files go")
    parser.add_argument("--work", type=Path, help="caches and checkpoints [OUT/work]")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
