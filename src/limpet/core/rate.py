"""How fast a number, a service and an account may send, and when the next message has a place.

Figures: Twilio, "Best Practices for Scaling with Messaging Services", and its rate limits by kind of number. Messages are given
places in time, one behind the other; a message waits for the latest of its places: its number's, its service's, its account's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from limpet.core.model import SenderKind

LONG_CODE_NANP_PER_S = 1.0
ELSEWHERE_PER_S = 10.0
PER_S = {
    SenderKind.TOLL_FREE: 3.0,
    SenderKind.SHORT_CODE: 100.0,
    SenderKind.ALPHANUMERIC: 10.0,
    SenderKind.DESTINATION_ALPHA: 10.0,
    SenderKind.WHATSAPP: 80.0,
    SenderKind.RCS: 80.0,
}
ACCOUNT_PER_S = 2000.0
"""What all numbers of an account send together, unless the operator says otherwise."""
QUEUES_MAX = 100_000
QUEUE_S = 36_000.0
"""A queue holds ten hours of segments at its rate."""
_NANP = frozenset({"US", "CA"})


def segments_per_s(kind: SenderKind, country: str) -> float:
    """Segments that a sender may send in a second; of long codes those of the US and Canada are the slow ones."""
    return PER_S.get(kind) or (LONG_CODE_NANP_PER_S if country in _NANP else ELSEWHERE_PER_S)


class Queue(NamedTuple):
    """What shares a rate of so many segments a second."""

    name: str
    per_s: float


def of_service(service_id: int, per_s: float) -> Queue:
    """The queue that all numbers of a service share."""
    return Queue(f"service:{service_id}", per_s)


def of_account(account_id: int, per_s: float) -> Queue:
    """The queue that all numbers of an account share."""
    return Queue(f"account:{account_id}", per_s)


def of_campaign(campaign_id: int, per_s: float) -> Queue:
    """The queue that all numbers of a campaign share towards the United States (S-55)."""
    return Queue(f"campaign:{campaign_id}", per_s)


class Pacer:
    """Gives out places. Times are monotonic seconds; what is in the past is forgotten when too much is remembered."""

    def __init__(self) -> None:
        self._free_at: dict[str, float] = {}

    def wait_s(self, number: Queue | None, shared: Sequence[Queue], segments: int, now_s: float) -> float | None:
        """Take the next place for so many segments: how long until then, 0 when it is now. None, and no place is taken, when the
        queue before it is QUEUE_S long already (Twilio: errors 21611 and 30001).

        A number never sends faster than its rate. What it shares with others holds from the beginning of a queue on: at no time
        have more segments left than the rate allows since then. A message that waits for its own slow number holds up no other.
        """
        if len(self._free_at) >= QUEUES_MAX:
            self._free_at = {name: at for name, at in self._free_at.items() if at > now_s}
        free = self._free_at
        start = max(now_s, free.get(number.name, 0.0)) if number else now_s
        for queue in shared:
            start = max(start, free.get(queue.name, 0.0))
        if start - now_s >= QUEUE_S:
            return None
        for queue in shared:
            free[queue.name] = max(now_s, free.get(queue.name, 0.0)) + segments / queue.per_s
        if number:
            free[number.name] = start + segments / number.per_s
        return start - now_s

    def is_full(self, name: str, now_s: float) -> bool:
        """Whether a queue takes nothing more at the moment."""
        return self._free_at.get(name, 0.0) - now_s >= QUEUE_S
