"""Single messages that really go: to people on a list, once, and what the carrier brings of others is left to others."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from limpet.carrier.port import Listener
from limpet.carrier.smpp import SmppLane
from limpet.core.model import Direction, Message
from limpet.core.status import Status
from limpet.devtools import release as releases
from limpet.devtools.behaviour import Behaviour
from limpet.devtools.release import Release
from limpet.smpp.status import Status as Smpp
from tests.support.clock import NOW
from tests.support.smsc import Bench, bench, config
from tests.support.wait import until

FRIEND, STRANGER = "+14155550199", "+14155550188"


def caught(number: int = 1, recipient: str = FRIEND) -> Message:
    return Message(
        7, number, 1, 1, Direction.OUTBOUND_API, Status.DELIVERED, recipient, "+12025550101", "Hello", 1, 0, None, None, None,
        NOW, NOW, NOW,
    )  # fmt: skip


@asynccontextmanager
async def releasing(
    sender: str | None = None, allowed: Sequence[str] = (FRIEND,)
) -> AsyncIterator[tuple[Bench, Release]]:
    async with bench() as at:

        def lane(listener: Listener) -> SmppLane:
            return SmppLane("real/release", config(at.simulator.port), listener, random.Random(3))

        made = Release("real", allowed, sender, lane)
        await made.start()
        try:
            yield at, made
        finally:
            await made.stop()


async def test_what_is_released_goes_once_and_is_reported() -> None:
    async with releasing() as (at, release):
        said = await release.release(caught())
        (text,) = at.simulator.messages
        assert (text.sender, text.recipient, text.body) == ("+12025550101", FRIEND, "Hello")
        assert said == f"real took it as {text.message_ids[0]}."
        assert await release.release(caught()) == "It has been released before."
        await until(lambda: at.simulator.outstanding == 0)
        assert len(at.simulator.messages) == 1


async def test_nobody_else_gets_anything() -> None:
    async with releasing() as (at, release):
        assert (release.allows(FRIEND), release.allows(STRANGER)) == (True, False)
        with pytest.raises(ValueError, match="not on the list"):
            await release.release(caught(recipient=STRANGER))
        assert list(at.simulator.messages) == []


async def test_it_comes_from_the_number_that_is_named() -> None:
    async with releasing("+14155550100") as (at, release):
        await release.release(caught())
        assert at.simulator.messages[0].sender == "+14155550100"


async def test_what_is_refused_may_be_tried_again() -> None:
    async with releasing() as (at, release):
        at.simulator.behaviour = Behaviour(refuse={FRIEND: Smpp.RINVDSTADR})
        assert (await release.release(caught())).startswith("real refused it: 30005")
        at.simulator.behaviour = Behaviour()
        assert (await release.release(caught())).startswith("real took it")


async def test_a_carrier_that_is_away_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "ROOM_TIMEOUT_S", 0.2)
    async with releasing() as (at, release):
        at.simulator.be_down(60)
        await until(lambda: at.simulator.binds == 0)
        await until(lambda: release._lane.room == 0)
        assert "nothing was sent" in await release.release(caught())
        assert list(at.simulator.messages) == []


async def test_an_answer_that_never_comes_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "ANSWER_TIMEOUT_S", 0.2)
    async with releasing() as (at, release):
        await until(lambda: release._lane.room > 0)
        at.simulator.behaviour = Behaviour(mute=True)
        assert (await release.release(caught())) == "real has not answered: it may have been sent."
        assert await release.release(caught()) == "It has been released before."


async def test_texts_of_people_are_left_to_others() -> None:
    async with releasing() as (at, release):
        await until(lambda: release._lane.room > 0)
        await at.lane.stop(0.0)
        await until(lambda: at.simulator.binds == 1)
        at.simulator.behaviour = Behaviour(redeliver_s=0.2)
        at.simulator.inject_inbound(STRANGER, "+12025550101", "for somebody else")
        await until(lambda: at.simulator.outstanding == 0)
        await release.stop()
        await until(lambda: at.simulator.outstanding == 1)
