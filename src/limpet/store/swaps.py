"""Swaps of numbers in PostgreSQL: another number takes one's place in its pool, and its people with it.

A swap is a row; each of its steps is one transaction that holds the row, so that it goes on after a crash where it stopped, in
whichever process. What the next step is, is `limpet.flow.swap`'s decision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import asyncpg

from limpet.core.address import parse_recipient
from limpet.core.ids import BUCKETS, day_number
from limpet.core.model import Clearance, MemberState, PoolMember, Service
from limpet.core.registration import SHOWN, Stage, State
from limpet.core.sticky import EventKind
from limpet.store.database import Connection, Database
from limpet.store.queries import query
from limpet.store.sticky import MappingKey, StickyEvent, insert_events

CHUNK = 2000
OPEN_MAX = 100
CAUSE = "swapped"
NOTICE_DAYS, NOTICES_PER_SECOND = 30, 10


class SwapState(StrEnum):
    """Where a swap is."""

    REGISTERING = "registering"
    """The replacement is in the pool and may not be used yet."""
    MOVING = "moving"
    """People are moved; the old number gets no new ones."""
    FINISHING = "finishing"
    """The old number has left; people who came to it last are moved."""
    TELLING = "telling"
    """Everybody is moved; who is to be told so is told."""
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


OPEN = frozenset({SwapState.REGISTERING, SwapState.MOVING, SwapState.FINISHING, SwapState.TELLING})


@dataclass(frozen=True, slots=True)
class Notice:
    """A text to people who were moved and were in contact within `days`, so many a second."""

    body: str
    days: int = NOTICE_DAYS
    per_second: int = NOTICES_PER_SECOND


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
    new_state: MemberState
    clearance: Clearance
    registration: State
    notice: Notice | None
    to_tell: int
    told: int
    untold: int
    """To whom nothing could be sent."""
    paced_until: datetime | None


class Addressee(NamedTuple):
    """Who is still to be told, and when that was tried first: a message may have been made then."""

    recipient: str
    tried_at: datetime | None


class Swaps:
    """Every service's swaps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self,
        service: Service,
        old: PoolMember,
        new: PoolMember,
        actor: str,
        now: datetime,
        notice: Notice | None = None,
    ) -> Swap | None:
        """A swap of two members of a pool; None when the old one is being swapped already, or has left."""
        said = notice or Notice("")

        async def work(connection: Connection) -> Swap | None:
            made = await connection.fetchval(
                query("swap_insert"), service.account_id, service.id, old.id, new.id, actor, now, said.body or None,
                said.days, said.per_second,
            )  # fmt: skip
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
                query("swap_advance"), swap.id, SwapState.REGISTERING, SwapState.CANCELED, 0, 0, "Canceled", now, 0
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
    connection: Connection, swap: Swap, to: SwapState, progress: int, moved: int, reason: str | None, now: datetime,
    to_tell: int = 0,
) -> None:  # fmt: skip
    """Write how far a held swap has come; `moved` is how many people more, of whom so many are to be told."""
    await connection.execute(query("swap_advance"), swap.id, swap.state, to, progress, moved, reason, now, to_tell)


async def retire(connection: Connection, swap: Swap, *, retiring: bool) -> None:
    """Let the old member keep its people and get no new ones, or get them again."""
    await connection.fetchval(query("service_hold"), swap.service_id)
    await connection.execute(query("member_retire"), swap.old_member_id, retiring)
    await connection.execute(query("pool_changed"), swap.service_id)


async def move_bucket(
    connection: Connection, swap: Swap, bucket: int, new_id: Callable[[datetime], int], now: datetime
) -> tuple[int, int]:
    """Move at most CHUNK people of one bucket to the replacement, each with an event; answers how many, and how many of them are
    to be told."""
    scopes = [swap.service_id] if swap.space_id is None else [swap.service_id, swap.space_id]
    rows = await connection.fetch(
        query("swap_move"), bucket, scopes, swap.old_member_id, swap.new_member_id, CHUNK
    )  # fmt: skip
    if not rows:
        return 0, 0
    people = [MappingKey(bucket, row["service_id"], row["recipient"]) for row in rows]
    await insert_events(connection, _events(swap, people, new_id, now))
    return len(rows), await _note_whom_to_tell(connection, swap, bucket, rows, day_number(now))


async def _note_whom_to_tell(
    connection: Connection, swap: Swap, bucket: int, rows: Sequence[asyncpg.Record], today: int
) -> int:
    """Note who is to be told: those who were in contact lately, and whose number is kept."""
    if swap.notice is None:
        return 0
    since = today - swap.notice.days
    people = [row["recipient"] for row in rows if row["last_used_day"] >= since and parse_recipient(row["recipient"])]
    return len(await connection.fetch(query("swap_notices_insert"), bucket, swap.id, people)) if people else 0


async def whom_to_tell(
    connection: Connection, swap: Swap, bucket: int, most: int, now: datetime
) -> list[Addressee]:  # fmt: skip
    """At most so many people of a bucket who are still to be told; that it is tried now is noted."""
    rows = await connection.fetch(query("swap_notices"), bucket, swap.id, most)
    if rows:
        people = [row["recipient"] for row in rows]
        await connection.execute(query("swap_notices_try"), bucket, swap.id, people, now)
    return [Addressee(row["recipient"], row["tried_at"]) for row in rows]


async def pace(connection: Connection, swap: Swap, progress: int, paced_until: datetime, now: datetime) -> None:
    """Write how far the telling of a held swap is, and until when it waits."""
    await connection.execute(query("swap_pace"), swap.id, progress, paced_until, now)


async def note_told(
    swap: Swap, bucket: int, told: Sequence[str], untold: Sequence[str], now: datetime, connection: Connection
) -> None:
    """Forget people who are told, and those who cannot be; each counts once, whoever told them."""
    await hold(connection, swap.id)
    counts = [await _forget_notices(connection, swap, bucket, people) for people in (told, untold)]
    await connection.execute(query("swap_told"), swap.id, *counts, now)


async def _forget_notices(connection: Connection, swap: Swap, bucket: int, people: Sequence[str]) -> int:
    gone = await connection.execute(query("swap_notices_forget"), bucket, swap.id, people)
    return int(gone.split()[-1])


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
    stage, body = Stage(row["stage"]) if row["stage"] else None, row["notify_body"]
    return Swap(
        row["id"], row["account_id"], row["service_id"], row["space_id"], row["old_member_id"], row["new_member_id"],
        SwapState(row["state"]), row["progress"], row["moved"], row["reason"], row["actor"], row["created_at"],
        row["updated_at"], row["old_sid"], row["old_number"], row["new_sid"], row["new_number"], row["old_is_in"],
        row["new_is_in"], MemberState(row["new_state"]), Clearance(row["clearance"]),
        SHOWN[stage] if stage else State.UNREGISTERED,
        None if body is None else Notice(body, row["notify_days"], row["notify_per_s"]),
        row["to_tell"], row["told"], row["untold"], row["paced_until"],
    )  # fmt: skip
