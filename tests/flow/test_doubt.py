"""Answers that never came, claims that nobody confirmed, owners that died: what becomes of messages in doubt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from limpet.carrier.port import Submission, Unanswered
from limpet.core.model import Message
from limpet.core.status import Status
from limpet.flow.dispatch import HOLD_BACK
from limpet.flow.draft import Overloaded
from limpet.store import dispatch, receipts
from limpet.store.database import Database
from tests.support.clock import NOW, HandClock
from tests.support.lane import HandLane, receipt
from tests.support.world import LEASE, POOL, World, open_world

ANNA, BEN = "+14155550101", "+14155550102"


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def test_what_never_left_goes_again_at_once_as_the_same_attempt(world: World) -> None:
    service = await world.service(*POOL)
    await world.send(service, ANNA)
    world.lane.lose(world.lane.submitted[0], written=False)
    await world.until(lambda: len(world.lane.submitted) == 2)
    assert [s.attempt for s in world.lane.submitted] == [1, 1]


async def test_a_late_answer_of_a_former_attempt_changes_nothing(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    (submission,) = world.lane.submitted
    await world.database.pool.execute("UPDATE message SET attempt = attempt + 1")
    world.lane.take(submission)
    await world.settle()
    assert (await world.read(answer)).status is Status.SENDING
    assert world.statuses(answer) == ["queued"]


async def test_a_lost_answer_waits_for_a_receipt_while_bound(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    (submission,) = world.lane.submitted
    world.lane.lose(submission)
    await world.settle()
    assert (await world.read(answer)).status is Status.SENDING
    world.lane.tell(receipt(submission, "77", reference=submission.reference, token=4))
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED
    assert world.doubt.empty
    assert len(world.lane.submitted) == 1


async def test_without_a_receipt_a_doubt_is_sent_again_after_bound_time_only(world: World) -> None:
    service = await world.service(*POOL)
    await world.send(service, ANNA)
    world.lane.lose(world.lane.submitted[0])
    await world.settle()
    world.lane.bound = False
    for _ in range(200):
        await world.sweeps.end_doubts()
    assert len(world.lane.submitted) == 1
    world.lane.bound = True
    for _ in range(89):
        await world.sweeps.end_doubts()
    assert len(world.lane.submitted) == 1
    await world.sweeps.end_doubts()
    await world.until(lambda: len(world.lane.submitted) == 2)
    assert world.lane.submitted[1].attempt == 2
    world.lane.take(world.lane.submitted[1])
    await world.settle()
    await world.sweeps.end_doubts()
    assert await world.database.pool.fetchval("SELECT count(*) FROM claim") == 0


@pytest.mark.parametrize(("policy", "status"), [("fail", Status.FAILED), ("hold", Status.SENDING)])
async def test_a_doubt_may_fail_or_be_held(world: World, policy: str, status: Status) -> None:
    service = await world.service(*POOL, in_doubt=policy)
    answer = await world.send(service, ANNA)
    world.lane.lose(world.lane.submitted[0])
    await world.settle()
    for _ in range(91):
        await world.sweeps.end_doubts()
    assert (await world.read(answer)).status is status
    assert len(world.lane.submitted) == 1
    assert await world.database.pool.fetchval("SELECT count(*) FROM claim") == (policy == "hold")


async def test_the_receipt_of_an_earlier_message_does_not_close_a_doubt(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    (submission,) = world.lane.submitted
    world.lane.lose(submission)
    await world.settle()
    before = NOW - timedelta(minutes=10)
    world.lane.tell(
        receipt(submission, "66", submitted_at=before), receipt(submission, "67", reference=submission.reference ^ 1)
    )
    await world.settle()
    assert (await world.read(answer)).status is Status.SENDING
    world.lane.tell(receipt(submission, "68", submitted_at=NOW))
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED


async def test_a_carriers_clock_is_measured_and_what_was_measured_outlives_the_process(
    database: Database, clock: HandClock
) -> None:
    """A carrier writes local time, five hours behind: the date of its receipts decides all the same."""
    behind = timedelta(hours=5)
    async with open_world(database, clock, owner="first") as first:
        service = await first.service(*POOL)
        for n in range(3):
            await first.send(service, BEN)
            submission = first.lane.submitted[-1]
            (carrier_id,) = first.lane.take(submission)
            await first.settle()
            first.lane.tell(receipt(submission, carrier_id, submitted_at=clock.now() - behind + timedelta(seconds=1)))
            await first.settle()
            clock.advance(timedelta(seconds=20 * n + 1))
    async with open_world(database, clock, owner="second", seed=5) as second:
        answer = await second.send(service, ANNA)
        (submission,) = second.lane.submitted
        second.lane.lose(submission)
        await second.settle()
        second.lane.tell(receipt(submission, "77", submitted_at=clock.now() - behind - timedelta(minutes=2)))
        await second.settle()
        assert (await second.read(answer)).status is Status.SENDING, "that was taken before it was claimed"
        second.lane.tell(receipt(submission, "78", submitted_at=clock.now() - behind))
        await second.settle()
        assert (await second.read(answer)).status is Status.DELIVERED


@pytest.mark.parametrize("policy", ["resend", "fail"])
async def test_the_receipt_of_a_copy_that_was_given_up_does_not_close_a_later_doubt(world: World, policy: str) -> None:
    """What may be the receipt of the first copy of a message that was sent again says nothing about the next message."""
    service = await world.service(POOL[0], in_doubt=policy)
    await world.send(service, ANNA)
    world.lane.lose(world.lane.submitted[0])
    await world.settle()
    taken_at = world.clock.now()
    for _ in range(90):
        await world.sweeps.end_doubts()
    world.clock.advance(timedelta(seconds=30))
    await world.settle()
    if policy == "resend":
        await world.until(lambda: len(world.lane.submitted) == 2)
        world.lane.take(world.lane.submitted[1])
        await world.settle()
    before = len(world.lane.submitted)
    later = await world.send(service, ANNA)
    await world.until(lambda: len(world.lane.submitted) > before)
    first, last = world.lane.submitted[0], world.lane.submitted[-1]
    world.lane.lose(last)
    await world.settle()
    world.lane.tell(receipt(first, "X1", submitted_at=taken_at))
    await world.settle()
    assert (await world.read(later)).status is Status.SENDING


async def held_and_in_flight(world: World) -> tuple[Any, Any]:
    """Two messages to one person: the first is in doubt and held, the second has left and is not answered."""
    service = await world.service(POOL[0], in_doubt="hold")
    doubtful = await world.send(service, ANNA)
    world.lane.lose(world.lane.submitted[0])
    await world.settle()
    for _ in range(90):
        await world.sweeps.end_doubts()
    later = await world.send(service, ANNA)
    await world.until(lambda: len(world.lane.submitted) == 2)
    return doubtful, later


@pytest.mark.parametrize(("answer", "status"), [("X", Status.SENDING), ("Y", Status.DELIVERED)])
async def test_a_receipt_before_its_answer_does_not_close_another_doubt(
    world: World, answer: str, status: Status
) -> None:
    """Whose an early receipt is shows when the answer comes: only what fits no answer can speak of the message in doubt."""
    doubtful, later = await held_and_in_flight(world)
    world.lane.tell(receipt(world.lane.submitted[1], "X", submitted_at=world.clock.now()))
    await world.settle()
    assert (await world.read(doubtful)).status is Status.SENDING
    world.lane.take(world.lane.submitted[1], answer)
    await world.settle()
    assert (await world.read(doubtful)).status is status
    assert (await world.read(later)).status is (Status.DELIVERED if answer == "X" else Status.SENT)


async def test_an_answer_that_is_written_while_receipts_are_matched_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is not there when ids are looked for, and the message is not in flight any more when doubts are."""
    doubtful, later = await held_and_in_flight(world)
    match_in_doubt = receipts.match_in_doubt

    async def after_the_answer(*arguments: Any) -> Any:
        monkeypatch.undo()
        world.lane.take(world.lane.submitted[1], "X")
        await world.dispatcher.answers.idle()
        return await match_in_doubt(*arguments)

    monkeypatch.setattr(receipts, "match_in_doubt", after_the_answer)
    world.lane.tell(receipt(world.lane.submitted[1], "X", submitted_at=world.clock.now()))
    await world.settle()
    assert (await world.read(doubtful)).status is Status.SENDING
    assert (await world.read(later)).status is Status.DELIVERED


async def test_after_a_crash_claims_are_in_doubt_and_the_next_owner_resolves_them(
    database: Database, clock: HandClock
) -> None:
    async with open_world(database, clock, owner="first") as first:
        service = await first.service(*POOL)
        answer = await first.send(service, ANNA)
        (submission,) = first.lane.submitted
    async with open_world(database, clock, owner="second") as second:
        assert not second.doubt.empty
        assert second.lane.submitted == []
        second.lane.tell(receipt(submission, "91", reference=submission.reference))
        await second.settle()
        assert (await second.read(answer)).status is Status.DELIVERED
        assert second.doubt.empty


@pytest.mark.parametrize("echoed", [True, False])
async def test_a_receipt_that_was_kept_before_a_crash_closes_the_doubt_after_it(
    database: Database, clock: HandClock, *, echoed: bool
) -> None:
    """It came before its answer, was acknowledged, and the process ended: the carrier will not repeat it."""
    async with open_world(database, clock, owner="first") as first:
        service = await first.service(*POOL)
        answer = await first.send(service, ANNA)
        (submission,) = first.lane.submitted
        reference = submission.reference if echoed else None
        first.lane.tell(receipt(submission, "91", token=7, reference=reference, submitted_at=clock.now()))
        await first.settle()
        assert first.lane.acknowledged == [7]
        assert (await first.read(answer)).status is Status.SENDING
    async with open_world(database, clock, owner="second") as second:
        await second.settle()
        assert (await second.read(answer)).status is Status.DELIVERED
        assert second.doubt.empty


async def test_a_lane_belongs_to_one_process_until_its_lease_is_over(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, owner="first") as first:
        assert await first.dispatcher._leases._lanes.lease(first.lane.name) == 1
        from limpet.store.dispatch import Lanes

        other = Lanes(database, "second", LEASE)
        assert await other.lease(first.lane.name) is None
        await first.dispatcher._leases._lanes.release(first.lane.name)
        assert await other.lease(first.lane.name) == 2
        assert await first.dispatcher._leases._lanes.lease(first.lane.name) is None


async def test_a_claim_whose_commit_was_not_confirmed_is_found_and_sent_once(
    database: Database, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(database, clock) as world:
        service = await world.service(*POOL)
        transaction = database.transaction

        async def lost_after_the_commit(work: Any) -> Any:
            await transaction(work)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

        with monkeypatch.context() as patch:
            patch.setattr(database, "transaction", lost_after_the_commit)
            assert isinstance(await world.accept.submit(world.new(service, ANNA)), Overloaded)
        assert world.lane.submitted == []
        running = world.dispatcher.fleet.running[world.lane.name]
        assert await database.pool.fetchval("SELECT status FROM message") == Status.SENDING
        await world.dispatcher._leases._renew(running)
        await world.until(lambda: len(world.lane.submitted) == 1)
        assert world.lane.submitted[0].attempt == 1
        assert running.suspects == []
        world.lane.take(world.lane.submitted[0])
        await world.settle()
        assert await database.pool.fetchval("SELECT status FROM message") == Status.SENT
        assert await database.pool.fetchval("SELECT count(*) FROM claim") == 0


async def test_a_claim_that_was_rolled_back_leaves_nothing_to_find(
    database: Database, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(database, clock) as world:
        service = await world.service(*POOL)
        noted = dispatch.note_claim

        async def lost_before_the_commit(connection: Any, claim: Any) -> None:
            await noted(connection, claim)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

        with monkeypatch.context() as patch:
            patch.setattr(dispatch, "note_claim", lost_before_the_commit)
            assert isinstance(await world.accept.submit(world.new(service, ANNA)), Overloaded)
        running = world.dispatcher.fleet.running[world.lane.name]
        await world.dispatcher._leases._renew(running)
        assert (running.suspects, world.lane.submitted) == ([], [])
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 0


async def test_nothing_overtakes_a_message_in_doubt_and_everybody_else_goes_on(world: World) -> None:
    service = await world.service(*POOL)
    await world.send(service, ANNA, "one")
    world.lane.lose(world.lane.submitted[0])
    await world.settle()
    later = await world.send(service, ANNA, "two")
    await world.send(service, BEN, "hello")
    assert later.status is Status.QUEUED
    await world.until(lambda: len(world.lane.submitted) == 2)
    for _ in range(3):
        world.clock.advance(HOLD_BACK)
        world.dispatcher.fleet.waiting([world.lane.name])
        await world.until(lambda: not world.dispatcher.fleet.running[world.lane.name].backlog)
    assert [s.recipient for s in world.lane.submitted] == [ANNA, BEN]
    for _ in range(90):
        await world.sweeps.end_doubts()
    world.clock.advance(HOLD_BACK)
    world.dispatcher.fleet.waiting([world.lane.name])
    await world.until(lambda: len(world.lane.submitted) == 4)
    assert [(s.recipient, s.attempt) for s in world.lane.submitted] == [(ANNA, 1), (BEN, 1), (ANNA, 2), (ANNA, 1)]
    assert [s.content.segments for s in world.lane.submitted[2:]] == [("one",), ("two",)]
    assert world.doubt.people == {}


async def test_a_message_on_hold_holds_nobody_up(world: World) -> None:
    service = await world.service(*POOL, in_doubt="hold")
    await world.send(service, ANNA, "one")
    world.lane.lose(world.lane.submitted[0])
    await world.settle()
    for _ in range(91):
        await world.sweeps.end_doubts()
    assert (await world.send(service, ANNA, "two")).status is Status.SENDING


async def test_what_never_left_keeps_its_place_before_what_waits(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, HandLane(window=1)) as world:
        service = await world.service(*POOL)
        await world.send(service, ANNA, "one")
        await world.send(service, ANNA, "two")
        clock.advance(timedelta(seconds=5))
        world.lane.lose(world.lane.submitted[0], written=False)
        await world.until(lambda: len(world.lane.submitted) == 2)
        assert world.lane.submitted[1].content.segments == ("one",)


async def _half_sent(world: World, *ids: str) -> tuple[Message, Submission]:
    """A message of three segments to Anna, of which the carrier is known to have taken those that have an id."""
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA, "x" * 400)
    (submission,) = world.lane.submitted
    world.lane.answer(Unanswered(submission.key, submission.attempt, ids))
    await world.settle()
    return answer, submission


async def test_receipts_of_some_segments_do_not_close_a_doubt_and_it_is_sent_again(world: World) -> None:
    """The connection was lost between two segments: that the first one arrived says nothing of the others."""
    answer, submission = await _half_sent(world, "1", "", "")
    world.lane.tell(
        receipt(submission, "1", token=1), receipt(submission, "2", reference=submission.reference, token=2)
    )
    await world.settle()
    assert world.lane.acknowledged == [1, 2]
    assert (await world.read(answer)).status is Status.SENDING
    assert not world.doubt.empty
    for _ in range(90):
        await world.sweeps.end_doubts()
    await world.until(lambda: len(world.lane.submitted) == 2)
    ids = world.lane.take(world.lane.submitted[1])
    await world.settle()
    world.lane.tell(receipt(submission, "2"))
    await world.settle()
    assert (await world.read(answer)).status is Status.SENT
    world.lane.tell(*(receipt(submission, each) for each in ids))
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED


@pytest.mark.parametrize("ids", [("1", "", ""), ()], ids=["after a lost connection", "after a crash"])
async def test_receipts_of_all_segments_close_a_doubt(world: World, ids: tuple[str, ...]) -> None:
    answer, submission = await _half_sent(world, *ids)
    for carrier_id in ("2", "1", "2", "3"):
        assert (await world.read(answer)).status is Status.SENDING
        world.lane.tell(receipt(submission, carrier_id, reference=submission.reference))
        await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED
    assert world.statuses(answer) == ["queued", "delivered"]
    assert world.doubt.empty
    assert len(world.lane.submitted) == 1


async def test_receipts_of_all_segments_in_one_batch_close_a_doubt(world: World) -> None:
    answer, submission = await _half_sent(world, "1", "", "")
    world.lane.tell(*(receipt(submission, each, reference=submission.reference) for each in ("3", "1", "2", "2")))
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED


async def test_one_receipt_closes_a_doubt_where_a_carrier_gives_one_a_message(
    database: Database, clock: HandClock
) -> None:
    async with open_world(database, clock, receipts_on_last=frozenset({"hand"})) as world:
        answer, submission = await _half_sent(world)
        world.lane.tell(receipt(submission, "3", reference=submission.reference))
        await world.settle()
        assert (await world.read(answer)).status is Status.DELIVERED
