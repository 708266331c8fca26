"""Where a short message belongs in a long one: by its user data header, or by SMPP's own segmentation TLVs.

Values only. What is kept until a long message is whole, and for how long, is for whoever takes messages.
Sources: 3GPP TS 23.040 §9.2.3.24, SMPP 3.4 §5.3.2.22 to §5.3.2.24.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from limpet.smpp.commands import Data, Message, Pdu, Tag
from limpet.smpp.pdu import text_octets, tlv_integer
from limpet.smpp.receipt import without_header

CONCATENATION_8, CONCATENATION_16 = 0x00, 0x08
"""The information elements that number the parts of a long message, with a reference of 8 or 16 bits."""


class Part(NamedTuple):
    """Where a segment belongs: which message, of how many segments, which one (from 1)."""

    reference: int
    total: int
    number: int


def elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    """The information elements of a user data header; one that is cut short is left out, and ends it."""
    at = 0
    while at + 2 <= len(header):
        kind, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if len(value) == length:
            yield kind, value
        at += 2 + length


def concatenation(header: bytes) -> Part | None:
    """The concatenation element of a user data header; None where it has none."""
    for kind, value in elements(header):
        if (kind, len(value)) in ((CONCATENATION_8, 3), (CONCATENATION_16, 4)):
            *reference, total, number = value
            return Part(int.from_bytes(reference, "big"), total, number) if 1 <= number <= total else None
    return None


def part_of(pdu: Pdu) -> Part | None:
    """Which part of a long message a submit_sm, data_sm or deliver_sm is; None where it is all of it."""
    if not isinstance(pdu.body, Message | Data):
        return None
    header, _ = without_header(pdu.body.esm_class, text_octets(pdu))
    part = concatenation(header) or _segmented(pdu)
    return part if part is not None and part.total > 1 else None


def _segmented(pdu: Pdu) -> Part | None:
    reference = tlv_integer(pdu, Tag.SAR_MSG_REF_NUM)
    total = tlv_integer(pdu, Tag.SAR_TOTAL_SEGMENTS)
    number = tlv_integer(pdu, Tag.SAR_SEGMENT_SEQNUM)
    if reference is None or total is None or number is None or not 1 <= number <= total:
        return None
    return Part(reference, total, number)
