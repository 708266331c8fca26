"""`limpet held …`: what a restore holds, and what becomes of it; on the database, beside running servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.place import Place, find_place, place_options, run

if TYPE_CHECKING:
    from limpet.store.held import Held


@click.group()
def held() -> None:
    """What a restore holds: messages of which nobody knows whether they left.

    Single ones are seen and settled by `limpet messages doubt`; receipts settle some by themselves.
    """


@held.command("list")
@place_options
def show(path: Path | None, data: Path | None, as_json: bool) -> None:
    """Say how many messages wait for a decision."""
    found = run(_look(find_place(path, data)))
    if as_json:
        click.echo(json.dumps({"in_doubt": found.doubtful, "unbound": found.unbound, "accounts": found.accounts}))
    elif not found.doubtful + found.unbound:
        click.echo("Nothing is held.")
    else:
        click.echo(f"{found.doubtful} messages that have a number to come from, of {found.accounts} accounts.")
        click.echo(f"{found.unbound} messages that were to get one: their time has come since the backup.")


@held.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@place_options
def send(yes: bool, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Send all that is held: some people may get a message a second time."""
    _let_go(find_place(path, data), as_json, yes, send=True)


@held.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@place_options
def fail(yes: bool, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Give up all that is held: failed with 30036, as if its validity were over."""
    _let_go(find_place(path, data), as_json, yes, send=False)


def _let_go(place: Place, as_json: bool, yes: bool, *, send: bool) -> None:
    if not yes:
        what = "is sent, perhaps a second time" if send else "is given up"
        click.confirm(f"All that is held {what}. Go on?", abort=True, err=True)
    done = run(_decide(place, send=send))
    if as_json:
        click.echo(json.dumps({"in_doubt": done.doubtful, "unbound": done.unbound}))
    else:
        click.echo(f"{done.doubtful + done.unbound} messages {'are sent' if send else 'fail'} by the servers that run.")


async def _look(place: Place) -> Held:
    from limpet.commands.opened import opened_beside
    from limpet.store import held as store

    async with opened_beside(place.database) as database:
        return await store.look(database)


async def _decide(place: Place, *, send: bool) -> Held:
    from limpet.clock import SystemClock
    from limpet.commands.opened import opened_beside
    from limpet.store import held as store

    async with opened_beside(place.database) as database:
        return await store.let_go(database, SystemClock().now(), send=send)
