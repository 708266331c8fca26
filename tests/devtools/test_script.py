"""How the simulated carrier behaves can be said by forms, for a while or for good, and chance begins anew from a seed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from limpet.carrier.port import Refused, Retry, Submitted
from limpet.core.errors import ApiError
from limpet.devtools.behaviour import FATES, LOST, Behaviour, Fate, Receipts
from limpet.devtools.script import REFUSALS_MAX, Script
from limpet.smpp.status import Status
from tests.support.smsc import Bench, bench, submission
from tests.support.wait import until


@pytest_asyncio.fixture
async def at() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


def form(**fields: str) -> dict[str, list[str]]:
    return {name: [value] for name, value in fields.items()}


async def test_what_is_said_is_shown_and_taken_back(at: Bench) -> None:
    script = Script(at.simulator)
    usual = script.shown()
    asked = form(
        Throttle="0.25", Lose="0.5", SubmitDelay="1", ReceiptDelay="30", Receipts="twice", State="expired", Err="027",
        Refuse="+12125550101=RINVDSTADR", Fates="+12125550102=lost", Fate="failed-30034", FateShare="0.25",
    )  # fmt: skip
    changed = script.change(asked)
    assert changed == script.shown() == {
        "err": "027", "fate": "failed-30034", "fate_share": 0.25, "fates": {"+12125550102": "lost"},
        "lose": 0.5, "receipt_delay": 30.0, "receipts": "twice", "refuse": {"+12125550101": "RINVDSTADR"},
        "state": "expired", "submit_delay": 1.0, "throttle": 0.25,
    }  # fmt: skip
    assert script.change(form(Refuse="+12125550101="))["refuse"] == {}
    assert script.change(form(Fates="+12125550102="))["fates"] == {}
    assert script.change({})["throttle"] == 0.25
    assert script.reset() == usual


@pytest.mark.parametrize("asked", [
    form(Throttle="1.1"), form(Throttle="nan"), form(Throttle="many"), form(Lose="-1"), form(Throttle="0.6", Lose="0.6"),
    form(Lose="0.6", FateShare="0.6"), form(Fate="late"), form(Fates="+12125550101=late"), form(Fates="nobody at all=lost"),
    form(SubmitDelay="3601"), form(Receipts="later"), form(State="lost"), form(Err="1"), form(Refuse="nobody at all"),
    form(Refuse="+12125550101=ROK"), form(Seed="-1"), form(Seed="x"), form(Down="inf"), form(For="x"), form(Disconnect="x"),
    {"Refuse": [f"+1212{5550000 + number}=RINVDSTADR" for number in range(REFUSALS_MAX + 1)]},
])  # fmt: skip
async def test_what_cannot_be_is_refused_and_changes_nothing(at: Bench, asked: dict[str, list[str]]) -> None:
    script = Script(at.simulator)
    before = at.simulator.behaviour
    with pytest.raises(ApiError) as refused:
        script.change(asked)
    assert (refused.value.code, at.simulator.behaviour) == (20001, before)


async def test_a_while_ends_and_what_was_changed_for_good_meanwhile_stays(at: Bench) -> None:
    script = Script(at.simulator)
    script.change(form(Throttle="1", For="0.05"))
    script.change(form(ReceiptDelay="7"))
    assert at.simulator.behaviour == Behaviour(throttle_share=1.0, receipt_delay_s=7.0)
    await until(lambda: at.simulator.behaviour.throttle_share == 0)
    assert at.simulator.behaviour == Behaviour(receipt_delay_s=7.0)


async def test_a_refused_number_is_refused_and_others_are_not(at: Bench) -> None:
    Script(at.simulator).change(form(Refuse="+12125550101=RMSGQFUL"))
    await at.feed([submission(1, recipient="+12125550101"), submission(2)])
    refused, taken = sorted(at.heard.results, key=lambda result: result.key.id)
    assert isinstance(refused, Refused)
    assert (refused.retry, isinstance(taken, Submitted)) == (Retry.SLOWER, True)


async def test_lost_messages_are_taken_and_never_heard_of_again(at: Bench) -> None:
    Script(at.simulator).change(form(Lose="0.5", Seed="7"))
    await at.feed([submission(number) for number in range(40)])
    assert all(isinstance(result, Submitted) for result in at.heard.results)
    lost = sum(at.simulator.behaviour.fate("a", "b", chance).receipts is Receipts.NEVER for chance in (0.0, 0.49, 0.5))
    assert lost == 2
    await until(lambda: at.simulator.outstanding == 0 and len(at.heard.receipts) > 10)
    assert 10 < len(at.heard.receipts) < 30


async def test_from_the_same_seed_the_same_follows(at: Bench) -> None:
    script, said = Script(at.simulator), []
    for _ in range(2):
        script.change(form(Throttle="0.5", Seed="42"))
        said.append([at.simulator._fate(_message()).status for _ in range(50)])
    assert said[0] == said[1]
    assert {Status.ROK, Status.RTHROTTLED} == set(said[0])


def _message():
    from tests.support.esme import text

    return text()


async def test_it_is_gone_for_a_while_and_then_there_again(at: Bench) -> None:
    rooms = at.heard.rooms
    Script(at.simulator).change(form(Down="0.2"))
    await at.heard.until(lambda: at.heard.downs)
    assert at.simulator.binds == 0
    await at.heard.until(lambda: at.heard.rooms > rooms)
    await at.feed([submission(1)])
    assert isinstance(at.heard.results[-1], Submitted)


async def test_every_connection_can_be_cut(at: Bench) -> None:
    rooms = at.heard.rooms
    Script(at.simulator).change(form(Disconnect="true"))
    await at.heard.until(lambda: at.heard.downs and at.heard.rooms > rooms)
    assert at.simulator.binds == 1
    await asyncio.sleep(0)


def test_a_share_and_a_number_fare_as_they_are_told() -> None:
    late, barred = FATES["undelivered-30003"], FATES["undelivered-30004"]
    behaviour = Behaviour(fate_share=0.25, share_fate=late, fates={"b": barred, "from": LOST}, lose_share=0.25)
    assert [behaviour.fate("a", "c", chance) for chance in (0.0, 0.5, 0.74, 0.75, 0.99)] == [
        LOST,
        Fate(),
        Fate(),
        late,
        late,
    ]
    assert [behaviour.fate(*pair, 0.99) for pair in (("a", "b"), ("from", "c"), ("from", "b"))] == [
        barred,
        LOST,
        barred,
    ]


def test_a_share_is_lost_beyond_what_is_throttled() -> None:
    behaviour = Behaviour(throttle_share=0.25, lose_share=0.25)
    fates = [behaviour.fate("a", "b", chance) for chance in (0.2, 0.25, 0.49, 0.5)]
    assert fates == [Fate(Status.RTHROTTLED), Fate(receipts=Receipts.NEVER), Fate(receipts=Receipts.NEVER), Fate()]
