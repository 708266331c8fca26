"""Content templates and feedback over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.client import Response
from tests.web.conftest import NUMBER, PERSON, Api

GREETING = {
    "friendly_name": "greeting",
    "language": "en",
    "variables": {"1": "friend"},
    "types": {"twilio/text": {"body": "Hello {{1}}, from {{shop}}"}},
}


async def post(api: Api, body: object, path: str = "/v1/Content") -> Response:
    client = api.client.with_headers(content_type="application/json")
    return await client.call("POST", path, body=body if isinstance(body, bytes) else json.dumps(body).encode())


async def template(api: Api, **changes: object) -> dict[str, Any]:
    made = await post(api, {**GREETING, **changes})
    assert made.status == 201, made.body
    return dict(made.json)


async def test_templates_are_made_fetched_listed_and_deleted(api: Api) -> None:
    made = await template(api)
    assert (made["sid"][:2], made["friendly_name"], made["types"]) == ("HX", "greeting", GREETING["types"])
    assert (await api.client.get(f"/v1/Content/{made['sid']}")).json == made
    others = [(await template(api, friendly_name=f"t{n}"))["sid"] for n in range(4)]
    first = (await api.client.get("/v1/Content", {"PageSize": 3})).json
    assert [one["sid"] for one in first["contents"]] == others[:0:-1]
    second = (await api.client.follow(first["meta"]["next_page_url"])).json
    assert [one["sid"] for one in second["contents"]] == [others[0], made["sid"]]
    assert (await api.stranger.get(f"/v1/Content/{made['sid']}")).says == (404, 20404)
    assert (await api.client.delete(f"/v1/Content/{made['sid']}")).status == 204
    assert (await api.client.delete(f"/v1/Content/{made['sid']}")).says == (404, 20404)


async def test_a_message_has_the_text_of_its_template(api: Api) -> None:
    sid, made = await api.pool(NUMBER), await template(api)
    form = {"To": PERSON, "MessagingServiceSid": sid, "ContentSid": made["sid"]}
    sent = await api.client.post("/Messages.json", {**form, "ContentVariables": '{"shop": "ACME"}'})
    assert (sent.status, sent.json["body"]) == (201, "Hello friend, from ACME")
    sent = await api.client.post("/Messages.json", {**form, "ContentVariables": '{"1": "Anna", "shop": "ACME"}'})
    assert sent.json["body"] == "Hello Anna, from ACME"


async def test_a_template_may_carry_media(api: Api) -> None:
    media = ["https://example.com/a.png"]
    made = await template(api, types={"twilio/media": {"body": "For {{1}}", "media": media}})
    sent = await api.message(await api.pool(NUMBER), ContentSid=made["sid"], Body="")
    assert (sent["num_media"], sent["sid"][:2]) == ("1", "MM")
    assert sent["body"].startswith("For friend http")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ContentSid": "HX1"}, 21655),
        ({"ContentSid": "HX" + "0" * 32}, 21655),
        ({"ContentSid": "{it}"}, 21656),
        ({"ContentSid": "{it}", "ContentVariables": "[]"}, 21656),
        ({"ContentSid": "{it}", "ContentVariables": "{"}, 21656),
        ({"ContentSid": "{it}", "ContentVariables": '{"shop": 5}'}, 21656),
        ({"ContentSid": "{it}", "ContentVariables": '{"shop": "a\\nb"}'}, 21656),
        ({"ContentSid": "{it}", "ContentVariables": json.dumps({"1": "x" * 1000, "shop": "y" * 1000})}, 21617),
        ({"Body": "x", "ContentVariables": "{}"}, 21654),
    ],
)
async def test_what_does_not_fit_is_refused(api: Api, more: dict[str, str], code: int) -> None:
    sid, made = await api.pool(NUMBER), await template(api)
    names = {"{it}": made["sid"]}
    before = await api.rows()
    form = {name: names.get(value, value) for name, value in more.items()}
    assert (await api.client.post("/Messages.json", {"To": PERSON, "MessagingServiceSid": sid, **form})).says == (
        400,
        code,
    )
    assert await api.rows() == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", (400, 20001)),
        (b"{", (400, 20001)),
        (b"\xff", (400, 20001)),
        (b"[" * 100_000, (400, 20001)),
        ([], (400, 20001)),
        ({**GREETING, "language": 5}, (400, 20001)),
        ({**GREETING, "language": None}, (400, 20001)),
        ({**GREETING, "friendly_name": "x" * 65}, (400, 20001)),
        ({**GREETING, "variables": {"1": 5}}, (400, 20001)),
        ({**GREETING, "variables": []}, (400, 20001)),
        ({**GREETING, "variables": {str(n): "x" for n in range(101)}}, (400, 20001)),
        ({**GREETING, "types": {}}, (400, 20001)),
        ({**GREETING, "types": {"twilio/card": {}}}, (400, 20001)),
        ({**GREETING, "types": {"twilio/text": {"body": ""}}}, (400, 20001)),
        ({**GREETING, "types": {"twilio/text": {"body": "x" * 1601}}}, (400, 20001)),
        ({**GREETING, "types": {"twilio/text": {"body": "{{}}"}}}, (400, 21656)),
        ({**GREETING, "types": {"twilio/text": 7}}, (400, 20001)),
        ({**GREETING, "types": {"twilio/media": {"media": []}}}, (400, 20001)),
        ({**GREETING, "types": {"twilio/media": {"media": ["ftp://x"]}}}, (400, 20001)),
    ],
)
async def test_what_is_no_template_is_refused(api: Api, body: object, says: tuple[int, int]) -> None:
    before = await api.rows()
    assert (await post(api, body)).says == says
    assert await api.rows() == before


async def test_a_form_is_no_template(api: Api) -> None:
    assert (await api.client.post("/v1/Content", {"language": "en"})).says == (415, 20001)


async def test_feedback_is_kept_and_may_change(api: Api) -> None:
    message = await api.message(await api.pool(NUMBER), ProvideFeedback="true")
    place = f"/Messages/{message['sid']}/Feedback.json"
    for form, outcome in (({}, "unconfirmed"), ({"Outcome": "confirmed"}, "confirmed")):
        answer = await api.client.post(place, form)
        assert (answer.status, answer.json["outcome"], answer.json["message_sid"]) == (200, outcome, message["sid"])
    assert (await api.client.post(place, Outcome="perhaps")).says == (400, 20001)
    assert (await api.stranger.post(place)).says == (404, 20404)
    assert (await api.client.post(f"/Messages/SM{'0' * 32}/Feedback.json")).says == (404, 20404)
    kept = await api.world.database.pool.fetch("SELECT outcome FROM feedback")
    assert [row["outcome"] for row in kept] == ["confirmed"]
