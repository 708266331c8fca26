"""Rules of docs/sticky-sender.md that need a store: what happens to a person over several messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from limpet.carrier.port import ReceiptState
from limpet.core.ids import BUCKETS, day_number
from limpet.core.status import Status
from limpet.core.sticky import Standing
from limpet.store.database import Database
from tests.support.clock import HandClock
from tests.support.lane import receipt
from tests.support.world import POOL, World, open_world

ANNA, BEN = "+14155550101", "+14155550102"


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def _sent(world: World, *args: object, **more: object) -> str:
    """Send, let the carrier take it, and answer the sender."""
    message = await world.send(*args, **more)  # type: ignore[arg-type]
    world.lane.take(await world.submission_of(message))
    await world.settle()
    assert message.sender is not None
    return message.sender


async def test_S_1_everybody_keeps_their_number_and_the_pool_is_shared_out(world: World) -> None:
    service = await world.service(*POOL)
    people = [f"+1415555{n:04}" for n in range(50)]
    first = {person: await _sent(world, service, person) for person in people}
    assert Counter(first.values()) == dict.fromkeys(POOL, 10)
    for _ in range(2):
        assert {person: await _sent(world, service, person) for person in people} == first


async def test_S_3_S_4_off_spreads_and_touches_nothing_and_on_counts_again(world: World) -> None:
    service = await world.service(*POOL)
    number = await _sent(world, service, ANNA)
    before = await world.database.pool.fetch("SELECT * FROM sticky_mapping")
    await world.set(service, "sticky_sender", False)
    world.clock.advance(timedelta(days=200))
    await world.database.ensure_partitions(world.clock.now())
    spread = [await _sent(world, service, ANNA) for _ in range(10)]
    assert set(spread) == set(POOL)
    assert await world.database.pool.fetch("SELECT * FROM sticky_mapping") == before
    await world.set(service, "sticky_sender", True)
    assert await _sent(world, service, ANNA) == number


async def test_S_4_what_aged_out_while_off_does_not_come_back(world: World) -> None:
    service = await world.service(*POOL)
    await _sent(world, service, ANNA)
    await world.set(service, "sticky_sender", False)
    world.clock.advance(timedelta(days=366))
    await world.set(service, "sticky_sender", True)
    assert await world.mapping(service, ANNA) is None
    await _sent(world, service, ANNA)
    assert await world.kinds(service, ANNA) == ["created:first_message", "replaced:expired"]


async def test_S_6_S_7_a_removed_number_loses_everybody_at_once_and_returns_to_nobody(world: World) -> None:
    service = await world.service(*POOL)
    people = [f"+1415555{n:04}" for n in range(25)]
    first = {person: await _sent(world, service, person) for person in people}
    await world.remove(service, POOL[0])
    lost = [person for person, number in first.items() if number == POOL[0]]
    assert len(lost) == 5
    assert [await world.mapping(service, person) for person in lost] == [None] * 5
    await world.add(service, POOL[0])
    assert [await world.mapping(service, person) for person in lost] == [None] * 5
    kept = [person for person in people if person not in lost]
    assert {person: await _sent(world, service, person) for person in kept} == {
        person: first[person] for person in kept
    }
    await _sent(world, service, lost[0])
    assert await world.kinds(service, lost[0]) == ["created:first_message", "replaced:number_removed"]
    event = (await world.sticky.events(service, lost[0]))[-1]
    assert event.sender_before == POOL[0]


async def test_S_8_a_use_is_written_once_a_day(world: World) -> None:
    service = await world.service(*POOL)
    await _sent(world, service, ANNA)
    world.clock.advance(timedelta(days=3))
    versions = []
    for _ in range(4):
        await _sent(world, service, ANNA)
        versions.append(await world.database.pool.fetchval("SELECT xmin::text FROM sticky_mapping"))
    assert len(set(versions)) == 1
    used = await world.database.pool.fetchval("SELECT last_used_day FROM sticky_mapping")
    assert used == day_number(world.clock.now())


async def test_S_8_a_clock_that_goes_back_ages_nothing(world: World) -> None:
    service = await world.service(*POOL)
    number = await _sent(world, service, ANNA)
    world.clock.advance(timedelta(days=-20))
    assert await _sent(world, service, ANNA) == number
    used = await world.database.pool.fetchval("SELECT last_used_day FROM sticky_mapping")
    assert used == day_number(world.clock.now()) + 20


async def test_S_9_a_first_message_that_never_left_leaves_no_mapping(world: World) -> None:
    service = await world.service(*POOL)
    await world.send(service, ANNA)
    world.lane.refuse(world.lane.submitted[-1])
    await world.settle()
    assert await world.mapping(service, ANNA) is None
    assert await world.kinds(service, ANNA) == ["created:first_message", "unsent:no_message_left"]


async def test_S_9_a_mapping_that_another_message_left_by_stays(world: World) -> None:
    service = await world.service(*POOL)
    first = await world.send(service, ANNA)
    assert await _sent(world, service, ANNA) == first.sender
    world.lane.refuse(world.lane.submitted[0])
    await world.settle()
    assert (await world.read(first)).status is Status.FAILED
    assert await world.mapping(service, ANNA) == first.sender


async def test_S_9_two_that_both_never_left_leave_no_mapping(world: World) -> None:
    service = await world.service(*POOL)
    first, second = await world.send(service, ANNA), await world.send(service, ANNA)
    assert first.sender == second.sender
    view = await world.sticky.lookup(service, ANNA, world.clock.now())
    assert view is not None
    assert not view.established
    world.lane.refuse(world.lane.submitted[0])
    await world.settle()
    assert await world.mapping(service, ANNA) == first.sender
    world.lane.refuse(world.lane.submitted[1])
    await world.settle()
    assert await world.mapping(service, ANNA) is None


async def test_S_9_a_message_sent_while_off_left_without_the_mapping(world: World) -> None:
    service = await world.service(POOL[0], sticky_sender=False)
    assert await _sent(world, service, ANNA) == POOL[0]
    await world.set(service, "sticky_sender", True)
    await world.send(service, ANNA)
    world.lane.refuse(world.lane.submitted[-1])
    await world.settle()
    assert await world.mapping(service, ANNA) is None


async def test_S_9_deleting_the_message_that_left_does_not_make_the_mapping_provisional_again(world: World) -> None:
    service = await world.service(*POOL)
    first = await world.send(service, ANNA)
    world.lane.take(world.lane.submitted[-1])
    await world.settle()
    assert await world.messages.delete(world.account.id, first.bucket, first.id) is None
    await world.send(service, ANNA)
    world.lane.refuse(world.lane.submitted[-1])
    await world.settle()
    assert await world.mapping(service, ANNA) == first.sender


async def test_S_10_undelivered_and_later_failures_keep_the_number(world: World) -> None:
    service = await world.service(*POOL)
    first = await world.send(service, ANNA)
    submission = world.lane.submitted[-1]
    ids = world.lane.take(submission)
    await world.settle()
    world.lane.tell(receipt(submission, ids[0], ReceiptState.UNDELIVERED, error_code=30003))
    await world.settle()
    assert (await world.read(first)).status is Status.UNDELIVERED
    await world.send(service, ANNA)
    world.lane.refuse(world.lane.submitted[-1])
    await world.settle()
    assert await world.mapping(service, ANNA) == first.sender
    assert await world.kinds(service, ANNA) == ["created:first_message"]


async def test_S_12_a_number_of_the_persons_country_takes_over_and_nothing_else_moves(world: World) -> None:
    service = await world.service(*POOL)
    london, lyon = "+447700900123", "+33612345678"
    before = {person: await _sent(world, service, person) for person in (london, lyon, ANNA)}
    await world.add(service, "+447700900999", "GB")
    after = {person: await _sent(world, service, person) for person in (london, lyon, ANNA)}
    assert after == {**before, london: "+447700900999"}
    assert await world.kinds(service, london) == ["created:first_message", "replaced:local_number_joined"]


async def test_S_15_S_16_a_named_from_makes_the_mapping_and_never_moves_it(world: World) -> None:
    service = await world.service(*POOL)
    assert await _sent(world, service, ANNA, sender=POOL[3]) == POOL[3]
    assert await _sent(world, service, ANNA) == POOL[3]
    world.clock.advance(timedelta(days=5))
    assert await _sent(world, service, ANNA, sender=POOL[1]) == POOL[1]
    view = await world.sticky.lookup(service, ANNA, world.clock.now())
    assert view is not None
    assert (view.sender, (world.clock.now().date() - view.last_used_day).days) == (POOL[3], 5)
    assert await world.kinds(service, ANNA) == ["created:first_message", "bypassed:explicit_from"]
    await world.set(service, "explicit_from_sticks", False)
    await _sent(world, service, BEN, sender=POOL[1])
    assert await world.mapping(service, BEN) is None


async def test_S_17_every_change_has_one_event_with_its_cause(world: World) -> None:
    service = await world.service(*POOL)
    number = await _sent(world, service, ANNA)
    await world.remove(service, number)
    await _sent(world, service, ANNA)
    world.clock.advance(timedelta(days=366))
    await _sent(world, service, ANNA)
    await world.sticky.reset(service, ANNA, "operator", world.clock.now())
    await _sent(world, service, ANNA)
    assert await world.kinds(service, ANNA) == [
        "created:first_message", "replaced:number_removed", "replaced:expired", "reset:reset", "created:first_message",
    ]  # fmt: skip
    events = await world.sticky.events(service, ANNA)
    assert [e.sender_after for e in events[:-2]] == [e.sender_before for e in events[1:-1]]
    assert [e.actor for e in events] == ["message", "message", "message", "operator", "message"]


async def test_S_18_one_mapping_is_shown_and_reset_and_no_other(world: World) -> None:
    service = await world.service(*POOL)
    anna, ben = await _sent(world, service, ANNA), await _sent(world, service, BEN)
    view = await world.sticky.lookup(service, ANNA, world.clock.now())
    assert view is not None
    assert (view.recipient, view.sender, view.live, view.why_dead, view.established) == (ANNA, anna, True, None, True)
    gone = await world.sticky.reset(service, ANNA, "operator", world.clock.now())
    assert gone == view
    assert await world.sticky.lookup(service, ANNA, world.clock.now()) is None
    assert await world.sticky.reset(service, ANNA, "operator", world.clock.now()) is None
    assert await world.mapping(service, BEN) == ben


async def test_S_18_a_dead_mapping_says_why(world: World) -> None:
    service = await world.service(*POOL)
    number = await _sent(world, service, ANNA)
    world.clock.advance(timedelta(days=366))
    view = await world.sticky.lookup(service, ANNA, world.clock.now())
    assert view is not None
    assert (view.live, view.why_dead) == (False, Standing.EXPIRED)
    await world.remove(service, number)
    view = await world.sticky.lookup(service, ANNA, world.clock.now())
    assert view is not None
    assert view.why_dead is Standing.REMOVED


async def test_S_20_a_from_without_a_service_touches_no_mapping(world: World) -> None:
    service = await world.service(*POOL)
    await _sent(world, None, ANNA, sender=POOL[0])
    assert await world.mapping(service, ANNA) is None
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_event") == 0


async def test_S_22_every_spelling_of_a_number_is_one_person(world: World) -> None:
    service = await world.service(*POOL)
    spellings = ("+14155550101", "14155550101", " 14155550101", "+1 (415) 555-0101", "(415) 555-0101")
    assert len({await _sent(world, service, spelling) for spelling in spellings}) == 1
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_mapping") == 1


async def test_S_23_the_purge_takes_what_is_dead_and_nothing_else(world: World) -> None:
    service = await world.service(*POOL)
    people = [f"+1415555{n:04}" for n in range(30)]
    first = {person: await _sent(world, service, person) for person in people}
    await world.remove(service, POOL[0])
    gone = await world.sticky.purge(world.clock.now())
    assert gone == sum(number == POOL[0] for number in first.values()) == 6
    world.clock.advance(timedelta(days=365))
    await world.database.ensure_partitions(world.clock.now())
    used = [person for person in people if first[person] == POOL[1]]
    for person in used:
        await _sent(world, service, person)
    assert await world.sticky.purge(world.clock.now()) == 0
    world.clock.advance(timedelta(days=1))
    assert await world.sticky.purge(world.clock.now()) == 24 - len(used)
    assert [await world.mapping(service, person) for person in used] == [POOL[1]] * len(used)


async def test_S_23_while_sticky_sender_is_off_the_purge_lets_the_aged_be(world: World) -> None:
    service = await world.service(*POOL)
    await _sent(world, service, ANNA)
    await world.set(service, "sticky_sender", False)
    world.clock.advance(timedelta(days=400))
    assert await world.sticky.purge(world.clock.now()) == 0


async def test_S_23_the_walk_goes_through_every_bucket_in_chunks(world: World) -> None:
    service = await world.service(POOL[0])
    await world.database.pool.execute(
        "INSERT INTO sticky_mapping (bucket, service_id, recipient, member_id, last_used_day, created_day) "
        "SELECT n % $2, $1, '+1' || (4150000000 + n), (SELECT min(id) FROM pool_member), 9000, 9000 "
        "FROM generate_series(1, 6000) n",
        service.id,
        3,
    )
    await world.remove(service, POOL[0])
    after, gone, chunks = (0, ""), 0, 0
    while after is not None:
        after, count = await world.sticky.purge_bucket_step(0, after, world.clock.now())
        gone, chunks = gone + count, chunks + 1
    assert (gone, chunks) == (2000, 1)
    assert BUCKETS > 3
    assert await world.sticky.purge(world.clock.now()) == 4000
