"""Registrations for those who look at them, in PostgreSQL: where one number stands, and what has happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from limpet.core.registration import TMOBILE_NUMBERS_MAX, Stage
from limpet.store import registration_jobs as jobs
from limpet.store.database import Connection, Database
from limpet.store.queries import query
from limpet.store.registration_jobs import Order

HISTORY_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """Something that happened to a registration."""

    campaign_sid: str
    event: str
    stage: Stage
    reason: str | None
    error_code: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class RegistrationView:
    """The last registration of a number within a service. `crowded`: its campaign has more numbers than T-Mobile takes."""

    id: int
    account_id: int
    number: str
    campaign_sid: str
    stage: Stage
    reason: str | None
    error_code: int | None
    updated_at: datetime
    crowded: bool
    history: tuple[HistoryStep, ...]


class RegistrationViews:
    """Registrations one at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_number(self, service_id: int, number_sid: str) -> RegistrationView | None:
        """The last registration of a number within a service, also of one that has left the pool; None when it never had one."""
        row = await self._database.pool.fetchrow(query("registration_latest"), service_id, number_sid)
        if row is None:
            return None
        steps = await self._database.pool.fetch(query("registration_steps"), service_id, number_sid, HISTORY_SHOWN_MAX)
        count = await self._database.pool.fetchval(query("campaign_numbers_count"), row["campaign_id"])
        return RegistrationView(
            row["id"], row["account_id"], row["address"], row["campaign_sid"], Stage(row["stage"]), row["reason"],
            row["error_code"], row["updated_at"], count > TMOBILE_NUMBERS_MAX,
            tuple(_step_of(each) for each in reversed(steps)),
        )  # fmt: skip

    async def retry(self, view: RegistrationView, now: datetime) -> None:
        """Have a registration that failed tried again."""

        async def work(connection: Connection) -> None:
            await jobs.order(connection, Order.RETRY, view.id, view.account_id, "Tried again", None, now)

        await self._database.transaction(work)


def _step_of(row: asyncpg.Record) -> HistoryStep:
    return HistoryStep(
        row["campaign_sid"], row["event"], Stage(row["stage"]), row["reason"], row["error_code"], row["at"]
    )  # fmt: skip
