"""Rebalances over HTTP, ours: who would move so that a pool's people spread by weight, and that they do, or do not any more."""

from __future__ import annotations

from limpet.core.errors import ApiError
from limpet.core.model import Service
from limpet.core.rebalance import SID_PREFIX, Rebalance
from limpet.flow.rebalance import NotNow
from limpet.store import rebalances
from limpet.store.rebalances import OtherOpen
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.rebalance_form import Json, parse_change, parse_wish, rebalance_resource, shifts_resource
from limpet.twilio.sid import is_sid
from limpet.web.answer import Answer, created, ok
from limpet.web.door import Call
from limpet.web.services import service_of


async def page(call: Call) -> Answer:
    """GET /v1/Services/{MG}/Rebalances, newest first; who goes where is shown of a single one only."""
    request, service = parse_page(call.query), await service_of(call)
    found = await rebalances.page(call.deps.database, service, request)
    shown = [_shown(call, service, one) for one in found.items]
    return ok(page_v1("rebalances", shown, found, request, call.url, call.query))


async def create(call: Call) -> Answer:
    """POST /v1/Services/{MG}/Rebalances: a plan. Nobody is moved."""
    service, wish = await service_of(call), parse_wish(call.form)
    try:
        made = await call.deps.rebalances.plan(service, wish, call.actor)
    except (NotNow, OtherOpen) as error:
        raise _refusal(error, "Rebalances") from None
    if made is None:
        raise call.not_found()
    return created(await _told(call, service, made))


async def fetch(call: Call) -> Answer:
    """GET /v1/Services/{MG}/Rebalances/{LR}: how far it is."""
    service, one = await _one(call)
    return ok(await _told(call, service, one))


async def update(call: Call) -> Answer:
    """POST /v1/Services/{MG}/Rebalances/{LR} with `Status`: apply it, or let it go on (running), let it wait (paused), let it be
    (canceled), or take it back (undone). What is so already stays."""
    (service, one), wanted = await _one(call), parse_change(call.form)
    try:
        changed = await call.deps.rebalances.change(one, wanted)
    except (NotNow, OtherOpen) as error:
        raise _refusal(error, "Status") from None
    return ok(await _told(call, service, changed))


def _refusal(error: Exception, name: str) -> ApiError:
    why = str(error) if isinstance(error, NotNow) else "another rebalance of the service is under way"
    return ApiError(20001, status=409, parameter=f"'{name}'", why=why)


async def _one(call: Call) -> tuple[Service, Rebalance]:
    service = await service_of(call)
    sid = call.parts["sid"]
    one = await rebalances.by_sid(call.deps.database, service, sid) if is_sid(SID_PREFIX, sid) else None
    if one is None:
        raise call.not_found()
    return service, one


async def _told(call: Call, service: Service, one: Rebalance) -> Json:
    shifts = await rebalances.shifts(call.deps.database, one)
    return {**_shown(call, service, one), "moves": shifts_resource(shifts)}


def _shown(call: Call, service: Service, one: Rebalance) -> Json:
    return rebalance_resource(one, call.account.sid, service.sid, call.root)
