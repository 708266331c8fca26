"""What a person says of their consent, and that nothing reaches who said STOP: rules S-40 to S-42."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limpet.carrier.port import Inbound
from limpet.core.model import Service
from limpet.core.optout import KeywordSet, OptOutSettings, OptOutType
from limpet.core.status import Status
from limpet.flow.draft import Rejected
from limpet.store.database import Database
from limpet.store.opt_outs import Origin
from tests.support.clock import HandClock
from tests.support.world import POOL, World, add_number, open_world, remove_number

ANNA, BEN = "+14155550101", "+14155550102"
tokens = count(1)


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def say(world: World, body: str, to: str = POOL[0], person: str = ANNA) -> list[str]:
    """A person writes to one of our numbers; what is answered by itself, each as `number: text`."""
    before, token = len(world.lane.submitted), next(tokens)
    world.lane.tell(Inbound(token, person, to, body))
    await world.until(lambda: token in world.lane.acknowledged)
    await world.settle()
    await world.until(lambda: _all_handed_over(world))
    return [f"{s.sender}: {s.recipient}" for s in world.lane.submitted[before:]]


async def _all_handed_over(world: World) -> bool:
    """Whether every message that has a lane has come to the carrier."""
    routed = await world.database.pool.fetchval("SELECT count(*) FROM message WHERE lane IS NOT NULL")
    return bool(routed == len(world.lane.submitted))


async def test_stop_blocks_the_whole_service_and_no_other_number_is_tried(world: World) -> None:
    service = await world.service(*POOL)
    number = (await world.send(service, ANNA)).sender
    before = await world.database.pool.fetch("SELECT * FROM sticky_mapping")
    assert await say(world, "stop", POOL[2]) == [f"{POOL[2]}: {ANNA}"]
    world.clock.advance(timedelta(days=2))
    submitted = len(world.lane.submitted)
    for more in ({}, {"sender": POOL[1]}, {"sender": number}):
        blocked = await world.send(service, ANNA, **more)
        assert (blocked.status, blocked.error_code) == (Status.FAILED, 21610)
        assert world.statuses(blocked) == ["failed"]
    assert len(world.lane.submitted) == submitted
    assert await world.database.pool.fetch("SELECT * FROM sticky_mapping") == before
    assert (await world.send(service, BEN)).error_code is None


async def test_S_42_after_start_the_same_number_is_used(world: World) -> None:
    service = await world.service(*POOL)
    number = (await world.send(service, ANNA)).sender
    await say(world, "STOP")
    assert (await world.send(service, ANNA)).error_code == 21610
    assert await say(world, "start") == [f"{POOL[0]}: {ANNA}"]
    assert (await world.send(service, ANNA)).sender == number


async def test_S_41_replies_are_sent_once_and_touch_no_mapping(world: World) -> None:
    await world.service(*POOL)
    assert await say(world, "HELP") == [f"{POOL[0]}: {ANNA}"]
    assert await say(world, "yes") == []
    assert await say(world, "STOP") == [f"{POOL[0]}: {ANNA}"]
    assert await say(world, "STOP") == []
    assert await say(world, "INFO") == []
    assert await say(world, "Unstop") == [f"{POOL[0]}: {ANNA}"]
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_mapping") == 0
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_event") == 0
    replies = await world.database.pool.fetch("SELECT direction, service_id FROM message WHERE direction <> 'inbound'")
    assert {tuple(reply) for reply in replies} == {("outbound-reply", None)}


async def test_a_plain_from_is_refused_at_once_by_the_pair_or_by_the_numbers_service(world: World) -> None:
    service, alone = await world.service(POOL[0], POOL[1]), POOL[2]
    other = await world.service(alone)
    await remove_number(world.database, other, alone, world.clock.now())
    await say(world, "STOP", alone)
    refused = await world.accept.submit(world.new(None, ANNA, sender=alone))
    assert isinstance(refused, Rejected)
    assert refused.code == 21610
    assert (await world.send(None, ANNA, sender=POOL[1])).error_code is None
    assert (await world.send(service, ANNA)).error_code is None
    await say(world, "STOP", POOL[0])
    refused = await world.accept.submit(world.new(None, ANNA, sender=POOL[1]))
    assert isinstance(refused, Rejected)
    assert refused.code == 21610


async def test_a_message_scheduled_before_the_stop_fails_when_it_is_due(world: World) -> None:
    service = await world.service(*POOL)
    later = await world.send(service, ANNA, send_at=world.clock.now() + timedelta(hours=1))
    await say(world, "STOP")
    world.clock.advance(timedelta(hours=2))
    await world.flow.due.turn()
    await world.settle()
    failed = await world.read(later)
    assert (failed.status, failed.error_code) == (Status.FAILED, 21610)


async def test_an_opt_out_of_a_service_outlives_its_numbers(world: World) -> None:
    service = await world.service(POOL[0])
    await say(world, "STOP")
    await remove_number(world.database, service, POOL[0], world.clock.now())
    await add_number(world.database, service, POOL[1], world.clock.now())
    assert (await world.send(service, ANNA)).error_code == 21610


async def test_toll_free_networks_answer_stop_themselves_and_know_two_ways_back(world: World) -> None:
    await world.service(POOL[0])
    await world.database.pool.execute("UPDATE sender SET kind = 'toll_free'")
    assert await say(world, "STOP") == []
    assert await say(world, "YES") == []
    assert await say(world, "HELP") == []
    assert await say(world, "START") == [f"{POOL[0]}: {ANNA}"]


async def test_a_service_hears_its_own_words_and_answers_in_them(world: World) -> None:
    service = await world.service(*POOL)
    own = KeywordSet("US", "es", {OptOutType.STOP: frozenset({"ALTO"})}, {OptOutType.STOP: "Adiós"})
    await world.flow.opt_outs.set(service, OptOutSettings(advanced=True, sets=(own,)), world.clock.now())
    assert await say(world, "alto") == [f"{POOL[0]}: {ANNA}"]
    assert world.lane.submitted[-1].content.count == 1
    said = await world.database.pool.fetchval("SELECT body FROM message WHERE direction = 'outbound-reply'")
    assert said == "Adiós"
    assert (await world.send(service, ANNA)).error_code == 21610


async def test_texts_of_one_person_in_one_batch_are_heard_in_their_order(world: World) -> None:
    service = await world.service(*POOL)
    said = ("STOP", "START", "hello", "STOP", "STOP", "START", "STOP")
    first = next(tokens) + 1000
    world.lane.tell(*(Inbound(first + n, ANNA, POOL[0], body) for n, body in enumerate(said)))
    await world.until(lambda: first + len(said) - 1 in world.lane.acknowledged)
    assert (await world.send(service, ANNA)).error_code == 21610
    await world.settle()
    assert await world.database.pool.fetchval("SELECT count(*) FROM message WHERE direction = 'outbound-reply'") == 5


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["STOP", "START", "send", "from", "plain", "off", "on", "remove"]), max_size=12))
@pytest.mark.timeout(240)
async def test_S_40_who_opted_out_gets_nothing_from_any_number_of_the_pool(world: World, steps: list[str]) -> None:
    numbers = await _fresh(world, 3)
    service = await world.service(*numbers)
    out = False
    for step in steps:
        before = [s for s in world.lane.submitted if s.recipient == ANNA]
        await _step(world, service, numbers, step)
        if step in ("STOP", "START"):
            out = step == "STOP"
        after = [s for s in world.lane.submitted if s.recipient == ANNA]
        if step in ("send", "from", "plain"):
            assert (len(after) > len(before)) is not out, (step, out)


async def _step(world: World, service: Service, numbers: list[str], step: str) -> None:
    match step:
        case "STOP" | "START":
            await say(world, step, numbers[0])
        case "send":
            await world.send(service, ANNA)
        case "from":
            await world.send(service, ANNA, sender=numbers[0])
        case "plain":
            await world.accept.submit(world.new(None, ANNA, sender=numbers[1]))
        case "on" | "off":
            await world.set(service, "sticky_sender", step == "on")
        case "remove":
            await remove_number(world.database, service, numbers[2], world.clock.now())
    for submission in list(world.lane.open.values()):
        world.lane.take(submission)
    await world.settle()


async def _fresh(world: World, most: int) -> list[str]:
    """Numbers that no service of this world has."""
    taken = await world.database.pool.fetchval("SELECT count(*) FROM sender")
    return [f"+1312555{taken + n:04}" for n in range(most)]


async def test_opt_outs_that_were_brought_or_set_by_hand_count_too(world: World) -> None:
    service = await world.service(*POOL)
    now = world.clock.now()
    assert await world.flow.opt_outs.add(service, [ANNA, BEN, ANNA], Origin.IMPORT, now) == 2
    assert await world.flow.opt_outs.add(service, [ANNA], Origin.API, now) == 0
    assert (await world.send(service, BEN)).error_code == 21610
    assert await world.flow.opt_outs.remove(service, BEN)
    assert not await world.flow.opt_outs.remove(service, BEN)
    assert (await world.send(service, BEN)).error_code is None
