"""Owning lanes: each is leased by one process, and what a former owner left unanswered is taken over before anything else.

Leases are judged by the database's clock; this process trusts its own by monotonic time. It does not know what is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from limpet.clock import Clock
from limpet.core.status import Status
from limpet.flow.doubt import DoubtBook
from limpet.flow.lanes import Running
from limpet.flow.worker import TROUBLE_PAUSE_S
from limpet.store import dispatch
from limpet.store.database import DATABASE_AWAY, Connection, Database
from limpet.store.dispatch import Claim, Fenced, Lanes, Outgoing

_log = structlog.get_logger()


class Leases:
    """Keeps this process's leases. `take_over`: nobody else can be alive, so a former run's lease counts for nothing."""

    def __init__(
        self, database: Database, lanes: Lanes, doubt: DoubtBook, clock: Clock, new_id: Callable[[datetime], int], *,
        take_over: bool,
    ) -> None:  # fmt: skip
        self._database = database
        self._lanes = lanes
        self._doubt = doubt
        self._clock = clock
        self._new_id = new_id
        self._take_over = take_over
        self._stopping = False
        self.after_doubt: Callable[[Sequence[Outgoing]], None] = lambda _messages: None
        """Hears of messages that are in doubt from now on: a receipt that a former owner kept may speak of one."""

    async def keep(self, running: Running, term: timedelta) -> None:
        """Take a lane when it is free and renew its lease at a third of the term; give it up when renewal fails for too long."""
        pause_s = term.total_seconds() / 3
        good_until_s = 0.0
        while True:
            try:
                await self._renew(running)
            except DATABASE_AWAY as error:
                _log.warning("lease not renewed", lane=running.lane.name, why=error)
                if running.fence is not None and self._clock.monotonic() > good_until_s:
                    await self._own(running, None)
                await asyncio.sleep(min(pause_s, TROUBLE_PAUSE_S))
            else:
                good_until_s = self._clock.monotonic() + 2 * pause_s
                await asyncio.sleep(pause_s)

    async def _renew(self, running: Running) -> None:
        if not self._stopping:
            take_over = self._take_over and running.fence is None
            await self._own(running, await self._lanes.lease(running.lane.name, take_over=take_over))
            await self._clear_suspects(running)

    async def _clear_suspects(self, running: Running) -> None:
        """Claims whose commit was never confirmed: where they stand, their messages go back to the queue, since none was sent."""
        suspects, lane, now = list(running.suspects), running.lane.name, self._clock.now()
        if not suspects:
            return

        async def work(connection: Connection) -> int:
            messages = await dispatch.by_key(connection, [key for claim in suspects for key in claim.keys])
            fences = {key: claim.fence for claim in suspects for key in claim.keys}
            stuck = [
                m
                for m in messages
                if m.status == Status.SENDING and m.fence == fences[m.key] and m.key not in running.in_flight
            ]
            if stuck:
                await dispatch.requeue(
                    connection, [(Fenced(*m.key, m.fence or 0, m.attempt), now, True) for m in stuck]
                )
            await dispatch.claims_done(connection, lane, [claim.id for claim in suspects])
            return len(stuck)

        if count := await self._database.transaction(work):
            _log.warning("claims found whose commit was not confirmed", lane=lane, count=count)
        running.suspects = [claim for claim in running.suspects if claim not in suspects]
        running.backlog = True
        running.nudge.ring()

    def stop(self) -> None:
        """Take and renew nothing any more."""
        self._stopping = True

    async def release(self, running: Running) -> None:
        """Let the next owner have the lane at once."""
        running.fence = None
        await self._lanes.release(running.lane.name)

    async def _own(self, running: Running, fence: int | None) -> None:
        """The lane is ours under `fence`, or not ours."""
        before, running.fence = running.fence, fence if fence == running.fence else None
        if fence is None and before is not None:
            _log.warning("lane given up", lane=running.lane.name)
            await running.lane.stop(0.0)
        elif fence is not None and fence != before:
            await self._recover(running, fence)
            running.fence = fence
            await running.lane.start()
            running.nudge.ring()

    async def _recover(self, running: Running, fence: int) -> None:
        """What former owners claimed and never saw answered is in doubt; it is adopted before the first receipt can come in."""
        now, name = self._clock.now(), running.lane.name

        async def work(connection: Connection) -> tuple[Claim, list[Outgoing]]:
            left = await dispatch.claims_left(connection, name, fence)
            keys = [key for _, group in left for key in group]
            adopted = await dispatch.adopt(connection, keys, name, fence, now) if keys else []
            claim = await dispatch.note(connection, self._new_id(now), name, fence, adopted)
            await dispatch.claims_done(connection, name, [claim_id for claim_id, _ in left])
            return claim, adopted

        claim, adopted = await self._database.transaction(work)
        if adopted:
            _log.warning("messages in doubt after a crash", lane=name, count=len(adopted))
        self._doubt.add(claim, adopted)
        self.after_doubt(adopted)
