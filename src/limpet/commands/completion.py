"""`limpet completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_LIMPET_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
def completion(shell: str | None) -> None:
    """Print what makes SHELL complete limpet's commands and options.

    For the shell that you use, if it is left out.

    \b
    bash:  eval "$(limpet completion bash)"   in ~/.bashrc
    zsh:   eval "$(limpet completion zsh)"    in ~/.zshrc
    fish:  limpet completion fish | source    in ~/.config/fish/config.fish
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    found = get_completion_class(name) if name in SHELLS else None
    if found is None:
        raise click.UsageError(f"Say which shell: {', '.join(SHELLS)}.")
    program = click.get_current_context().find_root().command
    click.echo(found(program, {}, "limpet", VARIABLE).source())
