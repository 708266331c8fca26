"""Receipts as centres write them, and texts that only look like receipts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limpet.smpp import receipt
from limpet.smpp.commands import NO_TLVS, Command, Data, Message, Nothing, Pdu, Tag, Tlvs
from limpet.smpp.receipt import MessageState, Report, read_report
from tests.smpp.strategies import pdus

USUAL = "id:1000001 sub:001 dlvrd:001 submit date:2611230700 done date:2611230701 stat:DELIVRD err:000 text:hello"
SEVEN = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
ONE_PAST = datetime(2026, 11, 23, 7, 1, tzinfo=UTC)


def _receipt(text: str | bytes, tlvs: Tlvs = NO_TLVS, esm_class: int = 4, data_coding: int = 0) -> Pdu:
    octets = text.encode("latin-1") if isinstance(text, str) else text
    body = Message(esm_class=esm_class, data_coding=data_coding, short_message=octets)
    return Pdu(Command.DELIVER_SM, 0, 1, body, tlvs)


def _read(text: str | bytes, tlvs: Tlvs = NO_TLVS, esm_class: int = 4, data_coding: int = 0) -> Report:
    report = read_report(_receipt(text, tlvs, esm_class, data_coding))
    assert report is not None
    return report


def test_usual_text() -> None:
    assert _read(USUAL) == Report("1000001", MessageState.DELIVERED, None, None, SEVEN, ONE_PAST)


@pytest.mark.parametrize(
    "text",
    [
        "ID:1000001 SUB:001 DLVRD:001 SUBMIT DATE:2611230700 DONE DATE:2611230701 STAT:delivrd ERR:000 TEXT:",
        "stat:DELIVRD err:0 id:1000001 done date:261123070100 submit date:261123070000",
        "id: 1000001 sub: dlvrd: submit date: 202611230700 done date: 20261123070100 stat: DELIVERED",
        "id:1000001,submit date:2611230700 done date:2611230701 stat:DELIVRD".replace(",", " "),
        "text:hello id:1000001 submit date:2611230700 done date:2611230701 stat:DELIVRD",
        "id:1000001\nsubmit date:2611230700\ndone date:2611230701\nstat:DELIVRD\n",
    ],
)
def test_other_spellings_say_the_same(text: str) -> None:
    assert _read(text) == Report("1000001", MessageState.DELIVERED, None, None, SEVEN, ONE_PAST)


@pytest.mark.parametrize("coding", [0, 8])
def test_text_in_ucs2_with_or_without_its_coding(coding: int) -> None:
    assert _read(USUAL.encode("utf-16-be"), data_coding=coding).message_id == "1000001"


def test_text_in_message_payload_and_behind_a_header() -> None:
    assert _read("", {Tag.MESSAGE_PAYLOAD: USUAL.encode()}).message_id == "1000001"
    assert _read(b"\x05\x00\x03\x01\x01\x01" + USUAL.encode(), esm_class=0x44).message_id == "1000001"


def test_tlvs_come_before_the_text() -> None:
    tlvs = {
        Tag.RECEIPTED_MESSAGE_ID.value: b"F4241\0",
        Tag.MESSAGE_STATE.value: b"\x05",
        Tag.USER_MESSAGE_REFERENCE.value: b"\x12\x34",
    }
    assert _read(USUAL, tlvs) == Report("F4241", MessageState.UNDELIVERABLE, 30003, 0x1234, SEVEN, ONE_PAST)


@pytest.mark.parametrize("state", [b"\x00", b"\x09", b"\xff", b"", b"\x02\x02"])
def test_message_state_that_is_none_leaves_it_to_the_text(state: bytes) -> None:
    assert _read(USUAL, {Tag.MESSAGE_STATE.value: state}).state is MessageState.DELIVERED


@pytest.mark.parametrize(
    ("word", "state", "error_code"),
    [
        ("DELIVRD", MessageState.DELIVERED, None),
        ("EXPIRED", MessageState.EXPIRED, 30003),
        ("DELETED", MessageState.DELETED, 30008),
        ("UNDELIV", MessageState.UNDELIVERABLE, 30003),
        ("Undeliverable", MessageState.UNDELIVERABLE, 30003),
        ("FAILED", MessageState.UNDELIVERABLE, 30003),
        ("ACCEPTD", MessageState.ACCEPTED, None),
        ("ACCEPTED", MessageState.ACCEPTED, None),
        ("UNKNOWN", MessageState.UNKNOWN, None),
        ("REJECTD", MessageState.REJECTED, 30007),
        ("REJECTED", MessageState.REJECTED, 30007),
        ("ENROUTE", MessageState.ENROUTE, None),
        ("SOMETHING", MessageState.UNKNOWN, None),
        ("", MessageState.UNKNOWN, None),
    ],
)
def test_words_of_stat(word: str, state: MessageState, error_code: int | None) -> None:
    report = _read(f"id:1 stat:{word} err:000")
    assert (report.state, report.error_code) == (state, error_code)


@pytest.mark.parametrize(
    ("err", "tlvs", "error_code"),
    [
        ("001", {}, 30005),
        ("5", {}, 30005),
        ("011", {}, 30006),
        ("13", {}, 30004),
        ("027", {}, 30003),
        ("0x1", {}, 30003),
        ("", {}, 30003),
        ("027", {Tag.NETWORK_ERROR_CODE.value: b"\x03\x00\x01"}, 30005),
        ("001", {Tag.NETWORK_ERROR_CODE.value: b"\x03\x00"}, 30005),
    ],
)
def test_reasons_why_a_message_is_undeliverable(err: str, tlvs: Tlvs, error_code: int) -> None:
    assert _read(f"id:1 stat:UNDELIV err:{err}", tlvs).error_code == error_code
    assert _read(f"id:1 stat:DELIVRD err:{err}", tlvs).error_code is None


def test_what_our_customer_wrote_is_no_field() -> None:
    report = _read("id:1 stat:UNDELIV text:id:2 stat:DELIVRD done date:2611230701")
    assert report == Report("1", MessageState.UNDELIVERABLE, 30003, None, None, None)


@pytest.mark.parametrize(
    "digits", ["", "0", "261123", "2613230700", "9999999999", "26112307000", "26112307a0", "²611230700"]
)
def test_dates_that_are_none(digits: str) -> None:
    assert _read(f"id:1 submit date:{digits} stat:DELIVRD").submitted_at is None


def test_intermediate_notification_is_on_its_way() -> None:
    assert _read(USUAL, esm_class=0x20).state is MessageState.ENROUTE


def test_receipt_that_says_nothing() -> None:
    assert _read("") == Report(None, MessageState.UNKNOWN, None, None, None, None)


def test_receipt_in_data_sm() -> None:
    tlvs = {Tag.RECEIPTED_MESSAGE_ID.value: b"7\0", Tag.MESSAGE_STATE.value: b"\2"}
    report = read_report(Pdu(Command.DATA_SM, 0, 1, Data(esm_class=4), tlvs))
    assert report == Report("7", MessageState.DELIVERED, None, None, None, None)


def test_centre_that_forgets_esm_class_is_known_by_its_tlv() -> None:
    assert _read(USUAL, {Tag.RECEIPTED_MESSAGE_ID.value: b"7"}, esm_class=0).message_id == "7"


@pytest.mark.parametrize("esm_class", [0x00, 0x03, 0x08, 0x10, 0x40, 0x80])
def test_person_cannot_send_a_receipt(esm_class: int) -> None:
    assert read_report(_receipt(USUAL, esm_class=esm_class)) is None


def test_other_commands_are_no_receipts() -> None:
    assert read_report(Pdu(Command.UNBIND, 0, 1, Nothing(), {Tag.RECEIPTED_MESSAGE_ID.value: b"7"})) is None


@given(st.text(max_size=200) | st.from_regex(receipt._FIELD), st.sampled_from([4, 0x20, 0x44]))
@example("id:\0 stat:DELIVRD", 4)
def test_no_text_raises(text: str, esm_class: int) -> None:
    report = _read(text.encode("utf-8")[:254], esm_class=esm_class)
    assert report.message_id is None or report.message_id.isprintable()


@given(pdus(st.sampled_from([Command.DELIVER_SM, Command.DATA_SM])))
def test_no_pdu_raises(pdu: Pdu) -> None:
    read_report(pdu)


VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=":"), max_size=12)


@given(st.tuples(VALUE, VALUE, VALUE, VALUE, VALUE, VALUE, VALUE))
def test_shortcut_for_the_usual_text_agrees_with_the_search(values: tuple[str, ...]) -> None:
    names = ("id", "sub", "dlvrd", "submit date", "done date", "stat", "err")
    text = " ".join(f"{name}:{value}" for name, value in zip(names, values, strict=True))
    assert receipt._USUAL.match(text)
    assert receipt._fields(text) == receipt._fields(" " + text)


@pytest.mark.parametrize(
    ("stat", "err", "expected"),
    [
        ("UNDELIV", "301", 30041),
        ("REJECTD", "301", 30041),
        ("EXPIRED", "0301", 30041),
        ("UNDELIV", "a7", 30038),
        ("UNDELIV", "001", 30011),
        ("UNDELIV", "013", 30004),
        ("REJECTD", "302", 30007),
        ("DELIVRD", "301", None),
        ("UNDELIV", "", 30003),
    ],
)
def test_a_carriers_own_reasons_come_first(stat: str, err: str, expected: int | None) -> None:
    own = {"301": 30041, "A7": 30038, "1": 30011}
    report = read_report(_receipt(f"id:1 sub:001 dlvrd:000 stat:{stat} err:{err} text:"), own)
    assert report is not None
    assert report.error_code == expected


def test_a_network_error_code_is_a_reason_too() -> None:
    tlvs = {Tag.NETWORK_ERROR_CODE.value: b"\x03\x01\x2d"}
    report = read_report(_receipt("id:1 stat:UNDELIV err:000 text:", tlvs), {"301": 30041})
    assert report is not None
    assert report.error_code == 30041
