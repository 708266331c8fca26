"""One SMPP conversation, from either side, as a machine that is fed bytes and seconds and gives events and bytes.

It does no input or output and asks no clock: `now` is monotonic seconds, `bytes_to_send` what its owner must write. It
keeps the bind, the window, sequence numbers and time-outs (SMPP 3.4 §2.2, §2.9, §7.2). It refuses to know what a
message says, what a refusal means to it, and how to reconnect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import NamedTuple

from limpet.smpp.commands import (
    NO_TLVS,
    RESPONSE,
    Bind,
    BindAnswer,
    Body,
    Command,
    Malformed,
    Message,
    Nothing,
    Outbind,
    Pdu,
    Tag,
    Tlvs,
)
from limpet.smpp.events import Answered, BindRefused, Bound, Called, Closed, Event, Requested, Unreadable
from limpet.smpp.pdu import Splitter, encode, encode_answer
from limpet.smpp.status import Status, meaning

INTERFACE_VERSION = 0x34
SEQUENCE_MAX = 0x7FFFFFFF


class Role(StrEnum):
    """Which side we are: the one that binds, or the message centre that is bound to."""

    ESME = "esme"
    SMSC = "smsc"


def nobody(system_id: str, password: str) -> bool:  # noqa: ARG001
    """Authenticates no one: a message centre that was not told whom to let in lets nobody in."""
    return False


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """How a session behaves. `window_size_max` bounds our requests in flight, `open_requests_max` the peer's."""

    system_id: str
    window_size_max: int = 10
    open_requests_max: int = 1000
    response_timeout_s: float = 10.0
    enquire_link_s: float = 20.0
    authenticate: Callable[[str, str], bool] = nobody
    """For the role SMSC: whether this system_id may bind with this password. Must compare in constant time."""


class _State(StrEnum):
    OPEN = "open"
    BOUND = "bound"
    UNBINDING = "unbinding"
    CLOSED = "closed"


class _Waiting(NamedTuple):
    """What must answer a request, and by when."""

    answer: Command
    deadline: float


_ANSWERS: Mapping[int, Command] = {
    answer & ~RESPONSE: answer for answer in Command if answer & RESPONSE and answer is not Command.GENERIC_NACK
}
"""Each request that is answered at all, and its answer."""
_BINDS = frozenset({Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER})
_ACCEPTED: Mapping[Role, frozenset[Command]] = {
    Role.ESME: frozenset({Command.DELIVER_SM, Command.DATA_SM}),
    Role.SMSC: frozenset({Command.SUBMIT_SM, Command.DATA_SM, Command.QUERY_SM, Command.CANCEL_SM, Command.REPLACE_SM}),
}
"""The requests that each side takes from the other while bound (SMPP 3.4 §2.3)."""
_ESME_SENDS = frozenset({Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER})
_ESME_RECEIVES = frozenset({Command.BIND_RECEIVER, Command.BIND_TRANSCEIVER})


class Session:
    """One conversation. Call `tick` at `wake_at`, or earlier, and write `bytes_to_send` after every call."""

    def __init__(self, role: Role, config: SessionConfig, now: float) -> None:
        self._role = role
        self._config = config
        self._state = _State.OPEN
        self._bind: Command | None = None
        self._splitter = Splitter()
        self._out: list[bytes] = []
        self._sequence = 0
        self._window: dict[int, _Waiting] = {}
        self._housekeeping: dict[int, _Waiting] = {}
        self._open_requests = 0
        self._heard_at = now
        self._bind_by = now + config.response_timeout_s

    @property
    def bound(self) -> bool:
        """Whether requests can pass in either direction."""
        return self._state is _State.BOUND

    @property
    def closed(self) -> bool:
        """Whether `Closed` has been told; nothing is read or sent any more."""
        return self._state is _State.CLOSED

    @property
    def in_flight(self) -> int:
        """Requests of ours that wait for their answer, bind, enquire_link and unbind not counted."""
        return len(self._window)

    @property
    def room(self) -> int:
        """How many requests can be sent now; 0 while not bound for our direction."""
        ours = _ESME_SENDS if self._role is Role.ESME else _ESME_RECEIVES
        if self._state is not _State.BOUND or self._bind not in ours:
            return 0
        return self._config.window_size_max - len(self._window)

    @property
    def wake_at(self) -> float:
        """The monotonic second at which `tick` next has something to do; infinity when closed."""
        if self._state is _State.CLOSED:
            return inf
        deadlines = [waiting.deadline for waiting in self._oldest()]
        if self._state is _State.OPEN:
            deadlines.append(self._bind_by)
        elif self._state is _State.BOUND and not self._housekeeping:
            deadlines.append(self._heard_at + self._config.enquire_link_s)
        return min(deadlines)

    def bind(self, body: Bind, now: float, command: Command = Command.BIND_TRANSCEIVER) -> None:
        """Ask to be bound (§4.1); `Bound` or `BindRefused` follows."""
        self._bind = command
        self._keep_house(command, body, now)

    def submit(self, message: Message, tlvs: Tlvs, now: float) -> int | None:
        """Send submit_sm; the sequence by which it will be answered, or None when there is no room."""
        return self.request(Command.SUBMIT_SM, message, tlvs, now)

    def deliver(self, message: Message, tlvs: Tlvs, now: float) -> int | None:
        """Send deliver_sm; the sequence by which it will be answered, or None when there is no room."""
        return self.request(Command.DELIVER_SM, message, tlvs, now)

    def request(self, command: Command, body: Body, tlvs: Tlvs, now: float) -> int | None:
        """Send a request that counts in the window. Raises ValueError, and sends nothing, when it cannot be encoded."""
        if self.room <= 0:
            return None
        sequence = self._next_sequence()
        self._out.append(encode(Pdu(command, 0, sequence, body, tlvs)))
        self._window[sequence] = _Waiting(_ANSWERS[command], now + self._config.response_timeout_s)
        return sequence

    def respond(self, request: Pdu, status: int = Status.ROK, message_id: str = "", body: Body | None = None) -> None:
        """Answer a `Requested`, once, in any order. `body` is for answers that are more than a message id."""
        self._open_requests -= 1
        if self._state is _State.CLOSED:
            return
        if body is None:
            self._answer(request, status, message_id)
        else:
            self._out.append(encode(Pdu(_ANSWERS[request.command], status, request.sequence, body)))

    def unbind(self, now: float) -> None:
        """Say good-bye (§4.2); `Closed` follows with the answer, or without it after the response time-out."""
        if self._state in (_State.OPEN, _State.BOUND):
            self._state = _State.UNBINDING
            self._keep_house(Command.UNBIND, Nothing(), now)

    def receive(self, data: bytes, now: float) -> list[Event]:
        """What the peer's bytes mean."""
        events: list[Event] = []
        if self.closed:
            return events
        for pdu in self._splitter.feed(data):
            self._heard_at = now  # by a whole PDU: a peer that only trickles octets is asked whether it is there
            if isinstance(pdu, Malformed):
                self._take_malformed(pdu, events)
            elif pdu.command & RESPONSE:
                self._take_answer(pdu, events)
            else:
                self._take_request(pdu, events)
            if self.closed:
                break
        return events

    def tick(self, now: float) -> list[Event]:
        """What the passing of time means: a time-out closes, a silent peer is asked whether it is there."""
        events: list[Event] = []
        if now < self.wake_at:
            return events
        if any(now >= waiting.deadline for waiting in self._oldest()):
            self._close(f"no answer within {self._config.response_timeout_s:g} s", events)
        elif self._state is _State.OPEN:
            self._close(f"no bind within {self._config.response_timeout_s:g} s", events)
        else:
            self._keep_house(Command.ENQUIRE_LINK, Nothing(), now)
        return events

    def bytes_to_send(self) -> bytes:
        """Everything that has gathered since the last call."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _oldest(self) -> list[_Waiting]:
        """The request that waits longest, of each kind: deadlines only grow, so the first is the next to pass."""
        return [next(iter(waiting.values())) for waiting in (self._window, self._housekeeping) if waiting]

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % SEQUENCE_MAX + 1
        return self._sequence

    def _keep_house(self, command: Command, body: Body, now: float) -> None:
        """Send a request that is about the conversation itself, outside the window."""
        sequence = self._next_sequence()
        self._out.append(encode(Pdu(command, 0, sequence, body)))
        self._housekeeping[sequence] = _Waiting(_ANSWERS[command], now + self._config.response_timeout_s)

    def _answer(self, request: Pdu, status: int, message_id: str = "") -> None:
        self._out.append(encode_answer(_ANSWERS[request.command], status, request.sequence, message_id))

    def _nack(self, sequence: int, status: Status) -> None:
        self._out.append(encode_answer(Command.GENERIC_NACK, status, sequence))

    def _close(self, why: str, events: list[Event]) -> None:
        self._state = _State.CLOSED
        events.append(Closed(why))

    def _close_refused(self, status: int, events: list[Event]) -> None:
        events.append(BindRefused(status))
        self._close(f"the bind was refused with {meaning(status).name}", events)

    def _take_malformed(self, pdu: Malformed, events: list[Event]) -> None:
        if pdu.fatal:
            self._nack(pdu.sequence, pdu.status)
            self._close("the stream has no PDU boundaries", events)
        elif pdu.command & RESPONSE:
            if self._window.pop(pdu.sequence, None) is not None:
                events.append(Unreadable(pdu.sequence))
        elif pdu.command in _ANSWERS:
            self._out.append(encode_answer(_ANSWERS[pdu.command], pdu.status, pdu.sequence))
        else:
            self._nack(pdu.sequence, pdu.status)

    def _take_answer(self, pdu: Pdu, events: list[Event]) -> None:
        """An answer that fits no request of ours, such as a late one, says nothing and is passed over."""
        waiting = self._window.get(pdu.sequence)
        if waiting is not None and pdu.command in (waiting.answer, Command.GENERIC_NACK):
            del self._window[pdu.sequence]
            events.append(Answered(pdu))
            return
        waiting = self._housekeeping.get(pdu.sequence)
        if waiting is not None and pdu.command in (waiting.answer, Command.GENERIC_NACK):
            del self._housekeeping[pdu.sequence]
            self._take_housekeeping(waiting.answer, pdu, events)

    def _take_housekeeping(self, answer: Command, pdu: Pdu, events: list[Event]) -> None:
        if answer is Command.UNBIND_RESP:
            self._close("unbound", events)
        elif answer is Command.ENQUIRE_LINK_RESP or self._state is not _State.OPEN or self._bind is None:
            return
        elif pdu.status == Status.ROK and isinstance(pdu.body, BindAnswer):
            self._state = _State.BOUND
            events.append(Bound(self._bind, pdu.body.system_id))
        else:
            self._close_refused(pdu.status, events)

    def _take_request(self, pdu: Pdu, events: list[Event]) -> None:
        if pdu.command in _ACCEPTED[self._role]:
            self._take_message(pdu, events)
        elif pdu.command is Command.ENQUIRE_LINK:
            self._answer(pdu, Status.ROK)
        elif pdu.command is Command.UNBIND:
            self._answer(pdu, Status.ROK)
            self._close("the peer unbound", events)
        elif pdu.command in _BINDS and self._role is Role.SMSC:
            self._take_bind(pdu, events)
        elif isinstance(pdu.body, Outbind) and self._role is Role.ESME and self._bind is None:
            events.append(Called(pdu.body.system_id, pdu.body.password))
        elif pdu.command in _ANSWERS:
            self._answer(pdu, Status.RINVCMDID)
        elif self._role is Role.SMSC:
            self._nack(pdu.sequence, Status.RINVCMDID)

    def _take_message(self, pdu: Pdu, events: list[Event]) -> None:
        theirs = _ESME_RECEIVES if self._role is Role.ESME else _ESME_SENDS
        if self._state is not _State.BOUND or self._bind not in theirs:
            self._answer(pdu, Status.RINVBNDSTS)
        elif self._open_requests >= self._config.open_requests_max:
            self._answer(pdu, Status.RMSGQFUL)
        else:
            self._open_requests += 1
            events.append(Requested(pdu))

    def _take_bind(self, pdu: Pdu, events: list[Event]) -> None:
        """One try a connection, and one status for every failure, so that nobody learns which half was wrong."""
        if self._state is not _State.OPEN or not isinstance(pdu.body, Bind):
            self._answer(pdu, Status.RALYBND)
        elif self._config.authenticate(pdu.body.system_id, pdu.body.password):
            self._state = _State.BOUND
            self._bind = pdu.command
            self._welcome(pdu, pdu.body)
            events.append(Bound(pdu.command, pdu.body.system_id))
        else:
            self._answer(pdu, Status.RBINDFAIL)
            self._close_refused(Status.RBINDFAIL, events)

    def _welcome(self, pdu: Pdu, bind: Bind) -> None:
        """The answer to a bind; TLVs only for a peer of 3.4 (§3.3)."""
        tlvs = {Tag.SC_INTERFACE_VERSION.value: bytes((INTERFACE_VERSION,))}
        known = tlvs if bind.interface_version >= INTERFACE_VERSION else NO_TLVS
        body = BindAnswer(self._config.system_id)
        self._out.append(encode(Pdu(_ANSWERS[pdu.command], Status.ROK, pdu.sequence, body, known)))
