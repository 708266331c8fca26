"""S-69: messages that wait for their turn while their number loses its registration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.model import Message, Service
from limpet.core.registration import Stage
from limpet.core.status import Status
from limpet.flow.directory import MEMBER_FRESH_S
from limpet.registrar.port import Approved
from limpet.store import pools
from limpet.store.database import Database
from limpet.store.registration_jobs import Order
from tests.support.clock import HandClock
from tests.support.registry import A2p
from tests.support.world import POOL, open_world

ANNA, BEN, LYON, TORONTO = "+14155550101", "+14155550102", "+33612345678", "+14165550101"
OK = Approved("ok")


@pytest_asyncio.fixture
async def a2p(database: Database, clock: HandClock) -> AsyncIterator[A2p]:
    async with open_world(database, clock) as world:
        yield A2p(world)


async def registered(a2p: A2p, *numbers: str) -> Service:
    service = await a2p.service(*numbers)
    await a2p.answered_by(OK)
    assert await a2p.stage(service, numbers[0]) is Stage.REGISTERED
    return service


async def queued(a2p: A2p, service: Service | None, to: str = ANNA, **more: object) -> Message:
    """A message that waits, because its lane has lost the carrier."""
    a2p.world.dispatcher.fleet.running[a2p.world.lane.name].backlog = True
    a2p.world.lane.bound = False
    a2p.world.clock.advance(timedelta(seconds=1))
    message = await a2p.world.send(service, to, **more)
    assert message.status is Status.QUEUED
    return message


async def dispatched(a2p: A2p, *waiting: Message) -> list[str]:
    """The carrier is back: which messages leave, as their senders, and why the others do not."""
    world, lane = a2p.world, a2p.world.lane
    world.clock.advance(timedelta(seconds=MEMBER_FRESH_S))
    lane.bound = True
    world.dispatcher.fleet.waiting([lane.name])

    async def over() -> bool:
        return all([(await world.read(each)).status in (Status.SENDING, Status.FAILED) for each in waiting])

    await world.until(over)
    found = [await world.read(each) for each in waiting]
    return [str(each.error_code or each.sender) for each in found]


@pytest.mark.parametrize("how", ["withdrawn", "suspended", "deleted"])
async def test_S_69_what_waits_for_a_number_that_lost_its_registration_fails(a2p: A2p, how: str) -> None:
    service = await registered(a2p, POOL[0])
    made = [await queued(a2p, service, to) for to in (ANNA, LYON, TORONTO)]
    made.append(await queued(a2p, None, BEN, sender=POOL[0]))
    if how == "withdrawn":
        view = await a2p.views.of_number(service.id, (await a2p.sender(POOL[0])).sid)
        assert view is not None
        await a2p.order(Order.WITHDRAW, view.id)
        await a2p.turn()
    elif how == "suspended":
        await a2p.order(Order.SUSPEND, await a2p.campaign_row(service) or 0)
        await a2p.turn()
    else:
        campaign = await a2p.campaigns.of_service(service.id)
        assert campaign is not None
        assert await a2p.campaigns.delete(service, campaign.sid, a2p.now)
    assert await dispatched(a2p, *made) == ["30034", POOL[0], POOL[0], "30034"]
    assert [each.recipient for each in a2p.world.lane.submitted] == [LYON, TORONTO]
    assert a2p.world.statuses(made[0]) == ["queued", "failed"]
    assert await a2p.world.database.pool.fetchval("SELECT count(*) FROM member_refused") == 0, "no carrier has said so"


async def test_S_69_an_established_mapping_outlives_the_message_that_failed(a2p: A2p) -> None:
    service = await registered(a2p, POOL[0])
    a2p.world.clock.advance(timedelta(seconds=1))
    await a2p.world.send(service, ANNA)
    a2p.world.lane.take(a2p.world.lane.submitted[-1])
    await a2p.world.settle()
    waiting = await queued(a2p, service)
    await a2p.order(Order.SUSPEND, await a2p.campaign_row(service) or 0)
    await a2p.turn()
    assert await dispatched(a2p, waiting) == ["30034"]
    assert await a2p.world.mapping(service, ANNA) == POOL[0]


async def test_S_69_a_number_that_has_left_still_sends_what_waited_until_carriers_let_go_of_it(a2p: A2p) -> None:
    service = await registered(a2p, POOL[0])
    early, late = await queued(a2p, service), await queued(a2p, service, BEN)
    await a2p.remove(service, POOL[0])
    assert await dispatched(a2p, early) == [POOL[0]]
    assert (await a2p.world.read(late)).status is Status.SENDING


async def test_S_69_and_after_that_what_waited_fails(a2p: A2p) -> None:
    service = await registered(a2p, POOL[0])
    waiting = await queued(a2p, service)
    await a2p.remove(service, POOL[0])
    await a2p.answered_by(OK)
    assert await a2p.stage(service, POOL[0]) is Stage.FREE
    assert await dispatched(a2p, waiting) == ["30034"]


async def test_S_69_a_number_of_no_campaign_that_left_sends_what_waited(a2p: A2p) -> None:
    service = await a2p.service(POOL[0], campaign=False)
    waiting = await queued(a2p, service)
    await a2p.remove(service, POOL[0])
    assert await dispatched(a2p, waiting) == [POOL[0]]


async def test_S_69_who_is_known_to_be_registered_is_not_asked_about_again(
    a2p: A2p, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    ask = pools.unregistered

    async def noting(connection: object, senders: object) -> set[int | str]:
        asked.append(senders)
        return await ask(connection, senders)  # type: ignore[arg-type]

    monkeypatch.setattr(pools, "unregistered", noting)
    service = await registered(a2p, POOL[0])
    abroad = await queued(a2p, service, LYON)
    await dispatched(a2p, abroad)
    assert asked == []
    made = [await queued(a2p, service, to) for to in (ANNA, BEN)]
    await dispatched(a2p, *made)
    assert len(asked) == 1
