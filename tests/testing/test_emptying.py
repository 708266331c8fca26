"""Beginning anew leaves nothing of anybody, and everything that was set up."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from limpet.clock import SteppableClock
from limpet.core.ids import IdSource, id_floor
from limpet.store.database import Database
from limpet.store.emptying import empty, is_quiet
from limpet.store.queries import QUERIES
from tests.flow.test_forgetting import ANNA, NAMING, counts, fill, hiding
from tests.support.clock import HandClock
from tests.support.lane import HandLane
from tests.support.world import POOL, World, open_world

SET_UP = {"account"}
"""What names a person and was set up: a trial account's verified numbers."""


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock, HandLane(mms=True)) as opened:
        yield opened


def test_what_may_name_a_person_is_all_emptied() -> None:
    emptied = set(re.findall(r"DELETE FROM (\w+)", QUERIES["emptying_all"].text))
    assert NAMING - SET_UP - emptied == set()
    assert not emptied & {"account", "api_key", "service", "sender", "pool_member", "installation", "lane"}


async def test_nothing_is_left_of_anybody_and_a_new_message_is_as_the_first(world: World) -> None:
    service = await hiding(world)
    await fill(world, service, ANNA)
    before = await counts(world)
    assert before["message"]
    assert before["sticky_mapping"]
    await empty(world.database)
    after = await counts(world)
    assert {name for name in NAMING - SET_UP if after[name]} == set()
    kept = {"account", "service", "sender", "pool_member", "installation"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    await world.send(service, ANNA)
    assert (await counts(world))["sticky_mapping"] == 1


async def test_a_number_that_was_refused_or_failing_is_as_the_others_again(world: World) -> None:
    service = await world.service(*POOL)
    pool = world.database.pool
    member = await pool.fetchval("SELECT min(id) FROM pool_member")
    await pool.execute("UPDATE pool_member SET failing_since = $2 WHERE id = $1", member, world.clock.now())
    before = await pool.fetchval("SELECT generation FROM service WHERE id = $1", service.id)
    await empty(world.database)
    assert await pool.fetchval("SELECT count(*) FROM pool_member WHERE failing_since IS NOT NULL") == 0
    assert await pool.fetchval("SELECT generation FROM service WHERE id = $1", service.id) == before + 1
    await empty(world.database)
    assert await pool.fetchval("SELECT generation FROM service WHERE id = $1", service.id) == before + 1


def test_time_and_ids_begin_anew() -> None:
    clock, ids = SteppableClock(timedelta(days=-1)), IdSource()
    first = ids.next(clock.now(), 0)
    clock.step(timedelta(days=366))
    assert ids.next(clock.now(), 0) > id_floor(clock.now() - timedelta(minutes=1))
    clock.begin_anew()
    ids.begin_anew()
    assert clock.offset == timedelta(days=-1)
    assert first <= ids.next(clock.now(), 0) <= id_floor(clock.now())


async def test_it_is_quiet_once_nothing_is_on_its_way(world: World) -> None:
    service = await world.service(*POOL)
    assert await is_quiet(world.database)
    await world.send(service, ANNA)
    assert not await is_quiet(world.database)
    for carrier_id in world.lane.take(world.lane.submitted[-1]):
        assert carrier_id
    await world.settle()
    assert not await is_quiet(world.database)  # its callbacks have not been tried
    await world.database.pool.execute("UPDATE status_callback SET attempt = 1")
    assert await is_quiet(world.database)
