"""`limpet numbers set` and `what-if`: what a number of a pool may do, and who would change if it left. Through the HTTP API."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from limpet.commands.door import Door, call, door_options, find_door, service_option
from limpet.commands.number_swap import sid_in_pool
from limpet.commands.table import print_table


@click.command("set")
@click.argument("number")
@service_option
@click.option("--weight", type=click.IntRange(0, 100), help="Its share of new people beside the others'; 1 by default.")
@click.option(
    "--state", type=click.Choice(("active", "drain", "disabled")), help="Whether it gets new people, or is used."
)
@click.option(
    "--drain-days", type=click.IntRange(0, 365), help="How long it goes on while it drains, and after a last use; 3."
)
@click.option(
    "--replace/--no-replace", default=None, help="While it is disabled: its people get other numbers for good."
)
@click.option("--daily-contacts", help="How many new people it may get in a day; an empty text takes the limit away.")
@door_options
def set_member(
    number: str, service: str, weight: int | None, state: str | None, drain_days: int | None, replace: bool | None,
    daily_contacts: str | None, data: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Set what NUMBER may do in a pool. No mapping changes by it at once."""
    given = {
        "Weight": weight, "State": state, "DailyContacts": daily_contacts, "DrainDays": drain_days,
        "Replace": None if replace is None else str(replace).lower(),
    }  # fmt: skip
    form = {name: str(value) for name, value in given.items() if value is not None}
    if not form:
        raise click.UsageError("Give --weight, --state, --drain-days, --replace or --daily-contacts.")
    door = find_door(data, os.environ)
    place = _place(door, service, number)
    if call(door, "POST", place, form=form) is None:
        raise click.ClickException(f"{number} is not in {service}, or the account has no such service.")
    shown: dict[str, Any] = call(door, "GET", f"{place}/Limits") or {}
    if as_json:
        click.echo(json.dumps(shown))
        return
    click.echo(_told(shown))


def _told(shown: dict[str, Any]) -> str:
    cap = "any number of" if shown["daily_contacts"] is None else f"at most {shown['daily_contacts']}"
    own = ""
    if shown["state"] == "drain":
        own = f" Its people keep it for {shown['drain_days']} days, and while they are in contact."
    elif shown["replace"]:
        own = " Its people get other numbers for good."
    return f"{shown['phone_number']} is {shown['state']}: weight {shown['weight']}, {cap} new people a day.{own}"


@click.command("what-if")
@click.argument("number")
@service_option
@door_options
def what_if(number: str, service: str, data: Path | None, as_json: bool) -> None:
    """Show how many people would hear from which other number without NUMBER.

    Nothing is changed.
    """
    door = find_door(data, os.environ)
    found = call(door, "GET", f"{_place(door, service, number)}/Removal")
    if found is None:
        raise click.ClickException(f"{number} is not in {service}, or the account has no such service.")
    if as_json:
        click.echo(json.dumps(found))
        return
    about = "About " if found["estimated"] else ""
    click.echo(f"{about}{found['people']} people hear from {found['phone_number']}.")
    if found["nobody"]:
        click.echo(f"{about}{found['nobody']} of them would hear from nobody: no other number can write to them.")
    if found["unknown"]:
        click.echo(f"Of {about.lower()}{found['unknown']} only a pseudonym is kept: where they would go is not known.")
    if found["to"]:
        print_table(("number", "people"), [(one["phone_number"], one["people"]) for one in found["to"]])


def _place(door: Door, service: str, number: str) -> str:
    return f"/v1/Services/{quote(service, safe='')}/PhoneNumbers/{sid_in_pool(door, service, number)}"
