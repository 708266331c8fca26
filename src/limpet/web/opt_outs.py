"""Opt-outs over HTTP, ours: who must not be written to by a service, and the words by which it hears that."""

from __future__ import annotations

from limpet.core.address import parse_recipient
from limpet.core.model import Service
from limpet.core.page import Page, PageRequest
from limpet.store.opt_outs import IMPORT_MAX, OptOut, Origin
from limpet.twilio.forms import filled
from limpet.twilio.lists import parse_page
from limpet.twilio.opt_out_form import (
    Json,
    opt_out_resource,
    parse_import,
    parse_opted_out,
    parse_removed_set,
    parse_settings,
    settings_resource,
)
from limpet.twilio.pages import page_v1
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call
from limpet.web.services import service_of


async def page(call: Call) -> Answer:
    """GET /v1/Services/{MG}/OptOuts, newest first; with `To` the one of that person, if any."""
    request, service = parse_page(call.query), await service_of(call)
    if filled(call.query, "To") is None:
        found = await call.deps.opt_outs.page(service, request)
    else:
        one = await call.deps.opt_outs.fetch(service, parse_opted_out(call.query))
        found, request = Page(() if one is None else (one,), None, None), PageRequest()
    shown = [_shown(call, service, each) for each in found.items]
    return ok(page_v1("opt_outs", shown, found, request, call.url, call.query))


async def create(call: Call) -> Answer:
    """POST /v1/Services/{MG}/OptOuts: 201, also for who had opted out before."""
    service, recipient = await service_of(call), parse_opted_out(call.form)
    await call.deps.opt_outs.add(service, [recipient], Origin.API, call.now)
    return created(await _one(call, service, recipient))


async def bring(call: Call) -> Answer:
    """POST /v1/Services/{MG}/OptOuts/Import: many at once; answers how many are new, known, and which name nobody."""
    service = await service_of(call)
    people, wrong = parse_import(call.form, IMPORT_MAX)
    made = await call.deps.opt_outs.add(service, people, Origin.IMPORT, call.now)
    return ok({"imported": made, "known": len(set(people)) - made, "rejected": wrong})


async def fetch(call: Call) -> Answer:
    """GET /v1/Services/{MG}/OptOuts/{To}."""
    service = await service_of(call)
    return ok(await _one(call, service, _recipient(call)))


async def delete(call: Call) -> Answer:
    """DELETE /v1/Services/{MG}/OptOuts/{To}: the person may be written to again."""
    service = await service_of(call)
    if not await call.deps.opt_outs.remove(service, _recipient(call)):
        raise call.not_found()
    return NO_CONTENT


async def settings(call: Call) -> Answer:
    """GET /v1/Services/{MG}/OptOutSettings."""
    service = await service_of(call)
    found = await call.deps.opt_outs.settings(service)
    return ok(settings_resource(found, call.account.sid, service.sid, call.root))


async def change_settings(call: Call) -> Answer:
    """POST /v1/Services/{MG}/OptOutSettings: advanced opt-out on or off, and the set of one country and language."""
    service = await service_of(call)
    changed = parse_settings(call.form, await call.deps.opt_outs.settings(service))
    await call.deps.opt_outs.set(service, changed, call.now)
    return ok(settings_resource(changed, call.account.sid, service.sid, call.root))


async def remove_set(call: Call) -> Answer:
    """DELETE /v1/Services/{MG}/OptOutSettings?Country=&Language=: that set is gone, or as by default."""
    service = await service_of(call)
    left = parse_removed_set(call.query, await call.deps.opt_outs.settings(service))
    if left is None:
        raise call.not_found()
    await call.deps.opt_outs.set(service, left, call.now)
    return NO_CONTENT


async def _one(call: Call, service: Service, recipient: str) -> Json:
    found = await call.deps.opt_outs.fetch(service, recipient)
    if found is None:
        raise call.not_found()
    return _shown(call, service, found)


def _shown(call: Call, service: Service, one: OptOut) -> Json:
    return opt_out_resource(
        one.recipient, one.keyword, one.origin, one.since, call.account.sid, service.sid, call.root
    )  # fmt: skip


def _recipient(call: Call) -> str:
    recipient = parse_recipient(call.parts["to"])
    if recipient is None:
        raise call.not_found()
    return recipient.value
