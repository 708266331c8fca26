"""`limpet send`: one message through the HTTP API of a running Limpet, as any customer sends it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click

from limpet.commands.door import Door, call, door_options, find_door
from limpet.commands.paging import Thing, account_path, given, quoted

ASK_EVERY_S = 0.2
WAIT_MAX_S = 86_400
OVER = frozenset({"delivered", "undelivered", "failed", "canceled", "read"})
BAD = frozenset({"undelivered", "failed"})


@click.command()
@click.option("--to", required=True, help="The person's number.")
@click.option(
    "--service", help="SID of the service (MG…) that chooses the sender; of a `limpet dev` its own, if left out."
)
@click.option("--from", "sender", help="The sender; with --service one of its pool.")
@click.option("--media", multiple=True, help="URL of a medium that goes along; may be given several times.")
@click.option("--at", help="When to send it, such as 2027-01-31T09:00:00Z: 5 minutes to 35 days from now.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0, WAIT_MAX_S), help="Wait so many seconds for the end of its way."
)
@door_options
@click.argument("body", default="")
def send(
    to: str, service: str | None, sender: str | None, media: tuple[str, ...], at: str | None, wait_s: float | None,
    body: str, data: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Send BODY to a person, and show which number it comes from and why."""
    door = find_door(data, os.environ)
    through = service or (None if sender else door.service)
    if through is None and sender is None:
        raise click.UsageError("Give --service or --from.")
    form = given({
        "To": to, "From": sender, "MessagingServiceSid": through, "Body": body or None, "SendAt": at,
        "ScheduleType": "fixed" if at else None,
    })  # fmt: skip
    sent = call(door, "POST", account_path(door, "Messages"), form={**form, "MediaUrl": media} if media else form)
    if sent is None:
        raise click.ClickException("There is no such account.")
    sent = _followed(door, sent, time.monotonic() + (wait_s or 0))
    decision = call(door, "GET", account_path(door, "Messages", quoted(sent["sid"]), "Decision")) or {}
    click.echo(json.dumps({**sent, "decision": decision}) if as_json else _told(sent, decision))
    if sent["status"] in BAD:
        raise click.exceptions.Exit(1)


def _followed(door: Door, sent: Thing, until: float) -> Thing:
    """The message as it is at the end of its way, or then; the answer to a POST does not tell the sender yet."""
    path = account_path(door, "Messages", quoted(sent["sid"]))
    sent = call(door, "GET", path) or sent
    while sent["status"] not in OVER and time.monotonic() < until:
        time.sleep(ASK_EVERY_S)
        sent = call(door, "GET", path) or sent
    return sent


def _told(sent: Thing, decision: Thing) -> str:
    """What became of it in a line or two."""
    lines = [f"{sent['sid']} to {sent['to']} is {sent['status']}."]
    if sent["from"]:
        why = f", {decision['reason'].replace('_', ' ')}" if decision.get("reason") else ""
        lines = [f"{sent['sid']} to {sent['to']} comes from {sent['from']}{why}; it is {sent['status']}."]
    if sent["error_code"]:
        lines.append(f"Error {sent['error_code']}: {sent['error_message']}")
    return "\n".join(lines)
