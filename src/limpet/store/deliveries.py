"""The log of tries to reach customers' URLs, in PostgreSQL: kept for a few days, and good for another try.

Which tries are written down is `limpet.flow.callback`'s decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import asyncpg

from limpet.core.ids import BUCKETS, id_floor
from limpet.core.page import Page, PageRequest
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Key, columns
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query

KEPT_DAYS: Final = 7
_OF_ACCOUNT = listing("deliveries_of_account")
_OF_MESSAGE = listing("deliveries_of_message")


class Outcome(StrEnum):
    """What a try led to."""

    TAKEN = "taken"
    POSTPONED = "postponed"
    """It failed and comes again."""
    GIVEN_UP = "given_up"


class Delivery(NamedTuple):
    """One try, as its row has it. `attempt` counts from 1; `http_status` is None when there was no answer."""

    bucket: int
    id: int
    account_id: int
    message_id: int
    callback_id: int
    kind: str
    method: str
    url: str
    payload: str
    fallback_url: str | None
    fallback_method: str
    attempt: int
    outcome: str
    http_status: int | None
    failure: str | None

    @property
    def callback(self) -> Key:
        """Where the callback's row is or was."""
        return Key(self.bucket, self.callback_id)


async def insert(connection: Connection, tries: Sequence[Delivery]) -> None:
    """Write tries down."""
    await connection.execute(query("delivery_insert"), *columns(sorted(tries)))


async def forget(connection: Connection, bucket: int, message_id: int) -> None:
    """Forget all tries of a message, since they hold its text."""
    await connection.execute(query("deliveries_forget"), bucket, message_id)


async def purge(database: Database, now: datetime) -> None:
    """Forget tries older than KEPT_DAYS."""
    await database.pool.execute(query("delivery_purge"), id_floor(now - timedelta(days=KEPT_DAYS)), range(BUCKETS))


class Deliveries:
    """The log for who looks at it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, account_id: int, outcome: str | None, request: PageRequest) -> Page[Delivery]:
        """An account's tries, newest first; only those of one outcome where given."""
        return await fetch_page(self._database, _OF_ACCOUNT, request, _delivery, account_id, outcome)

    async def page_of_message(
        self, bucket: int, message_id: int, outcome: str | None, request: PageRequest
    ) -> Page[Delivery]:
        """The tries of one message, newest first. Whose it is, is for the caller to know."""
        return await fetch_page(self._database, _OF_MESSAGE, request, _delivery, bucket, message_id, outcome)

    async def fetch(self, account_id: int, bucket: int, delivery_id: int) -> Delivery | None:
        """One try; None when there is none, or it is another account's."""
        row = await self._database.pool.fetchrow(query("delivery_fetch"), bucket, delivery_id)
        return None if row is None or row["account_id"] != account_id else _delivery(row)

    async def replay(self, one: Delivery, now: datetime) -> None:
        """Owe what was tried once more, from now on."""
        await self._database.pool.execute(
            query("delivery_replay"), one.bucket, one.callback_id, one.account_id, one.message_id, one.url, one.payload, now,
            one.kind, one.method, one.fallback_url, one.fallback_method,
        )  # fmt: skip


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(*(row[name] for name in Delivery._fields))
