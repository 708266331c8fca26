"""A number takes another's place: people are moved when the replacement may be used, each with one event, through crashes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.ids import IdSource
from limpet.core.model import MemberState, PoolMember, Service
from limpet.flow.swap import Swapping
from limpet.registrar.port import Approved, Rejected
from limpet.store import swaps
from limpet.store.database import Database
from limpet.store.swaps import Notice, Swap, Swaps, SwapState
from tests.support.clock import HandClock
from tests.support.registry import A2p
from tests.support.world import POOL, open_world

PEOPLE = [f"+1415555{n:04}" for n in range(12)]
OLD, NEW = POOL[:2]
OK = Approved("ok")


@pytest_asyncio.fixture
async def a2p(database: Database, clock: HandClock) -> AsyncIterator[A2p]:
    async with open_world(database, clock) as world:
        yield A2p(world)


def swapping(a2p: A2p) -> Swapping:
    chance, ids, world = random.Random(3), IdSource(), a2p.world
    return Swapping(
        world.database, a2p.services, world.clock, lambda now: ids.next(now, chance.getrandbits(21)), world.notices
    )


async def froms(a2p: A2p, service: Service, people: Sequence[str] = PEOPLE) -> Counter[str]:
    found = Counter[str]()
    for person in people:
        a2p.world.clock.advance(timedelta(seconds=1))  # a campaign has its rate
        message = await a2p.world.send(service, person)
        assert message.sender is not None, message
        a2p.world.lane.take(a2p.world.lane.submitted[-1])
        found[message.sender] += 1
    await a2p.world.settle()
    return found


async def begun(a2p: A2p, service: Service, old: PoolMember, notice: Notice | None = None) -> Swap:
    new = await a2p.add(service, NEW)
    a2p.world.clock.advance(timedelta(seconds=1))
    made = await Swaps(a2p.world.database).begin(service, old, new, "api:test", a2p.now, notice)
    assert made is not None
    assert await Swaps(a2p.world.database).begin(service, old, new, "api:test", a2p.now) is None
    return made


async def reread(a2p: A2p, swap: Swap) -> Swap:
    async with a2p.world.database.pool.acquire() as connection:
        found = await swaps.by_id(connection, swap.id)
    assert found is not None
    return found


async def state(a2p: A2p, swap: Swap) -> tuple[SwapState, int]:
    found = await reread(a2p, swap)
    return found.state, found.moved


async def test_S_68_nobody_moves_before_the_replacement_may_be_used_and_then_everybody_with_one_event(a2p: A2p) -> None:
    service = await a2p.service(campaign=True)
    old = await a2p.add(service, OLD)
    await a2p.answered_by(OK)
    assert await froms(a2p, service) == {OLD: len(PEOPLE)}
    swap = await begun(a2p, service, old)
    for _ in range(2):
        await swapping(a2p).turn()
        await a2p.turn()
    assert await state(a2p, swap) == (SwapState.REGISTERING, 0)
    assert await froms(a2p, service) == {OLD: len(PEOPLE)}
    a2p.world.clock.advance(timedelta(days=1))
    await a2p.answered_by(OK)
    await swapping(a2p).turn()
    assert await state(a2p, swap) == (SwapState.DONE, len(PEOPLE))
    assert await froms(a2p, service) == {NEW: len(PEOPLE)}
    for person in PEOPLE:
        assert await a2p.world.kinds(service, person) == ["created:first_message", "replaced:swapped"]
    event = (await a2p.world.sticky.events(service, PEOPLE[0]))[-1]
    assert (event.sender_before, event.sender_after, event.actor) == (OLD, NEW, "api:test")
    assert [m.sender.address for m in await a2p.services.pool(service.id)] == [NEW]


@pytest.mark.parametrize("dies_after", [1, 2, 8, 17, 18, 19, 30])
async def test_S_68_a_swap_goes_on_where_its_process_died(a2p: A2p, dies_after: int) -> None:
    service = await a2p.service(campaign=False)
    old = await a2p.add(service, OLD)
    assert await froms(a2p, service) == {OLD: len(PEOPLE)}
    swap = await begun(a2p, service, old)
    first = swapping(a2p)
    for _ in range(dies_after):
        await first.step(swap.id)
    await swapping(a2p).turn()
    assert await state(a2p, swap) == (SwapState.DONE, len(PEOPLE))
    assert await froms(a2p, service) == {NEW: len(PEOPLE)}
    for person in PEOPLE:
        assert await a2p.world.kinds(service, person) == ["created:first_message", "replaced:swapped"]


async def test_S_68_who_writes_in_the_middle_keeps_a_number_of_the_two_and_newcomers_get_the_new_one(a2p: A2p) -> None:
    service = await a2p.service(campaign=False)
    old = await a2p.add(service, OLD)
    await froms(a2p, service)
    swap = await begun(a2p, service, old)
    steps = swapping(a2p)
    for _ in range(9):
        await steps.step(swap.id)
    assert (await state(a2p, swap))[0] is SwapState.MOVING
    between = await froms(a2p, service)
    assert set(between) == {OLD, NEW}
    assert between[NEW] == (await state(a2p, swap))[1]
    for n in range(5):
        assert (await a2p.world.send(service, f"+1415556{n:04}")).sender == NEW
    await a2p.world.send(service, "+14155569999", sender=OLD)
    await steps.turn()
    assert await froms(a2p, service) == {NEW: len(PEOPLE)}
    assert await a2p.world.mapping(service, "+14155569999") == NEW


async def test_a_swap_whose_replacement_is_refused_fails_and_nobody_has_moved(a2p: A2p) -> None:
    service = await a2p.service(campaign=True)
    old = await a2p.add(service, OLD)
    await a2p.answered_by(OK)
    await froms(a2p, service)
    swap = await begun(a2p, service, old)
    await a2p.answered_by(Rejected("no", 30125))
    await swapping(a2p).turn()
    assert await state(a2p, swap) == (SwapState.FAILED, 0)
    assert await froms(a2p, service) == {OLD: len(PEOPLE)}


@pytest.mark.parametrize("stopped", [MemberState.DRAIN, MemberState.DISABLED])
@pytest.mark.parametrize("after", [0, 1, 3])
async def test_S_68_nobody_is_moved_to_a_replacement_that_drains_or_is_disabled(
    a2p: A2p, stopped: MemberState, after: int
) -> None:
    service = await a2p.world.service(OLD)
    (old,) = await a2p.services.pool(service.id)
    await froms(a2p, service)
    swap, moving = await begun(a2p, service, old), swapping(a2p)
    for _ in range(after):
        await moving.step(swap.id)
    await a2p.services.update_member(service.id, swap.new_sid, {"state": stopped}, a2p.now)
    before = await state(a2p, swap)
    await moving.turn()
    assert await state(a2p, swap) == before
    await a2p.services.update_member(service.id, swap.new_sid, {"state": MemberState.ACTIVE}, a2p.now)
    await moving.turn()
    assert await state(a2p, swap) == (SwapState.DONE, len(PEOPLE))
    assert await froms(a2p, service) == {NEW: len(PEOPLE)}


async def test_a_replacement_that_is_lost_while_people_move_gives_the_old_number_its_place_back(a2p: A2p) -> None:
    service = await a2p.service(campaign=False)
    old = await a2p.add(service, OLD)
    await froms(a2p, service)
    swap = await begun(a2p, service, old)
    steps = swapping(a2p)
    for _ in range(9):
        await steps.step(swap.id)
    await a2p.remove(service, NEW)
    await steps.turn()
    assert (await state(a2p, swap))[0] is SwapState.FAILED
    assert await froms(a2p, service) == {OLD: len(PEOPLE)}
