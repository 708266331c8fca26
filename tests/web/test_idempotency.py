"""The headers under which a request may be repeated without making a second message."""

from __future__ import annotations

import pytest

from tests.web.conftest import NUMBER, PERSON, Api


@pytest.mark.parametrize("header", ["Idempotency_Key", "I_Twilio_Idempotency_Token"])
async def test_a_repeated_request_makes_one_message(api: Api, header: str) -> None:
    form = {"To": PERSON, "MessagingServiceSid": await api.pool(NUMBER), "Body": "once"}
    client = api.client.with_headers(**{header: "a1"})
    made = [await client.post("/Messages.json", form) for _ in range(3)]
    assert {answer.status for answer in made} == {201}
    assert len({answer.json["sid"] for answer in made}) == 1
    assert (await client.post("/Messages.json", {**form, "Body": "twice"})).says == (400, 20001)
    assert (await client.with_headers(**{header: "a2"}).post("/Messages.json", form)).json["sid"] != made[0].json["sid"]
    assert len((await api.client.get("/Messages.json")).json["messages"]) == 2
    assert (await api.stranger.with_headers(**{header: "a1"}).post("/Messages.json", form)).json["code"] == 21701


@pytest.mark.parametrize("key", ["x" * 256, "a\tb", "ä"])
async def test_what_is_no_key_is_refused(api: Api, key: str) -> None:
    form = {"To": PERSON, "MessagingServiceSid": await api.pool(NUMBER), "Body": "once"}
    before = await api.rows()
    assert (await api.client.with_headers(Idempotency_Key=key).post("/Messages.json", form)).says == (400, 20001)
    assert await api.rows() == before
