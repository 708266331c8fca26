"""Events as Twilio's Event Streams send them: CloudEvents 1.0 in JSON, with data in the fields of Twilio's schemas.

An `Event` is what happened; `cloud_event` is how it is told in one version of its schema. Sources: the CloudEvents
specification 1.0.2 (structured mode), twilio.com/docs/events/event-types. It knows neither who is told nor when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from limpet.core.optout import OptOutType
from limpet.core.status import Status
from limpet.twilio.callback import API_VERSION
from limpet.twilio.dates import iso8601_ms
from limpet.twilio.event_types import (
    ERROR_LOGGED,
    EVENT_TYPES,
    INBOUND_RECEIVED,
    MESSAGE_EVENTS,
    SCHEMAS_URL,
    number_event_type,
)
from limpet.twilio.inbound import country_of, state_of

TEST_EVENT = "com.twilio.eventstreams.test-event"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened at `at`, with data as the newest version of its type's schema has it. `message` is the place (bucket and id)
    of the message that it tells of, if any: its row lies there, and what was posted of the message goes with it."""

    type: str
    source: str
    at: datetime
    data: Mapping[str, object]
    message: tuple[int, int] | None = None
    kept: Mapping[str, object] | None = None
    """The data as it may be kept, of a message whose recipient's number will not be; None where that is the same."""
    id: str | None = None
    """Its id, where it has one of its own."""


class NumberState(StrEnum):
    """How far the registration or deregistration of a number with US carriers has come."""

    PENDING = "pending"
    SUCCESSFUL = "successful"
    FAILED = "failed"


_EXTERNAL_STATUS: Mapping[tuple[bool, NumberState], str] = {
    (True, NumberState.PENDING): "pending_registration",
    (True, NumberState.SUCCESSFUL): "registered",
    (True, NumberState.FAILED): "failure",
    (False, NumberState.PENDING): "pending_deregistration",
    (False, NumberState.SUCCESSFUL): "unregistered",
    (False, NumberState.FAILED): "failure",
}


def message_event(
    *,
    status: Status,
    message_sid: str,
    account_sid: str,
    messaging_service_sid: str | None,
    to: str,
    from_: str | None,
    status_callback: str | None,
    num_segments: int,
    error_code: int | None,
    done_at: datetime | None,
    at: datetime,
    message: tuple[int, int],
    to_kept: str | None = None,
) -> Event:
    """A message has come to `status`, one of MESSAGE_EVENTS. `done_at` is the carrier's time; the text is left out. `to_kept` is
    what may be kept of `to`, where that differs."""
    name = MESSAGE_EVENTS[status]
    data = {
        "messageSid": message_sid,
        "timestamp": iso8601_ms(at),
        "accountSid": account_sid,
        "eventName": name,
        "apiVersion": API_VERSION,
        "from": from_ or "",
        "to": to,
        "messageStatus": status.upper(),
        "messagingServiceSid": messaging_service_sid,
        "errorCode": error_code,
        "statusCallBackUrl": status_callback,
        "rawDlrDoneDate": done_at and f"{done_at.astimezone(UTC):%y%m%d%H%M}",
        "numberOfSegments": num_segments,
        "dateUpdated": iso8601_ms(at),
    }
    told = _filled(data)
    kept = None if to_kept is None else {**told, "to": to_kept}
    return Event(name, _message_path(account_sid, message_sid), at, told, message, kept)


def inbound_event(
    *,
    message_sid: str,
    account_sid: str,
    messaging_service_sid: str | None,
    person: str,
    sender: str,
    body: str,
    num_segments: int,
    opt_out_type: OptOutType | None,
    at: datetime,
    message: tuple[int, int],
) -> Event:
    """A person has written to one of the account's numbers; places are as far as the numbering plan tells them."""
    data = {
        "messageSid": message_sid,
        "timestamp": iso8601_ms(at),
        "accountSid": account_sid,
        "eventName": INBOUND_RECEIVED,
        "from": person,
        "to": sender,
        "numMedia": 0,
        "body": body,
        "toCountry": country_of(sender) or None,
        "toState": state_of(sender) or None,
        "fromCountry": country_of(person) or None,
        "fromState": state_of(person) or None,
        "messagingServiceSid": messaging_service_sid,
        "recipients": [],
        "numSegments": num_segments,
        "optOutType": opt_out_type,
    }
    return Event(INBOUND_RECEIVED, _message_path(account_sid, message_sid), at, _filled(data), message)


def number_event(
    *,
    registering: bool,
    state: NumberState,
    event_id: str,
    phone_number: str,
    phone_number_sid: str,
    account_sid: str,
    campaign_sid: str | None,
    messaging_service_sid: str | None,
    at: datetime,
    updated_at: datetime,
    failure_reason: str | None = None,
) -> Event:
    """The registration of a number for A2P 10DLC, or its deregistration, has come to `state`. Names are lower-case, and times are
    milliseconds since 1970, as in Twilio's schemas A2P.Number…; `event_id` is the caller's own for it."""
    data = {
        "id": event_id,
        "phonenumber": phone_number,
        "phonenumbersid": phone_number_sid,
        "accountsid": account_sid,
        "campaignsid": campaign_sid,
        "messagingservicesid": messaging_service_sid,
        "externalstatus": _EXTERNAL_STATUS[registering, state],
        "failurereason": failure_reason,
        "timestamp": _milliseconds(at),
        "updateddate": _milliseconds(updated_at),
    }
    name = number_event_type("registration" if registering else "deregistration", state)
    return Event(name, phone_number_sid, at, _filled(data))


def error_event(
    *,
    sid: str,
    error_code: int,
    text: str,
    account_sid: str,
    master_account_sid: str,
    service_sid: str | None,
    resource_sid: str | None,
    product: str,
    url: str,
    method: str,
    status: int | None,
    at: datetime,
    message: tuple[int, int],
) -> Event:
    """A request to a customer's URL has failed. `sid` (`NO…`) is the error's and the event's; `payload` is JSON in a text, in the
    shape of Twilio's debugging webhook, without what was sent (twilio.com/docs/usage/troubleshooting/debugging-event-webhooks).
    `url` must hold no credentials; `status` is what was answered, if anything was."""
    payload = _filled({
        "resource_sid": resource_sid,
        "service_sid": service_sid,
        "error_code": str(error_code),
        "more_info": {"Msg": text, "url": url, "LogLevel": "ERROR"},
        "webhook": {
            "type": "application/json",
            "request": {"url": url, "method": method},
            "response": _filled({"status_code": status}),
        },
    })  # fmt: skip
    data = {
        "sid": sid,
        "account_sid": account_sid,
        "date_created": iso8601_ms(at),
        "level": "ERROR",
        "master_account_sid": master_account_sid,
        "service_sid": service_sid,
        "product_name": product,
        "error_code": str(error_code),
        "payload": json.dumps(payload, separators=(",", ":")),
    }
    return Event(ERROR_LOGGED, sid, at, _filled(data), message, id=sid)


def cloud_event(event: Event, event_id: str, schema_version: int) -> str:
    """An event as it is posted: its data in a version of its type's schema, without the fields that came later."""
    schema = EVENT_TYPES[event.type].schema
    told = {name: value for name, value in event.data.items() if schema.since.get(name, 1) <= schema_version}
    return _envelope(event.type, event.source, event_id, f"{schema.home}/{schema.id}/{schema_version}", event.at, told)


def sink_test(account_sid: str, test_id: str, at: datetime) -> str:
    """The event by which a customer sees that a sink is reached."""
    return _envelope(
        TEST_EVENT, "Sink", account_sid, f"{SCHEMAS_URL}/EventStreams.TestSink/1.json", at, {"test_id": test_id}
    )


def batch(events: str) -> str:
    """One event as a batch of one."""
    return f"[{events}]"


def joined(batches: list[str]) -> str:
    """Several batches as one."""
    return batch(",".join(each[1:-1] for each in batches))


def is_batch(payload: str) -> bool:
    """Whether a payload is a batch, to which others may be joined."""
    return payload.startswith("[")


def event_type(payload: str) -> str:
    """The type of a payload's only event."""
    return str(_only(payload)["type"])


def event_message(payload: str) -> str | None:
    """The SID of the message that a payload's only event tells of, if any."""
    sid: str | None = _only(payload)["data"].get("messageSid")
    return sid


def _only(payload: str) -> dict[str, Any]:
    loaded: Any = json.loads(payload)
    return dict(loaded[0] if is_batch(payload) else loaded)


def _envelope(kind: str, source: str, event_id: str, schema: str, at: datetime, data: Mapping[str, object]) -> str:
    told = {
        "specversion": "1.0",
        "type": kind,
        "source": source,
        "id": event_id,
        "dataschema": schema,
        "datacontenttype": "application/json",
        "time": iso8601_ms(at),
        "data": data,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _filled(data: Mapping[str, object]) -> Mapping[str, object]:
    """Fields without a value are left out, as Twilio does."""
    return {name: value for name, value in data.items() if value is not None}


def _message_path(account_sid: str, message_sid: str) -> str:
    return f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message_sid}.json"


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
