"""In a space a number counts as its own service vouches for it: registration, campaign, swap (rules S-131, S-132)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from limpet.core.model import Service
from limpet.core.sticky import EventKind
from limpet.registrar.port import Approved
from limpet.store.database import Database
from limpet.store.sticky_by_hand import Wish, put
from tests.flow.test_campaign_share import TMOBILE, codes, limited
from tests.flow.test_swap import OK, begun, swapping
from tests.support.clock import HandClock
from tests.support.registry import A2p
from tests.support.spaces import move, spaced
from tests.support.world import POOL, open_world

ANNA, LYON = "+14155550101", "+33612345678"


@pytest_asyncio.fixture
async def a2p(database: Database, clock: HandClock) -> AsyncIterator[A2p]:
    async with open_world(database, clock, tmobile=("+1206555",)) as world:
        yield A2p(world)


async def test_S_61_S_131_a_sisters_number_is_passed_by_until_it_is_registered_by_its_own_service(a2p: A2p) -> None:
    registered = await a2p.service(POOL[0])
    await a2p.answered_by(Approved("ok"))
    waiting = await a2p.service()
    one, other = await spaced(a2p.world, registered, waiting)
    member = await a2p.add(other, POOL[1])
    await put(a2p.world.sticky, one, a2p.world.sticky.key(one, ANNA), Wish(member.id, None, "test"), a2p.now)
    a2p.world.clock.advance(timedelta(seconds=1))
    passed = await a2p.world.send(one, ANNA)
    assert (passed.sender, passed.sticky) == (POOL[0], "bypassed")
    await a2p.turn()
    a2p.registry.approve(POOL[1])
    await a2p.settle()
    kept = await a2p.world.send(one, ANNA)
    assert (kept.sender, kept.sticky) == (POOL[1], "used")


async def test_S_54_S_132_a_message_counts_in_the_campaign_of_the_number_that_it_comes_from(a2p: A2p) -> None:
    one, other = await spaced(
        a2p.world, await limited(a2p, POOL[0], daily_segments=2), await a2p.service(POOL[1], campaign=False)
    )
    first = await a2p.world.send(one, TMOBILE[0])
    assert (first.sender, await a2p.world.tally("tmobile")) == (POOL[0], 1)
    again = await a2p.world.send(other, TMOBILE[0])
    assert (again.sender, again.error_code, await a2p.world.tally("tmobile")) == (POOL[0], None, 2)
    assert await codes(a2p.world, other, TMOBILE[:2]) == [30027, None], "its own numbers are of no campaign"
    assert await codes(a2p.world, one, TMOBILE[2:3]) == [30027]


async def test_S_68_S_135_a_swap_moves_the_people_of_the_space_and_those_of_before(a2p: A2p) -> None:
    service: Service = await a2p.service(campaign=True)
    old = await a2p.add(service, POOL[0])
    await a2p.answered_by(OK)
    assert (await a2p.world.send(service, LYON)).sender == POOL[0]
    one, other = await spaced(a2p.world, service, await a2p.world.service(POOL[2]))
    assert (await a2p.world.send(one, ANNA)).sender == POOL[0]
    await a2p.world.settle()
    await begun(a2p, one, old)
    await a2p.answered_by(OK)
    for _ in range(4):
        await swapping(a2p).turn()
        await a2p.turn()
    assert (await a2p.world.send(other, ANNA)).sender == POOL[1]
    events = await a2p.world.database.pool.fetch(
        "SELECT service_id, recipient FROM sticky_event WHERE cause = 'swapped'"
    )
    assert {tuple(e) for e in events} == {(one.id, LYON), (one.scope.id, ANNA)}
    assert await a2p.world.database.pool.fetchval(
        "SELECT bool_and(kind = $1) FROM sticky_event WHERE cause = 'swapped'", EventKind.REPLACED
    )
    await move(a2p.world, one, None)
    assert (await a2p.world.send(one, LYON)).sender == POOL[1]
