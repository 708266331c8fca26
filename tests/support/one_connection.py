"""Holds in every test of this process: a transaction asks for no connection beside its own.

Another one may not be had while everybody who has one waits for that transaction: then nothing goes on, and only under load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from limpet.store.database import Connection, Database

_transaction, _acquire = Database.transaction, asyncpg.Pool.acquire


@contextmanager
def one_connection_a_transaction() -> Iterator[None]:
    """AssertionError for whoever asks the pool for a connection within a transaction of the same task."""
    inside: set[asyncio.Task[Any] | None] = set()

    async def transaction(self: Database, work: Callable[[Connection], Awaitable[Any]]) -> Any:
        async def watched(connection: Connection) -> Any:
            inside.add(asyncio.current_task())
            try:
                return await work(connection)
            finally:
                inside.discard(asyncio.current_task())

        return await _transaction(self, watched)

    def acquire(self: Any, **options: Any) -> Any:
        assert asyncio.current_task() not in inside, "a transaction asks for a connection beside its own"
        return _acquire(self, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "transaction", transaction)
        patch.setattr(asyncpg.Pool, "acquire", acquire)
        yield
