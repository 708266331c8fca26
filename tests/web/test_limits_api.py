"""Limits over HTTP: set where they can be, shown with what is used up, and refused in Twilio's shape."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limpet.core.model import StickyOverflow
from tests.support.clock import NOW
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api


async def member(api: Api) -> tuple[str, str]:
    """A service with one number, and the path of that number in its pool."""
    service = await api.pool(NUMBER)
    found = (await api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"][0]["sid"]
    return service, f"/v1/Services/{service}/PhoneNumbers/{found}"


async def test_S_51_a_members_new_people_are_limited_and_shown(api: Api) -> None:
    service, path = await member(api)
    before = (await api.client.get(path)).json
    changed = await api.client.post(path, DailyContacts="1")
    assert (changed.status, changed.json) == (200, before)  # Twilio's resource, nothing added
    first = await api.message(service, PERSON)
    second = await api.message(service, OTHER_NUMBER)
    await api.world.settle()
    shown = (await api.client.get(f"/Messages/{second['sid']}.json")).json
    assert (shown["status"], shown["error_code"]) == ("failed", 21703)
    why = (await api.client.get(f"/Messages/{second['sid']}/Decision.json")).json
    assert why["rejections"] == {NUMBER: "daily_contacts"}
    assert first["status"] == "accepted"
    limits = (await api.client.get(f"{path}/Limits")).json
    assert (limits["daily_contacts"], limits["contacts_today"], limits["phone_number"]) == (1, 1, NUMBER)
    assert (await api.client.post(path, DailyContacts="")).status == 200
    assert (await api.client.get(f"{path}/Limits")).json["daily_contacts"] is None
    again = await api.message(service, OTHER_NUMBER)
    assert (await api.client.get(f"/Messages/{again['sid']}.json")).json["error_code"] is None


async def test_S_100_S_102_weight_and_state_of_a_member_are_set_and_shown(api: Api) -> None:
    _, path = await member(api)
    shown = (await api.client.get(f"{path}/Limits")).json
    assert (shown["weight"], shown["state"]) == (1, "active")
    assert (await api.client.post(path, Weight="7", State="disabled", DailyContacts="5")).status == 200
    assert (await api.client.post(path, State="drain")).status == 200
    shown = (await api.client.get(f"{path}/Limits")).json
    assert (shown["weight"], shown["state"], shown["daily_contacts"]) == (7, "drain", 5)


async def test_S_103_S_109_what_becomes_of_a_members_people_is_set_and_shown(api: Api) -> None:
    _, path = await member(api)

    async def shown(**form: str) -> tuple[object, ...]:
        assert (await api.client.post(path, form)).status == 200
        found = (await api.client.get(f"{path}/Limits")).json
        return found["state"], found["drain_days"], found["drains_since"], found["replace"]

    today = api.world.clock.now().date().isoformat()
    assert await shown(State="drain") == ("drain", 3, today, False)
    assert await shown(DrainDays="10") == ("drain", 10, today, False)
    assert await shown(State="disabled", Replace="true") == ("disabled", 10, None, True)
    assert await shown(Replace="false") == ("disabled", 10, None, False)
    assert await shown(Replace="true") == ("disabled", 10, None, True)
    assert await shown(State="active") == ("active", 10, None, False)


@pytest.mark.parametrize(
    "form",
    [
        {}, {"DailyContacts": "-1"}, {"DailyContacts": "x"}, {"DailyContacts": "1000001"}, {"Weight": "101"}, {"Weight": "-1"},
        {"Weight": "0.5"}, {"State": "asleep"}, {"State": "Active"}, {"DrainDays": "366"}, {"DrainDays": "-1"},
        {"Replace": "maybe"}, {"Replace": "true"}, {"Replace": "true", "State": "drain"},
    ],
)  # fmt: skip
async def test_a_cap_that_is_none_is_refused(api: Api, form: dict[str, str]) -> None:
    _, path = await member(api)
    before = await api.rows()
    assert (await api.client.post(path, form)).says == (400, 20001)
    assert await api.rows() == before


async def test_members_of_others_and_of_nobody_are_not_found(api: Api) -> None:
    service, path = await member(api)
    for client, at in (
        (api.stranger, path),
        (api.client, f"/v1/Services/{service}/PhoneNumbers/PN{'0' * 32}"),
        (api.client, f"/v1/Services/MG{'0' * 32}/PhoneNumbers/PN{'0' * 32}"),
    ):
        assert (await client.post(at, DailyContacts="1")).says == (404, 20404)
        assert (await client.get(f"{at}/Limits")).says == (404, 20404)
    assert (await api.stranger.get(f"/v1/Services/{service}/Limits")).says == (404, 20404)


async def test_a_services_limits_are_set_shown_and_taken_away(api: Api) -> None:
    sid = await api.pool(NUMBER, SegmentsPerSecond="2.5", DailySegments="3", StickyOverflow="bypass")
    value = await api.service_value(sid)
    assert (value.segments_per_s, value.daily_segments, value.sticky_overflow) == (2.5, 3, StickyOverflow.BYPASS)
    await api.message(sid, Body="x" * 200)
    shown = (await api.client.get(f"/v1/Services/{sid}/Limits")).json
    assert {name: shown[name] for name in shown if name not in ("url", "account_sid", "service_sid")} == {
        "daily_segments": 3, "segments_today": 2, "segments_per_second": 2.5, "sticky_overflow": "bypass", "paused": False,
    }  # fmt: skip
    changed = await api.client.post(
        f"/v1/Services/{sid}", SegmentsPerSecond="", DailySegments="", StickyOverflow="fail"
    )
    assert (changed.status, len(changed.json)) == (200, 23)
    value = await api.service_value(sid)
    assert (value.segments_per_s, value.daily_segments, value.sticky_overflow) == (None, None, StickyOverflow.FAIL)
    other = await api.client.post(f"/v1/Services/{sid}", FriendlyName="Other")
    assert other.status == 200


@pytest.mark.parametrize(
    "form",
    [
        {"SegmentsPerSecond": "0"}, {"SegmentsPerSecond": "nan"}, {"SegmentsPerSecond": "1e3"}, {"SegmentsPerSecond": "1000001"},
        {"DailySegments": "-1"}, {"DailySegments": "1.5"}, {"StickyOverflow": "perhaps"},
    ],
)  # fmt: skip
async def test_limits_that_are_none_are_refused(api: Api, form: dict[str, str]) -> None:
    sid = await api.service()
    before = await api.rows()
    assert (await api.client.post(f"/v1/Services/{sid}", form)).says == (400, 20001)
    assert await api.rows() == before


async def test_an_account_sees_what_it_may(api: Api) -> None:
    sid = await api.pool(NUMBER)
    await api.message(sid, ScheduleType="fixed", SendAt="2026-03-03T12:00:00Z")
    shown = (await api.client.get("/Limits.json")).json
    assert shown["scheduled"] == 1
    assert (shown["scheduled_max"], shown["segments_per_second"], shown["trial"]) == (500_000, None, False)
    limits = replace(api.account, segments_per_s=7.5, scheduled_max=2, trial=True, verified=frozenset({PERSON}))
    await api.deps.accounts.set_limits(limits, NOW)
    shown = (await api.client.get("/Limits.json")).json
    assert (shown["scheduled_max"], shown["segments_per_second"]) == (2, 7.5)
    assert (shown["trial"], shown["verified_numbers"]) == (True, [PERSON])


async def test_a_sub_account_of_a_trial_account_is_one_too(api: Api) -> None:
    await api.deps.accounts.set_limits(replace(api.account, trial=True, verified=frozenset({PERSON})), NOW)
    made = (await api.client.call("POST", "/2010-04-01/Accounts.json", body=b"FriendlyName=Part")).json
    found = await api.deps.accounts.by_sid(made["sid"])
    assert found is not None
    assert (found.trial, found.verified) == (True, frozenset({PERSON}))
