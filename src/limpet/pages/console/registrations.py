"""What carriers are asked about brands, campaigns and numbers, and the operator's answer in their place."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from limpet.flow import registration_orders as orders
from limpet.flow.registration_orders import NothingToOrder
from limpet.pages.ask import Refused
from limpet.pages.console.desk import Desk
from limpet.pages.console.pool import reason_of
from limpet.pages.console.visit import ROOT, Visit
from limpet.twilio.forms import filled

ANSWERS: Final = ("approve", "reject", "retry", "suspend", "resume")
WITH_REASON: Final = ("reject", "suspend")
CODES: Final = range(10_000, 100_000)


async def show(_: Desk, visit: Visit) -> Response:
    """GET /console/registrations: what is open, oldest first; with `All` also what failed."""
    everything = bool(visit.ask.asked("All"))
    found = await orders.listed(visit.deps.database, refused_too=everything)
    return visit.html("registrations.html", jobs=[_row(one) for one in found], everything=everything)


async def answer(_: Desk, visit: Visit) -> Response:
    """POST /console/registrations: `Subject` and `Answer`, with `Reason` and `Code` where it is a refusal."""
    form = visit.ask.form
    subject, what = (filled(form, "Subject") or "")[:64], filled(form, "Answer") or ""
    if what not in ANSWERS:
        raise Refused(f"An answer is one of {', '.join(ANSWERS)}.")
    reason, code = (reason_of(visit), _code(filled(form, "Code"))) if what in WITH_REASON else (None, None)
    async with visit.deed(subject) as changes:
        try:
            said = await orders.give(visit.deps.database, subject, what, reason, code, visit.deps.clock.now())
        except NothingToOrder as error:
            raise Refused(str(error), 409) from None
        changes.note({}, {"answer": what, "reason": reason, "code": code, "said": said})
    return visit.go(f"{ROOT}/registrations", "answered")


def _code(given: str | None) -> int | None:
    if not given:
        return None
    code = int(given) if given.isdecimal() and len(given) < 7 else 0
    if code not in CODES:
        raise Refused("The code is one of Twilio's error codes, such as 30125.")
    return code


def _row(one: dict[str, Any]) -> dict[str, Any]:
    """What is open, with the answers that fit it."""
    failed = one["state"] in ("FAILED", "failed", "PENDING_DEREGISTRATION")
    return {**one, "failed": failed}
