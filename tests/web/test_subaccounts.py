"""Sub-accounts through the door: made, seen, acted for, suspended, closed, and kept apart."""

from __future__ import annotations

import pytest

from limpet.core import tenancy
from limpet.core.model import AccountStatus
from tests.support.clock import HandClock
from tests.web.client import Client, Response
from tests.web.conftest import NUMBER, PERSON, Api

ACCOUNTS = "/2010-04-01/Accounts"


async def sub(api: Api, name: str = "Customer") -> Client:
    """A new sub-account, as itself."""
    made = await api.client.post(f"{ACCOUNTS}.json", FriendlyName=name)
    assert made.status == 201, made.body
    return Client(api.app, made.json["sid"], made.json["auth_token"], made.json["sid"])


def acting(api: Api, owned: Client, caller: Client | None = None) -> Client:
    """The main account's credential on the sub-account's paths."""
    caller = caller or api.client
    return Client(api.app, caller.sid, caller.secret, owned.account_sid)


async def test_a_sub_account_is_made_and_names_its_owner(api: Api) -> None:
    made = (await api.client.post(f"{ACCOUNTS}.json", FriendlyName="Customer")).json
    assert (made["friendly_name"], made["status"], made["owner_account_sid"]) == ("Customer", "active", api.account.sid)
    assert (await api.client.get(f"{ACCOUNTS}/{made['sid']}.json")).json == made
    unnamed = (await api.client.post(f"{ACCOUNTS}.json")).json
    assert unnamed["friendly_name"].startswith("subaccount created at")
    listed = (await api.client.get(f"{ACCOUNTS}.json")).json["accounts"]
    assert [each["sid"] for each in listed] == [unnamed["sid"], made["sid"], api.account.sid]
    assert listed[1] == made
    assert (await api.client.get(f"{ACCOUNTS}.json", {"FriendlyName": "Customer"})).json["accounts"] == [made]


async def test_a_sub_account_sees_itself_only(api: Api) -> None:
    first, second = await sub(api, "One"), await sub(api, "Two")
    assert [each["sid"] for each in (await first.get(f"{ACCOUNTS}.json")).json["accounts"]] == [first.sid]
    for path in (f"{ACCOUNTS}/{second.sid}.json", f"{ACCOUNTS}/{api.account.sid}.json"):
        assert (await first.get(path)).says == (404, 20404)
        assert (await first.post(path, FriendlyName="x")).says == (404, 20404)
    for other in (second.account_sid, api.account.sid):
        assert (await first.get(f"{ACCOUNTS}/{other}/Messages.json")).says == (404, 20404)
        assert (await first.post(f"{ACCOUNTS}/{other}/Keys.json")).says == (404, 20404)
    assert (await first.post(f"{ACCOUNTS}.json", FriendlyName="Deeper")).says == (400, 20001)


async def test_the_main_account_acts_for_its_sub_account(api: Api) -> None:
    owned = await sub(api)
    main = acting(api, owned)
    number = await main.post("/IncomingPhoneNumbers.json", PhoneNumber=NUMBER)
    assert (number.status, number.json["account_sid"]) == (201, owned.sid)
    sent = await main.post("/Messages.json", From=NUMBER, To=PERSON, Body="Hello")
    assert (sent.status, sent.json["account_sid"]) == (201, owned.sid)
    assert (await owned.get(f"/Messages/{sent.json['sid']}.json")).json["body"] == "Hello"
    assert (await api.client.get(f"/Messages/{sent.json['sid']}.json")).says == (404, 20404)
    assert (await api.client.get("/Messages.json")).json["messages"] == []
    assert (await api.client.get("/IncomingPhoneNumbers.json")).json["incoming_phone_numbers"] == []
    key = await main.post("/Keys.json", FriendlyName="Customer's")
    holder = Client(api.app, key.json["sid"], key.json["secret"], owned.sid)
    assert len((await holder.get("/Messages.json")).json["messages"]) == 1
    assert (await holder.get(f"{ACCOUNTS}/{api.account.sid}/Messages.json")).says == (404, 20404)


async def test_nobody_else_acts_for_it(api: Api) -> None:
    owned = await sub(api)
    assert (await acting(api, owned).get("/Messages.json")).status == 200
    for caller in (api.stranger, api.key):
        other = acting(api, owned, caller)
        assert (await other.get("/Messages.json")).says == (404, 20404)
        assert (await other.post("/IncomingPhoneNumbers.json", PhoneNumber=NUMBER)).says == (404, 20404)
        assert (await other.get(f"{ACCOUNTS}/{owned.sid}.json")).says == (404, 20404)
    assert (await api.key.get(f"{ACCOUNTS}.json")).json["accounts"][0]["sid"] == api.account.sid
    assert len((await api.key.get(f"{ACCOUNTS}.json")).json["accounts"]) == 1
    assert (await api.key.post(f"{ACCOUNTS}.json")).says == (401, 20003)


async def status(api: Api, owned: Client, wanted: str) -> Response:
    return await api.client.post(f"{ACCOUNTS}/{owned.sid}.json", Status=wanted)


async def test_a_suspended_one_looks_and_does_not_send_until_it_is_active_again(api: Api) -> None:
    owned = await sub(api)
    assert (await owned.get("/Messages.json")).status == 200
    assert (await status(api, owned, "suspended")).json["status"] == "suspended"
    for caller in (owned, acting(api, owned)):
        assert (await caller.get("/Messages.json")).status == 200
        assert (await caller.post("/Messages.json", From=NUMBER, To=PERSON, Body="x")).says == (403, 20005)
    assert (await owned.post(f"{ACCOUNTS}/{owned.sid}.json", Status="active")).says == (403, 20005)
    assert (await status(api, owned, "active")).json["status"] == "active"
    assert (await owned.post("/IncomingPhoneNumbers.json", PhoneNumber=NUMBER)).status == 201


async def test_a_closed_one_is_shut_for_ever_and_its_numbers_are_free(api: Api) -> None:
    owned = await sub(api)
    assert (await owned.post("/IncomingPhoneNumbers.json", PhoneNumber=NUMBER)).status == 201
    assert (await status(api, owned, "closed")).json["status"] == "closed"
    assert (await owned.get("/Messages.json")).says == (401, 20003)
    assert (await acting(api, owned).post("/Messages.json", From=NUMBER, To=PERSON, Body="x")).says == (403, 20005)
    for wanted in ("active", "suspended"):
        assert (await status(api, owned, wanted)).says == (400, 20001)
    assert (await status(api, owned, "closed")).status == 200
    assert (await api.client.post("/IncomingPhoneNumbers.json", PhoneNumber=NUMBER)).status == 201
    assert len((await api.client.get(f"{ACCOUNTS}.json", {"Status": "closed"})).json["accounts"]) == 1


async def test_what_happens_to_the_main_account_happens_to_its_sub_accounts(api: Api, clock: HandClock) -> None:
    owned = await sub(api)
    for now, (code, number) in ((AccountStatus.SUSPENDED, (403, 20005)), (AccountStatus.CLOSED, (401, 20003))):
        await api.deps.accounts.update(api.account.id, None, now, clock.now())
        api.app.auth.invalidate(api.account.sid)
        assert (await owned.post("/IncomingPhoneNumbers.json", PhoneNumber=NUMBER)).says == (code, number)


async def test_there_are_as_many_as_there_may_be(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limpet.store.accounts.SUBACCOUNTS_MAX", 2)
    first, _ = await sub(api), await sub(api)
    assert (await api.client.post(f"{ACCOUNTS}.json")).says == (400, 20001)
    await status(api, first, "closed")
    assert (await api.client.post(f"{ACCOUNTS}.json")).status == 201
    assert tenancy.SUBACCOUNTS_MAX == 1000


async def test_the_path_is_checked_before_anything_is_looked_up(api: Api) -> None:
    for sid in ("AC1", "x" * 34, "AC" + "f" * 32):
        assert (await api.client.get(f"{ACCOUNTS}/{sid}.json")).says == (404, 20404)
        assert (await api.client.get(f"{ACCOUNTS}/{sid}/Messages.json")).says == (404, 20404)
