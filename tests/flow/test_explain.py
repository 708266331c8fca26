"""A dry run and the next real decision are the same, whatever is stored; and a dry run writes nothing."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.address import parse_recipient
from limpet.core.ids import day_number
from limpet.core.limits import carriers_day
from limpet.core.model import Service
from limpet.core.pool import WhyNot
from limpet.core.retention import Mark
from limpet.core.selection import Refusal
from limpet.core.sticky import Binding, Standing
from limpet.flow.draft import Media, Rejected
from limpet.flow.explain import Explained, Supposed
from limpet.registrar.port import Approved
from limpet.store.database import Database
from limpet.store.opt_outs import Origin
from tests.support.clock import HandClock
from tests.support.registry import A2p
from tests.support.world import POOL, World, open_world

ANNA = "+14155550101"
NUMBERS = {
    "+12125550101": "US", "+12125550102": "US", "+14155550103": "US", "+16285550104": "US", "+16045550105": "CA",
    "+442079460106": "GB",
}  # fmt: skip
PEOPLE = [f"+1415555{n:04}" for n in range(8)] + ["+16045550199", "+442079460999", "+33612345678"]
FINGERPRINT = "SELECT count(*) || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {} t"
MEMBER = (
    "SELECT p.id FROM pool_member p JOIN sender n ON n.id = p.sender_id WHERE n.address = $1 AND p.removed_at IS NULL"
)
STEPS = 70


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def explained(world: World, service: Service, to: str, **more: object) -> Explained:
    recipient = parse_recipient(to)
    assert recipient is not None
    supposed = Supposed(world.account, service.sid, recipient, world.clock.now(), **more)  # type: ignore[arg-type]
    found = await world.accept.explain(supposed)
    assert found is not None
    return found


async def sent(world: World, service: Service, to: str, *, media: bool, sender: str | None) -> tuple[object, ...]:
    """What a real message was answered: sender, rung, what the mapping had to do with it, and the error."""
    link = Media(("http://a.example/cat.jpg",), "http://127.0.0.1/m/abc", f"c{random.random()}") if media else None
    answer = await world.accept.submit(world.new(service, to, media=link, sender=sender))
    if isinstance(answer, Rejected):
        return None, None, None, answer.code
    message = await world.read(answer)
    if message.sticky is None:
        return None, None, None, message.error_code
    return message.sender, message.reason, message.sticky, None


def foretold(found: Explained) -> tuple[object, ...]:
    answer = found.answer
    if isinstance(answer, Refusal):
        return None, None, None, answer.error_code
    return answer.candidate.sender.address, answer.reason, answer.outcome, None


async def disturb(world: World, service: Service, chance: random.Random, clock: HandClock) -> None:
    """Something that changes what is decided."""
    number, person = chance.choice(list(NUMBERS)), chance.choice(PEOPLE)
    match chance.randrange(11):
        case 0 | 1:
            here = await world.database.pool.fetchval(f"SELECT count(*) FROM ({MEMBER}) m", number)
            await (world.remove(service, number) if here else world.add(service, number, NUMBERS[number]))
        case 2:
            clock.advance(timedelta(days=chance.choice([1, 5, 9, 10])))
        case 3:
            await world.set(service, "sticky_sender", chance.random() < 0.8)
        case 4:
            await world.set(service, "area_code_geomatch", chance.random() < 0.5)
        case 5:
            able = chance.choice([["sms", "mms"], ["sms", "mms"], ["sms"], ["voice"]])
            await change(world, "UPDATE sender SET capabilities = $2 WHERE address = $1", number, able)
        case 6:
            await world.cap(service, number, chance.choice([None, 0, 1, 3]))
        case 7:
            clearance = chance.choice(["clear", "clear", "pending", "barred"])
            await change(world, f"UPDATE pool_member SET clearance = $2 WHERE id IN ({MEMBER})", number, clearance)
        case 8:
            marked = (
                f"INSERT INTO member_refused SELECT m.id, 'US', 30034, $2, $3 FROM ({MEMBER}) m ON CONFLICT DO NOTHING"
            )
            await change(world, marked, number, day_number(clock.now()) + 3, clock.now())
        case 9:
            if not await world.opt_outs.remove(service, person):
                await world.opt_outs.add(service, [person], Origin.API, clock.now())
        case _:
            await world.set(service, "daily_segments", chance.choice([None, None, 0, 5]))


async def change(world: World, statement: str, *values: object) -> None:
    """A change that moves every pool's generation with it."""
    async with world.database.pool.acquire() as connection, connection.transaction():
        await connection.execute(statement, *values)
        await connection.execute("UPDATE service SET generation = generation + 1")


async def rows(world: World) -> dict[str, str]:
    names = ("sticky_mapping", "sticky_event", "message", "tally", "service", "pool_member", "opt_out")
    return {name: await world.database.pool.fetchval(FINGERPRINT.format(name)) for name in names}


@pytest.mark.parametrize("seed", range(5))
async def test_S_90_a_dry_run_is_the_next_real_decision_when_nothing_changes_between(
    world: World, clock: HandClock, seed: int
) -> None:
    chance, outcomes = random.Random(seed), set[object]()
    service = await world.service(*list(NUMBERS)[:3], sticky_ttl_days=8)
    for _ in range(STEPS):
        if chance.random() < 0.4:
            await disturb(world, service, chance, clock)
        person, media = chance.choice(PEOPLE), chance.random() < 0.25
        sender = chance.choice(list(NUMBERS)) if chance.random() < 0.15 else None
        before, loads = await rows(world), dict(world.accept._assigner._meter.loads)
        found = await explained(world, service, person, media=media, sender=sender)
        assert (await rows(world), world.accept._assigner._meter.loads) == (before, loads), "a dry run writes nothing"
        real = await sent(world, service, person, media=media, sender=sender)
        assert foretold(found) == real
        outcomes.add(real[2] or real[3])
    assert {"created", "used", "replaced"} <= outcomes, "the histories reach what they are about"


async def test_S_90_a_dry_run_for_later_is_the_decision_of_that_day(world: World, clock: HandClock) -> None:
    service = await world.service(*POOL[:2], sticky_ttl_days=8)
    first = await world.send(service, ANNA)
    await world.cap(service, first.sender or "", 1)
    soon, late = clock.now() + timedelta(days=8), clock.now() + timedelta(days=9)
    supposed = [
        await world.accept.explain(Supposed(world.account, service.sid, parse_recipient(ANNA), at))  # type: ignore[arg-type]
        for at in (soon, late)
    ]
    standings = [found and found.standing for found in supposed]
    assert standings == [Standing.LIVE, Standing.EXPIRED]
    clock.advance(timedelta(days=9))
    answer = supposed[1] and supposed[1].answer
    assert isinstance(answer, Binding)
    later = await world.send(service, ANNA)
    assert (later.sender, later.sticky) == (answer.candidate.sender.address, answer.outcome)


async def test_S_90_a_mapping_under_a_pseudonym_is_found_and_left_there(world: World, clock: HandClock) -> None:
    service = await world.service(*POOL)
    await world.send(service, ANNA, marks=int(Mark.OBFUSCATE))
    clock.advance(timedelta(seconds=6))
    while await world.due.turn():
        pass
    before = await rows(world)
    found = await explained(world, service, ANNA)
    assert found.standing is Standing.LIVE
    assert await rows(world) == before
    assert await sent(world, service, ANNA, media=False, sender=None) == foretold(found)


async def test_S_90_the_others_are_told_and_a_person_who_opted_out_is_not_asked_about(world: World) -> None:
    service = await world.service(*POOL[:2])
    first = await world.send(service, ANNA)
    found = await explained(world, service, ANNA)
    other = next(number for number in POOL[:2] if number != first.sender)
    assert [(p.candidate.sender.address, p.why) for p in found.passed] == [(other, WhyNot.MAPPED_ELSEWHERE)]
    await world.opt_outs.add(service, [ANNA], Origin.API, world.clock.now())
    found = await explained(world, service, ANNA)
    assert (found.answer, found.passed) == (Refusal(21610), ())


async def test_S_90_an_account_that_may_not_write_there_is_told_so(world: World) -> None:
    service = await world.service(*POOL[:2])
    elsewhere = replace(world.account, countries=frozenset({"GB"}))
    supposed = Supposed(elsewhere, service.sid, world.new(service, ANNA).recipient, world.clock.now())
    found = await world.accept.explain(supposed)
    refused = await world.accept.submit(world.new(service, ANNA, account=elsewhere))
    assert found is not None
    assert isinstance(refused, Rejected)
    assert found.answer == Refusal(refused.code)


async def test_S_90_what_a_campaign_has_used_up_is_told(world: World, clock: HandClock) -> None:
    a2p = A2p(world)
    service = await a2p.service(POOL[0])
    await a2p.answered_by(Approved("ok", {"score": 80}))
    limits = {"att_class": "W"}
    await world.database.pool.execute("UPDATE campaign SET limits = limits || $1", limits)
    await world.set(service, "updated_at", clock.now())
    assert isinstance((await explained(world, service, ANNA)).answer, Binding)
    await world.database.pool.execute(
        "INSERT INTO tally VALUES ('campaign', $1, $2, 3000)",
        await a2p.campaign_row(service),
        carriers_day(clock.now()),
    )
    before = await rows(world)
    found = await explained(world, service, ANNA)
    assert await rows(world) == before
    assert (found.answer, found.passed) == (Refusal(30023), ())
    assert (await sent(world, service, ANNA, media=False, sender=None)) == (None, None, None, 30023)
