"""What the console keeps beside its operators, in PostgreSQL: the log of what was done in it, and what its plots show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any, Final

import asyncpg

from limpet.core.console import Act, Role
from limpet.core.ids import BUCKETS, id_floor, id_time
from limpet.core.page import Page, PageRequest
from limpet.store.database import Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query

AUDIT_KEPT: Final = timedelta(days=400)
MINUTES_KEPT: Final = timedelta(days=3)
MINUTES_SHOWN_MAX: Final = 4320
OWED_COUNTED_MAX: Final = 100_000
SAMPLED_A_BUCKET: Final = 8
SAMPLED_BEFORE: Final = timedelta(minutes=5)
"""What is told of messages each minute is told of those that were accepted in so much time before."""
SPREAD_LOOKED_AT: Final = 50_000
_PAGE = listing("audit_page")


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done: by whom, from where, and to what."""

    operator: str
    role: Role
    address: str
    act: Act
    account_sid: str | None
    subject: str


@dataclass(frozen=True, slots=True)
class Done:
    """A deed in the log. `outcome` is None for one that was broken off."""

    id: int
    deed: Deed
    outcome: str | None
    changes: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        """When it began."""
        return id_time(self.id)


@dataclass(frozen=True, slots=True)
class Minute:
    """How a minute went: rates over it, what waited at its end, and of a sample of messages what became of them."""

    minute: datetime
    submits_per_s: float
    receipts_per_s: float
    waiting: int
    callbacks: int
    sampled: int
    delivered: int
    failed: int
    latency_ms: Sequence[int] | None
    """The 50th, 95th and 99th percentile from accepted to sent; None where nothing was sent."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What became of some messages."""

    sampled: int
    delivered: int
    failed: int
    latency_ms: Sequence[int] | None


@dataclass(frozen=True, slots=True)
class Owed:
    """Callbacks that an account is owed: how many, how many of them have failed before, and since when the oldest is due."""

    account_id: int
    owed: int
    failing: int
    due: datetime


class ConsoleLog:
    """The log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, deed_id: int, deed: Deed) -> None:
        """Write down that something is about to be done, before it is."""
        await self._database.pool.execute(
            query("audit_insert"),
            deed_id,
            deed.operator,
            deed.role,
            deed.address,
            deed.act,
            deed.account_sid,
            deed.subject,
        )

    async def settle(self, deed_id: int, outcome: str, changes: Mapping[str, Any]) -> None:
        """Write down what came of it. `changes` has `[before, after]` by name."""
        await self._database.pool.execute(query("audit_settle"), deed_id, outcome, dict(changes))

    async def page(self, operator: str | None, act: str | None, request: PageRequest) -> Page[Done]:
        """What was done, newest first; only by one operator, or only of one kind, where given."""
        return await fetch_page(self._database, _PAGE, request, _done, operator, act)

    async def purge(self, now: datetime) -> None:
        """Forget what is older than AUDIT_KEPT."""
        await self._database.pool.execute(query("audit_purge"), id_floor(now - AUDIT_KEPT))


def _done(row: asyncpg.Record) -> Done:
    deed = Deed(
        row["operator"], Role(row["role"]), row["address"], Act(row["act"]), row["account_sid"], row["subject"]
    )  # fmt: skip
    return Done(row["id"], deed, row["outcome"], row["changes"])


class Minutes:
    """What the plots show: a row a minute, however many messages there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, minute: datetime) -> bool:
        """Whether this process is the one that tells of a minute."""
        return await self._database.pool.fetchval(query("minute_begin"), minute) is not None

    async def settle(self, told: Minute) -> None:
        """Write down how it went."""
        await self._database.pool.execute(
            query("minute_settle"), told.minute, told.submits_per_s, told.receipts_per_s, told.waiting, told.callbacks,
            told.sampled, told.delivered, told.failed, None if told.latency_ms is None else list(told.latency_ms),
        )  # fmt: skip

    async def since(self, start: datetime) -> list[Minute]:
        """The minutes from a time on that are told of, oldest first, at most MINUTES_SHOWN_MAX."""
        rows = await self._database.pool.fetch(query("minutes_since"), start, MINUTES_SHOWN_MAX)
        return [Minute(*(row[name] for name in Minute.__slots__)) for row in rows]

    async def sample(self, until: datetime) -> Sample:
        """What became of messages that were accepted in SAMPLED_BEFORE: at most SAMPLED_A_BUCKET of each bucket are looked at,
        each found by its key."""
        first, last = id_floor(until - SAMPLED_BEFORE), id_floor(until)
        rows = await self._database.pool.fetch(query("minute_sample"), range(BUCKETS), first, last, SAMPLED_A_BUCKET)
        took = [(row["sent_at"] - id_time(row["id"])) / timedelta(milliseconds=1) for row in rows if row["sent_at"]]
        statuses = [row["status"] for row in rows]
        good = sum(status in ("delivered", "read") for status in statuses)
        bad = sum(status in ("failed", "undelivered") for status in statuses)
        return Sample(len(rows), good, bad, _percentiles(took))

    async def owed(self) -> list[Owed]:
        """Callbacks owed, by account; the first OWED_COUNTED_MAX are counted."""
        rows = await self._database.pool.fetch(query("callbacks_owed"), OWED_COUNTED_MAX)
        return [Owed(row["account_id"], row["owed"], row["failing"], row["due"]) for row in rows]

    async def spread(self, scope_id: int, since_day: int) -> tuple[dict[int, int], float]:
        """How many people of a service, or of a space, each member has, in a part of all buckets: counted in the first 16 of
        them, and in four times as many for as long as SPREAD_LOOKED_AT are not reached. The second value is by what to
        multiply."""
        found: dict[int, int] = {}
        looked, step = 0, BUCKETS // 64
        while looked < BUCKETS and sum(found.values()) * (step / max(looked, 1)) < SPREAD_LOOKED_AT:
            rows = await self._database.pool.fetch(query("spread"), range(looked, looked + step), scope_id, since_day)
            for row in rows:
                found[row["member_id"]] = found.get(row["member_id"], 0) + row["people"]
            looked, step = looked + step, min(step * 4, BUCKETS - looked - step)
        return found, BUCKETS / looked

    async def purge(self, now: datetime) -> None:
        """Forget what is older than MINUTES_KEPT."""
        await self._database.pool.execute(query("minutes_purge"), now - MINUTES_KEPT)


def _percentiles(values: Sequence[float]) -> tuple[int, int, int] | None:
    if not values:
        return None
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else [values[0]] * 99
    return max(0, round(cuts[49])), max(0, round(cuts[94])), max(0, round(cuts[98]))
