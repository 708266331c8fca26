"""Lists of mappings and of their events, each page at a bounded cost however many there are.

Mappings have no index but their key, so a list of them is a walk in the order of the key: bucket by bucket, and within each by
the recipient (decision 0024). A page looks at so many rows at most. It may be short, or even empty, and still have a next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from limpet.core.ids import BUCKETS, date_day, day_number
from limpet.core.model import Service
from limpet.core.page import Page, PageRequest
from limpet.core.sticky import PROVISIONAL_DAYS, EventKind, Origin, Pin
from limpet.core.sticky_flags import ORIGIN_BITS, PIN_BITS
from limpet.store.database import Connection
from limpet.store.queries import query
from limpet.store.sticky import OF_ALL, MappingKey, MappingView, StickyEvent, StickyStore, view_of

LOOKED_AT_MAX = 4000
"""Mappings that one statement of a walk looks at."""
STEPS_MAX = 8
"""Statements of a page."""
WIDER = 4
"""So many times as many buckets are asked once the ones before had few mappings: six statements get through all of them."""
EVENTS_LOOKED_AT_MAX = 20_000
_KEY_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class MappingFilter:
    """Which mappings. `sender` is a number that is or was in the pool; of `pins` any; `used_before` is a UTC day."""

    sender: str | None = None
    pins: tuple[Pin, ...] | None = None
    used_before: date | None = None
    origin: Origin | None = None

    @property
    def chooses(self) -> bool:
        """Whether some mappings may not fit."""
        return self != MappingFilter()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk goes on: behind `after` in `bucket`, which is empty at its beginning."""

    bucket: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True)
class MappingPage:
    """Mappings as shown, and where the next page goes on: None when there is none."""

    items: tuple[MappingView, ...]
    next: Place | None


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event with what is needed to name its message; `media` is None when the message is gone."""

    event: StickyEvent
    media: bool | None


async def page(
    store: StickyStore, service: Service, wanted: MappingFilter, size: int, start: Place, now: datetime
) -> MappingPage:
    """One page of a service's mappings, in the order of their keys."""
    async with store.database.pool.acquire() as connection:
        members = None
        if wanted.sender is not None:
            members = await members_of(connection, service, wanted.sender)
        walk = _Walk(connection, service, wanted, members, size, now)
        return await walk.go(start) if members != [] else MappingPage((), None)


async def members_of(connection: Connection, service: Service, number: str) -> list[int]:
    """The memberships that a number has or had in a service, or in any of its space."""
    rows = await connection.fetch(query("members_of_address"), service.id, service.scope.id, number)
    return [row["id"] for row in rows]


async def find_hidden(store: StickyStore, service: Service, bucket: int, begin: str, end: str) -> MappingKey | None:
    """Where the mapping under a pseudonym is that begins so; None where there is none."""
    found = await store.database.pool.fetchval(query("sticky_find_hidden"), bucket, service.scope.id, begin, end)
    return None if found is None else MappingKey(bucket, service.scope.id, found)


class _Walk:
    """One page's way through the buckets."""

    def __init__(
        self, connection: Connection, service: Service, wanted: MappingFilter, members: list[int] | None, size: int,
        now: datetime,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._service = service
        self._size = size
        self._now = now
        self._looked_at = LOOKED_AT_MAX if wanted.chooses else min(LOOKED_AT_MAX, size + 1)
        self._found: list[MappingView] = []
        self._filters = (
            members,
            None if wanted.pins is None else [PIN_BITS[pin] for pin in wanted.pins],
            None if wanted.used_before is None else date_day(wanted.used_before),
            None if wanted.origin is None else ORIGIN_BITS[wanted.origin],
        )

    async def go(self, place: Place) -> MappingPage:
        """Walk until the page is full, the work is enough or the last bucket is over."""
        width = 1
        end: Place | None = place
        for _ in range(STEPS_MAX):
            end, width = await self._step(place, width)
            if end is None or len(self._found) > self._size:
                break
            place = end
        if len(self._found) > self._size:
            last = self._found[self._size - 1].key
            return MappingPage(tuple(self._found[: self._size]), Place(last.bucket, last.recipient))
        return MappingPage(tuple(self._found), end)

    async def _step(self, place: Place, width: int) -> tuple[Place | None, int]:
        """Ask `width` buckets: where to go on, and how many to ask then. A bucket with more than could be looked at ends it."""
        buckets = list(range(place.bucket, min(place.bucket + width, BUCKETS)))
        each = max(1, min(self._looked_at, LOOKED_AT_MAX // len(buckets)))
        rows = await self._connection.fetch(
            query("sticky_walk"), buckets, [place.after, *[""] * (len(buckets) - 1)], self._service.scope.id, each,
            self._size + 1, day_number(self._now) - PROVISIONAL_DAYS, *self._filters,
        )  # fmt: skip
        for row in rows:
            if row["fits"]:
                self._found.append(view_of(row, row["recipient"], self._service, self._now))
            if row["cut"] or len(self._found) > self._size:
                return Place(row["bucket"], row["recipient"]), 1
        following = buckets[-1] + 1
        return (Place(following) if following < BUCKETS else None), width * WIDER


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; `sender` is the number before or after."""

    sender: str | None = None
    kind: EventKind | None = None


async def events_of_person(
    store: StickyStore, service: Service, recipient: str, wanted: EventFilter, request: PageRequest
) -> Page[ShownEvent]:
    """A person's events within a service, newest first, under the number and under the pseudonym."""
    key = store.key(service, recipient)
    names = [recipient, store.hidden(key).recipient]
    rows = await store.database.pool.fetch(
        query("sticky_events_of_person_down"), key.bucket, names, key.service_id, _after(request), request.size + 1,
        wanted.sender, wanted.kind,
    )  # fmt: skip
    return _page(rows, request, 0)


async def events(
    store: StickyStore, service: Service, wanted: EventFilter, request: PageRequest
) -> Page[ShownEvent]:  # fmt: skip
    """A service's events, newest first."""
    chooses = wanted != EventFilter()
    looked_at = EVENTS_LOOKED_AT_MAX if chooses else request.size + 1
    rows = await store.database.pool.fetch(
        query("sticky_events_down"),
        service.scope.id,
        _after(request),
        looked_at,
        request.size + 1,
        wanted.sender,
        wanted.kind,
    )
    return _page(rows, request, looked_at)


def _after(request: PageRequest) -> int:
    return _KEY_MAX if request.after is None else request.after


def _page(rows: Sequence[asyncpg.Record], request: PageRequest, looked_at: int) -> Page[ShownEvent]:
    """A page, with a next one where there is a row too many, or where looking ended before the events did."""
    fitting = [row for row in rows if row["fits"]]
    shown = fitting[: request.size]
    token = None
    if len(fitting) > request.size:
        token = f"PA{shown[-1]['id']}"
    elif rows and looked_at and rows[-1]["place"] == looked_at:
        token = f"PA{rows[-1]['id']}"
    return Page(tuple(_shown(row) for row in shown), token, None)


def _shown(row: asyncpg.Record) -> ShownEvent:
    event = StickyEvent(
        MappingKey(row["bucket"], row["service_id"], row["recipient"]), row["id"], EventKind(row["kind"]), row["cause"],
        row["sender_before"], row["sender_after"], row["message_id"], row["actor"], row["reason"],
    )  # fmt: skip
    return ShownEvent(event, None if row["num_media"] is None else row["num_media"] > 0)


def is_of_all(event: StickyEvent) -> bool:
    """Whether an event concerns everybody of a number or a service."""
    return event.key.recipient == OF_ALL
