"""`limpet carriers receipts` and `limpet carriers relearn`: what carriers say that fits no message, and how they spell ids."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.place import Place, find_place, place_options, run
from limpet.commands.table import print_table

if TYPE_CHECKING:
    from limpet.store.receipts import Told

LIMIT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A receipt of nobody, as it is shown."""

    received_at: str
    lane: str
    to: str
    from_: str
    carrier_message_id: str | None
    state: str


@click.command()
@place_options
@click.option("--carrier", help="Only of this carrier.")
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=100, show_default=True, help="At most so many.")
def receipts(carrier: str | None, limit: int, path: Path | None, data: Path | None, as_json: bool) -> None:
    """List receipts that no message is known for, newest first.

    They are kept for 8 days and matched when their message shows.
    """
    from limpet.core.ids import id_time
    from limpet.twilio.dates import iso8601

    shown = [
        Unmatched(
            iso8601(id_time(one.id)),
            one.lane,
            one.recipient,
            one.sender,
            one.carrier_message_id,
            str(one.state),
        )
        for one in run(_kept(find_place(path, data), carrier, limit))
    ]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in shown]))
    elif not shown:
        click.echo("There are no such receipts.")
    else:
        rows = [
            (one.received_at, one.lane, one.to, one.from_, one.carrier_message_id or "-", one.state) for one in shown
        ]
        print_table(("received", "lane", "to", "from", "carrier's id", "state"), rows)


@click.command()
@place_options
@click.argument("name")
def relearn(name: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Forget how a carrier spells ids in its receipts.

    Servers learn it anew once they are started again.
    """
    known = run(_forget(find_place(path, data), name))
    if known is None:
        raise click.ClickException(f"Nothing has been learned of the carrier {name}.")
    answer = {"carrier": name, "forgotten": known}
    click.echo(json.dumps(answer) if as_json else f"{name} was known for {known}; that is forgotten.")


async def _kept(place: Place, carrier: str | None, limit: int) -> list[Told]:
    from limpet.commands.opened import opened_beside
    from limpet.store.receipts import list_kept

    async with opened_beside(place.database) as database:
        return await list_kept(database, carrier, limit)


async def _forget(place: Place, name: str) -> str | None:
    from limpet.commands.opened import opened_beside
    from limpet.store.receipts import forget_spelling

    async with opened_beside(place.database) as database:
        return await forget_spelling(database, name)
