"""clipsearch models: which towers can be had, and the built-in one unpacked for training."""

from __future__ import annotations

import sys
from pathlib import Path

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, say
from clipsearch.cli.help import ColouredCommand, ColouredContext, command, examples
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import print_json
from clipsearch.cli.tables import print_rows


class ColouredGroup(click.Group):
    """A group whose help is coloured."""

    context_class = ColouredContext
    command_class = ColouredCommand


@click.group(
    cls=ColouredGroup,
    invoke_without_command=True,
    epilog=examples(
        "clipsearch models",
        "clipsearch index ~/Pictures -c sharp --model ViT-B-16-SigLIP2/webli",
        "clipsearch models unpack builtin my-tower",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@options.json_option
@click.pass_context
def models(context: click.Context, form: options.Form | None) -> int:
    """List the towers that can be had.

    Besides these, --model takes every architecture/weights of open_clip, hf-hub:ORG/NAME,
    local-dir:DIR and ARCHITECTURE@CHECKPOINT; they need clipsearch[torch] once, and start
    without it afterwards. A collection keeps the tower it was made with. Captioners are named
    by --captioner: see `clipsearch caption --help`.
    """
    if context.invoked_subcommand is not None:
        return DONE
    from clipsearch.towers.registry import available_towers

    towers = available_towers(clipsearch.default_home())
    if form == "json":
        names = ("name", "state", "note", "dim", "bytes", "languages")
        fields = [{name: getattr(tower, name) for name in names} for tower in towers]
        print_json("models", {"models": fields})
        return DONE
    rows = (
        [tower.name, tower.state, str(tower.dim or ""), _megabytes(tower.bytes), tower.note]
        for tower in towers
    )
    print_rows(["model", "state", ">dim", ">MB", "note"], rows)
    return DONE


@command("clipsearch models unpack builtin my-tower")
@click.argument("model", type=click.Choice(["builtin"]))
@click.argument("folder", type=options.ANY_PATH)
def unpack(model: str, folder: Path) -> int:
    """Write the built-in tower as an ordinary open_clip folder, to train on or to compare.

    Needs clipsearch[torch]. `--model local-dir:FOLDER` uses the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.BadParameter(f"{quoted(folder)} is there already and not empty.")
    try:
        from clipsearch.training.unpack import write_open_clip_folder
    except ModuleNotFoundError as error:
        from clipsearch.errors import ExtraMissing

        raise ExtraMissing("torch", f"unpacking {model}") from error
    from clipsearch.towers.loading import BUILTIN_FOLDER

    write_open_clip_folder(BUILTIN_FOLDER, folder)
    say(f"wrote {quoted(folder)}")
    sys.stdout.write(f"local-dir:{quoted(folder.absolute())}\n")
    return DONE


def _megabytes(size: int | None) -> str:
    return f"{size / 1e6:.0f}" if size is not None else ""


models.add_command(unpack)
