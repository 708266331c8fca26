"""`limpet smpp-credentials …`: who may bind by SMPP, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from limpet.commands.door import Door, call, door_options, find_door
from limpet.commands.table import show_rows


@click.group("smpp-credentials")
def smpp_credentials() -> None:
    """Let clients that speak SMPP bind to Limpet."""


@smpp_credentials.command()
@door_options
@click.option("--name", default="", help="What it is called.")
@click.option("--service", help="SID (MG…) of the service of messages that name none.")
@click.option(
    "--network", "networks", multiple=True, help="From where it may bind, such as 192.0.2.0/24; several may be given."
)
@click.option(
    "--inbound/--no-inbound", default=True, show_default=True, help="Whether people's texts are delivered to it."
)
def create(
    data: Path | None, as_json: bool, name: str, service: str | None, networks: tuple[str, ...], inbound: bool
) -> None:
    """Make a credential and show its system_id and password, the latter this once."""
    form = {
        "FriendlyName": name,
        "MessagingServiceSid": service or "",
        "Networks": ",".join(networks),
        "Inbound": str(inbound).lower(),
    }
    door = find_door(data, os.environ)
    made = call(door, "POST", _path(door), form=form)
    if made is None:
        raise click.ClickException("There is no such service, or this Limpet knows no SMPP credentials.")
    shown = {name: made[name] for name in ("sid", "system_id", "password")}
    click.echo(json.dumps(made) if as_json else "\n".join(f"{each:9}  {value}" for each, value in shown.items()))


@smpp_credentials.command("list")
@door_options
def show_all(data: Path | None, as_json: bool) -> None:
    """List the account's credentials, newest first."""
    door = find_door(data, os.environ)
    found: list[dict[str, Any]] = (call(door, "GET", _path(door), {"PageSize": "1000"}) or {}).get(
        "smpp_credentials", []
    )
    if as_json:
        click.echo(json.dumps(found))
        return
    rows = [
        (
            one["sid"], one["system_id"], one["friendly_name"], one["messaging_service_sid"] or "-",
            ", ".join(one["networks"]) or "anywhere",
        )
        for one in found
    ]  # fmt: skip
    show_rows(("sid", "system_id", "name", "service", "from"), rows, "The account has no SMPP credentials.")


@smpp_credentials.command()
@door_options
@click.argument("sid")
def delete(sid: str, data: Path | None, as_json: bool) -> None:
    """Take a credential (ES…) away; who is bound with it is asked to leave."""
    door = find_door(data, os.environ)
    if call(door, "DELETE", _path(door, f"/{quote(sid, safe='')}")) is None:
        raise click.ClickException(f"The account has no SMPP credential {sid}.")
    click.echo(json.dumps({"sid": sid, "deleted": True}) if as_json else f"{sid} cannot bind any more.")


def _path(door: Door, rest: str = "") -> str:
    """The path in the account of who asks."""
    if not door.user.startswith("AC"):
        raise click.ClickException("SMPP credentials are changed with the account's own SID and token, not with a key.")
    return f"/2010-04-01/Accounts/{door.user}/SmppCredentials{rest}.json"
