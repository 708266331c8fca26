"""Campaigns in PostgreSQL: one a service, each change of one in one transaction with what it means for the service's numbers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

import asyncpg

from limpet.core.campaign import (
    CAMPAIGNS_PER_BRAND_MAX,
    SOLE_PROPRIETOR,
    BrandStatus,
    Campaign,
    CampaignLimits,
    campaign_limits,
    fits_service,
)
from limpet.core.model import Service
from limpet.core.registration import CampaignStatus
from limpet.store.database import Connection, Database
from limpet.store.queries import query
from limpet.store.registrations import NewJob, RegistrationBook, hold, insert_jobs, new_key
from limpet.twilio.sid import new_sid

CAMPAIGN, CAMPAIGN_REMOVAL = "campaign", "campaign_removal"
"""Kinds of jobs."""
_SID_BITS = 128


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign that is to be; `fields` by Twilio's names in snake case."""

    brand_sid: str
    usecase: str
    fields: Mapping[str, object]


class CampaignRefusal(StrEnum):
    """Why a campaign is not made or changed."""

    GONE = "gone"
    EXISTS = "exists"
    BRAND = "brand"
    USECASE = "usecase"
    SERVICE = "service"
    SUSPENDED = "suspended"


class Campaigns:
    """Every service's campaign."""

    def __init__(self, database: Database, book: RegistrationBook | None = None) -> None:
        self._database = database
        self._book = book or RegistrationBook()

    async def create(self, service: Service, new: NewCampaign, now: datetime) -> Campaign | CampaignRefusal:
        """A campaign of a service that has none, by a brand that is approved; the service's numbers wait for it from now on."""
        sid, key = new_sid("QE", secrets.randbits(_SID_BITS)), new_key()

        async def work(connection: Connection) -> Campaign | CampaignRefusal:
            if not await _hold_service(connection, service.id):
                return CampaignRefusal.GONE
            brand = await connection.fetchrow(query("brand_hold"), service.account_id, new.brand_sid)
            if refused := await _refusal(connection, service, brand, new.usecase):
                return refused
            limits = asdict(campaign_limits(brand["brand_type"], new.usecase, brand["score"]))
            made = await connection.fetchval(
                query("campaign_insert"), sid, service.account_id, service.id, brand["id"], new.usecase, brand["mock"],
                dict(new.fields), limits, key, now,
            )  # fmt: skip
            await insert_jobs(connection, [NewJob(key, CAMPAIGN, made, service.account_id)], now)
            await self._book.campaign_made(connection, service.id, now)
            return campaign_of(await connection.fetchrow(query("campaign_by_id"), made))

        return await self._database.transaction(work)

    async def by_sid(self, service_id: int, sid: str) -> Campaign | None:
        """The service's campaign, if it has this SID (`QE…`)."""
        row = await self._database.pool.fetchrow(query("campaign_by_sid"), service_id, sid)
        return None if row is None else campaign_of(row)

    async def of_service(self, service_id: int) -> Campaign | None:
        """The service's campaign."""
        row = await self._database.pool.fetchrow(query("campaign_of_service"), service_id)
        return None if row is None else campaign_of(row)

    async def change(
        self, service: Service, sid: str, changes: Mapping[str, object], now: datetime
    ) -> Campaign | CampaignRefusal:
        """Change what a campaign says, and ask anew. One that failed is PENDING again; one that is verified stays so
        while the change is looked at."""
        key = new_key()

        async def work(connection: Connection) -> Campaign | CampaignRefusal:
            await _hold_service(connection, service.id)
            row = await connection.fetchrow(query("campaign_by_sid"), service.id, sid)
            if row is None:
                return CampaignRefusal.GONE
            if row["status"] == CampaignStatus.SUSPENDED:
                return CampaignRefusal.SUSPENDED
            verified = row["status"] == CampaignStatus.VERIFIED
            status = CampaignStatus.VERIFIED if verified else CampaignStatus.PENDING
            await connection.execute(query("job_supersede"), [row["job_key"]], now)
            await connection.execute(
                query("campaign_change"), row["id"], {**row["fields"], **changes}, status, key, now
            )
            await insert_jobs(connection, [NewJob(key, CAMPAIGN, row["id"], row["account_id"])], now)
            await self._book.campaign_changed(connection, service.id, now)
            return campaign_of(await connection.fetchrow(query("campaign_by_id"), row["id"]))

        return await self._database.transaction(work)

    async def delete(self, service: Service, sid: str, now: datetime) -> bool:
        """Delete the campaign and take every number out of it; whether the service had it."""

        async def work(connection: Connection) -> bool:
            await _hold_service(connection, service.id)
            row = await connection.fetchrow(query("campaign_by_sid"), service.id, sid)
            if row is None:
                return False
            await _delete(connection, row["id"], now)
            await self._book.campaign_gone(connection, row["id"], service.id, now)
            return True

        return await self._database.transaction(work)


async def service_gone(connection: Connection, service_id: int, now: datetime) -> None:
    """A service was deleted: its campaign goes with it. The registrations of its numbers have ended with their memberships."""
    row = await connection.fetchrow(query("campaign_of_service"), service_id)
    if row is not None:
        await _delete(connection, row["id"], now)


async def _delete(connection: Connection, campaign_id: int, now: datetime) -> None:
    row = await connection.fetchrow(query("campaign_delete"), campaign_id, now)
    if row is not None:
        await connection.execute(query("job_supersede"), [row["job_key"]], now)
        await insert_jobs(connection, [NewJob(new_key(), CAMPAIGN_REMOVAL, campaign_id, row["account_id"])], now)


async def _hold_service(connection: Connection, service_id: int) -> bool:
    """Hold a service with its numbers; whether it is there."""
    addresses = [row["address"] for row in await connection.fetch(query("numbers_of_service"), service_id)]
    await hold(connection, addresses, [service_id])
    return await connection.fetchval(query("service_hold"), service_id) is not None


async def _refusal(
    connection: Connection, service: Service, brand: asyncpg.Record | None, usecase: str
) -> CampaignRefusal | None:
    if brand is None or brand["status"] != BrandStatus.APPROVED:
        return CampaignRefusal.BRAND
    sole = brand["brand_type"] == SOLE_PROPRIETOR
    if sole is not (usecase == SOLE_PROPRIETOR):
        return CampaignRefusal.USECASE
    if not fits_service(usecase, service.usecase):
        return CampaignRefusal.SERVICE
    if await connection.fetchrow(query("campaign_of_service"), service.id) is not None:
        return CampaignRefusal.EXISTS
    count = await connection.fetchval(query("campaigns_of_brand_count"), brand["id"])
    return CampaignRefusal.BRAND if count >= (1 if sole else CAMPAIGNS_PER_BRAND_MAX) else None


def campaign_of(row: asyncpg.Record) -> Campaign:
    """The value of a row of `campaign` with its brand's SID."""
    return Campaign(
        row["id"], row["sid"], row["account_id"], row["service_id"], row["brand_id"], row["brand_sid"], row["usecase"],
        CampaignStatus(row["status"]), row["mock"], row["fields"], tuple(row["errors"]), row["tcr_id"],
        CampaignLimits(**row["limits"]), row["created_at"], row["updated_at"],
    )  # fmt: skip
