"""What is not kept, and the pseudonyms in its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.address import parse_recipient
from limpet.core.retention import Mark, Pseudonyms, as_kept, masked, shown

ANNA, MASKED = "+14155550123", "+1415555XXXX"
PSEUDONYMS = Pseudonyms(b"k" * 32)
numbers = st.from_regex(r"(whatsapp:)?\+[1-9][0-9]{6,14}", fullmatch=True)


def test_the_last_four_digits_are_masked_as_at_twilio() -> None:
    assert masked(ANNA) == MASKED
    assert masked("whatsapp:+447700900123") == "whatsapp:+44770090XXXX"


@given(numbers)
def test_a_pseudonym_shows_the_masked_number_and_nothing_of_the_rest(number: str) -> None:
    pseudonym = PSEUDONYMS.of(number)
    assert shown(pseudonym) == masked(number)
    assert number not in pseudonym
    assert number[-4:] not in pseudonym.partition("~")[0].removeprefix(number[:-4])
    assert parse_recipient(pseudonym) is None
    assert shown(number) == number


@given(numbers, numbers)
def test_one_number_has_one_pseudonym_and_another_key_makes_another(one: str, other: str) -> None:
    assert (PSEUDONYMS.of(one) == PSEUDONYMS.of(other)) == (one == other)
    assert Pseudonyms(b"l" * 32).of(one) != PSEUDONYMS.of(one)


def test_two_people_with_the_same_face_are_told_apart() -> None:
    assert PSEUDONYMS.of("+14155550123") != PSEUDONYMS.of("+14155550124")
    assert shown(PSEUDONYMS.of("+14155550123")) == shown(PSEUDONYMS.of("+14155550124")) == MASKED


@pytest.mark.parametrize("key", [b"", b"k" * 15])
def test_without_a_key_nobody_is_hidden(key: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Pseudonyms(key).of(ANNA)


@pytest.mark.parametrize(
    ("marks", "seen"),
    [
        (0, (ANNA, "Hello")),
        (Mark.DISCARD, (ANNA, "")),
        (Mark.OBFUSCATE, (MASKED, "Hello")),
        (Mark.DISCARD | Mark.OBFUSCATE, (MASKED, "")),
        (Mark.LINKED, (ANNA, "Hello")),
    ],
)
def test_what_will_not_be_kept_is_never_shown(marks: int, seen: tuple[str, str]) -> None:
    assert as_kept(ANNA, "Hello", marks) == seen


def test_a_number_that_is_gone_is_shown_by_its_pseudonym() -> None:
    assert as_kept(PSEUDONYMS.of(ANNA), "", Mark.OBFUSCATE | Mark.OBFUSCATED) == (MASKED, "")


@pytest.mark.parametrize("address", ["ACME~1", "12345", "A~" + "0" * 32, "+1415~", ""])
def test_an_address_that_is_no_pseudonym_is_shown_as_it_is(address: str) -> None:
    assert shown(address) == address
