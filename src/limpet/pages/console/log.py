"""What was done in the console, and who may enter it."""

from __future__ import annotations

from starlette.responses import Response

from limpet.core.console import LEAST, Act
from limpet.pages.ask import Refused
from limpet.pages.console.accounts import request_of
from limpet.pages.console.desk import Desk
from limpet.pages.console.visit import ROOT, Pager, Visit


async def show(desk: Desk, visit: Visit) -> Response:
    """GET /console/audit, newest first; only of one `Operator` or one `Act`."""
    asked = {"Operator": visit.ask.asked("Operator"), "Act": visit.ask.asked("Act")}
    found = await desk.log.page(asked["Operator"] or None, asked["Act"] or None, request_of(visit))
    pager = Pager(visit.place(found.next_token, asked), visit.place(found.previous_token, asked))
    return visit.html("audit.html", done_list=found.items, asked=asked, acts=[str(act) for act in Act], pager=pager)


async def operators(desk: Desk, visit: Visit) -> Response:
    """GET /console/operators, with what each role may do."""
    found = await desk.operators.all(visit.deps.clock.now())
    table = [(str(act), "anybody" if role is None else str(role)) for act, role in LEAST.items()]
    return visit.html("operators.html", operators=found, table=table)


async def end_sessions(desk: Desk, visit: Visit) -> Response:
    """POST /console/operators/{name}/end: whoever is in under that name has to sign in again."""
    name = visit.ask.parts["name"]
    async with visit.deed(name):
        if not await desk.operators.end_sessions(name):
            raise Refused("There is no such operator.", 404)
    return visit.go(f"{ROOT}/operators", "ended")
