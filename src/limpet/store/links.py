"""Short links in PostgreSQL: with their messages, by their codes, and how each account wants clicks told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import asyncpg

from limpet.core.ids import BUCKETS, bucket_of, id_floor, id_time
from limpet.core.links import LINK_DAYS
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Outgoing, columns, outgoing
from limpet.store.queries import query

SEND_AHEAD_DAYS: Final = 37
"""A message may leave so long after it was made, and only then its links begin to age."""


class NewLinks(NamedTuple):
    """The links of a new message: the URL that each code stands for."""

    bucket: int
    message_id: int
    account_id: int
    urls: Mapping[str, str]


class Place(NamedTuple):
    """Of which message a short link is, and of which account."""

    bucket: int
    message_id: int
    account_id: int


class Followed(NamedTuple):
    """Where a short link leads, and the message that it is of."""

    url: str
    message: Outgoing


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """How an account wants its short links (`ZK…`): who is told of clicks, where links lead that are over."""

    sid: str
    callback_url: str | None
    fallback_url: str | None
    continue_on_failure: bool
    disable_https: bool
    created_at: datetime
    updated_at: datetime


async def insert(connection: Connection, new: Sequence[NewLinks], bucket_key: bytes) -> None:
    """Write the links of new messages, in their transaction."""
    urls = sorted((n.bucket, n.message_id, code, url) for n in new for code, url in n.urls.items())
    codes = sorted(
        (bucket_of(code, bucket_key), code, n.bucket, n.message_id, n.account_id) for n in new for code in n.urls
    )
    await connection.execute(query("link_insert"), *columns(urls))
    await connection.execute(query("short_link_insert"), *columns(codes))


async def forget(connection: Connection, bucket: int, message_id: int) -> None:
    """Forget where the links of a message lead: its text is gone."""
    await connection.execute(query("links_forget"), bucket, message_id)


async def purge(database: Database, now: datetime) -> None:
    """Forget links that are over."""
    oldest = id_floor(now - timedelta(days=LINK_DAYS + SEND_AHEAD_DAYS))
    await database.pool.execute(query("link_purge"), oldest, range(BUCKETS))
    await database.pool.execute(query("short_link_purge"), oldest)


async def find(connection: Connection, code: str, bucket_key: bytes) -> Place | None:
    """Of which message a code is; None for one that nobody made."""
    row = await connection.fetchrow(query("short_link_find"), bucket_of(code, bucket_key), code)
    return None if row is None else Place(*row)


async def followed(connection: Connection, place: Place, code: str, now: datetime) -> Followed | None:
    """Where a link leads; None when it is over: LINK_DAYS after its message left, or with the message or its text."""
    row = await connection.fetchrow(query("link_followed"), place.bucket, place.message_id, code)
    if row is None or now - (row["sent_at"] or id_time(place.message_id)) > timedelta(days=LINK_DAYS):
        return None
    return Followed(row["url"], outgoing(row))


async def clicked(connection: Connection, place: Place, code: str) -> None:
    """Count a click."""
    await connection.execute(query("link_clicked"), place.bucket, place.message_id, code)


async def config_of(connection: Connection, account_id: int) -> LinkConfig | None:
    """How an account wants its links; None when it has not said."""
    row = await connection.fetchrow(query("link_config_read"), account_id)
    return None if row is None else _config(row)


class LinkConfigs:
    """How accounts want their short links."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch(self, account_id: int) -> LinkConfig | None:
        """What an account has said; None when it has not."""
        async with self._database.pool.acquire() as connection:
            return await config_of(connection, account_id)

    async def write(self, account_id: int, config: LinkConfig, now: datetime) -> LinkConfig:
        """Keep what an account says; its SID and the time of making stay those of the first time."""
        row = await self._database.pool.fetchrow(
            query("link_config_write"), account_id, config.sid, config.callback_url, config.fallback_url,
            config.continue_on_failure, config.disable_https, now,
        )  # fmt: skip
        assert row is not None
        return _config(row)


def _config(row: asyncpg.Record) -> LinkConfig:
    return LinkConfig(
        row["sid"], row["callback_url"], row["fallback_url"], row["continue_on_failure"], row["disable_https"],
        row["created_at"], row["updated_at"],
    )  # fmt: skip
