"""clipsearch completion: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from clipsearch.cli.exits import DONE
from clipsearch.cli.help import command


@command(
    'eval "$(clipsearch completion bash)"          in ~/.bashrc',
    'eval "$(clipsearch completion zsh)"           in ~/.zshrc',
    "clipsearch completion fish | source           in ~/.config/fish/config.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print what lets a shell complete commands and options."""
    found = get_completion_class(shell)
    assert found is not None
    print(found(context.find_root().command, {}, "clipsearch", "_CLIPSEARCH_COMPLETE").source())
    return DONE
