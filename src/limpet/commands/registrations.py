"""`limpet registrations …`: an operator sees what the registrar is asked, and answers in its place.

It speaks to the database, which is the operator's, and not to the API, which is the customers'. What is said here is written down
as an answer or an order, and carried out by whichever Limpet runs, with everything that follows from it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from limpet.commands.paging import plain
from limpet.commands.place import find_place, place_options, run
from limpet.commands.table import show_rows

REASON_LENGTH_MAX = 500
CODE = click.IntRange(10_000, 99_999)


@click.group()
def registrations() -> None:
    """See what carriers are asked about registrations, and answer."""


def _why(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--code", type=CODE, help="Twilio's error code.")(command)
    return click.option("--reason", required=True, help="Why, for the customer to read.")(command)


@registrations.command("list")
@place_options
@click.option("--failed", is_flag=True, help="Also numbers that failed, and those that wait to be resolved.")
def show(path: Path | None, data: Path | None, as_json: bool, failed: bool) -> None:
    """List what is open, oldest first."""
    from limpet.flow import registration_orders as orders

    found = _run(path, data, lambda database: orders.listed(database, refused_too=failed))
    if as_json:
        click.echo(json.dumps(found))
        return
    columns = ("subject", "asked", "state", "since", "campaign_sid", "account_sid", "trouble")
    rows = [[plain(one[name]) for name in columns] for one in found]
    show_rows(
        ("subject", "asked", "state", "since", "campaign", "account", "trouble"), rows, "Nothing waits for an answer."
    )


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
    from limpet.flow import registration_orders as orders

    if reason is not None and not (0 < len(reason) <= REASON_LENGTH_MAX and reason.isprintable()):
        raise click.ClickException(f"--reason must be one line of 1 to {REASON_LENGTH_MAX} characters.")
    now = SystemClock().now()
    try:
        said = _run(path, data, lambda database: orders.give(database, subject, what, reason, code, now))
    except orders.NothingToOrder as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps({"subject": subject, "order": what, "said": said}) if as_json else said)


def _run(path: Path | None, data: Path | None, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async def there() -> Any:
        from limpet.commands.opened import opened_beside

        async with opened_beside(find_place(path, data).database) as database:
            return await work(database)

    return run(there())
