"""What `limpet dev` has on its first day: an account with a key, ten numbers, and a service with all of them in its pool.

What was seeded is remembered in a file beside the data, credentials included, so that each further start shows the same and
touches nothing: what a developer has changed since stays changed.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from limpet.core.address import parse_sender
from limpet.core.inventory import Offer, offer_of
from limpet.core.model import Account, ApiKey, Capability, SenderKind, Service
from limpet.core.page import PAGE_SIZE_MAX, PageRequest
from limpet.store.accounts import Accounts
from limpet.store.database import DatabaseUnusable
from limpet.store.senders import NewSender, Senders
from limpet.store.services import Services, ServiceSettings

NAME = "Limpet dev"
DEV_FILE = "dev.json"
CARRIER = "simulated"
"""The name of the carrier that the numbers send through: `limpet.devtools.simulator`, as the server sets it up."""
MMS_CARRIER = "simulated-mms"
"""The name of the one that takes media: `limpet.devtools.mms_simulator`."""
NUMBERS = (
    "+12025550101",
    "+12025550102",
    "+12125550103",
    "+13055550104",
    "+13125550105",
    "+14045550106",
    "+14155550107",
    "+15125550108",
    "+16175550109",
    "+13105550110",
)
"""From the ranges that the plan sets aside for fiction (NXX 555-0100 to 0199), so that they are nobody's."""
MMS_NUMBERS = frozenset(NUMBERS[-2:])
"""Those of them that carry media."""
FOR_SALE = (
    "+12125550120,sms+mms+voice",
    "+12125550121,sms+mms+voice",
    "+13125550120,sms",
    "+14155550120,sms+mms+voice",
    "+14155550121,sms+mms+voice",
    "+14155550122,sms",
    "+14165550120,sms+mms",
    "+18005550120,sms+mms",
    "+18005550121,sms",
    "+442079460120,sms+voice",
    "+447700900120,sms,mobile",
    "+447700900121,sms+mms,mobile",
    "+61491570156,sms,mobile",
)
"""Numbers to try buying with, from the ranges that each country sets aside for fiction."""


def for_sale() -> list[Offer]:
    """The numbers that can be bought, each by the carrier that carries what it can do."""
    found = (offer_of(line, MMS_CARRIER if "mms" in line else CARRIER) for line in FOR_SALE)
    return [offer for offer in found if offer is not None]


_FIRST = PageRequest(PAGE_SIZE_MAX)
_FILE_BYTES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Seeded:
    """Everything that a client needs to begin; `numbers` are the pool's as it is now."""

    account_sid: str
    auth_token: str = field(repr=False)
    api_key_sid: str
    api_key_secret: str = field(repr=False)
    service_sid: str
    numbers: tuple[str, ...]


async def seed(accounts: Accounts, services: Services, senders: Senders, now: datetime, path: Path) -> Seeded:
    """Make what is missing and answer all of it. `path` is where it is remembered (DEV_FILE in the data directory).

    With a half-finished seeding behind it, it goes on where that stopped; when the service has been deleted, it makes a new one.
    """
    kept = read_dev_file(path)
    account = await _account(accounts, kept, now)
    service = await services.by_sid(account.id, kept.get("service_sid", ""))
    if service is None:
        service = await _service(account, services, senders, now)
    key, secret = await _key(accounts, account, kept, now)
    members = await services.pool(service.id)
    token = await accounts.auth_token(account.id)
    numbers = tuple(member.sender.address for member in members)
    seeded = Seeded(account.sid, token, key.sid, secret, service.sid, numbers)
    write_dev_file(path, {**kept, **asdict(seeded)})
    return seeded


async def _account(accounts: Accounts, kept: dict[str, str], now: datetime) -> Account:
    if known := await accounts.by_sid(kept.get("account_sid", "")):
        return known
    page = await accounts.page(_FIRST)
    ours = [account for account in page.items if account.friendly_name == NAME]
    return ours[-1] if ours else (await accounts.create(NAME, now))[0]


async def _key(accounts: Accounts, account: Account, kept: dict[str, str], now: datetime) -> tuple[ApiKey, str]:
    """The key as it was kept, while it is still good; otherwise a new one, since nobody can read an old secret again."""
    sid, secret = kept.get("api_key_sid", ""), kept.get("api_key_secret", "")
    known, credential = await accounts.key(account.id, sid), await accounts.credentials(sid)
    if known is not None and credential is not None and credential.secret_matches(secret):
        return known, secret
    return await accounts.create_key(account.id, NAME, now)


async def _service(account: Account, services: Services, senders: Senders, now: datetime) -> Service:
    """The seeded service with all the numbers in its pool, also where a former seeding was cut short."""
    page = await services.page(account.id, _FIRST)
    ours = [service for service in page.items if service.friendly_name == NAME]
    service = (
        ours[-1]
        if ours
        else await services.create(account.id, ServiceSettings(NAME, use_inbound_webhook_on_number=True), now)
    )
    for address in NUMBERS:
        sender = await senders.by_address(account.id, address)
        sender = sender or await senders.create(account.id, _number(address), now)
        if sender is not None:  # owned by another account: nothing to seed
            await services.add_member(service, sender, now)
    return service


def _number(address: str) -> NewSender:
    parsed = parse_sender(address)
    assert parsed is not None
    assert parsed.country is not None
    name = f"({address[2:5]}) {address[5:8]}-{address[8:]}"
    able, carrier = (
        ({Capability.SMS, Capability.MMS}, MMS_CARRIER) if address in MMS_NUMBERS else ({Capability.SMS}, CARRIER)
    )
    return NewSender(address, parsed.country, SenderKind.LONG_CODE, frozenset(able), name, carrier)


def read_dev_file(path: Path) -> dict[str, str]:
    """What is remembered; nothing when there is no such file. DatabaseUnusable when it cannot be read."""
    try:
        with path.open() as file:
            kept = json.loads(file.read(_FILE_BYTES_MAX))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DatabaseUnusable(f"{path} cannot be read: remove it, and it will be made anew.") from error
    return kept if isinstance(kept, dict) else {}


def write_dev_file(path: Path, content: dict[str, object]) -> None:
    """Remember, in a file that is its owner's alone and there whole or not at all."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as out:
        json.dump(content, out, indent=2)
        out.write("\n")
        out.flush()
        os.fsync(file)
    unfinished.replace(path)
