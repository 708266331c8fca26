"""What Twilio shows nowhere: the registration of one number over HTTP, and the swap of one for another.

`GET …/PhoneNumbers/{PN}/Registration` answers also for a number that has left the pool and is still being taken out of its
campaign. `POST` on it has a registration that failed tried again.
"""

from __future__ import annotations

from limpet.core.errors import ApiError
from limpet.core.model import Clearance, MemberState, PoolMember, Sender, Service
from limpet.core.registration import SHOWN, Stage, State
from limpet.store.registration_views import HistoryStep, RegistrationView
from limpet.store.swaps import NOTICE_DAYS, NOTICES_PER_SECOND, Notice, Swap, SwapState
from limpet.twilio.compliance_resources import Json, registration_resource, swap_resource
from limpet.twilio.dates import iso8601
from limpet.twilio.forms import Form, filled, invalid
from limpet.twilio.pool_form import parse_member, parse_notify
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call
from limpet.web.pools import NUMBERS, refused
from limpet.web.services import service_of

CROWDED = "The campaign has more than 49 numbers: T-Mobile takes more only with a number pool"
RETRIED = frozenset({Stage.FAILED, Stage.HELD})


async def fetch(call: Call) -> Answer:
    """GET /v1/Services/{MG}/PhoneNumbers/{PN}/Registration."""
    service, sid = await service_of(call), _sid(call)
    member = await call.deps.services.member(service.id, sid)
    view = await call.deps.compliance.registrations.of_number(service.id, sid)
    if member is None and view is None:
        raise call.not_found()
    return ok(_shown(call, service, sid, member, view))


async def retry(call: Call) -> Answer:
    """POST /v1/Services/{MG}/PhoneNumbers/{PN}/Registration: try again what failed; 20001 for what did not."""
    service, sid = await service_of(call), _sid(call)
    view = await call.deps.compliance.registrations.of_number(service.id, sid)
    if view is None:
        raise call.not_found()
    if view.stage not in RETRIED:
        raise invalid("PhoneNumberSid", f"only what failed is tried again, and this is {SHOWN[view.stage]}")
    await call.deps.compliance.registrations.retry(view, call.now)
    return ok(_shown(call, service, sid, await call.deps.services.member(service.id, sid), view))


async def swap(call: Call) -> Answer:
    """POST /v1/Services/{MG}/PhoneNumbers/{PN}/Swap: `PhoneNumberSid` or `PhoneNumber` takes this one's place; `NotifyBody` is a
    text to its people."""
    service = await service_of(call)
    old, notice = await _member(call, service, _sid(call)), _notice(call.form)
    new = await _replacement(call, service, old)
    made = await call.deps.compliance.swaps.begin(service, old, new, call.actor, call.now, notice)
    if made is None:
        raise invalid("PhoneNumberSid", "the number is being swapped already")
    return created(_shown_swap(call, service, made))


async def fetch_swap(call: Call) -> Answer:
    """GET /v1/Services/{MG}/PhoneNumbers/{PN}/Swap: how far the last swap of this number has come."""
    service = await service_of(call)
    return ok(_shown_swap(call, service, await _swap(call, service)))


async def cancel_swap(call: Call) -> Answer:
    """DELETE …/Swap: let it be, while nobody has been moved; the replacement stays in the pool."""
    found = await _swap(call, await service_of(call))
    if found.state is not SwapState.REGISTERING or not await call.deps.compliance.swaps.cancel(found, call.now):
        raise invalid("Swap", f"only one that waits for its replacement can be canceled, and it is {found.state}")
    return NO_CONTENT


async def _replacement(call: Call, service: Service, old: PoolMember) -> PoolMember:
    """The number that is to come: one of the account's of the same kind and country; it joins the pool unless it is there."""
    new = await _named(call)
    if (new.kind, new.country) != (
        old.sender.kind,
        old.sender.country,
    ) or not old.sender.capabilities <= new.capabilities:
        raise invalid(
            "PhoneNumberSid", "a replacement is of the same kind and country, and can do all that the old one can"
        )
    if new.id == old.sender.id:
        raise invalid("PhoneNumberSid", "a number cannot take its own place")
    if (there := await call.deps.services.member(service.id, new.sid)) is not None:
        return _in_use(there)
    joined = await call.deps.services.add_member(service, new, call.now)
    if isinstance(joined, PoolMember):
        return joined
    raise refused(call, joined, new.address)


def _in_use(replacement: PoolMember) -> PoolMember:
    """A replacement that is in the pool already, if it may get people."""
    if replacement.state is not MemberState.ACTIVE:
        state = {MemberState.DRAIN: "drains", MemberState.DISABLED: "is disabled"}[replacement.state]
        raise invalid("PhoneNumberSid", f"{replacement.sender.address} {state}, and a replacement must be active")
    if replacement.retiring:
        raise invalid("PhoneNumberSid", f"{replacement.sender.address} is being swapped itself")
    return replacement


async def _named(call: Call) -> Sender:
    number, senders = filled(call.form, "PhoneNumber"), call.deps.senders
    if number is not None:
        found = await senders.by_address(call.account.id, number)
    else:
        found = await senders.by_sid(call.account.id, parse_member(call.form, "PhoneNumberSid", "PN"))
    if found is None or found.kind not in NUMBERS.kinds:
        raise ApiError(21421, parameter="PhoneNumberSid", value=number or filled(call.form, "PhoneNumberSid"))
    return found


async def _member(call: Call, service: Service, sid: str) -> PoolMember:
    found = await call.deps.services.member(service.id, sid)
    if found is None:
        raise call.not_found()
    return found


async def _swap(call: Call, service: Service) -> Swap:
    found = await call.deps.compliance.swaps.of_number(service.id, _sid(call))
    if found is None:
        raise call.not_found()
    return found


def _shown(call: Call, service: Service, sid: str, member: PoolMember | None, view: RegistrationView | None) -> Json:
    return registration_resource(
        account_sid=call.account.sid,
        service_sid=service.sid,
        number_sid=sid,
        number=view.number if view else member.sender.address if member else "",
        campaign_sid=view.campaign_sid if view else None,
        state=SHOWN[view.stage] if view else State.UNREGISTERED,
        usable=member is not None and member.clearance is Clearance.CLEAR,
        reason=view.reason if view else None,
        error_code=view.error_code if view else None,
        since=view.updated_at if view else None,
        warnings=[CROWDED] if view and view.crowded else [],
        history=[_step(one) for one in view.history] if view else [],
        root=call.root,
    )


def _step(one: HistoryStep) -> Json:
    return {
        "at": iso8601(one.at),
        "campaign_sid": one.campaign_sid,
        "error_code": one.error_code,
        "event": one.event,
        "reason": one.reason,
        "state": SHOWN[one.stage],
    }


def _notice(form: Form) -> Notice | None:
    """What people are told who are moved, if they are; 21617 for a text that is too long."""
    body, days, per_second = parse_notify(form)
    if body is None:
        return None
    return Notice(body, NOTICE_DAYS if days is None else days, per_second or NOTICES_PER_SECOND)


def _shown_swap(call: Call, service: Service, one: Swap) -> Json:
    return swap_resource(
        account_sid=call.account.sid, service_sid=service.sid, number_sid=one.old_sid, replacement_sid=one.new_sid,
        state=one.state, registration=one.registration, progress=one.progress, moved=one.moved, reason=one.reason,
        notice=None if one.notice is None else (one.notice.body, one.notice.days, one.notice.per_second),
        to_tell=one.to_tell, told=one.told, untold=one.untold,
        created_at=one.created_at, updated_at=one.updated_at, root=call.root,
    )  # fmt: skip


def _sid(call: Call) -> str:
    sid = call.parts["sender_sid"]
    if not is_sid("PN", sid):
        raise call.not_found()
    return sid
