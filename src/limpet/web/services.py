"""Messaging Services over HTTP. Source: twilio.com/docs/messaging/api/service-resource."""

from __future__ import annotations

from limpet.core.model import Service
from limpet.store.services import ServiceSettings
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.resources import service_resource
from limpet.twilio.service_form import parse_service, parse_service_changes, parse_space_of
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call
from limpet.web.sticky_spaces import unless_refused

USECASES = (
    ("notifications", "Alerts and reminders that follow from what a customer did or is to expect", "Notify my users"),
    ("marketing", "News and offers that people have agreed to receive", "Market my services"),
    ("verification", "Codes that prove that a number is the person's", "Verify my users"),
    ("discussion", "Conversations between people", "Let people talk to each other"),
    ("poll", "Questions to many and their answers", "Ask my users"),
    ("undeclared", "Nothing in particular", "Not said"),
)


async def create(call: Call) -> Answer:
    """POST /v1/Services."""
    settings, space = ServiceSettings(**parse_service(call.form)), parse_space_of(call.form)
    service = await unless_refused(call.deps.services.create(call.account.id, settings, call.now, space))
    return created(service_resource(service, call.account.sid, call.root))


async def page(call: Call) -> Answer:
    """GET /v1/Services, newest first."""
    request, root = parse_page(call.query), call.root
    found = await call.deps.services.page(call.account.id, request)
    shown = [service_resource(service, call.account.sid, root) for service in found.items]
    return ok(page_v1("services", shown, found, request, call.url, call.query))


async def usecases(_: Call) -> Answer:
    """GET /v1/Services/Usecases: what a service may say that it is for."""
    return ok({"usecases": [{"usecase": name, "description": said, "purpose": why} for name, said, why in USECASES]})


async def fetch(call: Call) -> Answer:
    """GET /v1/Services/{MG}."""
    return ok(service_resource(await service_of(call), call.account.sid, call.root))


async def update(call: Call) -> Answer:
    """POST /v1/Services/{MG}: what is not given stays as it is."""
    sid = _sid(call)
    changes, space = parse_service_changes(call.form), parse_space_of(call.form)
    service = await unless_refused(call.deps.services.update(call.account.id, sid, changes, call.now, space))
    if service is None:
        raise call.not_found()
    return ok(service_resource(service, call.account.sid, call.root))


async def delete(call: Call) -> Answer:
    """DELETE /v1/Services/{MG}: its numbers are free at once, its mappings dead."""
    if not await call.deps.services.delete(call.account.id, _sid(call), call.now, call.actor):
        raise call.not_found()
    return NO_CONTENT


async def service_of(call: Call) -> Service:
    """The service that a path names; 20404 when the account has no such one."""
    service = await call.deps.services.by_sid(call.account.id, _sid(call))
    if service is None:
        raise call.not_found()
    return service


def _sid(call: Call) -> str:
    sid = call.parts["service_sid"]
    if not is_sid("MG", sid):
        raise call.not_found()
    return sid
