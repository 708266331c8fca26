"""Limits over HTTP, under paths of ours: what an account, a service or a member of a pool may, and what is used up."""

from __future__ import annotations

from limpet.core.ids import day_number
from limpet.core.model import MemberState
from limpet.flow.removal import removal_of
from limpet.store.tallies import NO_DAY, Tally, count
from limpet.twilio.forms import invalid
from limpet.twilio.limits_resource import account_limits, member_limits, removal_resource, service_limits
from limpet.twilio.pool_form import parse_member_change
from limpet.web import pools
from limpet.web.answer import Answer, ok
from limpet.web.door import Call
from limpet.web.services import service_of


async def of_account(call: Call) -> Answer:
    """GET …/Limits.json: as the account is now, whatever is remembered of it."""
    account = await call.deps.accounts.by_sid(call.account.sid)
    if account is None:
        raise call.not_found()
    most = call.deps.scheduled_max if account.scheduled_max is None else account.scheduled_max
    return ok(account_limits(account, most, await count(call.deps.database, Tally.SCHEDULED, NO_DAY, account.id)))


async def of_service(call: Call) -> Answer:
    """GET /v1/Services/{MG}/Limits."""
    service = await service_of(call)
    used = await count(call.deps.database, Tally.SEGMENTS, day_number(call.now), service.id)
    return ok(service_limits(service, used, call.account.sid, call.root))


async def of_member(call: Call) -> Answer:
    """GET /v1/Services/{MG}/PhoneNumbers/{PN}/Limits."""
    service = await service_of(call)
    member = await pools.member_of(pools.NUMBERS, call, service)
    used = await count(call.deps.database, Tally.CONTACTS, day_number(call.now), member.id)
    return ok(member_limits(member, used, call.account.sid, service.sid, call.root))


async def removal(call: Call) -> Answer:
    """GET /v1/Services/{MG}/PhoneNumbers/{PN}/Removal: who would hear from which number if this one left. Nothing is written."""
    service = await service_of(call)
    member = await pools.member_of(pools.NUMBERS, call, service)
    found = await removal_of(call.deps.database, service.id, member.id, call.now)
    if found is None:
        raise call.not_found()
    return ok(removal_resource(member, found, call.account.sid, service.sid, call.root))


async def change_member(call: Call) -> Answer:
    """POST /v1/Services/{MG}/PhoneNumbers/{PN}: how many new people the number may get in a day, its share of them, its state,
    and what becomes of its people in it."""
    service, changes = await service_of(call), parse_member_change(call.form)
    member = await pools.member_of(pools.NUMBERS, call, service)
    if changes.get("replaces") and changes.get("state", member.state) is not MemberState.DISABLED:
        raise invalid("Replace", "only a number that is disabled gives its people up")
    changed = await call.deps.services.update_member(service.id, member.sender.sid, changes, call.now)
    if changed is None:
        raise call.not_found()
    return ok(pools.shown(pools.NUMBERS, call, service, changed))
