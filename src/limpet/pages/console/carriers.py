"""Carriers and their lanes; receipts that no message is known for; and what operators want of a carrier."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from limpet.core.routing import Mode
from limpet.flow.carrier_states import CarrierState, carrier_states
from limpet.pages.ask import Refused
from limpet.pages.console.desk import Desk
from limpet.pages.console.visit import PAGE_SIZE, ROOT, Visit
from limpet.store.carriers import Carriers
from limpet.store.receipts import list_kept
from limpet.twilio.forms import filled

MODES: Final = {"pause": Mode.PAUSED, "drain": Mode.DRAINING, "resume": Mode.ACTIVE}


async def show_all(_: Desk, visit: Visit) -> Response:
    """GET /console/carriers; a script of the page asks for the part of it that changes."""
    found = await states(visit)
    return visit.html("carriers_part.html" if visit.ask.by_htmx else "carriers.html", carriers=found)


async def change(_: Desk, visit: Visit) -> Response:
    """POST /console/carriers/{carrier}: `Wish`, one of pause, drain and resume."""
    name, wish = visit.ask.parts["carrier"], MODES.get(filled(visit.ask.form, "Wish") or "")
    if wish is None:
        raise Refused(f"A carrier can be told to {', '.join(MODES)}.")
    before = next((one for one in await states(visit) if one.name == name), None)
    if before is None:
        raise Refused("There is no such carrier.", 404)
    async with visit.deed(name) as changes:
        await Carriers(visit.deps.database).set_mode(name, wish, visit.deps.clock.now())
        changes.note({"mode": before.mode}, {"mode": str(wish)})
    return visit.go(f"{ROOT}/carriers", "carrier")


async def receipts(_: Desk, visit: Visit) -> Response:
    """GET /console/receipts: those that no message is known for, newest first; only of one `Carrier`."""
    carrier, before = visit.ask.asked("Carrier"), visit.ask.asked("Before")
    start = int(before) if before.isdecimal() and len(before) < 19 else 2**63 - 1
    found = await list_kept(visit.deps.database, carrier or None, PAGE_SIZE + 1, start)
    older = found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None
    return visit.html("receipts.html", receipts=found[:PAGE_SIZE], carrier=carrier, older=older)


async def states(visit: Visit) -> list[CarrierState]:
    """All carriers as they are."""
    deps = visit.deps
    return await carrier_states(
        deps.database, [name for name in deps.carriers if name not in deps.elsewhere], deps.clock.now()
    )
