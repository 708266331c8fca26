"""Everything about one message: why it comes from its number, who it would come from now, and what became of its callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from starlette.responses import Response

from limpet.core.address import parse_recipient
from limpet.core.ids import day_date, id_time
from limpet.core.model import Account, Direction, Message
from limpet.core.page import PageRequest
from limpet.core.sticky import Binding
from limpet.flow.explain import Explained, Supposed
from limpet.pages.ask import Ask
from limpet.pages.phones.bubble import MAPPED, element_id
from limpet.pages.phones.desk import Desk
from limpet.pages.phones.feed import Seen
from limpet.store import sticky_lists
from limpet.store.callbacks import EVENT, POST
from limpet.store.deliveries import Delivery
from limpet.store.messages import LEFT
from limpet.store.sticky_lists import EventFilter, ShownEvent
from limpet.twilio.callback import idempotency_token, signature, split_fragment
from limpet.twilio.forms import parse_form
from limpet.twilio.sid import delivery_sid
from limpet.twilio.webhook_request import form_request, json_request
from limpet.webhook import sent_as

TRIES_MAX: Final = 20
EVENTS_MAX: Final = 10
CANDIDATES_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Told:
    """A try of a callback as it is shown: what was sent, under which signature, and what was answered."""

    sid: str
    kind: str
    about: str
    method: str
    url: str
    fields: Sequence[tuple[str, str]]
    json: str
    signature: str
    token: str
    attempt: int
    outcome: str
    http_status: int | None
    failure: str | None
    answer: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Other:
    """A member of the pool in a dry run: its number, and why it would not be the one; None for the one that would."""

    number: str
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Now:
    """Who a message to the same person would come from at this moment."""

    number: str
    why: str
    code: int | None
    standing: str
    last_used: date | None
    others: Sequence[Other]


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that happened to the person's mapping."""

    kind: str
    cause: str
    before: str
    after: str
    at: datetime


async def show(desk: Desk, ask: Ask) -> Response:
    """GET /phones/messages/{sid}: a page, or the part of one."""
    account, message = await desk.message(ask)
    tries = await desk.deps.deliveries.page_of_message(message.bucket, message.id, None, PageRequest(TRIES_MAX))
    token = await desk.deps.accounts.auth_token(account.id)
    releaser = desk.releaser
    bubble = desk.bubble(Seen(message, (), (), 0))
    outbound = message.direction is not Direction.INBOUND
    return ask.html(
        "phones/detail_part.html" if ask.by_htmx else "phones/detail.html",
        message=message,
        sid=desk.sid(message),
        bubble=bubble,
        phone=element_id(message.recipient),
        account=account,
        service=await _service_sid(desk, message),
        why=bubble.why_text,
        mapped=MAPPED.get(message.sticky or "", ""),
        rejections=sorted(message.rejections.items()),
        now=await _now(desk, account, message) if outbound else None,
        turns=await _turns(desk, account, message),
        tries=_told(desk, tries.items, token),
        releases=bool(outbound and message.status in LEFT and releaser and releaser.allows(message.recipient)),
        carrier="" if releaser is None else releaser.carrier,
    )


async def _service_sid(desk: Desk, message: Message) -> str | None:
    services = set() if message.service_id is None else {message.service_id}
    await desk.deps.directory.sids(desk.deps.database.pool, set(), services)
    return desk.deps.directory.service_sid(message.service_id)


async def _now(desk: Desk, account: Account, message: Message) -> Now | None:
    """The dry run; None where nothing can be asked: without a service, or of a person whose number is not kept."""
    service_sid, recipient = await _service_sid(desk, message), parse_recipient(message.recipient)
    if service_sid is None or recipient is None:
        return None
    supposed = Supposed(account, service_sid, recipient, desk.deps.clock.now(), media=message.num_media > 0)
    found = await desk.deps.accept.explain(supposed)
    return None if found is None else _foretold(found)


def _foretold(found: Explained) -> Now:
    answer, chosen = found.answer, None
    if isinstance(answer, Binding):
        chosen = answer.candidate.member_id
    others = []
    for candidate in found.pool.candidates[:CANDIDATES_MAX]:
        passed = found.why_not(candidate.member_id)
        why = None if candidate.member_id == chosen else str(passed.why) if passed else "not asked"
        others.append(Other(candidate.sender.address, why))
    return Now(
        answer.candidate.sender.address if isinstance(answer, Binding) else "",
        str(answer.reason) if isinstance(answer, Binding) else "",
        None if isinstance(answer, Binding) else answer.error_code,
        str(found.standing or "off"),
        None if found.mapping is None else day_date(found.mapping.last_used_day),
        sorted(others, key=lambda other: other.why_not is not None),
    )


async def _turns(desk: Desk, account: Account, message: Message) -> list[Turn]:
    """The last events of the person's mapping, newest first."""
    sid = await _service_sid(desk, message)
    service = None if sid is None else await desk.deps.services.by_sid(account.id, sid)
    if service is None or parse_recipient(message.recipient) is None:
        return []
    found = await sticky_lists.events_of_person(
        desk.deps.sticky, service, message.recipient, EventFilter(), PageRequest(EVENTS_MAX)
    )
    return [_turn(one) for one in found.items]


def _turn(shown: ShownEvent) -> Turn:
    event = shown.event
    return Turn(event.kind, event.cause or "", event.sender_before or "", event.sender_after or "", id_time(event.id))


def _told(desk: Desk, tries: Sequence[Delivery], token: str) -> list[Told]:
    """Tries, newest first. What was answered is remembered for the last try of each number of a callback."""
    found, answered = [], set()
    for one in tries:
        place = (one.callback, one.attempt)
        answer = None if place in answered else desk.answers(*place)
        answered.add(place)
        found.append(_tried(desk, one, token, answer))
    return found


def _tried(desk: Desk, one: Delivery, token: str, answer: str | None) -> Told:
    url, _ = split_fragment(one.url)
    is_event = one.kind == EVENT
    request = json_request(url, one.payload) if is_event else form_request(url, one.payload, post=one.method == POST)
    form = {} if is_event else parse_form(one.payload.encode())
    sid = delivery_sid(one.bucket, one.id, sid_key=desk.deps.installation.sid_key)
    fields = [(name, value) for name, values in form.items() for value in values]
    return Told(
        sid, one.kind, dict(fields).get("MessageStatus", ""), one.method, one.url, fields, one.payload if is_event else "",
        signature(token, sent_as(request.url), request.signed_form), idempotency_token(*one.callback), one.attempt,
        one.outcome, one.http_status, one.failure, answer, id_time(one.id),
    )  # fmt: skip
