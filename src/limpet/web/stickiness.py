"""Mappings over HTTP, which Twilio has not: who a person hears from, and how to let them go.

`GET …/StickyMappings?To=` answers a v1 page with the one mapping of that person within the service, live or dead, 20404
when there is none. `DELETE …/StickyMappings?To=` takes it away. The next message makes a new one.
"""

from __future__ import annotations

from limpet.core.page import Page, PageRequest
from limpet.twilio.pages import page_v1
from limpet.twilio.resources import mapping_resource
from limpet.twilio.service_form import parse_mapping_recipient
from limpet.web.answer import NO_CONTENT, Answer, ok
from limpet.web.door import Call
from limpet.web.services import service_of


async def lookup(call: Call) -> Answer:
    """GET /v1/Services/{MG}/StickyMappings?To=."""
    service, recipient = await service_of(call), parse_mapping_recipient(call.query)
    view = await call.deps.sticky.lookup(service, recipient, call.now)
    if view is None:
        raise call.not_found()
    shown = mapping_resource(
        account_sid=call.account.sid,
        service_sid=service.sid,
        recipient=view.recipient,
        sender=view.sender,
        sender_sid=view.sender_sid,
        created_day=view.created_day,
        last_used_day=view.last_used_day,
        why_dead=view.why_dead,
        established=view.established,
        root=call.root,
    )
    page = Page((view,), None, None)
    return ok(page_v1("sticky_mappings", [shown], page, PageRequest(), call.url, call.query))


async def reset(call: Call) -> Answer:
    """DELETE /v1/Services/{MG}/StickyMappings?To=, with an event that names the credential."""
    service, recipient = await service_of(call), parse_mapping_recipient(call.query)
    actor = f"api:{call.caller.credential_sid}"
    if await call.deps.sticky.reset(service, recipient, actor, call.now) is None:
        raise call.not_found()
    return NO_CONTENT
