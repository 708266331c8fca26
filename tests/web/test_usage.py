"""Usage records and the balance through the door."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from limpet.core.usage import Period
from limpet.store import usage
from tests.support.clock import HandClock
from tests.web.conftest import NUMBER, PERSON, Api

RECORDS = "/Usage/Records{}.json"


async def sent(api: Api, clock: HandClock) -> None:
    """Messages made, of which all but one have left: one of two segments yesterday, two of one today, and one that failed."""
    await api.number()
    for body, days in (("x" * 200, -1), ("Hi", 0), ("Ho", 0), ("No", 0)):
        answer = await api.client.post("/Messages.json", From=NUMBER, To=PERSON, Body=body)
        assert answer.status == 201, answer.body
        await api.world.settle()
        moved = (int(days * 86_400_000)) << 21
        left = None if body == "No" else clock.now() + timedelta(days=days)
        async with api.world.database.pool.acquire() as connection:
            await connection.execute("UPDATE message SET id = id + $1, sent_at = $2 WHERE body = $3", moved, left, body)


async def records(api: Api, period: str = "", **query: object) -> list[dict[str, Any]]:
    answer = await api.client.get(RECORDS.format(period and f"/{period}"), query)
    assert answer.status == 200, answer.body
    return list(answer.json["usage_records"])


async def test_what_has_left_is_counted_in_its_day(api: Api, clock: HandClock) -> None:
    await sent(api, clock)
    today, yesterday = clock.now().date(), clock.now().date() - timedelta(days=1)
    (sms,) = await records(api, "Today", Category="sms")
    assert (sms["count"], sms["usage"], sms["start_date"], sms["end_date"]) == ("2", "2", str(today), str(today))
    (sms,) = await records(api, "Yesterday", Category="sms-outbound")
    assert (sms["count"], sms["usage"], sms["count_unit"], sms["usage_unit"]) == ("1", "2", "messages", "segments")
    (sms,) = await records(api, Category="sms", StartDate=yesterday)
    assert (sms["count"], sms["usage"], sms["price"]) == ("3", "4", "0")
    days = await records(api, "Daily", Category="sms", StartDate="-2days")
    assert [each["count"] for each in days] == ["2", "1", "0"]
    assert [each["count"] for each in await records(api, Category="sms-inbound")] == ["0"]
    assert await records(api, Category="calls") == []


async def test_categories_and_pages(api: Api) -> None:
    every = await records(api, "AllTime")
    assert [each["category"] for each in every] == [
        "mms", "mms-inbound", "mms-outbound", "sms", "sms-inbound", "sms-outbound",
    ]  # fmt: skip
    for period, uri in every[0]["subresource_uris"].items():
        assert (await api.client.follow(uri)).status == 200, period
    first = (await api.client.get("/Usage/Records.json", {"PageSize": 4})).json
    second = (await api.client.follow(first["next_page_uri"])).json
    assert [each["category"] for each in second["usage_records"]] == ["sms-inbound", "sms-outbound"]
    back = (await api.client.follow(second["previous_page_uri"])).json
    assert back["usage_records"] == first["usage_records"]
    assert (second["next_page_uri"], back["previous_page_uri"]) == (None, None)


async def test_what_a_sub_account_uses_counts_for_the_main_account_unless_it_is_left_out(api: Api) -> None:
    made = (await api.client.post("/2010-04-01/Accounts.json")).json
    async with api.world.database.pool.acquire() as connection:
        owned = await connection.fetchval("SELECT id FROM account WHERE sid = $1", made["sid"])
    await api.number()
    await api.client.post("/Messages.json", From=NUMBER, To=PERSON, Body="Hi")
    await api.world.settle()
    async with api.world.database.pool.acquire() as connection:
        await connection.execute("UPDATE message SET account_id = $1, sent_at = updated_at", owned)
    assert [each["count"] for each in await records(api, Category="sms")] == ["1"]
    assert [each["count"] for each in await records(api, Category="sms", IncludeSubaccounts="false")] == ["0"]
    theirs = (await api.stranger.get(RECORDS.format(""), {"Category": "sms"})).json["usage_records"]
    assert [each["count"] for each in theirs] == ["0"]


@pytest.mark.parametrize("period", Period)
async def test_bad_dates(api: Api, period: Period) -> None:
    path = RECORDS.format(period and f"/{period}")
    for query in (
        {"StartDate": "x"},
        {"EndDate": "2026-13-01"},
        {"StartDate": "0001-01-01"},
        {"EndDate": "9999-01-01"},
    ):
        assert (await api.client.get(path, query)).says == (400, 20001)


async def test_too_much_is_refused_and_not_half_counted(
    api: Api, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(api, clock)
    monkeypatch.setattr(usage, "MESSAGES_MAX", 4)
    assert len(await records(api)) == 6
    monkeypatch.setattr(usage, "MESSAGES_MAX", 3)
    answer = await api.client.get("/Usage/Records.json", {"StartDate": "-1days"})
    assert answer.says == (400, 20001)
    answer = await api.client.get("/Usage/Records/Daily.json", {"StartDate": "-400days"})
    assert answer.says == (400, 20001)


async def test_the_balance_is_nothing(api: Api) -> None:
    assert (await api.client.get("/Balance.json")).json == {
        "account_sid": api.account.sid,
        "balance": "0",
        "currency": "USD",
    }
