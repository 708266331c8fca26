"""A body's alphabet and its segments, counted as Twilio counts them, and the octets of each segment.

GSM-7 is the default alphabet of 3GPP TS 23.038 with its extension table: 160 septets alone, 153 beside others.
Everything else is UCS-2 (UTF-16): 70 code units alone, 67 beside others, and no segment ends inside a grapheme cluster.
The counts are those of Twilio's `sms-segments-calculator` without smart encoding (`benchmarks/compare_segments.py`
compares the two). It knows nothing of carriers: headers and PDUs are `limpet.smpp`'s.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from limpet.core.graphemes import clusters

BODY_LENGTH_MAX = 1600
"""Characters in a body; more is error 21617 (twilio.com/docs/api/errors/21617)."""

GSM7_ALONE_MAX = 160
GSM7_PART_MAX = 153
UCS2_ALONE_MAX = 70
UCS2_PART_MAX = 67
"""Units of a segment that is alone, and of one beside others: 140 octets, less six for the concatenation header."""

_ESCAPE = "\x1b"
_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet in code order (3GPP TS 23.038 §6.2.1)."""
_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""Characters reached by an escape, two septets each (3GPP TS 23.038 §6.2.1.1)."""


class Encoding(StrEnum):
    """The two alphabets, as Twilio names them."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


@dataclass(frozen=True, slots=True)
class Segmented:
    """A body cut into what travels as one short message each, in order. An empty body is one empty segment."""

    encoding: Encoding
    segments: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many segments: Twilio's `num_segments`."""
        return len(self.segments)


class _Septets(dict[int, str]):
    """Code point to septets, for `str.translate`; a character outside the alphabet becomes a question mark."""

    def __missing__(self, code_point: int) -> str:
        return "?"


_TO_SEPTETS = _Septets(
    {ord(character): chr(code) for code, character in enumerate(_DEFAULT) if character != _ESCAPE}
    | {ord(character): _ESCAPE + chr(code) for character, code in _EXTENSION.items()}
)
_FROM_OCTETS = _DEFAULT + "\N{REPLACEMENT CHARACTER}" * 128
_FROM_ESCAPED = {_DEFAULT[code]: character for character, code in _EXTENSION.items()} | {_ESCAPE: " ", "": " "}
_ESCAPED = re.compile(_ESCAPE + "(.?)", re.DOTALL)
_PLAIN = re.compile(f"[{re.escape(_DEFAULT.replace(_ESCAPE, ''))}]*+")
_EXTENDED = re.compile(f"[{re.escape(_DEFAULT.replace(_ESCAPE, '') + ''.join(_EXTENSION))}]*+")


def segment(body: str) -> Segmented:
    """Cut a body into segments: GSM-7 when every character is in that alphabet, else UCS-2.

    A character of two septets is never cut, and in UCS-2 neither is a grapheme cluster, unless it alone is longer than
    a segment: then it is cut between characters. Only where clusters of more than 33 code units occur may the count
    exceed the calculator's, which puts such clusters into segments that no PDU can carry.
    Source: twilio.com/docs/glossary/what-sms-character-limit, npm's `sms-segments-calculator` 1.3.0.
    """
    if _PLAIN.fullmatch(body):
        return Segmented(Encoding.GSM7, _gsm7_plain(body))
    if _EXTENDED.fullmatch(body):
        return Segmented(Encoding.GSM7, _gsm7_extended(body))
    return Segmented(Encoding.UCS2, _ucs2(body))


def segment_as(body: str, encoding: Encoding, part_max: int) -> Segmented:
    """Cut a body in an alphabet into segments of at most `part_max` units where it needs several: for carriers whose header is
    longer than usual, or that do not take GSM-7. A body outside GSM-7 must not be asked for in it."""
    if encoding is Encoding.UCS2:
        return Segmented(encoding, _ucs2(body, part_max))
    return Segmented(encoding, (_gsm7_plain if _PLAIN.fullmatch(body) else _gsm7_extended)(body, part_max))


def gsm7_octets(segment: str) -> bytes:
    """One octet a septet, unpacked, extension characters behind 0x1B: what SMPP calls data_coding 0.

    A character outside GSM-7, which `segment` never leaves in a GSM-7 segment, becomes a question mark.
    """
    return segment.translate(_TO_SEPTETS).encode("latin-1")


def gsm7_text(octets: bytes) -> str:
    """The text of unpacked GSM-7; never fails.

    An octet over 0x7F becomes U+FFFD. After an escape, a code that the extension table lacks is read from the default
    alphabet, and a second escape or the end is a space, as 3GPP TS 23.038 §6.2.1.1 asks of a receiver.
    """
    text, _ = codecs.charmap_decode(octets, "strict", _FROM_OCTETS)
    if _ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda escaped: _FROM_ESCAPED.get(escaped[1], escaped[1]), text)


def ucs2_octets(segment: str) -> bytes:
    """UTF-16, high octet first: what SMPP calls data_coding 8.

    Half a surrogate pair, which is no character, becomes a question mark.
    """
    return segment.encode("utf-16-be", "replace")


def ucs2_text(octets: bytes) -> str:
    """The text of UTF-16, high octet first; never fails: an odd octet or half a surrogate pair becomes U+FFFD."""
    return octets.decode("utf-16-be", "replace")


def _gsm7_plain(body: str, part_max: int = GSM7_PART_MAX) -> tuple[str, ...]:
    return (body,) if len(body) <= GSM7_ALONE_MAX else _slices(body, part_max)


def _gsm7_extended(body: str, part_max: int = GSM7_PART_MAX) -> tuple[str, ...]:
    sizes = [2 if character in _EXTENSION else 1 for character in body]
    if sum(sizes) <= GSM7_ALONE_MAX:
        return (body,)
    return tuple(_packed(zip(body, sizes, strict=True), part_max))


def _ucs2(body: str, part_max: int = UCS2_PART_MAX) -> tuple[str, ...]:
    size = _code_units(body)
    if size <= UCS2_ALONE_MAX:
        return (body,)
    pieces = clusters(body)
    if len(pieces) == size:
        return _slices(body, part_max)
    return tuple(_packed(_sized(pieces, part_max), part_max))


def _slices(body: str, size_max: int) -> tuple[str, ...]:
    return tuple(body[start : start + size_max] for start in range(0, len(body), size_max))


def _sized(pieces: list[str], part_max: int) -> Iterator[tuple[str, int]]:
    """Each cluster with its code units; one that no segment holds comes as its characters."""
    for cluster in pieces:
        size = _code_units(cluster)
        if size <= part_max:
            yield cluster, size
        else:
            yield from ((character, _code_units(character)) for character in cluster)


def _code_units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _packed(pieces: Iterable[tuple[str, int]], size_max: int) -> Iterator[str]:
    """Fill each segment with as many (text, size) pieces as it holds."""
    texts: list[str] = []
    free = size_max
    for text, size in pieces:
        if size > free:
            yield "".join(texts)
            texts, free = [], size_max
        texts.append(text)
        free -= size
    yield "".join(texts)
