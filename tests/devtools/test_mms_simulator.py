"""The simulated carrier over HTTP, driven by the lane of any described carrier: what it does to whom, and who may use it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from limpet.carrier.http import HttpCarrier
from limpet.carrier.http_notices import Taken
from limpet.carrier.http_values import Notice
from limpet.carrier.port import InboundMedium, ReceiptState, Refused, Retry, Submitted
from limpet.devtools.behaviour import FATES, Behaviour
from limpet.devtools.mms_simulator import MmsSimulator, described
from tests.support.clock import HandClock
from tests.support.smsc import SENDER, Recorder, submission

PERSON, SECRET = "+12125550100", "hush"


@dataclass
class Line:
    simulator: MmsSimulator
    carrier: HttpCarrier
    heard: Recorder


@asynccontextmanager
async def line(behaviour: Behaviour = Behaviour(magic=True)) -> AsyncIterator[Line]:  # noqa: B008 - a value
    """The simulator, a lane to it, and a door for its notices."""
    heard, made = Recorder(), list[HttpCarrier]()

    async def door(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        taken = await made[0].desk.take(Notice("POST", str(request.url), headers, await request.read()))
        return web.Response(status=200 if taken is Taken.YES else 403)

    app = web.Application()
    app.router.add_post("/notices", door)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    notices_url = f"http://127.0.0.1:{runner.addresses[0][1]}/notices"
    simulator = MmsSimulator(SECRET, notices_url, HandClock(), lambda: behaviour)
    await simulator.start()
    made.append(HttpCarrier(described("up", simulator.port, SECRET), notices_url, heard, HandClock(), random.Random(1)))
    heard.lane = made[0].lanes[0]  # type: ignore[assignment]
    await made[0].lanes[0].start()
    try:
        await heard.until(lambda: heard.rooms)
        yield Line(simulator, made[0], heard)
    finally:
        await made[0].lanes[0].stop(0.0)
        await made[0].close()
        await simulator.stop()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("digits", "state", "code", "receipts"),
    [
        ("0100", ReceiptState.DELIVERED, None, 1),
        ("9901", ReceiptState.UNDELIVERED, 30003, 1),
        ("9903", ReceiptState.UNDELIVERED, 30007, 1),
        ("9904", ReceiptState.UNDELIVERED, 30003, 1),
        ("9906", ReceiptState.UNDELIVERED, 30005, 1),
        ("9907", ReceiptState.DELIVERED, None, 2),
        ("9908", ReceiptState.DELIVERED, None, 1),
    ],
)
async def test_magic_recipients(digits: str, state: ReceiptState, code: int | None, receipts: int) -> None:
    async with line() as on:
        on.carrier.lanes[0].submit([submission(1, recipient=f"+1212555{digits}")])
        await on.heard.until(lambda: on.heard.results and len(on.heard.receipts) == receipts)
        (result,) = on.heard.results
        assert isinstance(result, Submitted)
        for receipt in on.heard.receipts:
            assert (receipt.state, receipt.error_code) == (state, code)
            assert (receipt.carrier_message_id,) == result.carrier_message_ids
            assert (receipt.sender, receipt.reference) == (SENDER, 1)


async def test_an_unknown_number_is_refused() -> None:
    async with line() as on:
        on.carrier.lanes[0].submit([submission(1, recipient="+12125559902")])
        await on.heard.until(lambda: on.heard.results)
        (refused,) = on.heard.results
        assert isinstance(refused, Refused)
        assert (refused.error_code, refused.retry) == (30005, Retry.NEVER)


async def test_a_message_under_the_same_key_is_one_message() -> None:
    async with line() as on:
        for attempt in (1, 2):
            on.carrier.lanes[0].submit([submission(1)])
            await on.heard.until(lambda attempt=attempt: len(on.heard.results) == attempt)  # type: ignore[misc]
        first, second = on.heard.results
        assert isinstance(first, Submitted)
        assert first == second


async def test_people_write_with_media() -> None:
    async with line() as on:
        on.simulator.inject_inbound(PERSON, SENDER, "Look", ["https://example.com/a.png"])
        await on.heard.until(lambda: on.heard.inbound)
        (text,) = on.heard.inbound
        assert (text.sender, text.recipient, text.body) == (PERSON, SENDER, "Look")
        assert text.media == (InboundMedium("https://example.com/a.png", ""),)


async def test_nobody_else_may_submit() -> None:
    async with line() as on, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{on.simulator.port}/messages"
        async with session.post(url, json={}, headers={"Authorization": "Bearer x"}) as answer:
            assert answer.status == 401


async def test_a_number_fares_as_it_is_told() -> None:
    told = Behaviour(fates={"+12125550001": FATES["undelivered-30020"], "+12125550002": FATES["failed-30034"]})
    async with line(told) as on:
        on.carrier.lanes[0].submit([submission(1, recipient=f"+1212555000{n}") for n in (1, 2, 3)])
        await on.heard.until(lambda: len(on.heard.results) == 3 and len(on.heard.receipts) == 2)
        refused = [each for each in on.heard.results if isinstance(each, Refused)]
        assert [each.error_code for each in refused] == [30034]
        assert {r.recipient: r.error_code for r in on.heard.receipts} == {"+12125550001": 30020, "+12125550003": None}
