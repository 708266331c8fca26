"""Two transactions that both looked before either wrote: rule S-2 step by step, and the mutants that break it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count

import pytest

from limpet.core.address import parse_recipient
from limpet.core.ids import IdSource, person_hash
from limpet.core.load import LoadMeter
from limpet.core.model import Service
from limpet.core.retention import Pseudonyms
from limpet.core.sticky import Ask, Binding
from limpet.flow import assign
from limpet.flow.assign import Answer, Assigner, Wanted
from limpet.flow.campaign_share import CampaignCounts, CampaignUse
from limpet.flow.directory import Directory
from limpet.store import sticky
from limpet.store.database import Connection, Database
from limpet.store.sticky import Claimed, MappingKey, MappingRead
from tests.support.clock import NOW
from tests.support.wait import until
from tests.support.world import (
    BUCKET_KEY,
    POOL,
    PSEUDONYM_KEY,
    add_number,
    bucket,
    make_account,
    make_service,
    remove_number,
)

ANNA = "+14155550101"
PSEUDONYMS = Pseudonyms(PSEUDONYM_KEY)
_chances = count()


async def _service(database: Database, *numbers: str) -> Service:
    service = await make_service(database, await make_account(database, NOW), NOW)
    for number in numbers:
        await add_number(database, service, number, NOW)
    return service


def _assigner(database: Database, favourite: int) -> Assigner:
    """A process that would choose the `favourite`-th number of the pool: all others look busy to it."""
    meter, ids = LoadMeter(0.0), IdSource()
    meter.loads = {member: 0.0 if member == favourite else 1e6 for member in range(1, 20)}
    return Assigner(Directory(database), meter, lambda: 0.0, lambda now: ids.next(now, next(_chances)), PSEUDONYMS)


async def _both(
    database: Database, service: Service, monkeypatch: pytest.MonkeyPatch, members: Sequence[int]
) -> list[str]:
    """Two bindings of the same person, each of which has read before either writes."""
    barrier, read = asyncio.Barrier(2), sticky.read

    async def read_together(connection: Connection, keys: Sequence[MappingKey]) -> list[MappingRead]:
        found = await read(connection, keys)
        if barrier.n_waiting < 2 and not read_together.done:  # type: ignore[attr-defined]
            await barrier.wait()
            read_together.done = True  # type: ignore[attr-defined]
        return found

    read_together.done = False  # type: ignore[attr-defined]
    monkeypatch.setattr(assign.sticky, "read", read_together)
    to = parse_recipient(ANNA)
    assert to is not None
    wanted = Wanted(MappingKey(bucket(ANNA), service.id, ANNA), 1, Ask(to, person_hash(ANNA, BUCKET_KEY)), 1)

    async def one(favourite: int) -> str:
        async def work(connection: Connection) -> list[Answer]:
            return await _assigner(database, favourite).bind(
                connection, [wanted], NOW, CampaignUse(CampaignCounts(), NOW)
            )

        (answer,) = await database.transaction(work)
        assert isinstance(answer, Binding)
        return answer.candidate.sender.address

    return list(await asyncio.gather(*map(one, members)))


async def _members(database: Database) -> list[int]:
    return [
        row["id"]
        for row in await database.pool.fetch("SELECT id FROM pool_member WHERE removed_at IS NULL ORDER BY id")
    ]


def _last_writer_wins(patch: pytest.MonkeyPatch) -> None:
    text = sticky.query_claim
    assert "SET flags = 2" in text
    patch.setattr(sticky, "query_claim", text.replace("SET flags = 2", "SET member_id = excluded.member_id, flags = 2"))


def _swap_whatever(patch: pytest.MonkeyPatch) -> None:
    text = sticky.query_swap
    assert "AND m.member_id = k.member_before AND m.last_used_day = k.day_before" in text
    patch.setattr(
        sticky,
        "query_swap",
        text.replace(
            "AND m.member_id = k.member_before AND m.last_used_day = k.day_before",
            "AND k.member_before + k.day_before > 0",
        ),
    )


def _sound(_patch: pytest.MonkeyPatch) -> None:
    """No mutant."""


@pytest.mark.parametrize(("plant", "agree"), [(_sound, True), (_last_writer_wins, False)])
async def test_S_2_two_who_saw_nobody_agree_on_who_was_first(
    database: Database, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], agree: bool
) -> None:
    service = await _service(database, *POOL[:2])
    plant(monkeypatch)
    senders = await _both(database, service, monkeypatch, await _members(database))
    assert (len(set(senders)) == 1) is agree


@pytest.mark.parametrize(("plant", "agree"), [(_sound, True), (_swap_whatever, False)])
async def test_S_2_two_who_saw_a_dead_mapping_agree_on_its_successor(
    database: Database, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], agree: bool
) -> None:
    service = await _service(database, *POOL[:3])
    dead, *alive = await _members(database)
    await database.pool.execute(
        "INSERT INTO sticky_mapping (bucket, service_id, recipient, member_id, last_used_day, created_day) "
        "VALUES ($1, $2, $3, $4, 9556, 9000)",
        bucket(ANNA), service.id, ANNA, dead,
    )  # fmt: skip
    await remove_number(database, service, POOL[0], NOW)
    plant(monkeypatch)
    senders = await _both(database, service, monkeypatch, alive)
    assert (len(set(senders)) == 1) is agree


async def test_S_6_a_mapping_written_by_a_send_that_overlapped_the_removal_is_dead_at_birth(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await _service(database, *POOL[:2])
    to = parse_recipient(ANNA)
    assert to is not None
    wanted = Wanted(MappingKey(bucket(ANNA), service.id, ANNA), 1, Ask(to, person_hash(ANNA, BUCKET_KEY)), 1)
    read, (favourite, _) = sticky.read, await _members(database)

    async def removed_right_after_the_read(connection: Connection, keys: Sequence[MappingKey]) -> list[MappingRead]:
        found = await read(connection, keys)
        await asyncio.create_task(remove_number(database, service, POOL[0], NOW))  # by somebody else
        return found

    async def bind(connection: Connection) -> list[Answer]:
        return await _assigner(database, favourite).bind(connection, [wanted], NOW, CampaignUse(CampaignCounts(), NOW))

    with monkeypatch.context() as patch:
        assigner = _assigner(database, favourite)
        async with database.pool.acquire() as connection:
            await assigner._directory.current_pool(connection, service.id)
        patch.setattr(assign.sticky, "read", removed_right_after_the_read)
        (first,) = await database.transaction(
            lambda c: assigner.bind(c, [wanted], NOW, CampaignUse(CampaignCounts(), NOW))
        )
    assert isinstance(first, Binding)
    assert first.candidate.sender.address == POOL[0]
    (second,) = await database.transaction(bind)
    assert isinstance(second, Binding)
    assert (second.candidate.sender.address, second.cause) == (POOL[1], "number_removed")


async def test_S_9_a_mapping_in_use_by_an_uncommitted_message_outlives_its_failed_first(database: Database) -> None:
    """The failing first message waits for whoever holds the mapping, and then sees their message."""
    service = await _service(database, *POOL[:2])
    key, today = MappingKey(bucket(ANNA), service.id, ANNA), 9557
    (member, _) = await _members(database)
    async with database.pool.acquire() as one, database.pool.acquire() as two:
        async with one.transaction():
            assert await sticky.claim(one, {key: member}, today) == {key: Claimed(member, made=True)}
        using = one.transaction()
        await using.start()
        assert await sticky.claim(one, {key: member}, today) == {key: Claimed(member, made=False)}
        failing = two.transaction()
        await failing.start()
        forgetting = asyncio.create_task(sticky.forget_unsent(two, [(key, member)], today - 2))
        await _blocked(database)
        await one.execute(
            "INSERT INTO message (bucket, id, account_id, service_id, member_id, direction, status, recipient, body, "
            "num_segments, expires_at, updated_at, sticky) "
            "VALUES ($1, $2, 1, $3, $4, 'outbound-api', 'sending', $5, '', 1, $6, $6, 'used')",
            key.bucket, IdSource().next(NOW, 1), service.id, member, ANNA, NOW,
        )  # fmt: skip
        await using.commit()
        assert await forgetting == []
        await failing.commit()
    assert await database.pool.fetchval("SELECT count(*) FROM sticky_mapping") == 1


async def _blocked(database: Database) -> None:
    """Wait until somebody waits for a lock."""

    async def waits() -> bool:
        return bool(await database.pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    await until(waits)
