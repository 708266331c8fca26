"""Mappings that people make, move, pin and take away by hand, one by one or all of a number or a service (rules S-80 to S-86).

Each change leaves one event with who did it and why. All of a number go in one instant, however many there are: its membership
ends and another begins, under which everything else of it goes on (decision 0023).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from limpet.core.ids import day_number, hour_of_day
from limpet.core.model import Service
from limpet.core.sticky import EventKind, Origin, Pin
from limpet.core.sticky_flags import flags_of, hour_bits, origin_of, pin_of
from limpet.store import sticky
from limpet.store.database import Connection, Database
from limpet.store.queries import query
from limpet.store.sticky import NOBODY, MappingKey, MappingView, StickyEvent, StickyStore, view_of

BY_HAND = "by_hand"
CAUSES = {Pin.NONE: "unpinned", Pin.PLAIN: "pinned", Pin.STRICT: "pinned_strictly"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants of a mapping: to point at a member (None: where it points), held or not (None: as it is)."""

    member_id: int | None
    pin: Pin | None
    actor: str
    reason: str | None = None


async def put(store: StickyStore, service: Service, at: MappingKey, wish: Wish, now: datetime) -> MappingView | None:
    """Make a mapping or change the one that is there (rule S-83); answers what it is then. None where no number is named and
    there is none that could be held. It is held from before it is looked at to the commit, as messages hold it (S-85)."""

    async def work(connection: Connection) -> MappingView | None:
        key, made = await _hold(connection, store, service, at, day_number(now))
        row = await connection.fetchrow(query("sticky_lookup"), *key, at.recipient)
        before = None if made or row is None else view_of(row, at.recipient, service, now)
        if (wish.member_id is None and not _stays(before, wish)) or row is None:
            if made:
                await sticky.disclaim(connection, [key])
            return None
        hour = None if service.scope.ttl.hours is None else hour_of_day(now)
        await _change(connection, store, row, before, key, wish, now, hour)
        row = await connection.fetchrow(query("sticky_lookup"), *key, at.recipient)
        return None if row is None else view_of(row, at.recipient, service, now)

    return await store.database.transaction(work)


def _stays(before: MappingView | None, wish: Wish) -> bool:
    """Whether there is something to change without another number: a dead mapping can be let go, and not be held."""
    return before is not None and (before.live or wish.pin is Pin.NONE)


async def _hold(
    connection: Connection, store: StickyStore, service: Service, at: MappingKey, today: int
) -> tuple[MappingKey, bool]:
    """Hold a person's mapping until the commit: where it is, and whether it was made for that, for nobody. Where people may be
    under pseudonyms the place there is held first, as messages do it (decision 0010)."""
    if service.scope.hides_since is not None:
        hidden = store.hidden(at)
        if not (await sticky.claim(connection, {hidden: NOBODY}, today))[hidden].made:
            return hidden, False
        await sticky.disclaim(connection, [hidden])
    return at, (await sticky.claim(connection, {at: NOBODY}, today))[at].made


async def _change(
    connection: Connection, store: StickyStore, row: asyncpg.Record, before: MappingView | None, key: MappingKey,
    wish: Wish, now: datetime, hour: int | None,
) -> None:  # fmt: skip
    """Write what is wanted, with its event; nothing where it is so already. `hour` is the one of now where hours count."""
    today = day_number(now)
    member = row["member_id"] if wish.member_id is None else wish.member_id
    had = Pin.NONE if before is None else pin_of(row["flags"])
    pin = had if wish.pin is None else wish.pin
    lives = before is not None and (before.live or wish.member_id is None)
    if lives and member == row["member_id"]:
        if pin is had:
            return
        kind, cause, origin, created_day = EventKind.PINNED, CAUSES[pin], origin_of(row["flags"]), row["created_day"]
    else:
        kind = EventKind.MOVED if lives else EventKind.CREATED
        cause = BY_HAND if pin is Pin.NONE else CAUSES[pin]
        origin, created_day = Origin.API, today
    flags = flags_of(pin, origin, established=True) | hour_bits(
        hour
    )  # it does not go with messages that never leave (S-84)
    await connection.execute(query("sticky_set"), *key, member, today, created_day, flags)
    numbers = await sticky.member_addresses(connection, {member, row["member_id"]})
    event = StickyEvent(
        key, store.new_id(now), kind, cause, numbers.get(row["member_id"]), numbers.get(member), None, wish.actor,
        wish.reason,
    )  # fmt: skip
    await sticky.insert_events(connection, [event])


async def reset_number(
    store: StickyStore, service: Service, number: str, actor: str, reason: str | None, now: datetime
) -> bool:
    """Take away all mappings to a number of the pool, or of one of its space, in one instant (rule S-86); whether it is there."""
    return await _reset_all(store, service, number, actor, reason, now)


async def reset_service(store: StickyStore, service: Service, actor: str, reason: str | None, now: datetime) -> bool:
    """Take away all mappings of a service, or of its space, in one instant (rule S-86); whether there is such a service."""
    return await _reset_all(store, service, None, actor, reason, now)


async def _reset_all(
    store: StickyStore, service: Service, number: str | None, actor: str, reason: str | None, now: datetime
) -> bool:
    async def work(connection: Connection) -> bool:
        rows = await connection.fetch(query("services_of_scope"), service.id)
        held = [row["id"] for row in rows if await connection.fetchval(query("service_hold"), row["id"]) is not None]
        if service.id not in held:
            return False
        rows = await connection.fetch(query("members_to_reset"), held, number)
        if number is not None and not rows:
            return False
        await _renew(connection, [row["id"] for row in rows], now)
        await connection.execute(query("pool_changed"), service.id)
        await sticky.tell_of_all(
            connection, service.id, EventKind.RESET, "reset", number, actor, reason, now, store.new_id(now)
        )
        return True

    return await store.database.transaction(work)


async def _renew(connection: Connection, before: list[int], now: datetime) -> None:
    """End memberships and begin others with everything that they had, but for the mappings."""
    after = [row["id"] for row in await connection.fetch(query("member_new_ids"), len(before))]
    await connection.execute(query("member_renew"), before, after)
    await connection.execute(query("member_reset"), before, after, now)
    await connection.execute(query("member_counts_renew"), before, after)
    await connection.execute(query("member_hours_renew"), before, after)


async def forget_resets(database: Database, before: datetime) -> None:
    """Forget what memberships were that were reset before; called after a whole walk of the purge that began later."""
    await database.pool.execute(query("members_forget_reset"), before)
