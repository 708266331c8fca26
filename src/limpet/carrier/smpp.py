"""A lane to an SMPP 3.4 carrier: one bound connection, kept up, with messages on one side and PDUs on the other.

It refuses to know the store and the flows: what it takes is already committed, what it tells is committed by its
listener. Inbound texts longer than one PDU are delivered as their parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Protocol

from limpet.carrier.port import Delivery, Listener, Result, Submission, Unsent
from limpet.carrier.smpp_config import CONNECT_TIMEOUT_S, QUEUE_WINDOWS_MAX, UNBIND_TIMEOUT_S, SmppConfig
from limpet.carrier.smpp_link import Link
from limpet.carrier.smpp_queue import SendQueue
from limpet.carrier.smpp_values import delivery, segment_message
from limpet.smpp.commands import MessageId, Pdu
from limpet.smpp.events import Answered, BindRefused, Bound, Event, Requested, Unreadable
from limpet.smpp.session import Role, SessionConfig
from limpet.smpp.status import Status


class Chance(Protocol):
    """Where jitter comes from, such as `random.Random`."""

    def random(self) -> float:
        """A number of [0, 1)."""


class SmppLane:
    """A `limpet.carrier.port.Lane` over one bind_transceiver. Its methods are called from the event loop's thread.

    `on_down` is told when a bound lane is lost and after each attempt that does not end bound, with the reason.
    """

    def __init__(self, name: str, config: SmppConfig, listener: Listener, chance: Chance) -> None:
        self._name = name
        self._config = config
        self._listener = listener
        self._chance = chance
        self._queue = SendQueue(config.window_size_max, config.throttle_pause_s, config.error_codes.submit)
        self._link: Link | None = None
        self._runner: asyncio.Task[None] | None = None
        self._resume: asyncio.TimerHandle | None = None
        self._tokens = count(1)
        self._open: dict[int, Pdu] = {}
        self._undone: list[Result] = []
        self._failures = 0
        self._refused = False
        self._had_room = False
        self._stopping = False
        self._idle = asyncio.Event()

    @property
    def name(self) -> str:
        """`carrier/number`."""
        return self._name

    @property
    def bound(self) -> bool:
        """Whether the carrier is there."""
        return self._link is not None and self._link.session.bound

    @property
    def room(self) -> int:
        """How many more messages could be in flight now."""
        return self._queue.room if self.bound and not self._stopping else 0

    async def start(self) -> None:
        """Begin to connect; returns at once. A lane that was stopped may be started again."""
        if self._runner is None:
            self._stopping = False
            self._idle.clear()
            self._runner = asyncio.create_task(self._keep_connected(), name=f"lane {self._name}")

    async def stop(self, grace_s: float) -> None:
        """Give back what has not begun, wait at most `grace_s` for the rest, unbind, close. `on_down` is not told."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self._stopping = True
        runner.cancel()
        self._tell(self._queue.release())
        if self._link:
            await self._leave(self._link, grace_s)
        await asyncio.wait((runner,))
        if not runner.cancelled():
            runner.result()

    async def _leave(self, link: Link, grace_s: float) -> None:
        if self._queue.held:
            await _within(grace_s, self._idle)
        if link.session.bound:
            link.session.unbind(asyncio.get_running_loop().time())
            link.flush()
            await _within(UNBIND_TIMEOUT_S, link.lost)
        link.close("the lane was stopped")

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Take messages; what comes while not bound, or beyond `QUEUE_WINDOWS_MAX` windows, is Unsent."""
        taking = self.bound and not self._stopping
        space = self._config.window_size_max * QUEUE_WINDOWS_MAX - self._queue.held if taking else 0
        for submission in submissions[:space]:
            self._queue.offer(submission)
        self._had_room = self._had_room and self.room > 0
        if self._link and space:
            self._link.flush_soon()
        if len(submissions) > space:
            self._undone += [Unsent(submission.key, submission.attempt) for submission in submissions[space:]]
            asyncio.get_running_loop().call_soon(self._tell_undone)

    def acknowledge(self, tokens: Sequence[int]) -> None:
        """Answer deliveries positively."""
        self._respond(tokens, Status.ROK)

    def decline(self, tokens: Sequence[int]) -> None:
        """Answer deliveries with a temporary error."""
        self._respond(tokens, Status.RX_T_APPN)

    def _respond(self, tokens: Sequence[int], status: Status) -> None:
        for token in tokens:
            request = self._open.pop(token, None)
            if request is not None and self._link is not None:
                self._link.session.respond(request, status)
        if self._link:
            self._link.flush_soon()

    # What the link tells.

    def on_connected(self, link: Link) -> None:
        """Ask for the bind."""
        self._link, self._refused = link, False
        link.session.bind(self._config.bind, asyncio.get_running_loop().time())

    def on_events(self, link: Link, events: Sequence[Event]) -> None:
        """Everything that one read brought, told as one batch of each kind."""
        if link is not self._link:
            return
        results: list[Result] = []
        deliveries: list[Delivery] = []
        now = asyncio.get_running_loop().time()
        for event in events:
            match event:
                case Answered(pdu):
                    message_id = pdu.body.message_id if isinstance(pdu.body, MessageId) else ""
                    results += self._queue.answered(pdu.sequence, pdu.status, message_id, now)
                case Requested(pdu):
                    deliveries.append(self._delivery(pdu))
                case Unreadable(sequence):
                    results += self._queue.unreadable(sequence)
                case _:
                    self._on_bind_event(event)
        self._tell(results, deliveries)
        self._resume_later(link, now)

    def before_write(self, link: Link) -> None:
        """Put as many segments into the session as may go."""
        session = link.session
        if link is not self._link or not session.bound:
            return
        now = asyncio.get_running_loop().time()
        results: list[Result] = []
        while session.room and (outgoing := self._queue.next(now)):
            try:
                message, tlvs = segment_message(outgoing.submission, outgoing.index, self._config.numberings)
                sequence = session.submit(message, tlvs, now)
            except (ValueError, OverflowError) as error:
                results += self._queue.reject(outgoing, str(error))
            else:
                assert sequence is not None, "there was room"
                self._queue.sent(sequence, outgoing)
        if results:
            self._tell(results)

    def on_lost(self, link: Link, why: str) -> None:
        """Tell what became of everything, then that the carrier is gone."""
        if link is not self._link:
            return
        self._link = None
        self._open.clear()
        self._had_room = False
        if self._resume:
            self._resume.cancel()
            self._resume = None
        self._tell(self._queue.drop())
        if not self._stopping:
            self._listener.on_down(self._name, why)

    # Helpers.

    def _on_bind_event(self, event: Event) -> None:
        if isinstance(event, Bound):
            self._failures, self._refused = 0, False
        elif isinstance(event, BindRefused):
            self._refused = True

    def _delivery(self, pdu: Pdu) -> Delivery:
        token = next(self._tokens)
        self._open[token] = pdu
        return delivery(pdu, token, self._config.error_codes.receipt)

    def _tell(self, results: Sequence[Result], deliveries: Sequence[Delivery] = ()) -> None:
        if results:
            self._listener.on_results(self._name, results)
        if deliveries:
            self._listener.on_deliveries(self._name, deliveries)
        if self._stopping and not self._queue.held:
            self._idle.set()
        had_room, self._had_room = self._had_room, self.room > 0
        if self._had_room and not had_room:
            self._listener.on_room(self._name)

    def _tell_undone(self) -> None:
        results, self._undone = self._undone, []
        self._tell(results)

    def _resume_later(self, link: Link, now: float) -> None:
        """After a throttle, write again when the pause is over."""
        if self._queue.paused_until > now and self._resume is None and link is self._link:
            self._resume = asyncio.get_running_loop().call_at(self._queue.paused_until, self._resume_now, link)

    def _resume_now(self, link: Link) -> None:
        """A loop's timer may come a little early; then there is another. One look at the clock decides."""
        self._resume = None
        now = asyncio.get_running_loop().time()
        if self._queue.paused_until > now:
            self._resume_later(link, now)
        else:
            link.flush()

    async def _keep_connected(self) -> None:
        while True:
            await self._connect_once()
            ceiling_s = self._config.reconnect_ceiling_s(self._failures, self._refused)
            self._failures += 1
            await asyncio.sleep(ceiling_s * self._chance.random())

    async def _connect_once(self) -> None:
        """Come up, and stay until the connection is lost."""
        config = self._config
        link = Link(Role.ESME, _session_config(config), self)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: link, config.host, config.port, ssl=config.tls
                )
        except (OSError, ValueError) as error:
            self._listener.on_down(self._name, str(error) or "no connection in time")
        else:
            await link.lost.wait()


def _session_config(config: SmppConfig) -> SessionConfig:
    return SessionConfig(
        config.system_id,
        window_size_max=config.window_size_max,
        response_timeout_s=config.response_timeout_s,
        enquire_link_s=config.enquire_link_s,
    )


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event, and no longer than so."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
