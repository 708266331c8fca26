"""`limpet carriers …`: how carriers are, and whether they are to be given messages; on the database, beside running servers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.lazy import Entry, LazyGroup, Section
from limpet.commands.place import Place, find_place, place_options, run
from limpet.commands.table import print_table

if TYPE_CHECKING:
    from limpet.flow.carrier_states import CarrierState

RECEIPTS = Section("Receipts", (
    Entry("receipts", ".carrier_receipts:receipts", "List receipts that no message is known for, newest first."),
    Entry("relearn", ".carrier_receipts:relearn", "Forget how a carrier spells ids in its receipts."),
))  # fmt: skip


@click.group(cls=LazyGroup, sections=[RECEIPTS])
def carriers() -> None:
    """See how carriers are; pause one, or let one run dry."""


@carriers.command("list")
@place_options
def show_all(path: Path | None, data: Path | None, as_json: bool) -> None:
    """List all carriers, one a line."""
    found = run(_states(find_place(path, data)))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found]))
        return
    rows = [
        (
            one.name, one.mode, f"{sum(lane.state == 'bound' for lane in one.lanes)} of {len(one.lanes)} bound",
            _sum(lane.in_flight for lane in one.lanes), _sum(lane.waiting for lane in one.lanes),
            _rate(sum(lane.submits_per_s for lane in one.lanes)), _rate(sum(lane.receipts_per_s for lane in one.lanes)),
            _sum(lane.throttles for lane in one.lanes),
        )
        for one in found
    ]  # fmt: skip
    print_table(("carrier", "mode", "lanes", "in flight", "waiting", "sent/s", "receipts/s", "throttled"), rows)


@carriers.command()
@place_options
@click.argument("name")
def show(name: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Show a carrier with each of its lanes."""
    one = _named(run(_states(find_place(path, data))), name)
    if as_json:
        click.echo(json.dumps(asdict(one)))
        return
    click.echo(f"{one.name} is {one.mode}" + (f" since {one.mode_since}." if one.mode_since else "."))
    rows = [
        (lane.lane, lane.state, lane.since or "-", f"{lane.in_flight} of {lane.window_size}", str(lane.waiting),
         _rate(lane.submits_per_s), _rate(lane.receipts_per_s), str(lane.throttles), lane.owner or "-")
        for lane in one.lanes
    ]  # fmt: skip
    print_table(("lane", "state", "since", "in flight", "waiting", "sent/s", "receipts/s", "throttled", "run by"), rows)
    for lane in one.lanes:
        if lane.last_error:
            click.echo(f"{lane.lane}, {lane.last_error_at}: {lane.last_error}")


@carriers.command()
@place_options
@click.argument("name")
def pause(name: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Give a carrier nothing, from now on and after every start; answers, receipts and texts still come in."""
    _wish(name, "paused", find_place(path, data), as_json)


@carriers.command()
@place_options
@click.argument("name")
def drain(name: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Give a carrier no new messages; what was accepted for it before is still sent."""
    _wish(name, "draining", find_place(path, data), as_json)


@carriers.command()
@place_options
@click.argument("name")
def resume(name: str, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Give a carrier messages again."""
    _wish(name, "active", find_place(path, data), as_json)


def _wish(name: str, mode: str, place: Place, as_json: bool) -> None:
    one = run(_set(name, mode, place))
    if as_json:
        click.echo(json.dumps(asdict(one)))
        return
    flying, waiting = (sum(getattr(lane, what) for lane in one.lanes) for what in ("in_flight", "waiting"))
    click.echo(f"{name} is {one.mode}; {flying} messages are in flight on it and {waiting} wait for it.")


async def _set(name: str, mode: str, place: Place) -> CarrierState:
    from limpet.commands.opened import opened_beside
    from limpet.core.routing import Mode
    from limpet.store.carriers import Carriers

    _named(await _states(place), name)
    async with opened_beside(place.database) as database:
        await Carriers(database).set_mode(name, Mode(mode), await database.now())
    return _named(await _states(place), name)


async def _states(place: Place) -> list[CarrierState]:
    from limpet.commands.opened import opened_beside
    from limpet.flow.carrier_states import carrier_states

    async with opened_beside(place.database) as database:
        return await carrier_states(database, place.carriers, await database.now())


def _named(found: Sequence[CarrierState], name: str) -> CarrierState:
    for one in found:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in found)
    raise click.ClickException(f"There is no carrier {name}; known are {known}.")


def _sum(numbers: Iterable[int]) -> str:
    return str(sum(numbers))


def _rate(per_s: float) -> str:
    return f"{per_s:.1f}"
