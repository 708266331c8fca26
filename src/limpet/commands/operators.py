"""`limpet operators …`: who may sign in to the console; on the database itself, since only who can open it says who they are."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from limpet.commands.place import find_place, place_options, run, vault_of
from limpet.commands.table import print_table

if TYPE_CHECKING:
    from limpet.store.operators import Credentials, Operators

ROLES = ("viewer", "operator", "admin")
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


@click.group()
def operators() -> None:
    """Operators: who may sign in to the console at /console."""


def _credential_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--no-second-factor", is_flag=True, help="The password alone is enough."),
        click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making one."),
        place_options,
    ):  # fmt: skip
        command = option(command)
    return command


@operators.command()
@_credential_options
@click.option(
    "--role", type=click.Choice(ROLES), default="operator", show_default=True, help="What the operator may do."
)
@click.argument("name")
def create(
    name: str, role: str, path: Path | None, data: Path | None, as_json: bool, no_second_factor: bool,
    password_stdin: bool,
) -> None:  # fmt: skip
    """Let NAME in: show, this once, a password, the secret of a second factor, and recovery codes."""
    from limpet.core.console import Role

    if not _NAME.fullmatch(name):
        raise click.UsageError(
            "NAME is 1 to 64 small letters, digits and . _ @ -, and begins with a letter or a digit."
        )
    password = _password(password_stdin)

    async def work(store: Operators, now: datetime) -> Credentials | None:
        return await store.create(name, Role(role), now, password=password, second_factor=not no_second_factor)

    made = _run(path, data, work)
    if made is None:
        raise click.ClickException(
            f"There is an operator {name}: `limpet operators reset {name}` gives another password."
        )
    _tell(name, made, as_json, given=password is not None)


@operators.command()
@_credential_options
@click.option("--role", type=click.Choice(ROLES), help="Another role.")
@click.argument("name")
def reset(
    name: str, role: str | None, path: Path | None, data: Path | None, as_json: bool, no_second_factor: bool,
    password_stdin: bool,
) -> None:  # fmt: skip
    """Give NAME another password and second factor; who is in is shut out, who was disabled may come again."""
    from limpet.core.console import Role

    password = _password(password_stdin)

    async def work(store: Operators, _: datetime) -> Credentials | None:
        wanted = None if role is None else Role(role)
        return await store.reset(name, role=wanted, password=password, second_factor=not no_second_factor)

    made = _run(path, data, work)
    if made is None:
        raise click.ClickException(f"There is no operator {name}.")
    _tell(name, made, as_json, given=password is not None)


@operators.command()
@place_options
@click.argument("name")
def disable(name: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Shut NAME out at once, until `limpet operators reset`."""
    if not _run(path, data, lambda store, now: store.disable(name, now)):
        raise click.ClickException(f"There is no operator {name}.")
    click.echo(json.dumps({"name": name, "disabled": True}) if as_json else f"{name} is shut out.")


@operators.command("list")
@place_options
def show_all(path: Path | None, data: Path | None, as_json: bool) -> None:
    """List all operators."""
    found = _run(path, data, lambda store, now: store.all(now))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], default=str))
    elif not found:
        click.echo("There is no operator yet: `limpet operators create NAME --role admin` makes the first.")
    else:
        rows = [
            (one.name, one.role, "yes" if one.second_factor else "no", one.recovery_codes, one.sessions,
             f"{one.created_at:%Y-%m-%d}", "-" if one.disabled_at is None else f"{one.disabled_at:%Y-%m-%d %H:%M}")
            for one in found
        ]  # fmt: skip
        print_table(("operator", "role", "second factor", "codes left", "sessions", "since", "disabled"), rows)


def _password(from_stdin: bool) -> str | None:
    from limpet.store.passwords import LENGTH_MAX, LENGTH_MIN

    if not from_stdin:
        return None
    given = sys.stdin.readline(LENGTH_MAX + 2).rstrip("\r\n")
    if not LENGTH_MIN <= len(given) <= LENGTH_MAX:
        raise click.ClickException(f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters.")
    return given


def _tell(name: str, made: Credentials, as_json: bool, *, given: bool) -> None:
    if as_json:
        told = {"name": name, **asdict(made)}
        click.echo(json.dumps({key: value for key, value in told.items() if not (given and key == "password")}))
        return
    lines = [f"operator       {name}", *([] if given else [f"password       {made.password}"])]
    if made.uri:
        lines += [f"second factor  {made.uri}", "recovery       " + "\n               ".join(made.recovery_codes)]
    click.echo("\n".join(lines))
    click.echo("Nobody can see this again. Hand it over by a way that nobody else reads.", err=True)


def _run(path: Path | None, data: Path | None, work: Callable[[Operators, datetime], Awaitable[Any]]) -> Any:
    async def there() -> Any:
        from limpet.commands.opened import opened_beside
        from limpet.store.operators import Operators

        place = find_place(path, data)
        async with opened_beside(place.database) as database:
            return await work(Operators(database, vault_of(place)), await database.now())

    return run(there())
