"""Accounts and their API keys over HTTP. An account sees itself and the sub-accounts that it owns, and no other.

Sources: twilio.com/docs/iam/api/account, …/subaccounts and …/api-keys. As at Twilio, keys and the account itself can be
changed with the account's own token only: a key that leaks cannot make more keys.
"""

from __future__ import annotations

from limpet.core.errors import ApiError
from limpet.core.model import Account, AccountStatus
from limpet.core.tenancy import SUBACCOUNTS_MAX, may_act
from limpet.twilio.account_form import parse_account_change, parse_account_query, parse_key_name, parse_new_account
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_2010
from limpet.twilio.resources import account_resource, key_resource
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call


async def create(call: Call) -> Answer:
    """POST /2010-04-01/Accounts.json: a sub-account of the caller's main account."""
    _demand_token(call)
    if call.account.owner_sid is not None:
        raise ApiError(20001, parameter="account", why="a sub-account cannot have sub-accounts")
    made = await call.deps.accounts.create_sub(call.account, parse_new_account(call.form, call.now), call.now)
    if made is None:
        raise ApiError(20001, parameter="account", why=f"it has {SUBACCOUNTS_MAX} sub-accounts, as many as it may")
    return created(account_resource(*made))


async def page(call: Call) -> Answer:
    """GET /2010-04-01/Accounts.json: the caller's own account and its sub-accounts, newest first; to a key its own only."""
    request, wanted = parse_page(call.query), parse_account_query(call.query)
    is_key = call.caller.is_key
    found = await call.deps.accounts.family(call.account, wanted.friendly_name, wanted.status, request, alone=is_key)
    shown = [account_resource(account, None if is_key else token) for account, token in found.items]
    return ok(page_2010("accounts", shown, found, request, call.path, call.query))


async def fetch(call: Call) -> Answer:
    """GET /2010-04-01/Accounts/{AC}.json; with its token only for who came by a token."""
    return await _shown(call, await _administered(call))


async def update(call: Call) -> Answer:
    """POST /2010-04-01/Accounts/{AC}.json: its name, and the status of a sub-account. One that is closed loses its numbers."""
    _demand_token(call)
    account = await _administered(call)
    change = parse_account_change(call.form, account, owned=account.sid != call.account.sid)
    changed = await call.deps.accounts.update(account.id, change.friendly_name, change.status, call.now)
    call.auth.invalidate(account.sid)
    if changed.status is AccountStatus.CLOSED:
        await call.deps.senders.release_all(account.id, call.now)
    return await _shown(call, changed)


async def _administered(call: Call) -> Account:
    """The account that the path names, as it is now: the caller's own or one that it owns."""
    sid = call.parts["sid"]
    account = await call.deps.accounts.by_sid(sid) if is_sid("AC", sid) else None
    if account is None or not may_act(call.account, by_key=call.caller.is_key, target=account):
        raise call.not_found()
    return account


async def _shown(call: Call, account: Account) -> Answer:
    token = None if call.caller.is_key else await call.deps.accounts.auth_token(account.id)
    return ok(account_resource(account, token))


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
