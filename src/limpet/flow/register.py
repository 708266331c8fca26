"""Asks the registrar, and carries out what it answers: brands, campaigns, verifications, and each number with its campaign.

A job is claimed before a byte leaves. One that was being sent when its process died is in doubt: the registrar is asked what it
knows of the key before it is asked again, and again under the same key. So nothing is registered twice, and nothing forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from limpet.clock import Clock
from limpet.core.registration import TMOBILE_NUMBERS_MAX, Event
from limpet.flow.registered import settle_brand, settle_campaign, settle_order, settle_verification
from limpet.flow.worker import TROUBLE_PAUSE_S, Loop
from limpet.registrar.port import Answer, Approved, Pending, Registrar, Rejected, Request, Subject, Trouble, Unknown
from limpet.store import registration_jobs as jobs
from limpet.store.database import DATABASE_AWAY, Connection, Database
from limpet.store.queries import query
from limpet.store.registration_jobs import Asked, Job, JobState, Order, Settled, Verdict
from limpet.store.registrations import SWEPT_MAX, Move, RegistrationBook, hold, registration_of

CLAIM_MAX: Final = 50
LEASE: Final = timedelta(seconds=60)
"""Longer than any exchange with a registrar may take (`registration.timeout_s`)."""
POLL_FIRST_S, POLL_MAX_S, POLL_SHARE = 1.0, 600.0, 0.25
"""What is undecided is asked for again after a quarter of its age."""
RETRY_FIRST_S, RETRY_MAX_S = 2.0, 900.0
EVERY_S = 1.0
SWEEP_EVERY = 10
_ORDERS = frozenset(Order)
_NUMBERS = frozenset({Subject.NUMBER, Subject.NUMBER_REMOVAL})
_ASKED: Mapping[Subject, Callable[[Connection, int, str], Awaitable[Asked | None]]] = {
    Subject.BRAND: jobs.asked_brand,
    Subject.CAMPAIGN: jobs.asked_campaign,
    Subject.CAMPAIGN_REMOVAL: jobs.asked_campaign,
    Subject.NUMBER: jobs.asked_number,
    Subject.NUMBER_REMOVAL: jobs.asked_number,
    Subject.TOLLFREE: jobs.asked_verification,
}
_log = structlog.get_logger()


class Registering:
    """The loop of one process. `patience` is how long a number may be pending before it counts as failed."""

    def __init__(
        self, database: Database, registrar: Registrar, book: RegistrationBook, clock: Clock, patience: timedelta
    ) -> None:
        self._database = database
        self._registrar = registrar
        self._book = book
        self._clock = clock
        self._patience = patience

    def loops(self) -> list[Loop]:
        """What has to run for as long as the server does."""
        return [self.run]

    async def run(self) -> None:
        """Turn after turn; trouble with the database only makes the pause longer."""
        count = 0
        while True:
            try:
                if count % SWEEP_EVERY == 0:
                    await self.sweep()
                await self.turn()
                await asyncio.sleep(EVERY_S)
            except DATABASE_AWAY as error:
                _log.warning("registrations put off", why=error)
                await asyncio.sleep(TROUBLE_PAUSE_S)
            count += 1

    async def turn(self) -> int:
        """Ask for what is due, and carry out the answers; answers how many jobs there were."""
        now = self._clock.now()
        claimed = await jobs.claim(self._database, now, now + LEASE, CLAIM_MAX)
        for failed in await asyncio.gather(*map(self._perform, claimed), return_exceptions=True):
            if isinstance(failed, BaseException) and not isinstance(failed, DATABASE_AWAY):
                raise failed
        return len(claimed)

    async def sweep(self) -> None:
        """What time does, and what a race may have left: overdue answers, numbers that wait for nothing."""
        now = self._clock.now()
        rows = await self._database.pool.fetch(query("registrations_overdue"), now - self._patience, SWEPT_MAX)
        for row in rows:
            await self._database.transaction(partial(self._time_out, row["id"], now))
        found = await self._database.pool.fetch(query("registrations_ready_addresses"), SWEPT_MAX)
        in_vain = await self._database.pool.fetch(query("numbers_held_in_vain"), SWEPT_MAX)
        if addresses := sorted({row["address"] for row in [*found, *in_vain]}):
            await self._database.transaction(partial(self._unbind, addresses, now))

    async def _time_out(self, registration_id: int, now: datetime, connection: Connection) -> None:
        row = await connection.fetchrow(query("registration_by_id"), registration_id)
        assert row is not None, "registrations are never deleted"
        await hold(connection, [row["address"]], [row["service_id"]])
        row = await connection.fetchrow(query("registration_by_id"), registration_id)
        if row is not None and row["updated_at"] <= now - self._patience:
            why = f"No answer within {self._patience.days} days"
            await self._book.move(connection, [Move(registration_of(row), Event.TIME_OUT, why)], now)

    async def _unbind(self, addresses: Sequence[str], now: datetime, connection: Connection) -> None:
        await hold(connection, addresses, ())
        await self._book.unbind(connection, addresses, now)

    # ── one job ──

    async def _perform(self, job: Job) -> None:
        answer = await self._answer(job)
        if isinstance(answer, Trouble):
            _log.warning("registrar in trouble", job=job.kind, attempt=job.attempt, why=answer.why)
        await self._database.transaction(partial(self._settle, job, answer))

    async def _answer(self, job: Job) -> Answer | None:
        """What the registrar says, or who may speak in its place; None when there is nothing to ask."""
        if job.superseded or job.kind in _ORDERS:
            return None
        if job.verdict == Verdict.APPROVE:
            return Approved(job.reference)
        if job.verdict == Verdict.REJECT:
            return Rejected(job.reason or "Rejected by the operator", job.error_code)
        request = await self._request(job)
        return None if request is None else await self._ask(job, request)

    async def _request(self, job: Job) -> Request | None:
        async with self._database.pool.acquire() as connection:
            account_sid = await jobs.account_sid(connection, job.account_id)
            asked = await _ASKED[Subject(job.kind)](connection, job.subject_id, account_sid)
        if asked is None:
            return None
        details = {**asked.details, "mock": True} if asked.mock else asked.details
        return Request(job.key, Subject(job.kind), asked.sid, account_sid, details, job.reference)

    async def _ask(self, job: Job, request: Request) -> Answer:
        """Submit what is new; of what may have been submitted ask first. Mock brands and all that is theirs reach nobody."""
        if request.details.get("mock") is True:
            return Approved(f"MOCK-{job.key[:8]}")
        if job.before is JobState.DUE:
            return await self._registrar.submit(request)
        answer = await self._registrar.status(request)
        return await self._registrar.submit(request) if isinstance(answer, Unknown) else answer

    async def _settle(self, job: Job, answer: Answer | None, connection: Connection) -> None:
        """Write what came of a job, and what it means for what it is about."""
        now = self._clock.now()
        if job.kind in _ORDERS:
            await settle_order(connection, self._book, job, self._settled(job, answer, now), now)
        elif job.kind in _NUMBERS:
            await self._settle_number(connection, job, answer, now)
        elif job.kind == Subject.CAMPAIGN:
            await settle_campaign(connection, self._book, job, self._settled(job, answer, now), answer, now)
        elif await jobs.settle(connection, job, self._settled(job, answer, now), now):
            if job.kind == Subject.BRAND:
                await settle_brand(connection, job, answer, now)
            elif job.kind == Subject.TOLLFREE:
                await settle_verification(connection, job, answer, now)

    async def _settle_number(self, connection: Connection, job: Job, answer: Answer | None, now: datetime) -> None:
        row = await connection.fetchrow(query("registration_by_id"), job.subject_id)
        if row is not None:
            await hold(connection, [row["address"]], [row["service_id"]])
        wanted = await jobs.settle(connection, job, self._settled(job, answer, now), now)
        row = await connection.fetchrow(query("registration_by_id"), job.subject_id)
        if not wanted or row is None or row["job_key"] != job.key:
            return
        registration = registration_of(row)
        if isinstance(answer, Approved):
            await self._book.move(connection, [Move(registration, Event.APPROVE)], now)
            await self._warn(connection, row["campaign_id"])
        elif isinstance(answer, Rejected):
            await self._book.move(connection, [Move(registration, Event.REJECT, answer.reason, answer.error_code)], now)

    async def _warn(self, connection: Connection, campaign_id: int) -> None:
        count = await connection.fetchval(query("campaign_numbers_count"), campaign_id)
        if count > TMOBILE_NUMBERS_MAX:
            _log.warning("more numbers in a campaign than T-Mobile takes without a number pool", count=count)

    def _settled(self, job: Job, answer: Answer | None, now: datetime) -> Settled:
        """When the job is looked at again, or that it is over."""
        if isinstance(answer, Pending):
            return Settled(JobState.WAITING, now + poll_pause(now - job.created_at), answer.reference)
        if isinstance(answer, Trouble | Unknown):
            state = JobState.WAITING if job.before is JobState.WAITING else JobState.SENDING
            why = answer.why if isinstance(answer, Trouble) else "the registrar does not know its own request"
            return Settled(state, now + retry_pause(job.attempt), trouble=why)
        if isinstance(answer, Rejected):
            return Settled(JobState.DONE, now, answer.reference, answer.error_code, answer.reason)
        return Settled(JobState.DONE, now, answer.reference if answer else None, job.error_code, job.reason)


def poll_pause(age: timedelta) -> timedelta:
    """How long to wait before asking again for what is undecided."""
    return timedelta(seconds=min(max(age.total_seconds() * POLL_SHARE, POLL_FIRST_S), POLL_MAX_S))


def retry_pause(attempt: int) -> timedelta:
    """How long to wait after the attempt-th try came to nothing."""
    return timedelta(seconds=min(RETRY_FIRST_S * 2.0 ** min(attempt - 1, 20), RETRY_MAX_S))
