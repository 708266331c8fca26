"""Services and their pools on a real PostgreSQL: settings, limits, joining and leaving, races included."""

from __future__ import annotations

import asyncio
import random
from dataclasses import fields
from datetime import timedelta

import pytest

from limpet.core.model import (
    NUMBER_KINDS,
    Account,
    Capability,
    InDoubtPolicy,
    PoolMember,
    Sender,
    Service,
    StickyInbound,
    StickyOverflow,
)
from limpet.core.page import PageRequest
from limpet.store.database import Database
from limpet.store.senders import Senders
from limpet.store.services import PoolRefusal, Services, ServiceSettings
from tests.support.clock import NOW
from tests.support.tenants import make_account, make_member, make_sender, make_service

LATER = NOW + timedelta(hours=1)
NUMBER = "+12025550100"


@pytest.fixture
def services(database: Database) -> Services:
    return Services(database)


@pytest.fixture
async def account(database: Database) -> Account:
    return await make_account(database)


@pytest.fixture
async def service(database: Database, account: Account) -> Service:
    return await make_service(database, account)


async def _now(services: Services, service: Service) -> Service:
    found = await services.by_id(service.id)
    assert found is not None
    return found


async def test_a_new_service_has_twilios_defaults_and_ours(service: Service) -> None:
    wanted = ServiceSettings("Service")
    assert {f.name: getattr(service, f.name) for f in fields(wanted)} == {
        f.name: getattr(wanted, f.name) for f in fields(wanted)
    }
    assert (service.sticky_sender, service.validity_period, service.sticky_ttl_days) == (True, 36_000, 365)
    assert (service.us_app_to_person_registered, service.generation) == (False, 1)


CHANGES = {
    "friendly_name": "Other",
    "inbound_request_url": "http://a.example/in",
    "inbound_method": "GET",
    "fallback_url": "http://a.example/fallback",
    "fallback_method": "GET",
    "status_callback": "http://a.example/status",
    "sticky_sender": False,
    "mms_converter": False,
    "smart_encoding": False,
    "scan_message_content": "enable",
    "fallback_to_long_code": False,
    "area_code_geomatch": False,
    "synchronous_validation": True,
    "validity_period": 60,
    "usecase": "poll",
    "use_inbound_webhook_on_number": True,
    "status_callback_events": "final",
    "in_doubt": InDoubtPolicy.HOLD,
    "explicit_from_sticks": False,
    "sticky_ttl_days": 30,
    "sticky_inbound": StickyInbound.FOLLOW,
    "require_a2p": True,
    "sticky_overflow": StickyOverflow.BYPASS,
    "segments_per_s": 2.5,
    "daily_segments": 100,
    "sticky_ttl_hours": 36,
}


def test_every_setting_has_a_change_below() -> None:
    assert list(CHANGES) == [f.name for f in fields(ServiceSettings)]


@pytest.mark.parametrize("name", list(CHANGES))
async def test_a_setting_changes_alone(services: Services, account: Account, service: Service, name: str) -> None:
    changed = await services.update(account.id, service.sid, {name: CHANGES[name]}, LATER)
    assert changed is not None
    assert changed == await services.by_sid(account.id, service.sid)
    differing = {f.name for f in fields(Service) if getattr(changed, f.name) != getattr(service, f.name)}
    assert differing == {name, "generation", "updated_at"}
    assert (getattr(changed, name), changed.generation, changed.updated_at) == (CHANGES[name], 2, LATER)


async def test_a_url_can_be_taken_away(services: Services, account: Account) -> None:
    made = await services.create(account.id, ServiceSettings("S", status_callback="http://a.example"), NOW)
    changed = await services.update(account.id, made.sid, {"status_callback": None}, LATER)
    assert changed is not None
    assert changed.status_callback is None


async def test_another_account_neither_sees_nor_touches_a_service(
    services: Services, database: Database, service: Service
) -> None:
    other = await make_account(database, "other")
    assert await services.by_sid(other.id, service.sid) is None
    assert await services.update(other.id, service.sid, {"friendly_name": "mine"}, LATER) is None
    assert not await services.delete(other.id, service.sid, LATER)
    assert (await services.page(other.id, PageRequest())).items == ()
    assert await services.by_id(service.id) == service


async def test_a_number_joins_once_and_each_change_moves_the_generation(
    services: Services, database: Database, account: Account, service: Service
) -> None:
    sender = await make_sender(database, account, NUMBER)
    member = await services.add_member(service, sender, NOW)
    assert isinstance(member, PoolMember)
    assert (await _now(services, service)).generation == 2
    assert await services.add_member(service, sender, NOW) is PoolRefusal.ALREADY_HERE
    assert (await _now(services, service)).generation == 2
    assert await services.member(service.id, sender.sid) == member
    assert await services.pool(service.id) == [member]
    assert await services.remove_member(service.id, sender.sid, LATER)
    assert not await services.remove_member(service.id, sender.sid, LATER)
    assert (await _now(services, service)).generation == 3
    assert await services.pool(service.id) == []


async def test_a_number_that_comes_back_is_a_new_member(
    services: Services, database: Database, account: Account, service: Service
) -> None:
    first = await make_member(database, account, service, NUMBER)
    await services.remove_member(service.id, first.sender.sid, LATER)
    second = await services.add_member(service, first.sender, LATER)
    assert isinstance(second, PoolMember)
    assert second.id > first.id
    await services.remove_member(service.id, first.sender.sid, LATER)
    third = await services.add_member(service, first.sender, LATER)
    assert isinstance(third, PoolMember)
    assert third.id > second.id


async def _in_another_service(database: Database, account: Account, sender: Sender) -> None:
    await Services(database).add_member(await make_service(database, account), sender, NOW)


async def _released(database: Database, account: Account, sender: Sender) -> None:
    await Senders(database).release(account.id, sender.sid, NOW)


async def _voice_only(database: Database, account: Account, sender: Sender) -> None:
    await Senders(database).update(account.id, sender.sid, {"capabilities": frozenset({Capability.VOICE})}, NOW)


@pytest.mark.parametrize(
    ("before", "refusal"),
    [
        (_in_another_service, PoolRefusal.ELSEWHERE),
        (_released, PoolRefusal.GONE),
        (_voice_only, PoolRefusal.INCAPABLE),
    ],
)
async def test_a_number_that_cannot_join_is_refused(
    services: Services, database: Database, account: Account, service: Service, before: object, refusal: PoolRefusal
) -> None:
    assert callable(before)
    sender = await make_sender(database, account, NUMBER)
    await before(database, account, sender)
    assert await services.add_member(service, sender, NOW) is refusal
    assert await services.pool(service.id) == []
    assert (await _now(services, service)).generation == 1


async def test_a_number_of_another_account_is_not_there(
    services: Services, database: Database, service: Service
) -> None:
    stranger = await make_sender(database, await make_account(database, "other"), NUMBER)
    assert await services.add_member(service, stranger, NOW) is PoolRefusal.GONE


async def test_a_deleted_service_takes_no_number_and_frees_its_own(
    services: Services, database: Database, account: Account, service: Service
) -> None:
    member = await make_member(database, account, service, NUMBER)
    assert await services.delete(account.id, service.sid, LATER)
    assert not await services.delete(account.id, service.sid, LATER)
    assert await services.by_sid(account.id, service.sid) is None
    assert await services.by_id(service.id) is None
    assert await services.member(service.id, member.sender.sid) is None
    assert await services.add_member(service, member.sender, LATER) is PoolRefusal.GONE
    elsewhere = await services.add_member(await make_service(database, account), member.sender, LATER)
    assert isinstance(elsewhere, PoolMember)


async def test_a_full_pool_takes_no_more(
    services: Services, database: Database, account: Account, service: Service
) -> None:
    for n in range(2):
        await make_member(database, account, service, f"+1202555010{n}")
    third = await make_sender(database, account, "+12025550102")
    assert await services.add_member(service, third, NOW, limit=2) is PoolRefusal.FULL
    assert isinstance(await services.add_member(service, third, NOW, limit=3), PoolMember)


async def test_of_many_who_join_at_once_no_more_than_the_limit_do(
    services: Services, database: Database, account: Account, service: Service
) -> None:
    senders = [await make_sender(database, account, f"+120255501{n:02}") for n in range(12)]
    joined = await asyncio.gather(*(services.add_member(service, sender, NOW, limit=5) for sender in senders))
    assert sum(isinstance(each, PoolMember) for each in joined) == 5
    assert joined.count(PoolRefusal.FULL) == 7
    assert len(await services.pool(service.id)) == 5


async def test_a_number_that_two_services_want_at_once_joins_one(
    services: Services, database: Database, account: Account
) -> None:
    wanting = [await make_service(database, account) for _ in range(6)]
    sender = await make_sender(database, account, NUMBER)
    joined = await asyncio.gather(*(services.add_member(each, sender, NOW) for each in wanting))
    assert sum(isinstance(each, PoolMember) for each in joined) == 1
    assert joined.count(PoolRefusal.ELSEWHERE) == 5


async def test_every_kind_of_change_at_once_neither_blocks_nor_leaves_halves(
    services: Services, database: Database, account: Account
) -> None:
    """Joins, leaves, releases, updates and deletions in one tangle: afterwards, who is live is owned and in a live service."""
    senders = Senders(database)
    pools = [await make_service(database, account) for _ in range(4)]
    numbers = [await make_sender(database, account, f"+120255501{n:02}") for n in range(8)]
    work = [
        *(services.add_member(pool, number, NOW) for pool in pools for number in numbers),
        *(services.remove_member(pool.id, number.sid, NOW) for pool in pools for number in numbers[:4]),
        *(senders.update(account.id, number.sid, {"friendly_name": "x"}, NOW) for number in numbers),
        *(senders.release(account.id, number.sid, NOW) for number in numbers[6:]),
        services.delete(account.id, pools[0].sid, NOW),
    ]
    random.Random(7).shuffle(work)
    await asyncio.wait_for(asyncio.gather(*work), 30)
    await services.add_member(pools[1], numbers[4], NOW)  # so that somebody is live, however the tangle ended
    live = await database.pool.fetch(
        "SELECT n.released_at, s.deleted_at FROM pool_member m JOIN sender n ON n.id = m.sender_id "
        "JOIN service s ON s.id = m.service_id WHERE m.removed_at IS NULL"
    )
    assert live
    assert {(row["released_at"], row["deleted_at"]) for row in live} == {(None, None)}


async def test_removing_a_number_touches_one_membership_however_many_mappings_point_at_it(
    services: Services, database: Database, account: Account, service: Service
) -> None:
    member = await make_member(database, account, service, NUMBER)
    await database.pool.execute(
        "INSERT INTO sticky_mapping (bucket, service_id, recipient, member_id, last_used_day, created_day) "
        "SELECT n % 1024, $1, '+1202556' || n, $2, 9000, 9000 FROM generate_series(1000, 5999) n",
        service.id,
        member.id,
    )
    before = await database.pool.fetch("SELECT xmin::text FROM sticky_mapping ORDER BY recipient")
    await services.remove_member(service.id, member.sender.sid, LATER)
    assert await database.pool.fetch("SELECT xmin::text FROM sticky_mapping ORDER BY recipient") == before
    assert await database.pool.fetchval("SELECT removed_at FROM pool_member WHERE id = $1", member.id) == LATER


async def test_members_are_listed_last_joined_first(
    services: Services, database: Database, account: Account, service: Service
) -> None:
    joined = [await make_member(database, account, service, f"+1202555010{n}") for n in range(5)]
    page = await services.members(service.id, NUMBER_KINDS, PageRequest(3))
    assert list(page.items) == joined[:1:-1]
    assert page.next_token == f"PA{joined[2].id}"
    assert (await services.members(service.id, NUMBER_KINDS, PageRequest(3, after=joined[2].id))).items == (
        joined[1],
        joined[0],
    )
