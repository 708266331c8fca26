"""Sinks, subscriptions and their changes, in PostgreSQL.

Every change takes the next generation first and notes it with its account, so that each process can ask cheaply what is new
(`limpet.flow.streams`).
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from functools import partial
from typing import NamedTuple, TypeVar

import asyncpg

from limpet.core.event_streams import (
    SINKS_MAX,
    SUBSCRIPTIONS_MAX,
    NewSink,
    Sink,
    SinkStatus,
    Subscribed,
    Subscription,
)
from limpet.core.page import Page, PageRequest
from limpet.store.callbacks import EVENT
from limpet.store.database import Connection, Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query
from limpet.twilio.sid import new_sid

_SINKS = listing("event_sink_page")
_SUBSCRIPTIONS = listing("event_subscription_page")
_SUBSCRIBED = listing("event_subscribed_page")
_SID_BITS = 128
T = TypeVar("T")


class Refused(Enum):
    """Why a change was not made."""

    TOO_MANY = auto()
    NO_SINK = auto()
    SINK_IN_USE = auto()


class RouteRow(NamedTuple):
    """One type that is subscribed in an account that has changed; `type` None: nothing is, any more."""

    account_id: int
    generation: int
    type: str | None
    schema_version: int
    destination: str
    batch_events: bool


async def changed_routes(database: Database, since: int) -> list[RouteRow]:
    """All routes of the accounts that have changed since a generation, the oldest change first."""
    return [RouteRow(*row) for row in await database.pool.fetch(query("event_routes"), since)]


async def failing_sinks(database: Database, since: int) -> list[tuple[int, str]]:
    """Account and destination of the sinks that take nothing, in the accounts that have changed since a generation."""
    return [tuple(row) for row in await database.pool.fetch(query("event_sinks_failing"), since)]


class EventStreams:
    """Every account's sinks and subscriptions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_sink(self, account_id: int, new: NewSink, now: datetime) -> Sink | Refused:
        """A new sink, active at once."""

        async def work(connection: Connection) -> Sink | Refused:
            row = await connection.fetchrow(
                query("event_sink_insert"), _sid("DG"), account_id, new.description, new.destination, new.batch_events,
                SinkStatus.ACTIVE, now, SINKS_MAX,
            )  # fmt: skip
            return Refused.TOO_MANY if row is None else _sink(row)

        return await self._change(account_id, work)

    async def sink(self, account_id: int, sid: str) -> Sink | None:
        """The account's sink with this SID (`DG…`)."""
        row = await self._database.pool.fetchrow(query("event_sink_by_sid"), account_id, sid)
        return None if row is None else _sink(row)

    async def sinks(
        self, account_id: int, status: str | None, in_use: bool | None, request: PageRequest
    ) -> Page[Sink]:  # fmt: skip
        """The account's sinks, newest first; `in_use` those with a subscription, or without; None in a filter is any."""
        return await fetch_page(self._database, _SINKS, request, _sink, account_id, status, in_use)

    async def describe_sink(self, account_id: int, sid: str, description: str, now: datetime) -> Sink | None:
        """The sink under its new description."""
        row = await self._database.pool.fetchrow(query("event_sink_describe"), account_id, sid, description, now)
        return None if row is None else _sink(row)

    async def delete_sink(self, account_id: int, sid: str) -> bool:
        """Whether it is gone, with what it was still owed; False while a subscription uses it, or when there is none."""

        async def work(connection: Connection) -> bool:
            destination = await connection.fetchval(query("event_sink_delete"), account_id, sid)
            if destination is None:
                return False
            if not await connection.fetchval(query("event_sink_shares"), account_id, destination):
                await connection.execute(query("event_owed_forget"), EVENT, account_id, destination)
            return True

        return await self._change(account_id, work)

    async def create_subscription(
        self, account_id: int, sink_sid: str, description: str, types: Mapping[str, int], now: datetime
    ) -> Subscription | Refused:
        """A new subscription to types, each in its schema version; a sink has one at most."""
        return await self._change(account_id, partial(_subscribe, account_id, sink_sid, description, types, now))

    async def subscription(self, account_id: int, sid: str) -> Subscription | None:
        """The account's subscription with this SID (`DF…`)."""
        row = await self._database.pool.fetchrow(query("event_subscription_by_sid"), account_id, sid)
        return None if row is None else _subscription(row)

    async def subscriptions(self, account_id: int, sink_sid: str | None, request: PageRequest) -> Page[Subscription]:
        """The account's subscriptions, newest first; only that of one sink where given."""
        return await fetch_page(self._database, _SUBSCRIPTIONS, request, _subscription, account_id, sink_sid)

    async def describe_subscription(
        self, account_id: int, sid: str, description: str, now: datetime
    ) -> Subscription | None:
        """The subscription under its new description."""
        await self._database.pool.execute(query("event_subscription_describe"), account_id, sid, description, now)
        return await self.subscription(account_id, sid)

    async def delete_subscription(self, account_id: int, sid: str) -> bool:
        """Whether there was such a one; its sink stays."""

        async def work(connection: Connection) -> bool:
            return await connection.fetchval(query("event_subscription_delete"), account_id, sid) is not None

        return await self._change(account_id, work)

    async def subscribed(self, subscription: Subscription, request: PageRequest) -> Page[Subscribed]:
        """What a subscription asks for, newest first."""
        return await fetch_page(self._database, _SUBSCRIBED, request, _subscribed, subscription.id)

    async def subscribed_to(self, subscription: Subscription, kind: str) -> Subscribed | None:
        """One type that a subscription asks for."""
        row = await self._database.pool.fetchrow(query("event_subscribed_one"), subscription.id, kind)
        return None if row is None else _subscribed(row)

    async def subscribe(self, subscription: Subscription, kind: str, schema_version: int) -> None:
        """Ask for one type more, or for another version of it."""

        async def work(connection: Connection) -> None:
            await connection.execute(query("event_subscribe"), subscription.id, [kind], [schema_version])

        await self._change(subscription.account_id, work)

    async def unsubscribe(self, subscription: Subscription, kind: str) -> bool:
        """Whether the subscription asked for this type; it does so no more."""

        async def work(connection: Connection) -> bool:
            return await connection.fetchval(query("event_unsubscribe"), subscription.id, kind) is not None

        return await self._change(subscription.account_id, work)

    async def sink_fails(self, account_id: int, destination: str, now: datetime) -> None:
        """The account's sinks at this URL have not taken what they got; since when is kept from the first time on."""

        async def work(connection: Connection) -> None:
            await connection.execute(query("event_sink_fails"), account_id, destination, now)

        await self._change(account_id, work)

    async def sink_failed(self, account_id: int, destination: str, since: datetime | None, now: datetime) -> list[str]:
        """The SIDs of the account's sinks at this URL that have failed from now on, so that they are owed nothing more: those
        that have taken nothing since then, or with `since` None whatever there is."""

        async def work(connection: Connection) -> list[str]:
            rows = await connection.fetch(
                query("event_sink_failed"), account_id, destination, since, now, SinkStatus.FAILED
            )
            return [row["sid"] for row in rows]

        return await self._change(account_id, work)

    async def sink_takes(self, account_id: int, destination: str, now: datetime) -> None:
        """The account's sinks at this URL have taken something: they are active, if they were not."""

        async def work(connection: Connection) -> None:
            await connection.execute(query("event_sink_takes"), account_id, destination, now, SinkStatus.ACTIVE)

        await self._change(account_id, work)

    async def _change(self, account_id: int, work: Callable[[Connection], Awaitable[T]]) -> T:
        """A change, one at a time everywhere, under a generation of its own."""

        async def whole(connection: Connection) -> T:
            generation = await connection.fetchval(query("event_generation_next"))
            await connection.execute(query("event_change_note"), account_id, generation)
            return await work(connection)

        return await self._database.transaction(whole)


async def _subscribe(
    account_id: int, sink_sid: str, description: str, types: Mapping[str, int], now: datetime, connection: Connection
) -> Subscription | Refused:
    sink = await connection.fetchrow(query("event_sink_by_sid"), account_id, sink_sid)
    if sink is None:
        return Refused.NO_SINK
    page: Sequence[asyncpg.Record] = await connection.fetch(_SUBSCRIPTIONS.up, account_id, sink_sid, 0, 1)
    if page:
        return Refused.SINK_IN_USE
    row = await connection.fetchrow(
        query("event_subscription_insert"), _sid("DF"), account_id, sink["id"], description, now, SUBSCRIPTIONS_MAX
    )
    if row is None:
        return Refused.TOO_MANY
    await connection.execute(query("event_subscribe"), row["id"], list(types), list(types.values()))
    return Subscription(row["id"], row["sid"], account_id, sink_sid, description, now, now)


def _sid(prefix: str) -> str:
    return new_sid(prefix, secrets.randbits(_SID_BITS))


def _sink(row: asyncpg.Record) -> Sink:
    return Sink(
        row["id"], row["sid"], row["account_id"], row["description"], row["destination"], row["batch_events"],
        SinkStatus(row["status"]), row["created_at"], row["updated_at"],
    )  # fmt: skip


def _subscription(row: asyncpg.Record) -> Subscription:
    return Subscription(**{name: row[name] for name in Subscription.__slots__})


def _subscribed(row: asyncpg.Record) -> Subscribed:
    return Subscribed(row["type"], row["schema_version"])
