"""The way out, in PostgreSQL: leases of lanes, the queue of what waits, claims and their fenced results.

Batches inside the caller's transaction. A claim is committed before a byte leaves; a result counts only for the fence and the
attempt of its claim. Which message goes when is `limpet.flow.dispatch`'s decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zlib import crc32

import asyncpg

from limpet.core.ids import BUCKETS
from limpet.store.database import Connection, Database
from limpet.store.queries import query

SEPARATOR = "\x1f"
"""Between carrier message ids in one text: SMPP ids are printable."""


class Due(NamedTuple):
    """A message that waits: in a lane's queue, or in none while it has no sender (`lane` empty)."""

    bucket: int
    id: int
    lane: str
    due_at: datetime
    expires_at: datetime


class Key(NamedTuple):
    """Where a message is."""

    bucket: int
    id: int


class Fenced(NamedTuple):
    """A claim as its result must name it."""

    bucket: int
    id: int
    fence: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One batch of claims of one lane, written with them."""

    id: int
    lane: str
    fence: int
    keys: tuple[Key, ...]


class Outgoing(NamedTuple):
    """A claimed or waiting message as dispatch and callbacks need it. A tuple, because several are made of every message."""

    key: Key
    account_id: int
    service_id: int | None
    member_id: int | None
    recipient: str
    sender: str | None
    body: str
    num_media: int
    status: str
    expires_at: datetime
    status_callback: str | None
    callback_events: str
    lane: str | None
    fence: int | None
    attempt: int
    claimed_at: datetime | None
    marks: int = 0
    """`limpet.core.retention.Mark`."""
    num_segments: int = 0


def lane_bucket(lane: str) -> int:
    """Where the claims of a lane are kept."""
    return crc32(lane.encode()) % BUCKETS


def outgoing(row: asyncpg.Record) -> Outgoing:
    """The value of a row of `message`."""
    return Outgoing(
        Key(row["bucket"], row["id"]), row["account_id"], row["service_id"], row["member_id"], row["recipient"],
        row["sender"], row["body"], row["num_media"], row["status"], row["expires_at"], row["status_callback"],
        row["callback_events"], row["lane"], row["fence"], row["attempt"], row["claimed_at"], row["marks"] or 0,
        row["num_segments"],
    )  # fmt: skip


def columns(rows: Iterable[Sequence[object]]) -> list[list[object]]:
    """Rows turned into the arrays that `unnest` wants."""
    return [list(column) for column in zip(*rows, strict=True)]


def padded(rows: Iterable[Sequence[object]]) -> list[Sequence[object]]:
    """The same for statements that look at the arrays in one `unnest` only: it pads the short ones with NULL, so that a column
    of nothing else need not be sent."""
    return [
        () if column[0] is None and column.count(None) == len(column) else column for column in zip(*rows, strict=True)
    ]


class Lanes:
    """Leases. One process owns a lane at a time; its fence grows with each new owner."""

    def __init__(self, database: Database, owner: str, lease: timedelta) -> None:
        self._database = database
        self._owner = owner
        self._lease = lease

    async def lease(self, lane: str, *, take_over: bool = False) -> int | None:
        """Take or renew a lane: its fence, or None while another process holds it. `take_over` ignores a holder that is dead."""
        fence: int | None = await self._database.pool.fetchval(
            query("lane_lease"), lane, self._owner, self._lease, take_over
        )
        return fence

    async def release(self, lane: str) -> None:
        """Let the next owner have it at once."""
        await self._database.pool.execute(query("lane_release"), lane, self._owner)


async def enqueue(connection: Connection, waiting: Sequence[Due]) -> None:
    """Put messages into the queue."""
    await connection.execute(query("due_insert"), *columns(sorted(waiting)))


async def find_due(database: Database, lane: str, now: datetime, limit: int) -> list[Key]:
    """Which messages of a lane may go now, in order, at most `limit`."""
    rows = await database.pool.fetch(query("due_find"), lane, now, limit)
    return [Key(row["bucket"], row["id"]) for row in rows]


async def next_due(database: Database, lane: str) -> datetime | None:
    """When the lane's next message becomes due; None when nothing waits."""
    at: datetime | None = await database.pool.fetchval(query("due_next"), lane)
    return at


async def find_expired(database: Database, now: datetime, limit: int) -> list[Key]:
    """Waiting messages whose validity is over, at most `limit`."""
    rows = await database.pool.fetch(query("due_expired"), now, limit)
    return [Key(row["bucket"], row["id"]) for row in rows]


async def take(connection: Connection, keys: Sequence[Key]) -> list[Key]:
    """Take messages out of the queue; answers those that nobody else took, in the order asked."""
    rows = await connection.fetch(query("due_take"), *columns(sorted(keys)))
    taken = {Key(row["bucket"], row["id"]) for row in rows}
    return [key for key in keys if key in taken]


async def claim(connection: Connection, keys: Sequence[Key], lane: str, fence: int, now: datetime) -> list[Outgoing]:
    """Mark taken messages `sending` for the lane's owner; answers them as they now are, in the order asked."""
    rows = await connection.fetch(query("message_claim"), *columns(sorted(keys)), lane, fence, now)
    found = {message.key: message for message in map(outgoing, rows)}
    return [found[key] for key in keys if key in found]


async def note_claim(connection: Connection, noted: Claim) -> None:
    """Write down a batch of claims, so that a crash forgets none."""
    buckets, ids = columns(noted.keys)
    await connection.execute(
        query("claim_insert"), lane_bucket(noted.lane), noted.id, noted.lane, noted.fence, buckets, ids
    )


async def note(connection: Connection, claim_id: int, lane: str, fence: int, messages: Sequence[Outgoing]) -> Claim:
    """Write down, where there are any, that these messages are the lane's owner's to answer for."""
    noted = Claim(claim_id, lane, fence, tuple(message.key for message in messages))
    if messages:
        await note_claim(connection, noted)
    return noted


async def claims_done(connection: Connection, lane: str, claim_ids: Sequence[int]) -> None:
    """All messages of these batches have their answer."""
    await connection.execute(query("claim_done"), [lane_bucket(lane)], list(claim_ids))


async def claims_left(connection: Connection, lane: str, fence: int) -> list[tuple[int, list[Key]]]:
    """`(claim id, keys)` of former owners of a lane whose batches were never finished."""
    rows = await connection.fetch(query("claims_left"), lane_bucket(lane), lane, fence)
    return [(row["id"], [Key(b, i) for b, i in zip(row["buckets"], row["ids"], strict=True)]) for row in rows]


async def adopt(connection: Connection, keys: Sequence[Key], lane: str, fence: int, now: datetime) -> list[Outgoing]:
    """Take over what former owners left unanswered: in doubt from now on, under this fence."""
    return [
        outgoing(row)
        for row in await connection.fetch(query("message_adopt"), *columns(sorted(keys)), fence, lane, now)
    ]


async def by_key(connection: Connection, keys: Sequence[Key]) -> list[Outgoing]:
    """Messages by their keys, oldest first."""
    return [outgoing(row) for row in await connection.fetch(query("messages_by_key"), *columns(sorted(keys)))]


async def sent(connection: Connection, results: Sequence[tuple[Fenced, Sequence[str]]], now: datetime) -> set[Key]:
    """The carrier took these, under these ids; answers those for which the claim still stood."""
    rows = [(*fenced, SEPARATOR.join(ids)) for fenced, ids in sorted(results)]
    found = await connection.fetch(query("message_sent"), *columns(rows), now)
    return {Key(row["bucket"], row["id"]) for row in found}


async def requeue(connection: Connection, again: Sequence[tuple[Fenced, datetime, bool]]) -> set[Key]:
    """Back to the queue `(claim, due at, whether the attempt is taken back)`; answers those for which the claim still stood."""
    rows = [(*fenced, int(taken_back)) for fenced, _, taken_back in sorted(again)]
    due_at = {Key(fenced.bucket, fenced.id): at for fenced, at, _ in again}
    found = await connection.fetch(query("message_requeue"), *columns(rows))
    waiting = [
        Due(row["bucket"], row["id"], row["lane"], due_at[Key(row["bucket"], row["id"])], row["expires_at"])
        for row in found
    ]
    if waiting:
        await enqueue(connection, waiting)
    return {Key(due.bucket, due.id) for due in waiting}


async def fail(
    connection: Connection, failed: Sequence[tuple[Fenced, int]], statuses: Sequence[str], now: datetime
) -> list[Outgoing]:
    """Failed `(claim, error code)` before they left; answers those that were in one of `statuses` under that claim."""
    rows = sorted(failed)
    *keys, codes = columns((*fenced, code) for fenced, code in rows)
    return [outgoing(row) for row in await connection.fetch(query("message_fail"), *keys, list(statuses), now, codes)]


async def fail_waiting(
    connection: Connection, keys: Sequence[Key], error_code: int, statuses: Sequence[str], now: datetime
) -> list[Outgoing]:
    """Failed while they waited, whoever had them last; answers those that were in one of `statuses`."""
    rows = [(*key, None, None, error_code) for key in sorted(keys)]
    *arrays, codes = columns(rows)
    return [outgoing(row) for row in await connection.fetch(query("message_fail"), *arrays, list(statuses), now, codes)]


async def doubt(
    connection: Connection, unanswered: Sequence[tuple[Key, int, Sequence[str]]], now: datetime
) -> list[Outgoing]:
    """Bytes of these `(key, fence, ids of their segments)` may have left and no answer came, or not to all of it; answers those
    that are now in doubt."""
    rows = [(*key, fence, SEPARATOR.join(ids) or None) for key, fence, ids in sorted(unanswered)]
    return [outgoing(row) for row in await connection.fetch(query("message_doubt"), *columns(rows), now)]
