"""What an account may do at once and whither; and the credentials by which nothing is done at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from limpet.core.magic import FROM_CODES, TO_CODES, VALID_FROM
from limpet.web.app import create_app
from tests.web.client import Client
from tests.web.conftest import NUMBER, PERSON, Api

LONDON = "+447700900123"


async def test_more_requests_at_once_than_allowed_are_refused_and_do_nothing(api: Api) -> None:
    sid = await api.pool(NUMBER)
    app = create_app(replace(api.deps, concurrency_max=3))
    client, stranger = replace(api.client, app=app), replace(api.stranger, app=app)
    form = {"To": PERSON, "MessagingServiceSid": sid, "Body": "x"}
    answers = await asyncio.gather(
        *(client.post("/Messages.json", form) for _ in range(10)), stranger.get("/Messages.json")
    )
    said = [answer.says for answer in answers[:-1]]
    assert said.count((429, 20429)) == 7
    assert said.count((201, None)) == 3
    assert answers[-1].status == 200
    assert len((await client.get("/Messages.json")).json["messages"]) == 3


async def test_where_an_account_may_send_to(api: Api) -> None:
    sid = await api.pool(NUMBER)
    place = "/GeoPermissions.json"
    assert (await api.client.get(place)).json["countries"] is None
    assert (await api.client.post(place, Countries="us, gb")).json["countries"] == ["GB", "US"]
    await api.message(sid, LONDON)
    assert (await api.client.post(place, Countries="US")).json["countries"] == ["US"]
    before = await api.rows()
    for form in (
        {"MessagingServiceSid": sid},
        {"From": NUMBER},
        {"MessagingServiceSid": sid, "ScheduleType": "fixed", "SendAt": "2026-03-03T13:00:00Z"},
    ):
        assert (await api.client.post("/Messages.json", {"To": LONDON, "Body": "x", **form})).says == (400, 21408)
    assert await api.rows() == before
    await api.message(sid, PERSON)
    assert (await api.client.get(place)).json["countries"] == ["US"]
    assert (await api.client.post(place, Countries="")).json["countries"] is None
    await api.message(sid, LONDON)


@pytest.mark.parametrize("form", [{}, {"Countries": "USA"}, {"Countries": "US,XX"}])
async def test_countries_that_are_none_are_refused(api: Api, form: dict[str, str]) -> None:
    before = await api.rows()
    assert (await api.client.post("/GeoPermissions.json", form)).says == (400, 20001)
    assert await api.rows() == before


async def test_a_key_neither_sees_test_credentials_nor_changes_permissions(api: Api) -> None:
    assert (await api.key.get("/TestCredentials.json")).says == (403, 20003)
    assert (await api.key.post("/GeoPermissions.json", Countries="US")).says == (403, 20003)


async def rehearsing(api: Api) -> Client:
    """The same application under the account's test credentials."""
    made = (await api.client.get("/TestCredentials.json")).json
    assert (await api.client.get("/TestCredentials.json")).json == made
    sid = made["test_account_sid"]
    return replace(api.client, sid=sid, secret=made["test_auth_token"], account_sid=sid)


MAGIC = [
    *((sender, PERSON, code) for sender, code in FROM_CODES.items()),
    *((VALID_FROM, to, code) for to, code in TO_CODES.items()),
    ("+14155550177", PERSON, 21606),
    (VALID_FROM, PERSON, None),
]


@pytest.mark.parametrize(("sender", "to", "code"), MAGIC)
async def test_magic_numbers_answer_as_documented_and_nothing_happens(
    api: Api, sender: str, to: str, code: int | None
) -> None:
    client = await rehearsing(api)
    before = await api.rows()
    answer = await client.post("/Messages.json", From=sender, To=to, Body="rehearsed")
    assert answer.says == ((201, None) if code is None else (400, code))
    if code is None:
        assert (answer.json["status"], answer.json["body"], answer.json["account_sid"]) == (
            "queued",
            "rehearsed",
            client.sid,
        )
    assert await api.rows() == before
    assert api.world.lane.submitted == []


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("+15005550000", (400, 21422)),
        ("+15005550001", (400, 21421)),
        (VALID_FROM, (201, None)),
        ("+14155550177", (400, 21421)),
    ],
)
async def test_numbers_are_bought_in_rehearsal(api: Api, number: str, says: tuple[int, int | None]) -> None:
    client = await rehearsing(api)
    before = await api.rows()
    assert (await client.post("/IncomingPhoneNumbers.json", PhoneNumber=number, FriendlyName="Desk")).says == says
    assert await api.rows() == before


async def test_test_credentials_can_do_nothing_else(api: Api) -> None:
    client = await rehearsing(api)
    for path in ("/Messages.json", "/IncomingPhoneNumbers.json", "/Keys.json", "/v1/Services", "/TestCredentials.json"):
        assert (await client.get(path)).says == (403, 20008)
    assert (await client.post("/v1/Services", FriendlyName="x")).says == (403, 20008)
    sid = await api.pool(NUMBER)
    assert (await client.post("/Messages.json", MessagingServiceSid=sid, To=PERSON, Body="x")).says == (403, 20008)
    assert (await replace(client, secret="x").get("/Messages.json")).says == (401, 20003)
    assert (await replace(client, account_sid=api.client.sid).get("/Messages.json")).says == (404, 20404)


async def test_what_is_wrong_with_a_form_comes_before_magic(api: Api) -> None:
    client = await rehearsing(api)
    assert (await client.post("/Messages.json", From=VALID_FROM, To=PERSON)).says == (400, 21619)
    assert (await client.post("/Messages.json", From=VALID_FROM, Body="x")).says == (400, 21604)
