"""What is known of carriers, in PostgreSQL: what operators want of them, how their lanes are, and what waits for which lane.

Processes tell and read this every second or so, operators read and set it. What follows from it is `limpet.core.routing`'s
business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg

from limpet.core.routing import Mode, Pulse, Wish
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Key, columns
from limpet.store.queries import query

BEGINNING = (datetime(2000, 1, 1, tzinfo=UTC), 0)
"""Before everything that waits."""


@dataclass(frozen=True, slots=True)
class LaneReport:
    """What a lane's owner tells. `throttles` are those since it has the lane; rates are over the last minute."""

    lane: str
    bound: bool
    in_flight: int
    window_size: int
    submits_per_s: float
    receipts_per_s: float
    throttles: int
    last_error: str | None
    last_error_at: datetime | None


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane as operators see it."""

    report: LaneReport
    pulse: Pulse
    owner: str


class Way(NamedTuple):
    """A waiting message as routing sees it."""

    key: Key
    recipient: str
    sender: str
    carrier: str
    country: str
    also_through: tuple[str, ...] | None


class Waiting(NamedTuple):
    """How much waits for a lane, and since when it could have gone."""

    messages: int
    oldest: datetime | None


class Carriers:
    """Wishes and health."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_mode(self, name: str, mode: Mode, now: datetime) -> None:
        """What an operator wants of a carrier, from now on, in every process."""
        if mode is Mode.ACTIVE:
            await self._database.pool.execute(query("carrier_mode_clear"), name)
        else:
            await self._database.pool.execute(query("carrier_mode_set"), name, mode, now)

    async def wishes(self) -> dict[str, Wish]:
        """The carriers that are not simply active."""
        rows = await self._database.pool.fetch(query("carrier_modes"))
        return {row["name"]: Wish(Mode(row["mode"]), row["changed_at"]) for row in rows}

    async def tell(self, owner: str, reports: Sequence[LaneReport], now: datetime) -> None:
        """How the lanes of one owner are."""
        rows = [
            (r.lane, r.bound, r.in_flight, r.window_size, r.submits_per_s, r.receipts_per_s, r.throttles, r.last_error,
             r.last_error_at)
            for r in sorted(reports, key=lambda each: each.lane)
        ]  # fmt: skip
        await self._database.pool.execute(query("lane_health_tell"), now, owner, *columns(rows))

    async def lanes(self) -> dict[str, LaneView]:
        """Every lane that somebody has told of, by name."""
        return {row["lane"]: _view(row) for row in await self._database.pool.fetch(query("lane_health_all"))}

    async def waiting(self, lanes: Iterable[str]) -> dict[str, Waiting]:
        """What waits for these lanes."""
        rows = await self._database.pool.fetch(query("lanes_waiting"), sorted(lanes))
        return {row["lane"]: Waiting(row["waiting"], row["oldest"]) for row in rows}

    async def senders_have_others(self) -> bool:
        """Whether any sender may go through further carriers by its own word."""
        return bool(await self._database.pool.fetchval(query("senders_have_others")))


async def find_drained(database: Database, lane: str, now: datetime, limit: int, before_id: int) -> list[Key]:
    """Which messages of a draining lane may go now: those accepted before `before_id`, in order, at most `limit`."""
    rows = await database.pool.fetch(query("due_find_before"), lane, now, limit, before_id)
    return [Key(row["bucket"], row["id"]) for row in rows]


async def walk(
    database: Database, lane: str, after: tuple[datetime, int], limit: int
) -> tuple[list[Key], tuple[datetime, int]]:
    """The next messages that wait for a lane behind a place in its queue, at most `limit`, and the place of the last one."""
    rows = await database.pool.fetch(query("due_walk"), lane, *after, limit)
    place = (rows[-1]["due_at"], rows[-1]["id"]) if rows else after
    return [Key(row["bucket"], row["id"]) for row in rows], place


async def ways(connection: Connection, keys: Sequence[Key]) -> list[Way]:
    """What routing wants to know of those of these messages that still wait."""
    rows = await connection.fetch(query("due_ways"), *columns(sorted(keys)))
    return [
        Way(
            Key(row["bucket"], row["id"]), row["recipient"], row["address"], row["carrier"], row["country"],
            None if row["also_through"] is None else tuple(row["also_through"]),
        )
        for row in rows
    ]  # fmt: skip


async def move(connection: Connection, moves: Sequence[tuple[Key, str, str]]) -> list[str]:
    """Move waiting messages `(key, lane before, lane)`; answers the new lanes of those that were still there."""
    rows = [(*key, before, lane) for key, before, lane in sorted(moves)]
    return [row["lane"] for row in await connection.fetch(query("due_move"), *columns(rows))]


def _view(row: asyncpg.Record) -> LaneView:
    report = LaneReport(
        row["lane"], row["bound"], row["in_flight"], row["window_size"], row["submits_per_s"], row["receipts_per_s"],
        row["throttles"], row["last_error"], row["last_error_at"],
    )  # fmt: skip
    return LaneView(report, Pulse(row["bound"], row["since"], row["seen_at"]), row["owner"])
