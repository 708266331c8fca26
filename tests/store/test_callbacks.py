"""The queue of owed callbacks on a real PostgreSQL."""

import asyncio
from datetime import timedelta

import pytest

from limpet.store.callbacks import OwedCallback, Postponed, claim_due, insert, settle
from limpet.store.database import Database
from limpet.store.dispatch import Key
from tests.support.clock import NOW

LEASE = timedelta(seconds=60)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["database", "sharded_database"])
def store(request: pytest.FixtureRequest) -> Database:
    """Both layouts of the tables."""
    return request.getfixturevalue(request.param)


def owed(number: int, due_at=NOW, attempt: int = 0) -> OwedCallback:
    return OwedCallback(
        number % 1024, number, 7, 1000 + number, f"http://127.0.0.1/{number}", f"N={number}&É=✓", due_at, attempt
    )


async def write(database: Database, *rows: OwedCallback) -> None:
    await database.transaction(lambda connection: insert(connection, rows))


async def numbers(database: Database) -> list[int]:
    return [row["id"] for row in await database.pool.fetch("SELECT id FROM status_callback ORDER BY id")]


async def test_what_is_written_comes_back_whole_with_its_lease(store: Database):
    rows = [owed(number) for number in (5, 3, 1027)]
    await write(store, *rows)
    claimed = await claim_due(store, NOW, NOW + LEASE, 10)
    assert claimed == [row._replace(due_at=NOW + LEASE) for row in sorted(rows, key=lambda row: row.id)]


async def test_nothing_written_is_nothing_asked_of_the_database(store: Database):
    await write(store)
    assert await numbers(store) == []


async def test_a_lease_keeps_others_away_until_it_is_over(store: Database):
    await write(store, owed(1, NOW + LEASE))
    just_before = NOW + LEASE - timedelta(microseconds=1)
    assert await claim_due(store, just_before, just_before + LEASE, 10) == []
    assert len(await claim_due(store, NOW + LEASE, NOW + 2 * LEASE, 10)) == 1
    assert await claim_due(store, NOW + LEASE, NOW + 2 * LEASE, 10) == []


async def test_a_claim_takes_no_more_than_its_limit_and_the_oldest_first(store: Database):
    await write(store, *(owed(number, NOW - number * MINUTE) for number in range(1, 9)))
    assert [row.id for row in await claim_due(store, NOW, NOW + LEASE, 3)] == [6, 7, 8]
    assert [row.id for row in await claim_due(store, NOW, NOW + LEASE, 100)] == [1, 2, 3, 4, 5]


async def test_claimers_at_the_same_time_share_without_overlap(store: Database):
    await write(store, *(owed(number) for number in range(200)))
    shares = await asyncio.gather(*(claim_due(store, NOW, NOW + LEASE, 50) for _ in range(8)))
    taken = [row.id for share in shares for row in share]
    assert len(taken) == len(set(taken))
    rest = await claim_due(store, NOW, NOW + LEASE, 1000)
    assert sorted(taken + [row.id for row in rest]) == list(range(200))


async def test_settling_forgets_some_and_puts_others_off(store: Database):
    await write(store, *(owed(number) for number in (1, 2, 3, 4)))
    await settle(store, [Key(1, 1), Key(3, 3), Key(9, 9)], [Postponed(2, 2, 5, NOW + MINUTE), Postponed(8, 8, 1, NOW)])
    assert await numbers(store) == [2, 4]
    [first, second] = await claim_due(store, NOW + MINUTE, NOW + LEASE, 10)
    assert (first.id, first.attempt) == (2, 5)
    assert (second.id, second.attempt) == (4, 0)


async def test_a_row_is_known_by_its_bucket_too(store: Database):
    await write(store, owed(1), owed(1)._replace(bucket=2), owed(5)._replace(bucket=2))
    await settle(store, [Key(1, 1), Key(2, 5)], [])
    assert [(row.bucket, row.id) for row in await claim_due(store, NOW, NOW + LEASE, 10)] == [(2, 1)]


async def test_settling_nothing_is_allowed(store: Database):
    await write(store, owed(1))
    await settle(store, [], [])
    assert await numbers(store) == [1]
