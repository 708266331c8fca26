"""The mappings in PostgreSQL: read with the pool's generation, written only as they were read, looked up, reset, purged.

Everything that a message needs takes lists and runs inside the caller's transaction. What a mapping means is
`limpet.core.sticky`'s business.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import asyncpg

from limpet.core.ids import BUCKETS, CHANCE_BITS, bucket_of, day_date, day_number, hour_of_day, id_floor
from limpet.core.model import Service
from limpet.core.retention import Pseudonyms, shown
from limpet.core.sticky import PROVISIONAL_DAYS, EventKind, Origin, Pin, Standing, StoredMapping
from limpet.core.sticky_flags import ESTABLISHED, ORIGIN_BITS, PIN_BITS, hour_bits, hour_of, origin_of, pin_of
from limpet.core.ttl import is_aged
from limpet.store.database import Connection, Database
from limpet.store.dispatch import padded
from limpet.store.queries import query

OF_ALL = ""
"""In the place of a person, in events that are about all people of a number or a service."""
OPERATOR = "operator"
"""The actor of what is done on the database itself."""
NOBODY = 0
"""No member's id: who claims a mapping for nobody only wants to hold it."""
PURGE_CHUNK = 2000
EVENTS_SHOWN_MAX = 1000


class MappingKey(NamedTuple):
    """Where a mapping is: `service_id` is the service's that has it alone, or the space's. Sorted lists of these keep batches
    from deadlocking. `read`, `forget_unsent` and `establish` are told the service that sends, whatever space it is in."""

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
    origin: Origin = Origin.SEND
    hour: int | None = None


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
    reason: str | None = None
    """In the words of whoever did it by hand."""


@dataclass(frozen=True, slots=True)
class MappingView:
    """A mapping as shown to customers and operators. `why_dead` names the standing when it does not count any more."""

    key: MappingKey
    recipient: str
    sender: str
    sender_sid: str
    created_day: date
    last_used_day: date
    live: bool
    why_dead: Standing | None
    established: bool
    pin: Pin
    origin: Origin


def _read_of(row: asyncpg.Record) -> MappingRead:
    mapping = None if row["member_id"] is None else stored_mapping(row)
    return MappingRead(row["generation"], mapping, row["opted_out"])


def stored_mapping(row: asyncpg.Record) -> StoredMapping:
    """A mapping of a row with `member_id`, `last_used_day`, `created_day` and `flags`."""
    flags = row["flags"]
    return StoredMapping(
        row["member_id"],
        row["last_used_day"],
        row["created_day"],
        bool(flags & ESTABLISHED),
        pin_of(flags),
        hour_of(flags),
    )


def _columns(keys: Iterable[MappingKey]) -> tuple[list[int], list[int], list[str]]:
    buckets, services, recipients = zip(*keys, strict=True)
    return list(buckets), list(services), list(recipients)


def _keys(rows: Iterable[asyncpg.Record]) -> set[MappingKey]:
    return {MappingKey(row["bucket"], row["service_id"], row["recipient"]) for row in rows}


async def read(connection: Connection, keys: Sequence[MappingKey]) -> list[MappingRead]:
    """For each key the service's generation and the mapping, in the order of the keys."""
    rows = await connection.fetch(query_read, *_columns(keys))
    found = {row["ord"]: _read_of(row) for row in rows}
    return [found.get(place, MappingRead(None, None)) for place in range(1, len(keys) + 1)]


async def claim(
    connection: Connection, claims: Mapping[MappingKey, int], today: int,
    origins: Mapping[MappingKey, Origin] | None = None, hours: Mapping[MappingKey, int] | None = None,
) -> dict[MappingKey, Claimed]:  # fmt: skip
    """For each key make a mapping to the member, or note a use of the one that is there if it points to the member; another is
    left as it is. All rows are then held until the transaction ends; for NOBODY they are held and nothing else. `origins` are
    kept of those that are made, `hours` are those of the day where hours count.
    """
    flags = [0 if origins is None else ORIGIN_BITS[origins.get(key, Origin.SEND)] for key in claims]
    if hours:
        flags = [own | hour_bits(hours.get(key)) for own, key in zip(flags, claims, strict=True)]
    rows = await connection.fetch(query_claim, *_columns(claims), list(claims.values()), today, flags)
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
            [PIN_BITS[s.before.pin] | hour_bits(s.before.last_used_hour) for s in swaps],
            [ORIGIN_BITS[s.origin] | hour_bits(s.hour) for s in swaps],
        )
    )


async def refresh_inbound(connection: Connection, texts: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """Note that people `(bucket, recipient, sender)` wrote to our numbers: live mappings to those were used (rule S-21)."""
    buckets, recipients, senders = map(list, zip(*sorted(set(texts)), strict=True))
    hour = hour_bits(hour_of_day(now))
    await connection.execute(query("sticky_refresh_inbound"), buckets, recipients, senders, day_number(now), hour)


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
         e.message_id, e.actor, e.reason)
        for e in events
    ]  # fmt: skip
    await connection.execute(query_events, *padded(rows))


async def tell_of_all(
    connection: Connection, service_id: int, kind: EventKind, cause: str, sender: str | None, actor: str,
    reason: str | None, now: datetime, row_id: int | None = None,
) -> None:  # fmt: skip
    """Write the one event of what concerns all people of a number, or with `sender` None of a service (rule S-17), within
    the space that the service is in. It is of no person, so any bucket will do: one that follows from the service."""
    scope_id = await connection.fetchval(query("service_space"), service_id) or service_id
    key = MappingKey(scope_id % BUCKETS, scope_id, OF_ALL)
    made = id_floor(now) | secrets.randbits(CHANCE_BITS) if row_id is None else row_id
    await insert_events(connection, [StickyEvent(key, made, kind, cause, sender, None, None, actor, reason)])


class StickyStore:
    """Mappings for people who look at them, and the walk that purges dead ones. Changes by hand are in `sticky_by_hand`, lists in
    `sticky_lists`."""

    def __init__(
        self, database: Database, bucket_key: bytes, new_id: Callable[[datetime], int], pseudonyms: Pseudonyms
    ) -> None:
        self.database = database
        self.new_id = new_id
        self._bucket_key = bucket_key
        self._pseudonyms = pseudonyms

    def hidden(self, key: MappingKey) -> MappingKey:
        """The place under the pseudonym of a person."""
        return key._replace(recipient=self._pseudonyms.of(key.recipient))

    def key(self, service: Service, recipient: str) -> MappingKey:
        """Where a person's mapping within a service, or the space that it is in, is (S-135)."""
        return MappingKey(bucket_of(recipient, self._bucket_key), service.scope.id, recipient)

    async def lookup(self, service: Service, recipient: str, now: datetime) -> MappingView | None:
        """A person's mapping as it is, live or dead; None when there is none."""
        return await self.lookup_at(service, self.key(service, recipient), now)

    async def lookup_at(self, service: Service, key: MappingKey, now: datetime) -> MappingView | None:
        """The same by where it is."""
        async with self.database.pool.acquire() as connection:
            _, row = await self.find(connection, key)
        return None if row is None else view_of(row, key.recipient, service, now)

    async def find(self, connection: Connection, key: MappingKey) -> tuple[MappingKey, asyncpg.Record | None]:
        """Where a person's mapping is, under the number or the pseudonym, and its row."""
        row = await connection.fetchrow(query("sticky_lookup"), *key, key.recipient)
        if row is not None:
            return key, row
        hidden = self.hidden(key)
        return hidden, await connection.fetchrow(query("sticky_lookup"), *hidden, key.recipient)

    async def reset(
        self, service: Service, recipient: str, actor: str, now: datetime, reason: str | None = None
    ) -> MappingView | None:
        """Take one person's mapping away (rule S-18); answers what it was, None when there was none."""
        return await self.reset_at(service, self.key(service, recipient), actor, now, reason)

    async def reset_at(
        self, service: Service, at: MappingKey, actor: str, now: datetime, reason: str | None = None
    ) -> MappingView | None:
        """The same by where it is."""

        async def work(connection: Connection) -> MappingView | None:
            key, row = await self.find(connection, at)
            member = None if row is None else await connection.fetchval(query("sticky_reset"), *key)
            if row is None or member is None:
                return None
            before = (await member_addresses(connection, [member])).get(member)
            event = StickyEvent(key, self.new_id(now), EventKind.RESET, "reset", before, None, None, actor, reason)
            await insert_events(connection, [event])
            return view_of(row, at.recipient, service, now)

        return await self.database.transaction(work)

    async def events(self, service: Service, recipient: str) -> list[StickyEvent]:
        """A person's history within a service, oldest first, at most EVENTS_SHOWN_MAX of each spelling."""
        key = self.key(service, recipient)
        found = [
            row
            for name in (recipient, self._pseudonyms.of(recipient))
            for row in await self.database.pool.fetch(
                query("sticky_events_of_person"), key.bucket, name, key.service_id, EVENTS_SHOWN_MAX
            )
        ]
        rows = sorted(found, key=lambda row: int(row["id"]))
        return [
            StickyEvent(
                key, r["id"], EventKind(r["kind"]), r["cause"], r["sender_before"], r["sender_after"], r["message_id"],
                r["actor"], r["reason"],
            )
            for r in rows
        ]  # fmt: skip

    async def purge_bucket_step(
        self, bucket: int, after: tuple[int, str], now: datetime
    ) -> tuple[tuple[int, str] | None, int]:
        """Purge one chunk of a bucket from a key on: the key to go on from (None: the bucket is done) and how many rows went.
        Each that had aged out leaves an event; of those whose number left one told already."""

        async def work(connection: Connection) -> tuple[tuple[int, str] | None, int]:
            end = await connection.fetchrow(query("purge_chunk_end"), bucket, *after, PURGE_CHUNK)
            last = (end["service_id"], end["recipient"]) if end else (2**31 - 1, "\U0010ffff")
            row = await connection.fetchrow(query("purge_chunk"), bucket, *after, *last, day_number(now))
            if row["services"]:
                await self._tell_expired(connection, bucket, row, now)
            return (last if end else None), row["gone"]

        return await self.database.transaction(work)

    async def _tell_expired(self, connection: Connection, bucket: int, row: asyncpg.Record, now: datetime) -> None:
        senders = await member_addresses(connection, set(row["members"]))
        events = [
            StickyEvent(
                MappingKey(bucket, service_id, person), self.new_id(now), EventKind.EXPIRED, Standing.EXPIRED,
                senders.get(member), None, None, "purge",
            )
            for service_id, person, member in zip(row["services"], row["recipients"], row["members"], strict=True)
        ]  # fmt: skip
        await insert_events(connection, events)

    async def purge(self, now: datetime) -> int:
        """Walk all buckets once without a pause; answers how many dead mappings went. The paced walk is `limpet.flow.sweep`'s."""
        gone = 0
        for bucket in range(BUCKETS):
            after: tuple[int, str] | None = (0, "")
            while after is not None:
                after, count = await self.purge_bucket_step(bucket, after, now)
                gone += count
        return gone


def view_of(row: asyncpg.Record, recipient: str, service: Service, now: datetime) -> MappingView:
    """A row of `sticky_lookup` or `sticky_walk` as it may be shown."""
    pin, today, scope, dead = pin_of(row["flags"]), day_number(now), service.scope, None
    if row["removed_at"] is not None or row["address"] is None or row["elsewhere"]:
        dead = Standing.RESET if row["reset"] else Standing.REMOVED
    elif pin is Pin.NONE and is_aged(scope.ttl, row["last_used_day"], hour_of(row["flags"]), today, hour_of_day(now)):
        dead = Standing.EXPIRED
    created, used = (day_date(row[name]) for name in ("created_day", "last_used_day"))
    return MappingView(
        MappingKey(row["bucket"], scope.id, row["recipient"]), shown(recipient), row["address"] or "",
        row["sender_sid"] or "", created, used, dead is None, dead,
        row["established"] or today - row["created_day"] >= PROVISIONAL_DAYS, pin, origin_of(row["flags"]),
    )  # fmt: skip


def oldest_relevant_id(now: datetime, days: int) -> int:
    """Ids made before this are older than `days`."""
    return id_floor(now.astimezone(UTC) - timedelta(days=days))


query_read = query("sticky_read")
query_claim = query("sticky_claim")
query_swap = query("sticky_swap")
query_events = query("sticky_event_insert")
