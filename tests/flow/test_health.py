"""How numbers fare in the flow: counted with what is told of messages, marked once a minute, passed over for new people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound, ReceiptState, Refused, Retry
from limpet.core.event_streams import NewSink, Sink
from limpet.core.health import UNHEALTHY_FOR, Counts, Policy, hour_number
from limpet.core.model import Service
from limpet.store import health
from limpet.store.database import Database
from limpet.store.event_streams import EventStreams
from limpet.twilio.event_types import NUMBER_HEALTH
from tests.support.clock import HandClock
from tests.support.lane import HandLane, receipt
from tests.support.world import POOL, World, open_world

PEOPLE = [f"+1415555{n:04}" for n in range(60)]
AVOID = Policy(avoid_unhealthy=True, messages_min=4)


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def told(world: World, service: Service, person: str, state: ReceiptState, code: int | None = None) -> str:
    """Send a message and let its carrier tell what became of it; the number that it came from."""
    message = await world.send(service, person)
    await deliver(world, state, code)
    return message.sender or ""


async def deliver(world: World, state: ReceiptState, code: int | None = None) -> None:
    submission = world.lane.submitted[-1]
    (carrier_id,) = world.lane.take(submission)
    await world.settle()
    world.lane.tell(receipt(submission, carrier_id, state, error_code=code))
    await world.settle()


async def counts(world: World) -> dict[str, Counts]:
    """What is counted, by number."""
    found = await health.of_service(world.database, world.clock.now())
    return {one.address: sum_of(one.hours.values()) for one in found}


def sum_of(hours) -> Counts:  # type: ignore[no-untyped-def]
    total = Counts()
    for one in hours:
        total = total.plus(one)
    return total


async def fail(world: World, service: Service, number: str, times: int) -> None:
    """Messages of a number that are lost, as its carrier would tell it."""
    member = await world.database.pool.fetchval(
        "SELECT m.id FROM pool_member m JOIN sender n ON n.id = m.sender_id WHERE n.address = $1 AND m.service_id = $2 "
        "AND m.removed_at IS NULL",
        number,
        service.id,
    )
    async with world.database.pool.acquire() as connection:
        await health.count(connection, {(hour_number(world.clock.now()), member): Counts(0, times)})


async def test_S_91_what_becomes_of_messages_is_counted_for_their_number(world: World) -> None:
    service = await world.service(POOL[0])
    await told(world, service, PEOPLE[0], ReceiptState.DELIVERED)
    await told(world, service, PEOPLE[1], ReceiptState.UNDELIVERED, 30003)
    await told(world, service, PEOPLE[2], ReceiptState.UNDELIVERED, 30007)
    await world.send(service, PEOPLE[3])
    refused = world.lane.submitted[-1]
    world.lane.answer(Refused(refused.key, refused.attempt, 30007, Retry.NEVER, "spam"))
    await world.send(service, PEOPLE[4])  # nothing is known of it yet
    await world.settle()
    assert await counts(world) == {POOL[0]: Counts(1, 3, 2, 0)}


async def test_S_91_what_never_came_to_a_carrier_says_nothing_of_a_number(world: World, clock: HandClock) -> None:
    service = await world.service(POOL[0])
    world.lane.bound = False
    await world.send(service, PEOPLE[0])
    clock.advance(timedelta(hours=11))
    await world.sweeps.expire()
    world.lane.bound = True
    assert await counts(world) == {POOL[0]: Counts()}


async def test_S_91_a_person_who_answers_stop_is_counted_once(world: World) -> None:
    service = await world.service(*POOL[:2])
    number = await told(world, service, PEOPLE[0], ReceiptState.DELIVERED)
    for token, body in enumerate(("STOP", "hello", "STOP"), 900):
        world.lane.tell(Inbound(token, PEOPLE[0], number, body))
        await world.until(lambda token=token: token in world.lane.acknowledged)
    assert (await counts(world))[number] == Counts(1, 0, 0, 1)


async def test_S_91_what_is_counted_at_once_is_counted_exactly(world: World) -> None:
    await world.service(*POOL)
    members = [row["id"] for row in await world.database.pool.fetch("SELECT id FROM pool_member ORDER BY id")]

    async def batch(order: int) -> None:
        mixed = {(5, member): Counts(1, 2, 1) for member in members[::order]}
        await world.database.transaction(lambda connection: health.count(connection, mixed))

    await asyncio.gather(*(batch((1, -1)[n % 2]) for n in range(40)))
    rows = await world.database.pool.fetch("SELECT delivered, undelivered, filtered FROM member_hour WHERE hour = 5")
    assert [tuple(row) for row in rows] == [(40, 80, 40)] * len(POOL)


async def test_S_91_what_cannot_be_written_yet_is_written_later_and_not_twice(world: World, clock: HandClock) -> None:
    service = await world.service(POOL[0])
    await world.database.pool.execute("ALTER TABLE member_hour RENAME TO away")
    await world.send(service, PEOPLE[0])
    refused = world.lane.submitted[-1]
    world.lane.answer(Refused(refused.key, refused.attempt, 30007, Retry.NEVER, "spam"))
    await world.dispatcher.answers.idle()
    with pytest.raises(asyncpg.UndefinedTableError):
        await world.fates.write()
    await world.database.pool.execute("ALTER TABLE away RENAME TO member_hour")
    clock.advance(timedelta(hours=1))
    await told(world, service, PEOPLE[1], ReceiptState.DELIVERED)
    await world.fates.write()
    (found,) = await health.of_service(world.database, clock.now())
    hour = hour_number(clock.now())
    assert dict(found.hours) == {hour - 1: Counts(0, 1, 1), hour: Counts(1)}


async def test_S_91_a_process_that_stops_writes_what_it_has_counted(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock) as world:
        service = await world.service(POOL[0])
        await world.send(service, PEOPLE[0])
        refused = world.lane.submitted[-1]
        world.lane.answer(Refused(refused.key, refused.attempt, 30007, Retry.NEVER, "spam"))
        await world.flow.stop(0.0)
        assert await counts(world) == {POOL[0]: Counts(0, 1, 1)}


async def subscribed(world: World) -> None:
    streams, account = EventStreams(world.database), world.account.id
    sink = await streams.create_sink(account, NewSink("all", "https://example.com/e", False), world.clock.now())
    assert isinstance(sink, Sink)
    await streams.create_subscription(
        account, sink.sid, "health", dict.fromkeys(NUMBER_HEALTH.values(), 1), world.clock.now()
    )
    await world.events.streams.refresh()


async def test_S_92_a_failing_number_keeps_its_people_and_gets_no_new_ones_where_the_service_says_so(
    world: World, clock: HandClock
) -> None:
    service = await world.service(*POOL[:2])
    before = {person: (await world.send(service, person)).sender for person in PEOPLE[:10]}
    assert set(before.values()) == set(POOL[:2])
    await fail(world, service, POOL[0], 60)
    await world.sweeps._health.look()
    new = {(await world.send(service, person)).sender for person in PEOPLE[10:20]}
    assert new == set(POOL[:2]), "off by default"
    await health.set_policy(world.database, service.id, AVOID)
    assert {(await world.send(service, person)).sender for person in PEOPLE[20:30]} == {POOL[1]}
    assert {person: (await world.send(service, person)).sender for person in before} == before
    clock.advance(timedelta(hours=26))
    await world.sweeps._health.look()
    assert {(await world.send(service, person)).sender for person in PEOPLE[30:40]} == set(POOL[:2])


async def test_S_92_a_pool_of_failing_numbers_sends_all_the_same(world: World) -> None:
    service = await world.service(POOL[0])
    await health.set_policy(world.database, service.id, AVOID)
    await fail(world, service, POOL[0], 10)
    await world.sweeps._health.look()
    assert (await world.send(service, PEOPLE[0])).sender == POOL[0]


async def test_S_93_each_turn_leaves_one_event_whoever_looks(database: Database, clock: HandClock) -> None:
    lanes = HandLane("hand/0"), HandLane("hand/1")
    async with (
        open_world(database, clock, lanes[0], "a") as one,
        open_world(database, clock, lanes[1], "b", seed=9) as two,
    ):
        await subscribed(one)
        await two.events.streams.refresh()
        service = await one.service(*POOL[:2])
        await fail(one, service, POOL[0], 60)
        await asyncio.gather(*(w.sweeps._health.look() for w in (one, two, one, two)))
        clock.advance(UNHEALTHY_FOR + timedelta(hours=24))
        await asyncio.gather(*(w.sweeps._health.look() for w in (one, two)))
        posted = sorted((json.loads(o.payload) for o in one.owed + two.owed), key=lambda event: event["time"])
        assert [event["type"] for event in posted] == [
            "limpet.messaging.number-health.unhealthy",
            "limpet.messaging.number-health.healthy",
        ]
        assert posted[0]["dataschema"] == "urn:limpet:schemas/Limpet.NumberHealth/1"
        data = posted[0]["data"]
        assert (data["phoneNumber"], data["status"], data["reason"]) == (POOL[0], "unhealthy", "delivery_rate")
        assert data["day"]["undelivered"] == 60
        assert "reason" not in posted[1]["data"]


async def test_S_93_a_number_that_left_is_looked_at_no_more(world: World) -> None:
    service = await world.service(*POOL[:2])
    await fail(world, service, POOL[0], 60)
    await world.remove(service, POOL[0])
    await world.sweeps._health.look()
    marked = await world.database.pool.fetchval("SELECT count(*) FROM pool_member WHERE failing_since IS NOT NULL")
    assert marked == 0
    await world.add(service, POOL[0])
    assert (await counts(world))[POOL[0]] == Counts(), "a new membership begins anew"


async def test_hours_that_no_window_reaches_are_dropped(world: World, clock: HandClock) -> None:
    service = await world.service(POOL[0])
    await fail(world, service, POOL[0], 1)
    clock.advance(timedelta(hours=25))
    await fail(world, service, POOL[0], 1)
    await health.forget(world.database, clock.now())
    assert await world.database.pool.fetchval("SELECT count(*) FROM member_hour") == 2
    clock.advance(timedelta(hours=2))
    await health.forget(world.database, clock.now())
    assert await world.database.pool.fetchval("SELECT count(*) FROM member_hour") == 1
