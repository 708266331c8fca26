"""Weights and states of pool members in a real store: seen by the next message, and taken back without a trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from limpet.core.model import MemberState, Service
from limpet.store.database import Database
from limpet.store.services import Services
from tests.support.clock import HandClock
from tests.support.world import POOL, World, open_world

PEOPLE = [f"+1415555{n:04}" for n in range(20)]
FIRST, SECOND = POOL[:2]


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def change(world: World, service: Service, number: str, **changes: object) -> None:
    services = Services(world.database)
    member = next(m for m in await services.pool(service.id) if m.sender.address == number)
    assert await services.update_member(service.id, member.sender.sid, changes, world.clock.now()) is not None


async def froms(world: World, service: Service, people: list[str]) -> list[str | None]:
    return [(await world.send(service, person)).sender for person in people]


async def test_S_101_S_102_states_count_from_the_next_message_on_and_are_taken_back(world: World) -> None:
    service = await world.service(FIRST, SECOND)
    await change(world, service, SECOND, state=MemberState.DRAIN)
    assert await froms(world, service, PEOPLE[:10]) == [FIRST] * 10
    await change(world, service, SECOND, state=MemberState.ACTIVE)
    await change(world, service, FIRST, state=MemberState.DRAIN)
    assert await froms(world, service, PEOPLE) == [FIRST] * 10 + [SECOND] * 10
    await change(world, service, FIRST, state=MemberState.DISABLED)
    assert await froms(world, service, PEOPLE) == [SECOND] * 20
    assert await world.kinds(service, PEOPLE[0]) == ["created:first_message", "bypassed:sender_disabled"]
    await change(world, service, FIRST, state=MemberState.ACTIVE)
    assert await froms(world, service, PEOPLE) == [FIRST] * 10 + [SECOND] * 10


async def test_S_103_a_number_drains_for_three_days_and_while_people_are_in_contact(world: World) -> None:
    service = await world.service(FIRST)
    await froms(world, service, PEOPLE[:3])
    await world.add(service, SECOND)
    await change(world, service, FIRST, state=MemberState.DRAIN)
    world.clock.advance(timedelta(days=3))
    await change(world, service, FIRST, state=MemberState.DRAIN, weight=2)
    assert await froms(world, service, PEOPLE[:1]) == [FIRST], "the window is not over, whatever else is set"
    world.clock.advance(timedelta(days=1))
    assert await froms(world, service, PEOPLE[:3]) == [FIRST, SECOND, SECOND], "the first one is in contact"
    assert await world.kinds(service, PEOPLE[1]) == ["created:first_message", "replaced:number_drained"]
    await change(world, service, FIRST, state=MemberState.ACTIVE)
    await change(world, service, FIRST, state=MemberState.DRAIN, drain_days=0)
    assert await froms(world, service, PEOPLE[:3]) == [FIRST, SECOND, SECOND], "it begins anew"


async def test_S_109_a_number_that_is_given_up_is_replaced_for_good_with_an_event(world: World) -> None:
    service = await world.service(FIRST)
    await froms(world, service, PEOPLE[:2])
    await world.add(service, SECOND)
    await change(world, service, FIRST, state=MemberState.DISABLED, replaces=True)
    assert await froms(world, service, PEOPLE[:1]) == [SECOND]
    assert await world.kinds(service, PEOPLE[0]) == ["created:first_message", "replaced:number_disabled"]
    await change(world, service, FIRST, state=MemberState.ACTIVE)
    assert await froms(world, service, PEOPLE[:2]) == [SECOND, FIRST], "who has not been written to kept the number"
    await change(world, service, FIRST, state=MemberState.DISABLED)
    assert await froms(world, service, PEOPLE[1:2]) == [SECOND]
    assert (await world.kinds(service, PEOPLE[1]))[-1] == "bypassed:sender_disabled", "it has to be said each time"


async def test_S_100_a_weight_counts_from_the_next_message_on_and_the_rest_of_a_member_stays(world: World) -> None:
    service = await world.service(FIRST, SECOND)
    await change(world, service, FIRST, daily_contacts=100)
    await change(world, service, FIRST, weight=0)
    assert await froms(world, service, PEOPLE) == [SECOND] * 20
    found = [(m.weight, m.daily_contacts) for m in await Services(world.database).pool(service.id)]
    assert found == [(0, 100), (1, None)]
