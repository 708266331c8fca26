"""What one carrier's own numbers mean in Twilio's: command statuses that refuse, and reasons that receipts give.

SMPP leaves both to vendors (3.4 §5.1.3, 0x400 to 0x4FF, and `err` of appendix B). What is not named here keeps the usual meaning
(`limpet.smpp.status`, `limpet.smpp.receipt`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

SUBMIT, RECEIPT = "submit", "receipt"


@dataclass(frozen=True, slots=True)
class ErrorCodes:
    """Twilio's codes by command status, and by a receipt's reason without its leading zeros."""

    submit: Mapping[int, int] = field(default_factory=dict)
    receipt: Mapping[str, int] = field(default_factory=dict)


NO_CODES: Final = ErrorCodes()


def error_codes(pairs: Iterable[tuple[str, int]]) -> ErrorCodes:
    """Read `submit:0x400` and `receipt:301`, each with its code. ValueError for another form."""
    submit: dict[int, int] = {}
    receipt: dict[str, int] = {}
    for name, code in pairs:
        kind, _, number = name.partition(":")
        if kind == SUBMIT:
            submit[int(number, 0)] = code
        elif kind == RECEIPT and number.isalnum() and number.isascii():
            receipt[number.lstrip("0").upper()] = code
        else:
            raise ValueError(name)
    return ErrorCodes(submit, receipt)
