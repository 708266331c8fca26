"""Messages that wait while something stops them: a suspended account, a paused service, a defect of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.status import Status
from limpet.flow.directory import ACCOUNT_FRESH_S
from limpet.flow.draft import Rejected
from limpet.store.database import Database
from tests.support.clock import HandClock
from tests.support.world import POOL, World, open_world

ANNA, BEN = "+14155550101", "+14155550102"


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def suspend(world: World) -> None:
    await world.database.pool.execute("UPDATE account SET status = 'suspended'")
    world.clock.advance(timedelta(seconds=ACCOUNT_FRESH_S))


async def test_what_waits_when_its_account_is_suspended_fails_when_it_is_due(world: World) -> None:
    service = await world.service(*POOL)
    world.dispatcher.fleet.running[world.lane.name].backlog = True
    world.lane.bound = False
    queued = await world.send(service, ANNA)
    scheduled = await world.send(service, BEN, send_at=world.clock.now() + timedelta(hours=1))
    assert (queued.status, scheduled.status) == (Status.QUEUED, Status.SCHEDULED)
    assert await world.mapping(service, ANNA) is not None
    await suspend(world)
    world.lane.bound = True
    world.dispatcher.fleet.waiting([world.lane.name])

    async def failed() -> bool:
        return (await world.read(queued)).status is Status.FAILED

    await world.until(failed)
    assert (await world.read(queued)).error_code == 30002
    assert (world.statuses(queued), world.lane.submitted) == (["queued", "failed"], [])
    assert await world.mapping(service, ANNA) is None
    world.clock.advance(timedelta(hours=1))
    await world.due.turn()
    assert (await world.read(scheduled)).error_code == 30002
    assert await world.mapping(service, BEN) is None
    assert await world.tally("scheduled") == 0


async def test_a_sub_accounts_messages_stop_when_its_main_account_is_suspended(world: World) -> None:
    service = await world.service(*POOL)
    await world.database.pool.execute(
        "INSERT INTO account (sid, friendly_name, auth_token_sealed, status, created_at, updated_at) "
        "VALUES ('AC' || repeat('9', 32), 'main', '', 'suspended', now(), now())"
    )
    answer = await world.send(service, ANNA, send_at=world.clock.now() + timedelta(hours=1))
    await world.database.pool.execute(
        "UPDATE account SET owner_sid = 'AC' || repeat('9', 32) WHERE friendly_name = 'test'"
    )
    world.clock.advance(timedelta(hours=1))
    await world.due.turn()
    assert (await world.read(answer)).error_code == 30002


async def test_a_paused_service_refuses_at_once_and_fails_what_becomes_due(world: World) -> None:
    service = await world.service(*POOL)
    waiting = await world.send(service, BEN, send_at=world.clock.now() + timedelta(hours=1))
    await world.set(service, "paused", True)
    for more in ({}, {"send_at": world.clock.now() + timedelta(hours=1)}, {"sender": POOL[0]}):
        refused = await world.accept.submit(world.new(service, ANNA, **more))
        assert isinstance(refused, Rejected)
        assert refused.code == 21702
    assert await world.mapping(service, ANNA) is None
    world.clock.advance(timedelta(hours=1))
    await world.due.turn()
    assert (await world.read(waiting)).error_code == 21702
    await world.set(service, "paused", False)
    assert (await world.send(service, ANNA)).status is Status.SENDING


@pytest.mark.parametrize(("status", "code"), [("scheduled", 30020), ("accepted", 30021)])
async def test_a_message_that_cannot_be_bound_fails_alone_and_holds_up_no_other(
    world: World, status: str, code: int
) -> None:
    service = await world.service(*POOL)
    at = world.clock.now() + timedelta(hours=1)
    people = [f"+1415555{n:04}" for n in range(5)]
    answers = [await world.send(service, person, send_at=at) for person in people]
    await world.database.pool.execute(
        "UPDATE message SET recipient = 'nobody', status = $3 WHERE bucket = $1 AND id = $2",
        answers[2].bucket,
        answers[2].id,
        status,
    )
    world.clock.advance(timedelta(hours=1))
    await world.due.turn()
    found = [await world.read(answer) for answer in answers]
    assert [message.error_code for message in found] == [None, None, code, None, None]
    assert len(world.lane.submitted) == 4
    assert world.statuses(answers[2]) == ["failed"]
    assert await world.due.turn() == 0


async def test_a_trial_account_writes_to_verified_people_only(world: World) -> None:
    service = await world.service(*POOL)
    trial = replace(world.account, trial=True, verified=frozenset({ANNA}))
    assert (await world.send(service, ANNA, account=trial)).status is Status.SENDING
    for more in ({}, {"send_at": world.clock.now() + timedelta(hours=1)}):
        refused = await world.accept.submit(world.new(service, BEN, account=trial, **more))
        assert refused == Rejected(21608, {"service": service.sid, "from": "", "to": BEN})
    plain = await world.accept.submit(world.new(None, BEN, sender=POOL[0], account=trial))
    assert isinstance(plain, Rejected)
