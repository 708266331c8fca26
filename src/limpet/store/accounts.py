"""Accounts and API keys in PostgreSQL, with their secrets sealed or hashed.

It answers whose a SID is and whether a secret matches; what a suspended account may still do is the web's decision.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from limpet.core.model import Account, AccountStatus, ApiKey
from limpet.core.page import Page, PageRequest
from limpet.core.tenancy import SUBACCOUNTS_MAX, standing
from limpet.store.database import Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query
from limpet.store.secrets import Vault
from limpet.twilio.sid import new_sid

_PAGE = listing("accounts_page")
_FAMILY_PAGE = listing("account_family_page")
_KEY_PAGE = listing("api_key_page")
_SID_BITS = 128


@dataclass(frozen=True, slots=True)
class Credential:
    """Whose a user name of Basic authentication is, and whether a password fits it, compared in constant time."""

    account: Account
    secret_matches: Callable[[str], bool]
    is_key: bool
    standing: AccountStatus
    """The account's status, or its main account's where that is worse."""
    is_test: bool = False
    """They are test credentials: the account's SID is theirs."""


class Accounts:
    """Tenants and their credentials."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def by_sid(self, sid: str) -> Account | None:
        """The account with this SID (`AC…`)."""
        row = await self._database.pool.fetchrow(query("account_by_sid"), sid)
        return None if row is None else account_of(row)

    async def credentials(self, sid: str) -> Credential | None:
        """What a request under this user name must present: an account (`AC…`) or an API key (`SK…`); None for neither."""
        if sid.startswith("SK"):
            row = await self._database.pool.fetchrow(query("api_key_credential"), sid)
            return None if row is None else _credential(row, self._hash_matcher(row["secret_hash"]), True)
        row = await self._database.pool.fetchrow(query("account_credential"), sid)
        if row is not None:
            return _credential(row, _matcher(self._vault.open(row["auth_token_sealed"])), False)
        row = await self._database.pool.fetchrow(query("account_test_credential"), sid)
        if row is None:
            return None
        found = _credential(row, _matcher(self._vault.open(row["test_token_sealed"])), False)
        return replace(found, account=replace(found.account, sid=sid), is_test=True)

    async def test_credentials(self, account_id: int) -> tuple[str, str]:
        """The SID and token of an account's test credentials, made when they are first asked for."""
        token = self._vault.new_secret()
        row = await self._database.pool.fetchrow(
            query("account_test_read"), account_id, _sid("AC"), self._vault.seal(token)
        )
        return row["test_sid"], self._vault.open(row["test_token_sealed"])

    async def set_countries(self, account_id: int, countries: frozenset[str] | None, now: datetime) -> Account:
        """The account, which may now send to these countries, or everywhere."""
        kept = None if countries is None else sorted(countries)
        return account_of(await self._database.pool.fetchrow(query("account_set_countries"), account_id, kept, now))

    def _hash_matcher(self, secret_hash: bytes) -> Callable[[str], bool]:
        return lambda presented: hmac.compare_digest(self._vault.hash_secret(presented), secret_hash)

    async def auth_token(self, account_id: int) -> str:
        """The token that signs the account's webhooks; LookupError when there is no such account."""
        sealed = await self._database.pool.fetchval(query("account_token"), account_id)
        if sealed is None:
            raise LookupError(f"no account {account_id}")
        return self._vault.open(sealed)

    async def create(self, friendly_name: str, now: datetime) -> tuple[Account, str]:
        """A new active main account and its auth token."""
        token = self._vault.new_secret()
        row = await self._database.pool.fetchrow(
            query("account_insert"), _sid("AC"), friendly_name, self._vault.seal(token), now
        )
        return account_of(row), token

    async def create_sub(self, owner: Account, friendly_name: str, now: datetime) -> tuple[Account, str] | None:
        """A new active sub-account and its auth token; None when the owner has as many as it may."""
        token = self._vault.new_secret()
        row = await self._database.pool.fetchrow(
            query("account_insert_sub"),
            _sid("AC"),
            friendly_name,
            self._vault.seal(token),
            now,
            owner.sid,
            SUBACCOUNTS_MAX,
        )
        return None if row is None else (account_of(row), token)

    async def family(
        self, account: Account, friendly_name: str | None, status: str | None, request: PageRequest, *, alone: bool
    ) -> Page[tuple[Account, str]]:
        """An account and, unless `alone`, its sub-accounts, each with its auth token, newest first; None in a filter is any."""
        owner_sid = None if alone else account.sid
        return await fetch_page(
            self._database, _FAMILY_PAGE, request, self._with_token, account.sid, owner_sid, friendly_name, status
        )

    def _with_token(self, row: asyncpg.Record) -> tuple[Account, str]:
        return account_of(row), self._vault.open(row["auth_token_sealed"])

    async def set_limits(self, account: Account, now: datetime) -> Account:
        """The account with the limits that this value of it has (`segments_per_s` to `verified`)."""
        kept = (account.segments_per_s, account.scheduled_max, account.trial, sorted(account.verified))
        return account_of(await self._database.pool.fetchrow(query("account_set_limits"), account.id, *kept, now))

    async def update(
        self, account_id: int, friendly_name: str | None, status: AccountStatus | None, now: datetime
    ) -> Account:
        """The account with what is not None changed; LookupError when there is no such account."""
        row = await self._database.pool.fetchrow(query("account_update"), account_id, friendly_name, status, now)
        if row is None:
            raise LookupError(f"no account {account_id}")
        return account_of(row)

    async def named(self, friendly_name: str, owner_sid: str | None) -> list[Account]:
        """Accounts of this name, main ones or sub-accounts of one; at most three, closed ones last."""
        rows = await self._database.pool.fetch(query("accounts_named"), friendly_name, owner_sid)
        return [account_of(row) for row in rows]

    async def set_token(self, account_id: int, token: str, now: datetime) -> None:
        """Give an account another auth token: the former one opens nothing any more."""
        await self._database.pool.execute(query("account_set_token"), account_id, self._vault.seal(token), now)

    async def page(self, request: PageRequest) -> Page[Account]:
        """Every account, newest first."""
        return await fetch_page(self._database, _PAGE, request, account_of)

    async def create_key(self, account_id: int, friendly_name: str, now: datetime) -> tuple[ApiKey, str]:
        """A new API key and its secret, which nobody can read again."""
        secret = self._vault.new_secret()
        row = await self._database.pool.fetchrow(
            query("api_key_insert"), _sid("SK"), account_id, friendly_name, self._vault.hash_secret(secret), now
        )
        return _key_of(row), secret

    async def key(self, account_id: int, sid: str) -> ApiKey | None:
        """One of the account's API keys."""
        row = await self._database.pool.fetchrow(query("api_key_by_sid"), account_id, sid)
        return None if row is None else _key_of(row)

    async def keys(self, account_id: int, request: PageRequest) -> Page[ApiKey]:
        """The account's API keys, newest first."""
        return await fetch_page(self._database, _KEY_PAGE, request, _key_of, account_id)

    async def rename_key(self, account_id: int, sid: str, friendly_name: str, now: datetime) -> ApiKey | None:
        """The key under its new name; None when the account has no such key."""
        row = await self._database.pool.fetchrow(query("api_key_rename"), account_id, sid, friendly_name, now)
        return None if row is None else _key_of(row)

    async def delete_key(self, account_id: int, sid: str) -> bool:
        """Whether there was such a key; it is refused from now on."""
        return await self._database.pool.fetchval(query("api_key_delete"), account_id, sid) is not None


def _sid(prefix: str) -> str:
    return new_sid(prefix, secrets.randbits(_SID_BITS))


def _matcher(secret: str) -> Callable[[str], bool]:
    expected = secret.encode()
    return lambda presented: hmac.compare_digest(presented.encode(errors="surrogatepass"), expected)


def account_of(row: asyncpg.Record) -> Account:
    """The value of a row of `account`."""
    status = AccountStatus(row["status"])
    return Account(
        row["id"],
        row["sid"],
        row["friendly_name"],
        status,
        row["created_at"],
        row["updated_at"],
        row["owner_sid"],
        None if row["countries"] is None else frozenset(row["countries"]),
        row["segments_per_s"],
        row["scheduled_max"],
        row["trial"],
        frozenset(row["verified"]),
    )


def _credential(row: asyncpg.Record, secret_matches: Callable[[str], bool], is_key: bool) -> Credential:
    account = account_of(row)
    owner = row["owner_status"] and AccountStatus(row["owner_status"])
    return Credential(account, secret_matches, is_key, standing(account.status, owner))


def _key_of(row: asyncpg.Record) -> ApiKey:
    return ApiKey(row["id"], row["sid"], row["account_id"], row["friendly_name"], row["created_at"], row["updated_at"])
