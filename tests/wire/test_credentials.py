"""Every operation that is served, asked by who has no credential, a wrong one, or one of another account: nothing comes out."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
import requests

from limpet.web.app import served
from tests.wire.conftest import Wire

NOBODYS = "ZZ" + "0" * 32
TIMEOUT_S = 20
OF_NOBODY = {
    ("GET", "/v1/Services/Usecases"),
}
"""What is the same for everybody."""


@dataclass
class Place:
    """An operation at a path of one account's resources; `named` says whether the path names any of them."""

    method: str
    path: str
    named: bool


def places(wire: Wire) -> list[Place]:
    """Each served operation once, its variables filled with what the account has, or made up where it has none."""
    client, account = wire.client(), wire.ready["account_sid"]
    service = wire.pool(1)
    member = client.messaging.v1.services(service).phone_numbers.list()[0].sid
    message = client.messages.create(to="+14155550199", messaging_service_sid=service, body="x").sid
    names = {
        "account_sid": account, "service_sid": service, "sender_sid": member, "country_code": "US", "media_sid": "ME" + "0" * 32,
        "to": "%2B14155550199",
    }  # fmt: skip
    of_sid = {
        "Accounts": account, "Messages": message, "IncomingPhoneNumbers": member, "Keys": wire.ready["api_key_sid"],
        "SigningKeys": wire.ready["api_key_sid"], "Deliveries": "WD" + "0" * 32, "ShortCodes": "SC" + "0" * 32,
        "ChannelSenders": "XE" + "0" * 32,
    }  # fmt: skip

    def fill(path: str) -> str:
        path = re.sub(r"/(\w+)/\{sid\}", lambda m: f"/{m[1]}/{of_sid.get(m[1], NOBODYS)}", path)
        return re.sub(r"\{(\w+)\}", lambda m: names.get(m[1], NOBODYS), path)

    made = [Place(method, fill(path), path != (filled := fill(path)) and bool(filled)) for method, path in served()]
    assert len(made) > 100
    return made


def asked(wire: Wire, place: Place, user: tuple[str, str] | None) -> requests.Response:
    form = {} if place.method == "POST" else None
    query = "?To=%2B14155550199" if place.path.endswith("StickyMappings") else ""
    return requests.request(place.method, wire.url + place.path + query, data=form, auth=user, timeout=TIMEOUT_S)


def test_nobody_gets_in_without_a_credential_or_with_a_wrong_one(wire: Wire) -> None:
    for place in places(wire):
        for user in (None, (wire.ready["account_sid"], "x" * 32), ("nobody", "x"), ("AC" + "f" * 32, "x")):
            answer = asked(wire, place, user)
            assert answer.status_code in ((401, 429) if user else (401,)), (place, user, answer.text)
            assert answer.json()["code"] in (20003, 20429)


def test_another_account_finds_nothing_of_ones(wire: Wire) -> None:
    client = wire.client()
    other = client.api.v2010.accounts.create(friendly_name="Other")
    services = [service.sid for service in client.messaging.v1.services.list(limit=20)]
    messages = [message.sid for message in client.messages.list(limit=20)]
    assert services
    ours = re.compile("|".join([wire.ready["auth_token"], *services, *messages]))
    wrong = []
    for place in places(wire):
        answer = asked(wire, place, (other.sid, other.auth_token))
        hidden = answer.status_code in (401, 403, 404) if place.named else not ours.search(answer.text)
        if not hidden and (place.method, place.path) not in OF_NOBODY:
            wrong.append(f"{place.method} {place.path}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", ["/v1/Content", "/content/v1/Content", "/v1/Content/HX" + "0" * 32])
def test_content_is_behind_the_same_door(wire: Wire, path: str) -> None:
    assert requests.get(wire.url + path, timeout=TIMEOUT_S).status_code == 401
