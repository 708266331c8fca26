"""Limits in the flow, on a real database: new people of a number, a service's segments, shared rates, scheduled messages."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.model import StickyOverflow
from limpet.core.rate import Queue
from limpet.core.status import Status
from limpet.flow.draft import Rejected
from limpet.flow.share import FRESH_S
from limpet.store import tallies
from limpet.store.database import Database
from limpet.store.tallies import Tally
from tests.support.clock import NOW, HandClock
from tests.support.lane import HandLane
from tests.support.world import POOL, World, open_world

ANNA, BEN = "+14155550101", "+14155550102"
PEOPLE = [f"+1415555{n:04}" for n in range(40)]


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def senders(world: World, people: list[str]) -> Counter[str]:
    """Who the live mappings of these people point at."""
    rows = await world.database.pool.fetch(
        "SELECT n.address FROM sticky_mapping m JOIN pool_member p ON p.id = m.member_id JOIN sender n ON n.id = p.sender_id "
        "WHERE m.recipient = ANY ($1)",
        people,
    )
    return Counter(row["address"] for row in rows)


async def test_S_50_a_number_gets_no_more_new_people_in_a_day_than_it_may(world: World, clock: HandClock) -> None:
    service = await world.service(POOL[0])
    await world.cap(service, POOL[0], 3)
    answers = await asyncio.gather(*(world.send(service, person) for person in PEOPLE[:5]))
    assert Counter(answer.status for answer in answers) == {Status.SENDING: 3, Status.FAILED: 2}
    refused = next(answer for answer in answers if answer.status is Status.FAILED)
    assert (refused.error_code, refused.rejections) == (21703, {POOL[0]: "daily_contacts"})
    old = next(answer for answer in answers if answer.status is Status.SENDING)
    assert (await world.send(service, old.recipient)).sender == POOL[0]
    clock.advance(timedelta(days=1))
    assert (await world.send(service, refused.recipient)).sender == POOL[0]
    assert await world.tally("contacts") == 4


async def test_S_50_a_restart_forgets_no_count(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock) as world:
        service = await world.service(*POOL[:2])
        await world.cap(service, POOL[0], 2)
        for person in PEOPLE[:10]:
            await world.send(service, person)
        assert (await senders(world, PEOPLE))[POOL[0]] == 2
    async with open_world(database, clock, owner="after") as world:
        for person in PEOPLE[10:20]:
            await world.send(service, person)
        assert (await senders(world, PEOPLE))[POOL[0]] == 2
        assert await world.tally("contacts") == 2


async def test_S_50_two_processes_at_once_do_not_pass_the_cap(database: Database, clock: HandClock) -> None:
    lanes = HandLane("hand/0"), HandLane("hand/1")
    async with open_world(database, clock, lanes[0], "a") as one, open_world(database, clock, lanes[1], "b") as two:
        service = await one.service(*POOL[:3])
        for number, cap in zip(POOL[:2], (4, 7), strict=True):
            await one.cap(service, number, cap)
        worlds = [one, two]
        await asyncio.gather(*(worlds[n % 2].send(service, person) for n, person in enumerate(PEOPLE)))
        found = await senders(one, PEOPLE)
        assert (found[POOL[0]], found[POOL[1]], found.total()) == (4, 7, len(PEOPLE))
        assert await one.tally("contacts") == 11


async def test_S_50_who_lost_the_race_for_a_person_has_not_got_them(database: Database, clock: HandClock) -> None:
    lanes = HandLane("hand/0"), HandLane("hand/1")
    async with open_world(database, clock, lanes[0], "a") as one, open_world(database, clock, lanes[1], "b") as two:
        service = await one.service(*POOL)
        for number in POOL:
            await one.cap(service, number, 100)
        await two.send(service, PEOPLE[-1])  # the two draw their ids from the same seed: not in step
        for person in PEOPLE[:20]:
            await asyncio.gather(one.send(service, person), two.send(service, person))
        assert (await senders(one, PEOPLE)).total() == 21
        assert await one.tally("contacts") == 21


async def test_S_50_what_another_process_has_counted_undoes_the_decision(world: World) -> None:
    service = await world.service(*POOL[:2])
    await world.cap(service, POOL[0], 5)
    await world.cap(service, POOL[1], 5)
    await world.send(service, PEOPLE[0])  # this process has now read both counts
    for member in await world.database.pool.fetch("SELECT id FROM pool_member"):
        async with world.database.pool.acquire() as connection:
            await tallies.add(connection, Tally.CONTACTS, 9557, {member["id"]: 4})
    answers = [await world.send(service, person) for person in PEOPLE[1:3]]
    assert sorted(str(answer.status) for answer in answers) == ["failed", "sending"]
    assert await world.tally("contacts") == 10
    assert (await senders(world, PEOPLE)).total() == 2


async def test_S_50_a_cap_that_is_raised_is_seen_at_once_and_one_that_was_used_up_elsewhere_soon(
    world: World, clock: HandClock
) -> None:
    service = await world.service(POOL[0])
    await world.cap(service, POOL[0], 1)
    assert [(await world.send(service, p)).status for p in PEOPLE[:2]] == [Status.SENDING, Status.FAILED]
    await world.cap(service, POOL[0], 2)
    assert (await world.send(service, PEOPLE[2])).status is Status.SENDING
    await world.database.pool.execute("UPDATE tally SET value = 0")
    assert (await world.send(service, PEOPLE[3])).status is Status.FAILED
    clock.advance(timedelta(seconds=FRESH_S))
    assert (await world.send(service, PEOPLE[3])).status is Status.SENDING
    await world.cap(service, POOL[0], None)
    assert (await world.send(service, PEOPLE[4])).status is Status.SENDING
    assert await world.tally("contacts") == 1


async def test_S_53_a_full_queue_is_passed_by_and_told(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, rated=True) as world:
        service = await world.service(*POOL, sticky_overflow=StickyOverflow.BYPASS)
        first = await world.send(service, ANNA)
        world.dispatcher.fleet.pacer.wait_s(Queue(first.sender or "", 1.0), (), 36_000, clock.monotonic())
        second, third = [await world.send(service, ANNA) for _ in range(2)]
        assert second.sender not in (None, first.sender)
        assert (third.sender, second.sticky, second.error_code) == (second.sender, "bypassed", None)
        assert await world.mapping(service, ANNA) == first.sender
        assert await world.kinds(service, ANNA) == [
            "created:first_message", "bypassed:queue_full", "bypassed:queue_full",
        ]  # fmt: skip


async def test_a_services_segments_of_a_day_are_counted_exactly(world: World, clock: HandClock) -> None:
    service = await world.service(*POOL, daily_segments=5)
    answers = await asyncio.gather(*(world.send(service, person, "x" * 200) for person in PEOPLE[:3]))
    assert Counter(answer.error_code for answer in answers) == {None: 2, 30023: 1}
    refused = next(answer for answer in answers if answer.error_code)
    assert (refused.status, refused.sender) == (Status.FAILED, None)
    assert world.statuses(refused) == ["failed"]
    assert await world.mapping(service, refused.recipient) is None
    assert (await world.send(service, BEN)).error_code is None
    assert (await world.send(service, BEN)).error_code == 30023
    assert await world.tally("segments") == 5
    clock.advance(timedelta(days=1))
    assert (await world.send(service, refused.recipient)).error_code is None


async def test_what_has_no_sender_or_becomes_shorter_gives_its_segments_back(world: World) -> None:
    service = await world.service(*POOL, daily_segments=100)
    answer = await world.send(service, ANNA, "“" * 100)
    assert answer.num_segments == 1
    assert await world.tally("segments") == 1
    await world.cap(service, POOL[0], 0)
    for number in POOL[1:]:
        await world.remove(service, number)
    assert (await world.send(service, BEN)).error_code == 21703
    assert await world.tally("segments") == 1


async def test_numbers_of_an_account_and_of_a_service_share_a_rate(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, account_per_s=0.5) as world:
        service, other = await world.service(POOL[0], segments_per_s=0.25), await world.service(POOL[1])
        for to, service_ in ((ANNA, service), (BEN, service), (ANNA, other)):
            await world.send(service_, to)
        await world.send(None, BEN, sender=POOL[1])
        due = await database.pool.fetch("SELECT due_at FROM message_due ORDER BY due_at")
        assert [row["due_at"] - NOW for row in due] == [timedelta(seconds=s) for s in (4, 4, 6)]


async def test_a_sender_on_a_carrier_of_another_region_is_not_sent_from_here(
    database: Database, clock: HandClock
) -> None:
    async with open_world(database, clock, elsewhere=frozenset({"there"})) as world:
        service = await world.service(POOL[0])
        await world.add(service, POOL[1], carrier="there")
        refused = await world.accept.submit(world.new(None, ANNA, sender=POOL[1]))
        assert isinstance(refused, Rejected)
        assert refused.code == 21669
        assert (await world.send(None, ANNA, sender=POOL[0])).error_code is None


@pytest.mark.parametrize("shared", [{"account_per_s": 1.0}, {}])
async def test_a_shared_queue_that_is_full_refuses_as_a_numbers_own_does(
    database: Database, clock: HandClock, shared: dict[str, float]
) -> None:
    async with open_world(database, clock, **shared) as world:
        service = await world.service(POOL[0], segments_per_s=1.0)
        pacer, account = world.dispatcher.fleet.pacer, world.account.id
        name = f"account:{account}" if shared else f"service:{service.id}"
        pacer.wait_s(None, (Queue(name, 1.0),), 36_000, clock.monotonic())
        assert (await world.send(service, ANNA)).error_code == 30001
        plain = await world.accept.submit(world.new(None, ANNA, sender=POOL[0]))
        assert (plain.code if isinstance(plain, Rejected) else None) == (21611 if shared else None)


def later(world: World, **more: object) -> dict[str, object]:
    return {"send_at": world.clock.now() + timedelta(hours=1), **more}


async def test_scheduled_messages_of_an_account_are_counted_as_they_come_and_go(
    database: Database, clock: HandClock
) -> None:
    async with open_world(database, clock, scheduled_max=3) as world:
        service = await world.service(*POOL)
        asked = [world.accept.submit(world.new(service, person, **later(world))) for person in PEOPLE[:5]]
        answers = await asyncio.gather(*asked)
        refused = [answer for answer in answers if isinstance(answer, Rejected)]
        assert [answer.code for answer in refused] == [35125, 35125]
        assert await world.tally("scheduled") == 3
        kept = next(answer for answer in answers if not isinstance(answer, Rejected))
        await world.accept.cancel(world.account, kept.bucket, kept.id)
        assert await world.tally("scheduled") == 2
        own = replace(world.account, scheduled_max=2)
        again = await world.accept.submit(world.new(service, ANNA, **later(world, account=own)))
        assert isinstance(again, Rejected)
        clock.advance(timedelta(hours=1))
        assert await world.due.turn() == 2
        assert await world.tally("scheduled") == 0


async def test_a_scheduled_message_that_nobody_binds_in_time_is_counted_no_more(world: World, clock: HandClock) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA, **later(world))
    clock.advance(timedelta(hours=12))
    await world.sweeps.expire()
    assert (await world.read(answer)).error_code == 30036
    assert await world.tally("scheduled") == 0


async def test_days_that_are_over_are_forgotten(world: World, clock: HandClock) -> None:
    service = await world.service(*POOL, daily_segments=100)
    await world.send(service, ANNA)
    await world.send(service, BEN, **later(world))
    clock.advance(timedelta(days=1))
    await world.sweeps.housekeep()
    assert await world.tally("segments") == 1
    clock.advance(timedelta(days=1))
    await world.sweeps.housekeep()
    assert (await world.tally("segments"), await world.tally("scheduled")) == (0, 1)
