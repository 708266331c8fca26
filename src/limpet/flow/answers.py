"""What carriers answered to submissions, written in batches: sent, to be tried again, failed, or in doubt.

A result is written only under the fence and the attempt of its claim: a late one changes nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from limpet.carrier.port import Refused, Result, Retry, Submitted, Unanswered, Unsent
from limpet.clock import Clock
from limpet.core.ids import id_time
from limpet.core.retry import ATTEMPTS_MAX, retry_delay_s
from limpet.core.status import Status
from limpet.flow.counts import Counts
from limpet.flow.doubt import DoubtBook
from limpet.flow.failure import Failures
from limpet.flow.lanes import Fleet, Flight, Running
from limpet.flow.owed import Owed, Told
from limpet.flow.worker import TROUBLE_PAUSE_S, Batcher
from limpet.store import dispatch
from limpet.store.callbacks import OwedCallback
from limpet.store.database import DATABASE_AWAY, Connection, Database, after_commit
from limpet.store.dispatch import Claim, Fenced, Key, Outgoing

_CODE = re.compile(r"0x[0-9a-fA-F]{1,8}|\d{1,6}\b|[A-Z][A-Z_]+\b")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Landed:
    """A carrier's answer with the flight that it ends."""

    running: Running
    flight: Flight
    result: Result


@dataclass(slots=True)
class _Sorted:
    """Answers by what has to be written. What goes `again` without having been tried keeps its place in the queue: it is due
    since it was made."""

    sent: list[tuple[Fenced, Sequence[str]]] = field(default_factory=list)
    again: list[tuple[Fenced, datetime, bool]] = field(default_factory=list)
    failed: list[tuple[Fenced, int]] = field(default_factory=list)
    doubt: list[tuple[Key, int, Sequence[str]]] = field(default_factory=list)


@dataclass(slots=True)
class _Settled:
    """What one transaction of answers left to do after its commit."""

    owed: list[OwedCallback] = field(default_factory=list)
    in_doubt: list[tuple[Claim, list[Outgoing]]] = field(default_factory=list)


class Answers:
    """Writes answers. `chance` answers a number in [0, 1) and spreads retries; the `on_` and `after_` calls follow the commit."""

    def __init__(
        self, database: Database, fleet: Fleet, doubt: DoubtBook, owed: Owed, failures: Failures, clock: Clock,
        new_id: Callable[[datetime], int], chance: Callable[[], float],
    ) -> None:  # fmt: skip
        self._database = database
        self._fleet = fleet
        self._doubt = doubt
        self._owed = owed
        self._failures = failures
        self._clock = clock
        self._new_id = new_id
        self._chance = chance
        self._batcher: Batcher[Landed, None] = Batcher(self._write_results)
        self.counts = Counts()
        self.on_told: Callable[[Sequence[Told], datetime], None] = lambda _told, _now: None
        self.on_owed: Callable[[Sequence[OwedCallback]], None] = lambda _owed: None
        self.after_sent: Callable[[Sequence[tuple[Outgoing, Sequence[str]]]], None] = lambda _sent: None
        self.after_doubt: Callable[[Sequence[Outgoing]], None] = lambda _messages: None

    def put(self, landed: Sequence[Landed]) -> None:
        """Answers, to be written in the next batch. Until then nothing overtakes a message that was not taken."""
        for one in landed:
            if not isinstance(one.result, Submitted):
                self._doubt.came_back(one.flight.message)
        self._batcher.add(landed)

    async def stop_claimed(
        self, connection: Connection, messages: Sequence[Outgoing], error_code: int, now: datetime
    ) -> list[OwedCallback]:
        """Fail messages that were claimed in this transaction and may not leave; answers the callbacks owed."""
        fenced = [(Fenced(*message.key, message.fence or 0, message.attempt), error_code) for message in messages]
        failed = await dispatch.fail(connection, fenced, [Status.SENDING], now)
        codes = dict.fromkeys((m.key for m in failed), error_code)
        told = await self._failures.follow(connection, failed, codes, now, by_us=True)
        return await self._owed.write(connection, told, now)

    async def idle(self) -> None:
        """Wait until all answers that have come are written."""
        await self._batcher.idle()

    async def _write_results(self, batch: list[Landed]) -> Sequence[None]:
        """Write a batch of answers; while the database is away they wait here, bounded by the lanes' windows."""
        while True:
            try:
                await self._settle(batch)
            except DATABASE_AWAY as error:
                _log.warning("answers not written yet", count=len(batch), why=error)
                await asyncio.sleep(TROUBLE_PAUSE_S)
            except Exception:
                if len(batch) == 1:
                    self._doubt.written(batch[0].flight.message)
                raise
            else:
                return [None] * len(batch)

    async def _settle(self, batch: list[Landed]) -> None:
        now = self._clock.now()
        plan = self._sort(batch, now)
        claims: dict[str, list[int]] = {}
        for landed in batch:
            claims.setdefault(landed.running.lane.name, []).append(landed.flight.claim_id)

        async def work(connection: Connection) -> _Settled:
            settled = await self._write_sorted(connection, batch, plan, now)
            for lane, claim_ids in claims.items():
                if finished := self._fleet.running[lane].finished(claim_ids):
                    await dispatch.claims_done(connection, lane, finished)
            return settled

        settled = await self._database.transaction(work)
        self.counts.batch("answers", len(batch))
        for lane, claim_ids in claims.items():
            self._fleet.running[lane].settle(claim_ids)
        for landed in batch:
            if not isinstance(landed.result, Submitted):
                self._doubt.written(landed.flight.message)
        for claim, messages in settled.in_doubt:
            self._doubt.add(claim, messages)
            self.after_doubt(messages)
        self.on_owed(settled.owed)
        self._fleet.waiting(landed.running.lane.name for landed in batch if isinstance(landed.result, Refused | Unsent))
        self.after_sent(
            [(x.flight.message, x.result.carrier_message_ids) for x in batch if isinstance(x.result, Submitted)]
        )

    def _sort(self, batch: list[Landed], now: datetime) -> _Sorted:
        plan = _Sorted()
        for landed in batch:
            message, result = landed.flight.message, landed.result
            fenced = Fenced(*message.key, message.fence or 0, message.attempt)
            match result:
                case Submitted():
                    plan.sent.append((fenced, result.carrier_message_ids))
                case Refused():
                    self._sort_refused(plan, message, fenced, result, now)
                case Unanswered():
                    plan.doubt.append((message.key, message.fence or 0, result.carrier_message_ids))
                case Unsent():
                    plan.again.append((fenced, id_time(message.key.id), True))
        return plan

    def _sort_refused(self, plan: _Sorted, message: Outgoing, fenced: Fenced, refused: Refused, now: datetime) -> None:
        _log.info(
            "carrier refused",
            lane=message.lane,
            code=refused.error_code,
            detail=_word(refused.detail),
            retry=str(refused.retry),
            attempt=message.attempt,
        )
        if refused.retry is Retry.NEVER or message.attempt >= ATTEMPTS_MAX:
            plan.failed.append((fenced, refused.error_code))
            return
        if refused.retry is Retry.SLOWER:
            plan.again.append((fenced, id_time(message.key.id), True))
        else:
            due_at = now + timedelta(seconds=retry_delay_s(message.attempt, self._chance()))
            plan.again.append((fenced, due_at, False))

    async def _write_sorted(
        self, connection: Connection, batch: list[Landed], plan: _Sorted, now: datetime
    ) -> _Settled:
        told: list[Told] = []
        settled = _Settled()
        if plan.sent:
            took = await dispatch.sent(connection, plan.sent, now)
            told += [Told(x.flight.message, Status.SENT) for x in batch if x.flight.message.key in took]
        if plan.again:
            await dispatch.requeue(connection, plan.again)
        if plan.failed:
            failed = await dispatch.fail(connection, plan.failed, [Status.SENDING], now)
            told += await self._failures.follow(
                connection, failed, {Key(f.bucket, f.id): c for f, c in plan.failed}, now
            )
        if plan.doubt:
            settled.in_doubt = await self._note_doubts(connection, plan.doubt, now)
        settled.owed = await self._owed.write(connection, told, now)
        after_commit(partial(self.on_told, told, now))
        return settled

    async def _note_doubts(
        self, connection: Connection, unanswered: list[tuple[Key, int, Sequence[str]]], now: datetime
    ) -> list[tuple[Claim, list[Outgoing]]]:
        """Mark messages as in doubt, and give them a claim of their own, so that a crash while they wait forgets none."""
        by_lane_and_fence: dict[tuple[str, int], list[Outgoing]] = {}
        for message in await dispatch.doubt(connection, unanswered, now):
            by_lane_and_fence.setdefault((message.lane or "", message.fence or 0), []).append(message)
        return [
            (await dispatch.note(connection, self._new_id(now), lane, fence, messages), messages)
            for (lane, fence), messages in by_lane_and_fence.items()
        ]


def _word(detail: str) -> str:
    """The carrier's own code, such as ESME_RTHROTTLED or 400: what it says beside may tell of the person or the text."""
    found = _CODE.match(detail)
    return found[0] if found else ""
