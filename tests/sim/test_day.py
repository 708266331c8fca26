"""A carrier's bad day on a hand clock: nothing lost, nothing twice, conversations in order, and the same seed is the same day."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest

from limpet.flow import dispatch
from tests.sim.day import Judged, live
from tests.support.clock import HandClock
from tests.support.database import Server, copied
from tests.support.hand_loop import HandLoop

DAYS = (1, 2)


def _lived(seed: int, server: Server) -> Judged:
    loop = HandLoop(HandClock())

    async def on_a_copy() -> Judged:
        async with copied(server, server.plain) as url:
            return await live(seed, url, loop)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(on_a_copy())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", DAYS)
def test_a_bad_day_loses_nothing_doubles_nothing_and_keeps_the_order(
    database_server: Server, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "LOOK_AGAIN_S", 600.0)  # nobody else is there to be looked for
    day = _lived(seed, database_server)
    assert day.left == {
        "waiting": 0, "claims": 0, "receipts of nobody": 0, "not delivered": 0, "messages": len(day.accepted),
    }  # fmt: skip
    heard = defaultdict[str, list[int]](list)
    for text in day.texts:
        person, number = text.body.split(" ")[0].split(":")
        heard[person].append(int(number))
    assert heard
    assert {person: numbers for person, numbers in heard.items() if numbers != list(range(1, len(numbers) + 1))} == {}
    assert sum(map(len, heard.values())) == len(day.accepted)
    assert day.log.count(b"weather Behaviour(") > 20
    if seed == DAYS[0]:
        assert _lived(seed, database_server).log == day.log
