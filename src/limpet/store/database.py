"""A pool of PostgreSQL connections, transactions that repeat themselves after a deadlock, and forward-only migrations.

It knows how to reach the database and how to bring its schema up to date. It knows nothing of messages or mappings.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from time import perf_counter
from typing import TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from limpet.core.ids import id_floor
from limpet.store.queries import query

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Reader: TypeAlias = "Connection | asyncpg.Pool[asyncpg.Record]"
"""What a single statement runs on: in a transaction its own connection, since another one may not be had while everybody who has
one waits for this transaction; outside of one the pool."""

T = TypeVar("T")

TRANSACTION_TRIES_MAX = 5
POOL_SIZE = 8
MIGRATION_LOCK = 0x6C696D706574  # "limpet": one migrator at a time, whatever the number of processes
PARTITIONED_TABLES = {"message": 50, "sticky_event": 100}
"""Tables in monthly partitions, and how full their pages are made. A message is updated twice, and a batch updates a whole page
at once: half a page of room keeps nine of ten updates on their page (HOT), a third of it only every other one."""
PARTITIONS_AHEAD = 2
VERSION_MIN = 140000
INSTALLATION_KEY_BYTES = 32

# Every hot statement finds its rows by key. A plan for the parameters at hand would rather read all of a table that is nearly
# empty, and live on when it has grown; one made without looking at them expects few rows, and looks up keys from the start.
_SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "timezone": "UTC",
}
DATABASE_AWAY = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError,
                 asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.TooManyConnectionsError,
                 asyncpg.InternalClientError)  # fmt: skip
"""What a statement meets while the server restarts or cannot be reached: the work is to be tried again later."""
_Migrate = Callable[[str], str]


class OutOfDate(Exception):
    """What a transaction decided on turned out not to be so any more: it is undone and runs again from the start."""


_REPEATABLE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, OutOfDate)


_later: ContextVar[list[Callable[[], None]] | None] = ContextVar("later", default=None)


def after_commit(act: Callable[[], None]) -> None:
    """Do something at once when `Database.transaction`, in which this is called, is committed; not when it fails. Outside of one
    it is an error."""
    later = _later.get()
    assert later is not None, "nothing is going to be committed here"
    later.append(act)


@contextmanager
def _left_for_later() -> Iterator[list[Callable[[], None]]]:
    later: list[Callable[[], None]] = []
    token = _later.set(later)
    try:
        yield later
    finally:
        _later.reset(token)


class DatabaseUnusable(Exception):
    """The database cannot be used as it is; the message says in one sentence why and what to do."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The keys that never change while data exists: of the hash that places rows, and of the check digits in message SIDs.

    `pseudonym_key` is not in the database (`limpet.store.secrets`): what is kept under pseudonyms must not be read with it.
    """

    bucket_key: bytes
    sid_key: bytes
    pseudonym_key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    number: int
    name: str
    text: str


def migrations() -> list[Migration]:
    """All steps that this version knows, in order."""
    found = []
    for entry in files("limpet.store").joinpath("migrations").iterdir():
        if match := re.fullmatch(r"(\d{4})_(\w+)\.sql", entry.name):
            found.append(Migration(int(match[1]), match[2], entry.read_text()))
    return sorted(found, key=lambda step: step.number)


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


class Database:
    """The pool. Statements outside a transaction go through `pool` directly."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self.pool = pool
        self.took: Callable[[float], None] = lambda _seconds: None
        """Told how long each transaction took that was committed, in seconds."""

    @classmethod
    async def connect(cls, dsn: str, pool_size: int = POOL_SIZE) -> Database:
        """Open the pool; DatabaseUnusable when the server is absent, refuses or is too old."""
        try:
            pool = await asyncpg.create_pool(
                dsn, min_size=1, max_size=pool_size, init=_prepare, server_settings=_SETTINGS, statement_cache_size=200
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise DatabaseUnusable(f"The database cannot be reached: {error}.") from error
        version = await pool.fetchval("SELECT current_setting('server_version_num')::int")
        if version < VERSION_MIN:
            await pool.close()
            raise DatabaseUnusable(f"PostgreSQL 14 or later is needed; this one is {version // 10000}.")
        return cls(pool)

    async def close(self) -> None:
        """Close every connection, waiting for statements under way."""
        await self.pool.close()

    async def transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in one READ COMMITTED transaction; from the start after a deadlock or OutOfDate, at most
        TRANSACTION_TRIES_MAX times. What `work` leaves for `after_commit` is done then, or never."""
        for left in reversed(range(TRANSACTION_TRIES_MAX)):
            began = perf_counter()
            try:
                with _left_for_later() as later:
                    async with self.pool.acquire() as connection, connection.transaction():
                        answer = await work(connection)
                self.took(perf_counter() - began)
                for act in later:
                    act()
                return answer
            except _REPEATABLE:
                if not left:
                    raise
        raise AssertionError("unreachable")

    async def migrate(self, now: datetime, rewrite: _Migrate = str) -> list[str]:
        """Apply the steps that are missing, under an advisory lock; answers the names of those applied.

        `rewrite` may change a step's text before it runs (tests lay the tables out as shards with it).
        DatabaseUnusable when the schema is newer than this version.
        """
        async with self.pool.acquire() as connection, _alone(connection):
            return await _apply_missing(connection, now, rewrite)

    async def schema_version(self) -> int:
        """The number of the newest step applied; 0 on an empty database."""
        async with self.pool.acquire() as connection:
            return await _schema_version(connection)

    async def installation(self, now: datetime, chance: bytes) -> Installation:
        """This installation's keys, made from `chance` (two keys of INSTALLATION_KEY_BYTES) at the very first start."""
        made = chance[:INSTALLATION_KEY_BYTES], chance[INSTALLATION_KEY_BYTES : 2 * INSTALLATION_KEY_BYTES]
        if len(made[1]) != INSTALLATION_KEY_BYTES:
            raise ValueError(f"chance has {2 * INSTALLATION_KEY_BYTES} bytes at least")
        await self.pool.execute(query("installation_insert"), *made, now)
        row = await self.pool.fetchrow(query("installation_read"))
        assert row is not None
        return Installation(row["bucket_key"], row["sid_key"])

    async def now(self) -> datetime:
        """The database's own clock."""
        at: datetime = await self.pool.fetchval(query("clock"))
        return at

    async def ensure_partitions(self, now: datetime) -> None:
        """Make this month's partition of each partitioned table and the next PARTITIONS_AHEAD, where they are missing."""
        async with self.pool.acquire() as connection, _alone(connection):
            for table in PARTITIONED_TABLES:
                await _ensure_partitions_of(connection, table, now)


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[None]:
    """Nobody else changes the schema meanwhile, in no process."""
    await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
    try:
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", MIGRATION_LOCK)


async def _schema_version(connection: Connection) -> int:
    if not await connection.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL"):
        return 0
    return int(await connection.fetchval("SELECT coalesce(max(number), 0) FROM schema_migration"))


async def _apply_missing(connection: Connection, now: datetime, rewrite: _Migrate) -> list[str]:
    known, at = migrations(), await _schema_version(connection)
    if at > known[-1].number:
        raise DatabaseUnusable(
            f"The schema is at step {at}, newer than this Limpet (step {known[-1].number}): update Limpet."
        )
    applied = []
    for step in (step for step in known if step.number > at):
        async with connection.transaction():
            await connection.execute(rewrite(step.text))
            await connection.execute(query("migration_table"))
            await connection.execute(query("migration_done"), step.number, step.name, now)
        applied.append(f"{step.number:04} {step.name}")
    return applied


async def _ensure_partitions_of(connection: Connection, table: str, now: datetime) -> None:
    strategy = await connection.fetchval(query("partition_strategy"), table)
    if strategy != b"r":
        return
    first = now.year * 12 + now.month - 1
    for month in range(first, first + 1 + PARTITIONS_AHEAD):
        await connection.execute(_partition_sql(table, month))


def _partition_sql(table: str, month: int) -> str:
    """The statement for one month, counted from year 0. Room is left on each page so that status updates stay on it (HOT)."""
    start, end = (datetime(m // 12, m % 12 + 1, 1, tzinfo=UTC) for m in (month, month + 1))
    return (
        f"CREATE TABLE IF NOT EXISTS {table}_{start:%Y_%m} PARTITION OF {table} "
        f"FOR VALUES FROM ({id_floor(start)}) TO ({id_floor(end)}) WITH (fillfactor = {PARTITIONED_TABLES[table]})"
    )
