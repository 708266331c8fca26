"""Two spellings of one id, and what they teach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.spelling import AS_IT_STANDS, Digits, Spelling, learn, read_spelling, spell


@pytest.mark.parametrize(
    ("receipt_id", "answer_id", "learned"),
    [
        ("1000001", "1000001", AS_IT_STANDS),
        ("1000001", "f4241", Spelling(Digits.HEXADECIMAL, 0, "lower")),
        ("1000001", "000F4241", Spelling(Digits.HEXADECIMAL, 8, "upper")),
        ("0001000001", "F4241", Spelling(Digits.HEXADECIMAL, 0, "upper")),
        ("F4241", "1000001", Spelling(Digits.DECIMAL)),
        ("000f4241", "0001000001", Spelling(Digits.DECIMAL, 10)),
        ("1000001", "0001000001", Spelling(Digits.SAME, 10)),
        ("0001000001", "1000001", Spelling(Digits.SAME)),
        ("ab-12", "AB-12", Spelling(Digits.SAME, 0, "upper")),
        ("10", "16", Spelling(Digits.DECIMAL)),
        ("10", "a", Spelling(Digits.HEXADECIMAL, 0, "lower")),
        ("10", "11", None),
        ("7", "7", None),
        ("007", "7", None),
        ("", "", None),
        ("zz", "1000001", None),
        ("9" * 41, "f" * 41, None),
    ],
)
def test_what_two_ids_teach(receipt_id: str, answer_id: str, learned: Spelling | None) -> None:
    assert learn(receipt_id, answer_id) == learned


FORMS = st.sampled_from(["{:d}", "{:x}", "{:X}", "{:024d}", "{:020x}", "{:020X}"])
IDS = st.integers(100, 2**64).map(lambda number: number << 8 | 0xAB)
"""With a letter among their hexadecimal digits."""


@given(IDS, IDS, FORMS, FORMS)
def test_what_was_learned_of_one_id_holds_for_all(one: int, other: int, receipts: str, answers: str) -> None:
    learned = learn(receipts.format(one), answers.format(one))
    assert learned is not None
    assert (spell(learned, receipts.format(other)) or "").lstrip("0") == answers.format(other).lstrip("0")


@given(st.sampled_from(Digits), st.integers(0, 64), st.sampled_from(["", "upper", "lower"]))
def test_a_spelling_is_kept_as_a_text(digits: Digits, width: int, case: str) -> None:
    assert read_spelling(str(Spelling(digits, width, case))) == Spelling(digits, width, case)


@pytest.mark.parametrize("text", ["", "same", "octal:0:", "same:100:", "same:1:both"])
def test_another_text_is_no_spelling(text: str) -> None:
    assert read_spelling(text) is None


@given(st.text(max_size=50), st.text(max_size=50))
def test_no_ids_raise(receipt_id: str, answer_id: str) -> None:
    learned = learn(receipt_id, answer_id)
    assert learned is None or spell(learned, receipt_id) == answer_id
