"""A lane to an SMPP 3.4 carrier: one bound connection or one for each direction, messages on one side and PDUs on the other.

It refuses to know the store and the flows: what it takes is already committed, what it tells is committed by its
listener. Inbound texts longer than one PDU are delivered as their parts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import count

from limpet.carrier.port import Delivery, Listener, Question, Result, Submission, Unsent
from limpet.carrier.smpp_bind import Bind, Chance, within
from limpet.carrier.smpp_config import QUESTIONS_MAX, QUEUE_WINDOWS_MAX, SmppConfig
from limpet.carrier.smpp_queue import SendQueue
from limpet.carrier.smpp_values import answer_receipt, delivery
from limpet.carrier.smpp_wire import fitted, query_body, segment_pdu
from limpet.smpp.commands import NO_TLVS, Command, MessageId, Pdu, QueryAnswer
from limpet.smpp.events import Answered, Event, Requested, Unreadable
from limpet.smpp.status import Status

__all__ = ["Chance", "SmppLane"]


class SmppLane:
    """A `limpet.carrier.port.Lane`. Its methods are called from the event loop's thread.

    `on_down` is told when a connection is lost and after each attempt that does not end bound, with the reason.
    """

    def __init__(self, name: str, config: SmppConfig, listener: Listener, chance: Chance) -> None:
        self._name = name
        self._config = config
        self._listener = listener
        self._binds = [Bind(self, config, command, chance) for command in config.commands]
        self._sender = self._binds[0]
        self._queue = SendQueue(
            config.window_size_max, config.throttle_pause_s, config.segments_per_s, config.error_codes.submit
        )
        self._questions: deque[Question] = deque()
        self._asked: dict[int, Question] = {}
        self._runners: list[asyncio.Task[None]] = []
        self._resume: asyncio.TimerHandle | None = None
        self._tokens = count(1)
        self._open: dict[int, tuple[Bind, Pdu]] = {}
        self._undone: list[Result] = []
        self._had_room = False
        self._stopping = False
        self._idle = asyncio.Event()

    @property
    def name(self) -> str:
        """`carrier/number`."""
        return self._name

    @property
    def bound(self) -> bool:
        """Whether the carrier is there, for both directions."""
        return all(bind.bound for bind in self._binds)

    @property
    def room(self) -> int:
        """How many more messages could be in flight now."""
        return self._queue.room if self.bound and not self._stopping else 0

    @property
    def mms(self) -> bool:
        """SMPP carries no media."""
        return False

    @property
    def window_size(self) -> int:
        """How many PDUs may be unanswered, as the carrier takes them now."""
        return self._queue.window

    @property
    def throttles(self) -> int:
        """How often the carrier has throttled."""
        return self._queue.throttles

    async def start(self) -> None:
        """Begin to connect; returns at once. A lane that was stopped may be started again."""
        if not self._runners:
            self._stopping = False
            self._idle.clear()
            self._runners = [asyncio.create_task(bind.run(), name=f"lane {self._name}") for bind in self._binds]

    async def stop(self, grace_s: float) -> None:
        """Give back what has not begun, wait at most `grace_s` for the rest, unbind, close. `on_down` is not told."""
        runners, self._runners = self._runners, []
        if not runners:
            return
        self._stopping = True
        for runner in runners:
            runner.cancel()
        self._tell(self._queue.release())
        if self._sender.link and self._queue.held:
            await within(grace_s, self._idle)
        await asyncio.gather(*(bind.leave() for bind in self._binds))
        await asyncio.wait(runners)
        for runner in runners:
            if not runner.cancelled():
                runner.result()

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Take messages; what comes while not bound, or beyond `QUEUE_WINDOWS_MAX` windows, is Unsent."""
        taking = self.bound and not self._stopping
        space = self._config.window_size_max * QUEUE_WINDOWS_MAX - self._queue.held if taking else 0
        for submission in submissions[:space]:
            self._queue.offer(fitted(submission, self._config.wording))
        self._had_room = self._had_room and self.room > 0
        if self._sender.link and space:
            self._sender.link.flush_soon()
        if len(submissions) > space:
            self._undone += [Unsent(submission.key, submission.attempt) for submission in submissions[space:]]
            asyncio.get_running_loop().call_soon(self._tell_undone)

    def ask(self, questions: Sequence[Question]) -> int:
        """Take questions for query_sm, where the carrier knows it: at most so many as may wait."""
        space = max(0, QUESTIONS_MAX - len(self._questions)) if self._config.query and self.bound else 0
        self._questions.extend(questions[:space])
        if self._sender.link and space:
            self._sender.link.flush_soon()
        return min(space, len(questions))

    def acknowledge(self, tokens: Sequence[int]) -> None:
        """Answer deliveries positively."""
        self._respond(tokens, Status.ROK)

    def decline(self, tokens: Sequence[int]) -> None:
        """Answer deliveries with a temporary error."""
        self._respond(tokens, Status.RX_T_APPN)

    def _respond(self, tokens: Sequence[int], status: Status) -> None:
        for token in tokens:
            bind, request = self._open.pop(token, (None, None))
            if bind is not None and request is not None and bind.link is not None:
                bind.link.session.respond(request, status)
                bind.link.flush_soon()

    # What the connections tell.

    def on_events(self, bind: Bind, events: Sequence[Event]) -> None:
        """Everything that one read brought, told as one batch of each kind."""
        results: list[Result] = []
        deliveries: list[Delivery] = []
        now = asyncio.get_running_loop().time()
        for event in events:
            match event:
                case Answered(pdu):
                    self._answered(pdu, results, deliveries, now)
                case Requested(pdu):
                    deliveries.append(self._delivery(bind, pdu))
                case Unreadable(sequence):
                    if self._asked.pop(sequence, None) is None:
                        results += self._queue.unreadable(sequence)
                case _:
                    continue
        self._tell(results, deliveries)
        self._resume_later(now)

    def before_write(self, bind: Bind) -> None:
        """Put as many segments into the session as may go, then questions where there is still room."""
        if bind is not self._sender or bind.link is None:
            return
        session, config, now = bind.link.session, self._config, asyncio.get_running_loop().time()
        results: list[Result] = []
        while session.room and (outgoing := self._queue.next(now)):
            try:
                command, body, tlvs = segment_pdu(
                    outgoing.submission, outgoing.index, config.numberings, config.wording
                )
                sequence = session.request(command, body, tlvs, now)
            except (ValueError, OverflowError) as error:
                results += self._queue.reject(outgoing, str(error))
            else:
                assert sequence is not None, "there was room"
                self._queue.sent(sequence, outgoing)
        self._put_questions(bind, now)
        if results:
            self._tell(results)
        self._resume_later(now)

    def on_lost(self, bind: Bind, why: str) -> None:
        """Tell what became of everything, then that the carrier is gone."""
        self._open = {token: (other, pdu) for token, (other, pdu) in self._open.items() if other is not bind}
        self._had_room = False
        if bind is self._sender:
            self._asked.clear()
            self._questions.clear()
            if self._resume:
                self._resume.cancel()
                self._resume = None
            self._tell(self._queue.drop())
        self.on_failed(why)

    def on_failed(self, why: str) -> None:
        """Tell that the carrier is not there."""
        if not self._stopping:
            self._listener.on_down(self._name, why)

    # Helpers.

    def _answered(self, pdu: Pdu, results: list[Result], deliveries: list[Delivery], now: float) -> None:
        question = self._asked.pop(pdu.sequence, None)
        if question is None:
            message_id = pdu.body.message_id if isinstance(pdu.body, MessageId) else ""
            results += self._queue.answered(pdu.sequence, pdu.status, message_id, now)
        elif pdu.status == Status.ROK and isinstance(pdu.body, QueryAnswer):
            deliveries.append(answer_receipt(question, pdu.body))

    def _put_questions(self, bind: Bind, now: float) -> None:
        session = bind.link.session if bind.link else None
        while self._questions and session is not None and session.room:
            question = self._questions.popleft()
            body = query_body(question, self._config.numberings, self._config.wording)
            try:
                sequence = session.request(Command.QUERY_SM, body, NO_TLVS, now)
            except ValueError:
                continue
            assert sequence is not None, "there was room"
            self._asked[sequence] = question

    def _delivery(self, bind: Bind, pdu: Pdu) -> Delivery:
        token = next(self._tokens)
        self._open[token] = bind, pdu
        return delivery(pdu, token, self._config.wording, self._config.error_codes.receipt)

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

    def _resume_later(self, now: float) -> None:
        """Write again when a pause is over, or the carrier's rate allows it: no answer need come before."""
        at = self._queue.wake_at(now)
        if at is not None and self._resume is None and self._sender.link is not None:
            self._resume = asyncio.get_running_loop().call_at(at, self._resume_now)

    def _resume_now(self) -> None:
        """A loop's timer may come a little early; then `before_write` finds nothing to do and sets the next."""
        self._resume = None
        if self._sender.link is not None:
            self._sender.link.flush()
