"""`limpet proxy …`: lead a program to the `limpet dev` that runs with `--proxy`, by its environment alone."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from limpet.config_rules import DATA_DIR

NOT_FOUND = 127
_DEV_FILE = "dev.json"


def _powershell(name: str, value: str) -> str:
    return f"$env:{name} = '{value.replace(chr(39), chr(39) * 2)}'"


def _fish(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{escaped}'"


FORMATS: Mapping[str, Callable[[str, str], str]] = {
    "sh": lambda name, value: f"export {name}={shlex.quote(value)}",
    "fish": _fish,
    "powershell": _powershell,
    "dotenv": lambda name, value: f"{name}={value}",
}


@click.group()
def proxy() -> None:
    """Lead a program here by its environment alone, where `limpet dev --proxy` runs."""


@proxy.command()
@click.option("--data", type=click.Path(path_type=Path), help="Data directory of the `limpet dev`.")
@click.option(
    "--format", "form", type=click.Choice([*FORMATS, "json"]), default="sh", show_default=True, help="For whom it is."
)
def env(data: Path | None, form: str) -> None:
    """Print the variables: eval "$(limpet proxy env)"."""
    variables = proxy_variables(data)
    if form == "json":
        click.echo(json.dumps(variables))
    else:
        click.echo("\n".join(FORMATS[form](name, value) for name, value in variables.items()))


@proxy.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--data", type=click.Path(path_type=Path), help="Data directory of the `limpet dev`.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(data: Path | None, command: tuple[str, ...]) -> None:
    """Run COMMAND with the variables set: limpet proxy run node app.js."""
    environment = {**os.environ, **proxy_variables(data)}
    try:
        if sys.platform == "win32":
            sys.exit(subprocess.call(command, env=environment))  # noqa: S603 - what the person typed
        os.execvpe(command[0], command, environment)  # noqa: S606 - what the person typed
    except OSError as error:
        click.echo(f"limpet: {command[0]} cannot be run: {error.strerror}.", err=True)
        sys.exit(NOT_FOUND)


def proxy_variables(data: Path | None) -> Mapping[str, str]:
    """What the running `limpet dev` of a data directory has written down; ClickException when none runs, or has no proxy."""
    from psutil import pid_exists

    path = (data or DATA_DIR) / _DEV_FILE
    try:
        kept = json.loads(path.read_text())
        variables, pid = kept.get("proxy_environment"), kept.get("pid")
    except FileNotFoundError as error:
        raise click.ClickException(f"There is no {path}: give --data of a `limpet dev --proxy`.") from error
    except (OSError, ValueError, AttributeError) as error:
        raise click.ClickException(f"{path} cannot be read: start `limpet dev --proxy` on that directory.") from error
    if not (isinstance(pid, int) and pid_exists(pid)):
        raise click.ClickException(f"The `limpet dev` of {path.parent} does not run: start it with --proxy.")
    if not variables or not isinstance(variables, dict):
        raise click.ClickException("This `limpet dev` has no proxy: start it with --proxy.")
    return variables
