"""Mappings that age by hours, by days or never (rules S-5, S-140, S-141), on a real database and a clock that is stepped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count

import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound
from limpet.core.ids import day_number, hour_of_day
from limpet.core.model import Service
from limpet.core.sticky import Origin, Pin
from limpet.core.sticky_flags import ORIGIN_BITS, hour_bits, hour_of
from limpet.core.ttl import NEVER_DAYS, Ttl
from limpet.store import sticky, sticky_by_hand
from limpet.store.database import Database
from limpet.store.services import Services
from limpet.store.sticky import Swap
from limpet.store.sticky_by_hand import Wish
from tests.support.clock import HandClock
from tests.support.imports import exported
from tests.support.spaces import spaced
from tests.support.world import POOL, World, open_world

ANNA, BEN = "+14155550101", "+14155550102"
HOUR = timedelta(hours=1)
tokens = count(1)


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def aging(world: World, days: int, hours: int | None) -> Service:
    return await world.service(*POOL, sticky_ttl_days=days, sticky_ttl_hours=hours)


async def used(world: World, service: Service, to: str = ANNA) -> str:
    """A message that leaves; where it came from."""
    message = await world.send(service, to)
    world.lane.take(await world.submission_of(message))
    await world.settle()
    await world.database.pool.execute("UPDATE sticky_mapping SET flags = flags | 1")
    return str(message.sender)


async def counts(world: World, service: Service) -> bool:
    """Whether Anna's mapping counts, as the page of mappings and the export say."""
    now = world.clock.now()
    view = await world.sticky.lookup(service, ANNA, now)
    assert view is not None
    assert (ANNA in await exported(world.database, service, now)) is view.live
    return view.live


@pytest.mark.parametrize(
    ("ttl", "last"),
    [
        (Ttl(1, 1), HOUR), (Ttl(2, 36), 36 * HOUR), (Ttl(30, 720), 720 * HOUR),
        (Ttl(8), timedelta(days=8)), (Ttl(365), timedelta(days=365)),
    ],
    ids=str,
)  # fmt: skip
async def test_S_5_S_140_the_last_hour_or_day_counts_and_the_next_does_not(
    world: World, ttl: Ttl, last: timedelta
) -> None:
    service = await aging(world, *ttl)
    step = HOUR if ttl.hours else timedelta(days=1)
    number = await used(world, service)
    world.clock.advance(last)
    await world.database.ensure_partitions(world.clock.now())
    assert await counts(world, service)
    assert (await world.send(service, ANNA)).sender == number
    world.clock.advance(last + step)
    await world.database.ensure_partitions(world.clock.now())
    assert not await counts(world, service)
    assert (await world.send(service, ANNA)).sticky == "replaced"
    assert (await world.kinds(service, ANNA))[-1] == "replaced:expired"


async def test_S_140_a_use_is_written_once_an_hour_and_never_goes_back(world: World) -> None:
    service = await aging(world, 30, 720)
    versions = []
    for minutes in (0, 20, 20, 20, 60, 10, -120):
        world.clock.advance(timedelta(minutes=minutes))
        await used(world, service)
        row = await world.database.pool.fetchrow("SELECT xmin::text, last_used_day, flags FROM sticky_mapping")
        assert row is not None
        versions.append(row["last_used_day"] * 24 + (hour_of(row["flags"]) or 0))
    base = versions[0]
    assert versions == [base, base, base, base + 1, base + 2, base + 2, base + 2]


async def test_S_8_where_days_count_no_hour_is_noted(world: World) -> None:
    service = await aging(world, 365, None)
    await used(world, service)
    await write(world, ANNA, str(await world.mapping(service, ANNA)))
    assert await world.database.pool.fetchval("SELECT flags >> 7 FROM sticky_mapping") == 0


async def write(world: World, person: str, number: str) -> None:
    token = next(tokens)
    world.lane.tell(Inbound(token, person, number, "Hello"))
    await world.until(lambda: token in world.lane.acknowledged)
    await world.settle()


async def test_S_21_S_140_a_text_is_a_use_within_the_hours_and_revives_nothing_after_them(world: World) -> None:
    service = await aging(world, 1, 2)
    number = await used(world, service)
    world.clock.advance(2 * HOUR)
    await write(world, ANNA, number)
    world.clock.advance(2 * HOUR)
    assert await counts(world, service)
    world.clock.advance(HOUR)
    await write(world, ANNA, number)
    assert not await counts(world, service)


async def test_S_140_a_mapping_of_before_counts_from_the_end_of_its_day(world: World, clock: HandClock) -> None:
    service = await aging(world, 365, None)
    number = await used(world, service)
    await Services(world.database).update(
        world.account.id, service.sid, {"sticky_ttl_days": 1, "sticky_ttl_hours": 1}, clock.now()
    )
    service = await world.reread(service)
    clock.advance(timedelta(hours=23 - clock.now().hour))
    assert await counts(world, service)
    clock.advance(HOUR)
    assert (await world.send(service, ANNA)).sender == number
    assert await world.database.pool.fetchval("SELECT flags >> 7 & 31 FROM sticky_mapping") == clock.now().hour + 1
    clock.advance(2 * HOUR)
    assert not await counts(world, service)


async def test_S_85_S_140_an_expired_mapping_is_replaced_once_however_many_messages_find_it(world: World) -> None:
    service = await aging(world, 1, 1)
    await used(world, service)
    world.clock.advance(3 * HOUR)
    answers = [await world.send(service, ANNA) for _ in range(3)]
    assert len({answer.sender for answer in answers}) == 1
    assert [answer.sticky for answer in answers] == ["replaced", "used", "used"]


async def test_S_84_S_140_what_is_done_by_hand_notes_the_hour(world: World) -> None:
    service = await aging(world, 1, 1)
    (member, *_) = await Services(world.database).pool(service.id)
    key = world.sticky.key(service, ANNA)
    await sticky_by_hand.put(world.sticky, service, key, Wish(member.id, None, "test"), world.clock.now())
    world.clock.advance(HOUR)
    assert await counts(world, service)
    world.clock.advance(HOUR)
    assert not await counts(world, service)
    await sticky_by_hand.put(world.sticky, service, key, Wish(member.id, Pin.PLAIN, "test"), world.clock.now())
    world.clock.advance(timedelta(days=9))
    assert await counts(world, service), "a pin does not age"


async def test_S_23_S_141_the_purge_takes_only_what_is_dead_and_never_what_never_dies(world: World) -> None:
    short, long = await aging(world, 1, 5), await world.service(sticky_ttl_days=NEVER_DAYS)
    await world.add(long, "+12125550199")
    await used(world, short)
    await used(world, long, BEN)
    world.clock.advance(5 * HOUR)
    assert await world.sticky.purge(world.clock.now()) == 0
    world.clock.advance(timedelta(days=2))
    assert await world.sticky.purge(world.clock.now()) == 1
    world.clock.advance(timedelta(days=60 * 365))
    assert await world.sticky.purge(world.clock.now()) == 0
    assert await world.mapping(long, BEN) == "+12125550199"


async def test_S_136_S_140_the_hours_of_a_space_count_for_all_its_services(world: World) -> None:
    one, other = await spaced(
        world, await world.service(*POOL[:2]), await world.service(*POOL[2:4]), ttl=Ttl(1, 3)
    )  # fmt: skip
    number = await used(world, one)
    world.clock.advance(3 * HOUR)
    assert await used(world, other) == number
    world.clock.advance(3 * HOUR)
    assert await counts(world, one)
    world.clock.advance(HOUR)
    assert await used(world, one) in POOL[:2]
    assert (await world.kinds(other, ANNA))[-1] == "replaced:expired"


async def test_S_85_S_140_a_swap_holds_only_if_the_hour_is_as_it_was_read(world: World) -> None:
    service = await aging(world, 1, 1)
    await used(world, service)
    world.clock.advance(3 * HOUR)
    key, now = world.sticky.key(service, ANNA), world.clock.now()
    async with world.database.pool.acquire() as connection:
        before = (await sticky.read(connection, [key]))[0].mapping
        assert before is not None
        again = Swap(key, before.member_id, before, hour=hour_of_day(now))
        assert await sticky.swap(connection, [again], day_number(now)) == {key}
        assert await sticky.swap(connection, [again], day_number(now)) == set(), "it was replaced within the same day"


@pytest.mark.parametrize("ttl", [Ttl(365), Ttl(30, 720)], ids=str)
@pytest.mark.parametrize("by", ["message", "text"])
async def test_S_8_S_140_a_use_changes_nothing_else_of_a_mapping(world: World, ttl: Ttl, by: str) -> None:
    service = await aging(world, *ttl)
    number = await used(world, service)
    noted = "SELECT last_used_day, flags FROM sticky_mapping"
    everything = 1 | 2 | 4 | ORIGIN_BITS[Origin.IMPORT]
    await world.database.pool.execute("UPDATE sticky_mapping SET flags = (flags & 3968) | $1", everything)
    world.clock.advance(timedelta(days=2, hours=3))
    if by == "message":
        await world.send(service, ANNA)
    else:
        await write(world, ANNA, number)
    row = await world.database.pool.fetchrow(noted)
    assert row is not None
    hour = None if ttl.hours is None else world.clock.now().hour
    assert tuple(row) == (day_number(world.clock.now()), everything | hour_bits(hour))
