"""`limpet tail`: messages as they come, go and change, through the HTTP API of a running Limpet."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import click

from limpet.commands.door import Door, door_options, find_door
from limpet.commands.paging import Thing, account_path, first, given

SEEN_MAX = 10_000
RECENT_MAX = 1000
BODY_SHOWN = 60
COLOURS = {"delivered": "green", "received": "cyan", "undelivered": "red", "failed": "red"}


@click.command()
@click.option("--to", help="Only messages to this number.")
@click.option("--from", "sender", help="Only messages from this number.")
@click.option(
    "--last", type=click.IntRange(0, RECENT_MAX), default=10, show_default=True, help="Begin with so many that were."
)
@click.option(
    "--every", type=click.FloatRange(0.2, 3600), default=1.0, show_default=True, help="Seconds between looks."
)
@click.option(
    "--watch",
    type=click.IntRange(10, RECENT_MAX),
    default=200,
    show_default=True,
    help="How many of the newest are watched.",
)
@click.option("--for", "for_s", type=click.FloatRange(0), help="End after so many seconds; else with Ctrl-C.")
@door_options
def tail(
    to: str | None, sender: str | None, last: int, every: float, watch: int, for_s: float | None, data: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Show messages as they come, go and change.

    A line for each status that is seen, with --json an object a line.
    """
    door = find_door(data, os.environ)
    until = None if for_s is None else time.monotonic() + for_s
    for one in changes(door, {"To": to, "From": sender}, last, watch, every, until):
        click.echo(json.dumps(one) if as_json else line(one))


def changes(
    door: Door, query: dict[str, str | None], last: int, watch: int, every_s: float, until: float | None
) -> Iterator[Thing]:
    """Messages whose status is new, oldest first; ends at `until` on the monotonic clock, or never."""
    seen: dict[str, str] = {}
    path, missing = account_path(door, "Messages"), "There is no such account."
    begun = False
    while True:
        found = first(door, path, given(query), watch, "messages", missing=missing)
        fresh = [one for one in reversed(found) if seen.get(one["sid"]) != one["status"]]
        yield from fresh if begun else fresh[len(fresh) - min(last, len(fresh)) :]
        begun = True
        seen.update((one["sid"], one["status"]) for one in fresh)
        while len(seen) > SEEN_MAX:
            seen.pop(next(iter(seen)))
        left = every_s if until is None else until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(every_s, left))


def line(one: Thing) -> str:
    """A message in a line: when, whether it came or went, between whom, what it is now, and how it begins."""
    arrow = "<-" if one["direction"] == "inbound" else "->"
    person, number = (one["from"], one["to"]) if arrow == "<-" else (one["to"], one["from"] or "-")
    status = click.style(f"{one['status']:11}", fg=COLOURS.get(one["status"]))
    error = f" error {one['error_code']}" if one["error_code"] else ""
    body = " ".join((one["body"] or "").split())
    shown = body if len(body) <= BODY_SHOWN else body[: BODY_SHOWN - 1] + "…"
    printable = "".join(c if c.isprintable() else "\ufffd" for c in shown)
    at = one["date_updated"][5:25]
    return f"{at}  {one['sid']}  {number:>14} {arrow} {person:14}  {status}{error}  {printable}"
