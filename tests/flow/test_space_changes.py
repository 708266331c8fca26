"""What changes in one service of a space is seen by all, at once, and changes in several do not wait for each other for ever."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.model import MemberState
from limpet.core.rebalance import Wish as RebalanceWish
from limpet.flow.removal import removal_of
from limpet.store.database import Database
from limpet.store.services import Services
from limpet.store.sticky_spaces import Spaces
from tests.support.clock import HandClock
from tests.support.spaces import make_space, move, spaced
from tests.support.world import POOL, World, open_world

PEOPLE = [f"+1415555{n:04}" for n in range(24)]


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


@pytest.mark.parametrize("change", ["removed", "disabled", "deleted"])
async def test_S_131_a_change_in_one_service_is_seen_by_the_next_message_of_another(world: World, change: str) -> None:
    one, other = await spaced(world, await world.service(POOL[0]), await world.service(POOL[1]))
    assert (await world.send(one, PEOPLE[0])).sender == (await world.send(other, PEOPLE[0])).sender == POOL[0]
    services, now = Services(world.database), world.clock.now()
    (member,) = await services.pool(one.id)
    if change == "removed":
        await services.remove_member(one.id, member.sender.sid, now)
    elif change == "disabled":
        await services.update_member(one.id, member.sender.sid, {"state": MemberState.DISABLED}, world.clock.now())
    else:
        await services.delete(world.account.id, one.sid, now)
    assert (await world.send(other, PEOPLE[0])).sender == POOL[1]


async def test_S_133_joining_and_leaving_are_seen_by_the_next_message_of_everybody(world: World) -> None:
    one, other = await world.service(POOL[0]), await world.service(POOL[1])
    assert [(await world.send(service, PEOPLE[0])).sender for service in (one, other)] == list(POOL[:2])
    space = await make_space(world)
    for _ in range(3):
        await move(world, one, space)
        assert (await world.send(one, PEOPLE[0])).sender == POOL[0]
        await move(world, other, space)
        assert [(await world.send(service, PEOPLE[0])).sender for service in (one, other)] == [POOL[0]] * 2
        await move(world, one, None)
        assert (await world.send(one, PEOPLE[0])).sender == POOL[0]
        assert (await world.send(other, PEOPLE[0])).sender == POOL[1]
        await move(world, other, None)
        await world.database.pool.execute("DELETE FROM sticky_mapping WHERE service_id = $1", space.id)


async def test_changes_in_all_services_of_a_space_at_once_do_not_block_each_other(world: World) -> None:
    services, spaces = Services(world.database), Spaces(world.database)
    one, other, third = [await world.service(number) for number in POOL[:3]]
    space = await make_space(world, one, other)
    members = {service.id: (await services.pool(service.id))[0] for service in (one, other)}

    def work(n: int) -> Awaitable[object]:
        service = (one, other)[n % 2]
        sid = members[service.id].sender.sid
        kinds: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: services.update_member(service.id, sid, {"weight": n}, world.clock.now()),
            lambda: services.update(world.account.id, service.sid, {"require_a2p": n % 4 < 2}, world.clock.now()),
            lambda: move(world, third, space if n % 2 else None),
            lambda: spaces.update(space, {"of_all": n % 8 < 4}, world.clock.now()),
            lambda: world.send(service, PEOPLE[n]),
        )
        return kinds[n // 2 % 5]()

    answers = await asyncio.gather(*map(work, range(len(PEOPLE))), return_exceptions=True)
    assert {type(answer).__name__ for answer in answers if isinstance(answer, Exception)} <= {"SpaceRefused"}
    deadlocks = await world.database.pool.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    assert deadlocks == 0


async def test_S_104_S_135_what_if_a_number_left_counts_the_people_of_the_space(world: World) -> None:
    one, other = await spaced(world, await world.service(*POOL[:2]), await world.service(POOL[2]))
    for person in PEOPLE:
        await world.send(one, person)
        await world.send(other, person)
    (member, _) = await Services(world.database).pool(one.id)
    found = await removal_of(world.database, one.id, member.id, world.clock.now())
    assert found is not None
    mapped = await world.database.pool.fetchval("SELECT count(*) FROM sticky_mapping WHERE member_id = $1", member.id)
    assert found.people == mapped > 0
    assert [candidate.sender.address for candidate, _ in found.to] == [POOL[1]]


async def test_S_105_S_135_a_rebalance_moves_a_services_own_people_of_the_space(world: World) -> None:
    one, other = await spaced(world, await world.service(POOL[0]), await world.service(POOL[2]))
    for place, person in enumerate(PEOPLE):
        await world.send((one, other)[place % 2], person)
    await world.add(one, POOL[1])
    world.clock.advance(timedelta(days=60))
    rebalances = world.flow.rebalances
    plan = await rebalances.plan(one, RebalanceWish(30, 100, 1000, 100, None), "test")
    assert plan is not None
    assert (plan.people, plan.planned) == (12, 6)
    await rebalances.change(plan, "running")
    for _ in range(30):
        world.clock.advance(timedelta(seconds=1))
        await rebalances.turn()
    found = Counter([await world.mapping(other, person) for person in PEOPLE])
    assert found == {POOL[0]: 6, POOL[1]: 6, POOL[2]: 12}
    told = await world.database.pool.fetch("SELECT service_id FROM sticky_event WHERE cause = 'rebalance'")
    assert [event["service_id"] for event in told] == [one.scope.id] * 6
