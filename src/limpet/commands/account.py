"""`limpet account create`: the first credentials of a server on which nothing is seeded."""

from __future__ import annotations

from dataclasses import dataclass

from limpet.clock import Clock
from limpet.commands.migrate import bring_up_to_date
from limpet.commands.opened import opened
from limpet.config import Config
from limpet.store.accounts import Accounts
from limpet.store.database import DatabaseUnusable
from limpet.store.secrets import Vault, load_or_create_key


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


def _master_key(config: Config) -> bytes:
    if config.security.secret_key is not None:
        return bytes.fromhex(config.security.secret_key)
    if config.security.secret_key_file is None:
        raise DatabaseUnusable("There is no key to seal the account's token with.")
    return load_or_create_key(config.security.secret_key_file)
