"""`limpet sticky …`: who hears from which number, looked at and changed through the HTTP API of a running Limpet.

It speaks to the API like any customer and knows nothing of the store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from limpet.commands.door import Door, call, door_options, find_door, service_option
from limpet.commands.lazy import Entry, LazyGroup, Section
from limpet.commands.paging import Thing, first, given, limit_option, show_one
from limpet.commands.table import print_table

SID_PREFIX = "LM"
ORIGINS = ("send", "explicit", "inbound", "import", "api")
PINNED = ("true", "strict", "false")
KINDS = ("created", "replaced", "bypassed", "reset", "unsent", "expired", "imported", "pinned", "moved", "removed")
COLUMNS = ("to", "from", "pinned", "origin", "created_day", "last_used_day", "counts")
EVENT_COLUMNS = ("at", "to", "kind", "cause", "before", "after", "actor", "reason")


TRANSFER = Section("In and out", (
    Entry("import", ".sticky_import:bring", "Map people to the numbers that FILE says they hear from."),
    Entry("undo", ".sticky_import:undo", "Take an import (LI…) back."),
    Entry("export", ".sticky_export:export", "Write every mapping that counts to FILE, or to standard output."),
    Entry("fetch-log", ".sticky_log:fetch_log", "Write the message log of a Twilio account to FILE, to be imported."),
))  # fmt: skip


SHARED = Section("Several services", (
    Entry("space", ".sticky_space:space", "Let several services of an account share who hears from which number."),
))  # fmt: skip
POOL = Section("A pool's people", (
    Entry("rebalance", ".sticky_rebalance:rebalance", "Spread people over the numbers of a pool by weight."),
))  # fmt: skip


@click.group(cls=LazyGroup, sections=[SHARED, POOL, TRANSFER])
def sticky() -> None:
    """See, pin, move or forget the number that a person always hears from."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    return service_option(door_options(command))


_to = click.option("--to", required=True, help="The person's number, or the SID of their mapping (LM…).")
_reason = click.option("--reason", help="Why, for the event that tells of it.")


@sticky.command("list")
@_options
@click.option("--from", "sender", help="Only people of this number, which may have left the pool.")
@click.option("--pinned", type=click.Choice(PINNED), help="Only those held by hand, strictly held, or not held.")
@click.option("--last-used-before", help="Only those last used before this UTC day, such as 2026-01-31.")
@click.option("--origin", type=click.Choice(ORIGINS), help="Only those that came about so.")
@limit_option()
def show_all(
    service: str, sender: str | None, pinned: str | None, last_used_before: str | None, origin: str | None, limit: int,
    data: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """List who hears from which number, in the order in which they are stored."""
    query = {"From": sender, "Pinned": pinned, "LastUsedBefore": last_used_before, "Origin": origin}
    found = _some(find_door(data, os.environ), service, "StickyMappings", query, limit)
    if as_json:
        click.echo(json.dumps(found))
    elif found:
        print_table(COLUMNS, (_row(one) for one in found))
    else:
        click.echo(f"Nobody in {service} has such a mapping.")


@sticky.command()
@_options
@_to
def show(service: str, to: str, data: Path | None, as_json: bool) -> None:
    """Show which number a person hears from, since when, and whether it still counts."""
    place, query = _named(service, to)
    answer = call(find_door(data, os.environ), "GET", place, query)
    mapping = _one(answer["sticky_mappings"][0] if answer and query else answer, service, to)
    show_one(mapping, as_json, "")


@sticky.command()
@_options
@_to
@click.option("--from", "sender", help="The number of the pool; the one that they hear from, if it is left out.")
@click.option("--strict", is_flag=True, help="Rather send nothing than from another number.")
@click.option("--off", is_flag=True, help="Let them go again.")
@_reason
def pin(
    service: str, to: str, sender: str | None, strict: bool, off: bool, reason: str | None, data: Path | None, as_json: bool
) -> None:  # fmt: skip
    """Hold a person to a number: neither time nor a number that joins takes them from it."""
    if strict and off:
        raise click.UsageError("Give either --strict or --off.")
    wanted = "false" if off else ("strict" if strict else "true")
    mapping = _put(find_door(data, os.environ), service, to, {"From": sender, "Pinned": wanted, "Reason": reason})
    told = "is held to nothing and hears" if off else ("hears only" if strict else "is held to, and hears")
    click.echo(json.dumps(mapping) if as_json else f"{mapping['to']} {told} from {mapping['from']}.")


@sticky.command()
@_options
@_to
@click.option("--from", "sender", required=True, help="The number of the pool that they hear from now on.")
@_reason
def move(service: str, to: str, sender: str, reason: str | None, data: Path | None, as_json: bool) -> None:
    """Let a person hear from another number of the pool; who has none yet gets that one."""
    mapping = _put(find_door(data, os.environ), service, to, {"From": sender, "Reason": reason})
    click.echo(json.dumps(mapping) if as_json else f"{mapping['to']} hears from {mapping['from']}.")


@sticky.command()
@_options
@click.option("--to", help="Only this person; their number, or the SID of their mapping (LM…).")
@click.option("--from", "sender", help="Everybody who hears from this number.")
@click.option("--all", "everybody", is_flag=True, help="Everybody in the service.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_reason
def reset(
    service: str, to: str | None, sender: str | None, everybody: bool, yes: bool, reason: str | None, data: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Forget which number a person hears from, or all people of a number or of the service: the next message chooses anew."""
    if sum((to is not None, sender is not None, everybody)) != 1:
        raise click.UsageError("Give one of --to, --from and --all.")
    whom = to or (f"everybody who hears from {sender}" if sender else f"everybody in {service}")
    if to is None and not yes:
        click.confirm(f"The next message to {whom} may come from another number. Go on?", abort=True, err=True)
    place, query = _named(service, to)
    query |= given({"From": sender, "All": "true" if everybody else None, "Reason": reason})
    if call(find_door(data, os.environ), "DELETE", place, query) is None:
        what = f"{to} has no mapping in" if to else (f"{sender} is not in the pool of" if sender else "There is no")
        raise click.ClickException(f"{what} {service}, or the account has no such service.")
    answer = {"service_sid": service, "recipient": to, "from": sender, "reset": True}
    click.echo(json.dumps(answer) if as_json else f"Forgotten: the next message to {whom} chooses a number.")


@sticky.command()
@_options
@click.option("--to", help="Only of this person.")
@click.option("--from", "sender", help="Only of this number, before or after.")
@click.option("--kind", type=click.Choice(KINDS), help="Only of this kind.")
@limit_option()
def events(
    service: str, to: str | None, sender: str | None, kind: str | None, limit: int, data: Path | None, as_json: bool
) -> None:  # fmt: skip
    """List what changed in who hears from which number, newest first: why, and who did it."""
    query = {"To": to, "From": sender, "Kind": kind}
    found = _some(find_door(data, os.environ), service, "StickyEvents", query, limit)
    if as_json:
        click.echo(json.dumps(found))
    elif found:
        print_table(EVENT_COLUMNS, (_event_row(one) for one in found))
    else:
        click.echo(f"Nothing of the kind has happened in {service}.")


def _put(door: Door, service: str, to: str, form: Mapping[str, str | None]) -> dict[str, Any]:
    if to.startswith(SID_PREFIX):
        return _one(call(door, "POST", _place(service, to), form=given(form)), service, to)
    answer = call(door, "POST", _place(service), form={"To": to, **given(form)})
    if answer is None:
        raise click.ClickException(f"The account has no service {service}.")
    return dict(answer)


def _some(door: Door, service: str, what: str, query: Mapping[str, str | None], limit: int) -> list[Thing]:
    return first(door, f"{_service(service)}/{what}", query, limit, missing=f"The account has no service {service}.")


def _service(service: str) -> str:
    return f"/v1/Services/{quote(service, safe='')}"


def _place(service: str, to: str | None = None) -> str:
    return f"{_service(service)}/StickyMappings" + ("" if to is None else f"/{quote(to, safe='')}")


def _named(service: str, to: str | None) -> tuple[str, dict[str, str]]:
    """Where a mapping is, by its SID, or by its person in the query."""
    if to is not None and to.startswith(SID_PREFIX):
        return _place(service, to), {}
    return _place(service), given({"To": to})


def _one(answer: Any, service: str, to: str) -> dict[str, Any]:
    if answer is None:
        raise click.ClickException(f"{to} has no mapping in {service}, or the account has no such service.")
    return dict(answer)


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    counts = "yes" if one["live"] else f"no: {one['why_dead']}"
    pinned = {"false": "-", "true": "yes"}.get(one["pinned"], one["pinned"])
    return one["to"], one["from"] or "-", pinned, one["origin"], one["created_day"], one["last_used_day"], counts


def _event_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    told = (one["from_before"], one["from"], one["actor"], one["reason"])
    at = one["date_created"].replace("T", " ")[:19]
    return at, one["to"] or "everybody", one["kind"], one["cause"], *(each or "-" for each in told)
