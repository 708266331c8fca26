"""What `limpet dev` finds on its first start, on later ones, and after one that was cut short."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from limpet.core import nanp
from limpet.core.model import Sender
from limpet.core.page import PageRequest
from limpet.devtools.seed import DEV_FILE, NAME, NUMBERS, Seeded, read_dev_file, seed, write_dev_file
from limpet.store.accounts import Accounts
from limpet.store.database import Database, DatabaseUnusable
from limpet.store.senders import NewSender, SenderFilter, Senders
from limpet.store.services import Services
from limpet.store.smpp_credentials import SmppCredentials
from tests.support.clock import NOW
from tests.support.tenants import vault

LATER = NOW + timedelta(days=1)


class Seeder:
    """Seeds one database as often as a test likes."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.accounts = Accounts(database, vault())
        self.services = Services(database)
        self.senders = Senders(database)
        self.smpp_credentials = SmppCredentials(database, vault())
        self.path = directory / DEV_FILE

    async def seed(self) -> Seeded:
        return await seed(self.accounts, self.services, self.senders, self.smpp_credentials, LATER, self.path)


@pytest.fixture
def seeder(database: Database, tmp_path: Path) -> Seeder:
    return Seeder(database, tmp_path)


async def _counts(database: Database) -> list[int]:
    tables = ("account", "api_key", "service", "sender", "pool_member")
    return [await database.pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]


async def test_the_first_start_makes_all_and_every_credential_works(seeder: Seeder, database: Database) -> None:
    seeded = await seeder.seed()
    assert seeded.numbers == NUMBERS
    assert await _counts(database) == [1, 1, 1, 10, 10]
    for user, secret in ((seeded.account_sid, seeded.auth_token), (seeded.api_key_sid, seeded.api_key_secret)):
        credential = await seeder.accounts.credentials(user)
        assert credential is not None
        assert credential.secret_matches(secret)
    service = await seeder.services.by_sid(1, seeded.service_sid)
    assert service is not None
    assert (service.friendly_name, service.sticky_sender) == (NAME, True)
    esme = (await seeder.smpp_credentials.esmes([seeded.smpp_system_id]))[seeded.smpp_system_id]
    assert esme.secret_matches(seeded.smpp_password)
    assert esme.service_sid == seeded.service_sid


async def test_a_second_start_shows_the_same_and_touches_nothing(seeder: Seeder, database: Database) -> None:
    first = await seeder.seed()
    generation = await database.pool.fetchval("SELECT generation FROM service")
    assert await seeder.seed() == first
    assert await _counts(database) == [1, 1, 1, 10, 10]
    assert await database.pool.fetchval("SELECT generation FROM service") == generation


async def test_what_a_developer_changes_stays_changed(seeder: Seeder, database: Database) -> None:
    first = await seeder.seed()
    service = await seeder.services.by_sid(1, first.service_sid)
    assert service is not None
    gone = (await seeder.senders.page(1, SenderFilter(), PageRequest())).items[0]
    await seeder.senders.release(1, gone.sid, LATER)
    left = (await seeder.senders.page(1, SenderFilter(), PageRequest())).items[0]
    await seeder.services.remove_member(service.id, left.sid, LATER)
    await seeder.services.update(1, service.sid, {"friendly_name": "Mine", "sticky_sender": False}, LATER)
    again = await seeder.seed()
    assert again.service_sid == first.service_sid
    assert again.numbers == NUMBERS[:8]
    assert await _counts(database) == [1, 1, 1, 10, 10]


async def _forget(seeder: Seeder, _: Seeded) -> None:
    seeder.path.unlink()


async def _delete_service(seeder: Seeder, seeded: Seeded) -> None:
    await seeder.services.delete(1, seeded.service_sid, LATER)


async def _delete_key(seeder: Seeder, seeded: Seeded) -> None:
    await seeder.accounts.delete_key(1, seeded.api_key_sid)


async def _spoil_secret(seeder: Seeder, seeded: Seeded) -> None:
    write_dev_file(seeder.path, {**read_dev_file(seeder.path), "api_key_secret": "spoiled"})


@pytest.mark.parametrize(
    ("loss", "counts"),
    [
        (_spoil_secret, [1, 2, 1, 10, 10]),
        (_forget, [1, 2, 1, 10, 10]),
        (_delete_service, [1, 1, 2, 10, 20]),
        (_delete_key, [1, 1, 1, 10, 10]),
    ],
)
async def test_what_is_lost_is_made_again(
    seeder: Seeder, database: Database, loss: Callable[[Seeder, Seeded], Awaitable[None]], counts: list[int]
) -> None:
    first = await seeder.seed()
    await loss(seeder, first)
    again = await seeder.seed()
    assert (again.account_sid, again.auth_token, again.numbers) == (first.account_sid, first.auth_token, NUMBERS)
    credential = await seeder.accounts.credentials(again.api_key_sid)
    assert credential is not None
    assert credential.secret_matches(again.api_key_secret)
    esme = (await seeder.smpp_credentials.esmes([again.smpp_system_id]))[again.smpp_system_id]
    assert esme.secret_matches(again.smpp_password)
    assert esme.service_sid == again.service_sid
    assert await _counts(database) == counts


class DyingSenders(Senders):
    """Loses its process at the `left + 1`-th number."""

    left = 0

    async def create(self, account_id: int, new: NewSender, now: datetime) -> Sender | None:
        if not self.left:
            raise ConnectionError
        self.left -= 1
        return await super().create(account_id, new, now)


@pytest.mark.parametrize("left", [0, 1, 5])
async def test_a_seeding_that_was_cut_short_is_finished(seeder: Seeder, database: Database, left: int) -> None:
    dying = DyingSenders(database)
    dying.left = left
    with pytest.raises(ConnectionError):
        await seed(seeder.accounts, seeder.services, dying, seeder.smpp_credentials, NOW, seeder.path)
    assert (await seeder.seed()).numbers == NUMBERS
    assert await _counts(database) == [1, 1, 1, 10, 10]


def test_every_number_is_fictional_and_in_its_own_country() -> None:
    assert len(set(NUMBERS)) == 10
    assert all(number[5:10] == "55501" and nanp.country(number[2:5]) == "US" for number in NUMBERS)
    assert len({number[2:5] for number in NUMBERS}) >= 8


async def test_the_file_is_its_owners_alone(seeder: Seeder) -> None:
    seeded = await seeder.seed()
    assert seeder.path.stat().st_mode & 0o777 == 0o600
    assert json.loads(seeder.path.read_text())["auth_token"] == seeded.auth_token
    assert [path.name for path in seeder.path.parent.iterdir()] == [DEV_FILE]


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / DEV_FILE
    path.write_text("{")
    with pytest.raises(DatabaseUnusable, match="made anew"):
        read_dev_file(path)
    write_dev_file(path, {"url": "http://127.0.0.1"})
    assert read_dev_file(path) == {"url": "http://127.0.0.1"}
