"""Deactivated numbers over HTTP: a redirect for the customer, and a list for whoever has its link."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from limpet.store.deactivations import KEPT_DAYS, purge
from limpet.twilio.deactivations import LINK_HOLDS
from tests.support.clock import NOW
from tests.web.client import HOST
from tests.web.conftest import Api

DAY = NOW.date()
NUMBERS = [f"+1415555{n:04}" for n in range(2000)]


async def bring(api: Api, day: date, *numbers: str) -> int:
    await api.deps.deactivations.begin(day, NOW)
    return await api.deps.deactivations.add(day, numbers) if numbers else 0


@pytest.mark.parametrize("root", ["/v1", "/messaging/v1"])
async def test_a_day_leads_to_its_list(api: Api, root: str) -> None:
    assert await bring(api, DAY, *NUMBERS) == 2000
    assert await bring(api, DAY, *NUMBERS[:10], "+14165550100") == 1
    await bring(api, DAY - timedelta(days=1), "+12125550100")
    answer = await api.client.get(f"{root}/Deactivations", {"Date": DAY.isoformat()})
    assert answer.status == 307
    assert answer.json == {"redirect_to": answer.headers["location"]}
    assert answer.json["redirect_to"].startswith(f"http://{HOST}/deactivations/{DAY}.txt?Expires=")
    anybody = replace(api.client, headers={"authorization": ""})
    found = await anybody.follow(answer.json["redirect_to"])
    assert (found.status, found.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "content-length" not in found.headers
    assert sorted(found.body.decode().splitlines()) == sorted([*NUMBERS, "+14165550100"])
    assert found.body.endswith(b"\n")


async def test_a_list_may_be_empty(api: Api) -> None:
    await bring(api, DAY)
    answer = await api.client.get("/v1/Deactivations", {"Date": DAY.isoformat()})
    found = await api.client.follow(answer.json["redirect_to"])
    assert (found.status, found.body) == (200, b"")


async def test_a_day_without_a_list_is_not_found(api: Api) -> None:
    await bring(api, DAY, NUMBERS[0])
    for day in (DAY + timedelta(days=1), DAY - timedelta(days=1)):
        assert (await api.client.get("/v1/Deactivations", {"Date": day.isoformat()})).says == (404, 20404)


@pytest.mark.parametrize("query", [{}, {"Date": ""}, {"Date": "today"}, {"Date": "2026-02-30"}, {"Date": "20260303"}])
async def test_what_is_no_date_is_refused(api: Api, query: dict[str, str]) -> None:
    assert (await api.client.get("/v1/Deactivations", query)).says == (400, 20001)


async def test_a_link_is_over_after_its_time_and_cannot_be_made_up(api: Api) -> None:
    await bring(api, DAY, NUMBERS[0])
    link = (await api.client.get("/v1/Deactivations", {"Date": DAY.isoformat()})).json["redirect_to"]
    assert (await api.client.follow(link)).status == 200
    for bad in (
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        link.partition("?")[0],
        link.replace(".txt", ".csv", 1)[:-3],
    ):
        assert (await api.client.follow(bad)).says == (404, 20404)
    api.world.clock.advance(LINK_HOLDS + timedelta(seconds=1))
    assert (await api.client.follow(link)).says == (404, 20404)


async def test_lists_are_forgotten_after_their_days(api: Api) -> None:
    old = DAY - timedelta(days=KEPT_DAYS)
    await bring(api, old, *NUMBERS[:10])
    await bring(api, old - timedelta(days=1), *NUMBERS[:10])
    await purge(api.world.database, DAY)
    assert await api.deps.deactivations.has(old)
    assert not await api.deps.deactivations.has(old - timedelta(days=1))
    assert await api.world.database.pool.fetchval("SELECT count(*) FROM deactivation") == 10
