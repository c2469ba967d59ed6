"""clipsearch train-captioner: teach a captioner your pictures and sentences."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clipsearch.cli import options
from clipsearch.cli.captioners import hush_libraries
from clipsearch.cli.exits import DONE, Terminated, say
from clipsearch.cli.help import command
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import print_json

if TYPE_CHECKING:
    from clipsearch.training.captioner.learning import Listener
    from clipsearch.training.captioner.run import Plan
    from clipsearch.training.tuning.material import PictureSet

SECONDS_BETWEEN_LINES = 15.0


@command(
    "clipsearch train-captioner flickr8k.csv --out my-captioner",
    "clipsearch train-captioner products.csv --dev-split test --out mine --epochs 20",
    "clipsearch train-captioner flickr8k.csv --sentences captions.csv.gz --out mine",
    "clipsearch train-captioner flickr8k.csv --also plants.csv --also rooms.csv --out mine",
    "clipsearch train-captioner mine.csv --captioner hf:./vit-gpt2 --out mine    fine-tune",
    "clipsearch caption photo.jpg --captioner my-captioner       use what was trained",
    "clipsearch eval flickr8k.csv --split dev --task captions --captioner my-captioner",
)
@click.argument("data", type=options.ANY_PATH)
@click.option("--out", type=options.ANY_PATH, metavar="DIR", required=True, help="Where it goes.")
@click.option(
    "--captioner",
    "start",
    metavar="hf:FOLDER",
    help="Fine-tune this vision-encoder-decoder of transformers instead; of the settings only "
    "--epochs, --batch, --rate and --seed count then.",
)
@click.option(
    "--also",
    multiple=True,
    type=options.ANY_PATH,
    metavar="DATA",
    help="Further pictures to learn from; a part of them, the --dev-split if there is one, is "
    "kept back for the confidence. May repeat.",
)
@click.option("--name", metavar="NAME", help="What it is called.  [default: that of DIR]")
@click.option("--split", default="train", show_default=True, help="The split to train on.")
@click.option("--dev-split", default="dev", show_default=True, help="The split to measure on.")
@click.option(
    "--sentences",
    type=options.ANY_PATH,
    metavar="FILE",
    help="Captions without pictures (.csv, .csv.gz), to learn words and language from.",
)
@click.option(
    "--sentence-epochs",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="Epochs on --sentences before the pictures; with 0 they give the vocabulary alone.",
)
@click.option(
    "--class-names",
    type=options.ANY_PATH,
    metavar="FILE",
    help="ImageNet's 1,001 labels, a line each: photos captioned `a photo of a NAME` are also "
    "shown as of the other classes, and the tower's detectors propose names.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="[default: 8, or 3 with --captioner]")
@click.option(
    "--reward-epochs",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Then epochs with CIDEr itself as the reward.",
)
@click.option("--batch", type=click.IntRange(min=1), default=16, show_default=True)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="The learning rate.  [default: 0.001, or 0.00005 with --captioner]",
)
@click.option("--views", type=click.IntRange(min=1), default=2, show_default=True, metavar="N")
@click.option("--width", type=click.IntRange(min=8), default=192, show_default=True)
@click.option("--layers", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--vocabulary", type=click.IntRange(min=100), default=3000, show_default=True)
@click.option("--dropout", type=click.FloatRange(0, 1), default=0.1, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--restart", is_flag=True, help="Begin anew where a run stands.")
@options.no_progress_option
@options.json_option
def train_captioner(data: Path, quiet: bool, form: options.Form | None, **given: Any) -> int:
    """Train a captioner on captioned pictures and write it to --out.

    DATA is a CSV, TSV or JSONL file (`filepath,title,split`; pictures lie beside it, or in a tar
    of its name). The built-in image tower looks at each picture once, in each of --views (whole,
    mirrored, windows); a Transformer decoder learns to say what it saw. Checkpoints and logs are
    in DIR.run: stopped, the same command goes on from the last whole epoch.

    With --captioner a vision-encoder-decoder of transformers is fine-tuned by cross entropy; the
    epoch with the least loss on the dev captions is kept, and `--captioner hf:DIR` uses it.

    The confidence is calibrated on the dev pictures, so it says little on other kinds of them.
    Needs `pip install 'clipsearch[torch,train]'`.
    """
    warnings.simplefilter("ignore")  # those of libraries, which no user can heed
    if given["start"] is not None:
        return _fine_tuned(data, given, quiet=quiet, form=form)
    plan = _plan(data, given)
    from clipsearch.captioning import Captioner
    from clipsearch.training.captioner.calibrating import calibrate
    from clipsearch.training.captioner.run import train_captioner as trained

    listener = _silent if quiet else _shown()
    try:
        reached = trained(plan, listener)
        calibrate(plan, Captioner(plan.out).weighed)
    except (KeyboardInterrupt, Terminated):
        say(f"stopped; {quoted(plan.run.path)} holds what was reached: run it again to go on.")
        raise
    if form == "json":
        described = json.loads((plan.out / "captioner.json").read_bytes())
        print_json("train-captioner", {"out": str(plan.out.resolve()), **described})
    else:
        print(f"{quoted(plan.out)}\tCIDEr-D on dev, greedy\t{reached.best:.3f}")
    return DONE


def _fine_tuned(
    data: Path, given: dict[str, Any], *, quiet: bool, form: options.Form | None
) -> int:
    """Fine-tune a model of transformers."""
    kind, _, start = given["start"].partition(":")
    if kind != "hf" or not start:
        raise click.BadParameter("only hf:FOLDER and hf:ORG/NAME can be fine-tuned.")
    hush_libraries()
    from clipsearch.training.tuning.material import together

    train, dev, also = _sets(data, given)
    try:
        from clipsearch.training.captioner.finetuning import TuningPlan, fine_tune, readable
    except ModuleNotFoundError as error:
        from clipsearch.errors import ExtraMissing

        raise ExtraMissing("captions,train", "fine-tuning a captioner") from error
    named = ("epochs", "batch", "rate", "seed", "restart", "threads")
    own = {name: given[name] for name in named if given[name] is not None}
    taught = readable(together((train, *(each for each, _ in also))))
    plan = TuningPlan(start, given["out"], taught, readable(dev), **own)
    try:
        reached = fine_tune(plan, _silent if quiet else _shown())
    except (KeyboardInterrupt, Terminated):
        say(f"stopped; {quoted(plan.run.path)} holds what was reached: run it again to go on.")
        raise
    facts = {"epochs": reached.epoch, "best_epoch": reached.best_epoch, "dev_loss": -reached.best}
    if form == "json":
        print_json("train-captioner", {"out": str(plan.out.resolve()), "start": start, **facts})
    else:
        print(f"hf:{quoted(plan.out)}\tdev loss\t{-reached.best:.3f}")
    return DONE


def _plan(data: Path, given: dict[str, Any]) -> Plan:
    """Everything that was asked for. Raises ExtraMissing without torch, SourceUnreadable."""
    train, dev, also = _sets(data, given)
    try:
        from clipsearch.training.captioner.run import Plan
        from clipsearch.training.captioner.settings import Settings, Stage
    except ModuleNotFoundError as error:
        from clipsearch.errors import ExtraMissing

        raise ExtraMissing("train", "training a captioner") from error
    batch, rate = given["batch"], given["rate"] or 1e-3
    settings = Settings(
        sentences=Stage(given["sentence_epochs"] if given["sentences"] else 0, 100, rate),
        pictures=Stage(given["epochs"] or 8, batch, rate),
        rewards=Stage(given["reward_epochs"], batch, rate / 20),
        views=given["views"],
        vocabulary=given["vocabulary"],
        width=given["width"],
        layers=given["layers"],
        dropout=given["dropout"],
        seed=given["seed"],
    )
    return Plan(
        name=given["name"] or given["out"].resolve().name,
        out=given["out"],
        train=train,
        dev=dev,
        also=tuple(taught for taught, _ in also),
        also_dev=tuple(kept_back for _, kept_back in also),
        sentences=given["sentences"],
        class_names=given["class_names"],
        settings=settings,
        restart=given["restart"],
        threads=given["threads"],
    )


def _sets(
    data: Path, given: dict[str, Any]
) -> tuple[PictureSet, PictureSet, list[tuple[PictureSet, PictureSet]]]:
    """What to learn from and what to measure on; the same of what is learned from besides."""
    from clipsearch.training.tuning.material import held_out
    from clipsearch.training.tuning.sources import read_set

    def both(source: Path) -> tuple[PictureSet, PictureSet]:
        return read_set(str(source), given["split"]), read_set(str(source), given["dev_split"])

    also = [both(each) for each in given["also"]]
    return *both(data), [pair if pair[1].pictures else held_out(pair[0]) for pair in also]


def _silent(_what: str, _part: float, _value: float) -> None:
    """Nobody listens."""


def _shown() -> Listener:
    """A listener that says now and then how far it is."""
    last = [0.0]

    def hear(what: str, part: float, value: float) -> None:
        now = time.monotonic()
        if part < 1.0 and now - last[0] < SECONDS_BETWEEN_LINES:
            return
        last[0] = now
        told = f", {value:.3f}" if value == value else ""  # NaN: nothing to tell
        end = "\r" if sys.stderr.isatty() and part < 1.0 else "\n"
        sys.stderr.write(f"{what}: {part:.0%}{told}{end}")

    return hear
