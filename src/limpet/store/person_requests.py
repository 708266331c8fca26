"""The book of who had people's data exported or erased, in PostgreSQL. It says neither of whom nor what."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from limpet.core.page import Page, PageRequest
from limpet.core.people import Act, Counts
from limpet.store.database import Database
from limpet.store.paging import fetch_page, listing
from limpet.store.people import PersonRequest
from limpet.store.queries import query

_PAGE = listing("person_request_page")


class PersonRequests:
    """Written when a request begins and when it is done: one that was broken off is seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, account_id: int, act: Act, actor: str, now: datetime) -> int:
        """Write down that somebody asks; answers the number to finish it by."""
        number: int = await self._database.pool.fetchval(query("person_request_insert"), account_id, act, actor, now)
        return number

    async def finish(self, number: int, counts: Counts, now: datetime) -> None:
        """Write down what came of it."""
        await self._database.pool.execute(query("person_request_finish"), number, dict(counts), now)

    async def page(self, account_id: int, request: PageRequest) -> Page[PersonRequest]:
        """An account's, newest first."""
        return await fetch_page(self._database, _PAGE, request, _request, account_id)


def _request(row: asyncpg.Record) -> PersonRequest:
    return PersonRequest(Act(row["act"]), row["actor"], row["counts"], row["created_at"], row["finished_at"])
