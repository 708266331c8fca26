"""`limpet messages list|show|cancel|redact|delete`: Twilio's Message resource, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from limpet.commands.door import call, door_options, find_door
from limpet.commands.paging import account_path, first, limit_option, quoted, show_one
from limpet.commands.tail import line

_sid = click.argument("sid")
_missing = "The account has no message {}."


@click.command("list")
@click.option("--to", help="Only to this number.")
@click.option("--from", "sender", help="Only from this number.")
@click.option("--sent-after", help="Only those sent on this UTC day or later, such as 2026-01-31.")
@click.option("--sent-before", help="Only those sent on this UTC day or earlier.")
@limit_option(50)
@door_options
def show_all(
    to: str | None, sender: str | None, sent_after: str | None, sent_before: str | None, limit: int, data: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """List the account's messages, newest first, one a line."""
    door = find_door(data, os.environ)
    query = {"To": to, "From": sender, "DateSent>": sent_after, "DateSent<": sent_before}
    found = first(door, account_path(door, "Messages"), query, limit, "messages", missing="There is no such account.")
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo("\n".join(map(line, found)) or "There is no such message.")


@click.command()
@_sid
@door_options
def show(sid: str, data: Path | None, as_json: bool) -> None:
    """Show all about a message (SM…, MM…), with why it comes from its number."""
    door = find_door(data, os.environ)
    one = call(door, "GET", account_path(door, "Messages", quoted(sid)))
    if one is not None:
        why = call(door, "GET", account_path(door, "Messages", quoted(sid), "Decision")) or {}
        one = {**one, "reason": why.get("reason"), "sticky": why.get("sticky")}
    show_one(one, as_json, _missing.format(sid))


@click.command()
@_sid
@door_options
def cancel(sid: str, data: Path | None, as_json: bool) -> None:
    """Let a scheduled message not be sent."""
    _post(sid, data, as_json, {"Status": "canceled"}, "is not sent")


@click.command()
@_sid
@door_options
def redact(sid: str, data: Path | None, as_json: bool) -> None:
    """Forget the text of a message whose way is over."""
    _post(sid, data, as_json, {"Body": ""}, "has no text any more")


@click.command()
@_sid
@door_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(sid: str, yes: bool, data: Path | None, as_json: bool) -> None:
    """Delete a message whose way is over."""
    if not yes:
        click.confirm(f"{sid} cannot be brought back. Go on?", abort=True, err=True)
    door = find_door(data, os.environ)
    if call(door, "DELETE", account_path(door, "Messages", quoted(sid))) is None:
        raise click.ClickException(_missing.format(sid))
    click.echo(json.dumps({"sid": sid, "deleted": True}) if as_json else f"{sid} is gone.")


def _post(sid: str, data: Path | None, as_json: bool, form: dict[str, str], said: str) -> None:
    door = find_door(data, os.environ)
    one = call(door, "POST", account_path(door, "Messages", quoted(sid)), form=form)
    if one is None:
        raise click.ClickException(_missing.format(sid))
    click.echo(json.dumps(one) if as_json else f"{sid} {said}.")
