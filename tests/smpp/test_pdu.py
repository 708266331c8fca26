"""Bytes on the wire: vectors written out by hand from the layouts of SMPP 3.4, then every command both ways."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limpet.smpp.codec import PDU_OCTETS_MAX, decode_by_table, encode_by_table
from limpet.smpp.commands import (
    Alert,
    Bind,
    BindAnswer,
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
    Replace,
    Tag,
    Tlvs,
)
from limpet.smpp.layouts import LAYOUTS
from limpet.smpp.pdu import Splitter, decode, encode, encode_answer, text_octets, tlv_integer, tlv_text
from limpet.smpp.status import Status
from tests.smpp.strategies import pdus, values

VECTORS = {
    "bind_transmitter": (
        Pdu(Command.BIND_TRANSMITTER, 0, 1, Bind("SMPP3TEST", "secret08", "SUBMIT1", 0x00, 1, 1, "")),
        "0000002F 00000002 00000000 00000001 534D50503354455354 00 7365637265743038 00 5355424D495431 00 00 01 01 00",
    ),
    "bind_receiver": (
        Pdu(Command.BIND_RECEIVER, 0, 2, Bind("a", "b", "", 0x34, 0, 0, "^1")),
        "0000001B 00000001 00000000 00000002 6100 6200 00 34 00 00 5E3100",
    ),
    "bind_transceiver": (
        Pdu(Command.BIND_TRANSCEIVER, 0, 3, Bind("limpet", "pw")),
        "0000001F 00000009 00000000 00000003 6C696D70657400 707700 00 34 00 00 00",
    ),
    "bind_transceiver_resp": (
        Pdu(Command.BIND_TRANSCEIVER_RESP, 0, 3, BindAnswer("sim"), {Tag.SC_INTERFACE_VERSION: b"\x34"}),
        "00000019 80000009 00000000 00000003 73696D00 0210 0001 34",
    ),
    "bind_transmitter_resp": (
        Pdu(Command.BIND_TRANSMITTER_RESP, 0x0E, 3, BindAnswer("")),
        "00000011 80000002 0000000E 00000003 00",
    ),
    "bind_receiver_resp": (
        Pdu(Command.BIND_RECEIVER_RESP, 0, 4, BindAnswer("x")),
        "00000012 80000001 00000000 00000004 7800",
    ),
    "outbind": (Pdu(Command.OUTBIND, 0, 1, Outbind("m", "p")), "00000014 0000000B 00000000 00000001 6D00 7000"),
    "unbind": (Pdu(Command.UNBIND, 0, 9, Nothing()), "00000010 00000006 00000000 00000009"),
    "unbind_resp": (Pdu(Command.UNBIND_RESP, 0, 9, Nothing()), "00000010 80000006 00000000 00000009"),
    "enquire_link": (Pdu(Command.ENQUIRE_LINK, 0, 5, Nothing()), "00000010 00000015 00000000 00000005"),
    "enquire_link_resp": (Pdu(Command.ENQUIRE_LINK_RESP, 0, 5, Nothing()), "00000010 80000015 00000000 00000005"),
    "generic_nack": (Pdu(Command.GENERIC_NACK, 3, 7, Nothing()), "00000010 80000000 00000003 00000007"),
    "submit_sm": (
        Pdu(
            Command.SUBMIT_SM,
            0,
            2,
            Message(
                "", 5, 0, "ACME", 1, 1, "14155550199", 0x40, 0, 1, "", "", 1, 0, 8, 0, b"\x05\x00\x03\x01\x02\x01\x00A"
            ),
            {Tag.USER_MESSAGE_REFERENCE: b"\x01\x02"},
        ),
        "0000003E 00000004 00000000 00000002 00 05 00 41434D4500 01 01 313431353535353031393900"
        " 40 00 01 00 00 01 00 08 00 08 0500030102010041 0204 0002 0102",
    ),
    "submit_sm_resp": (
        Pdu(Command.SUBMIT_SM_RESP, 0, 2, MessageId("1000001")),
        "00000018 80000004 00000000 00000002 3130303030303100",
    ),
    "deliver_sm": (
        Pdu(
            Command.DELIVER_SM,
            0,
            6,
            Message("CMT", 1, 1, "1", 3, 0, "2", 4, short_message=b"id:7"),
            {Tag.RECEIPTED_MESSAGE_ID: b"7\0", Tag.MESSAGE_STATE: b"\x02"},
        ),
        "00000035 00000005 00000000 00000006 434D5400 01 01 3100 03 00 3200 04 00 00 00 00 00 00 00 00"
        " 04 69643A37 001E 0002 3700 0427 0001 02",
    ),
    "deliver_sm_resp": (Pdu(Command.DELIVER_SM_RESP, 0, 6, MessageId()), "00000011 80000005 00000000 00000006 00"),
    "data_sm": (
        Pdu(Command.DATA_SM, 0, 8, Data("", 1, 1, "1", 1, 1, "2", 0, 1, 0), {Tag.MESSAGE_PAYLOAD: b"hi"}),
        "00000022 00000103 00000000 00000008 00 01 01 3100 01 01 3200 00 01 00 0424 0002 6869",
    ),
    "data_sm_resp": (Pdu(Command.DATA_SM_RESP, 0, 8, MessageId("z")), "00000012 80000103 00000000 00000008 7A00"),
    "query_sm": (
        Pdu(Command.QUERY_SM, 0, 8, Query("77", 1, 1, "9")),
        "00000017 00000003 00000000 00000008 373700 01 01 3900",
    ),
    "query_sm_resp": (
        Pdu(Command.QUERY_SM_RESP, 0, 8, QueryAnswer("77", "", 2, 0)),
        "00000016 80000003 00000000 00000008 373700 00 02 00",
    ),
    "cancel_sm": (
        Pdu(Command.CANCEL_SM, 0, 8, Cancel("", "7", 1, 1, "1", 1, 1, "2")),
        "0000001B 00000008 00000000 00000008 00 3700 01 01 3100 01 01 3200",
    ),
    "cancel_sm_resp": (Pdu(Command.CANCEL_SM_RESP, 0x11, 8, Nothing()), "00000010 80000008 00000011 00000008"),
    "replace_sm": (
        Pdu(Command.REPLACE_SM, 0, 8, Replace("7", 1, 1, "1", "", "", 1, 0, b"ab")),
        "0000001D 00000007 00000000 00000008 3700 01 01 3100 00 00 01 00 02 6162",
    ),
    "replace_sm_resp": (Pdu(Command.REPLACE_SM_RESP, 0, 8, Nothing()), "00000010 80000007 00000000 00000008"),
    "alert_notification": (
        Pdu(Command.ALERT_NOTIFICATION, 0, 8, Alert(1, 1, "1", 0, 0, "e")),
        "00000018 00000102 00000000 00000008 01 01 3100 00 00 6500",
    ),
}


def test_every_command_has_a_vector() -> None:
    assert {command.name.lower() for command in Command} == set(VECTORS)


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    pdu, octets = VECTORS[name][0], bytes.fromhex(VECTORS[name][1])
    assert encode(pdu).hex(" ") == octets.hex(" ")
    assert decode(octets, 0, len(octets)) == pdu


@pytest.mark.parametrize("command", Command)
def test_table_names_the_fields_of_its_body_in_order(command: Command) -> None:
    body = VECTORS[command.name.lower()][0].body
    assert tuple(field.name for field in LAYOUTS[command].fields) == type(body)._fields
    assert LAYOUTS[command].body is type(body)


@given(pdus())
def test_round_trip_of_every_command_on_both_codecs(pdu: Pdu) -> None:
    octets = encode(pdu)
    assert octets == encode_by_table(pdu)
    assert int.from_bytes(octets[:4], "big") == len(octets)
    assert decode(b"x" + octets + b"\0y", 1, 1 + len(octets)) == pdu


HOT = st.sampled_from([Command.SUBMIT_SM, Command.SUBMIT_SM_RESP, Command.DELIVER_SM])


@settings(max_examples=400)
@given(pdus(HOT), st.data())
def test_shortcuts_agree_with_the_table_on_damaged_pdus(pdu: Pdu, data: st.DataObject) -> None:
    octets = bytearray(encode(pdu))
    for at in data.draw(st.lists(st.integers(16, len(octets) - 1), max_size=4)) if len(octets) > 16 else ():
        octets[at] = data.draw(st.sampled_from([0, 1, 0xFE, 0xFF]))
    end = data.draw(st.integers(16, len(octets)))
    assert decode(bytes(octets), 0, end) == decode_by_table(bytes(octets), 0, end)


@pytest.mark.parametrize(("schedule", "validity"), [("1", ""), ("", "1"), ("2611230700", "000001000000000R")])
def test_deliver_sm_with_times_that_it_should_not_have(schedule: str, validity: str) -> None:
    body = Message(schedule_delivery_time=schedule, validity_period=validity, short_message=bytes(20))
    octets = encode(Pdu(Command.DELIVER_SM, 0, 1, body))
    assert decode(octets, 0, len(octets)) == Pdu(Command.DELIVER_SM, 0, 1, body)


@given(st.sampled_from([*Command, 0x21, 0x80000021, 0xFFFF]), st.binary(max_size=200))
def test_random_bodies_never_raise(command: int, body: bytes) -> None:
    octets = (16 + len(body)).to_bytes(4, "big") + command.to_bytes(4, "big") + bytes(7) + b"\x09" + body
    decoded = decode(octets, 0, len(octets))
    assert isinstance(decoded, Pdu | Malformed)
    assert decoded.sequence == 9


def _framed(command: int, body: str, status: int = 0) -> bytes:
    octets = bytes.fromhex(body)
    head = (16 + len(octets), command, status, 5)
    return b"".join(number.to_bytes(4, "big") for number in head) + octets


MALFORMED = {
    "submit_multi is not read": (_framed(0x21, "00"), Status.RINVCMDID),
    "a command nobody knows": (_framed(0x777, ""), Status.RINVCMDID),
    "a request without its body": (_framed(Command.SUBMIT_SM, ""), Status.RINVCMDLEN),
    "a C string without an end": (_framed(Command.BIND_TRANSCEIVER, "6162"), Status.RINVCMDLEN),
    "a system_id of 65 characters": (_framed(Command.BIND_TRANSCEIVER, "61" * 65 + "00" * 12), Status.RINVSYSID),
    "a password of 65 characters": (
        _framed(Command.BIND_TRANSCEIVER, "6100" + "61" * 65 + "00" * 12),
        Status.RINVPASWD,
    ),
    "a source address of 21 characters": (
        _framed(Command.SUBMIT_SM, "00 0000" + "31" * 21 + "00" * 40),
        Status.RINVSRCADR,
    ),
    "a destination of 21 characters": (
        _framed(Command.DELIVER_SM, "00 0000 3100 0000" + "31" * 21 + "00" * 40),
        Status.RINVDSTADR,
    ),
    "a text longer than its PDU": (
        _framed(Command.SUBMIT_SM, "00 000000 000000 000000 0000 00000000 05 6162"),
        Status.RINVMSGLEN,
    ),
    "a text of 255 octets": (
        _framed(Command.DELIVER_SM, "00 000000 000000 000000 0000 00000000 FF" + "61" * 255),
        Status.RINVMSGLEN,
    ),
    "a TLV over the end": (_framed(Command.ENQUIRE_LINK, "0204 0002 01"), Status.RINVOPTPARSTREAM),
    "a TLV that is cut": (_framed(Command.ENQUIRE_LINK, "0204 00"), Status.RINVOPTPARSTREAM),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    octets, status = MALFORMED[name]
    assert decode(octets, 0, len(octets)) == Malformed(int.from_bytes(octets[4:8], "big"), 5, status)


def test_answer_that_refuses_needs_no_readable_body() -> None:
    for body in ("", "00", "616263", "0001 0002 0003"):
        octets = _framed(Command.SUBMIT_SM_RESP, body, status=0x58)
        decoded = decode(octets, 0, len(octets))
        assert isinstance(decoded, Pdu)
        assert (decoded.status, decoded.sequence) == (0x58, 5)


def test_answer_that_takes_may_lack_its_body() -> None:
    octets = _framed(Command.DELIVER_SM_RESP, "")
    assert decode(octets, 0, len(octets)) == Pdu(Command.DELIVER_SM_RESP, 0, 5, MessageId())


@pytest.mark.parametrize("command", [command for command in Command if command & 0x80000000])
@pytest.mark.parametrize("status", [0, 8])
def test_quick_answers_are_those_of_the_table(command: Command, status: int) -> None:
    octets = encode_answer(command, status, 4, "id" if LAYOUTS[command].body is MessageId and not status else "")
    body = MessageId("id") if LAYOUTS[command].body is MessageId and not status else LAYOUTS[command].body()
    assert decode(octets, 0, len(octets)) == Pdu(command, status, 4, body)


def test_deliver_sm_resp_keeps_its_empty_id_when_it_refuses() -> None:
    assert encode_answer(Command.DELIVER_SM_RESP, 0x64, 1)[16:] == b"\0"
    assert encode_answer(Command.SUBMIT_SM_RESP, 0x64, 1)[16:] == b""


@given(st.data())
def test_values_that_do_not_fit_are_refused_before_they_are_written(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from([command for command in Command if LAYOUTS[command].fields]))
    layout = LAYOUTS[command]
    fields = [data.draw(values(field)) for field in layout.fields]
    at = data.draw(st.integers(0, len(fields) - 1))
    value = fields[at]
    too_much = layout.fields[at].octets_max
    if isinstance(value, int):
        fields[at] = data.draw(st.sampled_from([-1, 256]))
    elif isinstance(value, str):
        fields[at] = data.draw(st.sampled_from(["a" * too_much, "\0", "Ω"]))
    else:
        fields[at] = b"a" * (too_much + 1)
    with pytest.raises(ValueError, match=f"value for {layout.fields[at].name} does not fit"):
        encode(Pdu(command, 0, 1, layout.body(*fields)))


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="value for source_addr does not fit: octets up to a NUL, at most 21"):
        encode(Pdu(Command.SUBMIT_SM, 0, 1, Message(source_addr="1" * 21)))
    with pytest.raises(ValueError, match="value for esm_class does not fit"):
        encode(Pdu(Command.SUBMIT_SM, 0, 1, Message(esm_class=256)))
    with pytest.raises(ValueError, match="no body Nothing"):
        encode(Pdu(Command.SUBMIT_SM, 0, 1, Nothing()))
    with pytest.raises(ValueError, match="TLV 0x0204 cannot have 1 octets"):
        encode(Pdu(Command.SUBMIT_SM, 0, 1, Message(), {Tag.USER_MESSAGE_REFERENCE: b"\1"}))
    with pytest.raises(ValueError, match="a PDU of"):
        encode(Pdu(Command.DATA_SM, 0, 1, Data(), {Tag.MESSAGE_PAYLOAD: bytes(65_519)}))


def test_what_does_not_fit_is_not_shown() -> None:
    for secret in ("hunter2222", "hunter\0", "hunter\u03a9"):
        with pytest.raises(ValueError, match="value for password") as caught:
            encode(Pdu(Command.BIND_TRANSCEIVER, 0, 1, Bind("limpet", secret)))
        assert "hunter" not in str(caught.value)


def test_tlvs_are_read_by_their_table() -> None:
    tlvs: Tlvs = {
        Tag.USER_MESSAGE_REFERENCE: b"\x12\x34",
        Tag.MESSAGE_STATE: b"\x02\x02",
        Tag.RECEIPTED_MESSAGE_ID: b"abc\0",
        Tag.MESSAGE_PAYLOAD: b"long",
    }
    pdu = Pdu(Command.DELIVER_SM, 0, 1, Message(), tlvs)
    assert tlv_integer(pdu, Tag.USER_MESSAGE_REFERENCE) == 0x1234
    assert tlv_integer(pdu, Tag.MESSAGE_STATE) is None
    assert tlv_integer(pdu, Tag.SAR_TOTAL_SEGMENTS) is None
    assert tlv_text(pdu, Tag.RECEIPTED_MESSAGE_ID) == "abc"
    assert tlv_text(pdu._replace(tlvs={Tag.RECEIPTED_MESSAGE_ID: b"\0"}), Tag.RECEIPTED_MESSAGE_ID) is None
    assert tlv_text(pdu._replace(tlvs={Tag.RECEIPTED_MESSAGE_ID: b"a" * 66}), Tag.RECEIPTED_MESSAGE_ID) is None
    assert text_octets(pdu) == b"long"
    assert text_octets(pdu._replace(body=Message(short_message=b"short"))) == b"short"


def test_first_of_a_repeated_tlv_counts() -> None:
    octets = _framed(Command.ENQUIRE_LINK, "0204 0002 0001  0204 0002 0002")
    decoded = decode(octets, 0, len(octets))
    assert isinstance(decoded, Pdu)
    assert decoded.tlvs == {Tag.USER_MESSAGE_REFERENCE: b"\0\1"}


STREAM = [
    VECTORS[name][0] for name in ("bind_transceiver", "submit_sm", "deliver_sm", "enquire_link", "submit_sm_resp")
]


@given(st.data())
def test_splitter_finds_the_same_pdus_however_the_stream_is_cut(data: st.DataObject) -> None:
    stream = b"".join(encode(pdu) for pdu in STREAM)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=40)))
    splitter, found = Splitter(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:end])
    assert found == STREAM


@pytest.mark.parametrize("length", [0, 15, PDU_OCTETS_MAX + 1, 0xFFFFFFFF])
def test_splitter_judges_the_length_on_four_octets(length: int) -> None:
    splitter = Splitter()
    good = encode(STREAM[3])
    assert splitter.feed(good + length.to_bytes(4, "big")[:3]) == [STREAM[3]]
    assert splitter.feed(length.to_bytes(4, "big")[3:]) == [Malformed(0, 0, Status.RINVCMDLEN, fatal=True)]
    assert splitter.feed(good) == []


def test_splitter_keeps_what_it_has_read_when_the_length_breaks() -> None:
    assert Splitter().feed(encode(STREAM[3]) + bytes(4)) == [STREAM[3], Malformed(0, 0, Status.RINVCMDLEN, fatal=True)]


def test_splitter_takes_the_longest_pdu_octet_by_octet() -> None:
    longest = Pdu(Command.DATA_SM, 0, 1, Data(), {Tag.MESSAGE_PAYLOAD: bytes(PDU_OCTETS_MAX - 16 - 10 - 4)})
    octets, splitter = encode(longest), Splitter()
    assert len(octets) == PDU_OCTETS_MAX
    found = []
    for at, octet in enumerate(octets):
        assert splitter._needed == (PDU_OCTETS_MAX if at > 3 else 4), "it would look, and copy, at every octet"
        found += splitter.feed(bytes((octet,)))
    assert found == [longest]


@given(st.lists(st.binary(max_size=64), max_size=20))
def test_splitter_never_raises(chunks: list[bytes]) -> None:
    splitter = Splitter()
    for chunk in chunks:
        splitter.feed(chunk)


def test_longer_names_and_passwords_than_ours_are_read_and_never_written() -> None:
    octets = _framed(Command.BIND_TRANSCEIVER, "61" * 34 + "00" + "62" * 32 + "00" + "63" * 34 + "0034000000")
    pdu = decode(octets, 0, len(octets))
    assert isinstance(pdu, Pdu)
    assert pdu.body == Bind("a" * 34, "b" * 32, "c" * 34)
    with pytest.raises(ValueError, match="system_id does not fit"):
        encode(pdu)
