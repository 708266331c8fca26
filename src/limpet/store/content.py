"""Content templates and feedback on messages, in PostgreSQL."""

from __future__ import annotations

import secrets
from datetime import datetime

import asyncpg

from limpet.core.content import Content
from limpet.core.page import Page, PageRequest
from limpet.store.database import Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query
from limpet.twilio.content_form import NewContent
from limpet.twilio.sid import new_sid

_PAGE = listing("content_page")
_SID_BITS = 128
_FIELDS = tuple(Content.__dataclass_fields__)


class Contents:
    """Every account's templates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account_id: int, new: NewContent, now: datetime) -> Content:
        """A new template."""
        sid = new_sid("HX", secrets.randbits(_SID_BITS))
        row = await self._database.pool.fetchrow(
            query("content_insert"), sid, account_id, new.friendly_name, new.language, dict(new.variables), dict(new.types), now
        )  # fmt: skip
        return _content_of(row)

    async def by_sid(self, account_id: int, sid: str) -> Content | None:
        """The account's template with this SID (`HX…`)."""
        row = await self._database.pool.fetchrow(query("content_by_sid"), account_id, sid)
        return None if row is None else _content_of(row)

    async def page(self, account_id: int, request: PageRequest) -> Page[Content]:
        """The account's templates, newest first."""
        return await fetch_page(self._database, _PAGE, request, _content_of, account_id)

    async def delete(self, account_id: int, sid: str) -> bool:
        """Whether there was such a template; messages that were made of it stay as they are."""
        return await self._database.pool.fetchval(query("content_delete"), account_id, sid) is not None

    async def give_feedback(
        self, account_id: int, bucket: int, message_id: int, outcome: str, now: datetime
    ) -> tuple[datetime, datetime] | None:
        """Keep what a customer learned of their message: since when it is kept, and changed; None without such a message."""
        row = await self._database.pool.fetchrow(query("feedback_write"), bucket, message_id, account_id, outcome, now)
        return None if row is None else (row["created_at"], row["updated_at"])


def _content_of(row: asyncpg.Record) -> Content:
    return Content(**{name: row[name] for name in _FIELDS})
