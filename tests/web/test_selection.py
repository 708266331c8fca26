"""Who a message would come from, over HTTP."""

from __future__ import annotations

import pytest

from tests.support.clock import NOW
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api

FIELDS = {
    "account_sid", "as_link", "at", "candidates", "cause", "error_code", "from", "mapping", "reason", "sender_sid",
    "service_sid", "sticky", "to", "url",
}  # fmt: skip


async def test_S_90_it_names_the_sender_the_rung_and_why_not_the_others(api: Api) -> None:
    service = await api.pool(NUMBER, OTHER_NUMBER, "+442079460120", AreaCodeGeomatch="true")
    before = await api.rows()
    answer = await api.client.post(f"/v1/Services/{service}/SenderSelection", To="(415) 555-0199")
    assert (answer.status, set(answer.json)) == (200, FIELDS)
    assert await api.rows() == before
    told = answer.json
    assert (told["to"], told["reason"], told["sticky"], told["cause"]) == (
        PERSON,
        "area_code",
        "created",
        "first_message",
    )
    assert (told["mapping"], told["error_code"], told["at"]) == (None, None, "2026-03-02T12:00:00Z")
    by_number = {one["from"]: one for one in told["candidates"]}
    assert by_number[told["from"]] | {"sid": ""} == {
        "chosen": True, "from": told["from"], "rung": "area_code", "sid": "", "why_not": None,
    }  # fmt: skip
    other = OTHER_NUMBER if told["from"] == NUMBER else NUMBER
    assert (by_number[other]["why_not"], by_number[other]["rung"]) == ("less_preferred", "area_code")
    assert (by_number["+442079460120"]["why_not"], by_number["+442079460120"]["rung"]) == ("later_rung", "any")
    assert (await decision(api, service))["from"] == told["from"]
    again = (await api.client.post(f"/v1/Services/{service}/SenderSelection", To=PERSON)).json
    assert (again["reason"], again["sticky"], again["from"]) == ("sticky", "used", told["from"])
    assert again["mapping"] == {"from": told["from"], "last_used_day": "2026-03-02", "standing": "live"}
    assert {one["why_not"] for one in again["candidates"]} == {None, "mapped_elsewhere"}


async def decision(api: Api, service: str) -> dict[str, object]:
    sid = (await api.message(service))["sid"]
    return dict((await api.client.get(f"/Messages/{sid}/Decision.json")).json)


async def test_S_90_where_nobody_can_send_the_error_is_told(api: Api) -> None:
    service = await api.pool(NUMBER)
    await api.world.database.pool.execute("UPDATE sender SET capabilities = '{voice}'")
    told = (await api.client.post(f"/v1/Services/{service}/SenderSelection", To=PERSON)).json
    assert (told["from"], told["sender_sid"], told["error_code"]) == (None, None, 21703)
    assert [(one["from"], one["why_not"]) for one in told["candidates"]] == [(NUMBER, "no_sms")]


async def test_S_90_media_that_nobody_carries_would_go_as_a_link(api: Api) -> None:
    service = await api.pool(NUMBER)
    await api.world.database.pool.execute("UPDATE sender SET capabilities = '{sms}'")
    asked = {"To": PERSON, "MediaUrl": "http://a.example/cat.jpg", "From": NUMBER}
    told = (await api.client.post(f"/v1/Services/{service}/SenderSelection", asked)).json
    assert (told["error_code"], told["from"]) == (None, NUMBER)
    assert told["as_link"] is True


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 20001),
        ({"To": "nobody"}, 21211),
        ({"To": PERSON, "At": "soon"}, 20001),
        ({"To": PERSON, "At": "2026-03-02T11:59:59Z"}, 20001),
        ({"To": PERSON, "At": "9999-12-31T23:59:59-14:00"}, 20001),
        ({"To": PERSON, "From": "+"}, 21212),
    ],
)
async def test_what_cannot_be_asked_is_refused(api: Api, form: dict[str, str], code: int) -> None:
    service = await api.pool(NUMBER)
    assert (await api.client.post(f"/v1/Services/{service}/SenderSelection", form)).says == (400, code)


async def test_S_90_a_time_to_come_may_be_asked_about(api: Api) -> None:
    service = await api.pool(NUMBER)
    await api.message(service)
    for days, standing in ((365, "live"), (366, "expired")):
        at = NOW.replace(year=2027, day=NOW.day) if days == 365 else NOW.replace(year=2027, day=NOW.day + 1)
        told = (await api.client.post(f"/v1/Services/{service}/SenderSelection", To=PERSON, At=at.isoformat())).json
        assert told["mapping"]["standing"] == standing


async def test_another_accounts_service_is_not_there(api: Api) -> None:
    service = await api.pool(NUMBER)
    assert (await api.stranger.post(f"/v1/Services/{service}/SenderSelection", To=PERSON)).says == (404, 20404)
    assert (await api.client.post("/v1/Services/MG1/SenderSelection", To=PERSON)).says == (404, 20404)
