"""Phone numbers over HTTP: an account brings or buys them, sets them up and gives them up.

Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
"""

from __future__ import annotations

from functools import partial

from limpet.core.address import Address, AddressKind, parse_sender
from limpet.core.errors import ApiError
from limpet.core.inventory import NumberType, Offer, number_type
from limpet.core.model import NUMBER_KINDS, Capability, Sender, SenderKind
from limpet.store.senders import NewSender, SenderFilter
from limpet.twilio.forms import invalid, missing
from limpet.twilio.lists import parse_number_query, parse_page
from limpet.twilio.number_form import (
    NumberChanges,
    NumberRequest,
    friendly_name,
    parse_number,
    parse_number_changes,
    parse_transfer,
)
from limpet.twilio.pages import page_2010
from limpet.twilio.resources import number_resource, typed_number_resource
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call, Handler
from limpet.web.inventory import of_area_code

CAPABILITIES = frozenset({Capability.SMS})
"""What a number can do unless `Capabilities` says otherwise."""


async def create(call: Call) -> Answer:
    """POST …/IncomingPhoneNumbers.json: brings or buys a number, or buys one of an area code.

    For a number that the account has already, as at Twilio, an update that answers 201.
    """
    return created(number_resource(await _taken(call, parse_number(call.form)), call.account.sid))


def create_of(kind: NumberType) -> Handler:
    """POST …/IncomingPhoneNumbers/Local.json, Mobile and TollFree: the same for a number of that type."""
    return partial(_create_of, kind=kind)


async def _create_of(call: Call, kind: NumberType) -> Answer:
    asked = parse_number(call.form)
    if asked.address is None:
        raise missing("PhoneNumber")
    if _type_of(call, asked.address) is not kind:
        raise invalid("PhoneNumber", f"not a {kind} number")
    return created(typed_number_resource(await _taken(call, asked), call.account.sid))


async def _taken(call: Call, asked: NumberRequest) -> Sender:
    if asked.carrier is not None and asked.carrier not in call.deps.carriers:
        raise invalid("Carrier", f"none of {', '.join(call.deps.carriers)}")
    if asked.address is None:
        return await _bought_of_area_code(call, asked)
    offer, sender = call.deps.inventory.offer(asked.address.value), None
    if offer is not None or call.deps.bring_your_own:
        sender = await call.deps.senders.create(call.account.id, _new(call, asked, asked.address, offer), call.now)
    return sender or await _owned_already(call, asked, asked.address)


async def _bought_of_area_code(call: Call, asked: NumberRequest) -> Sender:
    area_code = asked.area_code or ""
    async for offer in of_area_code(call, area_code):
        new = _new(call, asked, offer.address, offer)
        if (sender := await call.deps.senders.create(call.account.id, new, call.now)) is not None:
            return sender
    raise ApiError(21452, value=area_code)


async def page(call: Call) -> Answer:
    """GET …/IncomingPhoneNumbers.json, newest first."""
    request, asked = parse_page(call.query), parse_number_query(call.query)
    wanted = SenderFilter(NUMBER_KINDS, asked.address_pattern, asked.friendly_name)
    found = await call.deps.senders.page(call.account.id, wanted, request)
    shown = [number_resource(sender, call.account.sid) for sender in found.items]
    return ok(page_2010("incoming_phone_numbers", shown, found, request, call.path, call.query))


def page_of(kind: NumberType) -> Handler:
    """GET …/IncomingPhoneNumbers/Local.json, Mobile and TollFree, newest first."""
    return partial(_page_of, kind=kind)


async def _page_of(call: Call, kind: NumberType) -> Answer:
    request, asked = parse_page(call.query), parse_number_query(call.query)
    wanted = SenderFilter(NUMBER_KINDS, asked.address_pattern, asked.friendly_name)
    found = await call.deps.senders.page_where(call.account.id, wanted, request, partial(_is_of, call, kind))
    shown = [typed_number_resource(sender, call.account.sid) for sender in found.items]
    return ok(page_2010("incoming_phone_numbers", shown, found, request, call.path, call.query))


def _is_of(call: Call, kind: NumberType, sender: Sender) -> bool:
    address = parse_sender(sender.address)
    return address is not None and address.kind is AddressKind.PHONE and _type_of(call, address) is kind


def _type_of(call: Call, address: Address) -> NumberType:
    offer = call.deps.inventory.offer(address.value)
    return number_type(address) if offer is None else offer.type


async def fetch(call: Call) -> Answer:
    """GET …/IncomingPhoneNumbers/{PN}.json."""
    return ok(number_resource(await _number(call), call.account.sid))


async def update(call: Call) -> Answer:
    """POST …/IncomingPhoneNumbers/{PN}.json: what is not given stays as it is."""
    sender = await _number(call)
    parse_transfer(call.form, call.account.sid)
    changed = await _changed(call, sender, _columns(sender, parse_number_changes(call.form)))
    if changed is None:
        raise call.not_found()
    return ok(number_resource(changed, call.account.sid))


async def delete(call: Call) -> Answer:
    """DELETE …/IncomingPhoneNumbers/{PN}.json: the number leaves its pool and the account, both at once."""
    if not await call.deps.senders.release(call.account.id, _sid(call), call.now, call.actor):
        raise call.not_found()
    return NO_CONTENT


def _new(call: Call, asked: NumberRequest, address: Address, offer: Offer | None) -> NewSender:
    named = {"friendly_name": friendly_name(address), **asked.changes.columns}
    return NewSender(
        address=address.value,
        country=address.country or "",
        kind=SenderKind.TOLL_FREE if address.toll_free else SenderKind.LONG_CODE,
        capabilities=asked.capabilities or (offer.capabilities if offer else CAPABILITIES),
        carrier=asked.carrier or (offer.carrier if offer else call.deps.carriers[0]),
        settings=asked.changes.settings,
        **named,
    )


async def _owned_already(call: Call, asked: NumberRequest, address: Address) -> Sender:
    owned = await call.deps.senders.by_address(call.account.id, address.value)
    changes = None if owned is None else _columns(owned, asked.changes)
    if changes is not None and asked.carrier is not None:
        changes["carrier"] = asked.carrier
    if changes is not None and asked.capabilities is not None:
        changes["capabilities"] = asked.capabilities
    changed = None if owned is None or changes is None else await _changed(call, owned, changes)
    if changed is None:
        raise ApiError(21422, value=address.value)
    return changed


async def _changed(call: Call, sender: Sender, changes: dict[str, object]) -> Sender | None:
    return await call.deps.senders.update(call.account.id, sender.sid, changes, call.now)


def _columns(sender: Sender, changes: NumberChanges) -> dict[str, object]:
    return {**changes.columns, "settings": {**sender.settings, **changes.settings}}


async def _number(call: Call) -> Sender:
    sender = await call.deps.senders.by_sid(call.account.id, _sid(call))
    if sender is None:
        raise call.not_found()
    return sender


def _sid(call: Call) -> str:
    sid = call.parts["sid"]
    if not is_sid("PN", sid):
        raise call.not_found()
    return sid
