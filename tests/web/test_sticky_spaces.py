"""Sticky spaces over HTTP: made, listed, changed, joined, left and deleted; and how long mappings count, however it is said."""

from __future__ import annotations

from typing import Any

import pytest

from limpet.store.services import Services
from limpet.store.sticky_spaces import SERVICES_MAX
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api

PATH = "/v1/StickySpaces"
NOBODYS = "LS" + "0" * 32


async def made(api: Api, **form: object) -> dict[str, Any]:
    answer = await api.client.post(PATH, {"FriendlyName": "Sales", **form})
    assert answer.status == 201, answer.body
    return dict(answer.json)


async def join(api: Api, service: str, space: str) -> tuple[int, int | None]:
    return (await api.client.post(f"/v1/Services/{service}", {"StickySpaceSid": space})).says


async def test_a_space_is_made_shown_changed_listed_and_deleted(api: Api) -> None:
    space = await made(api, StickyTtl="8d")
    assert space["sid"].startswith("LS")
    assert space["url"].endswith(f"{PATH}/{space['sid']}")
    assert {name: space[name] for name in ("friendly_name", "all_services", "sticky_ttl", "services", "account_sid")} == {
        "friendly_name": "Sales", "all_services": False, "sticky_ttl": "8d", "services": [], "account_sid": api.account.sid,
    }  # fmt: skip
    path = f"{PATH}/{space['sid']}"
    assert (await api.client.get(path)).json == space
    changed = await api.client.post(path, {"FriendlyName": "All", "StickyTtl": "never"})
    assert (changed.status, changed.json["friendly_name"], changed.json["sticky_ttl"]) == (200, "All", "never")
    other = await made(api)
    listed = (await api.client.get(PATH)).json
    assert [one["sid"] for one in listed["sticky_spaces"]] == [other["sid"], space["sid"]]
    assert (await api.client.get(PATH, {"PageSize": 1})).json["meta"]["next_page_url"] is not None
    assert (await api.client.delete(path)).status == 204
    for answer in (
        await api.client.get(path),
        await api.client.post(path, {"FriendlyName": "x"}),
        await api.client.delete(path),
    ):
        assert answer.says == (404, 20404)
    assert (await api.stranger.get(f"{PATH}/{other['sid']}")).says == (404, 20404)
    assert (await api.stranger.get(PATH)).json["sticky_spaces"] == []


async def test_services_join_and_leave_and_share_their_mappings_meanwhile(api: Api) -> None:
    one, other = await api.pool(NUMBER), await api.pool(OTHER_NUMBER)
    space = (await made(api))["sid"]
    assert [await join(api, service, space) for service in (one, other)] == [(200, None)] * 2
    assert (await api.client.get(f"{PATH}/{space}")).json["services"] == [one, other]
    await api.message(one, PERSON)
    shown = [await api.client.get(f"/v1/Services/{service}/StickyMappings") for service in (one, other)]
    assert [answer.json["sticky_mappings"][0]["from"] for answer in shown] == [NUMBER] * 2
    sids = {answer.json["sticky_mappings"][0]["sid"] for answer in shown}
    assert len(sids) == 1, "it is one mapping"
    by_sid = await api.client.get(f"/v1/Services/{other}/StickyMappings/{sids.pop()}")
    assert by_sid.json["service_sid"] == other
    moved = await api.client.post(f"/v1/Services/{other}/StickyMappings", {"To": PERSON, "From": OTHER_NUMBER})
    assert moved.status == 201
    back = await api.client.post(f"/v1/Services/{other}/StickyMappings", {"To": PERSON, "From": NUMBER})
    assert (back.status, back.json["from"]) == (201, NUMBER)
    assert (await api.client.delete(f"{PATH}/{space}")).says == (409, 20001)
    assert await join(api, other, "") == (200, None)
    assert (await api.client.get(f"/v1/Services/{other}/StickyMappings")).json["sticky_mappings"] == []
    assert (await api.client.get(f"/v1/Services/{one}/StickyMappings")).json["sticky_mappings"] != []
    made_in = await api.client.post("/v1/Services", {"FriendlyName": "New", "StickySpaceSid": space})
    assert made_in.status == 201
    assert (await api.client.get(f"{PATH}/{space}")).json["services"] == [one, made_in.json["sid"]]


async def test_all_services_of_an_account_are_in_one_space_when_it_says_so(api: Api) -> None:
    one = await api.pool(NUMBER)
    alone = await made(api)
    await join(api, one, alone["sid"])
    space = await made(api, AllServices="true")
    later = (await api.client.post("/v1/Services", FriendlyName="Later")).json["sid"]
    assert (await api.client.get(f"{PATH}/{space['sid']}")).json["services"] == [one, later]
    assert (await api.client.get(f"{PATH}/{alone['sid']}")).json["services"] == []
    assert await join(api, one, "") == await join(api, one, alone["sid"]) == (409, 20001)
    assert (await api.client.post(f"{PATH}/{alone['sid']}", AllServices="true")).says == (409, 20001)
    assert (await api.client.post(PATH, {"FriendlyName": "x", "AllServices": "true"})).says == (409, 20001)
    assert (await api.client.post(f"{PATH}/{space['sid']}", AllServices="false")).json["all_services"] is False
    assert await join(api, one, "") == (200, None)


async def test_what_cannot_be_changes_nothing(api: Api) -> None:
    service = await api.pool(NUMBER)
    foreign = (await api.stranger.post(PATH, FriendlyName="Theirs")).json["sid"]
    for space in (NOBODYS, foreign, "LSx", service):
        answer = await api.client.post(f"/v1/Services/{service}", {"FriendlyName": "Changed", "StickySpaceSid": space})
        assert (*answer.says, "'StickySpaceSid'" in answer.json["message"]) == (400, 20001, True)
    assert (await api.client.get(f"/v1/Services/{service}")).json["friendly_name"] != "Changed"
    for form in (
        {},
        {"FriendlyName": ""},
        {"FriendlyName": "x", "AllServices": "maybe"},
        {"FriendlyName": "x", "StickyTtl": "1w"},
    ):
        assert (await api.client.post(PATH, form)).says == (400, 20001)


async def test_a_space_holds_so_many_services(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SERVICES_MAX == 100
    monkeypatch.setattr("limpet.store.sticky_spaces.SERVICES_MAX", 1)
    one, other, space = await api.pool(NUMBER), await api.pool(OTHER_NUMBER), (await made(api))["sid"]
    assert await join(api, one, space) == (200, None)
    assert await join(api, other, space) == (409, 20001)
    assert (await api.client.post(PATH, {"FriendlyName": "x", "AllServices": "true"})).says == (409, 20001)
    assert (await api.client.get(f"{PATH}/{space}")).json["services"] == [one]


@pytest.mark.parametrize(
    ("form", "days", "hours"),
    [
        ({"StickyTtl": "1h"}, 1, 1), ({"StickyTtl": "36h"}, 2, 36), ({"StickyTtl": "720h"}, 30, 720),
        ({"StickyTtl": "8d"}, 8, None), ({"StickyTtl": "365d"}, 365, None), ({"StickyTtl": "never"}, 36_500, None),
        ({"StickyTtlDays": "15"}, 15, None),
    ],
)  # fmt: skip
async def test_for_how_long_mappings_count_is_given_in_hours_days_or_never(
    api: Api, form: dict[str, str], days: int, hours: int | None
) -> None:
    service = (await api.client.post("/v1/Services", {"FriendlyName": "x", **form})).json["sid"]
    kept = await Services(api.world.database).by_sid(api.account.id, service)
    assert kept is not None
    assert (kept.sticky_ttl_days, kept.sticky_ttl_hours) == (days, hours)
    assert (await api.client.post(f"/v1/Services/{service}", {"StickyTtl": "2h"})).status == 200
    assert (await api.client.post(f"/v1/Services/{service}", {**form, "Usecase": "poll"})).status == 200
    again = await Services(api.world.database).by_sid(api.account.id, service)
    assert again is not None
    assert (again.sticky_ttl_days, again.sticky_ttl_hours) == (days, hours)
