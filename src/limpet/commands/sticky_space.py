"""`limpet sticky space …`: services that share their mappings, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from limpet.commands.door import Door, call, door_options, find_door, service_option
from limpet.commands.paging import given, pages, quoted
from limpet.commands.table import print_table

PLACE = "/v1/StickySpaces"
COLUMNS = ("SID", "name", "TTL", "all services", "services")
_ttl = click.option("--ttl", help="For how long an unused mapping counts: 1h to 720h, 1d to 36500d, or never; 365d.")
_space = click.option("--space", required=True, help="SID of the space (LS…).")


@click.group()
def space() -> None:
    """Let several services of an account share who hears from which number."""


@space.command()
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="Every service of the account is in it, later ones too.")
@_ttl
@door_options
def create(name: str, everything: bool, ttl: str | None, data: Path | None, as_json: bool) -> None:
    """Make a space called NAME, empty unless --all is given."""
    form = given({"FriendlyName": name, "AllServices": "true" if everything else None, "StickyTtl": ttl})
    _show(dict(call(find_door(data, os.environ), "POST", PLACE, form=form) or {}), as_json)


@space.command("list")
@door_options
def show_all(data: Path | None, as_json: bool) -> None:
    """List the account's spaces with their services."""
    found = list(pages(find_door(data, os.environ), PLACE, {}, missing="This Limpet knows no spaces."))
    if as_json:
        click.echo(json.dumps(found))
    elif found:
        print_table(COLUMNS, (_row(one) for one in found))
    else:
        click.echo("The account has no spaces.")


@space.command("set")
@_space
@click.option("--name", help="What it is called from now on.")
@click.option("--all/--not-all", "everything", default=None, help="Whether every service of the account is in it.")
@_ttl
@door_options
def change(
    space: str, name: str | None, everything: bool | None, ttl: str | None, data: Path | None, as_json: bool
) -> None:
    """Change a space."""
    of_all = None if everything is None else str(everything).lower()
    form = given({"FriendlyName": name, "AllServices": of_all, "StickyTtl": ttl})
    if not form:
        raise click.UsageError("Give --name, --all, --not-all or --ttl.")
    found = call(find_door(data, os.environ), "POST", _place(space), form=form)
    if found is None:
        raise click.ClickException(f"The account has no space {space}.")
    _show(dict(found), as_json)


@space.command()
@service_option
@_space
@door_options
def join(service: str, space: str, data: Path | None, as_json: bool) -> None:
    """Let a service read and write the mappings of a space. Those that it has alone are kept, and count again when it leaves."""
    _move(find_door(data, os.environ), service, space)
    told = f"{service} is in {space}: its people hear from the number that any service of it has given them."
    click.echo(json.dumps({"service_sid": service, "space_sid": space}) if as_json else told)


@space.command()
@service_option
@door_options
def leave(service: str, data: Path | None, as_json: bool) -> None:
    """Let a service have its mappings alone again."""
    _move(find_door(data, os.environ), service, "")
    told = f"{service} is in no space: the mappings count that it has alone."
    click.echo(json.dumps({"service_sid": service, "space_sid": None}) if as_json else told)


@space.command()
@_space
@door_options
def delete(space: str, data: Path | None, as_json: bool) -> None:
    """Delete a space that no service is in. Its mappings are gone with it."""
    if call(find_door(data, os.environ), "DELETE", _place(space)) is None:
        raise click.ClickException(f"The account has no space {space}.")
    click.echo(json.dumps({"space_sid": space, "deleted": True}) if as_json else f"{space} is deleted.")


def _move(door: Door, service: str, space: str) -> None:
    place = f"/v1/Services/{quoted(service)}"
    if call(door, "POST", place, form={"StickySpaceSid": space}) is None:
        raise click.ClickException(f"The account has no service {service}.")


def _show(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found))
    else:
        print_table(COLUMNS, [_row(found)])


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    services = "all" if one["all_services"] else str(len(one["services"]))
    return one["sid"], one["friendly_name"], one["sticky_ttl"], "yes" if one["all_services"] else "no", services


def _place(space: str) -> str:
    return f"{PLACE}/{quoted(space)}"
