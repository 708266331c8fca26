"""Receipts that are hard to place: ids in another spelling, one for a whole message, early, late, yesterday's, nobody's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.carrier.port import UNASKED, ReceiptState
from limpet.core.status import Status
from limpet.store import receipts
from limpet.store.database import Database
from tests.support.clock import HandClock
from tests.support.lane import HandLane, receipt
from tests.support.world import POOL, World, open_world

ANNA = "+14155550101"


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def _known(world: World) -> dict[str, str]:
    return await receipts.spellings(world.database)


@pytest.mark.parametrize(
    ("answers", "told", "spelling"),
    [
        (("F4241", "F4242"), ("1000001", "1000002"), "hexadecimal:0:upper"),
        (("1000001", "1000002"), ("f4241", "f4242"), "decimal:0:"),
        (("00f4241", "00f4242"), ("1000001", "1000002"), "hexadecimal:7:lower"),
        (("0001000001", "0001000002"), ("1000001", "1000002"), "same:10:"),
        (("ABC-1", "ABC-2"), ("abc-1", "abc-2"), "same:0:upper"),
    ],
)
async def test_how_a_carrier_spells_ids_is_learned_once_and_kept(
    database: Database, clock: HandClock, answers: tuple[str, str], told: tuple[str, str], spelling: str
) -> None:
    async with open_world(database, clock, owner="first") as first:
        service = await first.service(*POOL)
        one = await first.send(service, ANNA)
        first.lane.take(first.lane.submitted[0], answers[0])
        await first.settle()
        first.lane.tell(receipt(first.lane.submitted[0], told[0], token=3))
        await first.settle()
        assert (await first.read(one)).status is Status.DELIVERED
        assert first.lane.acknowledged == [3]
        assert await _known(first) == {"hand": spelling}
    async with open_world(database, clock, owner="second", seed=9) as second:
        two = await second.send(service, ANNA)
        second.lane.take(second.lane.submitted[0], answers[1])
        await second.settle()
        second.lane.tell(receipt(second.lane.submitted[0], told[1]))
        await second.settle()
        assert (await second.read(two)).status is Status.DELIVERED
        assert await database.pool.fetchval("SELECT count(*) FROM receipt_orphan") == 0


async def test_what_could_mean_two_messages_teaches_nothing_and_waits(world: World) -> None:
    service = await world.service(*POOL)
    answers = [await world.send(service, ANNA, body) for body in ("one", "two")]
    for submission, carrier_id in zip(world.lane.submitted, ("16", "a"), strict=True):
        world.lane.take(submission, carrier_id)
    await world.settle()
    world.lane.tell(receipt(world.lane.submitted[0], "10"))
    await world.settle()
    assert [(await world.read(answer)).status for answer in answers] == [Status.SENT] * 2
    assert await _known(world) == {}
    assert len(await receipts.list_kept(world.database, None, 10)) == 1


async def test_a_kept_spelling_is_not_changed_by_guessing(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    world.lane.take(world.lane.submitted[0], "F4241")
    await world.settle()
    async with world.database.pool.acquire() as connection:
        await receipts.learn_spelling(connection, "hand", "same:10:", world.clock.now())
    world.lane.tell(receipt(world.lane.submitted[0], "1000001"))
    await world.settle()
    assert (await world.read(answer)).status is Status.SENT
    assert await _known(world) == {"hand": "same:10:"}
    assert await receipts.forget_spelling(world.database, "hand") == "same:10:"


async def test_another_spelling_from_another_number_or_carrier_means_nobody(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    (submission,) = world.lane.submitted
    world.lane.take(submission, "F4241")
    await world.settle()
    other = receipt(submission, "1000001")
    world.flow.receipts.take("other/0", [other])
    await world.settle()
    assert (await world.read(answer)).status is Status.SENT
    assert [(told.lane, told.carrier_message_id) for told in await receipts.list_kept(world.database, None, 10)] == [
        ("other/0", "1000001")
    ]
    assert await receipts.list_kept(world.database, "hand", 10) == []
    assert len(await receipts.list_kept(world.database, "other", 10)) == 1
    assert await receipts.list_kept(world.database, "oth", 10) == []


async def test_a_receipt_before_its_answer_in_another_spelling_is_matched_later(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    (submission,) = world.lane.submitted
    world.lane.tell(receipt(submission, "1000001", token=4))
    await world.settle()
    assert world.lane.acknowledged == [4]
    kept = await receipts.list_kept(world.database, None, 10)
    world.clock.advance(timedelta(hours=1))
    other = await world.send(service, ANNA, "other")
    world.lane.take(world.lane.submitted[1], "F9999")
    await world.settle()
    assert await receipts.list_kept(world.database, None, 10) == kept, "kept again, and no younger"
    world.lane.take(submission, "F4241")
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED
    assert (await world.read(other)).status is Status.SENT
    assert await receipts.list_kept(world.database, None, 10) == []


async def test_yesterdays_message_is_found(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    ids = world.lane.take(world.lane.submitted[0])
    await world.settle()
    world.clock.advance(timedelta(days=40))
    await world.sweeps.housekeep()
    world.lane.tell(receipt(world.lane.submitted[0], ids[0]))
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED


@pytest.mark.parametrize(
    ("place", "state", "status"),
    [
        (2, ReceiptState.DELIVERED, Status.DELIVERED),
        (2, ReceiptState.UNDELIVERED, Status.UNDELIVERED),
        (2, ReceiptState.UNKNOWN, Status.SENT),
        (0, ReceiptState.DELIVERED, Status.SENT),
    ],
)
async def test_a_receipt_for_the_last_segment_may_be_one_for_all(
    database: Database, clock: HandClock, place: int, state: ReceiptState, status: Status
) -> None:
    async with open_world(database, clock, receipts_on_last=frozenset({"hand"})) as world:
        service = await world.service(*POOL)
        answer = await world.send(service, ANNA, "x" * 400)
        ids = world.lane.take(world.lane.submitted[0])
        await world.settle()
        world.lane.tell(receipt(world.lane.submitted[0], ids[place], state, error_code=30003))
        await world.settle()
        assert (await world.read(answer)).status is status


@pytest.mark.parametrize(("on_last", "status"), [(True, Status.UNDELIVERED), (False, Status.UNDELIVERED)])
async def test_what_one_segment_missed_the_last_ones_receipt_does_not_mend(
    database: Database, clock: HandClock, on_last: bool, status: Status
) -> None:
    async with open_world(database, clock, receipts_on_last=frozenset({"hand"} if on_last else ())) as world:
        service = await world.service(*POOL)
        answer = await world.send(service, ANNA, "x" * 400)
        ids = world.lane.take(world.lane.submitted[0])
        await world.settle()
        for carrier_id, state in zip(
            ids, (ReceiptState.UNDELIVERED, ReceiptState.DELIVERED, ReceiptState.DELIVERED), strict=True
        ):
            world.lane.tell(receipt(world.lane.submitted[0], carrier_id, state, error_code=30005))
            await world.settle()
        read = await world.read(answer)
        assert (read.status, read.error_code) == (status, 30005)
        assert world.statuses(answer) == ["queued", "sent", "undelivered"]


async def test_an_answer_to_a_question_is_a_receipt_that_nobody_acknowledges(world: World) -> None:
    service = await world.service(*POOL)
    answer = await world.send(service, ANNA)
    ids = world.lane.take(world.lane.submitted[0])
    await world.settle()
    world.lane.tell(receipt(world.lane.submitted[0], ids[0], ReceiptState.ENROUTE, token=UNASKED))
    world.lane.tell(receipt(world.lane.submitted[0], ids[0], token=UNASKED))
    await world.settle()
    assert (await world.read(answer)).status is Status.DELIVERED


async def test_what_is_kept_survives_an_end_between_taking_it_and_using_it(
    database: Database, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken back in the transaction that uses it."""
    async with open_world(database, clock, HandLane()) as world:
        service = await world.service(*POOL)
        await world.send(service, ANNA)
        (submission,) = world.lane.submitted
        world.lane.tell(receipt(submission, "early-1"))
        await world.settle()
        with monkeypatch.context() as patch:

            async def end(*_: object) -> None:
                raise OSError("the process ends")

            patch.setattr(receipts, "apply", end)
            world.lane.take(submission, "early-1")
            await world.settle()
        assert [told.carrier_message_id for told in await receipts.list_kept(database, None, 10)] == ["early-1"]
