"""Letting single messages that a simulated carrier caught go to a real one, to people who are on a list.

The lane is the carrier's own, apart from the flow: what is released changes nothing of the message that was caught. What the
carrier brings that is not about something released here is declined, so that it goes to whoever else is bound.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from secrets import token_bytes
from typing import Final

import structlog

from limpet.carrier.http import HttpCarrier
from limpet.carrier.port import (
    Delivery,
    Lane,
    Listener,
    MessageKey,
    Receipt,
    Refused,
    Result,
    Submission,
    Submitted,
    Unsent,
)
from limpet.carrier.smpp import SmppLane
from limpet.carrier.smpp_settings import smpp_config
from limpet.clock import Clock
from limpet.config import CarrierConfig, ReleaseOptions
from limpet.core.encoding import segment
from limpet.core.ids import reference_of
from limpet.core.model import Message

ROOM_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 30.0
RELEASED_MAX: Final = 10_000
_log = structlog.get_logger()


@dataclass(slots=True)
class _Waiting:
    """A message that was handed to the lane."""

    answer: asyncio.Future[Result]


class Release:
    """`limpet.pages.phones.desk.Releaser`. `sender` is what messages come from there; without one it is the one they have."""

    def __init__(
        self, carrier: str, allowed: Collection[str], sender: str | None, lane: Callable[[Listener], Lane]
    ) -> None:
        self.carrier = carrier
        self._allowed = frozenset(allowed)
        self._sender = sender
        self._lane = lane(self)
        self._waiting: dict[MessageKey, _Waiting] = {}
        self._released: dict[MessageKey, str] = {}
        self._ids: set[str] = set()
        self._room = asyncio.Event()

    async def start(self) -> None:
        """Begin to connect."""
        await self._lane.start()

    async def stop(self) -> None:
        """Close the connection."""
        await self._lane.stop(1.0)

    def allows(self, recipient: str) -> bool:
        """Whether the person is on the list."""
        return recipient in self._allowed

    async def release(self, message: Message, media: Sequence[str] = ()) -> str:
        """Send a message, once; answers in one sentence what the carrier said. ValueError for a person who is not on the list."""
        key = MessageKey(message.bucket, message.id)
        if not self.allows(message.recipient):
            raise ValueError(f"{message.recipient} is not on the list")
        if (before := self._released.get(key)) is not None:
            return before
        if key in self._waiting or len(self._released) >= RELEASED_MAX:
            return "It is on its way." if key in self._waiting else "Too many have been released: start anew."
        if not await self._has_room():
            return f"{self.carrier} is not there, or has no room: nothing was sent."
        said = _sentence(self.carrier, await self._submit(key, message, media))
        _log.warning("released", carrier=self.carrier, said=said)
        return said

    async def _has_room(self) -> bool:
        try:
            async with asyncio.timeout(ROOM_TIMEOUT_S):
                while not self._lane.room:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            return False
        return True

    async def _submit(self, key: MessageKey, message: Message, media: Sequence[str]) -> Result | None:
        waiting = self._waiting[key] = _Waiting(asyncio.get_running_loop().create_future())
        sender, content = self._sender or message.sender or "", segment(message.body)
        as_mms = bool(media) and self._lane.mms
        kept = tuple(media) if as_mms else ()
        reference = reference_of(message.id)
        self._released[key] = "It has been released before."
        self._lane.submit([Submission(key, 1, sender, message.recipient, content, reference, kept, as_mms)])
        try:
            result = await asyncio.wait_for(waiting.answer, ANSWER_TIMEOUT_S)
        except TimeoutError:
            return None
        finally:
            del self._waiting[key]
        if isinstance(result, Refused | Unsent):
            del self._released[key]  # nothing has left: it may be tried again
        elif isinstance(result, Submitted):
            self._ids.update(result.carrier_message_ids)
        return result

    # ── what the lane tells ──

    def on_results(self, lane: str, results: Sequence[Result]) -> None:  # noqa: ARG002
        """Answers to what was released."""
        for result in results:
            waiting = self._waiting.get(result.key)
            if waiting is not None and not waiting.answer.done():
                waiting.answer.set_result(result)

    def on_deliveries(self, lane: str, deliveries: Sequence[Delivery]) -> None:  # noqa: ARG002
        """Receipts of what was released are taken; everything else is for others."""
        ours = [one for one in deliveries if isinstance(one, Receipt) and one.carrier_message_id in self._ids]
        for one in ours:
            _log.warning(
                "released, and reported", carrier=self.carrier, state=str(one.state), error_code=one.error_code
            )
        tokens = {one.token for one in ours}
        self._lane.acknowledge([*tokens])
        self._lane.decline([one.token for one in deliveries if one.token not in tokens])

    def on_room(self, lane: str) -> None:  # noqa: ARG002
        """There is room."""
        self._room.set()

    def on_down(self, lane: str, why: str) -> None:
        """The carrier is away."""
        _log.warning("carrier for releases is away", lane=lane, why=why)


def _sentence(carrier: str, result: Result | None) -> str:
    match result:
        case Submitted(carrier_message_ids=ids):
            return f"{carrier} took it as {', '.join(ids)}."
        case Refused(error_code=code, detail=detail):
            return f"{carrier} refused it: {code}, {detail}."
        case Unsent():
            return f"Nothing was sent: {carrier} went away before."
        case _:
            return f"{carrier} has not answered: it may have been sent."


async def open_release(stack: AsyncExitStack, options: ReleaseOptions, clock: Clock, notices_url: str) -> Release:
    """Connect to the carrier; `stack` closes the connection."""
    chance = random.Random(token_bytes(16))  # noqa: S311 - spreads pauses, guards nothing
    config = options.carrier

    def lane(listener: Listener) -> Lane:
        if isinstance(config, CarrierConfig):
            return SmppLane(f"{config.name}/release", smpp_config(config), listener, chance)
        carrier = HttpCarrier(config, notices_url, listener, clock, chance)
        stack.push_async_callback(carrier.close)
        return carrier.lanes[0]

    release = Release(config.name, options.allowed, options.sender, lane)
    await release.start()
    stack.push_async_callback(release.stop)
    return release
