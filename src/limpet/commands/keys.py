"""`limpet keys …`: API keys of the account, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from limpet.commands.door import call, door_options, find_door
from limpet.commands.paging import account_path, first, given, limit_option, quoted, show_list

COLUMNS = ("sid", "friendly_name", "date_created")


@click.group()
def keys() -> None:
    """API keys: credentials that can be taken away one by one."""


@keys.command("list")
@door_options
@limit_option()
def show_all(data: Path | None, as_json: bool, limit: int) -> None:
    """List the account's keys, newest first; their secrets are shown only when they are made."""
    door = find_door(data, os.environ)
    found = first(door, account_path(door, "Keys"), {}, limit, "keys", missing="There is no such account.")
    show_list(found, COLUMNS, as_json, "The account has no key.")


@keys.command()
@door_options
@click.option("--name", help="What it is called.")
def create(name: str | None, data: Path | None, as_json: bool) -> None:
    """Make a key and show its secret, which nobody can see again."""
    door = find_door(data, os.environ)
    made = call(door, "POST", account_path(door, "Keys"), form=given({"FriendlyName": name}))
    if made is None:
        raise click.ClickException("There is no such account.")
    told = f"sid     {made['sid']}\nsecret  {made['secret']}"
    click.echo(json.dumps(made) if as_json else told)


@keys.command()
@door_options
@click.argument("sid")
def delete(sid: str, data: Path | None, as_json: bool) -> None:
    """Take a key (SK…) away: it opens nothing any more."""
    door = find_door(data, os.environ)
    if call(door, "DELETE", account_path(door, "Keys", quoted(sid))) is None:
        raise click.ClickException(f"The account has no key {sid}.")
    click.echo(json.dumps({"sid": sid, "deleted": True}) if as_json else f"{sid} opens nothing any more.")
