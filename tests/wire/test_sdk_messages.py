"""The official Python SDK sends, reads, lists, changes and deletes messages, unmodified but for its base URL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.support.customer import recording_customer
from tests.support.wait import until
from tests.wire.conftest import Wire

PERSON, UNREACHABLE, REFUSED = "+14155550199", "+14155559901", "+14155559902"


async def finished(client: Client, sid: str, *, last: str = "delivered") -> Any:
    """The message once it has come to its end."""

    async def ended() -> bool:
        return bool((await asyncio.to_thread(client.messages(sid).fetch)).status == last)

    await until(ended)
    return client.messages(sid).fetch()


async def test_a_message_is_created_delivered_redacted_and_deleted(wire: Wire, client: Client) -> None:
    service = wire.pool()
    made = client.messages.create(to=PERSON, messaging_service_sid=service, body="Hello 👍")
    assert (made.status, made.from_, made.num_segments, made.error_code) == ("accepted", None, "0", None)
    assert isinstance(made.date_created, datetime)
    assert made.date_sent is None
    done = await finished(client, made.sid)
    assert (done.body, done.num_segments, done.direction, done.to) == ("Hello 👍", "1", "outbound-api", PERSON)
    assert done.from_.startswith("+1415556")
    assert abs(done.date_sent - datetime.now(UTC)) < timedelta(minutes=1)
    assert client.messages(made.sid).update(body="").body == ""
    assert client.messages(made.sid).delete() is True
    with pytest.raises(TwilioRestException) as gone:
        client.messages(made.sid).fetch()
    assert (gone.value.status, gone.value.code) == (404, 20404)


async def test_one_person_hears_from_one_number(wire: Wire, client: Client) -> None:
    service = wire.pool(4)
    sids = [client.messages.create(to=PERSON, messaging_service_sid=service, body=str(n)).sid for n in range(8)]
    assert len({(await finished(client, sid)).from_ for sid in sids}) == 1


@pytest.mark.parametrize("key", [False, True])
def test_a_list_is_walked_over_three_pages(wire: Wire, key: bool) -> None:
    client, service, person = wire.client(key=key), wire.pool(1), wire.new_number()
    sent = [client.messages.create(to=person, messaging_service_sid=service, body=str(n)).sid for n in range(7)]
    assert [message.sid for message in client.messages.list(to=person, page_size=3)] == sent[::-1]
    assert [message.sid for message in client.messages.list(to=person, page_size=3, limit=5)] == sent[:1:-1]
    first = client.messages.page(to=person, page_size=3)
    second = first.next_page()
    assert second is not None
    third = second.next_page()
    assert third is not None
    assert (len(list(third)), third.next_page()) == (1, None)
    back = third.previous_page()
    assert back is not None
    assert [message.sid for message in back] == sent[3:0:-1]


def test_filters_by_date_are_understood(wire: Wire, client: Client) -> None:
    now = datetime.now(UTC)
    later = client.messages.list(to=PERSON, date_sent_after=now + timedelta(days=1))
    assert later == []
    assert client.messages.list(to=PERSON, date_sent_before=now - timedelta(days=1)) == []
    assert client.messages.list(to=PERSON, date_sent=now - timedelta(days=400), limit=20_000) == []


def test_a_scheduled_message_is_canceled(wire: Wire, client: Client) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    made = client.messages.create(
        to=PERSON, messaging_service_sid=wire.pool(1), body="later", schedule_type="fixed", send_at=at
    )
    assert made.status == "scheduled"
    assert client.messages(made.sid).update(status="canceled").status == "canceled"
    with pytest.raises(TwilioRestException) as refused:
        client.messages(made.sid).update(status="canceled")
    assert (refused.value.status, refused.value.code) == (400, 30409)


@pytest.mark.parametrize(
    ("form", "status", "code", "says"),
    [
        (
            {"to": "x", "body": "x"},
            400,
            21211,
            "Unable to create record: The 'To' number x is not a valid phone number",
        ),
        ({"to": PERSON}, 400, 21619, "needs a body"),
        ({"to": PERSON, "body": "x", "messaging_service_sid": "MG" + "0" * 32}, 400, 21701, "does not exist"),
        ({"to": PERSON, "body": "x" * 1601}, 400, 21617, "1600"),
    ],
)
def test_refusals_become_exceptions(
    wire: Wire, client: Client, form: dict[str, Any], status: int, code: int, says: str
) -> None:
    service = form.setdefault("messaging_service_sid", wire.ready["service_sid"])
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(**form)
    assert service
    assert (refused.value.status, refused.value.code) == (status, code)
    assert says in refused.value.msg


def test_a_wrong_token_becomes_an_exception(wire: Wire) -> None:
    account = wire.client().api.v2010.accounts.create(friendly_name="Wrongly asked")
    stranger = Client(account.sid, "0" * 32)
    stranger.api.base_url = stranger.messaging.base_url = wire.url
    for call in (stranger.messages("SM" + "0" * 32).fetch, stranger.messaging.v1.services("MG" + "0" * 32).fetch):
        with pytest.raises(TwilioRestException) as refused:
            call()
        assert (refused.value.status, refused.value.code) == (401, 20003)
    for listing in (stranger.messages.list, stranger.messaging.v1.services.list):
        with pytest.raises(TwilioException, match="HTTP 401"):
            listing()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:twilio")
async def test_the_asynchronous_client_does_the_same(wire: Wire) -> None:
    http_client = AsyncTwilioHttpClient()
    client = Client(wire.ready["account_sid"], wire.ready["auth_token"], http_client=http_client)
    client.api.base_url = client.messaging.base_url = wire.url
    async with http_client:
        made = await client.messages.create_async(
            to=PERSON, messaging_service_sid=wire.ready["service_sid"], body="async"
        )
        assert (await client.messages(made.sid).fetch_async()).body == "async"
        services = [service.sid async for service in await client.messaging.v1.services.stream_async(page_size=1)]
        assert wire.ready["service_sid"] in services


@pytest.mark.parametrize(
    ("person", "statuses", "error"),
    [
        (PERSON, ["queued", "sent", "delivered"], None),
        (UNREACHABLE, ["queued", "sent", "undelivered"], "30003"),
        (REFUSED, ["queued", "failed"], "30005"),
    ],
)
async def test_each_callback_tells_one_status_and_is_signed(
    wire: Wire, client: Client, person: str, statuses: list[str], error: str | None
) -> None:
    validator, service = RequestValidator(wire.ready["auth_token"]), wire.pool(1)
    async with recording_customer() as customer:
        url = customer.url("/cb") + "?who=O'Neil&x=%20"
        made = await asyncio.to_thread(
            client.messages.create, to=person, messaging_service_sid=service, body="x", status_callback=url + "#rc=1"
        )
        requests = await customer.wait_for(len(statuses))
    assert [request.form["MessageStatus"] for request in requests] == statuses
    for request in requests:
        form, headers = request.form, request.headers
        assert validator.validate(url, form, headers["X-Twilio-Signature"])
        assert not validator.validate(url, {**form, "To": "+1"}, headers["X-Twilio-Signature"])
        assert (form["MessageSid"], form["AccountSid"], form["To"]) == (made.sid, wire.ready["account_sid"], person)
        assert form["MessagingServiceSid"] == service
    assert requests[-1].form.get("ErrorCode") == error
    fetched = await asyncio.to_thread(client.messages(made.sid).fetch)
    assert (fetched.status, fetched.error_code) == (statuses[-1], error and int(error))
    assert (fetched.error_message is None) == (error is None)
