"""`limpet numbers list|show|free|buy|release`: the account's numbers, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from limpet.commands.door import Door, call, door_options, find_door
from limpet.commands.paging import account_path, first, given, limit_option, plain, quoted, show_list, show_one

COLUMNS = ("sid", "phone_number", "friendly_name", "capabilities", "status", "date_created")
FREE_COLUMNS = ("phone_number", "iso_country", "locality", "capabilities")
TYPES = {"local": "Local", "toll-free": "TollFree", "mobile": "Mobile"}
_limit = limit_option()


@click.command("list")
@click.option("--number", help="Only numbers in which these digits are; * stands for any.")
@_limit
@door_options
def show_all(number: str | None, limit: int, data: Path | None, as_json: bool) -> None:
    """List the account's numbers, newest first."""
    door = find_door(data, os.environ)
    path = account_path(door, "IncomingPhoneNumbers")
    found = first(
        door, path, given({"PhoneNumber": number}), limit, "incoming_phone_numbers", missing="There is no such account."
    )
    show_list(found, COLUMNS, as_json, "The account has no such number.", _cell)


@click.command()
@click.argument("number")
@door_options
def show(number: str, data: Path | None, as_json: bool) -> None:
    """Show all about NUMBER (PN… or +…)."""
    door = find_door(data, os.environ)
    path = account_path(door, "IncomingPhoneNumbers", quoted(sid_of(door, number)))
    show_one(call(door, "GET", path), as_json, f"The account has no number {number}.")


@click.command()
@click.option("--country", default="US", show_default=True, help="Of this country.")
@click.option(
    "--type", "kind", type=click.Choice(list(TYPES)), default="local", show_default=True, help="Of this type."
)
@click.option("--area-code", help="With this area code.")
@click.option("--contains", help="In which these digits are; * stands for any.")
@_limit
@door_options
def free(
    country: str, kind: str, area_code: str | None, contains: str | None, limit: int, data: Path | None, as_json: bool
) -> None:
    """List numbers that can be bought."""
    door = find_door(data, os.environ)
    path = account_path(door, "AvailablePhoneNumbers", quoted(country), TYPES[kind])
    query = given({"AreaCode": area_code, "Contains": contains})
    found = first(
        door, path, query, limit, "available_phone_numbers", missing=f"There are no {kind} numbers of {country}."
    )
    show_list(found, FREE_COLUMNS, as_json, "There is no such number to be had.", _cell)


@click.command()
@click.argument("number")
@click.option("--name", help="What it is called.")
@click.option("--service", help="SID of a service (MG…) into whose pool it goes at once.")
@door_options
def buy(number: str, name: str | None, service: str | None, data: Path | None, as_json: bool) -> None:
    """Take NUMBER from the inventory, or bring one of your own."""
    door = find_door(data, os.environ)
    form = given({"PhoneNumber": number, "FriendlyName": name})
    made = call(door, "POST", account_path(door, "IncomingPhoneNumbers"), form=form)
    if made is None:
        raise click.ClickException("There is no such account.")
    if service is not None:
        path = f"/v1/Services/{quoted(service)}/PhoneNumbers"
        if call(door, "POST", path, form={"PhoneNumberSid": made["sid"]}) is None:
            raise click.ClickException(f"{made['phone_number']} is the account's, but there is no service {service}.")
    click.echo(json.dumps(made) if as_json else f"{made['phone_number']} ({made['sid']}) is the account's.")


@click.command()
@click.argument("number")
@click.option("--yes", is_flag=True, help="Do not ask.")
@door_options
def release(number: str, yes: bool, data: Path | None, as_json: bool) -> None:
    """Give NUMBER (PN… or +…) up: it leaves its pool, and its mappings go with it."""
    door = find_door(data, os.environ)
    sid = sid_of(door, number)
    if not yes:
        click.confirm(f"Everybody who hears from {number} will hear from another. Go on?", abort=True, err=True)
    if call(door, "DELETE", account_path(door, "IncomingPhoneNumbers", quoted(sid))) is None:
        raise click.ClickException(f"The account has no number {number}.")
    click.echo(json.dumps({"sid": sid, "released": True}) if as_json else f"{number} is given up.")


def sid_of(door: Door, number: str) -> str:
    """The SID of a number of the account that is named by itself or by its SID (PN…)."""
    if number.startswith("PN"):
        return number
    path = account_path(door, "IncomingPhoneNumbers")
    found = first(door, path, {"PhoneNumber": number}, 2, "incoming_phone_numbers", missing="There is no such account.")
    exact = [one["sid"] for one in found if one["phone_number"] == number]
    if not exact:
        raise click.ClickException(f"The account has no number {number}.")
    return str(exact[0])


def _cell(name: str, value: Any) -> str:
    if name == "capabilities" and isinstance(value, dict):
        return " ".join(sorted(key.lower() for key, has in value.items() if has))
    return plain(value)
