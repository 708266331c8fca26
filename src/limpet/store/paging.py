"""Pages of the small tables, newest first by id: which of a list's two statements to run, and how its rows become a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from limpet.core.page import Page, PageRequest, page_of
from limpet.store.database import Database
from limpet.store.queries import query

T = TypeVar("T")

_KEY_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Listing:
    """The statements of one list: `down` older than a key, newest first; `up` newer than a key, oldest first."""

    down: str
    up: str


def listing(name: str) -> Listing:
    """The statements `<name>_down` and `<name>_up`; their last two parameters are the key and the number of rows."""
    return Listing(query(f"{name}_down"), query(f"{name}_up"))


async def fetch_page(
    database: Database,
    statements: Listing,
    request: PageRequest,
    value_of: Callable[[asyncpg.Record], T],
    *arguments: object,
    key: str = "id",
) -> Page[T]:
    """One page of a list; `key` names the column by which it is walked."""
    if request.before is not None:
        rows = await database.pool.fetch(statements.up, *arguments, request.before, request.size + 1)
        rows.reverse()
    else:
        after = _KEY_MAX if request.after is None else request.after
        rows = await database.pool.fetch(statements.down, *arguments, after, request.size + 1)
    return page_of(request, [value_of(row) for row in rows], [row[key] for row in rows])
