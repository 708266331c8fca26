"""Where a part of a long message belongs: by the header in its text or by its TLVs, written and read.

Sources: 3GPP TS 23.040 §9.2.3.24.1 and .8 (the header's element, with a reference of one octet or two), SMPP 3.4 §5.3.2.22 to
.24 (the TLVs). It refuses to know the other parts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from limpet.smpp.commands import NO_TLVS, Pdu, Tag, Tlvs
from limpet.smpp.pdu import tlv_integer

_ELEMENT_8, _ELEMENT_16 = 0x00, 0x08


class Scheme(StrEnum):
    """How the parts of a message name it. References of different schemes are different, even where they are equal."""

    HEADER_8 = "udh8"
    HEADER_16 = "udh16"
    TLVS = "sar"


class Part(NamedTuple):
    """Which message a part belongs to, of how many parts, and which it is (from 1)."""

    scheme: Scheme
    reference: int
    total: int
    number: int


def write_part(part: Part) -> tuple[bytes, Tlvs]:
    """The header, its length octet included, and the TLVs that say what part it is; one of the two is empty."""
    if part.scheme is Scheme.HEADER_8:
        return bytes((5, _ELEMENT_8, 3, part.reference & 0xFF, part.total, part.number)), NO_TLVS
    reference = (part.reference & 0xFFFF).to_bytes(2, "big")
    if part.scheme is Scheme.HEADER_16:
        return bytes((6, _ELEMENT_16, 4, *reference, part.total, part.number)), NO_TLVS
    return b"", {
        Tag.SAR_MSG_REF_NUM.value: reference,
        Tag.SAR_TOTAL_SEGMENTS.value: bytes((part.total,)),
        Tag.SAR_SEGMENT_SEQNUM.value: bytes((part.number,)),
    }


def read_part(pdu: Pdu, header: bytes) -> Part | None:
    """What a message's header, without its length octet, or its TLVs say; None where it is whole, or what they say is absurd."""
    return _from_header(header) if header else _from_tlvs(pdu) if pdu.tlvs else None


def _from_header(header: bytes) -> Part | None:
    at = 0
    while at + 2 <= len(header):
        kind, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if (kind, len(value)) in ((_ELEMENT_8, 3), (_ELEMENT_16, 4)):
            *reference, total, number = value
            scheme = Scheme.HEADER_8 if kind == _ELEMENT_8 else Scheme.HEADER_16
            return _sane(Part(scheme, int.from_bytes(reference, "big"), total, number))
        at += 2 + length
    return None


def _from_tlvs(pdu: Pdu) -> Part | None:
    said = [tlv_integer(pdu, tag) for tag in (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)]
    reference, total, number = said
    if reference is None or total is None or number is None:
        return None
    return _sane(Part(Scheme.TLVS, reference, total, number))


def _sane(part: Part) -> Part | None:
    return part if 1 <= part.number <= part.total else None
