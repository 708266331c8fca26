"""A recording customer: a real HTTP server on loopback that keeps what it is sent and answers as a test tells it to."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Answer:
    """What the customer does with one request. `raw` goes out instead of an answer, and the connection is closed."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes | None = None
    hang: bool = False
    """Answer only after `Customer.release`."""


@dataclass(frozen=True)
class Request:
    """What arrived, as it was on the wire. `url` is what the customer would check a signature against."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str
    peer: tuple[str, int]

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body, keep_blank_values=True))


class Customer:
    """Answers 200 unless told otherwise: `plan` sets the next answers of a path, `always` those after them."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._at_once = 0
        self._planned: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._always: dict[str, Answer] = {}
        self._arrived = asyncio.Condition()
        self._released = asyncio.Event()
        self.port = 0

    def url(self, path: str = "/cb") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def plan(self, *answers: Answer, path: str = "/cb") -> None:
        self._planned[path].extend(answers)

    def always(self, answer: Answer, path: str = "/cb") -> None:
        self._always[path] = answer

    def release(self) -> None:
        """Answer what hangs now; what is told to hang later does."""
        self._released.set()
        self._released = asyncio.Event()

    async def wait_for(self, count: int) -> list[Request]:
        """The requests, once there are `count`; TimeoutError when they do not come."""
        async with asyncio.timeout(PATIENCE_S), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return list(self.requests)

    async def until(self, condition: Callable[[], bool], at_most_s: float = PATIENCE_S) -> None:
        """Return once what has arrived makes the condition true; TimeoutError when it does not in time."""
        async with asyncio.timeout(at_most_s), self._arrived:
            await self._arrived.wait_for(condition)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        address = request.transport.get_extra_info("peername") if request.transport else ("", 0)
        url = f"http://127.0.0.1:{self.port}{request.raw_path}"
        async with self._arrived:
            self.requests.append(Request(request.method, url, request.headers, body, address[:2]))
            self._arrived.notify_all()
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._respond(request, self._next(request.path))
        finally:
            self._at_once -= 1

    def _next(self, path: str) -> Answer:
        return self._planned[path].popleft() if self._planned[path] else self._always.get(path, Answer())

    async def _respond(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if answer.hang:
            await self._released.wait()
        if answer.raw is not None and request.transport:
            request.transport.write(answer.raw)
            request.transport.close()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


@asynccontextmanager
async def recording_customer() -> AsyncIterator[Customer]:
    """A customer on a free port of 127.0.0.1, gone at the end with everything that still hangs."""
    customer = Customer()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", customer.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    customer.port = runner.addresses[0][1]
    try:
        yield customer
    finally:
        customer.release()
        await runner.cleanup()
