"""A service's pool: each number with its state, registration, health, weight and people; and who would move if one left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from limpet.core.health import health, windows
from limpet.core.ids import day_number
from limpet.core.model import PoolMember, Service
from limpet.core.page import PageRequest
from limpet.pages.ask import Refused
from limpet.pages.console.desk import Desk
from limpet.pages.console.services import both, place_of
from limpet.pages.console.visit import Visit
from limpet.store import health as health_store
from limpet.store.senders import SenderFilter
from limpet.twilio.forms import filled
from limpet.web import health as health_pages
from limpet.web import limits, pools, registration
from limpet.web.pools import NUMBERS, SHORT_CODES

SPREAD_FRESH_S: Final = 60.0
"""For so long what was counted of a part of a service's mappings is shown."""
COUNT_FRESH_S: Final = 5.0
"""The same where all of them were counted, since they are few."""
SPREADS_MAX: Final = 500
FREE_SHOWN_MAX: Final = 200


@dataclass(frozen=True)
class ShownMember:
    """A row of the pool: `people` by estimate; `load` a share of what this process has sent of late, `delivered` of the last
    day."""

    member: PoolMember
    people: int
    share: float
    load: float
    health: str
    delivered: float | None
    told: int


async def show(desk: Desk, visit: Visit) -> Response:
    """GET …/services/{service}: the pool."""
    account, service = await both(visit)
    members = await visit.deps.services.pool(service.id)
    return visit.html(
        "pool.html", account=account, service=service, members=await _shown(desk, visit, service, members), tab="pool",
        free=await _free(visit, account.id, {member.sender.sid for member in members}) if visit.may("ADD_NUMBER") else [],
    )  # fmt: skip


async def _shown(desk: Desk, visit: Visit, service: Service, members: Sequence[PoolMember]) -> list[ShownMember]:
    now = visit.deps.clock.now()
    people, by = await spread(desk, service)
    all_people = sum(people.get(member.id, 0) for member in members) or 1
    loads = {member.id: visit.deps.accept.loads.get(member.id, 0.0) for member in members}
    all_load = sum(loads.values()) or 1.0
    fared = {one.member_id: one for one in await health_store.of_service(visit.deps.database, now, service.sid)}
    shown = []
    for member in members:
        one, found = fared.get(member.id), people.get(member.id, 0)
        seen = windows(one.hours if one else {}, now)
        how = str(health(seen, one.policy, one.failing_since)) if one else "-"
        share, load = found / all_people, loads[member.id] / all_load
        day = seen.day
        shown.append(
            ShownMember(member, round(found * by), share, load, how, day.delivery_rate, round(day.told))
        )  # fmt: skip
    return shown


async def spread(desk: Desk, service: Service) -> tuple[Mapping[int, int], float]:
    """How a service's mappings spread over members, and by what to multiply; counted at most once in SPREAD_FRESH_S, or in
    COUNT_FRESH_S where all are counted."""
    at, known = desk.deps.clock.monotonic(), desk.spreads.get(service.id)
    if known is not None and at - known[0] < (SPREAD_FRESH_S if known[2] > 1 else COUNT_FRESH_S):
        return known[1], known[2]
    scope = service.scope
    found, by = await desk.minutes.spread(scope.id, day_number(desk.deps.clock.now()) - scope.ttl.days)
    if len(desk.spreads) >= SPREADS_MAX:
        desk.spreads.clear()
    desk.spreads[service.id] = at, found, by
    return found, by


async def spread_json(desk: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/spread.json: for the plot."""
    _, service = await both(visit)
    members = await visit.deps.services.pool(service.id)
    people, by = await spread(desk, service)
    return visit.ask.value({
        "numbers": [member.sender.address for member in members],
        "people": [round(people.get(member.id, 0) * by) for member in members],
    })  # fmt: skip


async def _free(visit: Visit, account_id: int, here: set[str]) -> list[Any]:
    """Numbers of the account that are not in this pool, at most FREE_SHOWN_MAX."""
    wanted = SenderFilter(kinds=NUMBERS.kinds | SHORT_CODES.kinds)
    found = await visit.deps.senders.page(account_id, wanted, PageRequest(FREE_SHOWN_MAX))
    return [sender for sender in found.items if sender.sid not in here]


async def add(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/numbers: the account's number `Number` joins."""
    account, service = await both(visit)
    sid = filled(visit.ask.form, "Number") or ""
    part = SHORT_CODES if sid.startswith("SC") else NUMBERS
    async with visit.deed(f"{sid} into {service.friendly_name} {service.sid}", account) as changes:
        made = await visit.call(
            pools.list_handlers(part)["POST"], account, {"service_sid": service.sid}, form={part.parameter: [sid]}
        )
        changes.note({}, {"number": made.get("phone_number") or made.get("short_code")})
    return visit.go(place_of(account, service), "added")


async def number(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/numbers/{sender}: one number; with `Removal`, which may take a moment, also who would hear from
    which other if it left. A script of the page asks for that part alone."""
    account, service = await both(visit)
    member = await _member(visit, service)
    parts, ours = {"service_sid": service.sid, "sender_sid": member.sender.sid}, member.sender.kind in NUMBERS.kinds
    removal = None
    if ours and visit.ask.asked("Removal"):
        removal = await visit.call(limits.removal, account, parts)
    if removal is not None and visit.ask.by_htmx:
        return visit.html("removal_part.html", removal=removal)
    return visit.html(
        "number.html", account=account, service=service, member=member, tab="pool",
        health=await visit.call(health_pages.of_number, account, parts) if ours else None,
        registration=await visit.call(registration.fetch, account, parts) if ours else None,
        limits=await visit.call(limits.of_member, account, parts) if ours else None,
        removal=removal,
    )  # fmt: skip


async def change(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/numbers/{sender}: `State`, `Weight`, `DailyContacts`."""
    account, service = await both(visit)
    member = await _member(visit, service)
    parts = {"service_sid": service.sid, "sender_sid": member.sender.sid}
    async with visit.deed(f"{member.sender.address} in {service.friendly_name} {service.sid}", account) as changes:
        await visit.call(limits.change_member, account, parts, form=visit.ask.form)
        changes.note(_told(member), _told(await _member(visit, service)))
    return visit.go(place_of(account, service, f"/numbers/{member.sender.sid}"), "changed")


async def remove(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/numbers/{sender}/remove, with a `Reason`: every mapping to it is dead in the same instant."""
    account, service = await both(visit)
    member, reason = await _member(visit, service), reason_of(visit)
    async with visit.deed(f"{member.sender.address} out of {service.friendly_name} {service.sid}", account) as changes:
        done = await visit.deps.services.remove_member(
            service.id, member.sender.sid, visit.deps.clock.now(), f"console:{visit.operator.name}", reason
        )
        if not done:
            raise Refused("The number has left the pool already.", 404)
        changes.note({"in_pool": True}, {"in_pool": False, "reason": reason})
    return visit.go(place_of(account, service, f"/events?{urlencode({'From': member.sender.address})}"), "removed")


def reason_of(visit: Visit) -> str:
    """Why, in the operator's words; Refused without."""
    reason = " ".join((filled(visit.ask.form, "Reason") or "").split())[:200]
    if not reason:
        raise Refused("Say why: the reason is kept with what is done.")
    return reason


async def _member(visit: Visit, service: Service) -> PoolMember:
    found = await visit.deps.services.member(service.id, visit.ask.parts["sender"])
    if found is None:
        raise Refused("The pool has no such number.", 404)
    return found


def _told(member: PoolMember) -> dict[str, Any]:
    return {"state": str(member.state), "weight": member.weight, "daily_contacts": member.daily_contacts}
