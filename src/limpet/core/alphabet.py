"""Octets as carriers send them, as text: each alphabet by a name, and the packing of seven-bit ones.

The names are what travels between the wire and the flow, so that a text in parts can be put together before it is read: a
character may begin in one part and end in the next. It knows no data_coding: that is `limpet.carrier`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import groupby

from limpet.core.encoding import gsm7_text, ucs2_text

_SEPTET_BITS, _OCTET_BITS = 7, 8
_RETURN = 0x0D


class Alphabet(StrEnum):
    """The alphabets of SMPP 3.4 §5.2.19 that can be read. The values of all but the first and UCS2 are Python's codecs."""

    GSM7 = "gsm-7"
    LATIN1 = "latin-1"
    JIS = "shift_jis"
    CYRILLIC = "iso8859-5"
    HEBREW = "iso8859-8"
    UCS2 = "ucs-2"
    KOREAN = "euc_kr"


def text_in(alphabet: Alphabet, octets: bytes) -> str:
    """The text of octets, one septet an octet in GSM-7; never fails. NUL, which no text contains, becomes U+FFFD."""
    if alphabet is Alphabet.GSM7:
        text = gsm7_text(octets)
    elif alphabet is Alphabet.UCS2:
        text = ucs2_text(octets)
    else:
        text = octets.decode(alphabet.value, "replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def joined_text(pieces: Iterable[tuple[Alphabet, bytes]]) -> str:
    """One text from its pieces in order. Neighbours of one alphabet are joined first: they may share a character."""
    runs = groupby(pieces, key=lambda piece: piece[0])
    return "".join(text_in(alphabet, b"".join(octets for _, octets in run)) for alphabet, run in runs)


def pack(septets: bytes, header_octets: int = 0) -> bytes:
    """Septets, one an octet, into seven bits each, to stand behind a header of so many octets (3GPP TS 23.038 §6.1.2.1).

    The first septet begins at a septet's place behind the header. Seven bits left over are a carriage return, since
    zeros would be an at sign.
    """
    fill = _fill_bits(header_octets)
    bits = fill + _SEPTET_BITS * len(septets)
    size = (bits + _OCTET_BITS - 1) // _OCTET_BITS
    number = 0
    for septet in reversed(septets):
        number = number << _SEPTET_BITS | septet
    number <<= fill
    if size * _OCTET_BITS - bits == _SEPTET_BITS:
        number |= _RETURN << bits
    return number.to_bytes(size, "little")


def unpack(octets: bytes, header_octets: int = 0) -> bytes:
    """The septets in octets that stand behind a header of so many octets, one an octet; what `pack` added is taken off."""
    fill = _fill_bits(header_octets)
    bits = max(0, len(octets) * _OCTET_BITS - fill)
    number = int.from_bytes(octets, "little") >> fill
    count = bits // _SEPTET_BITS
    septets = bytes(number >> _SEPTET_BITS * place & 0x7F for place in range(count))
    padded = bits % _SEPTET_BITS == 0 and count and septets[-1] == _RETURN
    return septets[:-1] if padded else septets


def _fill_bits(header_octets: int) -> int:
    return -header_octets * _OCTET_BITS % _SEPTET_BITS
