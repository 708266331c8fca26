"""A service's pool over HTTP: its numbers join, are looked at and leave.

Source: twilio.com/docs/messaging/api/phonenumber-resource.
"""

from __future__ import annotations

from collections.abc import Mapping

from limpet.core.errors import ApiError
from limpet.core.model import PoolMember, Service
from limpet.store.services import PoolRefusal
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.resources import Json, pool_member_resource
from limpet.twilio.service_form import parse_pool_member
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call
from limpet.web.services import service_of

_CODES: Mapping[PoolRefusal, int] = {
    PoolRefusal.ALREADY_HERE: 21710,
    PoolRefusal.ELSEWHERE: 21712,
    PoolRefusal.FULL: 21714,
    PoolRefusal.INCAPABLE: 21715,
}


async def add(call: Call) -> Answer:
    """POST /v1/Services/{MG}/PhoneNumbers."""
    service, number_sid = await service_of(call), parse_pool_member(call.form)
    sender = await call.deps.senders.by_sid(call.account.id, number_sid)
    if sender is None:
        raise ApiError(20404, resource=number_sid)
    member = await call.deps.services.add_member(service, sender, call.now)
    if member is PoolRefusal.GONE:
        raise call.not_found()
    if isinstance(member, PoolRefusal):
        raise ApiError(_CODES[member], value=sender.address)
    return created(_shown(call, service, member))


async def page(call: Call) -> Answer:
    """GET /v1/Services/{MG}/PhoneNumbers, the last to join first."""
    request, service = parse_page(call.query), await service_of(call)
    found = await call.deps.services.members(service.id, request)
    shown = [_shown(call, service, member) for member in found.items]
    return ok(page_v1("phone_numbers", shown, found, request, call.url, call.query))


async def fetch(call: Call) -> Answer:
    """GET /v1/Services/{MG}/PhoneNumbers/{PN}."""
    service = await service_of(call)
    member = await call.deps.services.member(service.id, _number_sid(call))
    if member is None:
        raise call.not_found()
    return ok(_shown(call, service, member))


async def remove(call: Call) -> Answer:
    """DELETE /v1/Services/{MG}/PhoneNumbers/{PN}: every mapping to the number is dead in the same instant."""
    service = await service_of(call)
    if not await call.deps.services.remove_member(service.id, _number_sid(call), call.now):
        raise call.not_found()
    return NO_CONTENT


def _shown(call: Call, service: Service, member: PoolMember) -> Json:
    return pool_member_resource(member, call.account.sid, service.sid, call.root)


def _number_sid(call: Call) -> str:
    sid = call.parts["number_sid"]
    if not is_sid("PN", sid):
        raise call.not_found()
    return sid
