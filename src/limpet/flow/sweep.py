"""What time does by itself: validity runs out, scheduled messages become due, doubts end, dead mappings are purged, months begin.

Nothing here is needed for correct answers: reads apply every limit themselves. It keeps promises that nobody asks about,
and tables small, at a bounded pace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from limpet.clock import Clock
from limpet.core.ids import BUCKETS, day_number
from limpet.core.status import Status
from limpet.flow.dispatch import Dispatcher
from limpet.flow.doubt import DoubtBook, Resolver
from limpet.flow.due import DueBinder
from limpet.flow.failure import Failures
from limpet.flow.health import HealthWatch
from limpet.flow.inbound import Inbounds
from limpet.flow.owed import Owed, Told
from limpet.flow.question import Questions
from limpet.flow.receipt import Receipts
from limpet.flow.worker import Loop
from limpet.store import (
    deactivations,
    deliveries,
    dispatch,
    erased_receipts,
    health,
    idempotency,
    links,
    media,
    mms,
    rebalances,
    receipts,
    refused,
    retention,
    sticky_bulk,
    sticky_by_hand,
    tallies,
)
from limpet.store.database import DATABASE_AWAY, Connection, Database
from limpet.store.sticky import PURGE_CHUNK, StickyStore, oldest_relevant_id

EXPIRE_MAX = 500
OBFUSCATE_MAX = 500
EVERY_SECOND_S = 1.0
RECEIPTS_S = 30.0
PARTS_S = 10.0
MINUTE_S = 60.0
DAY_S = 86_400.0
PURGE_FIRST_S = 300.0
BUCKET_PAUSE_S = 0.02
TROUBLE_PAUSE_S = 5.0
RESETS_KEPT = timedelta(days=1)
"""Nothing that was being written when a number was reset is still being written after this time."""
ORPHAN_DAYS = 8
"""Carriers repeat receipts for a day or two; one that nobody has claimed after this time is dropped."""
UNDO_KEPT = timedelta(days=30)
"""For so long imports and rebalances can be taken back."""
SETTLED_AT_ONCE = 100
_log = structlog.get_logger()


class Sweeps:
    """The loops of one process. `purge_rows_per_s` paces the walk over mappings, `patience_s` is how long a doubt may last."""

    def __init__(
        self, database: Database, sticky: StickyStore, dispatcher: Dispatcher, due: DueBinder, doubt: DoubtBook,
        resolver: Resolver, failures: Failures, owed: Owed, receipts_in: Receipts, inbounds: Inbounds, questions: Questions,
        health_watch: HealthWatch, clock: Clock, *, patience_s: float, purge_rows_per_s: int,
    ) -> None:  # fmt: skip
        self._database = database
        self._sticky = sticky
        self._dispatcher = dispatcher
        self._due = due
        self._doubt = doubt
        self._resolver = resolver
        self._failures = failures
        self._owed = owed
        self._receipts = receipts_in
        self._inbounds = inbounds
        self._questions = questions
        self._health = health_watch
        self._clock = clock
        self._patience_s = patience_s
        self._chunk_pause_s = PURGE_CHUNK / max(1, purge_rows_per_s)

    def loops(self) -> list[Loop]:
        """What has to run for as long as the server does."""
        return [
            partial(every, EVERY_SECOND_S, self.bind_due),
            partial(every, EVERY_SECOND_S, self.expire),
            partial(every, EVERY_SECOND_S, self.end_doubts),
            partial(every, EVERY_SECOND_S, self._health.fates.write),
            partial(every, RECEIPTS_S, self._receipts.look_at_kept),
            partial(every, PARTS_S, self.give_on),
            partial(every, MINUTE_S, self.recheck_held),
            partial(every, MINUTE_S, self.ask),
            partial(every, MINUTE_S, self._health.look),
            partial(every, DAY_S, self.housekeep),
            partial(every, DAY_S, self.purge, first_after_s=PURGE_FIRST_S),
        ]

    async def bind_due(self) -> None:
        """Bind scheduled messages whose time has come."""
        while await self._due.turn():
            pass

    async def expire(self) -> None:
        """Fail what has waited for longer than it is valid."""
        while True:
            count, owed = await self._failures.expire(EXPIRE_MAX)
            self._dispatcher.post_callbacks(owed)
            if not count:
                return

    async def give_on(self) -> None:
        """Give on texts whose missing parts have not come."""
        while await self._inbounds.give_on():
            pass

    async def end_doubts(self) -> None:
        """Let a second of bound time pass for those in doubt, and apply the policy where patience is over."""
        fleet = self._dispatcher.fleet
        bound = {name: EVERY_SECOND_S for name, running in fleet.running.items() if running.lane.bound}
        if over := self._doubt.tick(bound, self._patience_s):
            resolution = await self._resolver.resolve(over, self._clock.now())
            self._doubt.resolved(resolution.settled)
            self._doubt.hold(message.key for message in over)
            self._dispatcher.post_callbacks(resolution.owed)
            fleet.waiting(message.lane or "" for message in over)
        for lane, claim_id in self._doubt.take_finished():
            await self._database.transaction(partial(_forget, lane, claim_id))

    async def recheck_held(self) -> None:
        """Messages on hold may have been released by a person through another process."""
        if held := self._doubt.held():
            still = await self._resolver.still_in_doubt(held)
            self._doubt.resolved(message.key for message in held if message.key not in still)

    async def ask(self) -> None:
        """Ask carriers that can be asked after messages without a receipt."""
        await self._questions.ask()

    async def housekeep(self) -> None:
        """Make the coming months' partitions; forget receipts that nobody claimed, old keys, links, tries, lists, and numbers."""
        now = self._clock.now()
        await self._database.ensure_partitions(now)
        await receipts.forget_kept(self._database, oldest_relevant_id(now, ORPHAN_DAYS))
        await erased_receipts.purge(self._database, oldest_relevant_id(now, ORPHAN_DAYS))
        await media.purge_links(self._database, now)
        await links.purge(self._database, now)
        await mms.forget_seen(self._database, oldest_relevant_id(now, mms.REMEMBERED_DAYS))
        await deliveries.purge(self._database, now)
        await deactivations.purge(self._database, now.date())
        await refused.purge(self._database, day_number(now))
        await tallies.forget(self._database, day_number(now))
        await health.forget(self._database, now)
        await self.obfuscate()
        await self._settle(now)
        await idempotency.purge(self._database, oldest_relevant_id(now, idempotency.REMEMBERED_DAYS))

    async def _settle(self, now: datetime) -> None:
        """Forget what imports and rebalances need to be carried on with, or taken back, when nobody has touched them for long."""
        for settle in (sticky_bulk.settle, rebalances.settle):
            while await settle(self._database, now - UNDO_KEPT, SETTLED_AT_ONCE, now) == SETTLED_AT_ONCE:
                pass

    async def obfuscate(self) -> None:
        """Take out the numbers of people whose messages left long ago and never had a receipt."""
        while overdue := await retention.overdue(self._database, self._clock.now(), OBFUSCATE_MAX):
            told = [Told(message, Status.DELIVERED) for message in overdue]
            await self._database.transaction(partial(self._forget_numbers, told))

    async def _forget_numbers(self, told: list[Told], connection: Connection) -> None:
        await self._owed.forget(connection, told)

    async def purge(self) -> None:
        """Walk over all mappings once, at the configured pace, and delete those that no read honours any more."""
        gone, began = 0, self._clock.now()
        for bucket in range(BUCKETS):
            after: tuple[int, str] | None = (0, "")
            while after is not None:
                after, count = await self._sticky.purge_bucket_step(bucket, after, self._clock.now())
                gone += count
                await asyncio.sleep(self._chunk_pause_s if after is not None or count else BUCKET_PAUSE_S)
        await sticky_by_hand.forget_resets(self._database, began - RESETS_KEPT)
        _log.info("purged dead mappings", count=gone)


async def _forget(lane: str, claim_id: int, connection: Connection) -> None:
    await dispatch.claims_done(connection, lane, [claim_id])


async def every(seconds: float, work: Callable[[], Awaitable[None]], *, first_after_s: float = 0.0) -> None:
    """Run `work`, pause, and again; trouble with the database only makes the pause longer."""
    await asyncio.sleep(first_after_s)
    while True:
        try:
            await work()
        except DATABASE_AWAY as error:
            _log.warning("sweep put off", work=work.__name__, why=error)
            await asyncio.sleep(TROUBLE_PAUSE_S)
        await asyncio.sleep(seconds)
