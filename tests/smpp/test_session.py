"""The conversation: its rules, wrong moves, and timers stepped by hand."""

from __future__ import annotations

from math import inf

import pytest

from limpet.smpp.commands import (
    NO_TLVS,
    Bind,
    Body,
    Cancel,
    Command,
    Data,
    Malformed,
    Message,
    MessageId,
    Nothing,
    Outbind,
    Pdu,
    Query,
    QueryAnswer,
    Tag,
)
from limpet.smpp.events import Answered, BindAsked, BindRefused, Bound, Called, Closed, Event, Requested, Unreadable
from limpet.smpp.pdu import Splitter, encode
from limpet.smpp.session import SEQUENCE_MAX, Role, Session, SessionConfig
from limpet.smpp.status import Status

HELLO = Message("", 1, 1, "14155550100", 1, 1, "14155550199", short_message=b"hello")
BIND = Bind("limpet", "secret")


def _authenticate(system_id: str, password: str) -> bool:
    return (system_id, password) == ("limpet", "secret")


def _esme(window_size_max: int = 10, open_requests_max: int = 1000) -> Session:
    return Session(Role.ESME, SessionConfig("limpet", window_size_max, open_requests_max), 0.0)


def _smsc(window_size_max: int = 10, open_requests_max: int = 1000) -> Session:
    config = SessionConfig("simulated", window_size_max, open_requests_max, authenticate=_authenticate)
    return Session(Role.SMSC, config, 0.0)


def _read(session: Session) -> list[Pdu]:
    pdus = Splitter().feed(session.bytes_to_send())
    assert not any(isinstance(pdu, Malformed) for pdu in pdus)
    return [pdu for pdu in pdus if isinstance(pdu, Pdu)]


def _say(session: Session, *pdus: Pdu, now: float = 1.0) -> list[Event]:
    return session.receive(b"".join(encode(pdu) for pdu in pdus), now)


def _pass(source: Session, target: Session, now: float = 0.0) -> list[Event]:
    return target.receive(source.bytes_to_send(), now)


def _bound(command: Command = Command.BIND_TRANSCEIVER, **limits: int) -> tuple[Session, Session]:
    esme, smsc = _esme(**limits), _smsc(**limits)
    esme.bind(BIND, 0.0, command)
    assert _pass(esme, smsc) == [Bound(command, "limpet")]
    assert _pass(smsc, esme) == [Bound(command, "simulated")]
    return esme, smsc


# --- bind and unbind


def test_nothing_can_be_sent_before_the_bind() -> None:
    esme = _esme()
    assert esme.room == 0
    assert not esme.bound
    assert esme.submit(HELLO, NO_TLVS, 0.0) is None
    esme.bind(BIND, 0.0)
    assert esme.submit(HELLO, NO_TLVS, 0.0) is None
    assert [pdu.command for pdu in _read(esme)] == [Command.BIND_TRANSCEIVER]


@pytest.mark.parametrize("bind", [Bind("limpet", "wrong"), Bind("nobody", "secret")])
def test_every_wrong_bind_gets_the_same_answer_and_one_try(bind: Bind) -> None:
    smsc = _smsc()
    assert _say(smsc, Pdu(Command.BIND_TRANSMITTER, 0, 4, bind), Pdu(Command.BIND_TRANSMITTER, 0, 5, BIND)) == [
        BindRefused(Status.RBINDFAIL),
        Closed("the bind was refused with ESME_RBINDFAIL"),
    ]
    assert [(pdu.status, pdu.sequence) for pdu in _read(smsc)] == [(Status.RBINDFAIL, 4)]


def test_a_message_centre_that_was_told_nobody_lets_nobody_in() -> None:
    smsc = Session(Role.SMSC, SessionConfig("x"), 0.0)
    assert BindRefused(Status.RBINDFAIL) in _say(smsc, Pdu(Command.BIND_RECEIVER, 0, 4, Bind("", "")))


def test_refused_bind_closes_the_esme() -> None:
    esme = _esme()
    esme.bind(BIND, 0.0)
    refusal = Pdu(Command.BIND_TRANSCEIVER_RESP, Status.RINVPASWD, 1, Nothing())
    octets = (16).to_bytes(4, "big") + b"".join(part.to_bytes(4, "big") for part in refusal[:3])
    assert esme.receive(octets, 1.0) == [
        BindRefused(Status.RINVPASWD),
        Closed("the bind was refused with ESME_RINVPASWD"),
    ]
    assert esme.closed


def test_nacked_bind_is_a_refusal() -> None:
    esme = _esme()
    esme.bind(BIND, 0.0)
    assert _say(esme, Pdu(Command.GENERIC_NACK, Status.RINVCMDID, 1, Nothing()))[0] == BindRefused(Status.RINVCMDID)


def test_version_is_told_only_to_peers_of_3_4() -> None:
    for version, tlvs in ((0x34, {Tag.SC_INTERFACE_VERSION: b"\x34"}), (0x33, {})):
        smsc = _smsc()
        _say(smsc, Pdu(Command.BIND_RECEIVER, 0, 1, BIND._replace(interface_version=version)))
        assert _read(smsc)[0].tlvs == tlvs


def test_second_bind_is_refused_and_the_first_stands() -> None:
    _, smsc = _bound()
    assert _say(smsc, Pdu(Command.BIND_RECEIVER, 0, 9, BIND)) == []
    assert _read(smsc)[0][:3] == (Command.BIND_RECEIVER_RESP, Status.RALYBND, 9)
    assert smsc.bound


def test_unbind_waits_for_its_answer_and_for_what_is_in_flight() -> None:
    esme, smsc = _bound()
    sequence = esme.submit(HELLO, NO_TLVS, 0.0)
    esme.unbind(0.0)
    assert esme.room == 0
    (_, closed) = _pass(esme, smsc)
    assert closed == Closed("the peer unbound")
    answer = Pdu(Command.SUBMIT_SM_RESP, 0, sequence or 0, MessageId("1"))
    assert _say(esme, answer) == [Answered(answer)]
    assert _pass(smsc, esme) == [Closed("unbound")]


def test_unbind_without_an_answer_closes_after_the_time_out() -> None:
    esme, _ = _bound()
    esme.unbind(5.0)
    esme.unbind(6.0)
    assert len(_read(esme)) == 1
    assert esme.wake_at == 15.0
    assert esme.tick(15.0) == [Closed("no answer within 10 s")]


# --- requests, the window, sequence numbers


@pytest.mark.parametrize(
    ("bind", "submits", "delivers"),
    [
        (Command.BIND_TRANSMITTER, True, False),
        (Command.BIND_RECEIVER, False, True),
        (Command.BIND_TRANSCEIVER, True, True),
    ],
)
def test_the_kind_of_bind_decides_which_way_messages_go(bind: Command, submits: bool, delivers: bool) -> None:
    esme, smsc = _bound(bind)
    assert (esme.submit(HELLO, NO_TLVS, 0.0) is not None) is submits
    assert (smsc.deliver(HELLO, NO_TLVS, 0.0) is not None) is delivers
    forced = _say(smsc, Pdu(Command.SUBMIT_SM, 0, 77, HELLO))
    assert bool(forced) is submits
    forced = _say(esme, Pdu(Command.DELIVER_SM, 0, 77, HELLO))
    assert bool(forced) is delivers


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (Command.SUBMIT_SM, HELLO),
        (Command.QUERY_SM, Query("1")),
        (Command.DATA_SM, Data()),
        (Command.CANCEL_SM, Cancel()),
    ],
)
def test_requests_before_the_bind_are_refused(command: Command, body: Body) -> None:
    smsc = _smsc()
    assert _say(smsc, Pdu(command, 0, 3, body)) == []
    assert _read(smsc)[0][1:3] == (Status.RINVBNDSTS, 3)


def test_window_bounds_what_is_in_flight() -> None:
    esme, smsc = _bound(window_size_max=2)
    assert [esme.submit(HELLO, NO_TLVS, 0.0) for _ in range(3)] == [2, 3, None]
    assert (esme.room, esme.in_flight) == (0, 2)
    requests = _pass(esme, smsc)
    for event in requests:
        assert isinstance(event, Requested)
        smsc.respond(event.pdu, message_id=f"m{event.pdu.sequence}")
    answers = _pass(smsc, esme)
    assert [event.pdu.body for event in answers if isinstance(event, Answered)] == [MessageId("m2"), MessageId("m3")]
    assert esme.room == 2


def test_sequence_numbers_start_anew_after_the_last() -> None:
    esme, _ = _bound()
    esme._sequence = SEQUENCE_MAX - 1
    assert [esme.submit(HELLO, NO_TLVS, 0.0) for _ in range(2)] == [SEQUENCE_MAX, 1]


def test_what_cannot_be_encoded_leaves_no_trace() -> None:
    esme, _ = _bound()
    with pytest.raises(ValueError, match="source_addr"):
        esme.submit(HELLO._replace(source_addr="1" * 21), NO_TLVS, 0.0)
    assert (esme.in_flight, esme.bytes_to_send()) == (0, b"")


def test_peer_may_have_only_so_many_requests_open() -> None:
    esme, _ = _bound(open_requests_max=2)
    deliveries = [Pdu(Command.DELIVER_SM, 0, sequence, HELLO) for sequence in (1, 2, 3)]
    events = _say(esme, *deliveries)
    assert events == [Requested(deliveries[0]), Requested(deliveries[1])]
    assert [pdu[:3] for pdu in _read(esme)] == [(Command.DELIVER_SM_RESP, Status.RMSGQFUL, 3)]
    esme.respond(deliveries[0])
    assert _say(esme, deliveries[2]) == [Requested(deliveries[2])]


def test_answers_that_fit_nothing_are_passed_over() -> None:
    esme, _ = _bound()
    sequence = esme.submit(HELLO, NO_TLVS, 0.0)
    assert sequence is not None
    stray = Pdu(Command.SUBMIT_SM_RESP, 0, 4711, MessageId("x"))
    wrong = Pdu(Command.DELIVER_SM_RESP, 0, sequence, MessageId())
    assert _say(esme, stray, wrong) == []
    assert esme.in_flight == 1
    right = Pdu(Command.SUBMIT_SM_RESP, 0, sequence, MessageId("x"))
    assert _say(esme, right, right) == [Answered(right)]


def test_nacked_request_is_answered() -> None:
    esme, _ = _bound()
    nack = Pdu(Command.GENERIC_NACK, Status.RINVCMDLEN, esme.submit(HELLO, NO_TLVS, 0.0) or 0, Nothing())
    assert _say(esme, nack) == [Answered(nack)]


def test_answer_that_cannot_be_read_ends_the_wait() -> None:
    esme, _ = _bound()
    sequence = esme.submit(HELLO, NO_TLVS, 0.0) or 0
    octets = encode(Pdu(Command.SUBMIT_SM_RESP, 0, sequence, MessageId("a" * 64)))
    longer = (len(octets) + 1).to_bytes(4, "big") + octets[4:16] + b"a" + octets[16:]
    assert esme.receive(longer, 1.0) == [Unreadable(sequence)]
    assert esme.in_flight == 0


def test_answers_with_a_body_of_their_own() -> None:
    esme, smsc = _bound()
    esme.request(Command.QUERY_SM, Query("7"), NO_TLVS, 0.0)
    (event,) = _pass(esme, smsc)
    assert isinstance(event, Requested)
    smsc.respond(event.pdu, body=QueryAnswer("7", "", 2, 0))
    (answer,) = _pass(smsc, esme)
    assert isinstance(answer, Answered)
    assert answer.pdu.body == QueryAnswer("7", "", 2, 0)


# --- what is not understood


def test_unknown_commands_are_nacked() -> None:
    esme, _ = _bound()
    octets = (16).to_bytes(4, "big") + (0x21).to_bytes(4, "big") + bytes(4) + (6).to_bytes(4, "big")
    assert esme.receive(octets, 1.0) == []
    assert _read(esme) == [Pdu(Command.GENERIC_NACK, Status.RINVCMDID, 6, Nothing())]


def test_known_command_with_a_bad_body_gets_its_own_answer() -> None:
    esme, _ = _bound()
    octets = encode(Pdu(Command.DELIVER_SM, 0, 6, HELLO))[:-3]
    assert esme.receive(len(octets).to_bytes(4, "big") + octets[4:], 1.0) == []
    assert _read(esme) == [Pdu(Command.DELIVER_SM_RESP, Status.RINVMSGLEN, 6, MessageId())]


def test_requests_of_the_wrong_side_are_refused() -> None:
    esme, smsc = _bound()
    assert _say(esme, Pdu(Command.SUBMIT_SM, 0, 6, HELLO)) == []
    assert _read(esme)[0][:3] == (Command.SUBMIT_SM_RESP, Status.RINVCMDID, 6)
    assert _say(smsc, Pdu(Command.DELIVER_SM, 0, 6, HELLO)) == []
    assert _read(smsc)[0][:3] == (Command.DELIVER_SM_RESP, Status.RINVCMDID, 6)


def test_length_out_of_bounds_nacks_and_closes() -> None:
    esme, _ = _bound()
    assert esme.receive(b"\xff" * 4, 1.0) == [Closed("the stream has no PDU boundaries")]
    assert _read(esme) == [Pdu(Command.GENERIC_NACK, Status.RINVCMDLEN, 0, Nothing())]
    assert esme.receive(encode(Pdu(Command.ENQUIRE_LINK, 0, 1, Nothing())), 1.0) == []
    assert esme.bytes_to_send() == b""


# --- time


def test_smsc_closes_when_nobody_binds() -> None:
    smsc = _smsc()
    assert smsc.wake_at == 10.0
    assert smsc.tick(9.9) == []
    assert smsc.tick(10.0) == [Closed("no bind within 10 s")]
    assert smsc.wake_at == inf


def test_bind_without_an_answer_closes() -> None:
    esme = _esme()
    esme.bind(BIND, 0.0)
    assert esme.tick(10.0) == [Closed("no answer within 10 s")]


def test_silent_peer_is_asked_and_then_left() -> None:
    esme, smsc = _bound()
    assert esme.wake_at == 20.0
    assert esme.tick(19.9) == []
    assert esme.bytes_to_send() == b""
    assert esme.tick(20.0) == []
    assert esme.wake_at == 30.0
    _pass(esme, smsc, 20.0)
    _pass(smsc, esme, 21.0)
    assert esme.wake_at == 41.0
    assert esme.tick(41.0) == []
    assert esme.tick(50.9) == []
    assert esme.tick(51.0) == [Closed("no answer within 10 s")]


def test_oldest_unanswered_request_decides_when_to_leave() -> None:
    esme, _ = _bound()
    first = esme.submit(HELLO, NO_TLVS, 2.0) or 0
    esme.submit(HELLO, NO_TLVS, 5.0)
    assert esme.wake_at == 12.0
    _say(esme, Pdu(Command.SUBMIT_SM_RESP, 0, first, MessageId("x")), now=6.0)
    assert esme.wake_at == 15.0
    assert esme.tick(14.9) == []
    assert esme.tick(15.0) == [Closed("no answer within 10 s")]
    assert esme.submit(HELLO, NO_TLVS, 15.0) is None


# --- a bind that its owner decides


def _asking(open_requests_max: int = 1000) -> tuple[Session, Session, Pdu]:
    config = SessionConfig("simulated", 10, open_requests_max, authenticate=None, overload_status=Status.RTHROTTLED)
    esme, smsc = _esme(), Session(Role.SMSC, config, 0.0)
    esme.bind(BIND, 0.0)
    (asked,) = _pass(esme, smsc)
    assert isinstance(asked, BindAsked)
    return esme, smsc, asked.pdu


def test_the_owner_answers_a_bind_in_its_own_time() -> None:
    esme, smsc, asked = _asking()
    assert smsc.bytes_to_send() == b""
    assert smsc.answer_bind(asked, True) == [Bound(Command.BIND_TRANSCEIVER, "limpet")]
    assert _pass(smsc, esme) == [Bound(Command.BIND_TRANSCEIVER, "simulated")]
    assert smsc.answer_bind(asked, True) == []


def test_the_owner_may_refuse_and_says_no_more_than_that() -> None:
    esme, smsc, asked = _asking()
    refused, closed = smsc.answer_bind(asked, False)
    assert refused == BindRefused(Status.RBINDFAIL)
    assert isinstance(closed, Closed)
    assert _pass(smsc, esme)[0] == BindRefused(Status.RBINDFAIL)


def test_while_a_bind_is_looked_at_nothing_else_is_taken() -> None:
    _, smsc, _ = _asking()
    assert _say(smsc, Pdu(Command.BIND_RECEIVER, 0, 2, BIND), Pdu(Command.SUBMIT_SM, 0, 3, HELLO)) == []
    assert [pdu.status for pdu in _read(smsc)] == [Status.RALYBND, Status.RINVBNDSTS]


def test_an_owner_who_does_not_answer_in_time_has_no_bind_to_answer() -> None:
    _, smsc, asked = _asking()
    (closed,) = smsc.tick(10.0)
    assert closed == Closed("no bind within 10 s")
    assert smsc.answer_bind(asked, True) == []


def test_a_request_beyond_the_window_has_the_status_that_is_wanted() -> None:
    esme, smsc, asked = _asking(open_requests_max=1)
    smsc.answer_bind(asked, True)
    _pass(smsc, esme)
    esme.submit(HELLO, NO_TLVS, 0.0)
    esme.submit(HELLO, NO_TLVS, 0.0)
    assert len(_pass(esme, smsc)) == 1
    assert [pdu.status for pdu in _read(smsc)] == [Status.RTHROTTLED]


# --- outbind, and signs of life


def test_an_outbind_is_told_to_a_session_that_has_not_asked_for_a_bind() -> None:
    outbind = Pdu(Command.OUTBIND, 0, 1, Outbind("acme", "secret"))
    esme = _esme()
    assert _say(esme, outbind) == [Called("acme", "secret")]
    esme.bind(BIND, 1.0, Command.BIND_RECEIVER)
    assert _say(esme, outbind) == []
    assert [pdu.command for pdu in _read(esme)] == [Command.BIND_RECEIVER]
    bound, _ = _bound()
    assert _say(bound, outbind) == []
    smsc = _smsc()
    assert _say(smsc, outbind) == []
    assert [pdu.command for pdu in _read(smsc)] == [Command.GENERIC_NACK]


def test_octets_are_no_sign_of_life_until_they_are_a_pdu() -> None:
    esme, _ = _bound()
    text = encode(Pdu(Command.DELIVER_SM, 0, 9, HELLO))
    esme.receive(text[:20], 15.0)
    assert esme.wake_at == 20.0
    esme.receive(text[20:], 19.0)
    assert esme.wake_at == 39.0
