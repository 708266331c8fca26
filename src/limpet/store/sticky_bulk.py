"""Imports of mappings in PostgreSQL: lines staged by COPY, merged bucket by bucket, undone, and the export.

A step is one transaction with the note of how far the import is, so that it can be carried on with from there. What a line means
is `limpet.core.sticky_lines`'s business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg

from limpet.core.ids import BUCKETS, day_number, hour_of_day
from limpet.core.model import SenderKind, Service
from limpet.core.page import Page, PageRequest
from limpet.core.sticky import PROVISIONAL_DAYS
from limpet.core.sticky_import import ACTOR_PREFIX, Counts, Import, Mode, Problem, State, Wish, accounted
from limpet.core.ttl import HOURS_A_DAY
from limpet.store.database import Connection, Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query

_PAGE = listing("sticky_import_page")
_ALL_BUCKETS: Final = list(range(BUCKETS))
_STAGED: Final = (
    "event_id", "at", "import_id", "member_id", "last_used_day", "bucket", "created_day", "flags", "recipient", "hidden",
)  # fmt: skip
MERGE_TIMEOUT_S: Final = 600.0
UNDO_CHUNK: Final = 2000
PROBLEMS_CHUNK: Final = 1000


class OtherHand(Exception):
    """Somebody else carries on with the same import."""


class Staged(NamedTuple):
    """A row of `sticky_staged`, in the order of its columns."""

    event_id: int
    at: int
    import_id: int
    member_id: int
    last_used_day: int
    bucket: int
    created_day: int
    flags: int
    recipient: str
    hidden: str | None


class Target(NamedTuple):
    """A live member of the pool."""

    member_id: int
    kind: SenderKind
    country: str


class Exported(NamedTuple):
    """A mapping as it is exported. Days are those of `limpet.core.ids.day_number`."""

    recipient: str
    sender: str
    last_used_day: int
    created_day: int
    flags: int
    established: bool


async def targets(database: Database, scope_id: int) -> dict[str, tuple[Target, ...]]:
    """The numbers of a service's pool, or of all pools of a space, by address; a name can be there for several countries."""
    found: dict[str, tuple[Target, ...]] = {}
    for r in await database.pool.fetch(query("sticky_import_members"), scope_id):
        found[r["address"]] = (*found.get(r["address"], ()), Target(r["id"], SenderKind(r["kind"]), r["country"]))
    return found


async def begin(
    database: Database, service: Service, sid: str, wish: Wish, credential: str, event_id: int, now: datetime
) -> Import | None:
    """Note an import of that SID; None when there is one already. `event_id` comes before those of all its events."""
    row = await database.pool.fetchrow(
        query("sticky_import_insert"), sid, service.id, ACTOR_PREFIX + sid, credential, wish.mode, wish.dialect,
        wish.log_service, wish.dry_run, _plain(Counts()), event_id, now, service.scope.id,
    )  # fmt: skip
    return None if row is None else _import(row)


async def by_sid(database: Database, service: Service, sid: str) -> Import | None:
    """A service's import."""
    row = await database.pool.fetchrow(query("sticky_import_by_sid"), sid, service.id)
    return None if row is None else _import(row)


async def page(database: Database, service: Service, request: PageRequest) -> Page[Import]:
    """A service's imports, newest first."""
    return await fetch_page(database, _PAGE, request, _import, service.id)


async def stage(
    database: Database,
    before: Import,
    after: Import,
    rows: Sequence[Staged],
    problems: Sequence[Problem],
    now: datetime,
) -> Import:
    """Keep lines and problems of a file, and that it is read so far. OtherHand when the import is not as it was before."""

    async def work(connection: Connection) -> None:
        await _note(connection, before, after, now)
        if rows:
            await connection.copy_records_to_table("sticky_staged", records=rows, columns=_STAGED)
        if problems:
            records = [(before.id % BUCKETS, before.id, *_of(problem)) for problem in problems]
            await connection.copy_records_to_table(
                "sticky_import_problem",
                records=records,
                columns=("bucket", "import_id", "line", "place", "why", "what"),
            )

    await database.transaction(work)
    return after


async def is_staged(database: Database, one: Import) -> bool:
    """Whether the lines are there that were staged and not yet merged: a crash of the server takes them."""
    left = list(range(one.merged_buckets, BUCKETS))
    count: int = await database.pool.fetchval(query("sticky_staged_count"), left, one.id)
    return count == one.counts.staged


async def restart(database: Database, one: Import, now: datetime) -> Import:
    """Forget what is staged and reported; what has been merged stays merged."""
    counts = one.counts
    lines = accounted(counts) - counts.staged - counts.reported - sum(counts.passed.values())
    fresh = replace(
        one,
        blocks=0,
        digest=None,
        state=State.LOADING,
        counts=replace(counts, lines=lines, staged=0, reported=0, passed=Counter()),
    )

    async def work(connection: Connection) -> None:
        await _note(connection, one, fresh, now)
        await connection.execute(query("sticky_staged_clear"), _ALL_BUCKETS, one.id)
        await connection.execute(query("sticky_import_problems_forget"), one.id % BUCKETS, one.id)

    await database.transaction(work)
    return fresh


async def note(database: Database, before: Import, after: Import, now: datetime) -> Import:
    """Keep how far the import is. OtherHand when it is not as it was before."""
    async with database.pool.acquire() as connection:
        await _note(connection, before, after, now)
    return after


async def forget_staged(database: Database, one: Import) -> None:
    """Take away what waits to be merged."""
    await database.pool.execute(query("sticky_staged_clear"), _ALL_BUCKETS, one.id)


async def merge(
    database: Database, service: Service, one: Import, buckets: int, addresses: Mapping[int, str], today: int,
    now: datetime,
) -> Import:  # fmt: skip
    """Merge the next so many buckets in one transaction, with the events of all whose number changes."""
    first, end = one.merged_buckets, min(one.merged_buckets + buckets, BUCKETS)
    to = (list(addresses), list(addresses.values()))

    async def work(connection: Connection) -> Import:
        await connection.execute(query("sticky_bulk_settings"))
        counts = one.counts
        for bucket in range(first, end):
            counts = await _merge_bucket(connection, service, one, counts, bucket, to, today)
        state = State.MERGING if end < BUCKETS else State.DONE
        after = replace(one, merged_buckets=end, counts=counts, state=state)
        await _note(connection, one, after, now)
        return after

    return await database.transaction(work)


async def _merge_bucket(
    connection: Connection, service: Service, one: Import, counts: Counts, bucket: int,
    to: tuple[list[int], list[str]], today: int,
) -> Counts:  # fmt: skip
    place = (bucket, one.id, one.scope_id)
    if service.scope.hides_since is not None:
        for name in ("sticky_import_hide_hold", "sticky_import_hide", "sticky_import_hide_release"):
            await connection.execute(query(name), *place, timeout=MERGE_TIMEOUT_S)
    row = await connection.fetchrow(query("sticky_import_make"), *place, one.actor, *to, timeout=MERGE_TIMEOUT_S)
    assert row is not None
    people, made = row["people"], row["made"]
    if not people:
        return counts
    differing = changed = told = 0
    if made < people:
        more = await connection.fetchrow(
            query("sticky_import_replace"), *place, one.actor, *to, one.wish.mode, today, service.scope.ttl.days,
            timeout=MERGE_TIMEOUT_S,
        )  # fmt: skip
        assert more is not None
        differing, changed, told = more["differing"], more["changed"], more["told"]
    gone = await connection.execute(query("sticky_staged_forget"), bucket, one.id)
    staged = int(gone.split()[-1])
    return replace(
        counts,
        staged=counts.staged - staged,
        made=counts.made + made,
        replaced=counts.replaced + told,
        refreshed=counts.refreshed + changed - told,
        unchanged=counts.unchanged + people - made - differing,
        kept=counts.kept + differing - changed,
        superseded=counts.superseded + staged - people,
    )


async def _note(connection: Connection, before: Import, after: Import, now: datetime) -> None:
    noted = await connection.fetchval(
        query("sticky_import_note"), before.id, before.blocks, before.merged_buckets, after.state, after.blocks,
        after.digest, after.counts.staged, after.merged_buckets, _plain(after.counts), after.last_event_id, after.why, now,
    )  # fmt: skip
    if noted is None:
        raise OtherHand


async def undo_bucket(database: Database, one: Import, bucket: int, new_id: Callable[[], int]) -> int:
    """Put back what the import changed within a bucket; how many people that concerns. To run it again changes nothing."""
    after, undone = one.first_event_id, 0
    while True:
        rows = await database.pool.fetch(
            query("sticky_import_told"), bucket, after, one.last_event_id, one.scope_id, one.actor, UNDO_CHUNK
        )
        if not rows:
            return undone
        after = rows[-1]["id"]
        undone += await database.transaction(_undoing(one, bucket, rows, new_id))


def _undoing(
    one: Import, bucket: int, rows: Sequence[asyncpg.Record], new_id: Callable[[], int]
) -> Callable[[Connection], Any]:
    async def work(connection: Connection) -> int:
        await connection.execute(query("sticky_bulk_settings"))
        return int(
            await connection.fetchval(
                query("sticky_import_undo"), bucket, one.id, one.scope_id, [r["recipient"] for r in rows],
                [new_id() for _ in rows], [r["sender_after"] for r in rows], one.actor, one.updated_at,
            )
        )  # fmt: skip

    return work


async def begin_undoing(database: Database, one: Import, now: datetime) -> bool:
    """Note that an import is being undone; False when it is in another state by now."""
    return await database.pool.fetchval(query("sticky_import_state"), one.id, one.state, State.UNDOING, now) is not None


async def undone(database: Database, one: Import, people: int, now: datetime) -> Import:
    """Note that it is, and forget what was kept for it."""
    after = replace(one, state=State.UNDONE, counts=replace(one.counts, undone=one.counts.undone + people, staged=0))
    await note(database, one, after, now)
    await forget_staged(database, one)
    await database.pool.execute(query("sticky_import_before_forget"), _ALL_BUCKETS, one.id)
    return after


async def problems(database: Database, one: Import, most: int | None = None) -> AsyncIterator[list[Problem]]:
    """The lines that were not taken, in the order of the file; the first `most` of them."""
    after, left = (-1, -1), most
    while left is None or left > 0:
        size = PROBLEMS_CHUNK if left is None else min(left, PROBLEMS_CHUNK)
        rows = await database.pool.fetch(query("sticky_import_problems"), one.id % BUCKETS, one.id, *after, size)
        if rows:
            yield [Problem(r["line"], r["place"], r["why"], r["what"]) for r in rows]
            after = (rows[-1]["line"], rows[-1]["place"])
        if len(rows) < size:
            return
        left = None if left is None else left - len(rows)


async def export(database: Database, service: Service, now: datetime) -> AsyncIterator[list[Exported]]:
    """The mappings that count (S-123), bucket by bucket: each as of one instant, within it in the order of the recipients."""
    today, scope = day_number(now), service.scope
    hour = today * HOURS_A_DAY + hour_of_day(now)
    for bucket in range(BUCKETS):
        rows = await database.pool.fetch(
            query("sticky_export"),
            bucket,
            scope.id,
            today,
            scope.ttl.days,
            today - PROVISIONAL_DAYS,
            scope.ttl.hours,
            hour,
        )
        if rows:
            yield [Exported(*row) for row in rows]


async def settle(database: Database, before: datetime, most: int, now: datetime) -> int:
    """Forget what is kept of imports that nobody has touched since `before`; how many there were, at most `most`."""
    rows = await database.pool.fetch(query("sticky_import_left"), before, most)
    for row in rows:
        await database.pool.execute(query("sticky_staged_clear"), _ALL_BUCKETS, row["id"])
        await database.pool.execute(query("sticky_import_before_forget"), _ALL_BUCKETS, row["id"])
        await database.pool.execute(query("sticky_import_problems_forget"), row["id"] % BUCKETS, row["id"])
        await database.pool.execute(query("sticky_import_settle"), row["id"], now)
    return len(rows)


def _of(problem: Problem) -> tuple[int, int, str, str]:
    return problem.line, problem.place, problem.why, problem.what


def _plain(counts: Counts) -> dict[str, object]:
    return {**{each.name: getattr(counts, each.name) for each in fields(counts)}, "passed": dict(counts.passed)}


def _import(row: asyncpg.Record) -> Import:
    counts = row["counts"]
    return Import(
        row["id"], row["sid"], row["service_id"], row["actor"],
        Wish(Mode(row["mode"]), row["dialect"], row["log_service"], row["dry_run"]),
        State(row["state"]), row["why"], row["blocks"], row["digest"], row["merged_buckets"],
        Counts(**{**counts, "passed": Counter(counts["passed"])}), row["first_event_id"], row["last_event_id"],
        row["created_at"], row["updated_at"], row["service_id"] if row["scope_id"] is None else row["scope_id"],
    )  # fmt: skip
