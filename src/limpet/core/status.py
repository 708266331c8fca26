"""A message's status: Twilio's thirteen words, which may follow which, and which a customer is called about.

Source: twilio.com/docs/messaging/api/message-resource#message-status-values and the guide on outbound message status.
It knows nothing of how a status is stored or told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache


class Status(StrEnum):
    """Every status that Twilio's API can show."""

    ACCEPTED = "accepted"
    """A service's message whose sender is being chosen."""
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    """Bound to its sender."""
    SENDING = "sending"
    """Claimed: it may have left (`limpet.flow` marks the intent before the first octet leaves)."""
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"
    READ = "read"
    """RCS and WhatsApp only."""
    RECEIVING = "receiving"
    RECEIVED = "received"
    PARTIALLY_DELIVERED = "partially_delivered"
    """Deprecated by Twilio: a word that clients know, which no message here ever has."""


class SegmentState(StrEnum):
    """What is known of one segment that the carrier took."""

    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


STEPS: Mapping[Status, tuple[Status, ...]] = {
    Status.ACCEPTED: (Status.QUEUED, Status.FAILED),
    Status.SCHEDULED: (Status.QUEUED, Status.FAILED, Status.CANCELED),
    Status.QUEUED: (Status.SENDING, Status.FAILED),
    Status.SENDING: (Status.SENT, Status.FAILED),
    Status.SENT: (Status.DELIVERED, Status.UNDELIVERED),
    Status.DELIVERED: (Status.READ,),
    Status.RECEIVING: (Status.RECEIVED,),
}
"""What comes next when nothing is skipped. There is no way round: a status never comes back by these steps."""

RETRY = (Status.SENDING, Status.QUEUED)
"""The one way back: the carrier refused for now, or what was in doubt is to be sent again."""

FINAL_STATES = frozenset(
    {Status.DELIVERED, Status.UNDELIVERED, Status.FAILED, Status.CANCELED, Status.READ, Status.RECEIVED}
    | {Status.PARTIALLY_DELIVERED}
)
"""Nothing more is to be done for the message; `read` may still follow `delivered`."""

CALLBACK_STATES = frozenset(
    {Status.QUEUED, Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.FAILED, Status.CANCELED, Status.READ}
)
"""What a status callback can tell. Twilio sends none for `sending`, nor for the status a message is created with."""

CALLBACK_EVENTS_LENGTH_MAX = 200
"""Characters of `StatusCallbackEvents`; every state listed once takes far fewer."""


def may_become(current: Status, new: Status) -> bool:
    """Whether a message may go from one status to another.

    Forward only, but steps may be skipped: a receipt can overtake the carrier's answer, and a message can be bound and
    claimed in one write. The only way back is `RETRY`. A status does not become itself.
    """
    return new in _LATER[current] or (current, new) == RETRY


def is_final(status: Status) -> bool:
    """Whether nothing more is to be done for a message of this status."""
    return status in FINAL_STATES


def fold_receipts(states: Sequence[SegmentState]) -> Status:
    """One status from those of a message's segments: a text that misses a part has not been delivered."""
    if SegmentState.UNDELIVERED in states:
        return Status.UNDELIVERED
    if states and states.count(SegmentState.DELIVERED) == len(states):
        return Status.DELIVERED
    return Status.SENT


@lru_cache(maxsize=1000)
def parse_callback_events(text: str) -> frozenset[Status] | None:
    """Read `StatusCallbackEvents` (ours, not Twilio's): `all`, `final`, or states parted by commas or spaces.

    Case does not matter. None when it is empty, too long, or holds a word that no callback can tell.
    """
    words = re.split(r"[,\s]+", text.strip().lower()) if len(text) <= CALLBACK_EVENTS_LENGTH_MAX else []
    if not words or any(word not in _EVENTS for word in words):
        return None
    return frozenset[Status]().union(*(_EVENTS[word] for word in words))


def _later(status: Status) -> Iterator[Status]:
    for step in STEPS.get(status, ()):
        yield step
        yield from _later(step)


_LATER = {status: frozenset(_later(status)) for status in Status}
_EVENTS: Mapping[str, frozenset[Status]] = {
    "all": CALLBACK_STATES,
    "final": CALLBACK_STATES & FINAL_STATES,
    **{str(status): frozenset({status}) for status in CALLBACK_STATES},
}
