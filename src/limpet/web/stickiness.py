"""Mappings over HTTP, which Twilio has not: who hears from which number, made, moved, held and let go, and what changed when.

A mapping is named by its SID or by the person's number. Whatever is changed here leaves an event with the credential that did it
and the `Reason` that was given.
"""

from __future__ import annotations

from limpet.core.address import Address, parse_recipient
from limpet.core.errors import ApiError
from limpet.core.ids import id_time
from limpet.core.model import SenderKind, Service
from limpet.core.page import Page, PageRequest
from limpet.core.pool import Candidate, Pool, reaches, why_not
from limpet.core.retention import MASK, shown
from limpet.flow.counts import RESET
from limpet.store import sticky_by_hand, sticky_lists
from limpet.store.database import Connection
from limpet.store.sticky import MappingKey, MappingView
from limpet.store.sticky_by_hand import Wish
from limpet.store.sticky_lists import EventFilter, MappingFilter, Place, ShownEvent
from limpet.twilio.forms import missing, required_person
from limpet.twilio.lists import parse_page
from limpet.twilio.mapping_form import (
    ByHand,
    Json,
    event_resource,
    mapping_resource,
    parse_by_hand,
    parse_event_query,
    parse_mapping_page,
    parse_mapping_query,
    parse_reason,
    parse_reset,
)
from limpet.twilio.mapping_sid import MappingPlace, mapping_sid, parse_mapping_sid, parse_walk_token, walk_token
from limpet.twilio.pages import page_v1
from limpet.twilio.sid import change_sid, message_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call
from limpet.web.services import service_of

NOT_IN_POOL, UNREACHABLE = 21711, 21612


async def page(call: Call) -> Answer:
    """GET /v1/Services/{MG}/StickyMappings: a page in the order of the keys, or with `To` the one of that person (20404)."""
    service = await service_of(call)
    if "To" not in call.query:
        return await _page(call, service)
    key = call.deps.sticky.key(service, required_person(call.query).value)
    found = _shown(call, service, await _one(call, service, key))
    return ok(page_v1("sticky_mappings", [found], Page((found,), None, None), PageRequest(), call.url, call.query))


async def _page(call: Call, service: Service) -> Answer:
    wanted, request = parse_mapping_query(call.query), parse_mapping_page(call.query)
    asked = MappingFilter(wanted.sender, wanted.pins, wanted.used_before, wanted.origin)
    start, key = _start(call, service, request), call.deps.installation.sid_key
    found = await sticky_lists.page(call.deps.sticky, service, asked, request.size, start, call.now)
    after = found.next
    token = None if after is None else walk_token(service.scope.id, after.bucket, after.after, sid_key=key)
    items = [_shown(call, service, one) for one in found.items]
    return ok(page_v1("sticky_mappings", items, Page(found.items, token, None), request, call.url, call.query))


def _start(call: Call, service: Service, request: PageRequest) -> Place:
    """Where a page begins; 21481 for a token that is none of this list's."""
    if request.token is None:
        return Place()
    place = parse_walk_token(request.token, service.scope.id, call.deps.installation.sid_key)
    if place is None:
        raise ApiError(21481, value=request.token)
    if place.bucket is None:
        key = call.deps.sticky.key(service, place.recipient)
        return Place(key.bucket, key.recipient)
    return Place(place.bucket, place.end if place.recipient else "")


async def create(call: Call) -> Answer:
    """POST /v1/Services/{MG}/StickyMappings: the person of `To` hears from `From`, and is held there with `Pinned`. A mapping
    that is there is changed; without `From` only its pin is."""
    service, wanted = await service_of(call), parse_by_hand(call.form)
    key = call.deps.sticky.key(service, required_person(call.form).value)
    view = await _put(call, service, key, wanted)
    if view is None:
        raise missing("From")
    return created(_shown(call, service, view))


async def fetch(call: Call) -> Answer:
    """GET /v1/Services/{MG}/StickyMappings/{LM}."""
    service = await service_of(call)
    return ok(_shown(call, service, await _one(call, service, await _key(call, service))))


async def update(call: Call) -> Answer:
    """POST /v1/Services/{MG}/StickyMappings/{LM}: move the person to `From`, hold them there or let them go (`Pinned`)."""
    service = await service_of(call)
    key = await _key(call, service)
    await _one(call, service, key)
    view = await _put(call, service, key, parse_by_hand(call.form))
    if view is None:
        raise missing("From")
    return ok(_shown(call, service, view))


async def delete(call: Call) -> Answer:
    """DELETE /v1/Services/{MG}/StickyMappings/{LM}: the person's next message chooses anew."""
    service = await service_of(call)
    key, reason = await _key(call, service), parse_reason(call.query)
    if await call.deps.sticky.reset_at(service, key, call.actor, call.now, reason) is None:
        raise call.not_found()
    call.deps.counts.sticky.add(RESET)
    return NO_CONTENT


async def reset(call: Call) -> Answer:
    """DELETE /v1/Services/{MG}/StickyMappings with `To`, `From` or `All=true`: of a person, of a number, or of the service."""
    service, asked, actor = await service_of(call), parse_reset(call.query), call.actor
    store = call.deps.sticky
    if asked.recipient is not None:
        done = await store.reset(service, asked.recipient, actor, call.now, asked.reason) is not None
    elif asked.sender is not None:
        done = await sticky_by_hand.reset_number(store, service, asked.sender, actor, asked.reason, call.now)
    else:
        done = await sticky_by_hand.reset_service(store, service, actor, asked.reason, call.now)
    if not done:
        raise call.not_found()
    call.deps.counts.sticky.add(RESET)
    return NO_CONTENT


async def events(call: Call) -> Answer:
    """GET /v1/Services/{MG}/StickyEvents, newest first."""
    service, request = await service_of(call), parse_page(call.query)
    to, sender, kind = parse_event_query(call.query)
    wanted, store = EventFilter(sender, kind), call.deps.sticky
    if to is None:
        found = await sticky_lists.events(store, service, wanted, request)
    else:
        found = await sticky_lists.events_of_person(store, service, to, wanted, request)
    items = [_event(call, service, one) for one in found.items]
    return ok(page_v1("sticky_events", items, found, request, call.url, call.query))


async def _put(call: Call, service: Service, key: MappingKey, wanted: ByHand) -> MappingView | None:
    member = None if wanted.sender is None else await _member(call, service, key, wanted.sender)
    wish = Wish(member, wanted.pin, call.actor, wanted.reason)
    return await sticky_by_hand.put(call.deps.sticky, service, key, wish, call.now)


async def _member(call: Call, service: Service, key: MappingKey, number: str) -> int:
    """The member of the pool, or of another one of its space, that a number is: 21711 for one that is in none, 21612 for one that
    could never write there."""
    async with call.deps.sticky.database.pool.acquire() as connection:
        pool = await call.deps.directory.current_pool(connection, service.id)
        candidate = None if pool is None else await _candidate(connection, pool, number)
    if candidate is None:
        raise ApiError(NOT_IN_POOL, value=number)
    sender, to = candidate.sender, _person(key)
    if sender.kind is SenderKind.RCS or why_not(candidate) is not None:  # RCS senders have no mappings (S-25)
        raise ApiError(UNREACHABLE)
    if to is not None and not reaches(sender.kind, sender.country, to):
        raise ApiError(UNREACHABLE)
    return candidate.member_id


async def _candidate(connection: Connection, pool: Pool, number: str) -> Candidate | None:
    """A number of the pool, else one of another service of its space."""
    if number in pool.by_address or not pool.sisters:
        return pool.by_address.get(number)
    members = await sticky_lists.members_of(connection, pool.service, number)
    return next((pool.by_member[member] for member in members if member in pool.by_member), None)


def _person(key: MappingKey) -> Address | None:
    """Who a mapping is of, as far as it is kept: of a pseudonym any number that it may be."""
    return parse_recipient(shown(key.recipient).replace(MASK, "0000"))


async def _key(call: Call, service: Service) -> MappingKey:
    """Where the mapping is that a path names, by SID or by the person's number; 20404."""
    named = call.parts["sid"]
    if (person := parse_recipient(named)) is not None:
        return call.deps.sticky.key(service, person.value)
    place = parse_mapping_sid(named, service.scope.id, call.deps.installation.sid_key)
    key = None if place is None else await _placed(call, service, place)
    if key is None:
        raise call.not_found()
    return key


async def _placed(call: Call, service: Service, place: MappingPlace) -> MappingKey | None:
    if place.bucket is None:
        return call.deps.sticky.key(service, place.recipient)
    return await sticky_lists.find_hidden(call.deps.sticky, service, place.bucket, place.recipient, place.end)


async def _one(call: Call, service: Service, key: MappingKey) -> MappingView:
    view = await call.deps.sticky.lookup_at(service, key, call.now)
    if view is None:
        raise call.not_found()
    return view


def _shown(call: Call, service: Service, view: MappingView) -> Json:
    sid = mapping_sid(service.scope.id, view.key.bucket, view.key.recipient, sid_key=call.deps.installation.sid_key)
    return mapping_resource(
        sid=sid,
        account_sid=call.account.sid,
        service_sid=service.sid,
        recipient=view.recipient,
        sender=view.sender,
        sender_sid=view.sender_sid,
        created_day=view.created_day,
        last_used_day=view.last_used_day,
        why_dead=view.why_dead,
        established=view.established,
        pin=view.pin,
        origin=view.origin,
        root=call.root,
    )


def _event(call: Call, service: Service, one: ShownEvent) -> Json:
    """An event; a message that is gone has no SID any more."""
    event, key = one.event, call.deps.installation.sid_key
    bucket, of_all = event.key.bucket, sticky_lists.is_of_all(event)
    gone = event.message_id is None or one.media is None
    return event_resource(
        sid=change_sid(bucket, event.id, sid_key=key),
        account_sid=call.account.sid,
        service_sid=service.sid,
        kind=event.kind,
        cause=event.cause,
        before=event.sender_before,
        after=event.sender_after,
        to=None if of_all else shown(event.key.recipient),
        message_sid=None if gone else message_sid(bucket, event.message_id or 0, media=bool(one.media), sid_key=key),
        actor=event.actor,
        reason=event.reason,
        at=id_time(event.id),
    )
