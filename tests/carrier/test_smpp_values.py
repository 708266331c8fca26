"""The seam's values as PDUs and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.carrier.port import Inbound, MessageKey, Part, Receipt, ReceiptState, Refused, Retry, Submission
from limpet.carrier.smpp_codes import error_codes
from limpet.carrier.smpp_config import USUAL_NUMBERINGS, Numbering, Numberings, SmppConfig
from limpet.carrier.smpp_values import delivery, from_wire, refusal, segment_message, text_of, to_wire, unsendable
from limpet.core.alphabet import Alphabet
from limpet.core.encoding import segment
from limpet.smpp.commands import Command, Data, Message, Pdu, Query, Tag
from limpet.smpp.pdu import encode
from limpet.smpp.receipt import MessageState
from limpet.smpp.status import Status
from tests.smpp.strategies import pdus

KEY = MessageKey(7, 42)


def _submission(body: str, reference: int = 0x1234, sender: str = "+14155550100", attempt: int = 1) -> Submission:
    return Submission(KEY, attempt, sender, "+14155550199", segment(body), reference)


def test_short_gsm7_message() -> None:
    message, tlvs = segment_message(_submission("1 € @"), 0, USUAL_NUMBERINGS)
    assert message == Message(
        "", 1, 1, "14155550100", 1, 1, "14155550199", 0, registered_delivery=1, data_coding=0,
        short_message=b"1 \x1b\x65 \x00",
    )  # fmt: skip
    assert tlvs == {Tag.USER_MESSAGE_REFERENCE: b"\x12\x34"}


def test_short_ucs2_message() -> None:
    message, _ = segment_message(_submission("日"), 0, USUAL_NUMBERINGS)
    assert (message.data_coding, message.esm_class, message.short_message) == (8, 0, b"\x65\xe5")


@pytest.mark.parametrize(("body", "segments"), [("a" * 161, 2), ("日" * 71, 2), ("a" * 1600, 11), ("😀" * 800, 25)])
def test_long_message_has_a_header_in_each_part_and_every_part_fits(body: str, segments: int) -> None:
    submission = _submission(body, reference=0x12FE)
    parts = [segment_message(submission, index, USUAL_NUMBERINGS) for index in range(submission.content.count)]
    assert len(parts) == segments
    for number, (message, tlvs) in enumerate(parts, 1):
        assert message.esm_class == 0x40
        assert message.short_message[:6] == bytes((5, 0, 3, 0xFE, segments, number))
        assert tlvs == {Tag.USER_MESSAGE_REFERENCE: b"\x12\xfe"}
        assert encode(Pdu(Command.SUBMIT_SM, 0, 1, message, tlvs))
    texts = [text_of(Pdu(Command.SUBMIT_SM, 0, 1, message)) for message, _ in parts]
    assert "".join(texts) == body


@pytest.mark.parametrize(
    ("address", "wire", "numbering"),
    [
        ("+14155550100", "14155550100", Numbering(1, 1)),
        ("12345", "12345", Numbering(3, 0)),
        ("ACME 24", "ACME 24", Numbering(5, 0)),
        ("14155550100", "14155550100", Numbering(1, 1)),
    ],
)
def test_addresses_to_the_wire(address: str, wire: str, numbering: Numbering) -> None:
    assert to_wire(address, USUAL_NUMBERINGS) == (wire, numbering)


def test_numberings_can_be_set() -> None:
    numberings = Numberings(Numbering(0, 1), Numbering(6, 9), Numbering(5, 1))
    assert [to_wire(address, numberings)[1] for address in ("+4911", "123", "X")] == [(0, 1), (6, 9), (5, 1)]


@pytest.mark.parametrize(
    ("wire", "ton", "address"),
    [
        ("14155550100", 1, "+14155550100"),
        ("14155550100", 0, "+14155550100"),
        ("+14155550100", 1, "+14155550100"),
        ("4930123456", 1, "+4930123456"),
        ("4155550100", 2, "4155550100"),
        ("12345", 1, "12345"),
        ("12345", 3, "12345"),
        ("ACME", 5, "ACME"),
        ("", 0, ""),
        ("١٢٣٤٥٦٧٨٩٠١", 1, "١٢٣٤٥٦٧٨٩٠١"),
        ("1234567890123456", 0, "1234567890123456"),
    ],
)
def test_addresses_from_the_wire(wire: str, ton: int, address: str) -> None:
    assert from_wire(wire, ton) == address


@pytest.mark.parametrize(
    ("status", "attempt", "retry", "error_code"),
    [
        (Status.RINVDSTADR, 1, Retry.NEVER, 30005),
        (Status.RINVSRCADR, 1, Retry.NEVER, 30034),
        (Status.RX_R_APPN, 1, Retry.NEVER, 30007),
        (Status.RSYSERR, 1, Retry.LATER, 30008),
        (Status.RSYSERR, 20, Retry.LATER, 30008),
        (Status.RTHROTTLED, 1, Retry.SLOWER, 30001),
        (Status.RMSGQFUL, 1, Retry.SLOWER, 30001),
        (Status.RUNKNOWNERR, 2, Retry.LATER, 30008),
        (Status.RUNKNOWNERR, 3, Retry.NEVER, 30008),
        (0x401, 2, Retry.LATER, 30008),
        (0x401, 3, Retry.NEVER, 30008),
    ],
)
def test_refusals(status: int, attempt: int, retry: Retry, error_code: int) -> None:
    refused = refusal(_submission("x", attempt=attempt), status)
    assert (refused.key, refused.attempt, refused.retry, refused.error_code) == (KEY, attempt, retry, error_code)


@pytest.mark.parametrize(
    ("status", "attempt", "retry", "error_code"),
    [
        (0x401, 1, Retry.NEVER, 30038),
        (Status.RUNKNOWNERR, 1, Retry.NEVER, 30037),
        (Status.RTHROTTLED, 1, Retry.SLOWER, 30023),
        (Status.RSYSERR, 1, Retry.LATER, 30021),
        (Status.RINVDSTADR, 1, Retry.NEVER, 30006),
        (0x402, 1, Retry.LATER, 30008),
    ],
)
def test_a_carriers_own_statuses_say_what_they_mean(status: int, attempt: int, retry: Retry, error_code: int) -> None:
    own = error_codes(
        [
            ("submit:0x401", 30038),
            ("submit:255", 30037),
            ("submit:0x58", 30023),
            ("submit:8", 30021),
            ("submit:0xb", 30006),
        ]
    ).submit
    refused = refusal(_submission("x", attempt=attempt), status, own)
    assert (refused.retry, refused.error_code) == (retry, error_code)


@pytest.mark.parametrize("name", ["submit:x", "receipt:", "receipt:a b", "reply:1", "301"])
def test_what_is_no_name_of_a_carriers_number_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        error_codes([(name, 30041)])


def test_what_cannot_be_sent_fails_for_good() -> None:
    assert unsendable(_submission("x"), "why") == Refused(KEY, 1, 30008, Retry.NEVER, "why")


RECEIPT = b"id:77 sub:001 dlvrd:000 submit date:2603021200 done date:2603021201 stat:UNDELIV err:001 text:"


def test_receipt_turns_the_addresses_back() -> None:
    body = Message("", 1, 1, "14155550199", 1, 1, "14155550100", 4, short_message=RECEIPT)
    pdu = Pdu(Command.DELIVER_SM, 0, 5, body, {Tag.USER_MESSAGE_REFERENCE: b"\x12\x34"})
    noon = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert delivery(pdu, 9) == Receipt(
        9, "+14155550100", "+14155550199", "77", ReceiptState.UNDELIVERED, 30005, 0x1234, noon, noon.replace(minute=1)
    )


@pytest.mark.parametrize("state", MessageState)
def test_every_state_has_its_fold(state: MessageState) -> None:
    pdu = Pdu(Command.DELIVER_SM, 0, 5, Message(esm_class=4), {Tag.MESSAGE_STATE: bytes((state,))})
    folded = {MessageState.DELIVERED: "delivered", MessageState.UNKNOWN: "unknown"}
    folded |= {MessageState.ENROUTE: "enroute", MessageState.ACCEPTED: "enroute"}
    receipt = delivery(pdu, 1)
    assert isinstance(receipt, Receipt)
    assert receipt.state == folded.get(state, "undelivered")


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (0, b"Hi \x1b\x65\x00", "Hi €@"),
        (1, b"Hi @", "Hi @"),
        (3, b"caf\xe9", "café"),
        (4, b"\xff", "ÿ"),
        (6, b"\xbf\xd8", "Пи"),
        (8, "日😀".encode("utf-16-be"), "日😀"),
        (8, b"\x00\x00\xd8\x00", "\ufffd\ufffd"),
        (0x10, b"\x00", "@"),
        (0x18, b"\x65\xe5", "日"),
        (0xF0, b"\x00", "@"),
        (0xF4, b"@", "@"),
    ],
)
def test_inbound_text(coding: int, octets: bytes, text: str) -> None:
    body = Message("", 1, 1, "14155550199", 3, 0, "12345", 0, data_coding=coding, short_message=octets)
    assert delivery(Pdu(Command.DELIVER_SM, 0, 5, body), 3) == Inbound(3, "+14155550199", "12345", text)


def test_inbound_part_comes_without_its_header() -> None:
    body = Message(esm_class=0x40, short_message=b"\x05\x00\x03\x01\x02\x01Hello")
    part = delivery(Pdu(Command.DELIVER_SM, 0, 5, body), 3)
    assert isinstance(part, Inbound)
    assert part.part == Part("udh8:1:2", 2, 1, Alphabet.GSM7, b"Hello")


def test_inbound_in_data_sm() -> None:
    pdu = Pdu(Command.DATA_SM, 0, 5, Data("", 1, 1, "14155550199", 1, 1, "14155550100"), {Tag.MESSAGE_PAYLOAD: b"long"})
    assert delivery(pdu, 3) == Inbound(3, "+14155550199", "+14155550100", "long")


def test_tlvs_that_nobody_reads_are_kept_with_a_text_and_with_a_part() -> None:
    body = Message(source_addr="14155550199", destination_addr="14155550100", short_message=b"hi")
    tlvs = {0x1400: b"110", Tag.USER_MESSAGE_REFERENCE.value: b"\0\1", 0x0381: b"\1"}
    text = delivery(Pdu(Command.DELIVER_SM, 0, 5, body, tlvs), 3)
    assert isinstance(text, Inbound)
    assert text.tlvs == ((0x1400, b"110"), (0x0381, b"\1"))
    sar = {Tag.SAR_MSG_REF_NUM.value: b"\0\1", Tag.SAR_TOTAL_SEGMENTS.value: b"\2", Tag.SAR_SEGMENT_SEQNUM.value: b"\1"}
    part = delivery(Pdu(Command.DELIVER_SM, 0, 5, body, {**sar, **tlvs}), 3)
    assert isinstance(part, Inbound)
    assert part.part is not None
    assert part.tlvs == text.tlvs


@given(pdus(st.sampled_from([Command.DELIVER_SM, Command.DATA_SM])))
def test_every_delivery_can_be_read_and_kept(pdu: Pdu) -> None:
    read = delivery(pdu, 1)
    texts = [read.sender, read.recipient, read.body if isinstance(read, Inbound) else read.carrier_message_id or ""]
    for text in texts:
        assert "\0" not in text
        text.encode("utf-8")


def test_other_commands_deliver_nothing() -> None:
    with pytest.raises(TypeError, match="QUERY_SM"):
        delivery(Pdu(Command.QUERY_SM, 0, 1, Query("1")), 1)


def test_password_is_not_shown() -> None:
    assert "hunter2" not in repr(SmppConfig("h", 2775, "limpet", "hunter2"))


@pytest.mark.parametrize(
    ("system_id", "password", "system_type", "window", "field"),
    [
        ("a" * 16, "", "", 10, "system_id"),
        ("a", "123456789", "", 10, "password"),
        ("a", "b", "c" * 13, 10, "system_type"),
        ("a", "b", "c", 0, "window_size_max"),
    ],
)
def test_config_that_cannot_bind_is_refused_at_once(
    system_id: str, password: str, system_type: str, window: int, field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        SmppConfig("h", 2775, system_id, password, system_type, window)


def test_reconnect_pauses_double_up_to_their_limit() -> None:
    config = SmppConfig("h", 2775, "limpet", "pw")
    assert [config.reconnect_ceiling_s(n, refused=False) for n in (0, 1, 2, 5, 6, 10_000)] == [1, 2, 4, 32, 60, 60]
    assert [config.reconnect_ceiling_s(n, refused=True) for n in (0, 8, 9, 10_000)] == [1, 256, 300, 300]
