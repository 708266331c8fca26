"""SMPP credentials: made, shown without their password, taken away; and by the account's own token only."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import Api

PATH = "/SmppCredentials.json"


async def test_a_credential_is_made_and_its_password_shown_once(api: Api) -> None:
    service = await api.service()
    asked = {
        "FriendlyName": "Kannel",
        "MessagingServiceSid": service,
        "Networks": "192.0.2.0/24, 2001:db8::/32",
        "Inbound": "false",
    }
    made = await api.client.post(PATH, asked)
    assert made.status == 201
    assert re.fullmatch("lp[a-z2-9]{10}", made.json["system_id"])
    assert re.fullmatch("[a-zA-Z2-9]{8}", made.json["password"])
    assert re.fullmatch("ES[0-9a-f]{32}", made.json["sid"])
    esmes = await api.deps.smpp_credentials.esmes([made.json["system_id"]])  # type: ignore[union-attr]
    assert esmes[made.json["system_id"]].secret_matches(made.json["password"])
    shown = {name: value for name, value in made.json.items() if name != "password"}
    fetched = await api.client.follow(made.json["uri"])
    assert fetched.json == shown
    assert (shown["networks"], shown["inbound"], shown["messaging_service_sid"]) == (
        ["192.0.2.0/24", "2001:db8::/32"], False, service,
    )  # fmt: skip
    assert (await api.client.get(PATH)).json["smpp_credentials"] == [shown]


async def test_one_that_is_taken_away_is_gone(api: Api) -> None:
    made = (await api.client.post(PATH)).json
    path = f"/SmppCredentials/{made['sid']}.json"
    assert (await api.client.delete(path)).status == 204
    assert (await api.client.delete(path)).says == (404, 20404)
    assert (await api.client.get(path)).says == (404, 20404)
    assert await api.deps.smpp_credentials.esmes([made["system_id"]]) == {}  # type: ignore[union-attr]


async def test_neither_keys_nor_strangers_reach_them(api: Api) -> None:
    made = (await api.client.post(PATH)).json
    path = f"/SmppCredentials/{made['sid']}.json"
    for method, at in (("GET", PATH), ("POST", PATH), ("GET", path), ("DELETE", path)):
        assert (await api.key.call(method, at)).says == (401, 20003)
    assert (await api.stranger.get(path)).says == (404, 20404)
    assert (await api.stranger.delete(path)).says == (404, 20404)
    assert (await api.stranger.get(PATH)).json["smpp_credentials"] == []
    assert (await api.client.get(path)).status == 200


@pytest.mark.parametrize(("form", "code"), [
    ({"Networks": "example.com"}, 20001),
    ({"Networks": ",".join(["10.0.0.0/8"] * 51)}, 20001),
    ({"Inbound": "maybe"}, 20001),
    ({"FriendlyName": "x" * 65}, 20001),
    ({"MessagingServiceSid": "MG1"}, 20001),
    ({"MessagingServiceSid": "MG" + "0" * 32}, 21701),
])  # fmt: skip
async def test_bad_input_is_refused_and_makes_nothing(api: Api, form: dict[str, str], code: int) -> None:
    assert (await api.client.post(PATH, form)).says == (400, code)
    assert (await api.client.get(PATH)).json["smpp_credentials"] == []


async def test_pages_are_walked(api: Api) -> None:
    made = [(await api.client.post(PATH, FriendlyName=str(n))).json["sid"] for n in range(3)]
    first = await api.client.get(PATH, {"PageSize": 2})
    second = await api.client.follow(first.json["next_page_uri"])
    assert [one["sid"] for page in (first, second) for one in page.json["smpp_credentials"]] == made[::-1]
