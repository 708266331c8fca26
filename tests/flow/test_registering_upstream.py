"""The whole way of a number with Twilio's account as the registrar: it joins there, is used, leaves there, and is free."""

from __future__ import annotations

from datetime import timedelta

from limpet.core.registration import Stage
from limpet.flow.register import LEASE
from limpet.store.brands import NewBrand
from limpet.store.campaigns import NewCampaign
from limpet.store.database import Database
from tests.registrar.test_upstreams import twilio_at
from tests.support.clock import HandClock
from tests.support.registries import SERVICE, TwilioRegistry, played
from tests.support.registry import FIELDS, A2p
from tests.support.world import POOL, open_world

SID = "PN" + "a" * 32


async def test_a_number_is_used_while_it_is_in_the_service_at_twilio(database: Database, clock: HandClock) -> None:
    registry = TwilioRegistry(owned={POOL[0]: SID}, joins_at=clock.now().isoformat())
    async with played(registry), open_world(database, clock) as world:
        a2p = A2p(world)
        registrar = twilio_at(registry, clock, campaigns=(("default", SERVICE),))
        a2p.registering._registrar = registrar
        new = NewBrand("BU" + "1" * 32, "BU" + "2" * 32, "STANDARD", mock=False, skip_vetting=False)
        brand = await a2p.brands.create(world.account.id, new, a2p.now)
        await a2p.turn()
        service = await a2p.service(POOL[0], campaign=False)
        made = await a2p.campaigns.create(service, NewCampaign(brand.sid, "MIXED", FIELDS), a2p.now)
        assert not isinstance(made, str)
        await a2p.turn()
        campaign = await a2p.campaigns.by_sid(service.id, made.sid)
        assert campaign is not None
        assert (campaign.status, campaign.tcr_id, campaign.limits.att_class) == ("VERIFIED", "C1", "C"), (
            "as their score says"
        )
        await a2p.turn()
        assert await a2p.stage(service, POOL[0]) is Stage.PENDING
        assert (await world.send(service, "+14155550101")).error_code == 30034
        world.clock.advance(timedelta(hours=1))
        await a2p.turn(LEASE.total_seconds())
        assert await a2p.stage(service, POOL[0]) is Stage.REGISTERED
        assert (await world.send(service, "+14155550101")).sender == POOL[0]
        await a2p.remove(service, POOL[0])
        await a2p.turn()
        assert await a2p.stage(service, POOL[0]) is Stage.FREE
        assert [method for method, _ in registry.posts()] == ["POST", "DELETE"]
        assert registry.members == {}
        await registrar.close()
