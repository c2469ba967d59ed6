"""clipsearch train: teach a tower your pictures and words, and keep what it knew."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, Terminated, say
from clipsearch.cli.help import command
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import print_json, skip_record
from clipsearch.cli.tables import print_rows
from clipsearch.cli.train_options import data_options, leave_options, settings_options
from clipsearch.cli.train_progress import shown_training

if TYPE_CHECKING:
    from clipsearch.training.tuning.material import PictureSet
    from clipsearch.training.tuning.mixing import Mixture
    from clipsearch.training.tuning.run import Outcome, Plan

COLUMNS = (
    "model",
    ">text to image R@1",
    ">R@5",
    ">R@10",
    ">image to text R@1",
    ">R@5",
    ">R@10",
    "set",
)
DEV_SPLITS = ("dev", "val", "validation", "test")


@command(
    "clipsearch train products.csv --out my-tower",
    "clipsearch train products.csv --dev-split test --general coco.csv --out my-tower",
    "clipsearch train photos/ --out my-tower --model ViT-B-32-256/datacomp_s34b_b86k",
    "clipsearch train 'shards/{0000..0099}.tar' --dev dev.csv --out my-tower --batch 1024",
    "clipsearch train -c holidays --out my-tower --loss hinge-hardest",
    "clipsearch train products.csv --out my-tower --resume --may-lose 5",
    "clipsearch index ~/Pictures -c mine --model my-tower      use what was trained",
)
@data_options
@options.model_option
@settings_options
@leave_options
@options.no_progress_option
@options.json_option
def train(quiet: bool, form: options.Form | None, **given: Any) -> int:
    """Fine-tune MODEL on captioned pictures and write it to --out.

    DATA is a CSV, TSV or JSONL file (`filepath,title` and perhaps `split`; pictures lie beside
    it, or in a tar of its name), a folder of pictures with captions beside them, or webdataset
    shards. -c takes a collection's pictures and captions instead.

    The result is guarded: R@1, R@5 and R@10 are measured before and after, on your dev set and on
    a general one; trained weights are mixed with those of the start as far as both sets like
    it; a model that is no better is not written. The result is an open_clip folder with its
    ONNX export, which `index --model DIR` takes at once.

    Checkpoints, logs and curves are in DIR.run. Ctrl-C stops it at any time; --resume goes on
    from the last whole epoch. `torchrun -m clipsearch.cli train ...` shares the work.
    """
    warnings.simplefilter("ignore")  # those of libraries, which no user can heed
    plan = _plan(given)
    from clipsearch.training.tuning.run import tune

    try:
        with shown_training(quiet=quiet) as listener:
            outcome = tune(plan, listener)
    except (KeyboardInterrupt, Terminated):
        say(f"stopped; {quoted(plan.run.path)} holds what was reached: go on with --resume.")
        raise
    if outcome is None:  # another process of torchrun speaks
        return DONE
    if form == "json":
        print_json("train", _record(outcome))
        return DONE
    _say_left_out(outcome)
    print_rows(COLUMNS, _rows(outcome))
    return DONE


def _plan(given: Mapping[str, Any]) -> Plan:
    """Everything that was asked for. Raises ExtraMissing without torch."""
    sets = _sets(given)  # torch takes its seconds: what is wrong here is said before
    try:
        from clipsearch.training.tuning import settings
        from clipsearch.training.tuning.run import Leave, Plan, Sets
    except ModuleNotFoundError as error:
        from clipsearch.errors import ExtraMissing

        raise ExtraMissing("train", "training a tower") from error

    def chosen(kind: Any) -> Any:
        return kind(**{name: given[name] for name in kind.__dataclass_fields__})

    return Plan(
        model=given["model"] or "builtin",
        out=given["out"],
        sets=Sets(*sets),
        settings=settings.Settings(
            goal=chosen(settings.Goal),
            locks=settings.Locks(given["image_layers"], given["text_layers"], given["gradual"]),
            pace=chosen(settings.Pace),
            length=chosen(settings.Length),
            precision=given["precision"],
            augment=given["augment"],
            ema=given["ema"],
            seed=given["seed"],
        ),
        leave=chosen(Leave),
        may_lose=given["may_lose"],
        threads=given["workers"],
    )


def _sets(given: Mapping[str, Any]) -> tuple[PictureSet, PictureSet, PictureSet | None]:
    """Read what is trained on and measured on: train, dev, general."""
    from clipsearch.training.tuning.material import held_out
    from clipsearch.training.tuning.sources import collection_set, read_set, splits_of

    data, name, dev_split = given["data"], given["name"], given["dev_split"]
    if (data is None) == (name is None):
        raise click.UsageError("give DATA, or a collection with -c NAME.")
    if name is not None:
        with clipsearch.Collection(name) as collection:
            train = collection_set(name, collection)
    else:
        named = splits_of(data)
        train = read_set(data, given["split"] or ("train" if "train" in named else None))
        dev_split = dev_split or next((each for each in DEV_SPLITS if each in named), None)
    general = given["general"] and read_set(given["general"], given["general_split"])
    if given["dev"]:
        return train, read_set(given["dev"], given["dev_split"]), general or None
    if dev_split and data is not None:
        return train, read_set(data, dev_split), general or None
    return *held_out(train), general or None


def _say_left_out(outcome: Outcome) -> None:
    for skip in outcome.skips[:10]:
        say(f"left out: {quoted(skip.path)}: {skip.reason} ({skip.code})")
    if len(outcome.skips) > 10:
        say(f"left out: {len(outcome.skips) - 10} more.")
    for note in outcome.notes:
        say(f"note: {note}")
    part, run = outcome.choice.chosen.part, quoted(outcome.plan.run.path)
    say(f"{part:.0%} of what was learned is kept; logs and curves are in {run}.")
    if outcome.choice.objection:
        say(f"written all the same: {outcome.choice.objection}.")


def _rows(outcome: Outcome) -> list[list[str]]:
    named: list[tuple[str, Mixture]] = [
        ("before", outcome.before),
        ("after", outcome.choice.chosen),
    ]
    rows = []
    for set_name in ("dev", "general"):
        for name, mixture in named:
            scores = getattr(mixture, set_name)
            if scores is not None:
                figures = [
                    f"{scores[f'{way}_{k}']:.1f}"
                    for way in ("text_to_image", "image_to_text")
                    for k in (1, 5, 10)
                ]
                rows.append([name, *figures, set_name])
    return rows


def _record(outcome: Outcome) -> dict[str, Any]:
    return {
        "out": str(outcome.plan.out.resolve()),
        "run": str(outcome.plan.run.path.resolve()),
        **outcome.story(),
        "left_out": [skip_record(skip) for skip in outcome.skips],
        "notes": list(outcome.notes),
    }
