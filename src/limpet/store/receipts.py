"""Carriers' receipts in PostgreSQL: found by the person and the carrier's id, applied forward only, kept when nobody is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg

from limpet.core.carrier_clock import CarrierClock
from limpet.core.status import Status
from limpet.store.database import Connection, Database
from limpet.store.dispatch import SEPARATOR, Key, Outgoing, columns, outgoing
from limpet.store.queries import query

CANDIDATES_MAX = 50
"""So many of a person's messages are compared with a receipt whose id is spelled in a way that is not known yet."""


@dataclass(frozen=True, slots=True)
class Told:
    """A receipt as the store keeps it. `id` is its own, new; `carrier_message_id` None when it names none."""

    bucket: int
    id: int
    lane: str
    recipient: str
    sender: str
    carrier_message_id: str | None
    state: str
    error_code: int | None
    reference: int | None
    submitted_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tracked:
    """A message that a receipt may speak of, with what is known of its segments."""

    message: Outgoing
    num_segments: int
    carrier_message_ids: tuple[str, ...]
    segment_states: tuple[str, ...]
    sent_at: datetime | None = None
    in_doubt: bool = False
    """It may have left, and nobody has answered."""


class Applied(NamedTuple):
    """What becomes of a message: from the status and states as read to new ones."""

    key: Key
    status_before: str
    states_before: tuple[str, ...]
    status: str
    states: tuple[str, ...]
    error_code: int | None
    carrier_message_ids: tuple[str, ...]


def _tracked(row: asyncpg.Record) -> Tracked:
    ids, states = tuple(row["carrier_message_ids"] or ()), tuple(row["segment_states"] or ())
    in_doubt = row["status"] == Status.SENDING and row["in_doubt_at"] is not None
    return Tracked(outgoing(row), row["num_segments"], ids, states, row["sent_at"], in_doubt)


def _group(rows: Sequence[asyncpg.Record], count: int) -> list[list[Tracked]]:
    found: list[list[Tracked]] = [[] for _ in range(count)]
    for row in rows:
        found[row["ord"] - 1].append(_tracked(row))
    return found


async def match(connection: Connection, asked: Sequence[tuple[int, str, str]], oldest_id: int) -> list[list[Tracked]]:
    """For each `(bucket, recipient, carrier message id)` the messages that carry that id, however many carriers gave it."""
    rows = await connection.fetch(query("receipt_match"), *columns(asked), oldest_id)
    return _group(rows, len(asked))


async def candidates(connection: Connection, asked: Sequence[tuple[int, str]], oldest_id: int) -> list[list[Tracked]]:
    """For each `(bucket, recipient)` at most CANDIDATES_MAX of the person's messages without a final receipt, newest first."""
    rows = await connection.fetch(query("receipt_candidates"), *columns(asked), oldest_id, CANDIDATES_MAX)
    return _group(rows, len(asked))


async def spellings(database: Database) -> dict[str, str]:
    """How carriers' receipts spell ids, by the carrier's name."""
    return {row["carrier"]: row["spelling"] for row in await database.pool.fetch(query("spellings"))}


async def learn_spelling(connection: Connection, carrier: str, spelling: str, now: datetime) -> None:
    """Keep how a carrier spells ids, unless it is known."""
    await connection.execute(query("spelling_learn"), carrier, spelling, now)


async def forget_spelling(database: Database, carrier: str) -> str | None:
    """Let it be learned anew; what was known."""
    forgotten: str | None = await database.pool.fetchval(query("spelling_forget"), carrier)
    return forgotten


async def clocks(database: Database) -> dict[str, CarrierClock]:
    """How far carriers' clocks are from ours, by the carrier's name."""
    return {
        row["carrier"]: CarrierClock(row["least_s"], row["most_s"], row["precision_s"], known=True)
        for row in await database.pool.fetch(query("clocks"))
    }


async def keep_clock(connection: Connection, carrier: str, clock: CarrierClock, now: datetime) -> None:
    """Keep what was measured of a carrier's clock."""
    await connection.execute(query("clock_keep"), carrier, clock.least_s, clock.most_s, clock.precision_s, now)


async def match_in_doubt(
    connection: Connection, asked: Sequence[tuple[int, str]], oldest_id: int
) -> list[list[Tracked]]:
    """For each `(bucket, recipient)` the person's messages that are not answered, and those that were sent again or given up
    because they never were; oldest first."""
    rows = await connection.fetch(query("doubt_match"), *columns(asked), oldest_id)
    return _group(rows, len(asked))


async def apply(connection: Connection, changes: Sequence[Applied], now: datetime) -> set[Key]:
    """Move messages on; answers those that were still as they had been read."""
    rows = [
        (*c.key, c.status_before, ",".join(c.states_before) or None, c.status, ",".join(c.states) or None, c.error_code,
         SEPARATOR.join(c.carrier_message_ids))
        for c in sorted(changes)
    ]  # fmt: skip
    *arrays, carrier_ids = columns(rows)
    found = await connection.fetch(query("receipt_apply"), *arrays, now, carrier_ids)
    return {Key(row["bucket"], row["id"]) for row in found}


async def keep(connection: Connection, orphans: Sequence[Told]) -> None:
    """Keep receipts for which no message is known yet."""
    rows = [tuple(getattr(told, name) for name in Told.__slots__) for told in orphans]
    await connection.execute(query("orphan_insert"), *columns(rows))


async def list_kept(database: Database, carrier: str | None, limit: int, before: int = 2**63 - 1) -> list[Told]:
    """Receipts that no message is known for, newest first, with ids below `before`."""
    rows = await database.pool.fetch(query("orphan_list"), before, carrier, limit)
    return [Told(*(row[name] for name in Told.__slots__)) for row in rows]


async def any_kept(database: Database) -> bool:
    """Whether any receipt waits for its message."""
    return bool(await database.pool.fetchval(query("orphan_exists")))


async def take_kept(connection: Connection, asked: Sequence[tuple[int, str, str | None]]) -> list[Told]:
    """Take back receipts of `(bucket, recipient, carrier message id)`; with no id, all of the person's. Oldest first."""
    rows = await connection.fetch(query("orphan_take"), *columns(sorted(asked, key=str)))
    return sorted((Told(*(row[name] for name in Told.__slots__)) for row in rows), key=lambda told: told.id)


async def walk_kept(database: Database, after_id: int, limit: int) -> list[Told]:
    """Receipts that were kept under ids after `after_id`, oldest first, at most `limit`."""
    rows = await database.pool.fetch(query("orphan_walk"), after_id, limit)
    return [Told(*(row[name] for name in Told.__slots__)) for row in rows]


async def forget_kept(database: Database, oldest_id: int) -> None:
    """Drop receipts that nobody claimed and that were kept under ids before `oldest_id`."""
    await database.pool.execute(query("orphan_purge"), oldest_id)
