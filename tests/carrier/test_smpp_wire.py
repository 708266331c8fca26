"""Submissions as carriers want them: each alphabet, each way with long messages, TLVs, numbers; and read back the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.carrier.port import Inbound, MessageKey, Question, Submission
from limpet.carrier.smpp_config import USUAL_NUMBERINGS, USUAL_WORDING, Coding, Long, SmppConfig, Wording
from limpet.carrier.smpp_settings import smpp_config
from limpet.carrier.smpp_values import delivery, segment_message
from limpet.carrier.smpp_wire import fitted, query_body, segment_pdu
from limpet.config import CarrierConfig
from limpet.config_rules import ConfigError
from limpet.core.alphabet import Alphabet, joined_text
from limpet.core.encoding import segment
from limpet.smpp.commands import Command, Data, Message, Pdu, Query, Tag, Tlvs
from limpet.smpp.pdu import decode, encode

TEXTS = ["", "Hi @ € []", "x" * 160, "x" * 161, "[" * 400, "Grüße " * 60, "日本" * 200, "😀" * 150, "ab€" * 51]


def _submission(body: str, **more: object) -> Submission:
    plain = Submission(MessageKey(1, 2), 1, "+12125550100", "+4915112345678", segment(body), 0x1234)
    return replace(plain, **more)  # type: ignore[arg-type]


def _pdus(body: str, wording: Wording) -> list[Pdu]:
    submission = fitted(_submission(body), wording)
    made = []
    for index in range(submission.content.count):
        command, message, tlvs = segment_pdu(submission, index, USUAL_NUMBERINGS, wording)
        octets = encode(Pdu(command, 0, 7, message, tlvs))
        read = decode(octets, 0, len(octets))
        assert isinstance(read, Pdu)
        made.append(read)
    return made


def _read_back(pdus: list[Pdu], wording: Wording) -> str:
    """What a person's phone would show, if these came from a person."""
    read = [delivery(_as_delivery(pdu), 1, wording) for pdu in pdus]
    pieces = []
    for one in read:
        assert isinstance(one, Inbound)
        if one.part is None:
            assert len(read) == 1
            return one.body
        assert one.part.total == len(read)
        pieces.append((one.part.number, one.part.alphabet, one.part.octets))
    assert [number for number, *_ in pieces] == list(range(1, len(read) + 1))
    return joined_text((alphabet, octets) for _, alphabet, octets in pieces)


def _as_delivery(pdu: Pdu) -> Pdu:
    command = Command.DATA_SM if isinstance(pdu.body, Data) else Command.DELIVER_SM
    return pdu._replace(command=command)


WORDINGS = [
    Wording(default_alphabet=coding, long_messages=long, data_sm=data, reference=not data)
    for coding in Coding
    for long in Long
    for data in (False, True)
]


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda w: f"{w.default_alphabet}-{w.long_messages}-{w.data_sm}")
@pytest.mark.parametrize("body", TEXTS, ids=lambda body: f"{body[:3]}{len(body)}")
def test_what_is_written_is_what_is_read(wording: Wording, body: str) -> None:
    assert _read_back(_pdus(body, wording), wording) == body


@given(
    st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=400),
    st.sampled_from(WORDINGS),
)
def test_every_text_comes_through(body: str, wording: Wording) -> None:
    assert _read_back(_pdus(body, wording), wording) == body


def test_the_usual_wording_is_the_short_way_and_any_other_equal_to_it_writes_the_same() -> None:
    for body in TEXTS:
        submission = _submission(body)
        assert fitted(submission, USUAL_WORDING) is submission
        for index in range(submission.content.count):
            usual = segment_pdu(submission, index, USUAL_NUMBERINGS, USUAL_WORDING)
            assert usual == (Command.SUBMIT_SM, *segment_message(submission, index, USUAL_NUMBERINGS))
            assert usual == segment_pdu(submission, index, USUAL_NUMBERINGS, Wording())


@pytest.mark.parametrize(
    ("long", "octets", "tlvs"),
    [
        (Long.HEADER_8, b"\x05\x00\x03\x34\x02\x01", {}),
        (Long.HEADER_16, b"\x06\x08\x04\x12\x34\x02\x01", {}),
        (
            Long.TLVS,
            b"",
            {Tag.SAR_MSG_REF_NUM: b"\x12\x34", Tag.SAR_TOTAL_SEGMENTS: b"\2", Tag.SAR_SEGMENT_SEQNUM: b"\1"},
        ),
    ],
)
def test_how_parts_name_themselves(long: Long, octets: bytes, tlvs: Tlvs) -> None:
    first = _pdus("x" * 200, Wording(long_messages=long, reference=False))[0]
    assert isinstance(first.body, Message)
    assert first.body.short_message[: len(octets) + 1] == octets + b"x"
    assert first.body.esm_class == (0x40 if octets else 0)
    assert dict(first.tlvs) == tlvs


def test_a_longer_header_leaves_shorter_parts() -> None:
    assert segment("x" * 306).count == 2
    pdus = _pdus("x" * 306, Wording(long_messages=Long.HEADER_16))
    assert [len(pdu.body.short_message) for pdu in pdus] == [159, 159, 7 + 2]  # type: ignore[union-attr]
    assert [len(pdu.body.short_message) for pdu in _pdus("日" * 100, Wording(long_messages=Long.HEADER_16))] == [  # type: ignore[union-attr]
        7 + 2 * 66, 7 + 2 * 34,
    ]  # fmt: skip


def test_packed_septets_behind_a_header_fill_140_octets_and_no_more() -> None:
    pdus = _pdus("x" * 306, Wording(default_alphabet=Coding.GSM7_PACKED))
    assert [len(pdu.body.short_message) for pdu in pdus] == [140, 140]  # type: ignore[union-attr]
    (alone,) = _pdus("x" * 160, Wording(default_alphabet=Coding.GSM7_PACKED))
    assert len(alone.body.short_message) == 140  # type: ignore[union-attr]
    (hello,) = _pdus("hellohello", Wording(default_alphabet=Coding.GSM7_PACKED))
    assert hello.body.short_message == bytes.fromhex("E8329BFD4697D9EC37")  # type: ignore[union-attr]


def test_latin_1_takes_what_it_has_and_leaves_the_rest_to_ucs_2() -> None:
    wording = Wording(default_alphabet=Coding.LATIN1, default_coding=3, ucs2_coding=0x18)
    (known,) = _pdus("Grüße", wording)
    (unknown,) = _pdus("5 €", wording)
    assert (known.body.data_coding, known.body.short_message) == (3, b"Gr\xfc\xdfe")  # type: ignore[union-attr]
    assert (unknown.body.data_coding, unknown.body.short_message) == (0x18, "5 €".encode("utf-16-be"))  # type: ignore[union-attr]
    assert [len(pdu.body.short_message) for pdu in _pdus("€" * 71, wording)] == [140, 6 + 8]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "payload"), [("x" * 254, False), ("x" * 255, True), ("日" * 127, False), ("日" * 128, True)]
)
def test_a_whole_message_goes_into_the_payload_when_it_is_too_long(body: str, payload: bool) -> None:
    (pdu,) = _pdus(body, Wording(long_messages=Long.PAYLOAD))
    assert (Tag.MESSAGE_PAYLOAD in pdu.tlvs, pdu.body.short_message == b"") == (payload, payload)  # type: ignore[union-attr]


def test_tlvs_and_fields_of_a_carrier_go_with_every_message() -> None:
    wording = Wording(tlvs={0x1400: b"1101"}, service_type="WAP", registered_delivery=17, reference=False)
    for pdu in _pdus("x" * 200, wording):
        assert dict(pdu.tlvs) == {0x1400: b"1101"}
        assert isinstance(pdu.body, Message)
        assert (pdu.body.service_type, pdu.body.registered_delivery) == ("WAP", 17)


@pytest.mark.parametrize(
    ("wording", "address", "ton"),
    [
        (Wording(), "4915112345678", 1),
        (Wording(plus=True), "+4915112345678", 1),
        (Wording(country_code="49"), "15112345678", 2),
        (Wording(country_code="1"), "4915112345678", 1),
    ],
)
def test_numbers_as_the_carrier_writes_them(wording: Wording, address: str, ton: int) -> None:
    (pdu,) = _pdus("x", wording)
    assert isinstance(pdu.body, Message)
    assert (pdu.body.destination_addr, pdu.body.dest_addr_ton) == (address, ton)
    back = delivery(_as_delivery(pdu), 1, wording)
    assert (back.sender, back.recipient) == ("+12125550100", "+4915112345678")


def test_a_question_names_the_message_and_its_sender() -> None:
    question = Question("+12125550100", "+4915112345678", "77")
    assert query_body(question, USUAL_NUMBERINGS, Wording(country_code="1")) == Query("77", 2, 1, "2125550100")


def test_settings_become_the_lanes_configuration() -> None:
    usual = smpp_config(CarrierConfig(name="a", host="h", port=1, system_id="s"))
    assert usual == SmppConfig("h", 1, "s", "")
    assert usual.wording is USUAL_WORDING
    three = smpp_config(CarrierConfig(name="a", host="h", port=1, system_id="s", binds=3, segments_per_s=30.0))
    assert three.segments_per_s == 10.0
    assert smpp_config(
        CarrierConfig(name="a", host="h", port=1, system_id="s", bind_ton=1, bind_npi=2, address_range="^1")
    ).bind[4:] == (1, 2, "^1")


def test_a_tlv_that_smpp_cannot_carry_is_refused_by_its_carriers_name() -> None:
    with pytest.raises(ConfigError, match=r'carrier "a" .* TLV 0x0204 cannot have 1 octets'):
        smpp_config(CarrierConfig(name="a", host="h", port=1, system_id="s", tlvs=((0x0204, b"1"),)))


def test_alphabets_of_data_coding_0_are_the_carriers() -> None:
    body = Message("", 1, 1, "14155550199", 1, 1, "12125550100", data_coding=0, short_message=b"\xe9\x40")
    pdu = Pdu(Command.DELIVER_SM, 0, 5, body)
    read = [delivery(pdu, 1, Wording(default_alphabet=coding)) for coding in (Coding.LATIN1, Coding.GSM7)]
    assert [one.body for one in read] == ["é@", "\ufffd¡"]  # type: ignore[union-attr]


def test_a_part_keeps_its_octets_until_it_stands_beside_its_neighbours() -> None:
    """A pair of surrogates, cut in two, is one character again."""
    smile = "😀".encode("utf-16-be")
    assert joined_text([(Alphabet.UCS2, smile[:2]), (Alphabet.UCS2, smile[2:]), (Alphabet.GSM7, b"\x00")]) == "😀@"
    assert joined_text([(Alphabet.UCS2, smile[:2]), (Alphabet.GSM7, b"\x1b"), (Alphabet.GSM7, b"\x65")]) == "\ufffd€"
