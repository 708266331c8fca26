"""The two envelopes in which Twilio's lists travel.

Source: twilio.com/docs/usage/twilios-response#pagination, and what official clients follow: the 2010 API names pages by absolute
paths, which a client puts behind its base URL; v1 names them by absolute URLs, which it fetches as they are, with credentials.
It knows no rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlencode

from limpet.core.page import Page, PageRequest
from limpet.twilio.forms import Form
from limpet.twilio.lists import PAGING
from limpet.twilio.resources import Json

T = TypeVar("T")


def page_2010(key: str, items: Sequence[Json], page: Page[T], request: PageRequest, path: str, query: Form) -> Json:
    """A page of the 2010 API. No further key may stand beside the list: a client takes the one it does not know for the list."""
    at = _Places(page, request, path, query)
    start = request.number * request.size
    return {
        key: items,
        "end": start + max(len(items) - 1, 0),
        "first_page_uri": at.first,
        "next_page_uri": at.next,
        "page": request.number,
        "page_size": request.size,
        "previous_page_uri": at.previous,
        "start": start,
        "uri": at.own,
    }


def page_v1(key: str, items: Sequence[Json], page: Page[T], request: PageRequest, url: str, query: Form) -> Json:
    """A page of the v1 API; `url` is the list's own, absolute and without a query."""
    at = _Places(page, request, url, query)
    return {
        key: items,
        "meta": {
            "first_page_url": at.first,
            "key": key,
            "next_page_url": at.next,
            "page": request.number,
            "page_size": request.size,
            "previous_page_url": at.previous,
            "url": at.own,
        },
    }


class _Places:
    """Where a page and its neighbours are: the list, its filters as they were given, then the paging parameters."""

    def __init__(self, page: Page[T], request: PageRequest, base: str, query: Form) -> None:
        self._base, self._size = base, request.size
        self._filters = [(name, value) for name, values in query.items() if name not in PAGING for value in values]
        self.first = self._place(0, None)
        self.own = self._place(request.number, _own_token(request))
        self.next = self._place(request.number + 1, page.next_token) if page.next_token else None
        self.previous = self._place(max(request.number - 1, 0), page.previous_token) if page.previous_token else None

    def _place(self, number: int, token: str | None) -> str:
        paging = [("PageSize", str(self._size)), ("Page", str(number))]
        return f"{self._base}?{urlencode([*self._filters, *paging, *([('PageToken', token)] if token else [])])}"


def _own_token(request: PageRequest) -> str | None:
    if request.token is not None:
        return request.token
    if request.after is not None:
        return f"PA{request.after}"
    return None if request.before is None else f"PB{request.before}"
