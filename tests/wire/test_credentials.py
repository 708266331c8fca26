"""Every operation that is served, asked by who has no credential, a wrong one, or one of another account: nothing comes out.

All that a path can name is there and is the account's (`tests.wire.owned`), so what is refused is refused for whose it is.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
import requests

from tests.wire.conftest import Wire
from tests.wire.owned import TIMEOUT_S, Owned, Place, own

OF_NOBODY = {
    "/v1/Services/Usecases", "/v1/Types/{type}", "/v1/Schemas/{schema_id}", "/v1/Schemas/{schema_id}/Versions",
    "/v1/Schemas/{schema_id}/Versions/{version}", "/v1/LinkShortening/Domains/{domain_sid}/Config",
    "/v1/LinkShortening/Domains/{domain_sid}/ValidateDns",
}  # fmt: skip
"""What everybody finds: Twilio's catalogues, and the operator's domain, of which each account has its own settings."""

OF_EVERYBODY = ("domain_sid", "type", "schema_id", "version", "country_code", "to")
"""What in a path is no secret; nor is an account's own SID, which its sub-account knows as its owner's."""


@pytest.fixture(scope="module")
def owned(wire_server: dict[str, Any]) -> Owned:
    wire = Wire(wire_server)
    made = asyncio.run(own(wire))
    assert wire.complaints == []
    return made


def asked(wire: Wire, place: Place, user: tuple[str, str] | None) -> requests.Response:
    form = {} if place.method == "POST" else None
    query = "?To=%2B14155550199" if place.path.endswith(("StickyMappings", "/People")) else ""
    if place.path.endswith("Deactivations"):
        query = f"?Date={wire.ready['deactivated_day']}"
    return requests.request(
        place.method, wire.url + place.path + query, data=form, auth=user, timeout=TIMEOUT_S, allow_redirects=False
    )


def lost(owned: Owned) -> list[str]:
    """What the account itself does not find."""
    places = [place for place in owned.places() if place.method == "GET"]
    answers = [(place, asked(owned.wire, place, owned.user)) for place in places]
    return [f"{place.path}: {found.text[:200]}" for place, found in answers if found.status_code not in (200, 307)]


def test_the_account_itself_finds_everything(owned: Owned) -> None:
    assert lost(owned) == []
    assert len(owned.places()) > 150


@pytest.mark.parametrize("user", [None, ("", "x" * 32), ("nobody", "x"), ("AC" + "f" * 32, "x")])
def test_nobody_gets_in_without_a_credential_or_with_a_wrong_one(owned: Owned, user: tuple[str, str] | None) -> None:
    if user is not None and not user[0]:
        user = owned.wire.ready["account_sid"], user[1]
    for place in owned.places():
        answer = asked(owned.wire, place, user)
        assert answer.status_code in ((401, 429) if user else (401,)), (place, user, answer.text)
        assert answer.json()["code"] in (20003, 20429)


def test_another_account_finds_nothing_of_ones_and_changes_nothing(owned: Owned) -> None:
    wire = owned.wire
    other = wire.client().api.v2010.accounts.create(friendly_name="Other")
    user = other.sid, other.auth_token
    known = {wire.ready["account_sid"], *(owned.names[name] for name in OF_EVERYBODY)}
    ours = re.compile("|".join([wire.ready["auth_token"], "owned.example", *(set(owned.sids()) - known)]))
    wrong = []
    for place in owned.places():
        answer = asked(wire, place, user)
        if place.template in OF_NOBODY or not place.named:
            hidden = answer.status_code < 500 and not ours.search(answer.text)
        else:
            hidden = answer.status_code in (401, 403, 404)
        if not hidden:
            wrong.append(f"{place.method} {place.path}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert lost(owned) == []
