"""Event streams over HTTP: sinks, subscriptions and what they ask for, in Twilio's shapes, under both roots."""

from __future__ import annotations

import json
from typing import Any

import pytest

from limpet.core import event_streams as limits
from limpet.store import event_streams as store
from limpet.store.callbacks import EVENT
from limpet.twilio.event_types import EVENT_TYPES, INBOUND_RECEIVED
from tests.web.client import HOST, Response
from tests.web.conftest import NUMBER, PERSON, Api

SENT, DELIVERED = "com.twilio.messaging.message.sent", "com.twilio.messaging.message.delivered"
DESTINATION = "https://customer.example/events"
NO_SINK, NO_SUBSCRIPTION = "DG" + "0" * 32, "DF" + "0" * 32


def sink_form(**changes: object) -> dict[str, object]:
    configuration = {"destination": DESTINATION, "method": "post", "batch_events": True}
    return {"Description": "Ours", "SinkType": "webhook", "SinkConfiguration": json.dumps(configuration), **changes}


async def sink(api: Api, **changes: object) -> dict[str, Any]:
    made = await api.client.post("/v1/Sinks", sink_form(**changes))
    assert made.status == 201, made.body
    return dict(made.json)


async def subscribe(api: Api, sink_sid: str, *types: str | dict[str, object], **changes: object) -> Response:
    asked = [json.dumps({"type": one} if isinstance(one, str) else one) for one in types]
    return await api.client.post("/v1/Subscriptions", Description="All", SinkSid=sink_sid, Types=asked, **changes)


@pytest.mark.parametrize("root", ["/v1", "/events/v1"])
async def test_a_sink_is_made_fetched_renamed_listed_and_deleted(api: Api, root: str) -> None:
    answer = await api.client.post(f"{root}/Sinks", sink_form())
    made = answer.json
    assert (answer.status, made["sid"][:2], made["status"], made["sink_type"]) == (201, "DG", "active", "webhook")
    assert made["sink_configuration"] == {"destination": DESTINATION, "method": "POST", "batch_events": True}
    assert made["url"] == f"http://{HOST}{root}/Sinks/{made['sid']}"
    assert (await api.client.follow(made["url"])).json == made
    renamed = await api.client.post(f"{root}/Sinks/{made['sid']}", Description="Theirs")
    assert (renamed.status, renamed.json["description"]) == (200, "Theirs")
    assert (await api.client.post(f"{root}/Sinks/{made['sid']}")).says == (400, 20001)
    listed = await api.client.get(f"{root}/Sinks")
    assert listed.json["sinks"] == [renamed.json]
    assert listed.json["meta"]["key"] == "sinks"
    assert (await api.client.delete(f"{root}/Sinks/{made['sid']}")).status == 204
    assert (await api.client.get(f"{root}/Sinks/{made['sid']}")).says == (404, 20404)


async def test_sinks_are_walked_and_narrowed(api: Api) -> None:
    made = [(await sink(api))["sid"] for _ in range(5)]
    await subscribe(api, made[1], SENT)
    first = (await api.client.get("/v1/Sinks", {"PageSize": 3})).json
    second = (await api.client.follow(first["meta"]["next_page_url"])).json
    assert [one["sid"] for one in first["sinks"] + second["sinks"]] == made[::-1]
    for query, found in (
        ({"InUse": "true"}, [made[1]]),
        ({"InUse": "false"}, [made[4], made[3], made[2], made[0]]),
        ({"Status": "active", "InUse": "true"}, [made[1]]),
        ({"Status": "failed"}, []),
    ):
        assert [one["sid"] for one in (await api.client.get("/v1/Sinks", query)).json["sinks"]] == found
    assert (await api.client.get("/v1/Sinks", {"Status": "lost"})).says == (400, 20001)


@pytest.mark.parametrize(
    "changes",
    [
        {"SinkType": "kinesis"}, {"SinkType": "segment"}, {"SinkType": "email"}, {"SinkType": "pigeon"}, {"SinkType": ""},
        {"Description": ""}, {"Description": "x" * 513}, {"SinkConfiguration": ""}, {"SinkConfiguration": "{"},
        {"SinkConfiguration": "[]"}, {"SinkConfiguration": "{}"}, {"SinkConfiguration": '{"destination": "ftp://x"}'},
        {"SinkConfiguration": '{"destination": 5}'}, {"SinkConfiguration": "[" * 5000},
        {"SinkConfiguration": json.dumps({"destination": DESTINATION, "method": "GET"})},
        {"SinkConfiguration": json.dumps({"destination": DESTINATION, "method": 5})},
        {"SinkConfiguration": json.dumps({"destination": DESTINATION, "batch_events": "yes"})},
        {"SinkConfiguration": json.dumps({"destination": DESTINATION, "more": "x" * 9000})},
    ],
)  # fmt: skip
async def test_what_is_no_sink_is_refused(api: Api, changes: dict[str, object]) -> None:
    before = await api.rows()
    assert (await api.client.post("/v1/Sinks", sink_form(**changes))).says == (400, 20001)
    assert await api.rows() == before


async def test_an_account_has_so_many_sinks_and_subscriptions(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (limits.SINKS_MAX, limits.SUBSCRIPTIONS_MAX) == (100, 100)
    monkeypatch.setattr(store, "SINKS_MAX", 2)
    monkeypatch.setattr(store, "SUBSCRIPTIONS_MAX", 1)
    made = [(await sink(api))["sid"] for _ in range(2)]
    assert (await api.client.post("/v1/Sinks", sink_form())).says == (400, 20001)
    assert (await subscribe(api, made[0], SENT)).status == 201
    assert (await subscribe(api, made[1], SENT)).says == (400, 20001)
    assert (await api.stranger.post("/v1/Sinks", sink_form())).status == 201


async def test_a_subscription_is_made_fetched_renamed_listed_and_deleted(api: Api) -> None:
    place = await sink(api)
    answer = await subscribe(api, place["sid"], DELIVERED, {"type": SENT, "schema_version": 2})
    made = answer.json
    assert (answer.status, made["sid"][:2], made["sink_sid"]) == (201, "DF", place["sid"])
    assert (await api.client.follow(made["url"])).json == made
    renamed = await api.client.post(f"/v1/Subscriptions/{made['sid']}", Description="Some", SinkSid=place["sid"])
    assert (renamed.status, renamed.json["description"]) == (200, "Some")
    assert (await api.client.post(f"/v1/Subscriptions/{made['sid']}", SinkSid=NO_SINK)).says == (400, 20001)
    assert (await api.client.get("/v1/Subscriptions", {"SinkSid": place["sid"]})).json["subscriptions"] == [
        renamed.json
    ]
    assert (await api.client.get("/v1/Subscriptions", {"SinkSid": NO_SINK})).json["subscriptions"] == []
    asked = (await api.client.follow(made["links"]["subscribed_events"])).json["types"]
    latest = EVENT_TYPES[DELIVERED].schema.latest
    assert {one["type"]: one["schema_version"] for one in asked} == {SENT: 2, DELIVERED: latest}
    assert (await api.client.delete(f"/v1/Sinks/{place['sid']}")).says == (400, 91007)
    assert (await api.client.delete(f"/v1/Subscriptions/{made['sid']}")).status == 204
    assert (await api.client.get(f"/v1/Subscriptions/{made['sid']}")).says == (404, 20404)
    assert (await api.client.delete(f"/v1/Sinks/{place['sid']}")).status == 204


async def test_types_may_come_as_a_list_too(api: Api) -> None:
    place = await sink(api)
    types = json.dumps([{"type": SENT}, {"type": DELIVERED, "schema_version": 4}])
    made = await api.client.post("/v1/Subscriptions", Description="All", SinkSid=place["sid"], Types=types)
    asked = (await api.client.follow(made.json["links"]["subscribed_events"])).json["types"]
    assert {one["type"] for one in asked} == {SENT, DELIVERED}


async def test_a_sink_has_one_subscription(api: Api) -> None:
    place = await sink(api)
    assert (await subscribe(api, place["sid"], SENT)).status == 201
    again = await subscribe(api, place["sid"], SENT)
    assert again.says == (400, 20001)
    assert "in use" in again.json["message"]


@pytest.mark.parametrize(
    "types",
    [
        [], ["x"], ["5"], ["{}"], ['{"type": 5}'], ['{"type": "com.twilio.voice.call"}'], ["[[]]"], ["[" * 5000],
        [f'{{"type": "{SENT}", "schema_version": 0}}'], [f'{{"type": "{SENT}", "schema_version": 9}}'],
        [f'{{"type": "{SENT}", "schema_version": "1"}}'], [f'{{"type": "{SENT}", "schema_version": true}}'],
    ],
)  # fmt: skip
async def test_what_is_no_subscription_is_refused(api: Api, types: list[str]) -> None:
    place = await sink(api)
    before = await api.rows()
    answer = await api.client.post("/v1/Subscriptions", Description="x", SinkSid=place["sid"], Types=types)
    assert answer.says == (400, 20001)
    assert await api.rows() == before


@pytest.mark.parametrize("sink_sid", [NO_SINK, "DG1", ""])
async def test_a_subscription_needs_a_sink_of_the_account(api: Api, sink_sid: str) -> None:
    assert (await subscribe(api, sink_sid, SENT)).says == (400, 20001)
    place = await sink(api)
    foreign = {"Description": "x", "SinkSid": place["sid"], "Types": json.dumps({"type": SENT})}
    assert (await api.stranger.post("/v1/Subscriptions", foreign)).says == (400, 20001)


async def test_types_are_added_changed_and_taken_away(api: Api) -> None:
    place = await sink(api)
    made = (await subscribe(api, place["sid"], SENT)).json
    place_of = made["links"]["subscribed_events"].removeprefix(f"http://{HOST}")
    added = await api.client.post(place_of, Type=INBOUND_RECEIVED)
    assert (added.status, added.json["schema_version"]) == (201, 6)
    assert (await api.client.follow(added.json["url"])).json == added.json
    changed = await api.client.post(f"{place_of}/{INBOUND_RECEIVED}", SchemaVersion=5)
    assert (changed.status, changed.json["schema_version"]) == (200, 5)
    assert [one["type"] for one in (await api.client.get(place_of)).json["types"]] == [INBOUND_RECEIVED, SENT]
    for form in ({"Type": "x"}, {"Type": SENT, "SchemaVersion": 9}, {"SchemaVersion": 1}):
        assert (await api.client.post(place_of, form)).says == (400, 20001)
    assert (await api.client.post(f"{place_of}/{DELIVERED}", SchemaVersion=5)).says == (404, 20404)
    assert (await api.client.delete(f"{place_of}/{INBOUND_RECEIVED}")).status == 204
    for answer in (
        await api.client.get(f"{place_of}/{INBOUND_RECEIVED}"),
        await api.client.delete(f"{place_of}/{INBOUND_RECEIVED}"),
    ):
        assert answer.says == (404, 20404)


async def test_a_subscription_counts_from_its_answer_on(api: Api) -> None:
    service, place = await api.pool(NUMBER), await sink(api)
    await api.message(service)
    made = (await subscribe(api, place["sid"], "com.twilio.messaging.message.queued")).json
    message = await api.message(service)
    [row] = await api.world.database.pool.fetch("SELECT * FROM status_callback WHERE kind = 'event'")
    [event] = json.loads(row["payload"])
    assert (row["url"], event["data"]["messageSid"], event["data"]["to"]) == (DESTINATION, message["sid"], PERSON)
    await api.client.delete(f"/v1/Subscriptions/{made['sid']}")
    await api.message(service)
    assert await api.world.database.pool.fetchval("SELECT count(*) FROM status_callback WHERE kind = 'event'") == 1


async def test_a_sink_is_tested_and_always_valid(api: Api) -> None:
    place = await sink(api)
    answer = await api.client.post(f"/v1/Sinks/{place['sid']}/Test")
    assert (answer.status, answer.json) == (201, {"result": "submitted"})
    [row] = await api.world.database.pool.fetch("SELECT * FROM status_callback")
    assert (row["kind"], row["url"], row["due_at"]) == (EVENT, DESTINATION, api.deps.clock.now())
    [event] = json.loads(row["payload"])
    assert (event["type"], event["id"]) == ("com.twilio.eventstreams.test-event", api.account.sid)
    valid = await api.client.post(f"/v1/Sinks/{place['sid']}/Validate", TestId=event["data"]["test_id"])
    assert (valid.status, valid.json) == (201, {"result": "valid"})
    assert (await api.client.post(f"/v1/Sinks/{place['sid']}/Validate")).says == (400, 20001)


async def test_another_accounts_streams_are_not_there(api: Api) -> None:
    place = await sink(api)
    made = (await subscribe(api, place["sid"], SENT)).json
    theirs = f"/v1/Subscriptions/{made['sid']}"
    for answer in (
        await api.stranger.get(f"/v1/Sinks/{place['sid']}"),
        await api.stranger.post(f"/v1/Sinks/{place['sid']}", Description="x"),
        await api.stranger.delete(f"/v1/Sinks/{place['sid']}"),
        await api.stranger.post(f"/v1/Sinks/{place['sid']}/Test"),
        await api.stranger.post(f"/v1/Sinks/{place['sid']}/Validate", TestId="x"),
        await api.stranger.get(theirs),
        await api.stranger.post(theirs, Description="x"),
        await api.stranger.delete(theirs),
        await api.stranger.get(f"{theirs}/SubscribedEvents"),
        await api.stranger.post(f"{theirs}/SubscribedEvents", Type=SENT),
        await api.stranger.delete(f"{theirs}/SubscribedEvents/{SENT}"),
        await api.client.get(f"/v1/Sinks/{NO_SINK}"),
        await api.client.get(f"/v1/Subscriptions/{NO_SUBSCRIPTION}"),
        await api.client.get("/v1/Sinks/DG1"),
    ):
        assert answer.says == (404, 20404)
    assert (await api.stranger.get("/v1/Sinks")).json["sinks"] == []
    assert (await api.stranger.get("/v1/Subscriptions")).json["subscriptions"] == []


@pytest.mark.parametrize("root", ["/v1", "/events/v1"])
async def test_the_catalogue_is_walked(api: Api, root: str) -> None:
    seen, page = [], (await api.client.get(f"{root}/Types", {"PageSize": 5})).json
    while True:
        seen += page["types"]
        if page["meta"]["next_page_url"] is None:
            break
        page = (await api.client.follow(page["meta"]["next_page_url"])).json
    assert [one["type"] for one in seen] == list(EVENT_TYPES)[::-1]
    back = (await api.client.follow(page["meta"]["previous_page_url"])).json
    last = (len(EVENT_TYPES) - 1) // 5 * 5
    assert [one["type"] for one in back["types"]] == list(EVENT_TYPES)[::-1][last - 5 : last]
    narrowed = await api.client.get(f"{root}/Types", {"SchemaId": "Messaging.InboundMessageV1"})
    assert [one["type"] for one in narrowed.json["types"]] == [INBOUND_RECEIVED]
    one = (await api.client.follow(seen[0]["url"])).json
    assert one == seen[0]
    versions = (await api.client.follow(one["links"]["schema"])).json
    assert (versions["meta"]["key"], len(versions["schema_versions"])) == (
        "schema_versions",
        EVENT_TYPES[one["type"]].schema.latest,
    )
    assert (await api.client.follow(versions["schema_versions"][0]["url"])).json == versions["schema_versions"][0]
    schema = (await api.client.get(f"{root}/Schemas/Messaging.MessageStatus")).json
    assert (schema["id"], schema["latest_version"]) == ("Messaging.MessageStatus", 8)
    for nothing in ("Types/x", "Schemas/x", "Schemas/x/Versions", f"Schemas/{schema['id']}/Versions/9"):
        assert (await api.client.get(f"{root}/{nothing}")).says == (404, 20404)


async def test_what_became_of_an_event_is_in_the_log(api: Api) -> None:
    service, place = await api.pool(NUMBER), await sink(api)
    await subscribe(api, place["sid"], "com.twilio.messaging.message.queued")
    message = await api.message(service)
    await api.world.database.pool.execute(
        "INSERT INTO webhook_delivery (bucket, id, account_id, message_id, callback_id, kind, method, url, payload, "
        "fallback_method, attempt, outcome) SELECT bucket, id, account_id, message_id, id, kind, method, url, payload, 'POST', "
        "1, 'given_up' FROM status_callback WHERE kind = 'event'"
    )
    [shown] = (await api.client.get("/v1/Webhooks/Deliveries", {"MessageSid": message["sid"]})).json["deliveries"]
    assert (shown["kind"], shown["event_type"]) == (EVENT, "com.twilio.messaging.message.queued")
    assert (shown["message_sid"], shown["message_status"]) == (message["sid"], None)
    assert json.loads(shown["request"])[0]["data"]["messageSid"] == message["sid"]
