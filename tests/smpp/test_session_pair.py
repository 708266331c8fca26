"""Two sessions back to back, their bytes cut anyhow, and sessions against noise."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from limpet.smpp.commands import NO_TLVS, Bind, Message, MessageId, Pdu
from limpet.smpp.events import Answered, Requested
from limpet.smpp.pdu import encode
from limpet.smpp.session import Role, Session, SessionConfig
from tests.smpp.strategies import pdus

HELLO = Message("", 1, 1, "14155550100", 1, 1, "14155550199", short_message=b"hello")


def _anyone(system_id: str, password: str) -> bool:
    return bool(system_id and password)


class Pair:
    """An ESME that submits and a message centre that answers, and what is on the wire between them."""

    def __init__(self, window_size_max: int, messages: int) -> None:
        self.esme = Session(Role.ESME, SessionConfig("limpet", window_size_max), 0.0)
        self.smsc = Session(Role.SMSC, SessionConfig("simulated", window_size_max, authenticate=_anyone), 0.0)
        self.esme.bind(Bind("limpet", "secret"), 0.0)
        self.messages = messages
        self.to_esme = b""
        self.to_smsc = b""
        self.held: list[Pdu] = []
        self.sent: list[int] = []
        self.answers: list[tuple[int, str]] = []

    def submit(self) -> None:
        while len(self.sent) < self.messages and (sequence := self.esme.submit(HELLO, NO_TLVS, 0.0)) is not None:
            self.sent.append(sequence)
        self.to_smsc += self.esme.bytes_to_send()

    def hear_smsc(self, size: int) -> None:
        chunk, self.to_smsc = self.to_smsc[:size], self.to_smsc[size:]
        self.held += [event.pdu for event in self.smsc.receive(chunk, 0.0) if isinstance(event, Requested)]
        self.to_esme += self.smsc.bytes_to_send()

    def answer(self, at: int) -> None:
        request = self.held.pop(at)
        self.smsc.respond(request, message_id=f"id-{request.sequence}")
        self.to_esme += self.smsc.bytes_to_send()

    def hear_esme(self, size: int) -> None:
        chunk, self.to_esme = self.to_esme[:size], self.to_esme[size:]
        for event in self.esme.receive(chunk, 0.0):
            if isinstance(event, Answered) and isinstance(event.pdu.body, MessageId):
                self.answers.append((event.pdu.sequence, event.pdu.body.message_id))


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 30), st.integers(1, 5))
def test_every_submit_is_answered_once_with_its_own_id(data: st.DataObject, messages: int, window: int) -> None:
    pair = Pair(window, messages)
    for _ in range(data.draw(st.integers(0, 40))):
        pair.submit()
        assert pair.esme.in_flight <= window
        assert len(pair.held) <= window
        pair.hear_smsc(data.draw(st.integers(0, len(pair.to_smsc))))
        if pair.held:
            pair.answer(data.draw(st.integers(0, len(pair.held) - 1)))
        pair.hear_esme(data.draw(st.integers(0, len(pair.to_esme))))
    while len(pair.answers) < messages:
        pair.submit()
        pair.hear_smsc(len(pair.to_smsc))
        while pair.held:
            pair.answer(0)
        assert pair.to_esme
        pair.hear_esme(len(pair.to_esme))
    assert sorted(pair.answers) == sorted((sequence, f"id-{sequence}") for sequence in pair.sent)
    assert len(pair.sent) == messages
    assert pair.esme.in_flight == 0


@settings(max_examples=200)
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=10), st.sampled_from(list(Role)))
def test_random_bytes_never_raise(chunks: list[bytes], role: Role) -> None:
    session = Session(role, SessionConfig("x"), 0.0)
    for at, chunk in enumerate(chunks):
        session.receive(chunk, float(at))
        session.tick(float(at))


@settings(max_examples=200, deadline=None)
@given(st.lists(pdus(), max_size=12), st.sampled_from(list(Role)))
def test_no_order_of_wellformed_pdus_raises(stream: list[Pdu], role: Role) -> None:
    pair = Pair(10, 3)
    pair.submit()
    pair.hear_smsc(len(pair.to_smsc))
    pair.hear_esme(len(pair.to_esme))
    pair.submit()
    session = pair.esme if role is Role.ESME else pair.smsc
    for pdu in stream:
        for event in session.receive(encode(pdu), 1.0):
            if isinstance(event, Requested):
                session.respond(event.pdu, status=8)
        session.tick(1.0)
