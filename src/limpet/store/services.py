"""Messaging Services and their pools in PostgreSQL.

Every change of a service or its pool is one transaction that also moves its generation on: whoever remembers a pool can tell.
Rows are locked in one order everywhere, sender, service, membership, so that no two changes can block each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from limpet.core.ids import CHANCE_BITS, IdSource, day_number
from limpet.core.model import (
    CHANNEL_KINDS,
    Capability,
    Clearance,
    InDoubtPolicy,
    MemberState,
    PoolMember,
    Sender,
    SenderKind,
    Service,
    StickyInbound,
    StickyOverflow,
)
from limpet.core.page import Page, PageRequest
from limpet.core.sticky import EventKind, Standing
from limpet.store import campaigns, sticky_spaces
from limpet.store.database import Connection, Database
from limpet.store.paging import fetch_page, listing
from limpet.store.pools import service_of
from limpet.store.queries import query
from limpet.store.registrations import RegistrationBook
from limpet.store.senders import NewSender, sender_of
from limpet.store.senders import insert as insert_sender
from limpet.store.sticky import OPERATOR, member_addresses, tell_of_all
from limpet.twilio.sid import new_sid

POOL_SIZE_MAX = 400
"""Twilio's limit of numbers in a service's pool (error 21714 beyond it)."""

_PAGE = listing("service_page")
_MEMBER_PAGE = listing("member_page")
_SID_BITS = 128
MESSAGING = frozenset({Capability.SMS, Capability.MMS})


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What a customer sets on a service; the fields and defaults are Twilio's, ours at the end (`limpet.core.model.Service`)."""

    friendly_name: str
    inbound_request_url: str | None = None
    inbound_method: str = "POST"
    fallback_url: str | None = None
    fallback_method: str = "POST"
    status_callback: str | None = None
    sticky_sender: bool = True
    mms_converter: bool = True
    smart_encoding: bool = True
    scan_message_content: str = "inherit"
    fallback_to_long_code: bool = True
    area_code_geomatch: bool = True
    synchronous_validation: bool = False
    validity_period: int = 36_000
    usecase: str = "undeclared"
    use_inbound_webhook_on_number: bool = False
    status_callback_events: str = "all"
    in_doubt: InDoubtPolicy = InDoubtPolicy.RESEND
    explicit_from_sticks: bool = True
    sticky_ttl_days: int = 365
    sticky_inbound: StickyInbound = StickyInbound.OFF
    require_a2p: bool = False
    sticky_overflow: StickyOverflow = StickyOverflow.FAIL
    segments_per_s: float | None = None
    daily_segments: int | None = None
    sticky_ttl_hours: int | None = None


_COLUMNS = tuple(ServiceSettings.__slots__)


class PoolRefusal(StrEnum):
    """Why a number does not join a pool."""

    ALREADY_HERE = "already_here"
    ELSEWHERE = "elsewhere"
    FULL = "full"
    INCAPABLE = "incapable"
    GONE = "gone"


class Services:
    """Every account's services and their pools."""

    def __init__(
        self, database: Database, pool_size_max: int = POOL_SIZE_MAX, book: RegistrationBook | None = None
    ) -> None:
        self.database = database
        self._pool_size_max = pool_size_max
        self._book = book or RegistrationBook()

    async def create(
        self, account_id: int, settings: ServiceSettings, now: datetime, space_sid: str | None = None
    ) -> Service:
        """A new service with an empty pool, in the space of that SID (SpaceRefused), or in that of all services."""
        sid = new_sid("MG", secrets.randbits(_SID_BITS))

        async def work(connection: Connection) -> Service:
            await sticky_spaces.hold_account(connection, account_id)
            made = await connection.fetchval(query("service_insert"), sid, account_id, *_values(settings), now)
            await sticky_spaces.place_new(connection, account_id, made)
            if space_sid:
                await sticky_spaces.place(connection, account_id, made, space_sid)
            return service_of(await connection.fetchrow(query("service_by_id"), made))

        return await self.database.transaction(work)

    async def by_sid(self, account_id: int, sid: str) -> Service | None:
        """The account's service with this SID (`MG…`)."""
        row = await self.database.pool.fetchrow(query("service_by_sid"), account_id, sid)
        return None if row is None else service_of(row)

    async def by_id(self, service_id: int) -> Service | None:
        """A service of any account that is not deleted."""
        row = await self.database.pool.fetchrow(query("service_by_id"), service_id)
        return None if row is None else service_of(row)

    async def page(self, account_id: int, request: PageRequest) -> Page[Service]:
        """The account's services, newest first."""
        return await fetch_page(self.database, _PAGE, request, service_of, account_id)

    async def update(
        self, account_id: int, sid: str, changes: Mapping[str, Any], now: datetime, space_sid: str | None = None
    ) -> Service | None:
        """The service with some fields of `ServiceSettings` changed, in the space of `space_sid`, in none with an empty one
        (SpaceRefused); None when the account has no such service."""

        async def work(connection: Connection) -> Service | None:
            held = await connection.fetchval(query("service_hold_by_sid"), account_id, sid)
            if held is None:
                return None
            before = service_of(await connection.fetchrow(query("service_by_id"), held))
            wanted = replace(_settings_of(before), **changes)
            await connection.execute(query("service_update"), held, *_values(wanted), now)
            if wanted.require_a2p != before.require_a2p:
                await self._book.clear(connection, [held])
            if space_sid is not None:
                await sticky_spaces.place(connection, account_id, held, space_sid)
            return service_of(await connection.fetchrow(query("service_by_id"), held))

        return await self.database.transaction(work)

    async def delete(self, account_id: int, sid: str, now: datetime, actor: str = OPERATOR) -> bool:
        """Delete the service and free its numbers, both at once; whether the account had it. Its mappings are dead with it, as
        `_tell_deleted` tells."""

        async def work(connection: Connection) -> bool:
            service_id = await connection.fetchval(query("service_delete"), account_id, sid, now)
            if service_id is None:
                return False
            gone = await connection.fetch(query("member_remove_all"), service_id, now)
            await connection.execute(query("sender_release_nameless"), service_id, now)
            await self._book.left(connection, [row["id"] for row in gone], now)
            await campaigns.service_gone(connection, service_id, now)
            await connection.execute(query("pool_changed"), service_id)
            numbers = await member_addresses(connection, (row["id"] for row in gone))
            await _tell_deleted(connection, service_id, sorted(numbers.values()), actor, now)
            return True

        return await self.database.transaction(work)

    async def add_member(
        self, service: Service, sender: Sender, now: datetime, limit: int | None = None
    ) -> PoolMember | PoolRefusal:
        """Let a number join a pool of its own account; a new membership, whatever it was before."""

        async def work(connection: Connection) -> PoolMember | PoolRefusal:
            held = await connection.fetchrow(query("sender_hold"), service.account_id, sender.sid)
            if held is None or await connection.fetchval(query("service_hold"), service.id) is None:
                return PoolRefusal.GONE
            current = sender_of(held)
            if refused := await _refusal(connection, service.id, current, limit or self._pool_size_max):
                return refused
            member_id = await connection.fetchval(query("member_insert"), service.id, current.id, now)
            await connection.execute(query("pool_changed"), service.id)
            await self._book.joined(connection, service.id, current.address, now)
            return PoolMember(member_id, service.id, current, now)

        return await self.database.transaction(work)

    async def add_name(self, service: Service, new: NewSender, now: datetime) -> PoolMember | PoolRefusal:
        """Let a name join a pool: a sender of its own, that is gone when it leaves. FULL beside another plain name, ALREADY_HERE
        beside another one for the same destination."""

        async def work(connection: Connection) -> PoolMember | PoolRefusal:
            if await connection.fetchval(query("service_hold"), service.id) is None:
                return PoolRefusal.GONE
            if await connection.fetchval(query("member_name_taken"), service.id, new.kind, new.country):
                return PoolRefusal.FULL if new.kind is SenderKind.ALPHANUMERIC else PoolRefusal.ALREADY_HERE
            if await connection.fetchval(query("member_count"), service.id) >= self._pool_size_max:
                return PoolRefusal.FULL
            sender = await insert_sender(connection, service.account_id, new, now)
            assert sender is not None, "names have no owner to collide with"
            member_id = await connection.fetchval(query("member_insert"), service.id, sender.id, now)
            await connection.execute(query("pool_changed"), service.id)
            return PoolMember(member_id, service.id, sender, now)

        return await self.database.transaction(work)

    async def members(
        self, service_id: int, kinds: Iterable[SenderKind], request: PageRequest, country: str | None = None
    ) -> Page[PoolMember]:
        """The live members of some kinds, of any country or of one, the last to join first."""
        arguments = (service_id, sorted(kinds), country)
        return await fetch_page(self.database, _MEMBER_PAGE, request, _member_of, *arguments, key="member_id")

    async def member(self, service_id: int, sender_sid: str) -> PoolMember | None:
        """The live membership of a number."""
        row = await self.database.pool.fetchrow(query("member_by_sid"), service_id, sender_sid)
        return None if row is None else _member_of(row)

    async def pool(self, service_id: int) -> list[PoolMember]:
        """All live members, in the order in which they joined."""
        return [_member_of(row) for row in await self.database.pool.fetch(query("member_all"), service_id)]

    async def update_member(
        self, service_id: int, sender_sid: str, changes: Mapping[str, object], now: datetime
    ) -> PoolMember | None:
        """Change some of `daily_contacts` (None: as many as there are), `weight`, `state`, `drain_days` and `replaces` of a
        member; None when it is not in the pool."""

        async def work(connection: Connection) -> PoolMember | None:
            if await connection.fetchval(query("service_hold"), service_id) is None:
                return None
            row = await connection.fetchrow(query("member_by_sid"), service_id, sender_sid)
            if row is None:
                return None
            before = _member_of(row)
            member = _in_state(replace(before, **changes), day_number(now))  # type: ignore[arg-type]
            await connection.execute(
                query("member_update"), service_id, sender_sid, member.daily_contacts, member.weight, member.state,
                member.drain_day, member.drain_days, member.replaces,
            )  # fmt: skip
            await connection.execute(query("pool_changed"), service_id)
            return member

        return await self.database.transaction(work)

    async def pause(self, sid: str, paused: bool, now: datetime) -> bool:
        """Let nothing be sent through a service of any account, or let it again; whether there is such a service."""
        return await self.database.pool.fetchval(query("service_pause"), sid, paused, now) is not None

    async def remove_member(
        self, service_id: int, sender_sid: str, now: datetime, actor: str = OPERATOR, reason: str | None = None
    ) -> bool:  # fmt: skip
        """Take a number out of a pool; whether it was in.

        One row changes, however many mappings point at it: they are dead with the membership (`design.md` D3), one event tells
        of all.
        """

        async def work(connection: Connection) -> bool:
            await connection.execute(query("sender_hold_by_sid"), sender_sid)
            if await connection.fetchval(query("service_hold"), service_id) is None:
                return False
            member_id = await connection.fetchval(query("member_remove"), service_id, sender_sid, now)
            if member_id is None:
                return False
            await connection.execute(query("sender_release_nameless"), service_id, now)
            await connection.execute(query("pool_changed"), service_id)
            await self._book.left(connection, [member_id], now)
            number = (await member_addresses(connection, [member_id])).get(member_id)
            await tell_of_all(
                connection, service_id, EventKind.REMOVED, Standing.REMOVED, number, actor, reason, now
            )  # fmt: skip
            return True

        return await self.database.transaction(work)


async def _tell_deleted(
    connection: Connection, service_id: int, numbers: Sequence[str], actor: str, now: datetime
) -> None:
    """One event for everybody; within a space, where people of the other services' numbers keep theirs, one for those of each
    number that has left."""
    alone = await connection.fetchval(query("service_space"), service_id) is None
    ids, chance = IdSource(), secrets.randbits(CHANCE_BITS)
    for number in [None] if alone else numbers:
        event_id = ids.next(now, chance)
        await tell_of_all(
            connection, service_id, EventKind.REMOVED, "service_deleted", number, actor, None, now, event_id
        )


def _in_state(member: PoolMember, today: int) -> PoolMember:
    """A member with what follows from its state: the day since which it drains, and that only a disabled one gives its people
    up."""
    draining, disabled = member.state is MemberState.DRAIN, member.state is MemberState.DISABLED
    since = (today if member.drain_day is None else member.drain_day) if draining else None
    return replace(member, drain_day=since, replaces=member.replaces and disabled)


async def _refusal(connection: Connection, service_id: int, sender: Sender, limit: int) -> PoolRefusal | None:
    """Why not, in Twilio's order; both rows are held, so that the answer stays true until the commit."""
    here = await connection.fetchval(query("member_service_of_sender"), sender.id)
    if here is not None:
        return PoolRefusal.ALREADY_HERE if here == service_id else PoolRefusal.ELSEWHERE
    if not sender.capabilities & MESSAGING and sender.kind not in CHANNEL_KINDS:
        return PoolRefusal.INCAPABLE
    return PoolRefusal.FULL if await connection.fetchval(query("member_count"), service_id) >= limit else None


def _member_of(row: asyncpg.Record) -> PoolMember:
    return PoolMember(
        row["member_id"], row["service_id"], sender_of(row), row["added_at"], daily_contacts=row["daily_contacts"],
        clearance=Clearance(row["clearance"]), retiring=row["retiring"], weight=row["weight"], state=MemberState(row["state"]),
        drain_day=row["drain_day"], drain_days=row["drain_days"], replaces=row["replaces"],
    )  # fmt: skip


def _settings_of(service: Service) -> ServiceSettings:
    return ServiceSettings(**{name: getattr(service, name) for name in _COLUMNS})


def _values(settings: ServiceSettings) -> list[object]:
    return [getattr(settings, name) for name in _COLUMNS]
