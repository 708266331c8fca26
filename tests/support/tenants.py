"""The reference data that most tests stand on: an account, a service, numbers and who is in its pool."""

from __future__ import annotations

from limpet.core.model import Account, Capability, PoolMember, Sender, SenderKind, Service
from limpet.store.accounts import Accounts
from limpet.store.database import Database
from limpet.store.secrets import KEY_BYTES, Vault
from limpet.store.senders import NewSender, Senders
from limpet.store.services import Services, ServiceSettings
from tests.support.clock import NOW

SMS = frozenset({Capability.SMS})


def vault() -> Vault:
    """Always the same key: what one seals another opens."""
    return Vault(b"k" * KEY_BYTES)


def new_sender(address: str, capabilities: frozenset[Capability] = SMS) -> NewSender:
    """A US long code with only its address to tell it from others."""
    return NewSender(address, "US", SenderKind.LONG_CODE, capabilities, address, "simulated")


async def make_account(database: Database, name: str = "Test") -> Account:
    return (await Accounts(database, vault()).create(name, NOW))[0]


async def make_service(database: Database, account: Account, **settings: object) -> Service:
    named = {"friendly_name": "Service", **settings}
    return await Services(database).create(account.id, ServiceSettings(**named), NOW)  # type: ignore[arg-type]


async def make_sender(database: Database, account: Account, address: str) -> Sender:
    made = await Senders(database).create(account.id, new_sender(address), NOW)
    assert made is not None
    return made


async def make_member(database: Database, account: Account, service: Service, address: str) -> PoolMember:
    """A new number of the account in the service's pool."""
    joined = await Services(database).add_member(service, await make_sender(database, account, address), NOW)
    assert isinstance(joined, PoolMember)
    return joined
