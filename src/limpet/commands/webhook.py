"""`limpet webhook …`: what became of the calls to an application's URLs, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from limpet.commands.door import call, door_options, find_door
from limpet.commands.table import show_rows

PLACE = "/v1/Webhooks/Deliveries"
LIMIT_MAX = 1000
OUTCOMES = ("taken", "postponed", "given_up")


@click.group()
def webhook() -> None:
    """See what became of calls to your URLs, and make them once more."""


@webhook.command("list")
@door_options
@click.option("--message", help="Only of this message (SM…).")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only those that ended so.")
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=50, show_default=True, help="At most so many.")
def show_all(data: Path | None, as_json: bool, message: str | None, outcome: str | None, limit: int) -> None:
    """List tries, newest first."""
    asked = {"PageSize": str(limit), "MessageSid": message or "", "Outcome": outcome or ""}
    answer = call(find_door(data, os.environ), "GET", PLACE, {name: value for name, value in asked.items() if value})
    found: list[dict[str, Any]] = (answer or {}).get("deliveries", [])
    if as_json:
        click.echo(json.dumps(found))
        return
    rows = [
        (
            one["sid"], one["date_created"], one["message_sid"] or "-",
            one["message_status"] or one["event_type"] or one["kind"], one["attempt"], one["outcome"], _answer(one),
        )
        for one in found
    ]  # fmt: skip
    show_rows(
        ("try", "at", "message", "event", "attempt", "outcome", "answer"), rows, "No tries are logged that would fit."
    )


@webhook.command()
@door_options
@click.argument("sid")
def show(sid: str, data: Path | None, as_json: bool) -> None:
    """Show one try: where to, what was sent, what came of it."""
    one = _found(call(find_door(data, os.environ), "GET", _place(sid)), sid)
    if as_json:
        click.echo(json.dumps(one))
        return
    shown = {name: value for name, value in one.items() if name not in ("links", "url")}
    width = max(map(len, shown))
    click.echo("\n".join(f"{name:{width}}  {'-' if value is None else value}" for name, value in shown.items()))


@webhook.command()
@door_options
@click.argument("sid")
def replay(sid: str, data: Path | None, as_json: bool) -> None:
    """Make a call once more, with the same form and the same idempotency token."""
    one = _found(call(find_door(data, os.environ), "POST", f"{_place(sid)}/Replay", form={}), sid)
    click.echo(json.dumps(one) if as_json else f"{sid} is posted to {one['request_url']} once more.")


def _place(sid: str) -> str:
    return f"{PLACE}/{quote(sid, safe='')}"


def _found(answer: Any, sid: str) -> dict[str, Any]:
    if answer is None:
        raise click.ClickException(f"There is no try {sid}; the log is kept for 7 days.")
    return dict(answer)


def _answer(one: dict[str, Any]) -> str:
    return str(one["http_status"]) if one["http_status"] is not None else one["failure"] or "-"
