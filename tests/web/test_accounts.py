"""Accounts and keys through the door."""

from __future__ import annotations

import pytest

from tests.web.client import Client
from tests.web.conftest import Api

ACCOUNTS = "/2010-04-01/Accounts"


async def test_an_account_sees_itself_with_its_token(api: Api) -> None:
    account = (await api.client.get(f"{ACCOUNTS}/{api.account.sid}.json")).json
    assert (account["sid"], account["status"], account["type"]) == (api.account.sid, "active", "Full")
    assert account["auth_token"] == api.client.secret
    listed = (await api.client.get(f"{ACCOUNTS}.json")).json
    assert listed["accounts"] == [account]


async def test_a_key_does_not_see_the_token(api: Api) -> None:
    assert (await api.key.get(f"{ACCOUNTS}/{api.account.sid}.json")).json["auth_token"] is None
    assert (await api.key.get(f"{ACCOUNTS}.json")).json["accounts"][0]["auth_token"] is None


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"FriendlyName": "Tenant"}, 1),
        ({"FriendlyName": "Other"}, 0),
        ({"Status": "active"}, 1),
        ({"Status": "closed"}, 0),
    ],
)
async def test_the_list_has_no_account_but_ones_own(api: Api, query: dict[str, str], count: int) -> None:
    assert len((await api.client.get(f"{ACCOUNTS}.json", query)).json["accounts"]) == count


async def test_an_account_takes_another_name_but_no_other_status(api: Api) -> None:
    path = f"{ACCOUNTS}/{api.account.sid}.json"
    changed = await api.client.post(path, FriendlyName="Renamed", Status="active")
    assert (changed.status, changed.json["friendly_name"]) == (200, "Renamed")
    assert (await api.client.get(path)).json["friendly_name"] == "Renamed"
    assert (await api.client.post(path)).json["friendly_name"] == "Renamed"
    for status in ("closed", "suspended"):
        assert (await api.client.post(path, Status=status)).says == (400, 20001)
    assert (await api.client.get(path)).json["status"] == "active"


async def test_nobody_sees_other_accounts(api: Api) -> None:
    path = f"{ACCOUNTS}/{api.account.sid}.json"
    for answer in (await api.stranger.get(path), await api.stranger.post(path, FriendlyName="x")):
        assert answer.says == (404, 20404)


@pytest.mark.parametrize("plural", ["Keys", "SigningKeys"])
async def test_a_key_is_made_works_is_renamed_and_ends(api: Api, plural: str) -> None:
    made = await api.client.post(f"/{plural}.json", FriendlyName="Deploy")
    assert (made.status, made.json["friendly_name"]) == (201, "Deploy")
    sid, secret = made.json["sid"], made.json["secret"]
    holder = Client(api.app, sid, secret, api.account.sid)
    assert (await holder.get("/Messages.json")).status == 200
    place = f"/{plural}/{sid}.json"
    renamed = await api.client.post(place, FriendlyName="Deployment")
    assert (renamed.status, renamed.json["friendly_name"], "secret" in renamed.json) == (200, "Deployment", False)
    assert (await api.client.post(place)).json == renamed.json == (await api.client.get(place)).json
    listed = (await api.client.get(f"/{plural}.json")).json
    assert [key["sid"] for key in listed["signing_keys" if plural == "SigningKeys" else "keys"]] == [sid, api.key.sid]
    assert (await api.client.delete(place)).status == 204
    assert (await holder.get("/Messages.json")).says == (401, 20003)
    for answer in (
        await api.client.get(place),
        await api.client.post(place, FriendlyName="x"),
        await api.client.delete(place),
    ):
        assert answer.says == (404, 20404)


async def test_keys_and_the_account_are_for_the_token_only(api: Api) -> None:
    place = f"/Keys/{api.key.sid}.json"
    for answer in (
        await api.key.get("/Keys.json"),
        await api.key.post("/Keys.json", FriendlyName="More"),
        await api.key.get(place),
        await api.key.post(place, FriendlyName="x"),
        await api.key.delete(place),
        await api.key.get("/SigningKeys.json"),
        await api.key.post(f"{ACCOUNTS}/{api.account.sid}.json", FriendlyName="x"),
    ):
        assert answer.says == (401, 20003)
    assert len((await api.client.get("/Keys.json")).json["keys"]) == 1


async def test_nobody_sees_or_touches_the_keys_of_others(api: Api) -> None:
    place = f"/Keys/{api.key.sid}.json"
    for answer in (
        await api.stranger.get(place),
        await api.stranger.post(place, FriendlyName="x"),
        await api.stranger.delete(place),
        await api.stranger.get(api.client.within("/Keys.json")),
        await api.stranger.post(api.client.within("/Keys.json")),
    ):
        assert answer.says == (404, 20404)
    assert (await api.stranger.get("/Keys.json")).json["keys"] == []
