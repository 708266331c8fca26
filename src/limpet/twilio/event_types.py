"""The catalogue of events: Twilio's types and the schemas of their data, with what each version has added.

Sources: twilio.com/docs/events/event-types, and the schemas that the pages link to. Which of them happen here is in
docs/howto/event-streams.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from limpet.core.health import Health
from limpet.core.status import Status

CATALOGUE_DATE: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Since when the catalogue is as it is: Twilio's own dates are not ours to tell."""
SCHEMAS_URL: Final = "https://events-schemas.twilio.com"
ERROR_LOGGED: Final = "com.twilio.error-logs.error.logged"
INBOUND_RECEIVED: Final = "com.twilio.messaging.inbound-message.received"
MESSAGE_EVENTS: Final[Mapping[Status, str]] = {
    status: f"com.twilio.messaging.message.{status}"
    for status in (Status.QUEUED, Status.SENT, Status.DELIVERED, Status.FAILED, Status.UNDELIVERED, Status.READ)
}
"""The event of each status of a message; Twilio has none for the others."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The shape of an event's data. `since` names the fields that came with a version above the first."""

    id: str
    latest: int
    since: Mapping[str, int] = field(default_factory=dict)
    home: str = SCHEMAS_URL


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event that can be subscribed to."""

    name: str
    schema: Schema
    description: str


_MESSAGE_STATUS: Final = Schema(
    "Messaging.MessageStatus", 8, {"rawDlrDoneDate": 5, "numberOfSegments": 6, "dateUpdated": 6}
)
_INBOUND: Final = Schema("Messaging.InboundMessageV1", 6, {"recipients": 5, "optOutType": 6})
NUMBER_HEALTH: Final[Mapping[Health, str]] = {
    state: f"limpet.messaging.number-health.{state}" for state in (Health.UNHEALTHY, Health.HEALTHY)
}
"""Ours: Twilio tells nothing of it."""
OUR_SCHEMAS: Final = "urn:limpet:schemas"
_NUMBER_HEALTH: Final = Schema("Limpet.NumberHealth", 1, home=OUR_SCHEMAS)
_NUMBER_SINCE: Final = {"messagingservicesid": 2}


def number_event_type(process: str, state: str) -> str:
    """The type for a number's `registration` or `deregistration` that is `pending`, `successful` or `failed`."""
    return f"com.twilio.messaging.compliance.number-{process}.{state}"


def _catalogue() -> list[EventType]:
    messages = [EventType(name, _MESSAGE_STATUS, f"A message is {status}") for status, name in MESSAGE_EVENTS.items()]
    numbers = [
        EventType(
            number_event_type(process, state),
            Schema(f"A2P.Number{process.title()}{state.title()}", 2, _NUMBER_SINCE),
            f"The {process} of a number for A2P 10DLC is {state}",
        )
        for process in ("registration", "deregistration")
        for state in ("pending", "successful", "failed")
    ]
    inbound = EventType(INBOUND_RECEIVED, _INBOUND, "A person has written to a number")
    return [
        *messages,
        inbound,
        *numbers,
        EventType(ERROR_LOGGED, Schema("ErrorLogs.Error", 2), "An error has been logged"),
        EventType(NUMBER_HEALTH[Health.UNHEALTHY], _NUMBER_HEALTH, "A number of a pool fails most of its messages"),
        EventType(NUMBER_HEALTH[Health.HEALTHY], _NUMBER_HEALTH, "A number of a pool is well again"),
    ]


EVENT_TYPES: Final[Mapping[str, EventType]] = {each.name: each for each in _catalogue()}
SCHEMAS: Final[Mapping[str, Schema]] = {each.schema.id: each.schema for each in EVENT_TYPES.values()}
