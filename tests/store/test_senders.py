"""Numbers on a real PostgreSQL: one owner each, also when several want one at once."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from limpet.core.model import Account, Capability, SenderKind
from limpet.core.page import PageRequest
from limpet.store.database import Database
from limpet.store.senders import NewSender, SenderFilter, Senders
from limpet.store.services import Services
from tests.support.clock import NOW
from tests.support.tenants import make_account, make_member, make_sender, make_service, new_sender

LATER = NOW + timedelta(hours=1)
NUMBER = "+12025550100"
FULL = NewSender(
    address=NUMBER,
    country="US",
    kind=SenderKind.TOLL_FREE,
    capabilities=frozenset(Capability),
    friendly_name="Reception",
    carrier="simulated",
    sms_url="http://a.example/in",
    sms_method="GET",
    sms_fallback_url="http://a.example/fallback",
    sms_fallback_method="GET",
    status_callback="http://a.example/status",
    settings={"voice_url": "http://a.example/voice"},
)


@pytest.fixture
def senders(database: Database) -> Senders:
    return Senders(database)


@pytest.fixture
async def account(database: Database) -> Account:
    return await make_account(database)


async def test_a_number_is_kept_as_it_came(senders: Senders, account: Account) -> None:
    made = await senders.create(account.id, FULL, NOW)
    assert made is not None
    assert {f.name: getattr(made, f.name) for f in fields(FULL)} == {
        f.name: getattr(FULL, f.name) for f in fields(FULL)
    }
    assert (made.account_id, made.created_at, made.updated_at) == (account.id, NOW, NOW)
    assert await senders.by_sid(account.id, made.sid) == made
    assert await senders.by_address(account.id, NUMBER) == made


async def test_a_number_has_one_owner(senders: Senders, database: Database, account: Account) -> None:
    other = await make_account(database, "other")
    made = await senders.create(account.id, FULL, NOW)
    assert made is not None
    assert await senders.create(account.id, FULL, NOW) is None
    assert await senders.create(other.id, FULL, NOW) is None
    assert await senders.by_sid(other.id, made.sid) is None
    assert await senders.by_address(other.id, NUMBER) is None
    assert await senders.update(other.id, made.sid, {"friendly_name": "mine"}, LATER) is None
    assert not await senders.release(other.id, made.sid, LATER)
    assert await senders.by_sid(account.id, made.sid) == made


async def test_of_many_who_want_a_number_at_once_one_gets_it(senders: Senders, account: Account) -> None:
    made = await asyncio.gather(*(senders.create(account.id, FULL, NOW) for _ in range(16)))
    assert sum(each is not None for each in made) == 1


async def test_a_released_number_may_be_taken_again(senders: Senders, database: Database, account: Account) -> None:
    first = await make_sender(database, account, NUMBER)
    assert await senders.release(account.id, first.sid, LATER)
    assert not await senders.release(account.id, first.sid, LATER)
    assert await senders.by_sid(account.id, first.sid) is None
    second = await make_sender(database, await make_account(database, "other"), NUMBER)
    assert second.sid != first.sid


async def test_a_released_number_leaves_its_pool_in_the_same_moment(
    senders: Senders, database: Database, account: Account
) -> None:
    service = await make_service(database, account)
    member = await make_member(database, account, service, NUMBER)
    assert await senders.release(account.id, member.sender.sid, LATER)
    services = Services(database)
    assert await services.pool(service.id) == []
    found = await services.by_id(service.id)
    assert found is not None
    assert found.generation == 3


@pytest.mark.parametrize("name", [f.name for f in fields(NewSender) if f.name != "address"])
async def test_a_field_changes_alone(senders: Senders, database: Database, account: Account, name: str) -> None:
    made = await make_sender(database, account, NUMBER)
    wanted = {name: "CA" if name == "country" else getattr(FULL, name)}
    if wanted == {name: getattr(made, name)}:
        wanted = {name: "another"}
    changed = await senders.update(account.id, made.sid, wanted, LATER)
    assert changed == replace(made, updated_at=LATER, **wanted) == await senders.by_sid(account.id, made.sid)


async def test_a_change_of_a_pooled_number_moves_the_generation(
    senders: Senders, database: Database, account: Account
) -> None:
    service = await make_service(database, account)
    member = await make_member(database, account, service, NUMBER)
    await senders.update(account.id, member.sender.sid, {"carrier": "other"}, LATER)
    found = await Services(database).by_id(service.id)
    assert found is not None
    assert found.generation == 3


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("+12025550100", ["+12025550100"]),
        ("202", ["+12025550101", "+12025550100"]),
        ("+1415*99", ["+14155550199"]),
        ("*", ["+14155550199", "+12025550101", "+12025550100"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("", ["+14155550199", "+12025550101", "+12025550100"]),
    ],
)
async def test_a_list_by_part_of_the_number(senders: Senders, account: Account, pattern: str, found: list[str]) -> None:
    for address in ("+12025550100", "+12025550101", "+14155550199"):
        await senders.create(account.id, new_sender(address), NOW)
    page = await senders.page(account.id, SenderFilter(address_pattern=pattern), PageRequest())
    assert [sender.address for sender in page.items] == found


async def test_a_list_by_name_and_in_pages(senders: Senders, account: Account) -> None:
    for n in range(5):
        await senders.create(account.id, replace(new_sender(f"+1202555010{n}"), friendly_name=f"name {n % 2}"), NOW)
    wanted = SenderFilter(friendly_name="name 0")
    first = await senders.page(account.id, wanted, PageRequest(2))
    assert [sender.address[-1] for sender in first.items] == ["4", "2"]
    last = await senders.page(account.id, wanted, PageRequest(2, after=first.items[-1].id))
    assert [sender.address[-1] for sender in last.items] == ["0"]
    assert last.next_token is None
