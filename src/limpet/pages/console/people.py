"""Who must not be written to by a service."""

from __future__ import annotations

from starlette.responses import Response

from limpet.pages.console.desk import Desk
from limpet.pages.console.pool import reason_of
from limpet.pages.console.services import both, place_of
from limpet.pages.console.visit import Visit
from limpet.twilio.forms import filled
from limpet.web import opt_outs


async def show(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/opt-outs, newest first; with `To` that of a person."""
    account, service = await both(visit)
    asked = {"To": visit.ask.asked("To")}
    found = await visit.call(opt_outs.page, account, {"service_sid": service.sid}, visit.paged(**asked))
    return visit.html(
        "opt_outs.html", account=account, service=service, tab="opt-outs", asked=asked, opt_outs=found["opt_outs"],
        pager=None if asked["To"] else visit.pager(found, asked),
    )  # fmt: skip


async def add(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/opt-outs: `To` is not written to any more."""
    account, service = await both(visit)
    to = filled(visit.ask.form, "To") or ""
    async with visit.deed(f"{visit.person(to)} of {service.friendly_name} {service.sid}", account):
        await visit.call(opt_outs.create, account, {"service_sid": service.sid}, form={"To": [to]})
    return visit.go(place_of(account, service, "/opt-outs"), "opted-out")


async def remove(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/opt-outs/remove: `To` may be written to again, with the `Reason` by which that is known."""
    account, service = await both(visit)
    to, reason = filled(visit.ask.form, "To") or "", reason_of(visit)
    async with visit.deed(f"{visit.person(to)} of {service.friendly_name} {service.sid}", account) as changes:
        await visit.call(opt_outs.delete, account, {"service_sid": service.sid, "to": to})
        changes.note({}, {"reason": reason})
    return visit.go(place_of(account, service, "/opt-outs"), "opted-in")
