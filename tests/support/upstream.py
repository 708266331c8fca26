"""A carrier over HTTP that a test scripts: a real server on loopback that takes messages, refuses, throttles, hangs or cuts."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from aiohttp import web

from limpet.carrier.http import HttpCarrier
from limpet.carrier.http_notices import Taken
from limpet.carrier.http_values import Notice
from tests.support.clock import HandClock
from tests.support.dialects import NOW, URL, Arrived, Dialect
from tests.support.smsc import Recorder


class Deed(Enum):
    """What it does with one submission."""

    TAKE = "take"
    REFUSE = "refuse"
    THROTTLE = "throttle"
    FAIL = "fail"
    BAD_GATEWAY = "bad gateway"
    LOCK_OUT = "lock out"
    CUT = "take it and cut the connection"
    HANG = "take it and never answer"
    RECEIPT_FIRST = "bring the receipt before the answer"


@dataclass
class Upstream:
    """What it has taken, and what it will do next; without a plan it takes everything."""

    dialect: Dialect
    plan: deque[Deed] = field(default_factory=deque)
    always: Deed = Deed.TAKE
    arrived: list[tuple[str, Arrived]] = field(default_factory=list)
    retry_after: str | None = None
    requests: int = 0
    under_way: int = 0
    most_under_way: int = 0
    heard: Recorder = field(default_factory=Recorder)
    outcomes: list[Taken] = field(default_factory=list)
    carrier: HttpCarrier | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        arrived = self.dialect.arrived({k.lower(): v for k, v in request.headers.items()}, body)
        self.requests += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.heard.changed()
        try:
            return await self._act(request, arrived, self.plan.popleft() if self.plan else self.always)
        finally:
            self.under_way -= 1

    async def _act(self, request: web.Request, arrived: Arrived, deed: Deed) -> web.StreamResponse:
        if deed is Deed.REFUSE:
            return _answer(*self.dialect.refusal)
        if deed is Deed.THROTTLE:
            return _answer(429, {}, {"Retry-After": self.retry_after} if self.retry_after else {})
        if deed in (Deed.FAIL, Deed.BAD_GATEWAY, Deed.LOCK_OUT):
            return _answer({Deed.FAIL: 503, Deed.BAD_GATEWAY: 502, Deed.LOCK_OUT: 401}[deed], {})
        message_id = f"id-{len(self.arrived)}"
        self.arrived.append((message_id, arrived))
        if deed is Deed.RECEIPT_FIRST:
            await self.bring(self.dialect.receipt(arrived, message_id))
        if deed is Deed.CUT and request.transport is not None:
            request.transport.close()
        if deed is Deed.HANG:
            await self.released.wait()
        return _answer(*self.dialect.taken(message_id))

    async def bring(self, notice: Notice) -> Taken:
        """Bring a notice to Limpet's desk, as the door does."""
        assert self.carrier is not None
        taken = await self.carrier.desk.take(notice)
        self.outcomes.append(taken)
        return taken


def _answer(status: int, value: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(value, status=status, headers=headers)


@asynccontextmanager
async def upstream(dialect: Dialect, **changes: Any) -> AsyncIterator[Upstream]:
    """An upstream with a carrier's lanes to it, started; all of it is stopped at the end."""
    made = Upstream(dialect)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    config = dialect.config(f"http://127.0.0.1:{runner.addresses[0][1]}", **changes)
    clock = HandClock(datetime.fromtimestamp(NOW, UTC))
    carrier = made.carrier = HttpCarrier(config, URL, made.heard, clock, random.Random(1))
    made.heard.lane = carrier.lanes[0]  # type: ignore[assignment]
    try:
        for lane in carrier.lanes:
            await lane.start()
        await made.heard.until(lambda: made.heard.rooms == len(carrier.lanes))
        yield made
    finally:
        made.released.set()
        for lane in carrier.lanes:
            await lane.stop(0.0)
        await carrier.close()
        await runner.cleanup()
