"""The log of calls to an application's URLs over HTTP: listed, looked at, called once more, and forgotten with its message."""

from __future__ import annotations

from typing import Any

import pytest

from limpet.store import deliveries
from limpet.store.deliveries import Delivery
from limpet.twilio.sid import parse_message_sid
from tests.support.world import SID_KEY
from tests.web.conftest import NUMBER, Api

PLACE = "/v1/Webhooks/Deliveries"
URL = "https://customer.example/cb"


async def logged(api: Api, message_sid: str, *outcomes: str, account_id: int | None = None) -> None:
    """Write tries of a message into the log, the oldest first."""
    place = parse_message_sid(message_sid, SID_KEY)
    assert place is not None
    bucket, message_id = place
    form = f"MessageSid={message_sid}&MessageStatus=sent"
    tries = [
        Delivery(
            bucket, message_id + n, account_id or api.account.id, message_id, 40 + n, "status", "POST", URL, form, None, "POST",
            n, outcome, 503 if outcome != "taken" else 200, "it answered 503" if outcome != "taken" else None,
        )
        for n, outcome in enumerate(outcomes, start=1)
    ]  # fmt: skip
    async with api.world.database.pool.acquire() as connection:
        await deliveries.insert(connection, tries)


async def owed(api: Api) -> list[tuple[Any, ...]]:
    rows = await api.world.database.pool.fetch(
        "SELECT id, url, payload, attempt, due_at FROM status_callback ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def test_tries_are_listed_newest_first_found_and_narrowed(api: Api) -> None:
    service = await api.pool(NUMBER)
    one, other = await api.message(service), await api.message(service)
    await logged(api, one["sid"], "postponed", "given_up")
    await logged(api, other["sid"], "taken")
    listed = await api.client.get(PLACE, {"MessageSid": one["sid"]})
    assert [(each["outcome"], each["attempt"]) for each in listed.json["deliveries"]] == [
        ("given_up", 2),
        ("postponed", 1),
    ]
    shown = listed.json["deliveries"][0]
    assert (shown["message_sid"], shown["message_status"]) == (one["sid"], "sent")
    assert (shown["request_url"], shown["http_status"], shown["failure"]) == (URL, 503, "it answered 503")
    fetched = await api.client.follow(shown["url"])
    assert (fetched.status, fetched.json) == (200, shown)
    taken = await api.client.get(PLACE, {"Outcome": "taken"})
    assert [each["message_sid"] for each in taken.json["deliveries"]] == [other["sid"]]
    first = await api.client.get(PLACE, {"PageSize": 2})
    rest = await api.client.follow(first.json["meta"]["next_page_url"])
    assert len(first.json["deliveries"] + rest.json["deliveries"]) == 3
    back = await api.client.follow(rest.json["meta"]["previous_page_url"])
    assert back.json["deliveries"] == first.json["deliveries"]


async def test_a_try_is_owed_once_more(api: Api) -> None:
    message = await api.message(await api.pool(NUMBER))
    await logged(api, message["sid"], "given_up")
    [shown] = (await api.client.get(PLACE)).json["deliveries"]
    before = await owed(api)
    again = await api.client.post(f"{PLACE}/{shown['sid']}/Replay")
    assert (again.status, again.json) == (202, shown)
    added = [row for row in await owed(api) if row not in before]
    assert added == [(41, URL, shown["request"], 0, api.deps.clock.now())]


@pytest.mark.parametrize("sid", ["WD" + "0" * 32, "WD12", "SM" + "0" * 32])
async def test_what_is_not_there_is_not_found(api: Api, sid: str) -> None:
    for answer in (await api.client.get(f"{PLACE}/{sid}"), await api.client.post(f"{PLACE}/{sid}/Replay")):
        assert (answer.status, answer.json["code"]) == (404, 20404)


async def test_another_accounts_tries_are_not_there(api: Api) -> None:
    message = await api.message(await api.pool(NUMBER))
    await logged(api, message["sid"], "given_up")
    [shown] = (await api.client.get(PLACE)).json["deliveries"]
    assert (await api.stranger.get(PLACE)).json["deliveries"] == []
    assert (await api.stranger.get(PLACE, {"MessageSid": message["sid"]})).json["deliveries"] == []
    assert (await api.stranger.get(f"{PLACE}/{shown['sid']}")).status == 404
    assert (await api.stranger.post(f"{PLACE}/{shown['sid']}/Replay")).status == 404


@pytest.mark.parametrize("query", [{"Outcome": "lost"}, {"MessageSid": "SM1"}, {"MessageSid": "SM" + "0" * 32}])
async def test_a_filter_that_cannot_be_is_refused(api: Api, query: dict[str, str]) -> None:
    answer = await api.client.get(PLACE, query)
    assert (answer.status, answer.json["code"]) == (400, 20001)


@pytest.mark.parametrize("way", ["delete", "redact"])
async def test_a_messages_tries_go_with_its_text(api: Api, way: str) -> None:
    service = await api.pool(NUMBER)
    message, kept = await api.message(service), await api.message(service)
    for each in (message, kept):
        await logged(api, each["sid"], "given_up")
    await api.world.database.pool.execute("UPDATE message SET status = 'delivered'")
    place = f"/Messages/{message['sid']}.json"
    answer = await (api.client.delete(place) if way == "delete" else api.client.post(place, Body=""))
    assert answer.status in (200, 204)
    left = (await api.client.get(PLACE)).json["deliveries"]
    assert [each["message_sid"] for each in left] == [kept["sid"]]
