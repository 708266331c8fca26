"""`limpet numbers …`: which senders carriers refuse for a country, and a second chance for one. It works on the database.

`limpet numbers swap` is in `limpet.commands.number_swap`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.lazy import Entry, LazyGroup, Section
from limpet.commands.place import Place, find_place, place_options, run
from limpet.commands.table import print_table

if TYPE_CHECKING:
    from limpet.store.refused import MarkView


OWNED = Section("The account's numbers", (
    Entry("list", ".numbers_owned:show_all", "List the account's numbers, newest first."),
    Entry("show", ".numbers_owned:show", "Show all about NUMBER (PN… or +…)."),
    Entry("free", ".numbers_owned:free", "List numbers that can be bought."),
    Entry("buy", ".numbers_owned:buy", "Take NUMBER from the inventory, or bring one of your own."),
    Entry("release", ".numbers_owned:release", "Give NUMBER (PN… or +…) up: it leaves its pool, and its mappings go with it."),
))  # fmt: skip
POOL = Section("In a pool", (
    Entry("set", ".number_share:set_member", "Set what NUMBER may do in a pool."),
    Entry("what-if", ".number_share:what_if", "Show how many people would hear from which other number without NUMBER."),
    Entry("swap", ".number_swap:swap", "Let NEW take the place of OLD, with its people."),
    Entry("health", ".number_health:number_health", "Show what became of each number's messages, and which numbers fail."),
))  # fmt: skip


@click.group(cls=LazyGroup, sections=[OWNED, POOL])
def numbers() -> None:
    """Numbers: the account's, those in pools, and what carriers refuse."""


@numbers.command()
@place_options
@click.option("--service", help="Only of this service (MG…).")
def refused(service: str | None, path: Path | None, data: Path | None, as_json: bool) -> None:
    """List senders that a carrier refuses for a country, newest first, with the day until which that counts."""
    found = run(_all(find_place(path, data), service))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], default=str))
        return
    if not found:
        click.echo("No carrier refuses any sender.")
        return
    rows = [
        (
            one.sender,
            one.country,
            one.error_code,
            one.carrier,
            one.service_sid,
            f"{one.refused_at:%Y-%m-%d %H:%M}",
            one.until,
        )
        for one in found
    ]
    print_table(("sender", "country", "error", "carrier", "service", "since", "until"), rows)


@numbers.command()
@place_options
@click.option("--country", help="Only for this country, such as US.")
@click.argument("number")
def clear(number: str, country: str | None, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Let NUMBER be tried again for recipients of a country, or of all. People who got another number keep it."""
    count = run(_clear(find_place(path, data), number, country and country.upper()))
    if not count:
        raise click.ClickException(f"No carrier refuses {number}" + (f" for {country}." if country else "."))
    answer = {"number": number, "country": country, "cleared": count}
    click.echo(json.dumps(answer) if as_json else f"{number} is tried again.")


async def _all(place: Place, service: str | None) -> list[MarkView]:
    from limpet.commands.opened import opened_beside
    from limpet.core.ids import day_number
    from limpet.store.refused import RefusedSenders

    async with opened_beside(place.database) as database:
        return await RefusedSenders(database).all(day_number(datetime.now(UTC)), service)


async def _clear(place: Place, number: str, country: str | None) -> int:
    from limpet.commands.opened import opened_beside
    from limpet.store.refused import RefusedSenders

    async with opened_beside(place.database) as database:
        return await RefusedSenders(database).clear(number, country)
