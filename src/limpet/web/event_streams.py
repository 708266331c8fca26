"""Event streams over HTTP: sinks, subscriptions, what they ask for. Source: twilio.com/docs/events/event-streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import uuid4

from limpet.core.errors import ApiError
from limpet.core.event_streams import SINKS_MAX, SUBSCRIPTIONS_MAX, Sink, SinkStatus, Subscription
from limpet.core.page import Page, PageRequest, page_of
from limpet.store.event_streams import Refused
from limpet.twilio.event_form import (
    Json,
    parse_description,
    parse_sink,
    parse_test_id,
    parse_type,
    parse_types,
    parse_version,
    schema_resource,
    sink_resource,
    subscribed_resource,
    subscription_resource,
    type_resource,
    version_resource,
)
from limpet.twilio.event_types import EVENT_TYPES, SCHEMAS, Schema
from limpet.twilio.forms import boolean, choice, filled, invalid, missing, sid, whole
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call

SINK_IN_USE = 91007
T = TypeVar("T")


async def create_sink(call: Call) -> Answer:
    """POST /v1/Sinks. A webhook is active at once, as at Twilio."""
    made = await call.deps.event_streams.create_sink(call.account.id, parse_sink(call.form), call.now)
    if isinstance(made, Refused):
        raise invalid("SinkType", f"the account has {SINKS_MAX} sinks, and may have no more")
    return created(sink_resource(made, _root(call)))


async def page_sinks(call: Call) -> Answer:
    """GET /v1/Sinks, newest first; with `Status` or `InUse` only those."""
    request, in_use = parse_page(call.query), boolean(call.query, "InUse")
    status = choice(call.query, "Status", tuple(SinkStatus))
    found = await call.deps.event_streams.sinks(call.account.id, status, in_use, request)
    shown = [sink_resource(one, _root(call)) for one in found.items]
    return ok(page_v1("sinks", shown, found, request, call.url, call.query))


async def fetch_sink(call: Call) -> Answer:
    """GET /v1/Sinks/{DG}."""
    return ok(sink_resource(await _sink(call), _root(call)))


async def update_sink(call: Call) -> Answer:
    """POST /v1/Sinks/{DG}: its description; where it leads cannot change."""
    known = await _sink(call)
    description = parse_description(call.form)
    found = await call.deps.event_streams.describe_sink(call.account.id, known.sid, description, call.now)
    if found is None:
        raise call.not_found()
    return ok(sink_resource(found, _root(call)))


async def delete_sink(call: Call) -> Answer:
    """DELETE /v1/Sinks/{DG}, with what it was still owed; 91007 while a subscription uses it."""
    found = await _sink(call)
    if not await call.deps.event_streams.delete_sink(call.account.id, found.sid):
        raise ApiError(SINK_IN_USE, value=found.sid)
    return NO_CONTENT


async def test_sink(call: Call) -> Answer:
    """POST /v1/Sinks/{DG}/Test: an event of its own kind is on its way to the sink."""
    await call.deps.events.test(await _sink(call), call.account.sid, str(uuid4()), call.now)
    call.deps.callbacks_due()
    return created({"result": "submitted"})


async def validate_sink(call: Call) -> Answer:
    """POST /v1/Sinks/{DG}/Validate: always valid, as at Twilio."""
    await _sink(call)
    parse_test_id(call.form)
    return created({"result": "valid"})


async def create_subscription(call: Call) -> Answer:
    """POST /v1/Subscriptions. The sink has no other one."""
    description, types, sink_sid = parse_description(call.form), parse_types(call.form), sid(call.form, "SinkSid", "DG")
    if sink_sid is None:
        raise missing("SinkSid")
    made = await call.deps.event_streams.create_subscription(call.account.id, sink_sid, description, types, call.now)
    if isinstance(made, Refused):
        raise _refusal(made, sink_sid)
    await call.deps.events.streams.refresh()
    return created(subscription_resource(made, call.account.sid, _root(call)))


async def page_subscriptions(call: Call) -> Answer:
    """GET /v1/Subscriptions, newest first; with `SinkSid` only that of the sink."""
    request, sink_sid = parse_page(call.query), filled(call.query, "SinkSid")
    found = await call.deps.event_streams.subscriptions(call.account.id, sink_sid, request)
    shown = [subscription_resource(one, call.account.sid, _root(call)) for one in found.items]
    return ok(page_v1("subscriptions", shown, found, request, call.url, call.query))


async def fetch_subscription(call: Call) -> Answer:
    """GET /v1/Subscriptions/{DF}."""
    return ok(subscription_resource(await _subscription(call), call.account.sid, _root(call)))


async def update_subscription(call: Call) -> Answer:
    """POST /v1/Subscriptions/{DF}: its description. Older clients may name the sink, which must be the same."""
    found = await _subscription(call)
    if (sink_sid := filled(call.form, "SinkSid")) is not None and sink_sid != found.sink_sid:
        raise invalid("SinkSid", "a subscription keeps its sink")
    if filled(call.form, "Description") is not None:
        description = parse_description(call.form)
        changed = await call.deps.event_streams.describe_subscription(call.account.id, found.sid, description, call.now)
        found = changed or found
    return ok(subscription_resource(found, call.account.sid, _root(call)))


async def delete_subscription(call: Call) -> Answer:
    """DELETE /v1/Subscriptions/{DF}: its sink stays, and gets what it is owed already."""
    if not await call.deps.event_streams.delete_subscription(call.account.id, _sid(call, "DF")):
        raise call.not_found()
    await call.deps.events.streams.refresh()
    return NO_CONTENT


async def page_subscribed(call: Call) -> Answer:
    """GET /v1/Subscriptions/{DF}/SubscribedEvents, newest first."""
    request, subscription = parse_page(call.query), await _subscription(call)
    found = await call.deps.event_streams.subscribed(subscription, request)
    shown = [subscribed_resource(one, subscription.sid, call.account.sid, _root(call)) for one in found.items]
    return ok(page_v1("types", shown, found, request, call.url, call.query))


async def subscribe(call: Call) -> Answer:
    """POST /v1/Subscriptions/{DF}/SubscribedEvents."""
    subscription = await _subscription(call)
    kind, version = parse_type(call.form)
    await _set(call, subscription, kind, version)
    return created(await _subscribed(call, subscription, kind))


async def fetch_subscribed(call: Call) -> Answer:
    """GET /v1/Subscriptions/{DF}/SubscribedEvents/{Type}."""
    return ok(await _subscribed(call, await _subscription(call), call.parts["type"]))


async def update_subscribed(call: Call) -> Answer:
    """POST /v1/Subscriptions/{DF}/SubscribedEvents/{Type}: another version of its schema."""
    subscription, kind = await _subscription(call), call.parts["type"]
    await _subscribed(call, subscription, kind)
    await _set(call, subscription, kind, parse_version(call.form, kind))
    return ok(await _subscribed(call, subscription, kind))


async def unsubscribe(call: Call) -> Answer:
    """DELETE /v1/Subscriptions/{DF}/SubscribedEvents/{Type}."""
    if not await call.deps.event_streams.unsubscribe(await _subscription(call), call.parts["type"]):
        raise call.not_found()
    await call.deps.events.streams.refresh()
    return NO_CONTENT


async def page_types(call: Call) -> Answer:
    """GET /v1/Types; with `SchemaId` only those whose data have that shape."""
    request, schema_id = parse_page(call.query), filled(call.query, "SchemaId")
    types = [one for one in EVENT_TYPES.values() if schema_id in (None, one.schema.id)]
    found = _page(request, types)
    shown = [type_resource(one, _root(call)) for one in found.items]
    return ok(page_v1("types", shown, found, request, call.url, call.query))


async def fetch_type(call: Call) -> Answer:
    """GET /v1/Types/{Type}."""
    found = EVENT_TYPES.get(call.parts["type"])
    if found is None:
        raise call.not_found()
    return ok(type_resource(found, _root(call)))


async def fetch_schema(call: Call) -> Answer:
    """GET /v1/Schemas/{Id}."""
    return ok(schema_resource(_schema(call), _root(call)))


async def page_versions(call: Call) -> Answer:
    """GET /v1/Schemas/{Id}/Versions."""
    request, schema = parse_page(call.query), _schema(call)
    found = _page(request, list(range(1, schema.latest + 1)))
    shown = [version_resource(schema, version, _root(call)) for version in found.items]
    return ok(page_v1("schema_versions", shown, found, request, call.url, call.query))


async def fetch_version(call: Call) -> Answer:
    """GET /v1/Schemas/{Id}/Versions/{Version}."""
    schema, version = _schema(call), whole(call.parts["version"])
    if version is None or not 1 <= version <= schema.latest:
        raise call.not_found()
    return ok(version_resource(schema, version, _root(call)))


async def _sink(call: Call) -> Sink:
    found = await call.deps.event_streams.sink(call.account.id, _sid(call, "DG"))
    if found is None:
        raise call.not_found()
    return found


async def _subscription(call: Call) -> Subscription:
    found = await call.deps.event_streams.subscription(call.account.id, _sid(call, "DF"))
    if found is None:
        raise call.not_found()
    return found


async def _subscribed(call: Call, subscription: Subscription, kind: str) -> Json:
    found = await call.deps.event_streams.subscribed_to(subscription, kind)
    if found is None:
        raise call.not_found()
    return subscribed_resource(found, subscription.sid, call.account.sid, _root(call))


async def _set(call: Call, subscription: Subscription, kind: str, version: int) -> None:
    await call.deps.event_streams.subscribe(subscription, kind, version)
    await call.deps.events.streams.refresh()


def _schema(call: Call) -> Schema:
    found = SCHEMAS.get(call.parts["schema_id"])
    if found is None:
        raise call.not_found()
    return found


def _refusal(refused: Refused, sink_sid: str) -> ApiError:
    if refused is Refused.TOO_MANY:
        return invalid("SinkSid", f"the account has {SUBSCRIPTIONS_MAX} subscriptions, and may have no more")
    in_use = refused is Refused.SINK_IN_USE
    return invalid(
        "SinkSid", f"{sink_sid} is {'in use by another subscription' if in_use else 'no sink of this account'}"
    )


def _sid(call: Call, prefix: str) -> str:
    given = call.parts["sid"]
    if not is_sid(prefix, given):
        raise call.not_found()
    return given


def _root(call: Call) -> str:
    """The absolute URL under which the resources of this request are, ending in `/v1`."""
    before, v1, _ = call.url.partition("/v1/")
    return before + v1.rstrip("/")


def _page(request: PageRequest, items: Sequence[T]) -> Page[T]:
    """A page of what is no table: the last comes first, as everywhere, and a place in the list is its key."""
    keyed = list(enumerate(items, start=1))
    if request.before is not None:
        above = [each for each in keyed if each[0] > request.before]
        part = above[: request.size + 1][::-1]
    else:
        part = [each for each in reversed(keyed) if request.after is None or each[0] < request.after][
            : request.size + 1
        ]
    return page_of(request, [item for _, item in part], [key for key, _ in part])
