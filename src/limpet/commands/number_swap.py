"""`limpet numbers swap`: one number takes another's place in a service, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from limpet.commands.door import Door, call, door_options, find_door, service_option

LIST_MAX = 1000
ASK_EVERY_S = 1.0
OPEN = ("registering", "moving", "finishing", "telling")
BUCKETS = 1024


@click.command()
@click.argument("old")
@click.argument("new", required=False)
@service_option
@click.option("--wait", is_flag=True, help="Stay until it is done, and tell how far it has come.")
@click.option("--notify", help="A text to each of its people once they are moved, from the new number.")
@click.option(
    "--notify-days", type=click.IntRange(0, 365), help="Only to those in contact within so many days; 30 by default."
)
@click.option("--notify-per-second", type=click.IntRange(1, 100), help="So many texts a second; 10 by default.")
@door_options
def swap(
    old: str, new: str | None, service: str, wait: bool, notify: str | None, notify_days: int | None,
    notify_per_second: int | None, data: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Let NEW take the place of OLD, with its people.

    NEW joins, is registered, and only then gets OLD's people.

    Without NEW it tells how far the last swap of OLD has come.
    """
    telling = {"NotifyBody": notify, "NotifyDays": notify_days, "NotifyPerSecond": notify_per_second}
    said = {name: str(value) for name, value in telling.items() if value is not None}
    if said and (new is None or not notify):
        raise click.UsageError("--notify says what NEW is to tell; give both.")
    door = find_door(data, os.environ)
    place = (
        f"/v1/Services/{quote(service, safe='')}/PhoneNumbers/{sid_in_pool(door, service, old, said=new is None)}/Swap"
    )
    if new is None:
        answer = _found(call(door, "GET", place), old)
    else:
        name = "PhoneNumberSid" if new.startswith("PN") else "PhoneNumber"
        answer = _found(call(door, "POST", place, form={name: new, **said}), old)
    while wait and answer["state"] in OPEN:
        if not as_json:
            click.echo(_told(answer, old))
        time.sleep(ASK_EVERY_S)
        answer = _found(call(door, "GET", place), old)
    click.echo(json.dumps(answer) if as_json else _told(answer, old))
    if answer["state"] in ("failed", "canceled"):
        raise click.ClickException(f"{old} was not swapped: {answer['reason']}.")


def sid_in_pool(door: Door, service: str, number: str, *, said: bool = False) -> str:
    """The SID of a number of the pool, as it is in paths; of one that has left it only the SID itself can be given, which is
    `said` where it helps."""
    if number.startswith("PN"):
        return quote(number, safe="")
    listed = call(door, "GET", f"/v1/Services/{quote(service, safe='')}/PhoneNumbers", {"PageSize": str(LIST_MAX)})
    found = [one["sid"] for one in (listed or {}).get("phone_numbers", []) if one["phone_number"] == number]
    if not found:
        gone = " A number that has left is named by its SID (PN…)." if said else ""
        raise click.ClickException(f"{number} is not in {service}, or the account has no such service.{gone}")
    return str(found[0])


def _found(answer: Any, old: str) -> dict[str, Any]:
    if answer is None:
        raise click.ClickException(f"{old} is not being swapped, or the account has no such service.")
    return dict(answer)


def _told(answer: dict[str, Any], old: str) -> str:
    match answer["state"]:
        case "registering":
            return f"{old} waits for its replacement: {answer['replacement_registration']}."
        case "moving" | "finishing":
            return f"{old}: {answer['moved']} people moved, {answer['progress'] * 100 // BUCKETS} % of them looked at."
        case "done":
            told = f" {answer['told']} of them were told." if answer["to_tell"] else ""
            return f"{old} is swapped: {answer['moved']} people hear from its replacement.{told}"
        case "telling":
            return f"{old}: {answer['moved']} people moved, {answer['told']} of {answer['to_tell']} told."
    return f"{old} is {answer['state']}."
