"""The mappings in PostgreSQL: read with the pool's generation, written only as they were read, looked up, reset, purged.

Everything that a message needs takes lists and runs inside the caller's transaction. What a mapping means is
`limpet.core.sticky`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import asyncpg

from limpet.core.ids import BUCKETS, bucket_of, day_number, id_floor
from limpet.core.model import Service
from limpet.core.retention import Pseudonyms
from limpet.core.sticky import PROVISIONAL_DAYS, EventKind, Standing, StoredMapping
from limpet.store.database import Connection, Database
from limpet.store.queries import query

ESTABLISHED = 1
NOBODY = 0
"""No member's id: who claims a mapping for nobody only wants to hold it."""
PURGE_CHUNK = 2000
EVENTS_SHOWN_MAX = 1000
_DAY_ZERO = date(2000, 1, 1)


class MappingKey(NamedTuple):
    """Where a mapping is. Sorted lists of these keep batches from deadlocking."""

    bucket: int
    service_id: int
    recipient: str


class MappingRead(NamedTuple):
    """A service's generation (None: the service is gone) with a person's mapping, and whether they opted out of the service,
    as of one snapshot."""

    generation: int | None
    mapping: StoredMapping | None
    opted_out: bool = False


class Claimed(NamedTuple):
    """What a mapping points at after `claim`, and whether it was not there before."""

    member_id: int
    made: bool


class Swap(NamedTuple):
    """Put `member_id` in the place of what was read."""

    key: MappingKey
    member_id: int
    before: StoredMapping


@dataclass(frozen=True, slots=True)
class StickyEvent:
    """A change in who a person hears from, or a message that passed the mapping by."""

    key: MappingKey
    id: int
    kind: EventKind
    cause: str
    sender_before: str | None
    sender_after: str | None
    message_id: int | None
    actor: str


@dataclass(frozen=True, slots=True)
class MappingView:
    """A mapping as shown to customers and operators. `why_dead` names the standing when it does not count any more."""

    recipient: str
    sender: str
    sender_sid: str
    created_day: date
    last_used_day: date
    live: bool
    why_dead: Standing | None
    established: bool


def _stored(row: asyncpg.Record) -> StoredMapping | None:
    if row["member_id"] is None:
        return None
    return StoredMapping(row["member_id"], row["last_used_day"], row["created_day"], bool(row["flags"] & ESTABLISHED))


def _columns(keys: Iterable[MappingKey]) -> tuple[list[int], list[int], list[str]]:
    buckets, services, recipients = zip(*keys, strict=True)
    return list(buckets), list(services), list(recipients)


def _keys(rows: Iterable[asyncpg.Record]) -> set[MappingKey]:
    return {MappingKey(row["bucket"], row["service_id"], row["recipient"]) for row in rows}


async def read(connection: Connection, keys: Sequence[MappingKey]) -> list[MappingRead]:
    """For each key the service's generation and the mapping, in the order of the keys."""
    rows = await connection.fetch(query_read, *_columns(keys))
    found = {row["ord"]: MappingRead(row["generation"], _stored(row), row["opted_out"]) for row in rows}
    return [found.get(place, MappingRead(None, None)) for place in range(1, len(keys) + 1)]


async def claim(connection: Connection, claims: Mapping[MappingKey, int], today: int) -> dict[MappingKey, Claimed]:
    """For each key make a mapping to the member, or note a use of the one that is there if it points to the member; another is
    left as it is. All rows are then held until the transaction ends; for NOBODY they are held and nothing else.
    """
    rows = await connection.fetch(query_claim, *_columns(claims), list(claims.values()), today)
    return {
        MappingKey(row["bucket"], row["service_id"], row["recipient"]): Claimed(row["member_id"], row["made"])
        for row in rows
    }


async def disclaim(connection: Connection, keys: Sequence[MappingKey]) -> None:
    """Take away mappings that `claim` made in this transaction, and that nobody wants."""
    await connection.execute(query("sticky_disclaim"), *_columns(keys))


async def swap(connection: Connection, swaps: Sequence[Swap], today: int) -> set[MappingKey]:
    """Replace mappings that are still as they were read, after `claim` has held them; answers those that were replaced."""
    return _keys(
        await connection.fetch(
            query_swap,
            *_columns(s.key for s in swaps),
            [s.member_id for s in swaps],
            [s.before.member_id for s in swaps],
            [s.before.last_used_day for s in swaps],
            today,
        )
    )


async def refresh_inbound(connection: Connection, texts: Sequence[tuple[int, str, str]], today: int) -> None:
    """Note that people `(bucket, recipient, sender)` wrote to our numbers: live mappings to those were used (rule S-21)."""
    buckets, recipients, senders = zip(*sorted(set(texts)), strict=True)
    await connection.execute(query("sticky_refresh_inbound"), list(buckets), list(recipients), list(senders), today)


async def forget_unsent(
    connection: Connection,
    failed: Sequence[tuple[MappingKey, int]],
    since_day: int,
    persons: Mapping[str, str] | None = None,
) -> list[tuple[MappingKey, int]]:
    """After messages of mappings `(key, member_id)` failed or were canceled before they left: take away the mappings made after
    `since_day` of which no message is on its way or was sent (rule S-9). Answers the ones taken.

    Two statements, and the order matters: the first waits for whoever is using the mapping, the second then sees their message.
    `persons` names who is behind the pseudonyms among the keys.
    """
    wanted = sorted(set(failed))
    held = await connection.fetch(
        query("sticky_hold"), *_columns(key for key, _ in wanted), [member for _, member in wanted], since_day
    )
    if not held:
        return []
    keys = sorted((MappingKey(row["bucket"], row["service_id"], row["recipient"]), row["member_id"]) for row in held)
    spelled = [(persons or {}).get(key.recipient, key.recipient) for key, _ in keys]
    members = [member for _, member in keys]
    gone = await connection.fetch(query("sticky_unsent"), *_columns(k for k, _ in keys), members, spelled)
    return [(MappingKey(row["bucket"], row["service_id"], row["recipient"]), row["member_id"]) for row in gone]


async def establish(connection: Connection, left: Sequence[tuple[MappingKey, int]]) -> None:
    """Remember that messages of mappings `(key, member_id)` left, because those messages will not be found any more."""
    wanted = sorted(set(left))
    await connection.execute(query("sticky_establish"), *_columns(key for key, _ in wanted), [m for _, m in wanted])


async def reveal(connection: Connection, pseudonymous: Sequence[tuple[MappingKey, str]]) -> None:
    """Put mappings under the numbers of the people whose pseudonyms they are under, `(key, number)`; the keys must be held."""
    wanted = sorted(pseudonymous)
    await connection.execute(query("sticky_reveal"), *_columns(key for key, _ in wanted), [n for _, n in wanted])


async def hide_people(connection: Connection, service_id: int, now: datetime) -> datetime:
    """Note that mappings of a service may be under pseudonyms from now on; answers since when they may."""
    since: datetime | None = await connection.fetchval(query("service_hides"), service_id, now)
    return since or now


async def member_addresses(connection: Connection, member_ids: Iterable[int]) -> dict[int, str]:
    """What numbers members are or were, by member id."""
    return {row["id"]: row["address"] for row in await connection.fetch(query("member_addresses"), list(member_ids))}


async def insert_events(connection: Connection, events: Sequence[StickyEvent]) -> None:
    """Write history, in the transaction of what it tells."""
    rows = [
        (e.key.bucket, e.id, e.key.service_id, e.key.recipient, e.kind, e.cause, e.sender_before, e.sender_after,
         e.message_id, e.actor)
        for e in events
    ]  # fmt: skip
    await connection.execute(query_events, *map(list, zip(*rows, strict=True)))


class StickyStore:
    """Mappings for people who look at them, and the walk that purges dead ones."""

    def __init__(
        self, database: Database, bucket_key: bytes, new_id: Callable[[datetime], int], pseudonyms: Pseudonyms
    ) -> None:
        self._database = database
        self._bucket_key = bucket_key
        self._new_id = new_id
        self._pseudonyms = pseudonyms

    def key(self, service: Service, recipient: str) -> MappingKey:
        """Where a person's mapping within a service is."""
        return MappingKey(bucket_of(recipient, self._bucket_key), service.id, recipient)

    async def lookup(self, service: Service, recipient: str, now: datetime) -> MappingView | None:
        """A person's mapping as it is, live or dead; None when there is none."""
        async with self._database.pool.acquire() as connection:
            _, row = await self._find(connection, self.key(service, recipient))
        return None if row is None else _view(row, recipient, service, day_number(now))

    async def _find(self, connection: Connection, key: MappingKey) -> tuple[MappingKey, asyncpg.Record | None]:
        """Where a person's mapping is, under the number or the pseudonym, and its row."""
        row = await connection.fetchrow(query("sticky_lookup"), *key, key.recipient)
        if row is not None:
            return key, row
        hidden = key._replace(recipient=self._pseudonyms.of(key.recipient))
        return hidden, await connection.fetchrow(query("sticky_lookup"), *hidden, key.recipient)

    async def reset(self, service: Service, recipient: str, actor: str, now: datetime) -> MappingView | None:
        """Take one person's mapping away (rule S-18); answers what it was, None when there was none."""

        async def work(connection: Connection) -> MappingView | None:
            key, row = await self._find(connection, self.key(service, recipient))
            if row is None or await connection.fetchval(query("sticky_reset"), *key) is None:
                return None
            event = StickyEvent(key, self._new_id(now), EventKind.RESET, "reset", row["address"], None, None, actor)
            await insert_events(connection, [event])
            return _view(row, recipient, service, day_number(now))

        return await self._database.transaction(work)

    async def events(self, service: Service, recipient: str) -> list[StickyEvent]:
        """A person's history within a service, oldest first, at most EVENTS_SHOWN_MAX of each spelling."""
        key = self.key(service, recipient)
        found = [
            row
            for name in (recipient, self._pseudonyms.of(recipient))
            for row in await self._database.pool.fetch(
                query("sticky_events_of_person"), key.bucket, name, service.id, EVENTS_SHOWN_MAX
            )
        ]
        rows = sorted(found, key=lambda row: int(row["id"]))
        return [
            StickyEvent(
                key, r["id"], EventKind(r["kind"]), r["cause"], r["sender_before"], r["sender_after"], r["message_id"], r["actor"]
            )
            for r in rows
        ]  # fmt: skip

    async def purge_bucket_step(
        self, bucket: int, after: tuple[int, str], today: int
    ) -> tuple[tuple[int, str] | None, int]:
        """Purge one chunk of a bucket from a key on: the key to go on from (None: the bucket is done) and how many rows went."""
        end = await self._database.pool.fetchrow(query("purge_chunk_end"), bucket, *after, PURGE_CHUNK)
        last = (end["service_id"], end["recipient"]) if end else (2**31 - 1, "\U0010ffff")
        status = await self._database.pool.execute(query("purge_chunk"), bucket, *after, *last, today)
        return (last if end else None), int(status.split()[-1])

    async def purge(self, today: int) -> int:
        """Walk all buckets once without a pause; answers how many dead mappings went. The paced walk is `limpet.flow.sweep`'s."""
        gone = 0
        for bucket in range(BUCKETS):
            after: tuple[int, str] | None = (0, "")
            while after is not None:
                after, count = await self.purge_bucket_step(bucket, after, today)
                gone += count
        return gone


def _view(row: asyncpg.Record, recipient: str, service: Service, today: int) -> MappingView:
    dead = None
    if row["removed_at"] is not None or row["address"] is None:
        dead = Standing.REMOVED
    elif today - row["last_used_day"] > service.sticky_ttl_days:
        dead = Standing.EXPIRED
    created, used = (_DAY_ZERO + timedelta(days=row[name]) for name in ("created_day", "last_used_day"))
    return MappingView(
        recipient, row["address"] or "", row["sender_sid"] or "", created, used, dead is None, dead,
        row["established"] or today - row["created_day"] >= PROVISIONAL_DAYS,
    )  # fmt: skip


def oldest_relevant_id(now: datetime, days: int) -> int:
    """Ids made before this are older than `days`."""
    return id_floor(now.astimezone(UTC) - timedelta(days=days))


query_read = query("sticky_read")
query_claim = query("sticky_claim")
query_swap = query("sticky_swap")
query_events = query("sticky_event_insert")
