"""The stores, seen from inside one transaction: whatever they do becomes true together, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import asyncpg

from limpet.store.database import Connection, Database
from limpet.store.queries import query

T = TypeVar("T")
APPLY_LOCK = 0x6C696D6170706C79
"""One configuration file is applied at a time."""


class Within(Database):
    """A `Database` whose every statement runs on one connection, in the transaction that is open there."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(cast("asyncpg.Pool[asyncpg.Record]", _One(connection)))
        self._connection = connection

    async def transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` under a savepoint: its failure undoes its own part."""
        async with self._connection.transaction():
            return await work(self._connection)

    async def alone(self) -> None:
        """Wait until nobody else applies a configuration, and keep others waiting until the commit."""
        await self._connection.execute(query("apply_alone"), APPLY_LOCK)


class _One:
    """As much of a pool as the stores use, of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        """`fetch`, `fetchrow`, `fetchval` and `execute`."""
        return getattr(self._connection, name)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """The connection; it stays with whoever has the transaction."""
        yield self._connection
