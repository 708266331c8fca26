"""A database for the length of one command: the operator's, or the embedded one while no server uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limpet.config import DatabaseConfig
from limpet.store.database import Database, DatabaseUnusable, migrations
from limpet.store.embedded import EmbeddedPostgres, running_url

CONNECTIONS = 2


@asynccontextmanager
async def opened(config: DatabaseConfig) -> AsyncIterator[Database]:
    """Connect, and leave everything as it was; DatabaseUnusable says what is in the way."""
    if config.url is not None:
        async with connected(config.url) as database:
            yield database
        return
    embedded = EmbeddedPostgres(config.data_dir)
    url = await asyncio.to_thread(embedded.start)
    try:
        async with connected(url) as database:
            yield database
    finally:
        await asyncio.to_thread(embedded.stop)


@asynccontextmanager
async def opened_beside(config: DatabaseConfig) -> AsyncIterator[Database]:
    """The same also while a Limpet runs on it, with the schema that this version knows: for what operators ask and tell."""
    url = config.url or await asyncio.to_thread(running_url, config.data_dir)
    if url is None and not config.data_dir.exists():
        raise DatabaseUnusable(f"There is no {config.data_dir}: give --config, or the --data of a `limpet dev`.")
    async with opened(config) if url is None else connected(url) as database:
        if await database.schema_version() != migrations()[-1].number:
            raise DatabaseUnusable(
                "The database's schema is not this Limpet's: run `limpet migrate`, or update Limpet."
            )
        yield database


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Database]:
    """Connect to a server that runs."""
    database = await Database.connect(url, pool_size=CONNECTIONS)
    try:
        yield database
    finally:
        await database.close()
