"""A message's whole way through the flow, on a real database, with a carrier played by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound, ReceiptState, Retry
from limpet.core.rate import Queue
from limpet.core.status import Status
from limpet.flow.draft import Overloaded, Rejected
from limpet.store.database import Database
from limpet.store.messages import MessageRefusal
from tests.support.clock import NOW, HandClock
from tests.support.lane import HandLane, receipt
from tests.support.world import POOL, World, open_world

ANNA, BEN = "+14155550101", "+14155550102"


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def test_a_message_is_accepted_sent_and_delivered(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.accept.submit(world.new(service, ANNA))
    assert (answer.status, answer.sender, answer.num_segments) == (Status.ACCEPTED, None, 0)
    assert (await world.read(answer)).status is Status.SENDING
    (submission,) = world.lane.submitted
    assert submission.recipient == ANNA
    ids = world.lane.take(submission)
    await world.settle()
    sent = await world.read(answer)
    assert (sent.status, sent.sent_at) == (Status.SENT, NOW)
    world.lane.tell(receipt(submission, ids[0], token=5))
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED
    assert world.lane.acknowledged == [5]
    assert world.statuses(answer) == ["queued", "sent", "delivered"]
    assert await world.database.pool.fetchval("SELECT count(*) FROM claim") == 0


async def test_final_callbacks_only(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA, callback_events="final")
    ids = world.lane.take(world.lane.submitted[0])
    await world.settle()
    world.lane.tell(receipt(world.lane.submitted[0], ids[0], ReceiptState.UNDELIVERED, error_code=30003))
    await world.settle()
    assert world.statuses(answer) == ["undelivered"]
    assert "ErrorCode=30003" in world.owed[0].payload
    assert (await world.read(answer)).error_code == 30003


async def test_a_plain_from_starts_as_queued_and_owes_no_callback_for_it(world: World) -> None:
    await world.service(*POOL)
    answer = await world.accept.submit(world.new(None, ANNA, sender=POOL[0]))
    assert (answer.status, answer.sender) == (Status.QUEUED, POOL[0])
    assert world.statuses(answer) == []
    assert world.lane.submitted[0].sender == POOL[0]


@pytest.mark.parametrize(
    ("more", "code"),
    [({"service_sid": "MG" + "9" * 32}, 21701), ({"sender": "+12125559999"}, 21711)],
)
async def test_what_is_refused_at_once_leaves_nothing(world: World, more: dict[str, object], code: int) -> None:
    service = await world.service(*POOL)
    answer = await world.accept.submit(world.new(service, ANNA, **more))
    assert isinstance(answer, Rejected)
    assert answer.code == code
    assert await world.database.pool.fetchval("SELECT count(*) FROM message") == 0
    assert await world.mapping(service, ANNA) is None


async def test_an_empty_pool_and_a_foreign_number_are_refused(world: World) -> None:
    empty = await world.service()
    assert (await world.accept.submit(world.new(empty, ANNA))).code == 21704
    assert (await world.accept.submit(world.new(None, ANNA, sender="+12125559999"))).code == 21606


async def test_another_accounts_service_is_unknown(world: World) -> None:
    service = await world.service(*POOL)
    await world.database.pool.execute(
        "INSERT INTO account (sid, friendly_name, auth_token_sealed, created_at, updated_at) VALUES ('AC9', '', '', $1, $1)",
        NOW,
    )
    await world.database.pool.execute("UPDATE service SET account_id = (SELECT id FROM account WHERE sid = 'AC9')")
    assert (await world.accept.submit(world.new(service, ANNA))).code == 21701


async def test_long_messages_are_delivered_when_all_their_segments_are(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA, "x" * 400)
    assert answer.num_segments == 3
    (submission,) = world.lane.submitted
    ids = world.lane.take(submission)
    await world.settle()
    for token, carrier_id in enumerate(ids[:2]):
        world.lane.tell(receipt(submission, carrier_id, token=token))
    await world.settle()
    assert (await world.read(answer)).status is Status.SENT
    world.lane.tell(receipt(submission, ids[2], token=9))
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED
    assert sorted(world.lane.acknowledged) == [0, 1, 9]


async def test_segments_told_in_one_batch_are_folded_together(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA, "x" * 400)
    submission = world.lane.submitted[0]
    ids = world.lane.take(submission)
    await world.settle()
    world.lane.tell(*(receipt(submission, carrier_id, token=n) for n, carrier_id in enumerate(ids)))
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED
    assert world.statuses(answer) == ["queued", "sent", "delivered"]


async def test_a_receipt_before_the_answer_is_not_lost(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    (submission,) = world.lane.submitted
    world.lane.tell(receipt(submission, "early-1", token=3))
    await world.settle()
    assert world.lane.acknowledged == [3]
    assert (await world.read(answer)).status is Status.SENDING
    world.lane.take(submission, "early-1")
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED
    assert await world.database.pool.fetchval("SELECT count(*) FROM receipt_orphan") == 0


async def test_a_receipt_that_is_taken_back_outlives_a_crash_in_between(world: World) -> None:
    """Whoever takes a kept receipt back and dies before it is applied has not taken it."""
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    (submission,) = world.lane.submitted
    world.lane.tell(receipt(submission, "early-1", token=3))
    await world.settle()
    writing = world.receipts._write

    async def dies(*_: object) -> None:
        raise RuntimeError("killed")

    world.receipts._write = dies
    world.lane.take(submission, "early-1")
    await world.settle()
    assert (await world.read(answer)).status is Status.SENT
    world.receipts._write = writing
    await world.receipts.look_at_kept()
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED


@pytest.mark.parametrize(("later", "status"), [(timedelta(0), Status.DELIVERED), (timedelta(hours=25), Status.SENT)])
async def test_a_receipt_that_nobody_looked_for_is_found_after_a_start(
    world: World, later: timedelta, status: Status
) -> None:
    """The answer and the receipt are both written, and the process dies before it brings them together."""
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    (submission,) = world.lane.submitted
    world.lane.tell(receipt(submission, "early-1", token=3))
    await world.settle()
    world.dispatcher.answers.after_sent = lambda _: None
    world.lane.take(submission, "early-1")
    await world.settle()
    assert (await world.read(answer)).status is Status.SENT
    world.clock.advance(later)
    await world.receipts.look_at_kept()
    await world.settle()
    assert (await world.read(answer)).status is status


async def test_receipts_repeated_or_late_change_nothing(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    (submission,) = world.lane.submitted
    ids = world.lane.take(submission)
    await world.settle()
    for token, state in enumerate(
        [ReceiptState.DELIVERED, ReceiptState.DELIVERED, ReceiptState.UNDELIVERED, ReceiptState.ENROUTE]
    ):
        world.lane.tell(receipt(submission, ids[0], state, token=token))
        await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED
    assert world.statuses(answer) == ["queued", "sent", "delivered"]
    assert world.lane.acknowledged == [0, 1, 2, 3]


async def test_a_full_lane_leaves_messages_in_the_queue_and_takes_them_in_order(
    database: Database, clock: HandClock
) -> None:
    async with open_world(database, clock, HandLane(window=2)) as world:
        service = await world.service(*POOL)
        people = [f"+1415555{n:04}" for n in range(6)]
        answers = [await world.send(service, person) for person in people]
        assert [a.status for a in answers] == [Status.SENDING] * 2 + [Status.QUEUED] * 4
        for done in range(6):
            await world.until(lambda done=done: len(world.lane.submitted) > done)
            world.lane.take(world.lane.submitted[done])
            await world.settle()
        assert [s.recipient for s in world.lane.submitted] == people
        assert {(await world.read(a)).status for a in answers} == {Status.SENT}
        assert await database.pool.fetchval("SELECT count(*) FROM message_due") == 0


async def test_a_carrier_that_is_away_gets_its_messages_when_it_comes(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, HandLane(bound=False)) as world:
        service = await world.service(*POOL)
        answer = await world.send(service, ANNA)
        assert answer.status is Status.QUEUED
        assert answer.sender in POOL
        world.lane.bound = True
        world.dispatcher.on_room(world.lane.name)
        await world.until(lambda: len(world.lane.submitted) == 1)


async def test_validity_that_runs_out_in_the_queue_fails_with_30036(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, HandLane(bound=False)) as world:
        service = await world.service(*POOL)
        answer = await world.send(service, ANNA, validity_period_s=60)
        clock.advance(timedelta(seconds=59))
        await world.sweeps.expire()
        assert (await world.read(answer)).status is Status.QUEUED
        clock.advance(timedelta(seconds=1))
        await world.sweeps.expire()
        failed = await world.read(answer)
        assert (failed.status, failed.error_code) == (Status.FAILED, 30036)
        assert world.statuses(answer) == ["queued", "failed"]
        assert await world.mapping(service, ANNA) is None


async def test_refusals_for_now_are_tried_again_and_for_good_fail(world: World) -> None:
    service = await world.service(*POOL)
    first, second = await world.send(service, ANNA), await world.send(service, BEN)
    one, two = world.lane.submitted
    world.lane.refuse(one, Retry.LATER)
    world.lane.refuse(two, Retry.NEVER, 30005)
    await world.settle()
    assert (await world.read(first)).status is Status.QUEUED
    failed = await world.read(second)
    assert (failed.status, failed.error_code) == (Status.FAILED, 30005)
    world.clock.advance(timedelta(minutes=10))
    world.dispatcher.on_room(world.lane.name)
    await world.until(lambda: len(world.lane.submitted) == 3)
    assert (world.lane.submitted[2].key, world.lane.submitted[2].attempt) == (one.key, 2)
    assert world.statuses(second) == ["queued", "failed"]


async def test_S_19_a_scheduled_message_is_bound_when_due(world: World) -> None:
    service = await world.service(POOL[0])
    at = NOW + timedelta(hours=1)
    answer = await world.send(service, ANNA, send_at=at)
    assert (answer.status, answer.sender) == (Status.SCHEDULED, None)
    assert await world.mapping(service, ANNA) is None
    await world.remove(service, POOL[0])
    await world.add(service, POOL[1])
    await world.sweeps.bind_due()
    assert (await world.read(answer)).status is Status.SCHEDULED
    world.clock.advance(timedelta(hours=1))
    await world.sweeps.bind_due()
    bound = await world.read(answer)
    assert (bound.status, bound.sender) == (Status.SENDING, POOL[1])
    assert await world.mapping(service, ANNA) == POOL[1]
    assert world.lane.submitted[0].sender == POOL[1]
    assert world.statuses(answer) == ["queued"]


async def test_S_19_canceling_leaves_no_trace(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA, send_at=NOW + timedelta(hours=1))
    canceled = await world.accept.cancel(world.account, answer.bucket, answer.id)
    assert canceled.status is Status.CANCELED
    again = await world.accept.cancel(world.account, answer.bucket, answer.id)
    assert again is MessageRefusal.NOT_SCHEDULED
    world.clock.advance(timedelta(hours=2))
    await world.sweeps.bind_due()
    assert world.lane.submitted == []
    assert await world.kinds(service, ANNA) == []
    assert world.statuses(answer) == ["canceled"]
    assert await world.accept.cancel(world.account, 1, 1) is MessageRefusal.NOT_FOUND


async def test_S_21_a_text_to_the_mapped_number_is_a_use_and_never_revives(world: World) -> None:
    service = await world.service(*POOL)
    number = (await world.send(service, ANNA)).sender
    assert number is not None
    world.clock.advance(timedelta(days=365))
    world.lane.tell(Inbound(1, ANNA, number, "hello?"))
    await world.settle()
    world.clock.advance(timedelta(days=365))
    assert await world.mapping(service, ANNA) == number
    world.clock.advance(timedelta(days=1))
    await world.sweeps.housekeep()
    world.lane.tell(Inbound(2, ANNA, number, "still there?"))
    await world.settle()
    assert await world.mapping(service, ANNA) is None
    assert world.lane.acknowledged == [1, 2]
    first = await world.database.pool.fetchrow(
        "SELECT status, recipient, sender, body FROM message WHERE direction = 'inbound' ORDER BY id"
    )
    assert tuple(first) == ("received", ANNA, number, "hello?")


async def test_a_text_to_a_number_of_nobody_is_acknowledged_and_dropped(world: World) -> None:
    world.lane.tell(Inbound(1, ANNA, "+12125559999", "who is this"))
    await world.settle()
    assert world.lane.acknowledged == [1]
    assert await world.database.pool.fetchval("SELECT count(*) FROM message") == 0


async def test_a_failed_choice_is_told_with_each_candidates_reason(world: World) -> None:
    service = await world.service(POOL[0])
    await world.database.pool.execute("UPDATE sender SET capabilities = '{voice}'")
    await world.set(service, "friendly_name", "deaf")
    answer = await world.send(service, ANNA)
    assert (answer.status, answer.error_code, answer.sender) == (Status.FAILED, 21703, None)
    assert world.statuses(answer) == ["failed"]
    rejections = await world.database.pool.fetchval("SELECT rejections FROM message")
    assert rejections == f'{{"{POOL[0]}": "no_sms"}}'


async def test_with_real_rates_a_numbers_messages_take_their_places(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, rated=True) as world:
        service = await world.service(POOL[0])
        answers = [await world.send(service, f"+1415555{n:04}", "x" * 200) for n in range(3)]
        assert [a.status for a in answers] == [Status.SENDING, Status.QUEUED, Status.QUEUED]
        due = await database.pool.fetch("SELECT due_at FROM message_due ORDER BY due_at")
        assert [row["due_at"] - NOW for row in due] == [timedelta(seconds=2), timedelta(seconds=4)]
        clock.advance(timedelta(seconds=2))
        world.dispatcher.fleet.waiting([world.lane.name])
        await world.until(lambda: len(world.lane.submitted) == 2)
        assert (await world.read(answers[2])).status is Status.QUEUED


async def test_a_full_queue_refuses_a_plain_from_and_fails_a_services_message(
    database: Database, clock: HandClock
) -> None:
    async with open_world(database, clock, rated=True) as world:
        service = await world.service(POOL[0])
        first = await world.send(service, ANNA)
        world.dispatcher.fleet.pacer.wait_s(Queue(POOL[0], 1.0), (), 36_000, clock.monotonic())
        refused = await world.accept.submit(world.new(None, ANNA, sender=POOL[0]))
        assert isinstance(refused, Rejected)
        assert refused.code == 21611
        failed = await world.send(service, ANNA)
        assert (failed.status, failed.error_code, failed.sender) == (Status.FAILED, 30001, first.sender)
        assert world.statuses(failed) == ["failed"]
        assert await world.mapping(service, ANNA) == POOL[0]
        assert await world.database.pool.fetchval("SELECT count(*) FROM message") == 2


async def test_more_than_may_wait_is_refused_and_nothing_of_it_is_written(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, pending_max=3) as world:
        service = await world.service(*POOL)
        people = [f"+1415555{n:04}" for n in range(10)]
        answers = await asyncio.gather(*(world.accept.submit(world.new(service, person)) for person in people))
        refused = [answer for answer in answers if isinstance(answer, Overloaded)]
        assert len(refused) == 7
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 3
        assert await database.pool.fetchval("SELECT count(*) FROM sticky_mapping") == 3


SMART, PLAIN = "\u201cHello\u201d", '"Hello"'


@pytest.mark.parametrize(
    ("service_says", "message_says", "sent"),
    [(True, None, PLAIN), (True, False, SMART), (False, None, SMART), (False, True, PLAIN)],
)
async def test_smart_encoding_is_the_messages_then_the_services(
    world: World, service_says: bool, message_says: bool | None, sent: str
) -> None:
    service = await world.service(*POOL)
    await world.set(service, "smart_encoding", service_says)
    text = SMART + "x" * 60
    answer = await world.send(service, ANNA, text, smart_encoded=message_says, sender=POOL[0])
    assert (answer.body, answer.num_segments) == (sent + "x" * 60, 1)
    assert "".join(part.content.segments[0] for part in world.lane.submitted) == answer.body
    later = await world.send(
        service, BEN, text, smart_encoded=message_says, send_at=world.clock.now() + timedelta(hours=1)
    )
    assert later.body == answer.body


@pytest.mark.parametrize(("says", "sent"), [(None, SMART), (True, PLAIN)])
async def test_smart_encoding_without_a_service_is_off_unless_asked_for(
    world: World, says: bool | None, sent: str
) -> None:
    await world.service(*POOL)
    answer = await world.send(None, ANNA, SMART, smart_encoded=says, sender=POOL[0])
    assert answer.body == sent
