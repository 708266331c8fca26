"""`limpet registrations …`: an operator sees what the registrar is asked, and answers in its place.

It speaks to the database, which is the operator's, and not to the API, which is the customers'. What is said here is written down
as an answer or an order, and carried out by whichever Limpet runs, with everything that follows from it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from limpet.commands.place import place_options
from limpet.config import DatabaseConfig, load_config
from limpet.config_rules import ConfigError

REASON_LENGTH_MAX = 500
CODE = click.IntRange(10_000, 99_999)


@click.group()
def registrations() -> None:
    """See what carriers are asked about brands, campaigns and numbers, and answer by hand."""


def _why(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--code", type=CODE, help="Twilio's error code.")(command)
    return click.option("--reason", required=True, help="Why, for the customer to read.")(command)


@registrations.command("list")
@place_options
@click.option("--failed", is_flag=True, help="Also numbers that failed, and those that wait to be resolved.")
def show(path: Path | None, data: Path | None, as_json: bool, failed: bool) -> None:
    """List what is open, oldest first."""
    from limpet.commands import registration_orders as orders

    found = _run(path, data, lambda database: orders.listed(database, refused_too=failed))
    if as_json:
        click.echo(json.dumps(found))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("subject", "asked", "state", "since", "campaign", "account", "trouble")
    for one in found:
        table.add_row(
            one["subject"], one["asked"], one["state"], one["since"], one["campaign_sid"] or "-", one["account_sid"],
            one["trouble"] or "-",
        )  # fmt: skip
    Console().print(table if found else "Nothing waits for an answer.")


@registrations.command()
@place_options
@click.argument("subject")
def approve(subject: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """SUBJECT (BN…, QE…, HH…, PN… or a number) is done: registered, verified, or taken out."""
    _order(path, data, as_json, subject, "approve", None, None)


@registrations.command()
@place_options
@_why
@click.argument("subject")
def reject(
    subject: str, path: Path | None, data: Path | None, as_json: bool, reason: str, code: int | None
) -> None:  # fmt: skip
    """SUBJECT will not be done. A number that is registered loses its registration."""
    _order(path, data, as_json, subject, "reject", reason, code)


@registrations.command()
@place_options
@click.argument("subject")
def retry(subject: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Ask again about a number that failed."""
    _order(path, data, as_json, subject, "retry", None, None)


@registrations.command()
@place_options
@_why
@click.argument("campaign")
def suspend(
    campaign: str, path: Path | None, data: Path | None, as_json: bool, reason: str, code: int | None
) -> None:  # fmt: skip
    """No number of CAMPAIGN (QE…) writes to the United States until it is resumed."""
    _order(path, data, as_json, campaign, "suspend", reason, code)


@registrations.command()
@place_options
@click.argument("campaign")
def resume(campaign: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """CAMPAIGN (QE…) goes on."""
    _order(path, data, as_json, campaign, "resume", None, None)


def _order(
    path: Path | None, data: Path | None, as_json: bool, subject: str, what: str, reason: str | None, code: int | None
) -> None:
    from limpet.clock import SystemClock
    from limpet.commands import registration_orders as orders

    if reason is not None and not (0 < len(reason) <= REASON_LENGTH_MAX and reason.isprintable()):
        raise click.ClickException(f"--reason must be one line of 1 to {REASON_LENGTH_MAX} characters.")
    now = SystemClock().now()
    said = _run(path, data, lambda database: orders.give(database, subject, what, reason, code, now))
    click.echo(json.dumps({"subject": subject, "order": what, "said": said}) if as_json else said)


def _run(path: Path | None, data: Path | None, work: Callable[[Any], Awaitable[Any]]) -> Any:
    from limpet.commands.opened import opened_beside

    if (path is None) == (data is None):
        raise click.UsageError("Give either --config or --data.")
    config = load_config(path, os.environ).database if path is not None else _of_dev(data)

    async def run() -> Any:
        async with opened_beside(config) as database:
            return await work(database)

    return asyncio.run(run())


def _of_dev(data: Path | None) -> DatabaseConfig:
    if data is None or not data.is_dir():
        raise ConfigError(f"There is no data directory {data}.")
    return DatabaseConfig(data_dir=data.expanduser().absolute())
