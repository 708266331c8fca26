"""An SMPP session on a TCP connection: bytes to events, the session's timers, one write per turn of the loop.

For either role. It refuses to know what the events mean: its owner does, and fills the session before each write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import Protocol, cast

from limpet.smpp.commands import Pdu
from limpet.smpp.events import Closed, Event
from limpet.smpp.session import Role, Session, SessionConfig

CLOSE_TIMEOUT_S = 1.0
"""So long may the last bytes take to leave before the connection is cut."""
UNWRITTEN_OCTETS_MAX = 4 * 1024 * 1024
"""A peer that lets so much pile up does not read, and is cut off."""


class Owner(Protocol):
    """Whoever runs a link. Calls come from the event loop and never raise."""

    def on_connected(self, link: Link) -> None:
        """The connection is up; `link.session` exists."""

    def on_events(self, link: Link, events: Sequence[Event]) -> None:
        """What came with one read or one tick, `Closed` left out."""

    def before_write(self, link: Link) -> None:
        """The moment to put into the session what shall go out with the write that follows."""

    def on_lost(self, link: Link, why: str) -> None:
        """Told once, of a link that was connected: nothing more comes, nothing more leaves."""


class Link(asyncio.Protocol):
    """One connection and its session."""

    session: Session
    _transport: asyncio.Transport

    def __init__(
        self, role: Role, config: SessionConfig, owner: Owner, unwritten_octets_max: int = UNWRITTEN_OCTETS_MAX
    ) -> None:
        self._role = role
        self._unwritten_octets_max = unwritten_octets_max
        self._config = config
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._flush_soon = False
        self._over = False
        self.lost = asyncio.Event()
        """Set when the link is over."""

    @property
    def over(self) -> bool:
        """Whether `on_lost` has been told."""
        return self._over

    @property
    def peer(self) -> str:
        """The address of the other end, without its port; empty when it is not known any more."""
        name = self._transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple) else ""

    def answer_bind(self, request: Pdu, *, good: bool) -> None:
        """Answer a `BindAsked`; what follows from it is told like everything else."""
        if not self._over:
            self._tell(self.session.answer_bind(request, good))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's call."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one too, but does not say so
        self.session = Session(self._role, self._config, self._loop.time())
        self._owner.on_connected(self)
        self.flush()

    def data_received(self, data: bytes) -> None:
        """asyncio's call."""
        if not self._over:
            self._tell(self.session.receive(data, self._loop.time()))

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's call."""
        self._finish(str(exc) if exc else "the peer closed the connection")

    def flush_soon(self) -> None:
        """Write at the end of this turn of the loop what has been put into the session by then."""
        if not self._flush_soon and not self._over:
            self._flush_soon = True
            self._loop.call_soon(self._flush_now)

    def flush(self) -> None:
        """Write at once what there is."""
        if self._over:
            return
        self._owner.before_write(self)
        data = self.session.bytes_to_send()
        if data:
            self._transport.write(data)
        if self._transport.get_write_buffer_size() > self._unwritten_octets_max:
            self.cut("the peer does not read")
        else:
            self._set_timer()

    def close(self, why: str) -> None:
        """End the connection once the last bytes have left, or after `CLOSE_TIMEOUT_S`."""
        if self._over:
            return
        self._transport.write(self.session.bytes_to_send())
        self._finish(why)
        self._transport.close()
        self._loop.call_later(CLOSE_TIMEOUT_S, self._transport.abort)

    def cut(self, why: str) -> None:
        """End the connection at once; what has not left is lost."""
        if not self._over:
            self._finish(why)
            self._transport.abort()

    def _flush_now(self) -> None:
        self._flush_soon = False
        self.flush()

    def _tell(self, events: list[Event]) -> None:
        closed = events.pop() if events and isinstance(events[-1], Closed) else None
        if events:
            self._owner.on_events(self, events)
        if isinstance(closed, Closed):
            self.close(closed.why)
        else:
            self.flush()

    def _set_timer(self) -> None:
        """Wake when the session asks, or earlier: a timer that comes too soon finds nothing to do and sets the next."""
        wake_at = self.session.wake_at
        if wake_at >= self._timer_at:
            return
        if self._timer:
            self._timer.cancel()
        self._timer_at = wake_at
        self._timer = self._loop.call_at(wake_at, self._tick)

    def _tick(self) -> None:
        self._timer, self._timer_at = None, inf
        self._tell(self.session.tick(self._loop.time()))

    def _finish(self, why: str) -> None:
        if self._over:
            return
        self._over = True
        if self._timer:
            self._timer.cancel()
        self.lost.set()
        self._owner.on_lost(self, why)
