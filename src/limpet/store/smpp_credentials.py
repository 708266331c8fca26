"""SMPP credentials in PostgreSQL: names and passwords as short as SMPP's fields, hashed like API keys' secrets.

It answers what a bind must present. Who may bind from where, and how often, is `limpet.esme`'s decision.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network

import asyncpg

from limpet.core.model import Account, AccountStatus
from limpet.core.page import Page, PageRequest
from limpet.core.tenancy import standing
from limpet.store.accounts import account_of
from limpet.store.database import Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query
from limpet.store.secrets import Vault
from limpet.twilio.sid import new_sid

Network = IPv4Network | IPv6Network

PREFIX = "ES"
"""Of the SIDs of these credentials; ours."""
SYSTEM_ID_PREFIX, SYSTEM_ID_CHANCE = "lp", 10
PASSWORD_CHARACTERS = 8
"""As many as SMPP's field holds (SMPP 3.4 §5.2.2): 46 bits of chance, which bind limits keep from being tried out."""
_NAME_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_PASSWORD_LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105 - an alphabet
"""Without letters that people mistake for each other."""
_SID_BITS = 128
_PAGE = listing("smpp_credential_page")


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What a credential is to be: its name, the service of messages that name none, from where it may bind, and whether
    people's texts are delivered to it."""

    friendly_name: str
    service_id: int | None
    networks: tuple[Network, ...]
    inbound: bool


@dataclass(frozen=True, slots=True)
class SmppCredential:
    """A credential as its owner sees it; its password is shown once."""

    sid: str
    friendly_name: str
    system_id: str
    service_sid: str | None
    networks: tuple[str, ...]
    inbound: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Esme:
    """Who binds under a name: a credential's system_id or an API key's SID. `networks` empty: from anywhere."""

    name: str
    account: Account
    standing: AccountStatus
    """The account's status, or its main account's where that is worse."""
    service_sid: str | None
    networks: tuple[Network, ...]
    secret_matches: Callable[[str], bool]


class SmppCredentials:
    """Who may bind."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def create(self, account_id: int, new: NewCredential, now: datetime) -> tuple[SmppCredential, str]:
        """A new credential and its password, which nobody can read again."""
        password = _chosen(_PASSWORD_LETTERS, PASSWORD_CHARACTERS)
        row = await self._database.pool.fetchrow(
            query("smpp_credential_insert"), new_sid(PREFIX, secrets.randbits(_SID_BITS)), account_id, new.friendly_name,
            SYSTEM_ID_PREFIX + _chosen(_NAME_LETTERS, SYSTEM_ID_CHANCE), self._vault.hash_secret(password), new.service_id,
            [str(network) for network in new.networks], new.inbound, now,
        )  # fmt: skip
        return _credential_of(row), password

    async def fetch(self, account_id: int, sid: str) -> SmppCredential | None:
        """One of the account's credentials."""
        row = await self._database.pool.fetchrow(query("smpp_credential_fetch"), account_id, sid)
        return None if row is None else _credential_of(row)

    async def page(self, account_id: int, request: PageRequest) -> Page[SmppCredential]:
        """The account's credentials, newest first."""
        return await fetch_page(self._database, _PAGE, request, _credential_of, account_id)

    async def delete(self, account_id: int, sid: str) -> bool:
        """Whether there was such a one: it cannot bind any more, and where it is bound it is asked to leave."""
        return await self._database.pool.fetchval(query("smpp_credential_delete"), account_id, sid) is not None

    async def esmes(self, names: Iterable[str]) -> dict[str, Esme]:
        """Who may bind under these names."""
        rows = await self._database.pool.fetch(query("smpp_esmes"), list(names))
        return {row["esme"]: self._esme_of(row) for row in rows}

    async def service_named(self, account_id: int, name: str) -> str | None:
        """The SID of the account's one service with this SID or name."""
        sid: str | None = await self._database.pool.fetchval(query("smpp_service_named"), account_id, name)
        return sid

    def pretend(self, password: str) -> None:
        """Do what checking a password does, so that a name that nobody has takes as long as one with a wrong password."""
        hmac.compare_digest(self._vault.hash_secret(password), b"")

    def _esme_of(self, row: asyncpg.Record) -> Esme:
        account = account_of(row)
        owner = row["owner_status"] and AccountStatus(row["owner_status"])
        secret_hash: bytes = row["secret_hash"]
        return Esme(
            row["esme"], account, standing(account.status, owner), row["service_sid"], _networks(row["networks"]),
            lambda presented: hmac.compare_digest(self._vault.hash_secret(presented), secret_hash),
        )  # fmt: skip


def _credential_of(row: asyncpg.Record) -> SmppCredential:
    return SmppCredential(
        row["sid"], row["friendly_name"], row["system_id"], row["service_sid"], tuple(row["networks"]), row["inbound"],
        row["created_at"],
    )  # fmt: skip


def _networks(texts: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


def _chosen(letters: str, count: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(count))
