"""How a number of a pool fares over HTTP, and what its service calls unhealthy. All of it is ours."""

from __future__ import annotations

from limpet.core.health import windows
from limpet.store import health
from limpet.twilio.health_resource import health_of, health_resource, parse_policy, policy_resource
from limpet.web import pools
from limpet.web.answer import Answer, ok
from limpet.web.door import Call
from limpet.web.services import service_of


async def of_number(call: Call) -> Answer:
    """GET /v1/Services/{MG}/PhoneNumbers/{PN}/Health."""
    service = await service_of(call)
    member = await pools.member_of(pools.NUMBERS, call, service)
    found = await health.of_member(call.deps.database, call.now, member.id)
    if found is None:
        raise call.not_found()
    known = health_of(windows(found.hours, call.now), found.policy, found.failing_since)
    return ok(health_resource(known, call.account.sid, service.sid, found.sender_sid, found.address, call.root))


async def policy(call: Call) -> Answer:
    """GET /v1/Services/{MG}/HealthPolicy."""
    service = await service_of(call)
    found = await health.policy(call.deps.database, service.id)
    return ok(policy_resource(found, call.account.sid, service.sid, call.root))


async def change_policy(call: Call) -> Answer:
    """POST /v1/Services/{MG}/HealthPolicy: what is not given stays as it is."""
    service = await service_of(call)
    new = parse_policy(call.form, await health.policy(call.deps.database, service.id))
    if not await health.set_policy(call.deps.database, service.id, new):
        raise call.not_found()
    return ok(policy_resource(new, call.account.sid, service.sid, call.root))
