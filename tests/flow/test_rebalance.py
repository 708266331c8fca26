"""People are moved so that numbers that join get their share: at a pace, each with one event, through crashes, and back."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound
from limpet.core.ids import day_number
from limpet.core.model import MemberState, Service
from limpet.core.rebalance import Rebalance, State, Wish
from limpet.core.sticky import Pin
from limpet.flow import rebalance as flow_rebalance
from limpet.flow.rebalance import NotNow, Rebalances
from limpet.flow.sweep import UNDO_KEPT
from limpet.store import rebalances, sticky_by_hand
from limpet.store.database import Connection, Database
from limpet.store.rebalances import OtherOpen
from limpet.store.services import Services
from limpet.store.sticky_by_hand import Wish as ByHand
from tests.support.clock import HandClock
from tests.support.world import POOL, World, bucket, open_world

PEOPLE = [f"+1415555{n:04}" for n in range(60)]
OLD, NEW = POOL[:2], POOL[2:4]
FAST = Wish(per_second=2000)
Mapped = dict[str, tuple[int, int, int, int]]


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def put(world: World, service: Service, people: Sequence[str], *numbers: str, idle: int = 99) -> None:
    """Map people to numbers in turn, last used so many days ago."""
    members = {m.sender.address: m.id for m in await Services(world.database).pool(service.id)}
    day = day_number(world.clock.now()) - idle
    rows = [
        (service.id, members[numbers[n % len(numbers)]], day, bucket(to), day, 1, to) for n, to in enumerate(people)
    ]
    await world.database.pool.copy_records_to_table(
        "sticky_mapping", records=rows,
        columns=["service_id", "member_id", "last_used_day", "bucket", "created_day", "flags", "recipient"],
    )  # fmt: skip


async def grown(world: World, people: Sequence[str] = PEOPLE) -> Service:
    """A service whose people hear from two numbers, and two more that have joined since."""
    service = await world.service(*OLD)
    await put(world, service, people, *OLD)
    for number in NEW:
        await world.add(service, number)
    return await world.reread(service)


async def mapped(world: World, service: Service) -> Mapped:
    """All of the service's mappings as they are."""
    rows = await world.database.pool.fetch("SELECT * FROM sticky_mapping WHERE service_id = $1", service.id)
    return {r["recipient"]: (r["member_id"], r["last_used_day"], r["created_day"], r["flags"]) for r in rows}


async def numbers(world: World, service: Service, people: Sequence[str] = PEOPLE) -> Counter[str | None]:
    return Counter([await world.mapping(service, person) for person in people])


async def plan(world: World, service: Service, wish: Wish = FAST) -> Rebalance:
    made = await world.rebalances.plan(service, wish, "api:test")
    assert made is not None
    return made


async def now(world: World, one: Rebalance, service: Service) -> Rebalance:
    found = await rebalances.by_sid(world.database, service, one.sid)
    assert found is not None
    return found


async def run(world: World, service: Service, one: Rebalance, wanted: str = "running") -> Rebalance:
    """Do it to the end, however slow it is."""
    await world.rebalances.change(one, wanted)
    while (found := await now(world, one, service)).state in (State.RUNNING, State.UNDOING):
        await world.rebalances.turn()
        world.clock.advance(timedelta(seconds=1))
    return found


async def test_S_105_numbers_that_joined_get_their_share_by_weight_and_a_plan_moves_nobody(world: World) -> None:
    service = await grown(world)
    before = await mapped(world, service)
    one = await plan(world, service)
    assert (one.state, one.planned, one.people, one.estimated) == (State.PLANNED, 30, 60, False)
    assert [(s.phone_number, s.people, s.planned) for s in one.members] == [
        *((number, 30, 15) for number in OLD), *((number, 0, 15) for number in NEW),
    ]  # fmt: skip
    assert await mapped(world, service) == before
    done = await run(world, service, one)
    assert (done.state, done.moved, done.skipped) == (State.DONE, 30, 0)
    assert await numbers(world, service) == dict.fromkeys((*OLD, *NEW), 15)
    told = [(s.before, s.after, s.planned, s.moved) for s in await rebalances.shifts(world.database, one)]
    assert told == [(OLD[0], NEW[0], 15, 15), (OLD[1], NEW[1], 15, 15)]
    after = await mapped(world, service)
    assert {to: row[1:] for to, row in after.items()} == {to: row[1:] for to, row in before.items()}, "only the number"
    assert (await plan(world, service)).planned == 0


async def test_S_107_each_who_moves_has_one_event_that_names_the_rebalance_and_nobody_else_has_any(
    world: World,
) -> None:
    service = await grown(world)
    before = await mapped(world, service)
    one = await plan(world, service, Wish(per_second=2000, reason="two more numbers"))
    await run(world, service, one)
    after = await mapped(world, service)
    for person in PEOPLE:
        events = await world.sticky.events(service, person)
        if before[person] == after[person]:
            assert events == []
            continue
        (event,) = events
        assert (f"{event.kind}:{event.cause}", event.actor) == ("moved:rebalance", f"rebalance:{one.sid}")
        assert (event.reason, event.sender_before in OLD) == ("two more numbers", True)
        assert event.sender_after == await world.mapping(service, person)
        sent = await world.send(service, person)
        assert (sent.sender, sent.sticky) == (event.sender_after, "used")


async def test_S_106_who_is_held_was_in_contact_or_is_reset_does_not_move(world: World) -> None:
    service = await grown(world, [])
    held, recent, spoke, wrote, reset, idle = (PEOPLE[n * 6 : n * 6 + 6] for n in range(6))
    await put(world, service, [*held, *spoke, *wrote, *idle], OLD[0])
    await put(world, service, recent, OLD[0], idle=29)
    await put(world, service, reset, OLD[1])
    member = next(m.id for m in await Services(world.database).pool(service.id) if m.sender.address == OLD[0])
    for person in held:
        wish = ByHand(member, Pin.PLAIN, "test")
        await sticky_by_hand.put(world.sticky, service, world.sticky.key(service, person), wish, world.clock.now())
        await world.database.pool.execute(
            "UPDATE sticky_mapping SET last_used_day = 0 + created_day - 99 WHERE flags & 4 = 4"
        )
    await sticky_by_hand.reset_number(world.sticky, service, OLD[1], "test", None, world.clock.now())
    one = await plan(world, service)
    for token, person in enumerate(spoke):
        await world.send(service, person, sender=NEW[0])  # past the mapping: its day stays
        world.lane.tell(Inbound(token, wrote[token], NEW[0], "Hello?"))
    await world.settle()
    before = await mapped(world, service)
    assert one.planned == 18
    done = await run(world, service, one)
    after = await mapped(world, service)
    gone = {person for person in after if after[person] != before[person]}
    assert gone == set(idle)
    assert (done.moved, done.skipped) == (6, 12)


@pytest.mark.parametrize("dies_after", [1, 2, 9, 16, 17])
async def test_S_107_a_rebalance_goes_on_where_its_process_died_and_moves_nobody_twice(
    world: World, dies_after: int
) -> None:
    service = await grown(world)
    one = await plan(world, service)
    await world.rebalances.change(one, "running")
    for _ in range(dies_after):
        await world.rebalances.step(one.id)
    another = Rebalances(world.database, world.directory, world.clock, world.sticky.new_id)
    await asyncio.gather(another.turn(), world.rebalances.turn())
    done = await now(world, one, service)
    assert (done.state, done.moved) == (State.DONE, 30)
    assert await numbers(world, service) == dict.fromkeys((*OLD, *NEW), 15)
    kinds = Counter([kind for person in PEOPLE for kind in await world.kinds(service, person)])
    assert kinds == {"moved:rebalance": 30}


async def test_S_107_a_step_that_breaks_off_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    service = await grown(world)
    one = await run_partly(world, service, steps=3)
    before = (await mapped(world, service), await now(world, one, service))

    async def dies(*_: object, **__: object) -> None:
        raise RuntimeError("dies")

    with monkeypatch.context() as patch:
        patch.setattr(rebalances, "advance", dies)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="dies"):
                await world.rebalances.step(one.id)
    assert (await mapped(world, service), await now(world, one, service)) == before
    await world.rebalances.turn()
    assert (await now(world, one, service)).moved == 30


async def test_S_107_who_is_written_to_between_the_look_and_the_move_does_not_move(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await grown(world)
    one = await plan(world, service)
    move, used = rebalances.move, PEOPLE[:40]

    async def overtaken(connection: Connection, *arguments: Any) -> set[str]:
        """Other hands were there since people were read."""
        await connection.execute(
            "UPDATE sticky_mapping SET last_used_day = last_used_day + 1 WHERE recipient = ANY ($1)", used
        )
        return await move(connection, *arguments)

    monkeypatch.setattr(rebalances, "move", overtaken)
    done = await run(world, service, one)
    kinds = {person: await world.kinds(service, person) for person in PEOPLE}
    assert {kind for person in used for kind in kinds[person]} == set()
    assert sum(kinds[person] == ["moved:rebalance"] for person in PEOPLE) == done.moved
    assert (done.moved, done.skipped) == (20, 10)
    assert sum(shift.moved for shift in await rebalances.shifts(world.database, one)) == 20


async def run_partly(world: World, service: Service, steps: int) -> Rebalance:
    one = await plan(world, service)
    await world.rebalances.change(one, "running")
    for _ in range(steps):
        await world.rebalances.step(one.id)
    return await now(world, one, service)


async def test_S_107_undone_everything_is_as_before_but_for_who_has_another_number_since(world: World) -> None:
    service = await grown(world)
    before = await mapped(world, service)
    one = await plan(world, service)
    await run(world, service, one)
    moved = sorted(to for to, row in (await mapped(world, service)).items() if row != before[to])
    there = await world.mapping(service, moved[0])
    await world.sticky.reset(service, moved[0], "test", world.clock.now())
    await world.send(service, moved[0], sender=there)  # another mapping, to the same number
    held = world.sticky.key(service, moved[1])
    await sticky_by_hand.put(world.sticky, service, held, ByHand(None, Pin.PLAIN, "test"), world.clock.now())
    await world.send(service, moved[2])
    changed = await mapped(world, service)
    undone = await run(world, service, await now(world, one, service), "undone")
    assert (undone.state, undone.undone) == (State.UNDONE, 28)
    after = await mapped(world, service)
    for person in PEOPLE:
        kept = person in moved[:2]
        assert after[person][0] == (changed if kept else before)[person][0]
    assert after[moved[2]][1] == day_number(world.clock.now()), "the use of it counts"
    assert (await world.kinds(service, moved[3])) == ["moved:rebalance", "moved:rebalance_undone"]
    assert [len(await world.kinds(service, person)) for person in moved[:2]] == [3, 2]
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_rebalance_move") == 0
    with pytest.raises(NotNow, match="undone"):
        await world.rebalances.change(undone, "running")


async def test_S_107_nobody_goes_back_to_a_number_that_has_left_or_was_reset(world: World) -> None:
    service = await grown(world)
    one = await plan(world, service)
    await run(world, service, one)
    await world.remove(service, OLD[0])
    await sticky_by_hand.reset_number(world.sticky, service, NEW[1], "test", None, world.clock.now())
    before = await mapped(world, service)
    undone = await run(world, service, await now(world, one, service), "undone")
    assert (undone.undone, await mapped(world, service)) == (0, before)


async def test_S_107_people_move_at_its_pace_and_wait_while_it_is_paused_or_sticky_sender_is_off(world: World) -> None:
    service = await grown(world)
    one = await plan(world, service, Wish(per_second=4))
    await world.rebalances.change(one, "running")
    seen = []
    for _ in range(3):
        await world.rebalances.turn()
        await world.rebalances.turn()
        seen.append((await now(world, one, service)).moved)
        world.clock.advance(timedelta(seconds=1))
    assert seen == [4, 8, 12]
    await world.rebalances.change(await now(world, one, service), "paused")
    await world.rebalances.turn()
    await world.rebalances.change(await now(world, one, service), "running")
    await world.set(service, "sticky_sender", False)
    await world.rebalances.turn()
    assert (await now(world, one, service)).moved == 12
    await world.set(service, "sticky_sender", True)
    await world.rebalances.turn()
    assert (await now(world, one, service)).moved == 16
    canceled = await world.rebalances.change(await now(world, one, service), "canceled")
    await world.rebalances.turn()
    assert ((await now(world, one, service)).moved, canceled.state) == (16, State.CANCELED)


async def test_S_107_of_a_service_one_is_at_work_at_a_time(world: World) -> None:
    service = await grown(world)
    first, second, stale = [await plan(world, service) for _ in range(3)]
    with pytest.raises(NotNow, match="planned"):
        await world.rebalances.change(second, "undone")
    running = await world.rebalances.change(first, "running")
    assert await world.rebalances.change(running, "running") == running
    assert {(await now(world, one, service)).state for one in (second, stale)} == {State.CANCELED}
    with pytest.raises(NotNow, match="just changed"):
        await world.rebalances.change(second, "running")
    with pytest.raises(OtherOpen):
        await plan(world, service)
    with pytest.raises(OtherOpen):
        await world.rebalances.change(await now(world, second, service), "undone")
    await run(world, service, running)
    assert (await plan(world, service)).planned == 0


async def test_S_105_a_plan_counts_for_a_day(world: World) -> None:
    service = await grown(world)
    one = await plan(world, service)
    world.clock.advance(timedelta(days=1, seconds=1))
    with pytest.raises(NotNow, match="more than a day old"):
        await world.rebalances.change(one, "running")


async def test_S_107_messages_and_a_rebalance_at_once_leave_one_number_and_an_event_for_each_change(
    world: World,
) -> None:
    service = await grown(world)
    chance, one = random.Random(4), await plan(world, service, Wish(idle_days=0, per_second=2000))
    await world.rebalances.change(one, "running")
    sent = [chance.choice(PEOPLE) for _ in range(120)]
    await asyncio.gather(world.rebalances.turn(), *(world.send(service, person) for person in sent))
    while (await now(world, one, service)).state is State.RUNNING:
        await world.rebalances.turn()
    for person in PEOPLE:
        kinds, events = await world.kinds(service, person), await world.sticky.events(service, person)
        assert kinds in ([], ["moved:rebalance"])
        assert [event.sender_after for event in events] in ([], [await world.mapping(service, person)])


async def test_S_105_a_number_that_drains_or_changes_its_weight_since_the_plan_gets_nobody(world: World) -> None:
    service = await grown(world)
    one = await plan(world, service)
    services = Services(world.database)
    member = next(m for m in await services.pool(service.id) if m.sender.address == NEW[0])
    await services.update_member(service.id, member.sender.sid, {"state": MemberState.DRAIN}, world.clock.now())
    done = await run(world, service, one)
    assert (done.moved, done.skipped) == (0, 30)


async def test_S_105_of_many_some_are_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    service = await grown(world, [f"+1415556{n:04}" for n in range(2000)])
    monkeypatch.setattr(flow_rebalance, "ROWS_MAX", 600)
    monkeypatch.setattr(flow_rebalance, "ROWS_A_STEP", 50)
    one = await plan(world, service)
    assert one.estimated
    assert 1800 < one.people < 2200
    monkeypatch.setattr(flow_rebalance, "LOOKED_AT_MAX", 3)
    await run(world, service, one)
    spread = await world.database.pool.fetch("SELECT count(*) AS n FROM sticky_mapping GROUP BY member_id")
    assert all(350 < row["n"] < 650 for row in spread), spread


async def test_S_107_whom_it_moved_is_forgotten_in_the_end(world: World) -> None:
    service = await grown(world)
    untouched, one = await plan(world, service), await plan(world, service)
    await run(world, service, one)
    world.clock.advance(UNDO_KEPT - timedelta(hours=1))
    await world.sweeps.housekeep()
    assert (await now(world, one, service)).state is State.DONE
    world.clock.advance(timedelta(hours=2))
    await world.sweeps.housekeep()
    assert {(await now(world, each, service)).state for each in (one, untouched)} == {State.SETTLED}
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_rebalance_move") == 0
    with pytest.raises(NotNow, match="settled"):
        await world.rebalances.change(await now(world, one, service), "undone")


async def test_S_107_a_rebalance_of_a_service_that_is_deleted_ends(world: World) -> None:
    service = await grown(world)
    one = await plan(world, service)
    await world.rebalances.change(one, "running")
    await Services(world.database).delete(world.account.id, service.sid, world.clock.now())
    await world.rebalances.turn()
    found = await now(world, one, service)
    assert (found.state, found.moved) == (State.CANCELED, 0)
    assert await world.rebalances.plan(service, FAST, "api:test") is None
