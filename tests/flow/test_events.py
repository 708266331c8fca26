"""Events from the change that they tell of to a real sink: written with it, posted signed, batched, tried again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from asyncpg.connection import LoggedQuery
from twilio.request_validator import RequestValidator

from limpet.carrier.port import Inbound, ReceiptState, Retry
from limpet.core.event_streams import Subscription
from limpet.core.page import PageRequest
from limpet.flow import callback
from limpet.flow.owed import LEASE
from limpet.flow.streams import Route, Streams
from limpet.store.callbacks import EVENT
from limpet.store.database import Database
from limpet.store.deliveries import Deliveries
from limpet.store.queries import QUERIES
from limpet.twilio.event_types import INBOUND_RECEIVED
from limpet.twilio.events import Event, NumberState, number_event
from tests.support.clock import HandClock
from tests.support.customer import Answer, recording_customer
from tests.support.lane import receipt
from tests.support.streaming import ANNA, STATUSES, TOKEN, Streaming, delivered, open_streaming
from tests.support.world import POOL, World


@pytest_asyncio.fixture
async def streaming(database: Database, clock: HandClock) -> AsyncIterator[Streaming]:
    async with open_streaming(database, clock) as opened:
        yield opened


async def test_every_change_of_a_message_leaves_its_event(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink())
    sent = await delivered(streaming, body="x" * 200)
    assert streaming.types() == ["message.queued", "message.sent", "message.delivered"]
    first, *_, last = (json.loads(one.payload) for one in streaming.owed())
    assert first["data"]["messageSid"] == last["data"]["messageSid"]
    assert (last["data"]["numberOfSegments"], last["data"]["messagingServiceSid"]) == (
        2,
        (await streaming.service()).sid,
    )
    assert last["data"]["rawDlrDoneDate"] == f"{streaming.world.clock.now():%y%m%d%H%M}"
    assert {(one.bucket, one.message_id) for one in streaming.owed()} == {(sent.bucket, sent.id)}
    assert [row["payload"] for row in await streaming.rows()] == [one.payload for one in streaming.owed()]


async def test_what_fails_before_and_after_it_left_is_told_with_its_code(streaming: Streaming) -> None:
    world = streaming.world
    await streaming.subscribe(await streaming.sink())
    service = await world.service(POOL[0])
    await world.send(service, ANNA, status_callback=None)
    world.lane.refuse(world.lane.submitted[-1], Retry.NEVER, 30005)
    await world.settle()
    await world.send(service, ANNA, status_callback=None)
    submission = world.lane.submitted[-1]
    [carrier_id] = world.lane.take(submission)
    await world.settle()
    world.lane.tell(receipt(submission, carrier_id, ReceiptState.UNDELIVERED, error_code=30003))
    await world.settle()
    told = [json.loads(one.payload)["data"] for one in streaming.owed()]
    assert [(one["messageStatus"], one.get("errorCode")) for one in told] == [
        ("QUEUED", None), ("FAILED", 30005), ("QUEUED", None), ("SENT", None), ("UNDELIVERED", 30003),
    ]  # fmt: skip


async def test_a_canceled_message_has_no_event(streaming: Streaming) -> None:
    world = streaming.world
    await streaming.subscribe(await streaming.sink())
    later = world.clock.now() + timedelta(hours=1)
    sent = await world.send(await world.service(POOL[0]), ANNA, send_at=later, status_callback=None)
    await world.accept.cancel(world.account, sent.bucket, sent.id)
    assert streaming.owed() == []


async def test_a_text_from_a_person_is_told_once_and_in_its_transaction(streaming: Streaming) -> None:
    world = streaming.world
    await streaming.subscribe(await streaming.sink())
    service = await world.service(POOL[0], use_inbound_webhook_on_number=False, inbound_request_url="")
    silent = await world.service(POOL[1], use_inbound_webhook_on_number=False)
    world.lane.tell(Inbound(1, ANNA, POOL[0], "Hello"), Inbound(2, ANNA, POOL[1], "not taken"))
    await world.until(lambda: sorted(world.lane.acknowledged) == [1, 2])
    await world.settle()
    [owed] = streaming.owed()
    told = json.loads(owed.payload)
    assert (told["type"], told["data"]["body"], told["data"]["from"]) == (INBOUND_RECEIVED, "Hello", ANNA)
    assert told["data"]["messagingServiceSid"] == service.sid != silent.sid
    assert [row["payload"] for row in await streaming.rows()] == [owed.payload]


async def test_only_what_is_subscribed_is_written_and_only_for_that_account(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink(), {f"{STATUSES}delivered": 4})
    await delivered(streaming)
    [one] = streaming.owed()
    told = json.loads(one.payload)
    assert (told["type"], told["dataschema"][-2:]) == (f"{STATUSES}delivered", "/4")
    assert "numberOfSegments" not in told["data"]
    streams = streaming.world.events.streams
    assert streams.of(streaming.world.account.id + 1) is None
    await streaming.streams.delete_subscription(streaming.world.account.id, (await subscriptions(streaming))[0].sid)
    await streams.refresh()
    assert not streams.any
    await delivered(streaming, "+14155550102")
    assert len(streaming.owed()) == 1


async def test_streams_cost_no_statement(streaming: Streaming) -> None:
    await delivered(streaming)
    without = await statements(streaming, "+14155550103")
    await streaming.subscribe(await streaming.sink(), {f"{STATUSES}read": 8})
    unheard = await statements(streaming, "+14155550104")
    await streaming.subscribe(await streaming.sink("/all"))
    await delivered(streaming, "+14155550105")  # SIDs are asked for once
    heard = await statements(streaming, "+14155550106")
    assert "message_insert" in without
    assert unheard == without
    assert heard == sorted([*without, *["callback_insert"] * 3]), (
        "one more where callbacks would be written, once a batch"
    )


async def test_two_sinks_get_the_same_event_under_one_id(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink("/one"))
    await streaming.subscribe(await streaming.sink("/two", batched=True), {f"{STATUSES}sent": 8})
    await delivered(streaming)
    sent = [json.loads(one.payload) for one in streaming.owed() if "message.sent" in one.payload]
    [alone] = [one for one in sent if isinstance(one, dict)]
    [[in_batch]] = [one for one in sent if isinstance(one, list)]
    assert alone == in_batch


async def test_an_event_that_is_rolled_back_was_never_owed(streaming: Streaming) -> None:
    world = streaming.world
    await streaming.subscribe(await streaming.sink())
    event = registration(world)
    async with world.database.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert len(await world.events.owe(connection, world.account.id, [event], world.clock.now())) == 1
        assert len(await connection.fetch("SELECT FROM status_callback")) == 1
        await transaction.rollback()
    assert await streaming.rows() == []


async def test_whoever_changes_something_else_owes_events_in_the_same_way(streaming: Streaming) -> None:
    world = streaming.world
    await streaming.subscribe(await streaming.sink())
    async with world.database.pool.acquire() as connection, connection.transaction():
        owed = await world.events.owe(connection, world.account.id, [registration(world)], world.clock.now())
        assert await world.events.owe(connection, world.account.id + 1, [registration(world)], world.clock.now()) == []
    streaming.callbacks.post_now(owed)
    [told] = await streaming.told(1)
    assert told["type"] == "com.twilio.messaging.compliance.number-registration.successful"
    assert told["data"]["phonenumber"] == POOL[0]
    await streaming.quiet()


async def test_an_event_is_posted_as_json_and_signed_as_twilio_signs(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink("/events?a=b%20c"), {f"{STATUSES}delivered": 8})
    await delivered(streaming, body="Grüße")
    streaming.post()
    [request] = await streaming.customer.wait_for(1)
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")
    assert request.url.startswith(streaming.customer.url("/events?a=b%20c&bodySHA256="))
    validator, signed = RequestValidator(TOKEN), request.headers["X-Twilio-Signature"]
    assert validator.validate(request.url, request.body, signed)
    assert not validator.validate(request.url, request.body.replace("DELIVERED", "FAILED"), signed)
    assert json.loads(request.body)["data"]["messageStatus"] == "DELIVERED"
    await streaming.quiet()


async def test_after_a_crash_an_event_comes_from_the_table_unchanged(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink(), {f"{STATUSES}delivered": 8})
    await delivered(streaming)
    [row] = await streaming.rows()  # nobody posts: the process has died
    streaming.callbacks.nudge()
    streaming.world.clock.advance(LEASE)
    streaming.customer.plan(Answer(503), Answer(503), path="/events")
    streaming.callbacks.nudge()
    await streaming.customer.wait_for(2)
    await streaming.tried(1)
    streaming.world.clock.advance(timedelta(seconds=6))
    streaming.callbacks.nudge()
    requests = await streaming.customer.wait_for(3)
    await streaming.quiet()
    assert {one.body for one in requests} == {row["payload"]}
    assert len({one.headers["I-Twilio-Idempotency-Token"] for one in requests}) == 1
    log = await Deliveries(streaming.world.database).page(streaming.world.account.id, None, PageRequest())
    assert [(one.kind, one.outcome, one.http_status) for one in log.items] == [
        (EVENT, "taken", 200), (EVENT, "postponed", 503),
    ]  # fmt: skip


async def test_what_waits_for_a_batching_sink_goes_together(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink(batched=True), {f"{STATUSES}delivered": 8})
    streaming.customer.plan(*[Answer(hang=True)] * 10, path="/events")
    people = [f"+1415555{n:04}" for n in range(200, 240)]
    for person in people:
        await delivered(streaming, person)
    streaming.post()
    await streaming.customer.wait_for(1)
    streaming.customer.release()
    await streaming.quiet()
    told = [json.loads(one.body) for one in streaming.customer.requests]
    assert sorted(one["data"]["to"] for batch in told for one in batch) == people
    assert len(told) == 1, "all of them fit in one request"


async def test_a_batch_is_bounded_and_comes_again_as_a_whole(
    streaming: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback, "BATCH_EVENTS_MAX", 4)
    await streaming.subscribe(await streaming.sink(batched=True), {f"{STATUSES}delivered": 8})
    streaming.customer.always(Answer(500), path="/events")
    for n in range(10):
        await delivered(streaming, f"+1415555{n + 300:04}")
    streaming.post()
    await streaming.tried(10)
    sizes = [len(json.loads(one.body)) for one in streaming.customer.requests]
    assert max(sizes) == 4
    assert sum(sizes) == 20, "each once, and once more at once"
    streaming.customer.always(Answer(), path="/events")
    streaming.world.clock.advance(timedelta(seconds=6))
    streaming.callbacks.nudge()
    await streaming.quiet()


async def test_a_sink_that_hangs_holds_up_neither_callbacks_nor_another_sink(streaming: Streaming) -> None:
    async with recording_customer() as hanging:
        hanging.always(Answer(hang=True), path="/events")
        await streaming.subscribe(await streaming.sink(url=hanging.url("/events")))
        await streaming.subscribe(await streaming.sink("/other"), {f"{STATUSES}delivered": 8, f"{STATUSES}sent": 8})
        world = streaming.world
        sent = await world.send(await world.service(POOL[0]), ANNA, status_callback=streaming.customer.url("/cb"))
        submission = world.lane.submitted[-1]
        [carrier_id] = world.lane.take(submission)
        await world.settle()
        world.lane.tell(receipt(submission, carrier_id))
        await world.settle()
        streaming.post()
        requests = await streaming.customer.wait_for(5)
        statuses = [one.form["MessageStatus"] for one in requests if one.url.endswith("/cb")]
        assert statuses == ["queued", "sent", "delivered"]
        events = [json.loads(one.body)["data"]["messageStatus"] for one in requests if "/other" in one.url]
        assert events == ["SENT", "DELIVERED"], "the events of a message reach a sink in their order"
        assert len(hanging.requests) == 1
        assert sent.id
        hanging.always(Answer(), path="/events")
        hanging.release()
        await streaming.quiet()


async def test_a_sink_that_is_deleted_is_owed_nothing_more(streaming: Streaming) -> None:
    sink, other, same = await streaming.sink("/one"), await streaming.sink("/two"), await streaming.sink("/two")
    await streaming.subscribe(sink)
    await streaming.subscribe(other, {f"{STATUSES}delivered": 8})
    await delivered(streaming)
    account = streaming.world.account.id
    assert not await streaming.streams.delete_sink(account, sink.sid), "a subscription uses it"
    for one in await subscriptions(streaming):
        assert await streaming.streams.delete_subscription(account, one.sid)
    assert await streaming.streams.delete_sink(account, sink.sid)
    assert {row["url"] for row in await streaming.rows()} == {other.destination}
    assert await streaming.streams.delete_sink(account, same.sid)
    assert len(await streaming.rows()) == 1, "another sink leads to the same place"


async def test_another_process_learns_of_changes_in_their_order(streaming: Streaming) -> None:
    second = Streams(streaming.world.database)
    await second.refresh()
    assert not second.any
    sink = await streaming.sink()
    await streaming.subscribe(sink, {f"{STATUSES}sent": 8})
    await second.refresh()
    account = streaming.world.account.id
    assert second.of(account) == {f"{STATUSES}sent": [Route(8, sink.destination, False)]}
    [subscription] = await subscriptions(streaming)
    await streaming.streams.subscribe(subscription, f"{STATUSES}sent", 6)
    await streaming.streams.subscribe(subscription, INBOUND_RECEIVED, 6)
    await second.refresh()
    assert second.of(account) == {
        f"{STATUSES}sent": [Route(6, sink.destination, False)],
        INBOUND_RECEIVED: [Route(6, sink.destination, False)],
    }
    assert await streaming.streams.unsubscribe(subscription, INBOUND_RECEIVED)
    assert await streaming.streams.unsubscribe(subscription, f"{STATUSES}sent")
    await second.refresh()
    assert second.of(account) is None


async def statements(streaming: Streaming, to: str) -> list[str]:
    """The names of the statements that one message on its way asks of the database; not those of loops that look for work."""
    names, asked = {one.local: name for name, one in QUERIES.items()}, list[str]()

    def note(record: LoggedQuery) -> None:
        if (name := names.get(record.query)) is not None and not name.startswith(("lane_", "due_")):
            asked.append(name)

    pool = streaming.world.database.pool
    connections = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in connections:
        await pool.release(connection)
    inner = [holder._con for holder in pool._holders]
    for each in inner:
        each.add_query_logger(note)
    await delivered(streaming, to)
    for each in inner:
        each.remove_query_logger(note)
    return sorted(asked)


async def subscriptions(streaming: Streaming) -> tuple[Subscription, ...]:
    return (await streaming.streams.subscriptions(streaming.world.account.id, None, PageRequest())).items


def registration(world: World) -> Event:
    now = world.clock.now()
    return number_event(
        registering=True, state=NumberState.SUCCESSFUL, event_id="e-1", phone_number=POOL[0], phone_number_sid="PN" + "0" * 32,
        account_sid=world.account.sid, campaign_sid=None, messaging_service_sid=None, at=now, updated_at=now,
    )  # fmt: skip
