"""Event streams as an application has them: the official SDK subscribes, messages are sent, a real sink gets their events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import requests
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.support.customer import Customer, recording_customer
from tests.support.wait import until
from tests.wire.conftest import DEACTIVATED, DEACTIVATED_DAY, Wire

MESSAGE = "com.twilio.messaging.message."
PERSON = "+14155550187"


def arrived(customer: Customer) -> list[tuple[Any, dict[str, Any]]]:
    """The requests to a sink, each with every event in it."""
    return [(request, event) for request in customer.requests for event in json.loads(request.body)]


async def test_a_sink_gets_the_events_of_messages_both_ways(wire: Wire, client: Client) -> None:
    async with recording_customer() as customer:
        streams, there = client.events.v1, asyncio.to_thread
        sink = await there(
            streams.sinks.create, description="x", sink_type="webhook",
            sink_configuration={"destination": customer.url("/events"), "method": "POST", "batch_events": True},
        )  # fmt: skip
        assert (await there(streams.sinks(sink.sid).sink_test.create)).result == "submitted"
        [test] = await customer.wait_for(1)
        [told] = json.loads(test.body)
        assert told["type"] == "com.twilio.eventstreams.test-event"
        assert (await there(streams.sinks(sink.sid).sink_validate.create, told["data"]["test_id"])).result == "valid"
        received = "com.twilio.messaging.inbound-message.received"
        types = [{"type": f"{MESSAGE}{status}"} for status in ("queued", "sent", "delivered")]
        made = await there(
            streams.subscriptions.create, description="x", sink_sid=sink.sid, types=[*types, {"type": received}]
        )
        try:
            service = await there(wire.pool, 1, use_inbound_webhook_on_number=True)
            sent = await there(client.messages.create, to=PERSON, messaging_service_sid=service, body="Hello")
            await until(_seen(customer, sent.sid, {"QUEUED", "SENT", "DELIVERED"}))
            number = (await there(client.messaging.v1.services(service).phone_numbers.list))[0].phone_number
            form = {"From": PERSON, "To": number, "Body": "Hi"}
            credentials = (wire.ready["account_sid"], wire.ready["auth_token"])
            await there(requests.post, f"{wire.url}/v1/Simulator/Texts", data=form, auth=credentials, timeout=10)

            async def heard() -> bool:
                return any(event["type"] == received for _, event in arrived(customer))

            await until(heard)
        finally:
            assert await there(streams.subscriptions(made.sid).delete)
            assert await there(streams.sinks(sink.sid).delete)
        validator = RequestValidator(wire.ready["auth_token"])
        for request in customer.requests:
            assert validator.validate(request.url, request.body, request.headers["X-Twilio-Signature"])
        ids = [event["id"] for _, event in arrived(customer) if event["type"] != told["type"]]
        assert len(ids) == len(set(ids))


def _seen(customer: Customer, message_sid: str, statuses: set[str]) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return statuses == {
            event["data"]["messageStatus"]
            for _, event in arrived(customer)
            if event["data"].get("messageSid") == message_sid
        }

    return there


def test_a_list_of_deactivated_numbers_is_fetched_through_its_link(wire: Wire, client: Client) -> None:
    found = client.messaging.v1.deactivations().fetch(date=DEACTIVATED_DAY)
    listed = requests.get(found.redirect_to, timeout=10)
    assert (listed.status_code, listed.headers["transfer-encoding"]) == (200, "chunked")
    assert sorted(listed.text.splitlines()) == list(DEACTIVATED)
