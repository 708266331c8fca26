"""What if a number left its pool, asked of the mappings that there are. Nothing is written."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from limpet.core.address import area_code, parse_recipient
from limpet.core.ids import BUCKETS, day_number
from limpet.core.pool import make_pool
from limpet.core.removal import Removal, Removing
from limpet.store import pools
from limpet.store.database import Database
from limpet.store.pools import people_of

ROWS_MAX: Final = 200_000
"""So many of a service's mappings are looked at; the rest is taken to be like them, since people are in buckets by a hash."""
PEOPLE_MAX: Final = 20_000
ROWS_A_STEP: Final = 20_000
PEOPLE_AT_ONCE: Final = 100


async def removal_of(database: Database, service_id: int, member_id: int, now: datetime) -> Removal | None:
    """How many people would hear from which number if a member left; None when the service is gone."""
    today = day_number(now)
    async with database.pool.acquire() as connection:
        loaded = await pools.load(connection, service_id, today)
    if loaded is None:
        return None
    pool, scope = make_pool(loaded.service, loaded.members, area_code, failing=loaded.failing), loaded.service.scope
    counting, bucket, rows, step = Removing(pool, member_id), 0, 0, 1
    while bucket < BUCKETS and rows < ROWS_MAX and counting.people < PEOPLE_MAX:
        buckets = list(range(bucket, min(BUCKETS, bucket + step)))
        since = today - scope.ttl.days
        looked_at, people = await people_of(database, buckets, scope.id, member_id, since)
        rows, bucket = rows + looked_at, buckets[-1] + 1
        step = max(1, min(BUCKETS, ROWS_A_STEP * bucket // max(rows, 1)))
        for place, (recipient, strictly) in enumerate(people, 1):
            counting.add(parse_recipient(recipient), strictly=strictly)
            if place % PEOPLE_AT_ONCE == 0:
                await asyncio.sleep(0)  # messages go on meanwhile
    return counting.total(BUCKETS / bucket)
