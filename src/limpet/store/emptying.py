"""A development server's database emptied of what was sent and heard: accounts, services, numbers and their settings stay.

For servers whose data nobody misses. It does not know what goes on meanwhile.
"""

from __future__ import annotations

from limpet.store.database import Connection, Database
from limpet.store.queries import query


async def is_quiet(database: Database) -> bool:
    """Whether no message is on its way and no callback waits for its first try."""
    return bool(await database.pool.fetchval(query("emptying_is_quiet")))


async def empty(database: Database) -> None:
    """Forget all messages and people, whatever became of them, and how numbers fared."""

    async def work(connection: Connection) -> None:
        await connection.execute(query("emptying_all"))
        await connection.execute(query("emptying_senders"))

    await database.transaction(work)
