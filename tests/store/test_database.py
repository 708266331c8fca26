"""Migrations, layouts and versions of the database itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import asyncpg
import pytest

from limpet.store.database import (
    PARTITIONED_TABLES,
    TRANSACTION_TRIES_MAX,
    Connection,
    Database,
    DatabaseUnusable,
    migrations,
)
from tests.support.clock import NOW
from tests.support.database import HASH_PARTITIONS, Server, copied, database_url

DISTRIBUTED = {"sticky_mapping", "sticky_event", "message", "message_due", "claim", "receipt_orphan", "status_callback"}


async def test_a_migrated_database_has_nothing_left_to_apply(database: Database) -> None:
    assert await database.schema_version() == migrations()[-1].number
    assert await database.migrate(NOW) == []


async def test_a_schema_of_the_future_is_refused(database: Database) -> None:
    await database.pool.execute("INSERT INTO schema_migration VALUES (9999, 'later', $1)", NOW)
    with pytest.raises(DatabaseUnusable, match="update Limpet"):
        await database.migrate(NOW)


async def test_what_grows_is_split_by_bucket_in_the_sharded_schema(sharded_database: Database) -> None:
    rows = await sharded_database.pool.fetch(
        "SELECT partrelid::regclass::text AS name, partstrat, (SELECT count(*) FROM pg_inherits WHERE inhparent = partrelid) "
        "AS parts FROM pg_partitioned_table"
    )
    assert {row["name"] for row in rows} >= DISTRIBUTED
    assert {(row["partstrat"], row["parts"]) for row in rows} == {(b"h", HASH_PARTITIONS)}


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/none", "postgresql://x@/y?host=/nowhere", "nonsense", "mysql://x"]
)
async def test_a_server_that_is_not_there_is_said_in_one_sentence(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match="cannot be reached"):
        await Database.connect(url)


async def test_a_database_that_is_not_there_is_said(database_server: Server) -> None:
    with pytest.raises(DatabaseUnusable, match='cannot be reached: database "nowhere" does not exist'):
        await Database.connect(database_url(database_server.url, "nowhere"))


async def test_of_many_who_migrate_an_empty_database_one_does(database_server: Server) -> None:
    async with copied(database_server, "template1") as url:
        connected = [await Database.connect(url, pool_size=1) for _ in range(5)]
        assert await connected[0].schema_version() == 0
        applied = await asyncio.gather(*(each.migrate(NOW) for each in connected))
        assert sorted(map(len, applied)) == [0, 0, 0, 0, len(migrations())]
        for each in connected:
            await each.close()


async def test_each_month_has_its_partitions_and_they_are_made_once(database: Database) -> None:
    ask = "SELECT count(*) FROM pg_class WHERE relname = ANY ($1)"
    names = [f"{table}_{month}" for table in PARTITIONED_TABLES for month in ("2031_11", "2031_12", "2032_01")]
    assert await database.pool.fetchval(ask, names) == 0
    for _ in range(2):
        await database.ensure_partitions(datetime(2031, 11, 30, 23, 59, 59, tzinfo=UTC))
    assert await database.pool.fetchval(ask, names) == 6


async def test_processes_that_begin_a_month_together_do_not_meet(database_dsn: str) -> None:
    connected = [await Database.connect(database_dsn, pool_size=1) for _ in range(6)]
    for year in range(2031, 2036):
        await asyncio.gather(*(each.ensure_partitions(datetime(year, 5, 1, tzinfo=UTC)) for each in connected))
    for each in connected:
        await each.close()


async def test_an_installation_has_its_keys_for_ever(database: Database) -> None:
    made = await asyncio.gather(*(database.installation(NOW, bytes([n]) * 64) for n in range(8)))
    assert len(set(made)) == 1
    assert made[0].bucket_key == made[0].sid_key != b""
    assert await database.installation(NOW, b"z" * 64) == made[0]


async def test_two_keys_need_chance_for_two(database: Database) -> None:
    kept = await database.installation(NOW, bytes(range(64)))
    assert (kept.bucket_key, kept.sid_key) == (bytes(range(32)), bytes(range(32, 64)))
    with pytest.raises(ValueError, match="64 bytes"):
        await database.installation(NOW, b"x" * 63)


async def test_transactions_that_block_each_other_are_repeated(database: Database) -> None:
    await database.pool.execute("CREATE TABLE pair (id int PRIMARY KEY, n int); INSERT INTO pair VALUES (1, 0), (2, 0)")
    met, one_is_through = asyncio.Barrier(2), asyncio.Event()
    tries = []

    async def work(connection: Connection, order: tuple[int, int]) -> None:
        tries.append(order)
        if len(tries) > 2:
            await one_is_through.wait()  # else it could take the freed row first, and block the other once more
        await connection.execute("UPDATE pair SET n = n + 1 WHERE id = $1", order[0])
        if len(tries) <= 2:
            await met.wait()
        await connection.execute("UPDATE pair SET n = n + 1 WHERE id = $1", order[1])

    async def run(order: tuple[int, int]) -> None:
        await database.transaction(partial(work, order=order))
        one_is_through.set()

    await asyncio.gather(run((1, 2)), run((2, 1)))
    assert [row["n"] for row in await database.pool.fetch("SELECT n FROM pair ORDER BY id")] == [2, 2]
    assert len(tries) == 3


async def test_a_transaction_that_never_gets_through_says_so(database: Database) -> None:
    tries = []

    async def work(_: Connection) -> None:
        tries.append(1)
        raise asyncpg.DeadlockDetectedError

    with pytest.raises(asyncpg.DeadlockDetectedError):
        await database.transaction(work)
    assert len(tries) == TRANSACTION_TRIES_MAX


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    async def work(connection: Connection) -> None:
        await connection.execute("CREATE TABLE half (n int)")
        raise LookupError

    with pytest.raises(LookupError):
        await database.transaction(work)
    assert await database.pool.fetchval("SELECT to_regclass('half')") is None
