"""How numbers fare: counted in the batches that write what became of messages, and looked at once a minute.

Nothing is asked or written for a message that is submitted. A number that begins to fail, or is well again, changes its pool and
leaves an event, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

import structlog

from limpet.clock import Clock
from limpet.core.health import (
    FILTERED,
    NOTHING,
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
_DELIVERED, _UNDELIVERED, _FILTERED = Counts(1), Counts(0, 1), Counts(0, 1, 1)


def counts_of(told: Iterable[Told]) -> dict[int, Counts]:
    """What final statuses say of the members that the messages came from (S-91). Messages of no service say nothing of a pool."""
    counts: dict[int, Counts] = {}
    for one in told:
        if (member := one.message.member_id) is not None and (more := _counted(one)) is not None:
            counts[member] = counts.get(member, NOTHING).plus(more)
    return counts


def _counted(told: Told) -> Counts | None:
    if told.status is Status.DELIVERED:
        return _DELIVERED
    if told.status in (Status.UNDELIVERED, Status.FAILED):
        return _FILTERED if told.error_code == FILTERED else _UNDELIVERED
    return None


async def count(connection: Connection, told: Iterable[Told], now: datetime) -> None:
    """Count them, the last thing that a transaction does."""
    if counts := counts_of(told):
        await health.count(connection, hour_number(now), counts)


class HealthWatch:
    """Looks at the numbers that were used of late. `post` takes events that are committed."""

    def __init__(
        self, database: Database, events: Events, clock: Clock, post: Callable[[Sequence[OwedCallback]], None]
    ) -> None:
        self._database = database
        self._events = events
        self._clock = clock
        self._post = post

    async def look(self) -> None:
        """Mark those that fail, and those that are well again (S-92, S-93)."""
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
