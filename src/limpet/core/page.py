"""Pages of a list by key: what a client asked for and what it gets, for both of Twilio's paging styles.

Lists are walked by key, never by offset, so that page 1,000 costs what page 1 costs. Newest first: `after` a key means older.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 1000
_TOKEN = re.compile(r"P([AB])(\d{1,20})")
_KEY_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`after` and `before` are keys of rows seen; at most one of them is set. `number` is only shown back."""

    size: int = PAGE_SIZE_DEFAULT
    number: int = 0
    after: int | None = None
    before: int | None = None
    token: str | None = None
    """The page's own token, in lists that are not walked by whole numbers."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows, and the tokens of the neighbouring pages where there are any."""

    items: tuple[T, ...]
    next_token: str | None
    previous_token: str | None


def parse_token(token: str) -> tuple[int | None, int | None] | None:
    """`(after, before)` of a page token; None when it is not one of ours."""
    match = _TOKEN.fullmatch(token)
    if not match or int(match[2]) > _KEY_MAX:
        return None
    key = int(match[2])
    return (key, None) if match[1] == "A" else (None, key)


def page_of(request: PageRequest, rows: list[T], keys: list[int]) -> Page[T]:
    """Make the page from up to `size + 1` rows, newest first as shown: one row too many proves that there is a further page.

    When going back (`before`), the extra row is the first; otherwise it is the last.
    """
    extra = len(rows) > request.size
    if request.before is not None:
        rows, keys = rows[-request.size :], keys[-request.size :]
        older, newer = bool(rows), extra
    else:
        rows, keys = rows[: request.size], keys[: request.size]
        older, newer = extra, request.after is not None and bool(rows)
    return Page(tuple(rows), f"PA{keys[-1]}" if older else None, f"PB{keys[0]}" if newer else None)
