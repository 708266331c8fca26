"""An account's geographic permissions and test credentials over HTTP, both under paths of ours."""

from __future__ import annotations

from limpet.core.errors import ApiError
from limpet.core.model import Account
from limpet.twilio.account_form import parse_countries
from limpet.twilio.resources import account_uri
from limpet.web.answer import Answer, ok
from limpet.web.door import Call


async def geo(call: Call) -> Answer:
    """GET …/GeoPermissions.json: where the account may send to; null for everywhere."""
    account = await call.deps.accounts.by_sid(call.account.sid)
    if account is None:
        raise call.not_found()
    return ok(_shown(account))


async def change_geo(call: Call) -> Answer:
    """POST …/GeoPermissions.json with `Countries`, country codes with commas between them; empty for everywhere."""
    if call.caller.is_key:
        raise ApiError(20003, status=403)
    countries = parse_countries(call.form)
    account = await call.deps.accounts.set_countries(call.account.id, countries, call.now)
    call.auth.invalidate(account.sid)
    return ok(_shown(account))


async def test_credentials(call: Call) -> Answer:
    """GET …/TestCredentials.json: what to rehearse with. For the account's own token only."""
    if call.caller.is_key:
        raise ApiError(20003, status=403)
    sid, token = await call.deps.accounts.test_credentials(call.account.id)
    uri = f"{account_uri(call.account.sid)}/TestCredentials.json"
    return ok({"account_sid": call.account.sid, "test_account_sid": sid, "test_auth_token": token, "uri": uri})


def _shown(account: Account) -> dict[str, object]:
    countries = None if account.countries is None else sorted(account.countries)
    return {
        "account_sid": account.sid,
        "countries": countries,
        "uri": f"{account_uri(account.sid)}/GeoPermissions.json",
    }
