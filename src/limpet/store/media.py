"""Media of messages and their links, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import NamedTuple

from limpet.core.ids import bucket_of, id_floor
from limpet.core.media import LINK_DAYS, Medium, content_type
from limpet.store.database import Connection, Database
from limpet.store.queries import query


class NewMedia(NamedTuple):
    """The media of a new message, and the code of the link that leads to them, None for none. `types` are their content types,
    where they are known by more than their URLs."""

    bucket: int
    message_id: int
    urls: tuple[str, ...]
    code: str | None
    types: tuple[str, ...] = ()


async def insert(connection: Connection, new: Sequence[NewMedia], bucket_key: bytes) -> None:
    """Write the media of new messages, in their transaction."""
    media = [
        (m.bucket, m.message_id, position, url, kind or content_type(url))
        for m in new
        for position, (url, kind) in enumerate(zip_longest(m.urls, m.types, fillvalue=""))
    ]
    links = sorted((bucket_of(m.code, bucket_key), m.code, m.bucket, m.message_id) for m in new if m.code)
    await connection.execute(query("media_insert"), *map(list, zip(*sorted(media), strict=True)))
    if links:
        await connection.execute(query("media_link_insert"), *map(list, zip(*links, strict=True)))


async def purge_links(database: Database, now: datetime) -> None:
    """Forget links that are over."""
    await database.pool.execute(query("media_link_purge"), _oldest(now))


class MediaStore:
    """Media for who looks at them."""

    def __init__(self, database: Database, bucket_key: bytes) -> None:
        self._database = database
        self._bucket_key = bucket_key

    async def of(self, account_id: int, bucket: int, message_id: int) -> list[Medium]:
        """The media of an account's message, in order."""
        rows = await self._database.pool.fetch(query("media_of_message"), bucket, message_id, account_id)
        return [Medium(row["position"], row["url"], row["content_type"]) for row in rows]

    async def delete(self, bucket: int, message_id: int, position: int) -> bool:
        """Whether there was such a one; the customer's own file stays."""
        return await self._database.pool.fetchval(query("media_delete"), bucket, message_id, position) is not None

    async def linked(self, code: str, now: datetime) -> list[Medium]:
        """Where a link leads; nowhere after LINK_DAYS, or when its message is gone."""
        bucket = bucket_of(code, self._bucket_key)
        found = await self._database.pool.fetchrow(query("media_link_find"), bucket, code, _oldest(now))
        if found is None:
            return []
        rows = await self._database.pool.fetch(query("media_linked"), found["message_bucket"], found["message_id"])
        return [Medium(row["position"], row["url"], row["content_type"]) for row in rows]


def _oldest(now: datetime) -> int:
    return id_floor(now - timedelta(days=LINK_DAYS))
