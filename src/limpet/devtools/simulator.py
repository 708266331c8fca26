"""The simulated carrier: a real SMPP server on the loopback interface that takes messages, sends receipts and texts back.

For development and tests. What it does to whom is a `Behaviour`, which may be changed while it runs; magic recipients are
described there. It refuses to know Limpet: it sees only PDUs, as any carrier does.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from limpet.carrier.port import MessageKey, Submission
from limpet.carrier.smpp import Chance
from limpet.carrier.smpp_config import USUAL_NUMBERINGS
from limpet.carrier.smpp_link import Link
from limpet.carrier.smpp_values import from_wire, segment_message
from limpet.clock import Clock, SystemClock
from limpet.core.encoding import segment
from limpet.devtools.behaviour import Behaviour, Fate, Receipts
from limpet.devtools.texts import Text, Texts
from limpet.smpp.commands import NO_TLVS, Command, Data, Message, Pdu, Query, QueryAnswer, Tag, Tlvs
from limpet.smpp.events import Answered, Bound, Event, Requested, Unreadable
from limpet.smpp.receipt import DELIVERY_RECEIPT, MessageState
from limpet.smpp.session import Role, SessionConfig
from limpet.smpp.status import Status

HOST = "127.0.0.1"
SYSTEM_ID = "simulated"
LINKS_MAX = 100
"""So many connections at once; one more is cut."""
OUTBOX_MAX = 100_000
"""So many receipts and texts wait for a bind, the oldest forgotten first."""
STATES_MAX = 100_000
"""So many messages can be asked after by query_sm, the oldest forgotten first."""
REPETITIONS_MAX = 100
"""So often is a declined receipt or text sent again."""
DELIVER_WINDOW_MAX = 500
_RECEIPT_WANTED = 0x03
"""The bits of registered_delivery that ask for a receipt (SMPP 3.4 §5.2.17)."""
_STATE_WORDS: Mapping[MessageState, str] = {
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
}


@dataclass(slots=True)
class _Parcel:
    """A deliver_sm on its way to an account."""

    message: Message
    tlvs: Tlvs
    tries: int = 0


@dataclass(slots=True)
class _Desk:
    """What the simulator knows of one connection."""

    account: str | None = None
    submits: int = 0
    flying: dict[int, _Parcel] = field(default_factory=dict)


class Simulator:
    """A carrier on `127.0.0.1`. `accounts` are system ids and their passwords; `clock` dates the receipts."""

    def __init__(
        self,
        port: int = 0,
        *,
        accounts: Mapping[str, str],
        chance: Chance,
        clock: Clock | None = None,
        behaviour: Behaviour | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.on_text: Callable[[Text], None] = lambda _text: None
        """Called with each text as it becomes whole."""
        self.on_submit: Callable[[], None] = lambda: None
        """Called after each submit."""
        self.submits = 0
        """Submits that came, whatever became of them."""
        self._port = port
        self._tls = tls
        self._accounts = dict(accounts)
        self._chance = chance
        self._clock = clock or SystemClock()
        self._texts = Texts()
        self._desks: dict[Link, _Desk] = {}
        self._outboxes: dict[str, deque[_Parcel]] = {account: deque(maxlen=OUTBOX_MAX) for account in accounts}
        self._ids = count(int(self._clock.now().timestamp() * 1000) * 1000)
        self._references = count(1)
        self._states: dict[str, MessageState] = {}
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        return self._port

    @property
    def messages(self) -> Sequence[Text]:
        """The texts that it took, in the order in which they became whole."""
        return self._texts.whole

    @property
    def binds(self) -> int:
        """How many connections are bound."""
        return sum(link.session.bound for link in self._desks)

    @property
    def outstanding(self) -> int:
        """Receipts and texts that nobody has acknowledged yet, those that are not yet due left out."""
        waiting = sum(len(outbox) for outbox in self._outboxes.values())
        return waiting + sum(len(desk.flying) for desk in self._desks.values())

    async def start(self) -> None:
        """Listen."""
        config = SessionConfig(SYSTEM_ID, window_size_max=DELIVER_WINDOW_MAX, authenticate=self._authenticate)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(Role.SMSC, config, self), HOST, self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection. It may be started again on the same port, and remembers its texts."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        self.cut_connections()
        await server.wait_closed()

    def cut_connections(self) -> None:
        """Cut every connection, as a network does; clients may come back at once."""
        for link in list(self._desks):
            link.cut("the simulator cut it")

    def inject_inbound(self, from_: str, to: str, text: str, account: str | None = None) -> None:
        """A person's text to a number of the account (by default the first), in as many parts as it needs."""
        reference = next(self._references) & 0xFFFF
        submission = Submission(MessageKey(0, 0), 0, from_, to, segment(text), reference)
        for index in range(submission.content.count):
            message, _ = segment_message(submission, index, USUAL_NUMBERINGS)
            self._post(account or next(iter(self._accounts)), _Parcel(message._replace(registered_delivery=0), NO_TLVS))

    # ── what links tell ──

    def on_connected(self, link: Link) -> None:
        """Make room at a desk."""
        self._desks[link] = _Desk()
        if len(self._desks) > LINKS_MAX:
            link.cut("too many connections")

    def on_events(self, link: Link, events: Sequence[Event]) -> None:
        """Take submits, and see what became of deliveries."""
        desk = self._desks[link]
        for event in events:
            if link.over:
                return
            match event:
                case Requested(pdu):
                    self._take(link, desk, pdu)
                    self.on_submit()
                case Answered(pdu):
                    self._settle(desk, desk.flying.pop(pdu.sequence), pdu.status)
                case Unreadable(sequence):
                    self._settle(desk, desk.flying.pop(sequence), Status.RSYSERR)
                case Bound(_, system_id):
                    desk.account = system_id
                case _:
                    continue

    def before_write(self, link: Link) -> None:
        """Deliver what waits for this account, as far as the window allows."""
        desk = self._desks[link]
        outbox = self._outboxes.get(desk.account or "", ())
        now = asyncio.get_running_loop().time()
        while outbox and link.session.room:
            parcel = outbox.popleft()
            sequence = link.session.deliver(parcel.message, parcel.tlvs, now)
            assert sequence is not None, "there was room"
            desk.flying[sequence] = parcel

    def on_lost(self, link: Link, why: str) -> None:  # noqa: ARG002
        """What was not acknowledged waits for the next bind, before everything newer."""
        desk = self._desks.pop(link)
        if desk.account is not None:
            self._outboxes[desk.account].extendleft(reversed(desk.flying.values()))
            self._flush(desk.account)

    # ── submits ──

    def _authenticate(self, system_id: str, password: str) -> bool:
        known = self._accounts.get(system_id, "")
        return hmac.compare_digest(known.encode(), password.encode()) and system_id in self._accounts

    def _take(self, link: Link, desk: _Desk, pdu: Pdu) -> None:
        message = _submitted(pdu)
        if message is None:
            self._take_other(link, pdu)
            return
        desk.submits += 1
        self.submits += 1
        fate = self._fate(message)
        if desk.submits == self.behaviour.drop_after:
            if self.behaviour.drop_takes and not fate.status:
                self._accept(link, desk, pdu, message, fate, answered=False)
            link.cut("dropped, as its behaviour says")
        elif self.behaviour.mute:
            return
        elif fate.status:
            self._answer(link, pdu, fate.status, "")
        else:
            self._accept(link, desk, pdu, message, fate)

    def _take_other(self, link: Link, pdu: Pdu) -> None:
        """Say what became of a message, where that is asked; everything else is refused."""
        if not isinstance(pdu.body, Query):
            link.session.respond(pdu, Status.RSYSERR)
        elif (state := self._states.get(pdu.body.message_id)) is None:
            link.session.respond(pdu, Status.RQUERYFAIL, body=QueryAnswer(pdu.body.message_id))
        else:
            link.session.respond(pdu, body=QueryAnswer(pdu.body.message_id, message_state=state))

    def _fate(self, message: Message) -> Fate:
        sender = from_wire(message.source_addr, message.source_addr_ton)
        recipient = from_wire(message.destination_addr, message.dest_addr_ton)
        return self.behaviour.fate(sender, recipient, self._chance.random())

    def _accept(
        self, link: Link, desk: _Desk, pdu: Pdu, message: Message, fate: Fate, *, answered: bool = True
    ) -> None:
        """Take a segment: it is logged at once, answered and reported when its time comes."""
        message_id = str(next(self._ids))
        self._states[message_id] = fate.state
        if len(self._states) > STATES_MAX:
            del self._states[next(iter(self._states))]
        text = self._texts.add(pdu, message, message_id, self._clock.now())
        receipt = self._receipt(pdu, message, message_id, fate)
        wanted = message.registered_delivery & _RECEIPT_WANTED and fate.receipts is not Receipts.NEVER
        if wanted and fate.receipts is Receipts.BEFORE_RESPONSE:
            self._post(desk.account or "", receipt())
            self.before_write(link)
        elif wanted:
            self._report_later(desk.account or "", receipt, times=2 if fate.receipts is Receipts.TWICE else 1)
        if answered:
            self._answer(link, pdu, Status.ROK, message_id)
        if text:
            self.on_text(text)

    def _answer(self, link: Link, pdu: Pdu, status: int, message_id: str) -> None:
        if not self.behaviour.submit_delay_s:
            link.session.respond(pdu, status, message_id)
            return
        loop = asyncio.get_running_loop()
        loop.call_later(self.behaviour.submit_delay_s, self._answer_now, link, pdu, status, message_id)

    def _answer_now(self, link: Link, pdu: Pdu, status: int, message_id: str) -> None:
        link.session.respond(pdu, status, message_id)
        link.flush_soon()

    # ── receipts and texts ──

    def _report_later(self, account: str, receipt: Callable[[], _Parcel], times: int) -> None:
        delay_s = self.behaviour.submit_delay_s + self.behaviour.receipt_delay_s
        loop = asyncio.get_running_loop()
        for _ in range(times):
            loop.call_later(delay_s, lambda: self._post(account, receipt()))

    def _receipt(self, pdu: Pdu, message: Message, message_id: str, fate: Fate) -> Callable[[], _Parcel]:
        """The receipt of a segment (SMPP 3.4 appendix B), dated when it is asked for."""
        submitted = self._clock.now()
        delivered = int(fate.state is MessageState.DELIVERED)
        behaviour = self.behaviour
        tlvs = {}
        if behaviour.receipt_tlvs:
            tlvs[Tag.RECEIPTED_MESSAGE_ID.value] = message_id.encode() + b"\0"
            tlvs[Tag.MESSAGE_STATE.value] = bytes((fate.state,))
        if behaviour.echo_reference and Tag.USER_MESSAGE_REFERENCE in pdu.tlvs:
            tlvs[Tag.USER_MESSAGE_REFERENCE.value] = pdu.tlvs[Tag.USER_MESSAGE_REFERENCE]
        back = Message(
            "",
            message.dest_addr_ton,
            message.dest_addr_npi,
            message.destination_addr,
            message.source_addr_ton,
            message.source_addr_npi,
            message.source_addr,
            DELIVERY_RECEIPT,
        )

        def dated() -> _Parcel:
            done = self._clock.now()
            text = (
                f"id:{message_id} sub:001 dlvrd:{delivered:03} submit date:{submitted:%y%m%d%H%M} "
                f"done date:{done:%y%m%d%H%M} stat:{_STATE_WORDS[fate.state]} err:{fate.err} text:"
            )
            return _Parcel(back._replace(short_message=text.encode("ascii")), tlvs)

        return dated

    def _post(self, account: str, parcel: _Parcel) -> None:
        self._outboxes[account].append(parcel)
        self._flush(account)

    def _flush(self, account: str) -> None:
        """Let one bind of the account that has room write."""
        for link, desk in self._desks.items():
            if desk.account == account and link.session.room:
                link.flush_soon()
                return

    def _settle(self, desk: _Desk, parcel: _Parcel, status: int) -> None:
        """A delivery was answered: done, or to be repeated."""
        parcel.tries += 1
        if status and parcel.tries <= REPETITIONS_MAX:
            again = partial(self._post, desk.account or "", parcel)
            asyncio.get_running_loop().call_later(self.behaviour.redeliver_s, again)


def _submitted(pdu: Pdu) -> Message | None:
    """The message of a submit_sm, or of a data_sm as if it were one; None for every other request."""
    if isinstance(pdu.body, Data):
        return Message(
            *pdu.body[:8], registered_delivery=pdu.body.registered_delivery, data_coding=pdu.body.data_coding
        )
    return pdu.body if isinstance(pdu.body, Message) and pdu.command is Command.SUBMIT_SM else None
