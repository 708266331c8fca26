"""What people do to mappings by hand, with messages, purges and other processes around it: rules S-80 to S-86 with a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.ids import day_number
from limpet.core.model import Service
from limpet.core.sticky import Pin
from limpet.flow import assign, sweep
from limpet.store import sticky_by_hand, sticky_lists, tallies
from limpet.store.database import Database
from limpet.store.services import Services
from limpet.store.sticky import MappingView
from limpet.store.sticky_by_hand import Wish
from limpet.store.sticky_lists import MappingFilter, Place
from limpet.store.tallies import Tally
from tests.support.clock import HandClock
from tests.support.world import POOL, World, open_world, remove_number

ANNA, BEN = "+14155550101", "+14155550102"


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def _member(world: World, service: Service, number: str) -> int:
    pool = await Services(world.database).pool(service.id)
    return next(m.id for m in pool if m.sender.address == number)


async def _put(
    world: World, service: Service, to: str, number: str | None, pin: Pin | None = None
) -> MappingView | None:  # fmt: skip
    member = None if number is None else await _member(world, service, number)
    key = world.sticky.key(service, to)
    return await sticky_by_hand.put(world.sticky, service, key, Wish(member, pin, "test"), world.clock.now())


async def _sent(world: World, service: Service, to: str, *, fails: bool = False) -> str | None:
    message = await world.send(service, to)
    for submission in list(world.lane.open.values()):
        (world.lane.refuse if fails else world.lane.take)(submission)
    await world.settle()
    return message.sender


async def test_S_80_pins_are_kept_by_the_purge_however_old(world: World) -> None:
    service = await world.service(*POOL)
    for person, pin in ((ANNA, Pin.PLAIN), (BEN, Pin.STRICT), ("+14155550103", Pin.NONE)):
        await _put(world, service, person, POOL[1], pin)
    world.clock.advance(timedelta(days=2000))
    await world.database.ensure_partitions(world.clock.now())
    assert await world.sticky.purge(world.clock.now()) == 1
    assert await world.kinds(service, "+14155550103") == ["created:by_hand", "expired:expired"]
    assert [await _sent(world, service, person) for person in (ANNA, BEN)] == [POOL[1], POOL[1]]
    await _put(world, service, ANNA, None, Pin.NONE)
    assert await _sent(world, service, ANNA) == POOL[1], "letting go is a use"


async def test_S_81_a_plain_pin_goes_with_its_number_and_a_strict_one_outlives_it(world: World) -> None:
    service = await world.service(*POOL)
    await _put(world, service, ANNA, POOL[1], Pin.PLAIN)
    await _put(world, service, BEN, POOL[1], Pin.STRICT)
    await world.remove(service, POOL[1])
    assert await _sent(world, service, ANNA) not in (None, POOL[1])
    assert await world.kinds(service, ANNA) == ["created:pinned", "replaced:number_removed"]
    view = await world.sticky.lookup(service, ANNA, world.clock.now())
    assert view is not None
    assert view.pin is Pin.NONE
    await world.sticky.purge(world.clock.now())
    assert await _sent(world, service, BEN) is None
    assert await world.kinds(service, BEN) == ["created:pinned_strictly"]
    await _put(world, service, BEN, POOL[2])
    assert await _sent(world, service, BEN) == POOL[2], "moved by hand, it is held there"


async def test_S_84_what_is_made_by_hand_stays_when_its_first_message_never_leaves(world: World) -> None:
    service = await world.service(*POOL)
    await _put(world, service, ANNA, POOL[1])
    assert await _sent(world, service, ANNA, fails=True) == POOL[1]
    assert await world.mapping(service, ANNA) == POOL[1]
    await world.send(service, BEN)
    await _put(world, service, BEN, None, Pin.PLAIN)
    for submission in list(world.lane.open.values()):
        world.lane.refuse(submission)
    await world.settle()
    assert await world.mapping(service, BEN) is not None


async def test_S_84_by_hand_is_neither_counted_nor_held_back_by_daily_contacts(world: World) -> None:
    service = await world.service(POOL[0])
    await world.cap(service, POOL[0], 1)
    assert await _sent(world, service, ANNA) == POOL[0]
    await _put(world, service, BEN, POOL[0])
    assert await _sent(world, service, BEN) == POOL[0]
    assert await world.tally("contacts") == 1


async def test_S_85_a_pin_that_comes_while_a_message_decides_is_not_undone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message read a mapping that a number of the person's country is to replace; it is pinned before the message writes."""
    service = await world.service(POOL[0])
    london = "+447700900123"
    assert await _sent(world, service, london) == POOL[0]
    await world.add(service, "+447700900999", "GB")
    swap, tries = assign.sticky.swap, []

    async def pinned_meanwhile(connection, swaps, today):
        tries.append(len(swaps))
        if len(tries) == 1:
            await connection.execute("UPDATE sticky_mapping SET flags = flags | 4")
        return await swap(connection, swaps, today)

    monkeypatch.setattr(assign.sticky, "swap", pinned_meanwhile)
    assert await _sent(world, service, london) == POOL[0]
    assert tries == [1]
    assert await world.kinds(service, london) == ["created:first_message"]


async def test_S_85_many_hands_and_messages_at_once_leave_one_mapping_and_a_chain_of_events(world: World) -> None:
    service = await world.service(*POOL)
    await asyncio.gather(
        *(_put(world, service, ANNA, POOL[n % 5]) for n in range(20)),
        *(world.send(service, ANNA) for _ in range(20)),
    )
    await world.settle()
    events = await world.sticky.events(service, ANNA)
    number = await world.mapping(service, ANNA)
    assert number is not None
    changes = [(e.sender_before, e.sender_after) for e in events if e.kind != "bypassed"]
    left = dict.fromkeys(after for _, after in changes)
    assert changes[0][0] is None or None in {before for before, _ in changes}
    assert number in left
    befores, afters = sorted(str(b) for b, _ in changes), sorted(str(a) for _, a in changes)
    assert sorted([*befores, number]) == sorted([*afters, "None"]), "each change begins where another one ended"


async def test_S_86_a_reset_of_a_number_keeps_everything_else_of_it(world: World) -> None:
    service = await world.service(*POOL)
    await world.cap(service, POOL[0], 7)
    await _put(world, service, ANNA, POOL[0])
    await world.send(service, BEN, sender=POOL[0])
    day, old = day_number(world.clock.now()), await _member(world, service, POOL[0])
    await world.database.pool.execute(
        "INSERT INTO member_refused (member_id, country, error_code, refused_at, until_day) VALUES ($1, 'FR', 21606, $2, $3)",
        old,
        world.clock.now(),
        day + 7,
    )
    await world.database.pool.execute("INSERT INTO member_hour VALUES ($1, 1, 2, 3, 0, 0)", old)
    assert await tallies.count(world.database, Tally.CONTACTS, day, old) == 1
    assert await sticky_by_hand.reset_number(world.sticky, service, POOL[0], "test", None, world.clock.now())
    new = await _member(world, service, POOL[0])
    assert new != old
    assert await tallies.count(world.database, Tally.CONTACTS, day, new) == 1
    assert await world.database.pool.fetchval("SELECT member_id FROM member_refused") == new
    assert await world.database.pool.fetchval("SELECT member_id FROM member_hour") == new
    (member,) = [m for m in await Services(world.database).pool(service.id) if m.id == new]
    assert (member.daily_contacts, member.sender.address) == (7, POOL[0])
    assert [await world.mapping(service, person) for person in (ANNA, BEN)] == [None, None]
    assert await world.sticky.purge(world.clock.now()) == 2


async def test_S_86_everything_that_points_at_a_membership_follows_it(database: Database) -> None:
    """A table that names a membership without saying that it follows would make resets fail, or be left behind."""
    rows = await database.pool.fetch(
        "SELECT conrelid::regclass::text AS name, confupdtype FROM pg_constraint "
        "WHERE contype = 'f' AND confrelid = 'pool_member'::regclass"
    )
    assert {row["name"] for row in rows} >= {"member_refused", "number_registration", "number_swap"}
    assert {row["name"] for row in rows if row["confupdtype"] != b"c"} == set()


async def test_S_86_what_a_reset_left_is_forgotten_when_nothing_points_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BUCKET_PAUSE_S", 0.0)
    service = await world.service(*POOL)
    await _put(world, service, ANNA, POOL[0], Pin.STRICT)
    await sticky_by_hand.reset_service(world.sticky, service, "test", None, world.clock.now())
    counts = "SELECT count(*) FROM pool_member WHERE service_id = $1"
    assert await world.database.pool.fetchval(counts, service.id) == 10
    await world.sweeps.purge()
    assert await world.database.pool.fetchval(counts, service.id) == 10, "not on the same day"
    world.clock.advance(timedelta(days=2))
    await world.sweeps.purge()
    assert await world.database.pool.fetchval(counts, service.id) == 5
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_mapping") == 0
    assert await _sent(world, service, ANNA) in POOL


async def test_S_86_who_is_being_written_to_meanwhile_keeps_the_number_for_that_message(world: World) -> None:
    service = await world.service(POOL[0], POOL[1])
    first = await world.send(service, ANNA)
    await sticky_by_hand.reset_service(world.sticky, service, "test", None, world.clock.now())
    for submission in list(world.lane.open.values()):
        world.lane.take(submission)
    await world.settle()
    assert (await world.read(first)).sender == first.sender
    assert await world.mapping(service, ANNA) is None
    await _sent(world, service, ANNA)
    assert await world.kinds(service, ANNA) == ["created:first_message", "replaced:reset"]


async def test_a_list_of_a_large_service_looks_at_a_bounded_number_of_rows(world: World) -> None:
    """200,000 mappings in 200 buckets: a page reads a thousandth of them, wherever it is."""
    service = await world.service(*POOL)
    member = await _member(world, service, POOL[0])
    await world.database.pool.execute(
        "INSERT INTO sticky_mapping (bucket, service_id, recipient, member_id, last_used_day, created_day) "
        "SELECT n % 200, $1, '+1' || (4150000000 + n), $2, 9557, 9000 FROM generate_series(1, 200000) n",
        service.id,
        member,
    )
    await world.database.pool.execute("VACUUM ANALYZE sticky_mapping")
    seen, place, pages = 0, Place(), 0
    while place is not None and pages < 5:
        page = await sticky_lists.page(world.sticky, service, MappingFilter(), 1000, place, world.clock.now())
        seen, place, pages = seen + len(page.items), page.next, pages + 1
    assert (seen, pages) == (5000, 5)
    rare = MappingFilter(pins=(Pin.STRICT,))
    place, pages = Place(), 0
    while place is not None:
        page = await sticky_lists.page(world.sticky, service, rare, 50, place, world.clock.now())
        assert page.items == ()
        place, pages = page.next, pages + 1
    assert 200_000 / (sticky_lists.STEPS_MAX * sticky_lists.LOOKED_AT_MAX) <= pages < 200


async def test_S_6_another_process_sees_a_reset_at_once(world: World, database: Database, clock: HandClock) -> None:
    service = await world.service(*POOL)
    await _put(world, service, ANNA, POOL[0], Pin.STRICT)
    assert await _sent(world, service, ANNA) == POOL[0]
    await sticky_by_hand.reset_number(world.sticky, service, POOL[0], "test", None, clock.now())
    await remove_number(database, service, POOL[0], clock.now())
    assert await _sent(world, service, ANNA) in POOL[1:]
