"""Test credentials: numbers that stand for what may happen, so that an application can rehearse it without sending anything.

Source: twilio.com/docs/iam/test-credentials. Every answer is made of the request alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VALID_FROM: Final = "+15005550006"
FROM_CODES: Final[Mapping[str, int]] = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
TO_CODES: Final[Mapping[str, int]] = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
OTHER_FROM: Final = 21606
NUMBER_CODES: Final[Mapping[str, int | None]] = {"+15005550000": 21422, "+15005550001": 21421, VALID_FROM: None}
OTHER_NUMBER: Final = 21421


def message_code(sender: str, to: str) -> int | None:
    """With which error a message between these numbers is refused; None when it is taken."""
    if sender != VALID_FROM:
        return FROM_CODES.get(sender, OTHER_FROM)
    return TO_CODES.get(to)


def number_code(number: str) -> int | None:
    """With which error a number is refused that is to be bought; None when it is sold."""
    return NUMBER_CODES.get(number, OTHER_NUMBER)
