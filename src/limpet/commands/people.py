"""`limpet people …`: everything of a person written to a file, or erased, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any

import click

from limpet.commands.door import Door, call, door_options, find_door, stream
from limpet.commands.table import print_table

PLACE = "/v1/People"
LIMIT_MAX = 1000
ERASE_TIMEOUT_S = 600
_TO = click.option("--to", required=True, help="The person's number; every channel of it is meant.")


@click.group()
def people() -> None:
    """Give people what is kept of them, and forget them."""


@people.command()
@door_options
@_TO
@click.argument("file", type=click.File("wb"), default="-")
def export(to: str, data: Path | None, as_json: bool, file: IO[bytes]) -> None:
    """Write all that the account has of a person to FILE (or standard output), a JSON object a line."""
    count = 0
    for line in stream(find_door(data, os.environ), PLACE, {"To": to}):
        file.write(line)
        count += 1
    click.echo(json.dumps({"written": count}) if as_json else f"{count} lines written.", err=True)


@people.command()
@door_options
@_TO
@click.option("--dry-run", is_flag=True, help="Count what would be erased, and erase nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(to: str, data: Path | None, as_json: bool, dry_run: bool, yes: bool) -> None:
    """Erase all that the account has of a person; only that they opted out is kept, under a hash. There is no way back."""
    door = find_door(data, os.environ)
    found = call(door, "DELETE", PLACE, {"To": to, "DryRun": "true"}, timeout_s=ERASE_TIMEOUT_S)
    if not dry_run:
        _refuse_waiting(found, as_json=as_json)
        if not yes:
            _show(found, err=True)
            click.confirm(f"Erase all of this of {to}?", abort=True, err=True)
        found = _erase(door, to)
    if as_json:
        click.echo(json.dumps(found))
        return
    _show(found)
    for one in found["on_their_way"]:
        click.echo(_waiting(one))
    click.echo("Nothing was erased." if dry_run else f"{to} is forgotten.")


@people.command()
@door_options
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=50, show_default=True, help="At most so many.")
def log(data: Path | None, as_json: bool, limit: int) -> None:
    """Who had people's data exported or erased, and when, newest first."""
    answer = call(find_door(data, os.environ), "GET", f"{PLACE}/Requests", {"PageSize": str(limit)})
    found: list[dict[str, Any]] = answer["requests"]
    if as_json:
        click.echo(json.dumps(found))
        return
    rows = [
        (
            one["date_created"],
            one["act"],
            one["actor"],
            sum(one["counts"].values()),
            one["date_finished"] or "broken off",
        )
        for one in found
    ]
    print_table(("when", "what", "by", "rows", "finished"), rows)


def _erase(door: Door, to: str) -> dict[str, Any]:
    return dict(call(door, "DELETE", PLACE, {"To": to}, timeout_s=ERASE_TIMEOUT_S))


def _refuse_waiting(found: dict[str, Any], *, as_json: bool) -> None:
    """End with what has to be waited for, if there is anything."""
    if not found["on_their_way"]:
        return
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo("\n".join(_waiting(one) for one in found["on_their_way"]), err=True)
    raise click.ClickException(
        "Nothing was erased: messages are on their way. Cancel those that are scheduled, wait for the others."
    )


def _waiting(one: dict[str, Any]) -> str:
    when = f"for {one['send_at']}" if one["send_at"] else f"until {one['date_expires']} at most"
    return f"{one['message_sid']} is {one['status']}, {when}"


def _show(found: dict[str, Any], *, err: bool = False) -> None:
    for kind, count in sorted(found["counts"].items()):
        click.echo(f"{kind:18}{count:>8}", err=err)
