"""Opt-outs over HTTP: listed, added, brought, taken away; the words by which a service hears them."""

from __future__ import annotations

import pytest

from tests.web.conftest import NUMBER, PERSON, Api


async def test_opt_outs_are_added_found_listed_and_taken_away(api: Api) -> None:
    sid = await api.pool(NUMBER)
    place = f"/v1/Services/{sid}/OptOuts"
    made = await api.client.post(place, To=PERSON)
    assert made.status == 201
    assert (made.json["to"], made.json["origin"], made.json["keyword"]) == (PERSON, "api", None)
    fetched = await api.client.get(f"{place}/{PERSON}")
    assert (fetched.status, fetched.json) == (200, made.json)
    again = await api.client.post(place, To=PERSON)
    assert (again.status, again.json) == (201, made.json)
    for number in range(5):
        await api.client.post(place, To=f"+1415555020{number}")
    listed = await api.client.get(place, {"PageSize": 4})
    assert [one["to"] for one in listed.json["opt_outs"]] == [f"+1415555020{n}" for n in (4, 3, 2, 1)]
    second = await api.client.follow(listed.json["meta"]["next_page_url"])
    assert [one["to"] for one in second.json["opt_outs"]] == ["+14155550200", PERSON]
    one = await api.client.get(place, {"To": PERSON})
    assert [found["to"] for found in one.json["opt_outs"]] == [PERSON]
    assert (await api.client.delete(f"{place}/{PERSON}")).status == 204
    assert (await api.client.delete(f"{place}/{PERSON}")).status == 404
    assert (await api.client.get(f"{place}/{PERSON}")).json["code"] == 20404


async def test_a_blocked_message_is_accepted_then_failed_and_a_plain_one_refused(api: Api) -> None:
    sid = await api.pool(NUMBER)
    await api.client.post(f"/v1/Services/{sid}/OptOuts", To=PERSON)
    taken = await api.message(sid)
    assert taken["status"] == "accepted"
    shown = await api.client.get(f"/Messages/{taken['sid']}.json")
    assert (shown.json["status"], shown.json["error_code"], shown.json["from"]) == ("failed", 21610, None)
    plain = await api.client.post("/Messages.json", To=PERSON, From=NUMBER, Body="x")
    assert (plain.status, plain.json["code"]) == (400, 21610)


async def test_many_are_brought_at_once_and_what_names_nobody_is_told(api: Api) -> None:
    place = f"/v1/Services/{await api.service()}/OptOuts"
    people = [f"+1415555{n:04}" for n in range(100, 900)]
    brought = await api.client.post(f"{place}/Import", {"To": [*people, "nobody", people[0]]})
    assert brought.json == {"imported": 800, "known": 0, "rejected": ["nobody"]}
    again = await api.client.post(f"{place}/Import", {"To": people[:10]})
    assert again.json == {"imported": 0, "known": 10, "rejected": []}
    assert (await api.client.get(f"{place}/{people[5]}")).json["origin"] == "import"


async def test_words_of_a_service_are_set_shown_and_set_back(api: Api) -> None:
    place = f"/v1/Services/{await api.service()}/OptOutSettings"
    usual = (await api.client.get(place)).json
    assert usual["advanced"] is False
    assert "UNSUBSCRIBE" in usual["sets"][0]["stop_keywords"]
    own = await api.client.post(
        place,
        {"Advanced": "true", "Country": "de", "Language": "DE", "StopKeywords": ["halt, Ende"], "StopMessage": "Gut."},
    )
    assert own.status == 200
    assert own.json["advanced"] is True
    german = own.json["sets"][-1]
    assert (german["country"], german["language"], german["stop_message"]) == ("DE", "de", "Gut.")
    assert german["stop_keywords"] == ["ENDE", "HALT"]
    assert (await api.client.get(place)).json == own.json
    assert (await api.client.delete(place, {"Country": "DE", "Language": "de"})).status == 204
    assert (await api.client.delete(place, {"Country": "DE", "Language": "de"})).status == 404
    assert (await api.client.get(place)).json["sets"] == usual["sets"]


@pytest.mark.parametrize(
    ("path", "form", "status", "code"),
    [
        ("OptOuts", {}, 400, 20001),
        ("OptOuts", {"To": "nobody"}, 400, 21211),
        ("OptOuts/Import", {}, 400, 20001),
        ("OptOuts/Import", {"To": ["+14155550100"] * 901}, 400, 20001),
        ("OptOutSettings", {"Advanced": "perhaps"}, 400, 20001),
        ("OptOutSettings", {"Country": "Germany"}, 400, 20001),
        ("OptOutSettings", {"StopKeywords": "two words"}, 400, 20001),
        ("OptOutSettings", {"StopKeywords": "x" * 21}, 400, 20001),
        ("OptOutSettings", {"StopKeywords": ",".join(f"W{n}" for n in range(21))}, 400, 20001),
        ("OptOutSettings", {"HelpKeywords": "STOP"}, 400, 20001),
        ("OptOutSettings", {"StopMessage": "x" * 321}, 400, 20001),
    ],
)
async def test_what_is_wrong_changes_nothing(
    api: Api, path: str, form: dict[str, object], status: int, code: int
) -> None:
    sid = await api.service()
    before = await api.rows()
    refused = await api.client.post(f"/v1/Services/{sid}/{path}", form)
    assert (refused.status, refused.json["code"]) == (status, code)
    assert await api.rows() == before


async def test_a_strangers_opt_outs_are_not_seen_or_changed(api: Api) -> None:
    sid = await api.service()
    await api.client.post(f"/v1/Services/{sid}/OptOuts", To=PERSON)
    for path in ("OptOuts", f"OptOuts/{PERSON}", "OptOutSettings"):
        assert (await api.stranger.get(f"/v1/Services/{sid}/{path}")).status == 404
    assert (await api.stranger.delete(f"/v1/Services/{sid}/OptOuts/{PERSON}")).status == 404
    assert (await api.client.get(f"/v1/Services/{sid}/OptOuts/{PERSON}")).status == 200
