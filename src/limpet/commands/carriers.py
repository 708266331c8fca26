"""`limpet carriers …`: for the operator, straight from a configuration's database: lanes, receipts of nobody, spelling of ids."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from limpet.config import load_config

T = TypeVar("T")
LIMIT_MAX = 10_000


@click.group()
def carriers() -> None:
    """Look at carriers: whether they are there, and what they say that fits no message."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--config", "path", type=click.Path(path_type=Path), required=True, help="limpet.toml."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@carriers.command("list")
@_options
def show_lanes(path: Path, as_json: bool) -> None:
    """List the lanes to all carriers, as their owners last saw them."""
    from limpet.store.dispatch import Lanes

    found = _with_database(path, Lanes.states)
    if as_json:
        click.echo(json.dumps([{**one._asdict(), "since": _time(one.since)} for one in found]))
        return
    _table(
        "No lane has ever been leased.", ("lane", "state", "since", "owner", "why"),
        [(one.name, _state(one), _time(one.since) or "-", one.owner if one.leased else "-", one.why or "-") for one in found],
    )  # fmt: skip


@carriers.command("receipts")
@_options
@click.option("--carrier", help="Only of this carrier.")
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=100, show_default=True, help="At most so many.")
def show_receipts(path: Path, as_json: bool, carrier: str | None, limit: int) -> None:
    """List receipts that no message is known for, newest first. They are kept for 8 days and matched when their message shows."""
    from limpet.core.ids import id_time
    from limpet.store.receipts import list_kept

    found = _with_database(path, lambda database: list_kept(database, carrier, limit))
    shown = [
        _Unmatched(_time(id_time(one.id)), one.lane, one.recipient, one.sender, one.carrier_message_id, one.state)
        for one in found
    ]
    if as_json:
        click.echo(json.dumps([vars(one) for one in shown]))
        return
    rows = [
        (one.received_at or "-", one.lane, one.to, one.from_, one.carrier_message_id or "-", one.state) for one in shown
    ]
    _table("There are no such receipts.", ("received", "lane", "to", "from", "carrier's id", "state"), rows)


@carriers.command("relearn")
@_options
@click.option("--carrier", required=True, help="The carrier's name.")
def relearn(path: Path, as_json: bool, carrier: str) -> None:
    """Forget how a carrier spells ids in its receipts; servers learn it anew once they are started again."""
    from limpet.store.receipts import forget_spelling

    known = _with_database(path, lambda database: forget_spelling(database, carrier))
    if known is None:
        raise click.ClickException(f"Nothing has been learned of the carrier {carrier}.")
    answer = {"carrier": carrier, "forgotten": known}
    click.echo(json.dumps(answer) if as_json else f"{carrier} was known for {known}; that is forgotten.")


@dataclass
class _Unmatched:
    """A receipt of nobody, as it is shown."""

    received_at: str | None
    lane: str
    to: str
    from_: str
    carrier_message_id: str | None
    state: str


def _with_database(path: Path, ask: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    from limpet.commands.opened import opened

    config = load_config(path, os.environ)

    async def asked() -> T:
        async with opened(config.database) as database:
            return await ask(database)

    return asyncio.run(asked())


def _table(nothing: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads)
    for row in rows:
        table.add_row(*row)
    Console().print(table if rows else nothing)


def _state(one: Any) -> str:
    return ("bound" if one.bound else "not bound") if one.leased else "not owned"


def _time(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
