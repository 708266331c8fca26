"""One real PostgreSQL a test process, a migrated template in it, and a copy of that template for each test.

The server is the embedded one in a directory that goes with it, or, by LIMPET_TEST_DATABASE_URL, any server whose user may
create databases. A run that was killed leaves a server and a directory; a run an hour later or more finds and removes them.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from limpet.store.data_directory import LOCK_NAME
from limpet.store.database import Database, DatabaseUnusable
from limpet.store.embedded import THROWAWAY, EmbeddedPostgres
from tests.support.clock import NOW

HASH_PARTITIONS = 8
_SERVER_PREFIX, _OTHER_PREFIX = "limpet-tests-", "limpet-own-"
_LEFT_AFTER_S = {_SERVER_PREFIX: 60, _OTHER_PREFIX: 3600}
"""A run holds its server's directory locked from the first second to the last. What else it prepares may lie unlocked, but no
run takes an hour."""
_FAST = {**THROWAWAY, "max_connections": "120"}
_TABLE = re.compile(r"CREATE TABLE (?P<name>\w+) \((?P<columns>.*?)\n\)(?P<rest>[^;]*);", re.DOTALL)
_BUCKET = re.compile(r"^\s+bucket\s+smallint NOT NULL", re.MULTILINE)
_numbers = count()


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and the names of its two templates."""

    url: str
    plain: str
    sharded: str
    copying: str
    """How copies are made: without fsync, copying files is the fastest."""


def database_url(server_url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def as_shards(step: str) -> str:
    """A migration in which each table that has a bucket is split by its hash: PostgreSQL then refuses what a cluster would."""

    def split(table: re.Match[str]) -> str:
        if not _BUCKET.search(table["columns"]):
            return table[0]
        name, storage = table["name"], re.search(r"WITH \([^)]*\)", table["rest"])
        parts = [
            f"CREATE TABLE {name}_{part} PARTITION OF {name} FOR VALUES WITH (MODULUS {HASH_PARTITIONS}, REMAINDER {part})"
            f"{' ' + storage[0] if storage else ''};"
            for part in range(HASH_PARTITIONS)
        ]
        return f"CREATE TABLE {name} ({table['columns']}\n) PARTITION BY HASH (bucket);\n" + "\n".join(parts)

    return _TABLE.sub(split, step)


async def _make_template(server_url: str, name: str, sharded: bool) -> None:
    await _execute(server_url, f"CREATE DATABASE {name}")
    database = await Database.connect(database_url(server_url, name), pool_size=1)
    try:
        await database.migrate(NOW, as_shards if sharded else str)
        for at in (NOW - timedelta(days=31), NOW, NOW + timedelta(days=366), datetime.now(UTC)):
            await database.ensure_partitions(at)
    finally:
        await database.close()


async def _execute(server_url: str, *statements: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _templates(server_url: str, copying: str = "") -> Server:
    made = Server(server_url, f"limpet_plain_{os.getpid()}", f"limpet_sharded_{os.getpid()}", copying)
    for name, sharded in ((made.plain, False), (made.sharded, True)):
        asyncio.run(_make_template(server_url, name, sharded))
    return made


def temporary_directory(prefix: str = _OTHER_PREFIX) -> Path:
    """A directory that PostgreSQL's user can enter (pytest's own cannot be entered by others)."""
    path = Path(tempfile.mkdtemp(prefix=prefix))
    path.chmod(0o711)
    return path


def _remove_leftovers() -> None:
    """Stop the servers of test runs that were killed, and remove what they left: nobody holds a lock there any more."""
    for prefix, age_s in _LEFT_AFTER_S.items():
        for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
            if (
                path.exists()
                and time.time() - path.stat().st_mtime > age_s
                and all(map(_stopped, _data_directories(path)))
            ):
                shutil.rmtree(path, ignore_errors=True)


def _data_directories(path: Path) -> list[Path]:
    return [lock.parent for depth in ("", "*/") for lock in path.glob(f"{depth}{LOCK_NAME}")]


def _stopped(data_dir: Path) -> bool:
    left = EmbeddedPostgres(data_dir, _FAST)
    try:
        left.start()
    except DatabaseUnusable:
        return False  # in use
    left.stop()
    return True


@pytest.fixture(scope="session")
def database_server() -> Iterator[Server]:
    """The server of this test process with its templates."""
    if given := os.environ.get("LIMPET_TEST_DATABASE_URL"):
        server = _templates(given)
        yield server
        asyncio.run(_execute(given, f"DROP DATABASE {server.plain}", f"DROP DATABASE {server.sharded}"))
        return
    _remove_leftovers()
    path = temporary_directory(_SERVER_PREFIX)
    embedded = EmbeddedPostgres(path, _FAST)
    try:
        yield _templates(embedded.start(), "STRATEGY FILE_COPY")
    finally:
        embedded.stop()
        shutil.rmtree(path)


@asynccontextmanager
async def copied(server: Server, template: str) -> AsyncIterator[str]:
    """The URL of a fresh copy of a template, dropped afterwards even while somebody is connected."""
    name = f"limpet_test_{os.getpid()}_{next(_numbers)}"
    await _execute(server.url, f"CREATE DATABASE {name} TEMPLATE {template} {server.copying}")
    try:
        yield database_url(server.url, name)
    finally:
        await _execute(server.url, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Database]:
    database = await Database.connect(url)
    try:
        yield database
    finally:
        await database.close()


@pytest_asyncio.fixture
async def database_dsn(database_server: Server) -> AsyncIterator[str]:
    """The URL of this test's own database, for tests that start further processes."""
    async with copied(database_server, database_server.plain) as url:
        yield url


@pytest_asyncio.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """This test's own database, the one of `database_dsn`."""
    async with _connected(database_dsn) as connected:
        yield connected


@pytest_asyncio.fixture
async def sharded_database(database_server: Server) -> AsyncIterator[Database]:
    """The same with every table that grows split by the hash of its bucket."""
    async with copied(database_server, database_server.sharded) as url, _connected(url) as connected:
        yield connected
