"""Event streams as values: where a customer wants events sent, and which. How they travel is `limpet.flow.events`'s."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

SINKS_MAX: Final = 100
SUBSCRIPTIONS_MAX: Final = 100
"""Of one account, as at Twilio."""
SINK_FAILS_FOR: Final = timedelta(hours=3)
"""A sink that has taken nothing for so long has failed, once an event to it is given up."""


class SinkStatus(StrEnum):
    """Twilio's states of a sink. A webhook is active from the start, and failed when it has taken nothing for long; the others
    are those of sinks that Limpet does not have."""

    INITIALIZED = "initialized"
    VALIDATING = "validating"
    ACTIVE = "active"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NewSink:
    """A sink that is to be made: a URL to which events are posted, one at a time or, with `batch_events`, several at once."""

    description: str
    destination: str
    batch_events: bool


@dataclass(frozen=True, slots=True)
class Sink:
    """A sink (`DG…`)."""

    id: int
    sid: str
    account_id: int
    description: str
    destination: str
    batch_events: bool
    status: SinkStatus
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription (`DF…`): the types of events that its sink gets."""

    id: int
    sid: str
    account_id: int
    sink_sid: str
    description: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A type of event that a subscription asks for, in one version of its schema."""

    type: str
    schema_version: int
