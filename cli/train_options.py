"""The options of `clipsearch train`, in the groups that the library takes them in."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import click

from clipsearch.cli import options

Decorator = Callable[[Any], Any]


def together(*decorators: Decorator) -> Decorator:
    """Several options as one decorator; help shows them in this order."""
    return lambda function: reduce(lambda done, each: each(done), reversed(decorators), function)


def _number(name: str, kind: click.ParamType[Any], default: object, told: str) -> Decorator:
    return click.option(
        f"--{name}", type=kind, default=default, show_default=True, metavar="N", help=told
    )


_SHARE = click.FloatRange(0, 1, max_open=True)
_COUNT = click.IntRange(min=0)

data_options = together(
    click.argument("data", required=False, metavar="[DATA]"),
    click.option("-c", "--collection", "name", metavar="NAME", help="Train on a collection."),
    click.option(
        "--out",
        required=True,
        type=options.ANY_PATH,
        metavar="DIR",
        help="Where the model goes; DIR.run takes checkpoints, logs and curves.",
    ),
    click.option(
        "--split",
        metavar="NAME",
        help="The split to train on.  [default: train, where there is one]",
    ),
    click.option(
        "--dev",
        metavar="DATA",
        help="Measure on this.  [default: a tenth of DATA, held out by content]",
    ),
    click.option(
        "--dev-split", metavar="NAME", help="The split to measure on; of DATA, without --dev."
    ),
    click.option(
        "--general",
        metavar="DATA",
        help="Captioned pictures of another kind, to see what is unlearned.",
    ),
    click.option("--general-split", metavar="NAME", help="The split of --general."),
)

settings_options = together(
    click.option(
        "--loss",
        type=click.Choice(["clip", "siglip", "hinge", "hinge-hardest"]),
        default="clip",
        show_default=True,
        help="Cross-entropy, sigmoid, or max-margin over all or the hardest negatives.",
    ),
    _number("margin", click.FloatRange(min=0), 0.2, "The margin of the hinges, in cosine."),
    _number("epochs", click.IntRange(min=1), 12, "Passes over the pictures, at most."),
    _number("patience", _COUNT, 4, "Stop after N epochs without a better dev; 0: never."),
    _number("batch", click.IntRange(min=2), 64, "Pictures that are each other's negatives."),
    _number("accumulate", click.IntRange(min=1), 1, "Compute a batch in N parts: less memory."),
    _number("rate", click.FloatRange(min=0, min_open=True), 1e-4, "Learning rate at the top."),
    click.option(
        "--optimiser",
        type=click.Choice(["adamw", "sgd"]),
        default="adamw",
        show_default=True,
        help="How weights are moved; SGD has momentum 0.9.",
    ),
    _number("decay", click.FloatRange(min=0), 0.1, "Weight decay of matrices."),
    _number(
        "layer-decay",
        click.FloatRange(0, 1, min_open=True),
        0.8,
        "Rate of a layer, as a part of the one above.",
    ),
    _number("warmup", _SHARE, 0.1, "Share of the run in which the rate rises."),
    click.option(
        "--image-layers",
        type=_COUNT,
        metavar="N",
        help="Train only the top N layers of the image tower; 0 locks it.",
    ),
    click.option("--text-layers", type=_COUNT, metavar="N", help="The same of the text tower."),
    _number("gradual", _COUNT, 0, "Open one more layer every N epochs; 0: all at once."),
    click.option(
        "--precision",
        type=click.Choice(["fp32", "bf16"]),
        default="fp32",
        show_default=True,
        help="bf16 where the processor or the GPU has it.",
    ),
    click.option(
        "--augment/--no-augment", default=True, show_default=True, help="Train on random views."
    ),
    _number("ema", _SHARE, 0.0, "Keep a moving average of the weights, of this decay; 0: none."),
    _number("seed", _COUNT, 0, "The same seed and data give the same weights."),
    _number("workers", click.IntRange(min=1), 2, "Threads that decode pictures."),
)

leave_options = together(
    _number(
        "may-lose", click.FloatRange(min=0), 3.0, "Points of the general score that dev may cost."
    ),
    click.option("--resume", is_flag=True, help="Go on with the run in DIR.run."),
    click.option("--restart", is_flag=True, help="Drop the run in DIR.run and begin anew."),
    click.option(
        "--replace", is_flag=True, help="Replace the model in DIR, if the new one is no worse."
    ),
    click.option("--force", is_flag=True, help="Write a model that is no better, too."),
)
