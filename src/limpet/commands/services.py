"""`limpet services …`: services and their pools, through the HTTP API of a running Limpet; pause and resume on the database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from limpet.commands.door import Door, call, door_options, find_door
from limpet.commands.paging import Thing, first, limit_option, quoted, show_list, show_one
from limpet.commands.place import config_option, run

COLUMNS = ("sid", "friendly_name", "sticky_sender", "usecase", "us_app_to_person_registered", "date_created")
POOL_COLUMNS = ("sid", "phone_number", "country_code", "capabilities", "date_created")
_limit = limit_option()
_service = click.argument("sid")
_missing = "The account has no service {}."


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    """`--set`, for each of Twilio's parameters and Limpet's own."""
    return click.option(
        "--set", "settings", multiple=True, metavar="NAME=VALUE",
        help="A parameter of the API, such as StickySender=false; may be given several times.",
    )(command)  # fmt: skip


@click.group()
def services() -> None:
    """Services and their pools: see, make, change, pause them."""


@services.command("list")
@door_options
@_limit
def show_all(data: Path | None, as_json: bool, limit: int) -> None:
    """List the account's services, newest first."""
    found = first(find_door(data, os.environ), "/v1/Services", {}, limit, missing="There is no such account.")
    show_list(found, COLUMNS, as_json, "The account has no service.")


@services.command()
@_service
@door_options
def show(sid: str, data: Path | None, as_json: bool) -> None:
    """Show every setting of a service (MG…)."""
    show_one(call(find_door(data, os.environ), "GET", _place(sid)), as_json, _missing.format(sid))


@services.command()
@door_options
@click.option("--name", required=True, help="What it is called.")
@_settings
def create(name: str, settings: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    """Make a service."""
    form = {"FriendlyName": name, **_form(settings)}
    made = _found(call(find_door(data, os.environ), "POST", "/v1/Services", form=form), "account")
    click.echo(json.dumps(made) if as_json else f"{made['sid']} is there: {made['friendly_name']}.")


@services.command()
@_service
@door_options
@_settings
def change(sid: str, settings: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    """Change settings of a service (MG…)."""
    if not settings:
        raise click.UsageError("Give --set NAME=VALUE, such as --set StickySender=false.")
    show_one(
        call(find_door(data, os.environ), "POST", _place(sid), form=_form(settings)), as_json, _missing.format(sid)
    )


@services.command()
@_service
@door_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(sid: str, yes: bool, data: Path | None, as_json: bool) -> None:
    """Delete a service (MG…) with all its mappings; its numbers stay with the account."""
    if not yes:
        click.confirm(f"Everybody who hears from {sid} loses their number. Go on?", abort=True, err=True)
    _found(call(find_door(data, os.environ), "DELETE", _place(sid)), sid)
    click.echo(json.dumps({"sid": sid, "deleted": True}) if as_json else f"{sid} is gone.")


@services.command()
@_service
@door_options
@_limit
def pool(sid: str, data: Path | None, as_json: bool, limit: int) -> None:
    """List the phone numbers in the pool of a service (MG…)."""
    found = first(find_door(data, os.environ), f"{_place(sid)}/PhoneNumbers", {}, limit, missing=_missing.format(sid))
    show_list(found, POOL_COLUMNS, as_json, f"The pool of {sid} has no number.")


@services.command()
@_service
@click.argument("number")
@door_options
def add(sid: str, number: str, data: Path | None, as_json: bool) -> None:
    """Put NUMBER (PN… or +…) of the account into the pool of a service (MG…)."""
    from limpet.commands.numbers_owned import sid_of

    door = find_door(data, os.environ)
    form = {"PhoneNumberSid": sid_of(door, number)}
    made = _found(call(door, "POST", f"{_place(sid)}/PhoneNumbers", form=form), sid)
    click.echo(json.dumps(made) if as_json else f"{made['phone_number']} is in the pool of {sid}.")


@services.command()
@_service
@click.argument("number")
@door_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(sid: str, number: str, yes: bool, data: Path | None, as_json: bool) -> None:
    """Take NUMBER (PN… or +…) out of the pool of a service (MG…); all its mappings go with it, at once."""
    door = find_door(data, os.environ)
    member = _member(door, sid, number)
    if not yes:
        click.confirm(f"Everybody who hears from {number} will hear from another. Go on?", abort=True, err=True)
    _found(call(door, "DELETE", f"{_place(sid)}/PhoneNumbers/{quoted(member)}"), sid)
    answer = {"service_sid": sid, "sid": member, "removed": True}
    click.echo(json.dumps(answer) if as_json else f"{number} is out of the pool of {sid}.")


def _member(door: Door, sid: str, number: str) -> str:
    from limpet.commands.number_swap import sid_in_pool

    return sid_in_pool(door, sid, number)


@services.command()
@config_option
@click.option("--sid", required=True, help="SID of the service (MG…).")
def pause(path: Path, sid: str) -> None:
    """Let nothing be sent through a service (error 21702); the operator's, on the database."""
    _pause(path, sid, paused=True)


@services.command()
@config_option
@click.option("--sid", required=True, help="SID of the service (MG…).")
def resume(path: Path, sid: str) -> None:
    """Let a paused service send again; the operator's, on the database."""
    _pause(path, sid, paused=False)


def _pause(path: Path, sid: str, *, paused: bool) -> None:
    from limpet.clock import SystemClock
    from limpet.commands import account as command
    from limpet.config import load_config

    if not run(command.pause_service(load_config(path, os.environ), sid, paused, SystemClock())):
        raise click.ClickException(f"There is no service {sid}.")
    click.echo(f"{sid} {'sends nothing until it is resumed' if paused else 'sends'}.")


def _form(settings: tuple[str, ...]) -> dict[str, str]:
    form = {}
    for each in settings:
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise click.UsageError(f"{each!r} is not NAME=VALUE.")
        form[name] = value
    return form


def _place(sid: str) -> str:
    return f"/v1/Services/{quoted(sid)}"


def _found(answer: Any, sid: str) -> Thing:
    if answer is None:
        raise click.ClickException(_missing.format(sid))
    return dict(answer)
