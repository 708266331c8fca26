"""Accounts and their API keys over HTTP. An account sees itself and no other.

Sources: twilio.com/docs/iam/api/account, twilio.com/docs/iam/api-keys. As at Twilio, keys and the account itself can be
changed with the account's own token only: a key that leaks cannot make more keys.
"""

from __future__ import annotations

from limpet.core.errors import ApiError
from limpet.core.page import Page
from limpet.twilio.account_form import parse_account_change, parse_account_query, parse_key_name
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_2010
from limpet.twilio.resources import account_resource, key_resource
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call


async def page(call: Call) -> Answer:
    """GET /2010-04-01/Accounts.json: the caller's own account, when it fits the filters."""
    request, wanted = parse_page(call.query), parse_account_query(call.query)
    account = call.account
    fits = wanted.friendly_name in (None, account.friendly_name) and wanted.status in (None, account.status)
    found = Page((account,) if fits and request.number == 0 else (), None, None)
    shown = [account_resource(each, call.caller.secret) for each in found.items]
    return ok(page_2010("accounts", shown, found, request, call.path, call.query))


async def fetch(call: Call) -> Answer:
    """GET /2010-04-01/Accounts/{AC}.json; with its token only for who presented it."""
    account = await call.deps.accounts.by_sid(call.account.sid)
    if account is None:
        raise call.not_found()
    return ok(account_resource(account, call.caller.secret))


async def update(call: Call) -> Answer:
    """POST /2010-04-01/Accounts/{AC}.json: its name."""
    _demand_token(call)
    name = parse_account_change(call.form, call.account.status)
    account = await call.deps.accounts.update(call.account.id, name, None, call.now)
    call.auth.invalidate(account.sid)
    return ok(account_resource(account, call.caller.secret))


async def create_key(call: Call) -> Answer:
    """POST …/Keys.json: the only answer that shows the secret."""
    _demand_token(call)
    name = parse_key_name(call.form) or ""
    key, secret = await call.deps.accounts.create_key(call.account.id, name, call.now)
    return created(key_resource(key, secret))


async def page_keys(call: Call) -> Answer:
    """GET …/Keys.json, newest first."""
    return await _page_keys(call, "keys")


async def page_signing_keys(call: Call) -> Answer:
    """GET …/SigningKeys.json: the same keys under Twilio's other name for them."""
    return await _page_keys(call, "signing_keys")


async def _page_keys(call: Call, plural: str) -> Answer:
    _demand_token(call)
    request = parse_page(call.query)
    found = await call.deps.accounts.keys(call.account.id, request)
    return ok(page_2010(plural, [key_resource(key) for key in found.items], found, request, call.path, call.query))


async def fetch_key(call: Call) -> Answer:
    """GET …/Keys/{SK}.json."""
    _demand_token(call)
    key = await call.deps.accounts.key(call.account.id, _key_sid(call))
    if key is None:
        raise call.not_found()
    return ok(key_resource(key))


async def rename_key(call: Call) -> Answer:
    """POST …/Keys/{SK}.json."""
    _demand_token(call)
    sid, name = _key_sid(call), parse_key_name(call.form)
    if name is None:
        return await fetch_key(call)
    key = await call.deps.accounts.rename_key(call.account.id, sid, name, call.now)
    if key is None:
        raise call.not_found()
    return ok(key_resource(key))


async def delete_key(call: Call) -> Answer:
    """DELETE …/Keys/{SK}.json: refused from now on, in other processes within a minute."""
    _demand_token(call)
    sid = _key_sid(call)
    if not await call.deps.accounts.delete_key(call.account.id, sid):
        raise call.not_found()
    call.auth.invalidate(sid)
    return NO_CONTENT


def _demand_token(call: Call) -> None:
    if call.caller.is_key:
        raise ApiError(20003)


def _key_sid(call: Call) -> str:
    sid = call.parts["sid"]
    if not is_sid("SK", sid):
        raise call.not_found()
    return sid
