"""The log of tries to reach customers' URLs over HTTP, ours: what became of each callback, and once more, please."""

from __future__ import annotations

from limpet.core.ids import id_time
from limpet.core.page import Page
from limpet.store.callbacks import EVENT
from limpet.store.deliveries import Delivery, Outcome
from limpet.twilio.callback import idempotency_token
from limpet.twilio.dates import iso8601
from limpet.twilio.events import event_message, event_type
from limpet.twilio.forms import choice, filled, invalid, parse_form
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.resources import Json
from limpet.twilio.sid import delivery_sid, parse_delivery_sid, parse_message_sid
from limpet.web.answer import Answer, json_answer, ok
from limpet.web.door import Call

ACCEPTED = 202


async def page(call: Call) -> Answer:
    """GET /v1/Webhooks/Deliveries, newest first; with `MessageSid` or `Outcome` only those."""
    request, outcome = parse_page(call.query), choice(call.query, "Outcome", tuple(Outcome))
    message = _message(call)
    if message is None:
        found = await call.deps.deliveries.page(call.account.id, outcome, request)
    elif await call.deps.messages.fetch(call.account.id, *message) is None:
        found = Page((), None, None)
    else:
        found = await call.deps.deliveries.page_of_message(*message, outcome, request)
    shown = [_shown(call, each) for each in found.items]
    return ok(page_v1("deliveries", shown, found, request, call.url, call.query))


async def fetch(call: Call) -> Answer:
    """GET /v1/Webhooks/Deliveries/{WD}."""
    return ok(_shown(call, await _one(call)))


async def replay(call: Call) -> Answer:
    """POST /v1/Webhooks/Deliveries/{WD}/Replay: the same form under the same idempotency token, at once; 202."""
    one = await _one(call)
    await call.deps.deliveries.replay(one, call.now)
    call.deps.callbacks_due()
    return json_answer(ACCEPTED, _shown(call, one))


async def _one(call: Call) -> Delivery:
    place = parse_delivery_sid(call.parts["sid"], call.deps.installation.sid_key)
    found = None if place is None else await call.deps.deliveries.fetch(call.account.id, *place)
    if found is None:
        raise call.not_found()
    return found


def _message(call: Call) -> tuple[int, int] | None:
    sid = filled(call.query, "MessageSid")
    place = None if sid is None else parse_message_sid(sid, call.deps.installation.sid_key)
    if sid is not None and place is None:
        raise invalid("MessageSid", "not the SID of a message")
    return place


def _shown(call: Call, one: Delivery) -> Json:
    sid = delivery_sid(one.bucket, one.id, sid_key=call.deps.installation.sid_key)
    url = f"{call.url.partition('/Webhooks/')[0]}/Webhooks/Deliveries/{sid}"
    told = {} if one.kind == EVENT else parse_form(one.payload.encode())
    return {
        "account_sid": call.account.sid,
        "attempt": one.attempt,
        "date_created": iso8601(id_time(one.id)),
        "failure": one.failure,
        "http_status": one.http_status,
        "idempotency_token": idempotency_token(*one.callback),
        "event_type": event_type(one.payload) if one.kind == EVENT else None,
        "kind": one.kind,
        "links": {"replay": f"{url}/Replay"},
        "message_sid": event_message(one.payload) if one.kind == EVENT else filled(told, "MessageSid"),
        "message_status": filled(told, "MessageStatus"),
        "method": one.method,
        "outcome": one.outcome,
        "request": one.payload,
        "request_url": one.url,
        "sid": sid,
        "url": url,
    }
