"""What follows when a carrier names the sender as the reason: its pool membership is marked for the recipient's country (S-70).

Runs in the transaction that writes the failure, whether the carrier refused the message or a receipt told it later.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from limpet.core.address import parse_recipient
from limpet.core.ids import day_number
from limpet.store import refused
from limpet.store.database import Connection
from limpet.store.dispatch import Outgoing
from limpet.store.refused import Mark

NAMES_THE_SENDER = frozenset({21606, 21659, 30032, 30034, 30041})
"""Twilio's codes for a sender that may not write to a destination: not the account's there, not verified, not registered."""
REFUSED_DAYS = 7


class RefusedMarks:
    """Marks members; a mark counts for `days`."""

    def __init__(self, days: int = REFUSED_DAYS) -> None:
        self._days = days

    async def note(
        self, connection: Connection, failures: Iterable[tuple[Outgoing, int | None]], now: datetime
    ) -> None:
        """Mark the senders of those messages that failed because of them; one without a service concerns no pool."""
        marks = [_mark(message, code) for message, code in failures if code in NAMES_THE_SENDER]
        found = [mark for mark in marks if mark is not None]
        if found:
            await refused.mark(connection, found, day_number(now), self._days, now)


def _mark(message: Outgoing, code: int | None) -> Mark | None:
    address = parse_recipient(message.recipient)
    if code is None or message.member_id is None or address is None or address.country is None:
        return None
    return Mark(message.member_id, address.country, code)
