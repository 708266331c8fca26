"""`limpet numbers health`: how the numbers of pools fare. It works on the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.place import Place, find_place, place_options, run
from limpet.commands.table import print_table

if TYPE_CHECKING:
    from limpet.core.health import Counts
    from limpet.store.health import MemberHealth


@click.command("health")
@place_options
@click.option("--service", help="Only of this service (MG…).")
def number_health(service: str | None, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Show what became of each number's messages, and which numbers fail.

    In the last hour and in the last day.
    """
    from limpet.core.health import health, windows
    from limpet.twilio.health_resource import health_of

    now = datetime.now(UTC)
    found = run(_all(find_place(path, data), service, now))
    seen = [(one, windows(one.hours, now)) for one in found]
    if as_json:
        shown = [
            {"phone_number": one.address, "service_sid": one.service_sid, "sid": one.sender_sid}
            | health_of(known, one.policy, one.failing_since)
            for one, known in seen
        ]
        click.echo(json.dumps(shown))
        return
    if not found:
        click.echo("There are no numbers in pools.")
        return
    rows = [
        (
            one.address,
            one.service_sid,
            health(known, one.policy, one.failing_since),
            "-" if one.failing_since is None else f"{one.failing_since:%Y-%m-%d %H:%M}",
            *_rates(known.hour),
            *_rates(known.day),
        )
        for one, known in seen
    ]
    window = ("messages", "delivered", "spam", "STOP")
    head = ("number", "service", "health", "since", *(f"{name}, {of}" for of in ("hour", "day") for name in window))
    print_table(head, rows)


def _rates(counts: Counts) -> tuple[str, ...]:
    rates = (counts.delivery_rate, counts.filtered_rate, counts.opt_out_rate)
    return f"{counts.told:.0f}", *("-" if rate is None else f"{rate:.1%}" for rate in rates)


async def _all(place: Place, service: str | None, now: datetime) -> list[MemberHealth]:
    from limpet.commands.opened import opened_beside
    from limpet.store.health import of_service

    async with opened_beside(place.database) as database:
        return await of_service(database, now, service)
