"""Which part of a long message a PDU is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.smpp.commands import NO_TLVS, Command, Message, Pdu, Tag, Tlvs
from limpet.smpp.concatenation import Part, Scheme, elements, part_of

SAR = {Tag.SAR_MSG_REF_NUM.value: b"\1\0", Tag.SAR_TOTAL_SEGMENTS.value: b"\2", Tag.SAR_SEGMENT_SEQNUM.value: b"\1"}


def submit(octets: bytes, esm_class: int = 0x40, tlvs: Tlvs = NO_TLVS) -> Pdu:
    return Pdu(Command.SUBMIT_SM, 0, 1, Message(esm_class=esm_class, short_message=octets), tlvs)


@pytest.mark.parametrize(("pdu", "part"), [
    (submit(b"\5\0\3\7\2\1x"), Part(Scheme.HEADER_8, 7, 2, 1)),
    (submit(b"\6\x08\4\1\7\2\2x"), Part(Scheme.HEADER_16, 263, 2, 2)),
    (submit(b"\5\0\3\7\1\1x"), None),
    (submit(b"\5\0\3\7\2\3x"), None),
    (submit(b"\5\0\3\7\2\1x", 0), None),
    (submit(b"x", 0, SAR), Part(Scheme.TLVS, 256, 2, 1)),
    (submit(b"x", 0, {**SAR, Tag.SAR_SEGMENT_SEQNUM.value: b"\3"}), None),
    (submit(b"x", 0, {Tag.SAR_MSG_REF_NUM.value: b"\1\0"}), None),
    (submit(b"\5\0\3\7\2\1x", 0x40, SAR), Part(Scheme.HEADER_8, 7, 2, 1)),
    (
        Pdu(Command.SUBMIT_SM, 0, 1, Message(esm_class=0x40), {Tag.MESSAGE_PAYLOAD.value: b"\5\0\3\7\2\2x"}),
        Part(Scheme.HEADER_8, 7, 2, 2),
    ),
])  # fmt: skip
def test_a_part_is_known_by_its_header_or_its_tlvs(pdu: Pdu, part: Part | None) -> None:
    assert part_of(pdu) == part


def test_elements_that_are_cut_short_are_left_out() -> None:
    assert list(elements(b"\5\4\1\1\1\1\0\3\1\2")) == [(5, b"\1\1\1\1")]


@given(st.binary(max_size=60), st.integers(0, 255))
def test_no_octets_raise(octets: bytes, esm_class: int) -> None:
    part_of(submit(octets, esm_class))
