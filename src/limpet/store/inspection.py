"""What an operator's check asks of a PostgreSQL server: its settings, and who is connected."""

from __future__ import annotations

from collections.abc import Sequence

from limpet.store.database import Database
from limpet.store.queries import query


async def server_settings(database: Database, names: Sequence[str]) -> dict[str, str]:
    """The server's settings as they are in force for this connection, by name."""
    rows = await database.pool.fetch(query("server_settings"), list(names))
    return {row["name"]: row["setting"] for row in rows}


async def clients_connected(database: Database) -> int:
    """How many clients are connected to the server, whichever database they use."""
    return int(await database.pool.fetchval(query("clients_connected")))
