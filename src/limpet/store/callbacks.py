"""Callbacks that are owed, in PostgreSQL: the table is the queue, and `due_at` is the lease.

A row is written in the transaction of the change that it tells of, with `due_at` ahead by a lease: whoever wrote it posts it
at once, and anybody may once the lease is over. What is posted, when and how often is `limpet.flow.callback`'s decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import NamedTuple

from limpet.core.esme import split_address
from limpet.store import deliveries, esmes
from limpet.store.database import Connection, Database
from limpet.store.deliveries import Delivery
from limpet.store.dispatch import Key, columns, padded
from limpet.store.esmes import EsmeDelivery
from limpet.store.queries import query

STATUS, INBOUND, CLICK, EVENT = "status", "inbound", "click", "event"
"""What a callback tells of: a message's status, a text that came in, a short link that was opened, or an event to a sink, whose
payload is JSON."""
ESME_RECEIPT, ESME_INBOUND = "esme_receipt", "esme_inbound"
"""The first two for a customer who speaks SMPP; these wait in a table of their own, for the customer's next bind."""
BY_SMPP = frozenset({ESME_RECEIPT, ESME_INBOUND})
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
    payload_kept: str | None = None
    """The form as it is kept of a message whose recipient's number will not be; None where that is the same."""

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
    by_smpp = [_for_esme(one) for one in owed if one.kind in BY_SMPP]
    if by_smpp:
        await esmes.insert(connection, by_smpp)
        owed = [one for one in owed if one.kind not in BY_SMPP]
    if owed:
        await connection.execute(query("callback_insert"), *padded(sorted(owed)))


def _for_esme(owed: OwedCallback) -> EsmeDelivery:
    return EsmeDelivery(
        owed.bucket, owed.id, owed.account_id, owed.message_id, *split_address(owed.url), owed.kind, owed.payload, 0,
        owed.due_at,
    )  # fmt: skip


async def settle(
    database: Database, done: Sequence[Key], postponed: Sequence[Postponed], log: Sequence[Delivery] = (),
    owed: Sequence[OwedCallback] = (),
) -> None:  # fmt: skip
    """Forget callbacks that were taken or given up, put off others, log tries. Each statement is a transaction of its own, but
    for the log, which commits with what is owed because of it.

    The log comes first: what is given up is found in it, even if the process dies in between.
    """
    async with database.pool.acquire() as connection:
        async with connection.transaction() if owed else nullcontext():
            if log:
                await deliveries.insert(connection, log)
            await insert(connection, owed)
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
