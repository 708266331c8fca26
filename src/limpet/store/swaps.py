"""Swaps of numbers in PostgreSQL: another number takes one's place in its pool, and its people with it.

A swap is a row; each of its steps is one transaction that holds the row, so that it goes on after a crash where it stopped, in
whichever process. What the next step is, is `limpet.flow.swap`'s decision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import asyncpg

from limpet.core.ids import BUCKETS
from limpet.core.model import Clearance, PoolMember, Service
from limpet.core.registration import SHOWN, Stage, State
from limpet.core.sticky import EventKind
from limpet.store.database import Connection, Database
from limpet.store.queries import query
from limpet.store.sticky import MappingKey, StickyEvent, insert_events

CHUNK = 2000
OPEN_MAX = 100
CAUSE = "swapped"


class SwapState(StrEnum):
    """Where a swap is."""

    REGISTERING = "registering"
    """The replacement is in the pool and may not be used yet."""
    MOVING = "moving"
    """People are moved; the old number gets no new ones."""
    FINISHING = "finishing"
    """The old number has left; people who came to it last are moved."""
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


OPEN = frozenset({SwapState.REGISTERING, SwapState.MOVING, SwapState.FINISHING})


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap with what decides its next step. `progress` is how many of BUCKETS have been walked."""

    id: int
    account_id: int
    service_id: int
    space_id: int | None
    old_member_id: int
    new_member_id: int
    state: SwapState
    progress: int
    moved: int
    reason: str | None
    actor: str
    created_at: datetime
    updated_at: datetime
    old_sid: str
    old_number: str
    new_sid: str
    new_number: str
    old_is_in: bool
    new_is_in: bool
    clearance: Clearance
    registration: State


class Swaps:
    """Every service's swaps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, service: Service, old: PoolMember, new: PoolMember, actor: str, now: datetime) -> Swap | None:
        """A swap of two members of a pool; None when the old one is being swapped already, or has left."""

        async def work(connection: Connection) -> Swap | None:
            made = await connection.fetchval(
                query("swap_insert"), service.account_id, service.id, old.id, new.id, actor, now
            )
            return None if made is None else await by_id(connection, made)

        return await self._database.transaction(work)

    async def of_number(self, service_id: int, number_sid: str) -> Swap | None:
        """The last swap that a number of a service was part of as the old one."""
        async with self._database.pool.acquire() as connection:
            found = await connection.fetchval(query("swap_of_number"), service_id, number_sid)
            return None if found is None else await by_id(connection, found)

    async def cancel(self, swap: Swap, now: datetime) -> bool:
        """Let a swap be before anybody was moved; whether that was so. The replacement stays in the pool."""
        return (
            await self._database.pool.fetchval(
                query("swap_advance"), swap.id, SwapState.REGISTERING, SwapState.CANCELED, 0, 0, "Canceled", now
            )
            is not None
        )

    async def open_ids(self) -> list[int]:
        """The swaps that are under way, at most OPEN_MAX."""
        return [row["id"] for row in await self._database.pool.fetch(query("swaps_open"), OPEN_MAX)]


async def by_id(connection: Connection, swap_id: int) -> Swap | None:
    """A swap as it is."""
    row = await connection.fetchrow(query("swap_by_id"), swap_id)
    return None if row is None else _swap_of(row)


async def hold(connection: Connection, swap_id: int) -> Swap | None:
    """A swap as it is, held until the commit: one step at a time."""
    if await connection.fetchval(query("swap_hold"), swap_id) is None:
        return None
    return await by_id(connection, swap_id)


async def advance(
    connection: Connection, swap: Swap, to: SwapState, progress: int, moved: int, reason: str | None, now: datetime
) -> None:
    """Write how far a held swap has come; `moved` is how many people more."""
    await connection.execute(query("swap_advance"), swap.id, swap.state, to, progress, moved, reason, now)


async def retire(connection: Connection, swap: Swap, *, retiring: bool) -> None:
    """Let the old member keep its people and get no new ones, or get them again."""
    await connection.fetchval(query("service_hold"), swap.service_id)
    await connection.execute(query("member_retire"), swap.old_member_id, retiring)
    await connection.execute(query("pool_changed"), swap.service_id)


async def move_bucket(
    connection: Connection, swap: Swap, bucket: int, new_id: Callable[[datetime], int], now: datetime
) -> int:
    """Move at most CHUNK people of one bucket to the replacement, each with an event; answers how many."""
    scopes = [swap.service_id] if swap.space_id is None else [swap.service_id, swap.space_id]
    rows = await connection.fetch(
        query("swap_move"), bucket, scopes, swap.old_member_id, swap.new_member_id, CHUNK
    )  # fmt: skip
    people = [MappingKey(bucket, row["service_id"], row["recipient"]) for row in rows]
    await insert_events(connection, _events(swap, people, new_id, now)) if rows else None
    return len(rows)


def _events(
    swap: Swap, people: Sequence[MappingKey], new_id: Callable[[datetime], int], now: datetime
) -> list[StickyEvent]:
    return [
        StickyEvent(
            person, new_id(now), EventKind.REPLACED, CAUSE, swap.old_number,
            swap.new_number, None, swap.actor,
        )
        for person in people
    ]  # fmt: skip


def walked(progress: int) -> bool:
    """Whether every bucket has been walked."""
    return progress >= BUCKETS


def _swap_of(row: asyncpg.Record) -> Swap:
    stage = Stage(row["stage"]) if row["stage"] else None
    return Swap(
        row["id"], row["account_id"], row["service_id"], row["space_id"], row["old_member_id"], row["new_member_id"],
        SwapState(row["state"]), row["progress"], row["moved"], row["reason"], row["actor"], row["created_at"],
        row["updated_at"], row["old_sid"], row["old_number"], row["new_sid"], row["new_number"], row["old_is_in"],
        row["new_is_in"], Clearance(row["clearance"]), SHOWN[stage] if stage else State.UNREGISTERED,
    )  # fmt: skip
