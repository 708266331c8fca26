"""Messages in doubt, looked at and released by a person: sent again or given up, before their service's policy says so.

The process that is asked need not own the message's lane: the row's fence and attempt decide, and the owner finds out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from limpet.clock import Clock
from limpet.core.model import InDoubtPolicy
from limpet.core.page import Page, PageRequest
from limpet.core.status import Status
from limpet.flow.doubt import DoubtBook, Resolver
from limpet.flow.lanes import Fleet
from limpet.store import submissions
from limpet.store.callbacks import OwedCallback
from limpet.store.database import Database
from limpet.store.submissions import Submitted

_log = structlog.get_logger()


class Releases:
    """What doors ask. `post` takes callbacks that are committed."""

    def __init__(
        self, database: Database, resolver: Resolver, doubt: DoubtBook, fleet: Fleet, clock: Clock,
        post: Callable[[Sequence[OwedCallback]], None],
    ) -> None:  # fmt: skip
        self._database = database
        self._resolver = resolver
        self._doubt = doubt
        self._fleet = fleet
        self._clock = clock
        self._post = post

    async def fetch(self, account_id: int, bucket: int, message_id: int) -> Submitted | None:
        """An account's message as its carrier knows it."""
        return await submissions.fetch(self._database, account_id, bucket, message_id)

    async def page(self, account_id: int, request: PageRequest) -> Page[Submitted]:
        """An account's messages in doubt, newest first."""
        return await submissions.in_doubt(self._database, account_id, request)

    async def release(self, found: Submitted, policy: InDoubtPolicy) -> bool:
        """Send a message in doubt again, or give it up (30008); False where it is not in doubt, or no more."""
        if found.in_doubt_at is None or Status(found.message.status) is not Status.SENDING:
            return False
        done = await self._resolver.settle([(found.message, policy)], self._clock.now())
        self._doubt.resolved(done.settled)
        self._post(done.owed)
        self._fleet.waiting([found.message.lane or ""])
        _log.info("doubt resolved by hand", lane=found.message.lane, policy=str(policy), settled=len(done.settled))
        return bool(done.settled)
