"""Senders that a carrier refuses for a country: rules S-70 to S-73 over several messages, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.carrier.port import ReceiptState, Retry
from limpet.core.ids import day_number
from limpet.core.model import Message, Service
from limpet.core.status import Status
from limpet.store.database import Database
from limpet.store.refused import RefusedSenders
from tests.support.clock import HandClock
from tests.support.lane import receipt
from tests.support.world import World, open_world

ANNA, BEN, BRITON = "+14155550101", "+14155550102", "+447700900199"
ONE, TWO = "+12125550100", "+12125550101"


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def sent(world: World, service: Service, to: str) -> str | None:
    message = await world.send(service, to)
    world.lane.take(await world.submission_of(message))
    await world.settle()
    return message.sender


async def failing(world: World, service: Service, to: str, code: int = 30034) -> Message:
    """A message that the carrier refuses for good."""
    message = await world.send(service, to)
    world.lane.refuse(await world.submission_of(message), Retry.NEVER, code)
    await world.settle()
    return await world.read(message)


async def mapped_to_one(world: World, *people: str) -> Service:
    """A service with two numbers, and people who are mapped to the first of them by messages that left."""
    service = await world.service(ONE)
    for person in people:
        assert await sent(world, service, person) == ONE
    await world.add(service, TWO)
    return await world.reread(service)


async def marks(world: World) -> list[tuple[str, str, int]]:
    found = await RefusedSenders(world.database).all(day_number(world.clock.now()))
    return [(one.sender, one.country, one.error_code) for one in found]


@pytest.mark.parametrize("code", [21606, 21659, 30032, 30034, 30041])
async def test_S_70_S_71_a_refused_sender_is_replaced_at_the_next_message_with_one_event(
    world: World, code: int
) -> None:
    service = await mapped_to_one(world, ANNA)
    lost = await failing(world, service, ANNA, code)
    assert (lost.status, lost.error_code, lost.sender) == (Status.FAILED, code, ONE)
    assert await marks(world) == [(ONE, "US", code)]
    assert await world.kinds(service, ANNA) == ["created:first_message"]
    assert [await sent(world, service, ANNA) for _ in range(3)] == [TWO] * 3
    assert await world.kinds(service, ANNA) == ["created:first_message", "replaced:sender_refused"]


async def test_S_70_people_of_other_countries_keep_their_number(world: World) -> None:
    service = await mapped_to_one(world, ANNA, BRITON)
    await failing(world, service, ANNA)
    assert await sent(world, service, BRITON) == ONE
    assert await world.kinds(service, BRITON) == ["created:first_message"]


@pytest.mark.parametrize(("retry", "code"), [(Retry.NEVER, 30005), (Retry.NEVER, 30007), (Retry.LATER, 30034)])
async def test_S_70_a_refusal_that_is_not_the_senders_or_not_final_marks_nobody(
    world: World, retry: Retry, code: int
) -> None:
    service = await mapped_to_one(world, ANNA)
    await world.send(service, ANNA)
    world.lane.refuse(world.lane.submitted[-1], retry, code)
    await world.settle()
    assert await marks(world) == []
    assert await world.mapping(service, ANNA) == ONE


async def test_S_70_a_receipt_can_name_the_sender_too(world: World) -> None:
    service = await mapped_to_one(world, ANNA)
    await world.send(service, ANNA)
    submission = world.lane.submitted[-1]
    (carrier_id,) = world.lane.take(submission)
    await world.settle()
    world.lane.tell(receipt(submission, carrier_id, ReceiptState.UNDELIVERED, error_code=30032))
    await world.settle()
    assert await marks(world) == [(ONE, "US", 30032)]
    assert await sent(world, service, ANNA) == TWO


async def test_S_70_a_plain_from_marks_nobody(world: World) -> None:
    service = await mapped_to_one(world, ANNA)
    await world.send(None, BEN, sender=ONE)
    world.lane.refuse(world.lane.submitted[-1], Retry.NEVER, 30034)
    await world.settle()
    assert (await marks(world), await world.mapping(service, ANNA)) == ([], ONE)


async def test_S_71_a_first_message_that_is_refused_leaves_no_mapping_and_the_next_goes_elsewhere(world: World) -> None:
    service = await world.service(ONE, TWO)
    first = await failing(world, service, ANNA)
    assert await world.kinds(service, ANNA) == ["created:first_message", "unsent:no_message_left"]
    assert {await sent(world, service, person) for person in (ANNA, BEN)} == {ONE, TWO} - {first.sender}


async def test_S_72_a_sender_without_another_is_asked_each_time_and_keeps_its_people(world: World) -> None:
    service = await world.service(ONE)
    await sent(world, service, ANNA)
    for _ in range(2):
        assert (await failing(world, service, ANNA)).error_code == 30034
    assert await world.mapping(service, ANNA) == ONE
    assert await sent(world, service, ANNA) == ONE
    assert await world.kinds(service, ANNA) == ["created:first_message"]


async def test_S_73_a_mark_ages_out_on_its_day_and_returns_nobody(world: World) -> None:
    service = await mapped_to_one(world, ANNA, BEN)
    await failing(world, service, ANNA)
    await sent(world, service, ANNA)
    world.clock.advance(timedelta(days=6))
    assert await marks(world) == [(ONE, "US", 30034)]
    world.clock.advance(timedelta(days=1))
    assert await marks(world) == []
    assert (await sent(world, service, BEN), await sent(world, service, ANNA)) == (ONE, TWO)
    await failing(world, service, BEN)
    assert await marks(world) == [(ONE, "US", 30034)], "one that has aged out can be made again"


async def test_S_73_an_operator_clears_one_country_or_all(world: World) -> None:
    service = await mapped_to_one(world, ANNA, BEN)
    await failing(world, service, ANNA)
    operator = RefusedSenders(world.database)
    assert await operator.clear(ONE, "GB") == 0
    assert await operator.clear(ONE, "US") == 1
    assert await sent(world, service, BEN) == ONE
    await failing(world, service, ANNA)
    assert await operator.clear(ONE, None) == 1
    assert await sent(world, service, BEN) == ONE


async def test_S_73_a_number_that_joins_again_is_unmarked(world: World) -> None:
    service = await mapped_to_one(world, ANNA)
    await failing(world, service, ANNA)
    await world.remove(service, ONE)
    await world.add(service, ONE)
    assert await marks(world) == []
    await world.remove(service, TWO)
    assert await sent(world, service, BEN) == ONE


async def test_S_70_a_flood_of_refusals_changes_the_pool_once(world: World) -> None:
    service = await mapped_to_one(world, *(f"+1415555{n:04}" for n in range(20)))
    for n in range(20):
        await world.send(service, f"+1415555{n:04}")
    before = (await world.reread(service)).generation
    for submission in world.lane.submitted[-20:]:
        world.lane.refuse(submission, Retry.NEVER, 30034)
    await world.settle()
    assert (await world.reread(service)).generation == before + 1
