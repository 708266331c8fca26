"""Customers who speak SMPP (ESMEs), as messages and texts know them: where a receipt goes, and which ids asked for one.

A message that came by SMPP has such an address in the place of a StatusCallback. It knows no PDUs and no connections.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

SCHEME = "smpp:"
RECEIPT_BITS = 0x03
"""The bits of registered_delivery that ask for a receipt (SMPP 3.4 §5.2.17)."""
ALWAYS, ON_FAILURE, ON_SUCCESS = 1, 2, 3
"""The last is SMPP 5.0's; 3.4 reserves it."""
_EVENTS = {ALWAYS: ("delivered", "undelivered", "failed", "canceled"), ON_SUCCESS: ("delivered",)}
_EVENTS[ON_FAILURE] = _EVENTS[ALWAYS][1:]


class Ask(NamedTuple):
    """An id that a customer was given, and when it wants a receipt. `part_id` is None for the message's own SID, otherwise the
    row id that a part's SID was made of."""

    part_id: int | None
    registered: int

    def wants(self, *, delivered: bool) -> bool:
        """Whether this outcome is one to tell."""
        return self.registered in (ALWAYS, ON_SUCCESS if delivered else ON_FAILURE)


def address_of(esme: str, asks: Iterable[Ask] = ()) -> str:
    """Where a customer's receipts go, as a message keeps it."""
    words = (f"{'' if ask.part_id is None else f'{ask.part_id:x}'}.{ask.registered}" for ask in asks)
    return f"{SCHEME}{esme}?{','.join(words)}"


def is_esme_address(address: str) -> bool:
    """Whether a message's callback address is one of these."""
    return address.startswith(SCHEME)


def split_address(address: str) -> tuple[str, str]:
    """The customer, and what asked, as `asks_in` reads it."""
    esme, _, asked = address.removeprefix(SCHEME).partition("?")
    return esme, asked


def asks_in(asked: str) -> list[Ask]:
    """The ids that asked for a receipt."""
    pairs = (word.split(".") for word in asked.split(",") if word)
    return [Ask(int(part_id, 16) if part_id else None, int(registered)) for part_id, registered in pairs]


def events_for(asks: Iterable[Ask]) -> str:
    """The `StatusCallbackEvents` that cover what is asked for."""
    return ",".join(sorted({event for ask in asks for event in _EVENTS[ask.registered]}))
