"""How numbers fare: counted as it becomes known what became of messages, written once a second, and looked at once a minute.

Nothing is asked or written for a message by itself. A number that begins to fail, or is well again, changes its pool and
leaves an event, in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from functools import partial

import structlog

from limpet.clock import Clock
from limpet.core.health import (
    FILTERED,
    Complaint,
    Counts,
    Health,
    Windows,
    complaint,
    hour_number,
    turn,
    windows,
)
from limpet.core.status import Status
from limpet.flow.events import Events
from limpet.flow.owed import Told
from limpet.store import health
from limpet.store.callbacks import OwedCallback
from limpet.store.database import Connection, Database, after_commit
from limpet.store.health import MemberHealth
from limpet.twilio.health_resource import health_event

_log = structlog.get_logger()
FATES = frozenset({Status.DELIVERED, Status.UNDELIVERED, Status.FAILED})


class Fate(Enum):
    """What may become of a message."""

    DELIVERED = auto()
    UNDELIVERED = auto()
    FILTERED = auto()


class Fates:
    """What became of messages, by member and hour (S-91), until it is written: once a second, since every message's transaction
    would touch the rows of its number. A process that dies takes the last second along."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted: Counter[tuple[int, int, Fate]] = Counter()

    def add(self, told: Iterable[Told], now: datetime) -> None:
        """Count the final ones among changes that are committed. Messages of no service say nothing of a pool."""
        hour = hour_number(now)
        for one in told:
            if one.status in FATES and (member := one.message.member_id) is not None:
                self._counted[hour, member, _fate(one)] += 1

    async def write(self) -> None:
        """Write what was counted. Without the database it is kept; whether a commit that nobody confirmed came about is not
        known, and then the same is counted twice."""
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        try:
            await self._database.transaction(lambda connection: health.count(connection, counts_of(counted)))
        except BaseException:
            self._counted.update(counted)
            raise


def counts_of(counted: Mapping[tuple[int, int, Fate], int]) -> dict[tuple[int, int], Counts]:
    """Counts by hour and member."""
    return {
        (hour, member): Counts(
            counted.get((hour, member, Fate.DELIVERED), 0),
            sum(counted.get((hour, member, fate), 0) for fate in (Fate.UNDELIVERED, Fate.FILTERED)),
            counted.get((hour, member, Fate.FILTERED), 0),
        )
        for hour, member in sorted({(hour, member) for hour, member, _ in counted})
    }


def _fate(told: Told) -> Fate:
    if told.status is Status.DELIVERED:
        return Fate.DELIVERED
    return Fate.FILTERED if told.error_code == FILTERED else Fate.UNDELIVERED


class HealthWatch:
    """Looks at the numbers that were used of late. `post` takes events that are committed."""

    def __init__(
        self, database: Database, fates: Fates, events: Events, clock: Clock, post: Callable[[Sequence[OwedCallback]], None]
    ) -> None:  # fmt: skip
        self._database = database
        self.fates = fates
        self._events = events
        self._clock = clock
        self._post = post

    async def look(self) -> None:
        """Mark those that fail, and those that are well again (S-92, S-93)."""
        await self.fates.write()
        now = self._clock.now()
        for member in await health.active(self._database, now):
            seen = windows(member.hours, now)
            found = complaint(seen, member.policy)
            if (new := turn(found, member.failing_since, now)) is not None:
                await self._database.transaction(partial(self._turn, member, new, found, seen, now))

    async def _turn(
        self, member: MemberHealth, new: Health, why: Complaint | None, seen: Windows, now: datetime,
        connection: Connection,
    ) -> None:  # fmt: skip
        if not await health.mark(connection, member, now if new is Health.UNHEALTHY else None):
            return
        _log.warning(
            "number health", number=member.address, service=member.service_sid, now=str(new), why=why and str(why)
        )
        event = health_event(
            new, why, seen, account_sid=member.account_sid, service_sid=member.service_sid, sender_sid=member.sender_sid,
            phone_number=member.address, at=now,
        )  # fmt: skip
        owed = await self._events.owe(connection, member.account_id, [event], now)
        if owed:
            after_commit(partial(self._post, owed))
