"""A database for the length of one command: the operator's, or the embedded one while no server uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limpet.config import DatabaseConfig
from limpet.store.database import Database
from limpet.store.embedded import EmbeddedPostgres, url_of_running

CONNECTIONS = 2


@asynccontextmanager
async def opened(config: DatabaseConfig) -> AsyncIterator[Database]:
    """Connect, and leave everything as it was; DatabaseUnusable says what is in the way."""
    if config.url is not None:
        async with _connected(config.url) as database:
            yield database
        return
    embedded = EmbeddedPostgres(config.data_dir)
    url = await asyncio.to_thread(embedded.start)
    try:
        async with _connected(url) as database:
            yield database
    finally:
        await asyncio.to_thread(embedded.stop)


@asynccontextmanager
async def opened_beside(config: DatabaseConfig) -> AsyncIterator[Database]:
    """The same, also beside a server that uses the embedded one at this moment."""
    url = None if config.url is not None else await asyncio.to_thread(url_of_running, config.data_dir.absolute())
    if url is None:
        async with opened(config) as database:
            yield database
    else:
        async with _connected(url) as database:
            yield database


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Database]:
    database = await Database.connect(url, pool_size=CONNECTIONS)
    try:
        yield database
    finally:
        await database.close()
