"""A service's pool over HTTP: senders of each kind join, are looked at and leave.

Sources: twilio.com/docs/messaging/api/phonenumber-resource, …/services/api/shortcode-resource, …/alphasender-resource,
…/destination-alphasender-resource, …/channelsender-resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from limpet.core.errors import ApiError
from limpet.core.model import CHANNEL_KINDS, NUMBER_KINDS, Capability, PoolMember, SenderKind, Service
from limpet.store.senders import NewSender
from limpet.store.services import PoolRefusal
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.pool_form import Name, parse_country_filter, parse_member, parse_name
from limpet.twilio.pool_resources import (
    Json,
    alpha_sender_resource,
    channel_sender_resource,
    destination_alpha_sender_resource,
    pool_member_resource,
    short_code_member_resource,
)
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call, Handler
from limpet.web.services import service_of

_CODES: Mapping[PoolRefusal, int] = {
    PoolRefusal.ALREADY_HERE: 21710,
    PoolRefusal.ELSEWHERE: 21712,
    PoolRefusal.FULL: 21714,
    PoolRefusal.INCAPABLE: 21715,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One of the lists that a pool shows: what it is called, which kinds it holds, how its members look and how they join."""

    key: str
    kinds: frozenset[SenderKind]
    sid_prefix: str
    shown: Callable[[PoolMember, str, str, str], Json]
    parameter: str


NUMBERS = Part("phone_numbers", NUMBER_KINDS, "PN", pool_member_resource, "PhoneNumberSid")
SHORT_CODES = Part("short_codes", frozenset({SenderKind.SHORT_CODE}), "SC", short_code_member_resource, "ShortCodeSid")
NAMES = Part("alpha_senders", frozenset({SenderKind.ALPHANUMERIC}), "AI", alpha_sender_resource, "AlphaSender")
DESTINATION_NAMES = Part(
    "alpha_senders", frozenset({SenderKind.DESTINATION_ALPHA}), "AI", destination_alpha_sender_resource, "AlphaSender"
)  # fmt: skip
CHANNEL_SENDERS = Part("senders", CHANNEL_KINDS, "XE", channel_sender_resource, "Sid")


async def add(part: Part, call: Call) -> Answer:
    """POST /v1/Services/{MG}/PhoneNumbers, ShortCodes or ChannelSenders: a sender of the account joins."""
    service, sid = await service_of(call), parse_member(call.form, part.parameter, part.sid_prefix)
    sender = await call.deps.senders.by_sid(call.account.id, sid)
    if sender is None:
        raise ApiError(20404, resource=sid)
    if sender.carrier in call.deps.elsewhere:
        raise ApiError(21669, value=sender.address)
    return _joined(part, call, service, await call.deps.services.add_member(service, sender, call.now), sender.address)


async def add_name(part: Part, call: Call) -> Answer:
    """POST /v1/Services/{MG}/AlphaSenders or DestinationAlphaSenders: a name is made and joins."""
    service = await service_of(call)
    asked = parse_name(call.form, call.deps.carriers, destination=SenderKind.DESTINATION_ALPHA in part.kinds)
    new = _new_name(asked, next(iter(part.kinds)), call.deps.carriers)
    return _joined(part, call, service, await call.deps.services.add_name(service, new, call.now), asked.name)


async def page(part: Part, call: Call) -> Answer:
    """GET of a list, the last to join first."""
    request, service = parse_page(call.query), await service_of(call)
    country = parse_country_filter(call.query) if part is DESTINATION_NAMES else None
    found = await call.deps.services.members(service.id, part.kinds, request, country)
    found_as = [shown(part, call, service, member) for member in found.items]
    return ok(page_v1(part.key, found_as, found, request, call.url, call.query))


async def fetch(part: Part, call: Call) -> Answer:
    """GET of one member."""
    service = await service_of(call)
    return ok(shown(part, call, service, await member_of(part, call, service)))


async def remove(part: Part, call: Call) -> Answer:
    """DELETE of one member: every mapping to it is dead in the same instant."""
    service = await service_of(call)
    member = await member_of(part, call, service)
    if not await call.deps.services.remove_member(service.id, member.sender.sid, call.now, call.actor):
        raise call.not_found()
    return NO_CONTENT


def list_handlers(part: Part) -> Mapping[str, Handler]:
    """What answers at the path of a list."""
    joins = add_name if part in (NAMES, DESTINATION_NAMES) else add
    return {"GET": partial(page, part), "POST": partial(joins, part)}


def member_handlers(part: Part) -> Mapping[str, Handler]:
    """What answers at the path of a member."""
    return {"GET": partial(fetch, part), "DELETE": partial(remove, part)}


def _new_name(asked: Name, kind: SenderKind, carriers: tuple[str, ...]) -> NewSender:
    return NewSender(
        asked.name, asked.country, kind, frozenset({Capability.SMS}), asked.name, asked.carrier or carriers[0]
    )  # fmt: skip


def _joined(part: Part, call: Call, service: Service, member: PoolMember | PoolRefusal, name: str) -> Answer:
    if isinstance(member, PoolRefusal):
        raise refused(call, member, name)
    return created(shown(part, call, service, member))


def refused(call: Call, why: PoolRefusal, name: str) -> ApiError:
    """What is said of a sender that does not join."""
    return call.not_found() if why is PoolRefusal.GONE else ApiError(_CODES[why], value=name)


async def member_of(part: Part, call: Call, service: Service) -> PoolMember:
    """The member that the path names; 20404."""
    sid = call.parts["sender_sid"]
    member = await call.deps.services.member(service.id, sid) if is_sid(part.sid_prefix, sid) else None
    if member is None or member.sender.kind not in part.kinds:
        raise call.not_found()
    return member


def shown(part: Part, call: Call, service: Service, member: PoolMember) -> Json:
    """A member as its list shows it."""
    return part.shown(member, call.account.sid, service.sid, call.root)
