"""Accounts and API keys on a real PostgreSQL: who is known by which secret, and nobody by another's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limpet.core.model import AccountStatus
from limpet.core.page import PageRequest, parse_token
from limpet.store.accounts import Accounts
from limpet.store.database import Database, DatabaseUnusable
from limpet.store.secrets import KEY_BYTES, Vault
from tests.support.clock import NOW
from tests.support.tenants import vault

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database, vault())


async def test_an_account_is_known_by_its_sid_and_its_token(accounts: Accounts) -> None:
    account, token = await accounts.create("Acme", NOW)
    credential = await accounts.credentials(account.sid)
    assert credential is not None
    assert credential.account == account == await accounts.by_sid(account.sid)
    assert credential.secret_matches(token)
    assert not credential.is_key
    assert await accounts.auth_token(account.id) == token


@pytest.mark.parametrize("wrong", ["", "0" * 32, "ключ", "\ud800"])
async def test_a_wrong_secret_does_not_match(accounts: Accounts, wrong: str) -> None:
    account, _ = await accounts.create("Acme", NOW)
    key, _ = await accounts.create_key(account.id, "key", NOW)
    for sid in (account.sid, key.sid):
        credential = await accounts.credentials(sid)
        assert credential is not None
        assert not credential.secret_matches(wrong)


@pytest.mark.parametrize("sid", ["", "AC" + "0" * 32, "SK" + "0" * 32, "XX"])
async def test_an_unknown_user_has_no_credential(accounts: Accounts, sid: str) -> None:
    assert await accounts.credentials(sid) is None


async def test_an_api_key_speaks_for_its_account_until_it_is_deleted(accounts: Accounts) -> None:
    account, _ = await accounts.create("Acme", NOW)
    key, secret = await accounts.create_key(account.id, "laptop", NOW)
    credential = await accounts.credentials(key.sid)
    assert credential is not None
    assert (credential.account, credential.is_key, credential.secret_matches(secret)) == (account, True, True)
    assert await accounts.delete_key(account.id, key.sid)
    assert not await accounts.delete_key(account.id, key.sid)
    assert await accounts.credentials(key.sid) is None


async def test_one_account_does_not_reach_another_ones_keys(accounts: Accounts) -> None:
    owner, _ = await accounts.create("owner", NOW)
    other, _ = await accounts.create("other", NOW)
    key, _ = await accounts.create_key(owner.id, "key", NOW)
    assert await accounts.key(other.id, key.sid) is None
    assert await accounts.rename_key(other.id, key.sid, "stolen", LATER) is None
    assert not await accounts.delete_key(other.id, key.sid)
    assert (await accounts.keys(other.id, PageRequest())).items == ()
    assert await accounts.key(owner.id, key.sid) == key


async def test_a_change_leaves_what_it_does_not_name(accounts: Accounts) -> None:
    account, _ = await accounts.create("Acme", NOW)
    renamed = await accounts.update(account.id, "Acme Ltd", None, LATER)
    assert (renamed.friendly_name, renamed.status, renamed.updated_at) == ("Acme Ltd", AccountStatus.ACTIVE, LATER)
    closed = await accounts.update(account.id, None, AccountStatus.CLOSED, LATER)
    assert (closed.friendly_name, closed.status, closed.created_at) == ("Acme Ltd", AccountStatus.CLOSED, NOW)
    key, _ = await accounts.create_key(account.id, "old", NOW)
    named = await accounts.rename_key(account.id, key.sid, "new", LATER)
    assert named is not None
    assert (named.friendly_name, named.created_at, named.updated_at) == ("new", NOW, LATER)


async def test_what_is_not_there_cannot_be_changed(accounts: Accounts) -> None:
    with pytest.raises(LookupError):
        await accounts.update(404, "x", None, NOW)
    with pytest.raises(LookupError):
        await accounts.auth_token(404)


async def test_pages_go_there_and_back_newest_first(accounts: Accounts) -> None:
    account, _ = await accounts.create("Acme", NOW)
    made = [(await accounts.create_key(account.id, f"key {n}", NOW))[0] for n in range(7)]
    newest_first = [key.sid for key in reversed(made)]
    first = await accounts.keys(account.id, PageRequest(3))
    second = await accounts.keys(account.id, _request(3, first.next_token))
    third = await accounts.keys(account.id, _request(3, second.next_token))
    assert [key.sid for page in (first, second, third) for key in page.items] == newest_first
    assert (first.previous_token, third.next_token) == (None, None)
    back = await accounts.keys(account.id, _request(3, third.previous_token))
    assert back.items == second.items
    assert (await accounts.keys(account.id, _request(3, back.previous_token))).items == first.items


@pytest.mark.parametrize("token", [f"PA{2**63 - 1}", "PA0", f"PB{2**63 - 1}", "PB0"])
async def test_a_token_at_the_end_of_the_numbers_is_a_page_like_any(accounts: Accounts, token: str) -> None:
    await accounts.create("Acme", NOW)
    page = await accounts.page(_request(50, token))
    assert len(page.items) in (0, 1)


async def test_another_secret_key_is_noticed(database: Database, accounts: Accounts) -> None:
    account, _ = await accounts.create("Acme", NOW)
    with pytest.raises(DatabaseUnusable, match="secret key"):
        await Accounts(database, Vault(b"o" * KEY_BYTES)).auth_token(account.id)


async def test_the_database_holds_no_secret_in_the_clear(database: Database, accounts: Accounts) -> None:
    account, token = await accounts.create("Acme", NOW)
    _, secret = await accounts.create_key(account.id, "key", NOW)
    stored = str(await database.pool.fetch("SELECT a::text, k::text FROM account a, api_key k"))
    for known in (token, secret, token.encode().hex(), secret.encode().hex()):
        assert known not in stored


def _request(size: int, token: str | None) -> PageRequest:
    parsed = parse_token(token or "")
    assert parsed is not None
    return PageRequest(size, 0, *parsed)
