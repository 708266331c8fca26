"""Where a part belongs, as headers and TLVs say it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.smpp.commands import NO_TLVS, Command, Message, Pdu, Tag, Tlvs
from limpet.smpp.concatenation import Part, Scheme, read_part, write_part

EIGHT, SIXTEEN, SAR = Scheme.HEADER_8, Scheme.HEADER_16, Scheme.TLVS


def _pdu(tlvs: Tlvs = NO_TLVS) -> Pdu:
    return Pdu(Command.DELIVER_SM, 0, 1, Message(), tlvs)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (b"\0\3\1\2\1", Part(EIGHT, 1, 2, 1)),
        (b"\x08\4\1\1\2\2", Part(SIXTEEN, 257, 2, 2)),
        (b"\x05\4\1\1\1\1\0\3\1\2\1", Part(EIGHT, 1, 2, 1)),
        (b"\0\3\1\2\0", None),
        (b"\0\3\1\2\3", None),
        (b"\0\2\1\2", None),
        (b"\0\3\1\2", None),
        (b"", None),
    ],
)
def test_a_header(header: bytes, part: Part | None) -> None:
    assert read_part(_pdu(), header) == part


@pytest.mark.parametrize(
    ("reference", "total", "number", "part"),
    [
        (b"\1\2", b"\3", b"\1", Part(SAR, 258, 3, 1)),
        (b"\1\2", b"\3", b"\4", None),
        (b"\1", b"\3", b"\1", None),
        (b"\1\2", b"", b"\1", None),
    ],
)
def test_tlvs(reference: bytes, total: bytes, number: bytes, part: Part | None) -> None:
    tlvs = {
        Tag.SAR_MSG_REF_NUM.value: reference,
        Tag.SAR_TOTAL_SEGMENTS.value: total,
        Tag.SAR_SEGMENT_SEQNUM.value: number,
    }
    assert read_part(_pdu(tlvs), b"") == part
    for tag in tlvs:
        assert read_part(_pdu({other: value for other, value in tlvs.items() if other != tag}), b"") is None


@given(st.sampled_from(Scheme), st.integers(0, 0xFFFF), st.integers(1, 255), st.data())
def test_what_is_written_is_read(scheme: Scheme, reference: int, total: int, data: st.DataObject) -> None:
    part = Part(scheme, reference & (0xFF if scheme is EIGHT else 0xFFFF), total, data.draw(st.integers(1, total)))
    header, tlvs = write_part(part)
    assert read_part(_pdu(tlvs), header[1:]) == part


@given(st.binary(max_size=40))
def test_no_header_raises(header: bytes) -> None:
    part = read_part(_pdu(), header)
    assert part is None or 1 <= part.number <= part.total
