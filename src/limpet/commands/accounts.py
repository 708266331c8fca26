"""`limpet accounts …`: who may send, and how much. What only the operator says is said on the database itself."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.place import config_option, find_place, place_options, run
from limpet.commands.table import print_table

if TYPE_CHECKING:
    from limpet.core.model import Account

FRIENDLY_NAME_MAX = 64
RATE_MAX = 1_000_000
SCHEDULED_MAX = 100_000_000


@click.group()
def accounts() -> None:
    """Accounts: who may send, and how much."""


@accounts.command("list")
@place_options
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many.")
def show_all(path: Path | None, data: Path | None, as_json: bool, limit: int) -> None:
    """List all accounts, newest first."""
    from limpet.commands import account as command

    found = run(command.list_accounts(find_place(path, data).database, limit))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found]))
    elif found:
        print_table(("account", "name", "status", "owner", "created"), (tuple(asdict(one).values()) for one in found))
    else:
        click.echo("There is no account.")


@accounts.command()
@config_option
@click.option("--name", default="Limpet", show_default=True, help="What the account is called.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(path: Path, name: str, as_json: bool) -> None:
    """Make an account and show its credentials."""
    from limpet.clock import SystemClock
    from limpet.commands import account as command
    from limpet.config import load_config
    from limpet.config_rules import ruled, text

    config = load_config(path, os.environ)
    name = ruled(text(FRIENDLY_NAME_MAX), "--name", name)
    made = asdict(run(command.create_account(config, name, SystemClock())))
    click.echo(json.dumps(made) if as_json else "\n".join(f"{each:13}  {value}" for each, value in made.items()))


@accounts.command()
@config_option
@click.option("--sid", required=True, help="SID of the account (AC…).")
@click.option(
    "--segments-per-second",
    type=click.FloatRange(0, RATE_MAX),
    help="All its numbers together; 0: as configured.",
)
@click.option("--scheduled-max", type=click.IntRange(-1, SCHEDULED_MAX), help="Scheduled messages; -1: as configured.")
@click.option("--trial/--no-trial", default=None, help="Whether it may write to verified numbers only.")
@click.option("--verify", multiple=True, help="A number that a trial account may write to.")
@click.option("--unverify", multiple=True, help="One that it may no more.")
def limits(
    path: Path, sid: str, segments_per_second: float | None, scheduled_max: int | None, trial: bool | None,
    verify: tuple[str, ...], unverify: tuple[str, ...],
) -> None:  # fmt: skip
    """Show what an account may, after changing what is given."""
    from limpet.clock import SystemClock
    from limpet.commands import account as command
    from limpet.config import load_config

    more, less = frozenset(map(_person, verify)), frozenset(map(_person, unverify))

    def change(account: Account) -> Account:
        if segments_per_second is not None:
            account = replace(account, segments_per_s=segments_per_second or None)
        if scheduled_max is not None:
            account = replace(account, scheduled_max=None if scheduled_max < 0 else scheduled_max)
        if trial is not None:
            account = replace(account, trial=trial)
        return replace(account, verified=account.verified - less | more)

    found = run(command.change_limits(load_config(path, os.environ), sid, change, SystemClock()))
    if found is None:
        raise click.ClickException(f"There is no account {sid}.")
    click.echo(json.dumps(asdict(found)))


def _person(number: str) -> str:
    from limpet.core.address import parse_recipient

    found = parse_recipient(number)
    if found is None:
        raise click.ClickException(f"{number} is not a phone number.")
    return found.value
