"""What every lane owes its listener: one suite over SMPP and each upstream, the carrier scripted, the sockets real."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import pytest

from limpet.carrier.port import Lane, ReceiptState, Refused, Retry, Submission, Submitted, Unanswered, Unsent
from limpet.devtools.behaviour import Behaviour, Receipts
from limpet.smpp.status import Status
from tests.support.dialects import DIALECTS
from tests.support.smsc import SENDER, Bench, Recorder, bench, submission
from tests.support.upstream import Deed, Upstream, upstream

PERSON = "+12125550100"
KINDS = ("smpp", *DIALECTS)
WINDOW = 4


class Stage(Protocol):
    """A lane, what it has told, and the hand on the carrier behind it."""

    lane: Lane
    heard: Recorder

    def next(self, deed: Deed) -> None:
        """What the carrier does with the next submission, and with those after it until told otherwise."""

    def arrived(self) -> list[str]:
        """The texts that the carrier has taken."""

    def attempts(self) -> int:
        """The submissions that have reached it."""

    async def write(self, person: str, text: str) -> None:
        """A person writes to SENDER."""

    async def receipts(self, *, delivered: bool = True, times: int = 1) -> None:
        """Bring a receipt for each message that was taken."""


@dataclass
class SmppStage:
    at: Bench

    @property
    def lane(self) -> Lane:
        return self.at.lane

    @property
    def heard(self) -> Recorder:
        return self.at.heard

    def next(self, deed: Deed) -> None:
        behaviours = {
            Deed.TAKE: Behaviour(receipts=Receipts.NEVER),
            Deed.REFUSE: Behaviour(refuse={SENDER: Status.RINVSRCADR}),
            Deed.THROTTLE: Behaviour(throttle_share=1.0),
            Deed.HANG: Behaviour(mute=True),
            Deed.CUT: Behaviour(drop_after=1),
            Deed.RECEIPT_FIRST: Behaviour(receipts=Receipts.BEFORE_RESPONSE),
        }
        self.at.simulator.behaviour = behaviours[deed]

    def arrived(self) -> list[str]:
        return [text.body for text in self.at.simulator.messages]

    def attempts(self) -> int:
        return self.at.simulator.submits

    async def write(self, person: str, text: str) -> None:
        self.at.simulator.inject_inbound(person, SENDER, text)

    async def receipts(self, *, delivered: bool = True, times: int = 1) -> None:
        """The simulated centre sends them by itself, when it is told before the submission; see `bring_receipts`."""


@dataclass
class HttpStage:
    at: Upstream

    @property
    def lane(self) -> Lane:
        assert self.at.carrier is not None
        return self.at.carrier.lanes[0]

    @property
    def heard(self) -> Recorder:
        return self.at.heard

    def next(self, deed: Deed) -> None:
        self.at.always = deed

    def arrived(self) -> list[str]:
        return [arrived.text for _, arrived in self.at.arrived]

    def attempts(self) -> int:
        return self.at.requests

    async def write(self, person: str, text: str) -> None:
        await self.at.bring(self.at.dialect.inbound(person, SENDER, text, f"in-{text}"))

    async def receipts(self, *, delivered: bool = True, times: int = 1) -> None:
        for message_id, arrived in self.at.arrived * times:
            await self.at.bring(self.at.dialect.receipt(arrived, message_id, delivered=delivered))


@asynccontextmanager
async def stage(kind: str, **changes: object) -> AsyncIterator[SmppStage | HttpStage]:
    if kind == "smpp":
        async with bench(Behaviour(receipts=Receipts.NEVER), window_size_max=WINDOW, **changes) as at:
            yield SmppStage(at)
    else:
        async with upstream(DIALECTS[kind], window_size_max=WINDOW, **changes) as made:
            yield HttpStage(made)


async def feed(on: SmppStage | HttpStage, submissions: Sequence[Submission]) -> None:
    """Hand all of them over as room comes, and wait for their results."""
    waiting, wanted = list(submissions), len(on.heard.results) + len(submissions)

    def push() -> None:
        now, waiting[:] = waiting[: on.lane.room], waiting[on.lane.room :]
        if now:
            on.lane.submit(now)

    on.heard.on_change = push
    push()
    await on.heard.until(lambda: len(on.heard.results) >= wanted)
    on.heard.on_change = lambda: None


@pytest.mark.parametrize("kind", KINDS)
async def test_each_submission_has_one_result_and_arrives_as_it_was_written(kind: str) -> None:
    async with stage(kind) as on:
        bodies = ["hello", "Grüße €", "日本語 & <ok>", "x" * 400, *(f"text {n}" for n in range(40))]
        messages = [submission(number, body) for number, body in enumerate(bodies)]
        await feed(on, messages)
        assert Counter(result.key for result in on.heard.results) == Counter(message.key for message in messages)
        assert {type(result) for result in on.heard.results} == {Submitted}
        assert sorted(on.arrived()) == sorted(bodies)
        assert on.lane.room == WINDOW
        assert all(isinstance(r, Submitted) and all(r.carrier_message_ids) for r in on.heard.results)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refusal_is_told_with_twilios_code(kind: str) -> None:
    async with stage(kind) as on:
        on.next(Deed.REFUSE)
        await feed(on, [submission(1)])
        (refused,) = on.heard.results
        assert isinstance(refused, Refused)
        assert (refused.key, refused.attempt, refused.retry) == (submission(1).key, 1, Retry.NEVER)
        assert refused.error_code == (30034 if kind == "smpp" else DIALECTS[kind].code)
        assert on.arrived() == []
        assert refused.detail


@pytest.mark.parametrize("kind", KINDS)
async def test_a_throttled_message_arrives_once_when_the_carrier_takes_it(kind: str) -> None:
    changes = {"throttle_pause_s": 0.01} if kind == "smpp" else {}
    async with stage(kind, **changes) as on:
        on.next(Deed.THROTTLE)
        on.lane.submit([submission(1)])
        await on.heard.until(on.attempts)
        if kind == "smpp":  # a centre's lane offers it again by itself; one over HTTP leaves that to the dispatcher
            on.next(Deed.TAKE)
            await on.heard.until(lambda: on.heard.results)
        else:
            await on.heard.until(lambda: on.heard.results)
            (told,) = on.heard.results
            assert isinstance(told, Refused)
            assert told.retry is Retry.SLOWER
            assert on.lane.room == 0
            on.next(Deed.TAKE)
            await on.heard.until(lambda: on.heard.rooms == 2)
            await feed(on, [submission(1)])
        assert isinstance(on.heard.results[-1], Submitted)
        assert on.arrived() == ["hello"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_connection_lost_after_the_message_left_leaves_a_doubt(kind: str) -> None:
    async with stage(kind) as on:
        on.next(Deed.CUT)
        on.lane.submit([submission(1)])
        await on.heard.until(lambda: on.heard.results)
        assert on.heard.results == [Unanswered(submission(1).key, 1)]
        assert on.arrived() == ["hello"]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_that_does_not_come_leaves_a_doubt(kind: str) -> None:
    async with stage(kind, response_timeout_s=0.1) as on:
        on.next(Deed.HANG)
        on.lane.submit([submission(1)])
        await on.heard.until(lambda: on.heard.results)
        assert on.heard.results == [Unanswered(submission(1).key, 1)]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_window_bounds_what_is_under_way_and_the_rest_is_given_back(kind: str) -> None:
    async with stage(kind) as on:
        on.next(Deed.HANG)
        on.lane.submit([submission(number) for number in range(WINDOW)])
        assert on.lane.room == 0
        await on.heard.until(lambda: on.attempts() == WINDOW)
        on.lane.submit([submission(number) for number in range(WINDOW, WINDOW * 3)])
        await on.heard.until(lambda: on.heard.results)
        assert {type(result) for result in on.heard.results} == {Unsent}
        assert on.attempts() == WINDOW


@pytest.mark.parametrize("kind", KINDS)
async def test_messages_to_one_person_go_one_after_the_other(kind: str) -> None:
    async with stage(kind) as on:
        await feed(on, [submission(number, f"{number}", PERSON) for number in range(12)])
        assert on.arrived() == [f"{number}" for number in range(12)]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_receipt_may_come_before_the_answer(kind: str) -> None:
    async with stage(kind) as on:
        on.next(Deed.RECEIPT_FIRST)
        on.lane.submit([submission(1, recipient=PERSON)])
        await on.heard.until(lambda: on.heard.results and on.heard.receipts)
        if kind != "smpp":  # there both came with one read, and results are told first
            assert on.heard.log.index("deliveries") < on.heard.log.index("results")
        (receipt,), (result,) = on.heard.receipts, on.heard.results
        assert isinstance(result, Submitted)
        assert (receipt.carrier_message_id,) == result.carrier_message_ids
        assert (receipt.sender, receipt.recipient, receipt.state) == (SENDER, PERSON, ReceiptState.DELIVERED)
        assert receipt.reference == submission(1).reference


@pytest.mark.parametrize("kind", KINDS)
async def test_a_receipt_that_comes_twice_is_told_twice_under_tokens_of_its_own(kind: str) -> None:
    async with stage(kind) as on:
        if isinstance(on, SmppStage):
            on.at.simulator.behaviour = Behaviour(receipts=Receipts.TWICE)
        await feed(on, [submission(1)])
        await on.receipts(times=2)
        await on.heard.until(lambda: len(on.heard.receipts) == 2)
        first, second = on.heard.receipts
        assert first == replace(second, token=first.token)
        assert first.token != second.token


@pytest.mark.parametrize("kind", DIALECTS)
async def test_bad_news_has_twilios_code_and_good_news_has_none(kind: str) -> None:
    async with stage(kind) as on:
        await feed(on, [submission(1)])
        await on.receipts(delivered=False)
        await on.receipts(delivered=True)
        bad, good = on.heard.receipts
        assert (bad.state, bad.error_code) == (ReceiptState.UNDELIVERED, 30005)
        assert (good.state, good.error_code) == (ReceiptState.DELIVERED, None)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_person_can_write(kind: str) -> None:
    async with stage(kind) as on:
        await on.write(PERSON, "Grüße 日本")
        await on.heard.until(lambda: on.heard.inbound)
        (text,) = on.heard.inbound
        assert (text.sender, text.recipient, text.body, text.media) == (PERSON, SENDER, "Grüße 日本", ())
        assert text.carrier_message_id == (None if kind == "smpp" else "in-Grüße 日本")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stop_waits_for_what_is_under_way_as_long_as_it_may(kind: str) -> None:
    async with stage(kind) as on:
        on.lane.submit([submission(number) for number in range(WINDOW)])
        await on.lane.stop(5.0)
        assert Counter(type(result).__name__ for result in on.heard.results)["Unanswered"] == 0
        assert len(on.heard.results) == WINDOW
        assert on.lane.room == 0
        on.lane.submit([submission(9)])
        await on.heard.until(lambda: len(on.heard.results) == WINDOW + 1)
        assert on.heard.results[-1] == Unsent(submission(9).key, 1)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stop_without_grace_leaves_doubt_and_gives_back_what_had_not_begun(kind: str) -> None:
    async with stage(kind) as on:
        on.next(Deed.HANG)
        on.lane.submit([submission(1, recipient=PERSON), submission(2, recipient=PERSON)])
        await on.heard.until(on.attempts)
        await on.lane.stop(0.0)
        told = {result.key: type(result) for result in on.heard.results}
        assert told == {submission(1).key: Unanswered, submission(2).key: Unsent}
