"""`limpet account limits` and `limpet service`: what only the operator says, since it is said on the database itself."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.config import load_config

if TYPE_CHECKING:
    from limpet.core.model import Account

RATE_MAX = 1_000_000
SCHEDULED_MAX = 100_000_000
CONFIG = click.option("--config", "path", type=click.Path(path_type=Path), required=True, help="limpet.toml.")


@click.command("limits")
@CONFIG
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
def account_limits(
    path: Path, sid: str, segments_per_second: float | None, scheduled_max: int | None, trial: bool | None,
    verify: tuple[str, ...], unverify: tuple[str, ...],
) -> None:  # fmt: skip
    """Show what an account may, after changing what is given."""
    from limpet.clock import SystemClock
    from limpet.commands import account as command

    more, less = frozenset(map(_person, verify)), frozenset(map(_person, unverify))

    def change(account: Account) -> Account:
        if segments_per_second is not None:
            account = replace(account, segments_per_s=segments_per_second or None)
        if scheduled_max is not None:
            account = replace(account, scheduled_max=None if scheduled_max < 0 else scheduled_max)
        if trial is not None:
            account = replace(account, trial=trial)
        return replace(account, verified=account.verified - less | more)

    limits = asyncio.run(command.change_limits(load_config(path, os.environ), sid, change, SystemClock()))
    if limits is None:
        raise click.ClickException(f"There is no account {sid}.")
    click.echo(json.dumps(asdict(limits)))


@click.group("service")
def service() -> None:
    """Services of any account, as their operator sees them."""


@service.command()
@CONFIG
@click.option("--sid", required=True, help="SID of the service (MG…).")
def pause(path: Path, sid: str) -> None:
    """Let nothing be sent through a service (error 21702)."""
    _pause(path, sid, paused=True)


@service.command()
@CONFIG
@click.option("--sid", required=True, help="SID of the service (MG…).")
def resume(path: Path, sid: str) -> None:
    """Let a service send again."""
    _pause(path, sid, paused=False)


def _pause(path: Path, sid: str, *, paused: bool) -> None:
    from limpet.clock import SystemClock
    from limpet.commands import account as command

    if not asyncio.run(command.pause_service(load_config(path, os.environ), sid, paused, SystemClock())):
        raise click.ClickException(f"There is no service {sid}.")
    click.echo(f"{sid} {'sends nothing until it is resumed' if paused else 'sends'}.")


def _person(number: str) -> str:
    from limpet.core.address import parse_recipient

    found = parse_recipient(number)
    if found is None:
        raise click.ClickException(f"{number} is not a phone number.")
    return found.value
