"""`limpet messages …`: messages, what carriers know of them, and those in doubt, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from limpet.commands.door import call, door_options, find_door
from limpet.commands.lazy import Entry, LazyGroup, Section
from limpet.commands.paging import plain
from limpet.commands.table import show_rows

LIMIT_MAX = 1000


KEPT = Section("Messages", (
    Entry("list", ".messages_kept:show_all", "List the account's messages, newest first, one a line."),
    Entry("show", ".messages_kept:show", "Show all about a message (SM…, MM…), with why it comes from its number."),
    Entry("cancel", ".messages_kept:cancel", "Let a scheduled message not be sent."),
    Entry("redact", ".messages_kept:redact", "Forget the text of a message whose way is over."),
    Entry("delete", ".messages_kept:delete", "Delete a message whose way is over."),
))  # fmt: skip


@click.group(cls=LazyGroup, sections=[KEPT])
def messages() -> None:
    """Look at messages, and at what their carriers know of them."""


@messages.group()
def doubt() -> None:
    """Messages of which nobody knows whether they left: see them, send them again, or give them up."""


@messages.command()
@door_options
@click.argument("sid")
def submission(sid: str, data: Path | None, as_json: bool) -> None:
    """Show what the carrier was given of a message (SM…), and what it said; of an inbound one its TLVs."""
    one = _found(call(find_door(data, os.environ), "GET", _place(sid)), sid)
    if as_json:
        click.echo(json.dumps(one))
        return
    shown = {name: value for name, value in one.items() if name not in ("segments", "tlvs", "url")}
    width = max(map(len, shown))
    lines = [f"{name:{width}}  {'-' if value is None else value}" for name, value in shown.items()]
    lines += [
        f"segment {each['number']}: {each['state']}, {each['carrier_message_id'] or '-'}" for each in one["segments"]
    ]
    lines += [f"TLV {tag}: {value}" for tag, value in one["tlvs"].items()]
    click.echo("\n".join(lines))


@doubt.command("list")
@door_options
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=50, show_default=True, help="At most so many.")
def show_all(data: Path | None, as_json: bool, limit: int) -> None:
    """List the account's messages in doubt, newest first."""
    answer = call(find_door(data, os.environ), "GET", "/v1/Messages/InDoubt", {"PageSize": str(limit)})
    found: list[dict[str, Any]] = (answer or {}).get("submissions", [])
    if as_json:
        click.echo(json.dumps(found))
        return
    columns = ("message_sid", "in_doubt_since", "lane", "attempts", "messaging_service_sid")
    rows = [[plain(one[name]) for name in columns] for one in found]
    show_rows(("message", "in doubt since", "lane", "attempts", "service"), rows, "No message is in doubt.")


@doubt.command()
@door_options
@click.argument("sid")
def resend(sid: str, data: Path | None, as_json: bool) -> None:
    """Send a message in doubt again; a person may get it twice."""
    _release(sid, data, as_json, "resend", "is sent again")


@doubt.command()
@door_options
@click.argument("sid")
def fail(sid: str, data: Path | None, as_json: bool) -> None:
    """Give a message in doubt up: failed, error 30008."""
    _release(sid, data, as_json, "fail", "is given up")


def _release(sid: str, data: Path | None, as_json: bool, policy: str, said: str) -> None:
    one = _found(call(find_door(data, os.environ), "POST", _place(sid), form={"InDoubt": policy}), sid)
    click.echo(json.dumps(one) if as_json else f"{sid} {said}.")


def _place(sid: str) -> str:
    return f"/v1/Messages/{quote(sid, safe='')}/Submission"


def _found(answer: Any, sid: str) -> dict[str, Any]:
    if answer is None:
        raise click.ClickException(f"The account has no message {sid}.")
    return dict(answer)
