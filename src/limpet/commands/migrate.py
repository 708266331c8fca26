"""`limpet migrate`: the schema of a database brought up to date, the operator's or the embedded one while nobody uses it."""

from __future__ import annotations

from limpet.clock import Clock
from limpet.commands.opened import opened
from limpet.config import DatabaseConfig
from limpet.store.database import Database


async def migrate(config: DatabaseConfig, clock: Clock) -> list[str]:
    """Apply what is missing; answers the names of the steps applied. DatabaseUnusable says what is in the way."""
    async with opened(config) as database:
        return await bring_up_to_date(database, clock)


async def bring_up_to_date(database: Database, clock: Clock) -> list[str]:
    """The missing steps and this month's partitions."""
    applied = await database.migrate(clock.now())
    await database.ensure_partitions(clock.now())
    return applied
