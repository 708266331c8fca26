"""How numbers fare, in PostgreSQL: counts by member and hour, which members fail, and what services call so.

What the counts mean is `limpet.core.health`'s business. A membership has its own: a number that joins anew begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import asyncpg

from limpet.core.health import DAY_H, Counts, Policy, hour_number
from limpet.store.database import Connection, Database
from limpet.store.queries import query

KEPT_H = DAY_H + 2
ACTIVE_H = 1


@dataclass(frozen=True, slots=True)
class MemberHealth:
    """A member of a pool with its counts by `hour_number`, at most those of a day and an hour."""

    member_id: int
    service_id: int
    account_id: int
    account_sid: str
    service_sid: str
    sender_sid: str
    address: str
    failing_since: datetime | None
    policy: Policy
    hours: Mapping[int, Counts] = field(default_factory=dict)


async def count(connection: Connection, counts: Mapping[tuple[int, int], Counts]) -> None:
    """Add what became of messages, by hour and member. The rows are held until the commit: it is to be a transaction's last
    statement."""
    rows = [
        (member, hour, int(c.delivered), int(c.undelivered), int(c.filtered))
        for (hour, member), c in sorted(counts.items())
    ]
    await connection.execute(query("health_count"), *map(list, zip(*rows, strict=True)))


async def count_opted_out(connection: Connection, hour: int, addresses: Sequence[str]) -> None:
    """Add people who answered STOP, by the number that each wrote to; as `count` a transaction's last statement."""
    await connection.execute(query("health_opted_out"), hour, list(addresses))


async def active(database: Database, now: datetime) -> list[MemberHealth]:
    """The members that had messages in this hour or the one before, and those that fail."""
    return await _read(database, now, hour_number(now) - ACTIVE_H, None, None)


async def of_service(database: Database, now: datetime, service_sid: str | None = None) -> list[MemberHealth]:
    """All live members of a service, or of all services, in the order in which they joined."""
    return await _read(database, now, None, service_sid, None)


async def of_member(database: Database, now: datetime, member_id: int) -> MemberHealth | None:
    """One live member."""
    found = await _read(database, now, None, None, member_id)
    return found[0] if found else None


async def _read(
    database: Database, now: datetime, active_since: int | None, service_sid: str | None, member_id: int | None
) -> list[MemberHealth]:
    rows = await database.pool.fetch(
        query("health_read"), hour_number(now) - DAY_H, active_since, service_sid, member_id
    )
    return [_member(list(group)) for _, group in groupby(rows, key=lambda row: row["member_id"])]


def _member(rows: Sequence[asyncpg.Record]) -> MemberHealth:
    row = rows[0]
    hours = {
        r["hour"]: Counts(r["delivered"], r["undelivered"], r["filtered"], r["opted_out"])
        for r in rows
        if r["hour"] is not None
    }
    return MemberHealth(
        row["member_id"], row["service_id"], row["account_id"], row["account_sid"], row["service_sid"], row["sender_sid"],
        row["address"], row["failing_since"], _policy(row), hours,
    )  # fmt: skip


def _policy(row: asyncpg.Record | None) -> Policy:
    if row is None or row["messages_min"] is None:
        return Policy()
    return Policy(**{name: row[name] for name in Policy.__slots__})


async def mark(connection: Connection, member: MemberHealth, failing_since: datetime | None) -> bool:
    """Note that a member fails since then, or no more; False where that is known already, or it has left the pool. Pools are
    others from the commit on."""
    if await connection.fetchval(query("service_hold"), member.service_id) is None:
        return False
    if await connection.fetchval(query("health_mark"), member.member_id, failing_since) is None:
        return False
    await connection.execute(query("pool_changed"), member.service_id)
    return True


async def policy(database: Database, service_id: int) -> Policy:
    """What a service calls unhealthy."""
    return _policy(await database.pool.fetchrow(query("health_policy"), service_id))


async def set_policy(database: Database, service_id: int, new: Policy) -> bool:
    """Change it, for every message that begins afterwards; False when the service is gone."""

    async def work(connection: Connection) -> bool:
        if await connection.fetchval(query("service_hold"), service_id) is None:
            return False
        await connection.execute(
            query("health_policy_set"), service_id, *(getattr(new, name) for name in Policy.__slots__)
        )
        await connection.execute(query("pool_changed"), service_id)
        return True

    return await database.transaction(work)


async def forget(database: Database, now: datetime) -> None:
    """Drop the hours that no window reaches any more."""
    await database.pool.execute(query("health_forget"), hour_number(now) - KEPT_H)
