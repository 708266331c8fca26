"""The loop that asks the registrar: once for each thing, through trouble, lost answers, crashes and two processes at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.registration import Stage
from limpet.flow.register import LEASE, Registering, poll_pause, retry_pause
from limpet.registrar.port import Approved, Rejected, Subject
from limpet.store.brands import NewBrand
from limpet.store.campaigns import NewCampaign
from limpet.store.database import Database
from limpet.store.registration_jobs import Verdict, give_verdict
from tests.support.clock import HandClock
from tests.support.registry import FIELDS, PATIENCE, A2p
from tests.support.world import POOL, open_world

OK = Approved("ok")


@pytest_asyncio.fixture
async def a2p(database: Database, clock: HandClock) -> AsyncIterator[A2p]:
    async with open_world(database, clock) as world:
        yield A2p(world)


def asked(a2p: A2p, subject: Subject) -> list[int]:
    """How often each thing of a kind was posted."""
    return [a2p.registry.posts[key] for key, request in a2p.registry.taken.items() if request.subject is subject]


@pytest.mark.parametrize("fault", ["away", "lost", "dies", "dies before"])
async def test_whatever_goes_wrong_a_number_is_asked_about_once(a2p: A2p, fault: str) -> None:
    service = await a2p.service(POOL[0])
    a2p.registry.fault = fault
    await a2p.turn()
    await a2p.turn()
    a2p.registry.approve_all()
    await a2p.turn(LEASE.total_seconds())
    a2p.registry.approve_all()
    await a2p.settle()
    assert asked(a2p, Subject.NUMBER) == [1]
    assert await a2p.stage(service, POOL[0]) is Stage.REGISTERED


async def test_a_number_that_leaves_while_it_is_being_asked_about_is_taken_out_after_that(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    a2p.registry.fault = "dies"
    await a2p.turn()
    assert asked(a2p, Subject.NUMBER) == [1]
    await a2p.remove(service, POOL[0])
    await a2p.turn()
    assert asked(a2p, Subject.NUMBER_REMOVAL) == [], "what may still be under way comes first"
    await a2p.turn(LEASE.total_seconds())
    await a2p.turn()
    assert asked(a2p, Subject.NUMBER_REMOVAL) == [1]
    await a2p.answered_by(OK)
    assert await a2p.stage(service, POOL[0]) is Stage.FREE
    assert a2p.registry.registered == set()


async def test_two_processes_ask_once(a2p: A2p) -> None:
    service = await a2p.service(*POOL)
    other = Registering(a2p.world.database, a2p.registry, a2p.book, a2p.world.clock, PATIENCE)
    await asyncio.gather(*(each.turn() for each in (a2p.registering, other, a2p.registering, other)))
    assert asked(a2p, Subject.NUMBER) == [1] * len(POOL)
    await a2p.answered_by(OK)
    assert {await a2p.stage(service, number) for number in POOL} == {Stage.REGISTERED}


async def test_an_operators_word_takes_the_place_of_an_answer(a2p: A2p) -> None:
    service = await a2p.service(POOL[0], POOL[1])
    await a2p.turn()
    for number, verdict in ((POOL[0], Verdict.APPROVE), (POOL[1], Verdict.REJECT)):
        async with a2p.world.database.pool.acquire() as connection:
            key = await connection.fetchval("SELECT job_key FROM number_registration WHERE address = $1", number)
            assert await give_verdict(connection, key, verdict, "as agreed", 30125, a2p.now)
    await a2p.turn()
    assert await a2p.stage(service, POOL[0]) is Stage.REGISTERED
    view = await a2p.views.of_number(service.id, (await a2p.sender(POOL[1])).sid)
    assert view is not None
    assert (view.stage, view.reason, view.error_code) == (Stage.FAILED, "as agreed", 30125)


async def test_a_mock_brand_and_all_that_is_its_reach_nobody(a2p: A2p) -> None:
    new = NewBrand("BU" + "1" * 32, "BU" + "2" * 32, "STANDARD", mock=True, skip_vetting=False)
    brand = await a2p.brands.create(a2p.world.account.id, new, a2p.now)
    await a2p.turn()
    service = await a2p.service(POOL[0], campaign=False)
    made = await a2p.campaigns.create(service, NewCampaign(brand.sid, "MIXED", FIELDS), a2p.now)
    assert not isinstance(made, str)
    assert made.mock
    for _ in range(2):
        await a2p.turn()
    assert await a2p.stage(service, POOL[0]) is Stage.REGISTERED
    assert a2p.registry.posts == {}


async def test_a_campaign_that_failed_is_asked_about_again_and_a_verified_one_stays_so(a2p: A2p) -> None:
    service = await a2p.service(POOL[0], campaign=False)
    sid = await a2p.campaign(service)
    await a2p.answered_at_once(Rejected("vague", 30897, None, ("DESCRIPTION",)))
    failed = await a2p.campaigns.by_sid(service.id, sid)
    assert failed is not None
    assert failed.status == "FAILED"
    assert dict(failed.errors[0]) == {
        "error_code": 30897, "description": "vague", "fields": ["DESCRIPTION"],
        "url": "https://www.twilio.com/docs/errors/30897",
    }  # fmt: skip
    changed = await a2p.campaigns.change(service, sid, {"description": "x" * 40}, a2p.now)
    assert (changed.status, changed.errors) == ("PENDING", ())  # type: ignore[union-attr]
    await a2p.answered_by(OK)
    assert await a2p.stage(service, POOL[0]) is Stage.REGISTERED
    await a2p.campaigns.change(service, sid, {"description": "y" * 40}, a2p.now)
    await a2p.answered_by(Rejected("worse"))
    kept = await a2p.campaigns.by_sid(service.id, sid)
    assert kept is not None
    assert (kept.status, len(kept.errors)) == ("VERIFIED", 1)
    assert await a2p.stage(service, POOL[0]) is Stage.REGISTERED


async def test_a_campaign_is_taken_out_after_its_last_number(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    await a2p.answered_by(OK)
    assert await a2p.services.delete(a2p.world.account.id, service.sid, a2p.now)
    await a2p.turn()
    assert asked(a2p, Subject.CAMPAIGN_REMOVAL) == []
    await a2p.answered_by(OK)
    await a2p.turn()
    assert (asked(a2p, Subject.NUMBER_REMOVAL), asked(a2p, Subject.CAMPAIGN_REMOVAL)) == ([1], [1])


def test_pauses_grow_and_have_an_end() -> None:
    polls = [poll_pause(timedelta(seconds=age)).total_seconds() for age in (0, 40, 1e6)]
    assert polls == [1.0, 10.0, 600.0]
    assert [retry_pause(n).total_seconds() for n in (1, 2, 3, 100)] == [2.0, 4.0, 8.0, 900.0]
