"""Where a carrier's notices are held until what they say is committed: only then are they answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import count

from limpet.carrier.http_values import Notice, Unreadable, Unsigned, Untrusted, Upstream
from limpet.carrier.port import Delivery, Listener
from limpet.clock import Clock

NOTICE_TIMEOUT_S = 8.0
"""So long is a notice held: carriers give up after ten seconds or so, and then repeat it."""
NOTICES_MAX = 1000
"""So many notices of one carrier are held at a time; one more is to come again later."""


class Taken(Enum):
    """What became of a notice."""

    YES = "yes"
    """What it says is committed, or it says nothing that matters here."""
    LATER = "later"
    """It could not be written in time; the carrier shall repeat it."""
    UNTRUSTED = "untrusted"
    UNREADABLE = "unreadable"


@dataclass(slots=True)
class _Held:
    """A notice that waits for its deliveries to be acknowledged."""

    answer: asyncio.Future[bool]
    open: int


class NoticeDesk:
    """Takes the notices of one carrier, in every process, and tells them as the carrier's first lane."""

    def __init__(self, lane: str, upstream: Upstream, listener: Listener, clock: Clock) -> None:
        self._lane = lane
        self._upstream = upstream
        self._listener = listener
        self._clock = clock
        self._tokens = count(1)
        self._held: dict[int, _Held] = {}

    @property
    def answer(self) -> tuple[str, bytes]:
        """The content type and the body with which a notice that was taken is answered."""
        return self._upstream.notice_answer

    async def take(self, notice: Notice) -> Taken:
        """Hear a notice, and wait until all of it is committed."""
        said = self._upstream.read(notice, self._clock.now().timestamp())
        if isinstance(said, Untrusted):
            return Taken.UNTRUSTED
        if isinstance(said, Unsigned):
            return Taken.LATER
        if isinstance(said, Unreadable):
            return Taken.UNREADABLE
        if not said:
            return Taken.YES
        if len(self._held) + len(said) > NOTICES_MAX:
            return Taken.LATER
        return Taken.YES if await self._told(said) else Taken.LATER

    async def _told(self, said: Sequence[Delivery]) -> bool:
        held = _Held(asyncio.get_running_loop().create_future(), len(said))
        deliveries = [replace(delivery, token=next(self._tokens)) for delivery in said]
        self._held.update((delivery.token, held) for delivery in deliveries)
        try:
            self._listener.on_deliveries(self._lane, deliveries)
            async with asyncio.timeout(NOTICE_TIMEOUT_S):
                return await held.answer
        except TimeoutError:
            return False
        finally:
            for delivery in deliveries:
                self._held.pop(delivery.token, None)

    def acknowledge(self, tokens: Sequence[int]) -> None:
        """What these deliveries said is committed. A token of a notice that is held no more is passed over."""
        for token in tokens:
            held = self._held.pop(token, None)
            if held is not None:
                held.open -= 1
                if not held.open and not held.answer.done():
                    held.answer.set_result(True)

    def decline(self, tokens: Sequence[int]) -> None:
        """What these deliveries said could not be written: their notices are to come again."""
        for token in tokens:
            held = self._held.pop(token, None)
            if held is not None and not held.answer.done():
                held.answer.set_result(False)
