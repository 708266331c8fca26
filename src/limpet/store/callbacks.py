"""Callbacks that are owed, in PostgreSQL: the table is the queue, and `due_at` is the lease.

A row is written in the transaction of the change that it tells of, with `due_at` ahead by a lease: whoever wrote it posts it
at once, and anybody may once the lease is over. What is posted, when and how often is `limpet.flow.callback`'s decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from limpet.store import deliveries
from limpet.store.database import Connection, Database
from limpet.store.deliveries import Delivery
from limpet.store.dispatch import Key, columns
from limpet.store.queries import query

STATUS, INBOUND, EVENT = "status", "inbound", "event"
"""What a callback tells of: a message's status, a text that came in, or an event to a sink, whose payload is JSON."""
POST = "POST"
LEASE = timedelta(seconds=60)
"""Whoever writes a callback posts it at once; after this time anybody may."""


class OwedCallback(NamedTuple):
    """A callback as its row has it. `payload` is what is sent, `attempt` counts the tries that failed.

    `message_id` is the message that it tells of, or the row's own id. `method` is POST or GET; a `fallback_url` is asked when
    the first tries at `url` have failed.
    """

    bucket: int
    id: int
    account_id: int
    message_id: int
    url: str
    payload: str
    due_at: datetime
    attempt: int = 0
    kind: str = STATUS
    method: str = POST
    fallback_url: str | None = None
    fallback_method: str = POST

    @property
    def key(self) -> Key:
        """Where the row is."""
        return Key(self.bucket, self.id)


class Postponed(NamedTuple):
    """When a callback is due again, and after how many tries."""

    bucket: int
    id: int
    attempt: int
    due_at: datetime


async def insert(connection: Connection, owed: Sequence[OwedCallback]) -> None:
    """Write what is owed, in the caller's transaction."""
    if owed:
        await connection.execute(query("callback_insert"), *columns(sorted(owed)))


async def settle(
    database: Database, done: Sequence[Key], postponed: Sequence[Postponed], log: Sequence[Delivery] = ()
) -> None:
    """Forget callbacks that were taken or given up, put off others, log tries. Each statement is a transaction of its own.

    The log comes first: what is given up is found in it, even if the process dies in between.
    """
    async with database.pool.acquire() as connection:
        if log:
            await deliveries.insert(connection, log)
        if done:
            await connection.execute(query("callback_done"), *columns(sorted(done)))
        if postponed:
            await connection.execute(query("callback_postpone"), *columns(sorted(postponed)))


async def claim_due(database: Database, now: datetime, lease_until: datetime, limit: int) -> list[OwedCallback]:
    """Take over callbacks that are due, at most `limit`, the oldest first; until `lease_until` nobody else gets them."""

    async def work(connection: Connection) -> list[OwedCallback]:
        rows = await connection.fetch(query("callback_claim"), now, lease_until, limit)
        return sorted((OwedCallback(*row) for row in rows), key=lambda owed: owed.id)

    return await database.transaction(work)
