"""Sinks, subscriptions and the catalogue of events on the wire of events.twilio.com/v1: forms in, JSON out.

Source: twilio.com/docs/events/event-streams. Of Twilio's kinds of sinks Limpet has `webhook`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from limpet.core.event_streams import NewSink, Sink, Subscribed, Subscription
from limpet.twilio.dates import iso8601
from limpet.twilio.event_types import CATALOGUE_DATE, EVENT_TYPES, EventType, Schema
from limpet.twilio.forms import Form, filled, integer, invalid, is_web_url, missing, text

Json = dict[str, object]

DESCRIPTION_LENGTH_MAX: Final = 512
CONFIGURATION_LENGTH_MAX: Final = 8192
WEBHOOK: Final = "webhook"
_OTHER_KINDS: Final = ("kinesis", "segment", "email")


def parse_sink(form: Form) -> NewSink:
    """Read `POST /v1/Sinks`; 20001 for kinds of sinks that are not offered, and for what cannot be posted to."""
    kind, description = filled(form, "SinkType"), parse_description(form)
    if kind is None:
        raise missing("SinkType")
    if kind != WEBHOOK:
        why = "Limpet sends events to webhooks only" if kind in _OTHER_KINDS else "no kind of sink"
        raise invalid("SinkType", why)
    found = _json(form, "SinkConfiguration")
    if not isinstance(found, dict):
        raise missing("SinkConfiguration") if found is None else invalid("SinkConfiguration", "not a JSON object")
    destination, method, batched = (
        found.get("destination"),
        found.get("method", "POST"),
        found.get("batch_events", False),
    )
    if not isinstance(destination, str) or not is_web_url(destination):
        raise invalid("SinkConfiguration", "its destination is not a valid http or https URL")
    if not isinstance(method, str) or method.upper() != "POST":
        raise invalid("SinkConfiguration", "its method is not POST: events have a body, and are posted")
    if not isinstance(batched, bool):
        raise invalid("SinkConfiguration", "its batch_events is neither true nor false")
    return NewSink(description, destination, batched)


def parse_description(form: Form) -> str:
    """The description that a sink or a subscription must have."""
    description = text(form, "Description", DESCRIPTION_LENGTH_MAX)
    if not description:
        raise missing("Description")
    return description


def parse_types(form: Form) -> Mapping[str, int]:
    """Read `Types` of a new subscription: each type with the version of its schema, the newest where none is named.

    A JSON object each, as Twilio's clients send them, or a JSON list of them.
    """
    values = [_loaded(value, "Types") for value in form.get("Types", []) if value]
    asked = [each for value in values for each in (value if isinstance(value, list) else [value])]
    if not asked:
        raise missing("Types")
    return dict(_asked(each) for each in asked)


def parse_type(form: Form) -> tuple[str, int]:
    """Read `POST …/SubscribedEvents`: the type and the version of its schema."""
    name = filled(form, "Type")
    if name is None:
        raise missing("Type")
    return name, parse_version(form, name)


def parse_version(form: Form, name: str) -> int:
    """The `SchemaVersion` that a form asks for, the newest where it asks for none."""
    latest = _type(name, "Type").schema.latest
    return integer(form, "SchemaVersion", 1, latest) or latest


def parse_test_id(form: Form) -> None:
    """Read `POST …/Validate`: there must be a `TestId`. As at Twilio a sink is active without it."""
    if filled(form, "TestId") is None:
        raise missing("TestId")


def sink_resource(sink: Sink, root: str) -> Json:
    """A Sink (9 fields)."""
    url = f"{root}/Sinks/{sink.sid}"
    return {
        "date_created": iso8601(sink.created_at),
        "date_updated": iso8601(sink.updated_at),
        "description": sink.description,
        "links": {"sink_test": f"{url}/Test", "sink_validate": f"{url}/Validate"},
        "sid": sink.sid,
        "sink_configuration": {
            "batch_events": sink.batch_events,
            "destination": sink.destination,
            "method": "POST",
        },
        "sink_type": WEBHOOK,
        "status": sink.status,
        "url": url,
    }


def subscription_resource(subscription: Subscription, account_sid: str, root: str) -> Json:
    """A Subscription (8 fields)."""
    url = f"{root}/Subscriptions/{subscription.sid}"
    return {
        "account_sid": account_sid,
        "date_created": iso8601(subscription.created_at),
        "date_updated": iso8601(subscription.updated_at),
        "description": subscription.description,
        "links": {"subscribed_events": f"{url}/SubscribedEvents"},
        "sid": subscription.sid,
        "sink_sid": subscription.sink_sid,
        "url": url,
    }


def subscribed_resource(subscribed: Subscribed, subscription_sid: str, account_sid: str, root: str) -> Json:
    """A SubscribedEvent (5 fields)."""
    return {
        "account_sid": account_sid,
        "schema_version": subscribed.schema_version,
        "subscription_sid": subscription_sid,
        "type": subscribed.type,
        "url": f"{root}/Subscriptions/{subscription_sid}/SubscribedEvents/{subscribed.type}",
    }


def type_resource(one: EventType, root: str) -> Json:
    """An EventType (9 fields)."""
    return {
        "date_created": iso8601(CATALOGUE_DATE),
        "date_updated": iso8601(CATALOGUE_DATE),
        "description": one.description,
        "documentation_url": None,
        "links": {"schema": f"{root}/Schemas/{one.schema.id}/Versions"},
        "schema_id": one.schema.id,
        "status": "available",
        "type": one.name,
        "url": f"{root}/Types/{one.name}",
    }


def schema_resource(schema: Schema, root: str) -> Json:
    """A Schema (5 fields)."""
    url = f"{root}/Schemas/{schema.id}"
    return {
        "id": schema.id,
        "latest_version": schema.latest,
        "latest_version_date_created": iso8601(CATALOGUE_DATE),
        "links": {"versions": f"{url}/Versions"},
        "url": url,
    }


def version_resource(schema: Schema, version: int, root: str) -> Json:
    """A version of a Schema (5 fields). `raw` is Twilio's own page."""
    return {
        "date_created": iso8601(CATALOGUE_DATE),
        "id": schema.id,
        "raw": f"{schema.home}/{schema.id}/{version}",
        "schema_version": version,
        "url": f"{root}/Schemas/{schema.id}/Versions/{version}",
    }


def _asked(value: object) -> tuple[str, int]:
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(name, str):
        raise invalid(
            "Types", "each is a JSON object with a type, and with a schema_version if it is not to be the newest"
        )
    latest = _type(name, "Types").schema.latest
    version = value.get("schema_version", latest)
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= latest:
        raise invalid("Types", f"the schema of {name} has the versions 1 to {latest}")
    return name, version


def _type(name: str, parameter: str) -> EventType:
    if name not in EVENT_TYPES:
        raise invalid(parameter, f"{name[:80]} is no type of event that is offered here")
    return EVENT_TYPES[name]


def _json(form: Form, name: str) -> object:
    value = filled(form, name)
    return None if value is None else _loaded(value, name)


def _loaded(value: str, name: str) -> object:
    if len(value) > CONFIGURATION_LENGTH_MAX:
        raise invalid(name, f"longer than {CONFIGURATION_LENGTH_MAX} characters")
    try:
        loaded: object = json.loads(value)
    except (ValueError, RecursionError):
        raise invalid(name, "not JSON") from None
    return loaded
