"""How a number fares, and what its service calls unhealthy, over HTTP."""

from __future__ import annotations

import pytest

from limpet.core.health import Counts, hour_number
from limpet.store import health
from tests.web.conftest import NUMBER, OTHER_NUMBER, Api

DEFAULTS = {
    "avoid_unhealthy": False, "delivery_rate_min": 0.25, "filtered_rate_max": 0.75, "messages_min": 50, "opt_out_rate_max": 1.0,
}  # fmt: skip
NONE = {
    "delivered": 0, "delivery_rate": None, "filtered": 0, "filtered_rate": None, "opt_out_rate": None, "opted_out": 0,
    "undelivered": 0,
}  # fmt: skip


async def place(api: Api, service: str) -> str:
    (member,) = (await api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"]
    return f"/v1/Services/{service}/PhoneNumbers/{member['sid']}/Health"


async def count(api: Api, counts: Counts) -> None:
    member = await api.world.database.pool.fetchval("SELECT id FROM pool_member")
    async with api.world.database.pool.acquire() as connection:
        await health.count(connection, {(hour_number(api.world.clock.now()), member): counts})


async def test_S_91_a_number_is_shown_with_what_became_of_its_messages(api: Api) -> None:
    service = await api.pool(NUMBER)
    path = await place(api, service)
    told = (await api.client.get(path)).json
    assert (told["status"], told["hour"], told["day"], told["unhealthy_since"]) == ("unknown", NONE, NONE, None)
    assert (told["phone_number"], told["service_sid"], told["avoided"]) == (NUMBER, service, False)
    await count(api, Counts(20, 80, 60))
    told = (await api.client.get(path)).json
    assert told["day"] == {
        "delivered": 20, "delivery_rate": 0.2, "filtered": 60, "filtered_rate": 0.6, "opt_out_rate": 0.0, "opted_out": 0,
        "undelivered": 80,
    }  # fmt: skip
    await api.world.sweeps._health.look()
    told = (await api.client.get(path)).json
    assert (told["status"], told["unhealthy_since"], told["avoided"]) == ("unhealthy", "2026-03-02T12:00:00Z", False)
    await api.client.post(f"/v1/Services/{service}/HealthPolicy", AvoidUnhealthy="true")
    assert (await api.client.get(path)).json["avoided"] is True


async def test_S_92_a_number_that_is_avoided_says_so_in_a_dry_run(api: Api) -> None:
    service = await api.pool(NUMBER)
    await api.client.post(f"/v1/Services/{service}/HealthPolicy", AvoidUnhealthy="true")
    await count(api, Counts(0, 50))
    await api.world.sweeps._health.look()
    other = await api.number(OTHER_NUMBER)
    await api.client.post(f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=other)
    told = (await api.client.post(f"/v1/Services/{service}/SenderSelection", To="+14155550188")).json
    assert told["from"] == OTHER_NUMBER
    assert [one["why_not"] for one in told["candidates"]] == ["unhealthy", None]


async def test_a_policy_changes_by_what_is_given(api: Api) -> None:
    service = await api.pool(NUMBER)
    path = f"/v1/Services/{service}/HealthPolicy"
    told = (await api.client.get(path)).json
    assert {name: told[name] for name in DEFAULTS} == DEFAULTS
    changed = await api.client.post(path, {"DeliveryRateMin": "0.5", "OptOutRateMax": ".02", "MessagesMin": "10"})
    assert changed.status == 200
    again = (await api.client.post(path, AvoidUnhealthy="true", FilteredRateMax="1")).json
    assert {name: again[name] for name in DEFAULTS} == {
        "avoid_unhealthy": True, "delivery_rate_min": 0.5, "filtered_rate_max": 1.0, "messages_min": 10, "opt_out_rate_max": 0.02,
    }  # fmt: skip
    assert (await api.client.get(path)).json == again


@pytest.mark.parametrize(
    "form",
    [
        {"AvoidUnhealthy": "perhaps"},
        {"DeliveryRateMin": "1.1"},
        {"DeliveryRateMin": "-0.1"},
        {"FilteredRateMax": "nan"},
        {"OptOutRateMax": "1e-3"},
        {"OptOutRateMax": "."},
        {"MessagesMin": "0"},
    ],
)
async def test_what_is_no_policy_is_refused_and_changes_nothing(api: Api, form: dict[str, str]) -> None:
    service = await api.pool(NUMBER)
    before = await api.rows()
    assert (await api.client.post(f"/v1/Services/{service}/HealthPolicy", form)).says == (400, 20001)
    assert await api.rows() == before


async def test_what_is_another_accounts_is_not_there(api: Api) -> None:
    service = await api.pool(NUMBER)
    for path in (await place(api, service), f"/v1/Services/{service}/HealthPolicy"):
        assert (await api.stranger.get(path)).says == (404, 20404)
    assert (await api.client.get(f"/v1/Services/{service}/PhoneNumbers/PN{'0' * 32}/Health")).says == (404, 20404)
