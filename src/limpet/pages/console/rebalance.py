"""People who are moved so that a pool's people spread by weight: planned and looked at first, then carried out, or taken back."""

from __future__ import annotations

from starlette.responses import Response

from limpet.core.rebalance import CHANGES, IDLE_DAYS, PER_SECOND, State
from limpet.pages.console.desk import Desk
from limpet.pages.console.pool import reason_of
from limpet.pages.console.services import both, place_of
from limpet.pages.console.visit import Visit
from limpet.web import rebalances

CHOICES = {"running": "Carry it out", "paused": "Pause", "canceled": "Cancel", "undone": "Take it back"}
WISHES = ("IdleDays", "Percent", "PerSecond")


async def show_all(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/rebalances, newest first."""
    account, service = await both(visit)
    found = await visit.call(rebalances.page, account, {"service_sid": service.sid}, visit.paged())
    return visit.html(
        "rebalances.html", account=account, service=service, tab="rebalance", rebalances=found["rebalances"],
        idle_days=IDLE_DAYS, per_second=PER_SECOND, pager=visit.pager(found),
    )  # fmt: skip


async def show(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/rebalances/{rebalance}: who would go where, and how far it is."""
    account, service = await both(visit)
    parts = {"service_sid": service.sid, "sid": visit.ask.parts["rebalance"]}
    found = await visit.call(rebalances.fetch, account, parts)
    choices = [(wanted, label) for wanted, label in CHOICES.items() if State(found["status"]) in CHANGES[wanted][1]]
    page = "rebalance_part.html" if visit.ask.by_htmx else "rebalance.html"
    return visit.html(page, account=account, service=service, tab="rebalance", one=found, choices=choices)


async def plan(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/rebalances: `IdleDays`, `Percent`, `PerSecond`, with a `Reason`. Nobody is moved."""
    account, service = await both(visit)
    form = {name: visit.ask.form[name] for name in WISHES if name in visit.ask.form} | {"Reason": [reason_of(visit)]}
    async with visit.deed(f"{service.friendly_name} {service.sid}", account) as changes:
        made = await visit.call(rebalances.create, account, {"service_sid": service.sid}, form=form)
        changes.note({}, {"rebalance": made["sid"], "planned": made["planned"], "reason": made["reason"]})
    return visit.go(place_of(account, service, f"/rebalances/{made['sid']}"), "planned")


async def change(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/rebalances/{rebalance}: `Status`, what is to become of it."""
    account, service = await both(visit)
    sid = visit.ask.parts["rebalance"]
    parts = {"service_sid": service.sid, "sid": sid}
    async with visit.deed(f"{sid} in {service.friendly_name} {service.sid}", account) as changes:
        before = await visit.call(rebalances.fetch, account, parts)
        after = await visit.call(rebalances.update, account, parts, form=visit.ask.form)
        changes.note({"status": before["status"]}, {"status": after["status"]})
    return visit.go(place_of(account, service, f"/rebalances/{sid}"), "changed")
