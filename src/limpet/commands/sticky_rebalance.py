"""`limpet sticky rebalance`: people spread over the numbers of a pool by weight, through the HTTP API of a running Limpet.

The server moves people at its pace also when nobody waits for it here.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from limpet.commands.door import Door, call, door_options, find_door, service_option
from limpet.commands.table import print_table

PLAN_WAIT_S = 300.0
"""How long the server may look at a service's people."""
ASK_EVERY_S = 0.5
MOVES_SHOWN = 20
"""Ways from number to number that a table shows."""
AT_WORK = ("running", "undoing")


@click.command()
@service_option
@click.option("--idle-days", type=click.IntRange(0, 3650), help="Who was in contact within so many days stays; 30.")
@click.option("--percent", type=click.IntRange(1, 100), help="At most so many percent of the service's people.")
@click.option("--max-moves", type=click.IntRange(1, 1_000_000), help="At most so many people.")
@click.option("--per-second", type=click.IntRange(1, 2000), help="How many people a second are moved; 200.")
@click.option("--reason", help="Why, for the events that tell of it.")
@click.option("--apply", "at_once", is_flag=True, help="Carry the plan out at once, and wait for it.")
@click.option("--run", "running", metavar="SID", help="Carry out a plan that was made, or go on with a paused one.")
@click.option("--show", "shown", metavar="SID", help="Show how far one has come.")
@click.option("--pause", "paused", metavar="SID", help="Let one wait.")
@click.option("--cancel", "canceled", metavar="SID", help="Let one be: who has been moved stays moved.")
@click.option("--undo", "undone", metavar="SID", help="Take one back: who still is where it put them is as before.")
@door_options
def rebalance(
    service: str, idle_days: int | None, percent: int | None, max_moves: int | None, per_second: int | None,
    reason: str | None, at_once: bool, running: str | None, shown: str | None, paused: str | None, canceled: str | None,
    undone: str | None, data: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Spread people over the numbers of a pool by weight.

    Without --apply nobody is moved: the plan is shown, with its SID (LR…) for --run.
    """
    asked = {"running": running, "paused": paused, "canceled": canceled, "undone": undone}
    named = {status: sid for status, sid in asked.items() if sid is not None}
    form = {
        "IdleDays": idle_days, "Percent": percent, "MaxMoves": max_moves, "PerSecond": per_second, "Reason": reason
    }  # fmt: skip
    given = {name: str(value) for name, value in form.items() if value is not None}
    if len(named) + (shown is not None) > 1 or ((named or shown) and (given or at_once)):
        raise click.UsageError("Give one of --run, --show, --pause, --cancel and --undo alone, or ask for a new plan.")
    door, place = find_door(data, os.environ), f"/v1/Services/{quote(service, safe='')}/Rebalances"
    if named or shown:
        status, sid = next(iter(named.items()), (None, shown))
        one = _asked(door, f"{place}/{quote(str(sid), safe='')}", status, str(sid))
    else:
        one = _planned(door, place, given, service)
        if at_once and one["planned"]:
            _show_plan(one, as_json)
            one = _asked(door, f"{place}/{one['sid']}", "running", one["sid"])
    if one["status"] in AT_WORK and shown is None:
        one = _awaited(door, f"{place}/{one['sid']}", one)
    if as_json:
        click.echo(json.dumps(one))
        return
    if one["status"] == "planned" or shown:
        _show_plan(one, as_json)
    click.echo(_told(one))


def _planned(door: Door, place: str, form: dict[str, str], service: str) -> dict[str, Any]:
    answer = call(door, "POST", place, form=form, timeout_s=PLAN_WAIT_S)
    if answer is None:
        raise click.ClickException(f"The account has no service {service}.")
    return dict(answer)


def _asked(door: Door, place: str, status: str | None, sid: str) -> dict[str, Any]:
    """A rebalance as it is, or after something was asked of it."""
    answer = call(door, "GET", place) if status is None else call(door, "POST", place, form={"Status": status})
    if answer is None:
        raise click.ClickException(f"The service has no rebalance {sid}, or the account has no such service.")
    return dict(answer)


def _awaited(door: Door, place: str, one: dict[str, Any]) -> dict[str, Any]:
    """A rebalance once the server is through with it, with a bar on a terminal."""
    back = one["status"] == "undoing"
    whole, counted, label = (one["moved"], "undone", "moving back") if back else (one["planned"], "moved", "moving")
    with click.progressbar(length=whole, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        at = 0
        while True:
            bar.update(one[counted] - at)
            at = one[counted]
            if one["status"] not in AT_WORK:
                return one
            time.sleep(ASK_EVERY_S)
            one = _asked(door, place, None, one["sid"])


def _show_plan(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return
    heads = ("number", "weight", "people", "planned")
    print_table(heads, [(m["phone_number"], m["weight"], m["people"], m["planned"]) for m in one["members"]])
    if one["moves"]:
        rows = [(m["from"], m["to"], m["planned"], m["moved"]) for m in one["moves"][:MOVES_SHOWN]]
        print_table(("from", "to", "people", "moved"), rows)
    if (more := len(one["moves"]) - MOVES_SHOWN) > 0:
        click.echo(f"… and {more} more of these, which --json has.\n")


def _told(one: dict[str, Any]) -> str:
    about = "about " if one["estimated"] else ""
    sid, planned, moved = one["sid"], one["planned"], one["moved"]
    match one["status"]:
        case "planned" if not planned:
            return f"{sid}: nobody would move. Who was in contact within {one['idle_days']} days stays where they are."
        case "planned":
            return f"{sid} would move {about}{planned} of {about}{one['people']} people. Carry it out with --run {sid}."
        case "done":
            skipped = f" {one['skipped']} were not to be moved any more." if one["skipped"] else ""
            return f"{sid}: {moved} people moved.{skipped} Take it back with --undo {sid}."
        case "undone" | "undoing":
            return f"{sid} is {one['status']}: {one['undone']} of {moved} people are as before."
    return f"{sid} is {one['status']}: {moved} of {about}{planned} people moved."
