"""Rebalances in PostgreSQL: a plan, the people whom it moved, and the way back.

A rebalance is a row; each of its steps is one transaction that holds the row, so that it goes on after a crash where it stopped,
in whichever process. Who moves is `limpet.core.rebalance`'s decision, what the next step is `limpet.flow.rebalance`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from limpet.core.ids import BUCKETS
from limpet.core.model import Service
from limpet.core.page import Page, PageRequest
from limpet.core.rebalance import ACTOR_PREFIX, Plan, Quota, Rebalance, Share, State, Wish
from limpet.core.sticky import StoredMapping
from limpet.store.database import Connection, Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query
from limpet.store.sticky import stored_mapping

_PAGE = listing("rebalance_page")
_ALL_BUCKETS: Final = list(range(BUCKETS))
AT_WORK_MAX: Final = 100


class OtherOpen(Exception):
    """Another rebalance of the service is under way."""


class Shift(NamedTuple):
    """From which number to which, and how many people."""

    before: str
    after: str
    planned: int
    moved: int


class Mapped(NamedTuple):
    """A person with their mapping as it was read."""

    recipient: str
    mapping: StoredMapping


class Move(NamedTuple):
    """A person who is to get another number, if the mapping is still as it was read."""

    recipient: str
    before: StoredMapping
    member_after: int


class Restored(NamedTuple):
    """A person who has the number again from before a rebalance."""

    recipient: str
    member_before: int
    member_after: int


async def insert(
    database: Database, service: Service, sid: str, wish: Wish, plan: Plan, credential: str, now: datetime
) -> Rebalance:
    """Keep a plan; nobody is moved. OtherOpen while people of the service are moved, or were since `now`."""

    async def work(connection: Connection) -> Rebalance:
        row = await connection.fetchrow(
            query("rebalance_insert"), sid, service.id, credential, wish.reason, wish.idle_days, wish.percent,
            wish.max_moves, wish.per_second, plan.people, plan.estimated, [asdict(each) for each in plan.members],
            plan.moves, now,
        )  # fmt: skip
        if row is None:
            raise OtherOpen
        if plan.quotas:
            columns = zip(*((q.place, q.before, q.after, q.planned) for q in plan.quotas), strict=True)
            await connection.execute(query("rebalance_quotas_insert"), row["id"], *map(list, columns))
        return _rebalance(row)

    return await database.transaction(work)


async def by_sid(database: Database, service: Service, sid: str) -> Rebalance | None:
    """A service's rebalance."""
    row = await database.pool.fetchrow(query("rebalance_by_sid"), sid, service.id)
    return None if row is None else _rebalance(row)


async def page(database: Database, service: Service, request: PageRequest) -> Page[Rebalance]:
    """A service's rebalances, newest first."""
    return await fetch_page(database, _PAGE, request, _rebalance, service.id)


async def shifts(database: Database, one: Rebalance) -> list[Shift]:
    """How many people go from which number to which, and how many have gone; most first."""
    rows = await database.pool.fetch(query("rebalance_moves"), one.id)
    return [Shift(row["before"], row["after"], row["planned"], row["moved"]) for row in rows]


async def change(
    database: Database, one: Rebalance, to: State, allowed: frozenset[State], now: datetime
) -> Rebalance | None:
    """Bring a rebalance into another state, if it is in an `allowed` one; None when it is not. OtherOpen."""
    try:
        row = await database.pool.fetchrow(query("rebalance_change"), one.id, sorted(allowed), to, now)
    except asyncpg.UniqueViolationError:
        raise OtherOpen from None
    return None if row is None else _rebalance(row)


async def at_work(database: Database) -> list[int]:
    """The rebalances that move people there or back, at most AT_WORK_MAX."""
    return [row["id"] for row in await database.pool.fetch(query("rebalances_at_work"), AT_WORK_MAX)]


async def hold(connection: Connection, rebalance_id: int) -> Rebalance | None:
    """A rebalance as it is, held until the commit."""
    row = await connection.fetchrow(query("rebalance_hold"), rebalance_id)
    return None if row is None else _rebalance(row)


async def quotas(connection: Connection, one: Rebalance) -> list[Quota]:
    """The quotas of which somebody has still to go."""
    rows = await connection.fetch(query("rebalance_quotas_open"), one.id)
    return [Quota(r["place"], r["member_before"], r["member_after"], r["planned"], r["moved"]) for r in rows]


async def took(connection: Connection, one: Rebalance, taken: Mapping[tuple[str, int, int], int]) -> None:
    """Note how many people more have gone by quotas `(place, before, after)`."""
    columns = zip(*((*quota, count) for quota, count in taken.items()), strict=True)
    await connection.execute(query("rebalance_quotas_took"), one.id, *map(list, columns))


async def advance(
    connection: Connection, one: Rebalance, to: State, progress: int, paced_until: datetime, now: datetime, *,
    moved: int = 0, undone: int = 0,
) -> None:  # fmt: skip
    """Write how far a held rebalance has come; `moved` and `undone` are how many people more. What was planned and has not moved
    when it is done was skipped."""
    await connection.execute(query("rebalance_advance"), one.id, to, progress, moved, undone, paced_until, now)


async def people(
    database: Database, buckets: Sequence[int], service_id: int, since_day: int
) -> list[Mapped]:  # fmt: skip
    """The people of a service in some buckets whose mappings count."""
    rows = await database.pool.fetch(query("rebalance_people"), buckets, service_id, since_day)
    return [_mapped(row) for row in rows]


async def idle(
    connection: Connection, bucket: int, service_id: int, after: str, members: Sequence[int], until_day: int,
    since_id: int, most: int,
) -> list[Mapped]:  # fmt: skip
    """People of some members in a bucket, behind `after`, of whom nothing was heard since a day and an id; at most so many."""
    rows = await connection.fetch(
        query("rebalance_idle"), bucket, service_id, after, members, until_day, since_id, most
    )
    return [_mapped(row) for row in rows]


async def move(connection: Connection, one: Rebalance, scope_id: int, bucket: int, moves: Sequence[Move]) -> set[str]:
    """Move people of a bucket; answers those whose mapping was still as it was read."""
    rows = await connection.fetch(
        query("rebalance_move"), bucket, one.id, scope_id, [each.recipient for each in moves],
        [each.before.member_id for each in moves], [each.before.last_used_day for each in moves],
        [each.member_after for each in moves],
    )  # fmt: skip
    return {row["recipient"] for row in rows}


async def undo(
    connection: Connection, one: Rebalance, scope_id: int, bucket: int, most: int
) -> tuple[int, list[Restored]]:
    """Take back at most so many moves of a bucket: how many were looked at, and who has the number of before again."""
    rows = await connection.fetch(query("rebalance_moved"), bucket, one.id, most)
    if not rows:
        return 0, []
    names = [row["recipient"] for row in rows]
    restored = await connection.fetch(query("rebalance_undo"), bucket, one.id, scope_id, names)
    return len(rows), [Restored(r["recipient"], r["member_before"], r["member_after"]) for r in restored]


async def settle(database: Database, before: datetime, most: int, now: datetime) -> int:
    """Forget whom rebalances moved that nobody has touched since `before`; how many there were, at most `most`."""
    rows = await database.pool.fetch(query("rebalances_left"), before, most)
    for row in rows:
        await database.pool.execute(query("rebalance_settle"), row["id"], now)
        await database.pool.execute(query("rebalance_forget_moves"), _ALL_BUCKETS, row["id"])
    return len(rows)


def _mapped(row: asyncpg.Record) -> Mapped:
    return Mapped(row["recipient"], stored_mapping(row))


def _rebalance(row: asyncpg.Record) -> Rebalance:
    wish = Wish(row["idle_days"], row["percent"], row["max_moves"], row["per_second"], row["reason"])
    return Rebalance(
        row["id"], row["sid"], row["service_id"], ACTOR_PREFIX + row["sid"], row["credential"], wish, State(row["state"]),
        row["people"], row["estimated"], tuple(Share(**each) for each in row["members"]), row["planned"], row["moved"],
        row["skipped"], row["undone"], row["progress"], row["paced_until"], row["created_at"], row["updated_at"],
    )  # fmt: skip
