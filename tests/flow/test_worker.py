"""Batches of what arrives together, and loops that do not end."""

from __future__ import annotations

import asyncio

import pytest

from limpet.flow import worker
from limpet.flow.worker import Batcher, Nudge, supervise
from tests.support.wait import until


async def test_alone_an_item_is_a_batch_of_one_and_what_comes_meanwhile_is_the_next() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def run(items: list[int]) -> list[int]:
        batches.append(items)
        await gate.wait()
        return [item * 10 for item in items]

    batcher = Batcher(run, batch_max=3)
    first = batcher.put(0)
    await until(lambda: batches == [[0]])
    others = [batcher.put(n) for n in range(1, 6)]
    gate.set()
    assert await asyncio.gather(first, *others) == [0, 10, 20, 30, 40, 50]
    assert batches == [[0], [1, 2, 3], [4, 5]]
    await batcher.idle()


async def test_one_items_fault_is_its_own() -> None:
    async def run(items: list[int]) -> list[int]:
        if 3 in items:
            raise ValueError("three")
        return items

    batcher = Batcher(run)
    answers = await asyncio.gather(*(batcher.put(n) for n in range(6)), return_exceptions=True)
    assert [a for a in answers if not isinstance(a, Exception)] == [0, 1, 2, 4, 5]
    assert isinstance(answers[3], ValueError)


async def test_a_shared_trouble_is_everybodys_and_is_met_once() -> None:
    calls = []

    async def run(items: list[int]) -> list[int]:
        calls.append(items)
        raise ConnectionRefusedError

    batcher = Batcher(run)
    answers = await asyncio.gather(*(batcher.put(n) for n in range(4)), return_exceptions=True)
    assert all(isinstance(answer, ConnectionRefusedError) for answer in answers)
    assert calls == [[0, 1, 2, 3]]


async def test_a_client_that_has_gone_does_not_disturb_the_others() -> None:
    async def run(items: list[int]) -> list[int]:
        return items

    batcher = Batcher(run)
    gone, there = batcher.put(1), batcher.put(2)
    gone.cancel()
    assert await there == 2


async def test_what_does_not_fit_is_known_before_it_is_put() -> None:
    gate = asyncio.Event()

    async def run(items: list[int]) -> list[int]:
        await gate.wait()
        return items

    batcher = Batcher(run, waiting_max=2)
    waiting = [batcher.put(n) for n in range(2)]
    assert batcher.full
    gate.set()
    await asyncio.gather(*waiting)
    assert not batcher.full


async def test_a_nudge_rung_before_the_wait_is_not_lost() -> None:
    nudge = Nudge()
    nudge.ring()
    async with asyncio.timeout(5):
        await nudge.wait(60.0)
        await nudge.wait(0.0)


async def test_a_loop_that_ends_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "RESTART_PAUSE_S", 0.0)
    begun = 0

    async def loop() -> None:
        nonlocal begun
        begun += 1
        raise RuntimeError("a defect")

    task = asyncio.create_task(supervise(loop))
    await until(lambda: begun >= 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
