"""An event loop on a hand clock, with a network of its own: a day passes in seconds, and the same way each time.

Time moves only when nothing else can: no handle is ready and the database has nothing to do. What the database answers is heard
only when no handle is ready, so that the real time it takes changes nothing. Servers and connections on loopback stay within the
loop; only the database is reached by a socket.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import asyncpg

from tests.support.clock import HandClock

DATABASE_WAIT_S = 1.0
FIRST_PORT = 40_000


class _Selector(selectors.DefaultSelector):
    """Asks the operating system only for the database's sake; otherwise moves the clock to the next timer."""

    loop: HandLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout <= 0:
            return []
        if self.loop.waits_for_database:
            return super().select(DATABASE_WAIT_S)
        self.loop.skip_to_next_timer()
        return []


class HandLoop(asyncio.SelectorEventLoop):
    """The loop. Until `begin` and after `end` it waits for sockets as any other, and time stands still."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self._pool: Any = None
        self._servers: dict[int, Callable[[], asyncio.Protocol]] = {}
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.clock.monotonic()

    def begin(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        """Time may pass whenever the database is idle. The pool should have one connection: one thing after the other."""
        self._pool = pool

    def passes(self, seconds: float) -> asyncio.Future[None]:
        """So much of this loop's time: nobody waits for it."""
        over: asyncio.Future[None] = self.create_future()
        self.call_later(seconds, lambda: over.done() or over.set_result(None))
        return over

    def end(self) -> None:
        """Time stands still again."""
        self._pool = None

    @property
    def waits_for_database(self) -> bool:
        """Whether somebody holds a connection; always, outside of `begin` and `end`."""
        return self._pool is None or self._pool._queue.qsize() < self._pool._maxsize

    def skip_to_next_timer(self) -> None:
        """Let the time pass that nobody needs."""
        assert self._scheduled, "nothing will ever happen again"  # type: ignore[attr-defined]
        at = self._scheduled[0]._when  # type: ignore[attr-defined]
        self.clock.advance(timedelta(seconds=max(0.0, at - self.time()) + 1e-6))

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:  # type: ignore[override]
        port = port or FIRST_PORT + len(self._servers)
        self._servers[port] = protocol_factory
        return _Server(self, port)

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:  # type: ignore[override]
        if self._pool is None:
            return await super().create_connection(protocol_factory, host, port, **more)
        if port not in self._servers:
            raise ConnectionRefusedError(111, "Connection refused")
        ours, theirs = protocol_factory(), self._servers[port]()
        here, there = _Transport(self, ours), _Transport(self, theirs)
        here.peer, there.peer = there, here
        theirs.connection_made(there)
        ours.connection_made(here)
        return here, ours


class _Server:
    """What `create_server` answers, as far as it is used."""

    def __init__(self, loop: HandLoop, port: int) -> None:
        self._loop = loop
        self._port = port
        self.sockets = (self,)

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    def close(self) -> None:
        self._loop._servers.pop(self._port, None)

    async def wait_closed(self) -> None:
        """Nothing is left to wait for."""


class _Transport(asyncio.Transport):
    """One end of a connection within the loop: in order, at once, without loss until it is closed."""

    peer: _Transport

    def __init__(self, loop: HandLoop, protocol: Any) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._over = False

    def write(self, data: Any) -> None:
        if data and not self._over:
            self._loop.call_soon(self.peer._arrive, bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._over

    def close(self) -> None:
        if not self._over:
            self._finish()
            self._loop.call_soon(self.peer._finish)

    abort = close

    def _arrive(self, data: bytes) -> None:
        if not self._over:
            self._protocol.data_received(data)

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            self._loop.call_soon(self._protocol.connection_lost, None)
