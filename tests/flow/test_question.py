"""Carriers that can be asked are asked after messages whose receipt does not come, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from limpet.carrier.port import UNASKED, Question
from limpet.core.status import Status
from limpet.flow import question
from limpet.store.database import Database
from tests.support.clock import HandClock
from tests.support.lane import HandLane, receipt
from tests.support.world import POOL, open_world

ANNA, BEN, CLEO = "+14155550101", "+14155550102", "+14155550103"
HOUR = timedelta(hours=1)


@dataclass
class AskedLane(HandLane):
    """A lane whose carrier can be asked, as long as it takes questions."""

    questions: list[Question] = field(default_factory=list)
    takes: int = 1000

    def ask(self, questions: Sequence[Question]) -> int:
        taken = questions[: max(0, self.takes - len(self.questions))]
        self.questions += taken
        return len(taken)


async def test_what_has_no_receipt_after_an_hour_is_asked_after_once(database: Database, clock: HandClock) -> None:
    lane = AskedLane()
    async with open_world(database, clock, lane, query_after={"hand": HOUR, "other": HOUR}) as world:
        service = await world.service(*POOL)
        answers = [await world.send(service, to, "x" * 200) for to in (ANNA, BEN)]
        ids = [lane.take(submission) for submission in lane.submitted]
        await world.settle()
        lane.tell(receipt(lane.submitted[0], ids[0][0]), *(receipt(lane.submitted[1], each) for each in ids[1]))
        await world.settle()
        clock.advance(HOUR - timedelta(seconds=1))
        await world.sweeps.ask()
        assert lane.questions == []
        clock.advance(timedelta(seconds=2))
        for _ in range(2):
            await world.sweeps.ask()
            clock.advance(timedelta(minutes=1))
        assert lane.questions == [Question(lane.submitted[0].sender, ANNA, ids[0][1])]
        lane.tell(receipt(lane.submitted[0], ids[0][1], token=UNASKED))
        await world.settle()
        assert (await world.read(answers[0])).status is Status.DELIVERED


async def test_a_full_lane_is_asked_again_later_and_an_unbound_one_not(database: Database, clock: HandClock) -> None:
    lane = AskedLane(takes=1)
    async with open_world(database, clock, lane, query_after={"hand": HOUR}) as world:
        service = await world.service(*POOL)
        for to in (ANNA, BEN, CLEO):
            await world.send(service, to)
            lane.take(lane.submitted[-1])
            await world.settle()
            clock.advance(timedelta(seconds=1))
        clock.advance(HOUR)
        lane.bound = False
        await world.sweeps.ask()
        assert lane.questions == []
        lane.bound = True
        await world.sweeps.ask()
        assert [asked.recipient for asked in lane.questions] == [ANNA]
        lane.takes = 3
        await world.sweeps.ask()
        assert [asked.recipient for asked in lane.questions] == [ANNA, BEN, CLEO]


async def test_many_are_asked_after_in_steps(
    database: Database, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = AskedLane()
    async with open_world(database, clock, lane, query_after={"hand": HOUR}) as world:
        service = await world.service(*POOL)
        people = [f"+1415556{n:04}" for n in range(5)]
        for to in people:
            await world.send(service, to)
        for submission in list(lane.submitted):
            lane.take(submission)
        await world.settle()
        clock.advance(HOUR + timedelta(seconds=1))
        monkeypatch.setattr(question, "LOOK_MAX", 2)
        await world.sweeps.ask()
        assert [asked.recipient for asked in lane.questions] == people


async def test_carriers_that_cannot_be_asked_cost_nothing(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, AskedLane()) as world:
        await world.sweeps.ask()
        assert world.sweeps._questions._asked_to == {}
