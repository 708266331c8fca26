"""How the id in a carrier's receipt becomes the one that its answer gave: many centres write the same number in two ways.

Decimal in one and hexadecimal in the other, with or without leading zeros, in capitals or not. Pure: what has been learned of
which carrier is kept elsewhere. The ways are those that Kannel's `msg-id-type` and its users have found in the field.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

_DECIMAL = re.compile(r"[0-9]{1,40}")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,40}")
_TEXT = re.compile(r"(verbatim|same|hexadecimal|decimal):(\d{1,2}):(upper|lower|)")
TELLING_LENGTH = 2
"""An id of one character is the same in every way, and tells nothing."""


class Digits(StrEnum):
    """What the digits of an answer's id are to those of a receipt's."""

    VERBATIM = "verbatim"
    """The same, to the letter."""
    SAME = "same"
    """The same number, with other zeros before it or in the other case."""
    HEXADECIMAL = "hexadecimal"
    """The answer's are hexadecimal, the receipt's decimal."""
    DECIMAL = "decimal"
    """The other way round."""


class Spelling(NamedTuple):
    """A way from the receipt's id to the answer's. `width` is to how many characters zeros fill it, 0 where they do not."""

    digits: Digits
    width: int = 0
    case: str = ""

    def __str__(self) -> str:
        return f"{self.digits}:{self.width}:{self.case}"


AS_IT_STANDS = Spelling(Digits.VERBATIM)


def read_spelling(text: str) -> Spelling | None:
    """The spelling that `str` wrote; None for any other text."""
    match = _TEXT.fullmatch(text)
    return Spelling(Digits(match[1]), int(match[2]), match[3]) if match else None


def spell(spelling: Spelling, receipt_id: str) -> str | None:
    """The answer's id for a receipt's; None where the receipt's cannot be written so."""
    if spelling.digits is Digits.VERBATIM:
        return receipt_id
    core = _core(spelling.digits, receipt_id)
    if core is None:
        return None
    cased = core.upper() if spelling.case == "upper" else core.lower() if spelling.case == "lower" else core
    return cased.zfill(spelling.width)


def learn(receipt_id: str, answer_id: str) -> Spelling | None:
    """The way from one to the other; None where there is none, or where they are too short to tell."""
    if len(receipt_id.lstrip("0")) < TELLING_LENGTH:
        return None
    if receipt_id == answer_id:
        return AS_IT_STANDS
    width = len(answer_id) if answer_id.startswith("0") else 0
    case = "upper" if answer_id.isupper() else "lower" if answer_id.islower() else ""
    ways = (Spelling(digits, width, case) for digits in _WAYS)
    return next((way for way in ways if spell(way, receipt_id) == answer_id), None)


_WAYS = (Digits.SAME, Digits.HEXADECIMAL, Digits.DECIMAL)


def _core(digits: Digits, receipt_id: str) -> str | None:
    """The id in the other notation, without leading zeros."""
    if digits is Digits.SAME:
        return receipt_id.lstrip("0") or "0"
    if digits is Digits.HEXADECIMAL:
        return f"{int(receipt_id):x}" if _DECIMAL.fullmatch(receipt_id) else None
    return str(int(receipt_id, 16)) if _HEXADECIMAL.fullmatch(receipt_id) else None
