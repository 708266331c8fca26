"""A request under a key of the customer's own makes its message once, however often and wherever it is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from limpet.core.model import Message
from limpet.flow.draft import Rejected
from limpet.flow.repeat import ANOTHER_FORM, DELETED, Idempotency
from limpet.store.database import Database
from tests.support.clock import HandClock
from tests.support.lane import HandLane
from tests.support.world import POOL, World, open_world

ANNA = "+14155550101"
KEY, FORM = Idempotency("order-17", b"a" * 16), Idempotency("order-17", b"b" * 16)


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def count(world: World) -> int:
    return int(await world.database.pool.fetchval("SELECT count(*) FROM message"))


async def test_a_repetition_is_answered_with_the_message_that_was_made(world: World) -> None:
    service = await world.service(*POOL)
    first = await world.send(service, ANNA, idempotency=KEY)
    again = await world.accept.submit(world.new(service, ANNA, idempotency=KEY))
    assert isinstance(again, Message)
    assert (again.bucket, again.id, again.sender) == (first.bucket, first.id, first.sender)
    assert await world.accept.submit(world.new(service, ANNA, "other", idempotency=FORM)) == ANOTHER_FORM
    other = await world.send(service, ANNA, idempotency=Idempotency("order-18", b"a" * 16))
    assert other.id != first.id
    assert await count(world) == 2


async def test_many_at_once_in_two_processes_make_one_message(
    world: World, database: Database, clock: HandClock
) -> None:
    service = await world.service(*POOL)
    async with open_world(database, clock, HandLane("other/0"), "other", take_over=False) as second:
        asked = [
            one.accept.submit(world.new(service, ANNA, idempotency=Idempotency(f"k{n % 3}", b"a" * 16)))
            for n in range(60)
            for one in (world, second)
        ]
        answers = await asyncio.gather(*asked)
    assert all(isinstance(answer, Message) for answer in answers)
    assert len({answer.id for answer in answers if isinstance(answer, Message)}) == 3
    assert await count(world) == 3
    assert len(world.lane.submitted) == 3


async def test_a_refused_request_gives_its_key_back(world: World) -> None:
    service = await world.service()
    refused = await world.accept.submit(world.new(service, ANNA, idempotency=KEY))
    assert isinstance(refused, Rejected)
    await world.add(service, POOL[0])
    assert isinstance(await world.accept.submit(world.new(service, ANNA, idempotency=KEY)), Message)


async def test_the_message_may_have_been_deleted_since(world: World) -> None:
    service = await world.service(*POOL)
    first = await world.send(service, ANNA, idempotency=KEY)
    world.lane.take(world.lane.submitted[-1])
    await world.settle()
    assert await world.messages.delete(world.account.id, first.bucket, first.id) is None
    assert await world.accept.submit(world.new(service, ANNA, idempotency=KEY)) == DELETED


async def test_keys_are_forgotten_after_two_days(world: World) -> None:
    service = await world.service(*POOL)
    first = await world.send(service, ANNA, idempotency=KEY)
    world.clock.advance(timedelta(days=1, hours=23))
    await world.flow.sweeps.housekeep()
    again = await world.accept.submit(world.new(service, ANNA, idempotency=KEY))
    assert isinstance(again, Message)
    assert again.id == first.id
    world.clock.advance(timedelta(hours=2))
    await world.flow.sweeps.housekeep()
    later = await world.accept.submit(world.new(service, ANNA, idempotency=KEY))
    assert isinstance(later, Message)
    assert later.id != first.id
