"""What an operator does on the database about accounts and services: first credentials, limits, a pause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from limpet.clock import Clock
from limpet.commands.migrate import bring_up_to_date
from limpet.commands.opened import opened, opened_beside
from limpet.config import Config, DatabaseConfig
from limpet.core.model import Account
from limpet.core.page import PageRequest
from limpet.store.accounts import Accounts
from limpet.store.database import DatabaseUnusable
from limpet.store.secrets import KEY_BYTES, Vault, load_or_create_key
from limpet.store.services import Services


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What the account's owner needs to send."""

    account_sid: str
    auth_token: str
    friendly_name: str


async def create_account(config: Config, friendly_name: str, clock: Clock) -> NewAccount:
    """Make an account in the configured database, whose schema is brought up to date first."""
    async with opened(config.database) as database:
        await bring_up_to_date(database, clock)
        account, token = await Accounts(database, Vault(_master_key(config))).create(friendly_name, clock.now())
    return NewAccount(account.sid, token, account.friendly_name)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may; None where the configuration's own limit holds."""

    account_sid: str
    segments_per_second: float | None
    scheduled_max: int | None
    trial: bool
    verified_numbers: list[str]


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account in a list of all of them."""

    account_sid: str
    friendly_name: str
    status: str
    owner_sid: str
    created: str


async def list_accounts(config: DatabaseConfig, most: int) -> list[AccountLine]:
    """The newest accounts, at most so many (1 to 1000). Nothing is unsealed, so any key will do."""
    async with opened_beside(config) as database:
        page = await Accounts(database, Vault(bytes(KEY_BYTES))).page(PageRequest(most))
    return [
        AccountLine(one.sid, one.friendly_name, one.status, one.owner_sid or "-", f"{one.created_at:%Y-%m-%d %H:%M}")
        for one in page.items
    ]


async def change_limits(config: Config, sid: str, change: Callable[[Account], Account], clock: Clock) -> Limits | None:
    """Change what an account may, and answer what it may now; None when there is no such account."""
    async with opened(config.database) as database:
        await bring_up_to_date(database, clock)
        accounts = Accounts(database, Vault(_master_key(config)))
        before = await accounts.by_sid(sid)
        if before is None:
            return None
        after = change(before)
        kept = before if after == before else await accounts.set_limits(after, clock.now())
    return Limits(kept.sid, kept.segments_per_s, kept.scheduled_max, kept.trial, sorted(kept.verified))


async def pause_service(config: Config, sid: str, paused: bool, clock: Clock) -> bool:
    """Let nothing be sent through a service, or let it again; whether there is such a service."""
    async with opened(config.database) as database:
        await bring_up_to_date(database, clock)
        return await Services(database).pause(sid, paused, clock.now())


def _master_key(config: Config) -> bytes:
    if config.security.secret_key is not None:
        return bytes.fromhex(config.security.secret_key)
    if config.security.secret_key_file is None:
        raise DatabaseUnusable("There is no key to seal the account's token with.")
    return load_or_create_key(config.security.secret_key_file)
