"""Bodies, segments and octets: cases by name, and properties of every text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limpet.core.encoding import (
    Encoding,
    Segmented,
    gsm7_octets,
    gsm7_text,
    segment,
    ucs2_octets,
    ucs2_text,
)

DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"
FAMILY = "👨\u200d👩\u200d👧\u200d👦"
"""Eleven code units, one cluster."""

gsm7_texts = st.text(st.sampled_from(DEFAULT + EXTENSION * 3), max_size=700)
any_texts = st.text(
    st.one_of(
        st.sampled_from("abc\r\n{€"),
        st.sampled_from("éщ你가\u1100\u1161\u0301\u0903\u200d\ufe0f😀👩🏽🇩\u0600"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=400,
)


def septets(text: str) -> int:
    return sum(2 if character in EXTENSION else 1 for character in text)


def code_units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


@pytest.mark.parametrize(
    ("body", "encoding", "count"),
    [
        ("", Encoding.GSM7, 1),
        ("a" * 160, Encoding.GSM7, 1),
        ("a" * 161, Encoding.GSM7, 2),
        ("a" * 306, Encoding.GSM7, 2),
        ("a" * 307, Encoding.GSM7, 3),
        ("{" * 80, Encoding.GSM7, 1),
        ("{" * 81, Encoding.GSM7, 2),
        ("a" * 159 + "€", Encoding.GSM7, 2),
        ("a" * 152 + "€" + "a" * 152, Encoding.GSM7, 3),
        ("`", Encoding.UCS2, 1),
        ("щ" * 70, Encoding.UCS2, 1),
        ("щ" * 71, Encoding.UCS2, 2),
        ("щ" * 134, Encoding.UCS2, 2),
        ("щ" * 135, Encoding.UCS2, 3),
        ("😀" * 35, Encoding.UCS2, 1),
        ("😀" * 36, Encoding.UCS2, 2),
        ("😀" * 66, Encoding.UCS2, 2),
        ("😀" * 67, Encoding.UCS2, 3),
        (FAMILY * 6, Encoding.UCS2, 1),
        (FAMILY * 12, Encoding.UCS2, 2),
        (FAMILY * 13, Encoding.UCS2, 3),
        ("a" * 66 + "\r\n" + "щ" * 66, Encoding.UCS2, 2),
        ("\x00", Encoding.UCS2, 1),
    ],
)
def test_a_body_has_the_segments_that_twilio_counts(body: str, encoding: Encoding, count: int) -> None:
    segmented = segment(body)
    assert (segmented.encoding, segmented.count) == (encoding, count)


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("", ("",)),
        ("a" * 152 + "€" + "b" * 10, ("a" * 152, "€" + "b" * 10)),
        ("щ" * 66 + "😀" + "щ" * 4, ("щ" * 66, "😀" + "щ" * 4)),
        ("щ" * 60 + FAMILY + "щ", ("щ" * 60, FAMILY + "щ")),
        ("щ" * 66 + "e\u0301" + "щ" * 4, ("щ" * 66, "e\u0301" + "щ" * 4)),
        ("щ" * 66 + "🇩🇪" + "щ", ("щ" * 66, "🇩🇪" + "щ")),
        ("o" + "\u0301" * 100, ("o" + "\u0301" * 66, "\u0301" * 34)),
    ],
    ids=["empty", "escape", "surrogates", "family", "accent", "flag", "longer than a segment"],
)
def test_segments_end_where_nothing_is_torn(body: str, segments: tuple[str, ...]) -> None:
    assert segment(body).segments == segments


@given(gsm7_texts)
def test_every_gsm7_text_is_cut_within_limits(body: str) -> None:
    segmented = segment(body)
    assert segmented.encoding is Encoding.GSM7
    assert "".join(segmented.segments) == body
    limit = 160 if segmented.count == 1 else 153
    assert all(septets(part) <= limit for part in segmented.segments)
    assert (septets(body) <= 160) == (segmented.count == 1)


@given(any_texts)
@example("o" + "\u0301" * 300)
@example("щ" * 69 + "\u0301" * 70)
def test_every_text_is_cut_within_limits(body: str) -> None:
    segmented = segment(body)
    assert "".join(segmented.segments) == body
    in_alphabet = all(character in DEFAULT + EXTENSION for character in body)
    assert (segmented.encoding is Encoding.GSM7) == in_alphabet
    if segmented.encoding is Encoding.UCS2:
        limit = 70 if segmented.count == 1 else 67
        assert all(1 <= code_units(part) <= limit for part in segmented.segments)
        assert (code_units(body) <= 70) == (segmented.count == 1)


@given(gsm7_texts)
def test_gsm7_octets_are_septets_and_come_back(body: str) -> None:
    octets = gsm7_octets(body)
    assert len(octets) == septets(body)
    assert all(octet < 0x80 for octet in octets)
    assert gsm7_text(octets) == body


@given(any_texts)
def test_ucs2_octets_come_back(body: str) -> None:
    octets = ucs2_octets(body)
    assert len(octets) == 2 * code_units(body)
    assert ucs2_text(octets) == body


@given(st.binary(max_size=300))
def test_no_octets_are_unreadable(octets: bytes) -> None:
    assert len(gsm7_text(octets)) <= len(octets)
    assert len(ucs2_text(octets)) <= len(octets) // 2 + 1


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("@", b"\x00"),
        ("Hello", b"Hello"),
        ("€", b"\x1b\x65"),
        ("\f^{}\\[~]|", bytes.fromhex("1b0a 1b14 1b28 1b29 1b2f 1b3c 1b3d 1b3e 1b40")),
        ("ΔΦΓΛΩΠΨΣΘΞ", bytes.fromhex("10 12 13 14 15 16 17 18 19 1a")),
        ("ÄÖÑÜ§¿äöñüà", bytes.fromhex("5b 5c 5d 5e 5f 60 7b 7c 7d 7e 7f")),
        ("ÇØøÅåÆæßÉ¡", bytes.fromhex("09 0b 0c 0e 0f 1c 1d 1e 1f 40")),
    ],
)
def test_gsm7_octets_are_those_of_the_standard(text: str, octets: bytes) -> None:
    assert gsm7_octets(text) == octets
    assert gsm7_text(octets) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\xff\x80a", "\ufffd\ufffda"),
        (b"\x1bA", "A"),
        (b"\x1b\x1be", " e"),
        (b"ab\x1b", "ab "),
        (b"\x1b\xff", "\ufffd"),
        (b"\x1b\n", "\f"),
    ],
    ids=["over 0x7F", "no such extension", "two escapes", "escape at the end", "escaped nonsense", "form feed"],
)
def test_odd_gsm7_octets_are_read_as_a_phone_would(octets: bytes, text: str) -> None:
    assert gsm7_text(octets) == text


def test_what_an_alphabet_lacks_becomes_a_question_mark() -> None:
    assert gsm7_octets("aщ`À\x1bb") == b"a????b"
    assert ucs2_octets("\ud83d") == b"\x00?"
    assert ucs2_text(b"\x00a\x00") == "a\ufffd"
    assert segment("a" * 70 + "\ud83d").count == 2


def test_a_segmented_body_is_a_value() -> None:
    assert segment("hi") == Segmented(Encoding.GSM7, ("hi",))
    assert hash(segment("hi")) == hash(segment("hi"))
    assert [str(encoding) for encoding in Encoding] == ["GSM-7", "UCS-2"]
