"""Brand registrations and toll-free verifications in PostgreSQL: each written with what the registrar is asked about it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import asyncpg

from limpet.core.campaign import Brand, BrandStatus, Verification, VerificationStatus
from limpet.core.model import Sender
from limpet.core.page import Page, PageRequest
from limpet.store.database import Connection, Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query
from limpet.store.registrations import NewJob, insert_jobs, new_key
from limpet.twilio.sid import new_sid

BRAND, TOLLFREE = "brand", "tollfree"
"""Kinds of jobs."""
_BRANDS = listing("brand_page")
_VERIFICATIONS = listing("verification_page")
_SID_BITS = 128


@dataclass(frozen=True, slots=True)
class NewBrand:
    """A brand that is to be registered; the profiles are Trust Hub's bundles (`BU…`), which nobody looks up here."""

    customer_profile_sid: str
    a2p_profile_sid: str
    brand_type: str
    mock: bool
    skip_vetting: bool


@dataclass(frozen=True, slots=True)
class VerificationFilter:
    """What a list asks for; None is everything."""

    number_sid: str | None = None
    status: str | None = None
    external_reference: str | None = None


class RecordRefusal(StrEnum):
    """Why a record is not changed or made."""

    GONE = "gone"
    WRONG_STATE = "wrong_state"
    TAKEN = "taken"


class Brands:
    """Every account's brands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account_id: int, new: NewBrand, now: datetime) -> Brand:
        """A new brand, PENDING, of which the registrar will be asked."""
        sid, key = new_sid("BN", secrets.randbits(_SID_BITS)), new_key()

        async def work(connection: Connection) -> Brand:
            row = await connection.fetchrow(
                query("brand_insert"), sid, account_id, new.customer_profile_sid, new.a2p_profile_sid, new.brand_type,
                new.mock, new.skip_vetting, key, now,
            )  # fmt: skip
            await insert_jobs(connection, [NewJob(key, BRAND, row["id"], account_id)], now)
            return brand_of(row)

        return await self._database.transaction(work)

    async def by_sid(self, account_id: int, sid: str) -> Brand | None:
        """The account's brand with this SID (`BN…`)."""
        row = await self._database.pool.fetchrow(query("brand_by_sid"), account_id, sid)
        return None if row is None else brand_of(row)

    async def page(self, account_id: int, request: PageRequest) -> Page[Brand]:
        """The account's brands, newest first."""
        return await fetch_page(self._database, _BRANDS, request, brand_of, account_id)

    async def resubmit(self, account_id: int, sid: str, now: datetime) -> Brand | RecordRefusal:
        """Ask the registrar anew about a brand that failed."""
        key = new_key()

        async def work(connection: Connection) -> Brand | RecordRefusal:
            held = await connection.fetchrow(query("brand_hold"), account_id, sid)
            if held is None:
                return RecordRefusal.GONE
            if held["status"] != BrandStatus.FAILED:
                return RecordRefusal.WRONG_STATE
            await insert_jobs(connection, [NewJob(key, BRAND, held["id"], account_id)], now)
            return brand_of(await connection.fetchrow(query("brand_resubmit"), held["id"], key, now))

        return await self._database.transaction(work)


class Verifications:
    """Every account's toll-free verifications."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, account_id: int, sender: Sender, fields: Mapping[str, object], now: datetime
    ) -> Verification | RecordRefusal:
        """A new verification of a number; TAKEN when it has one."""
        sid, key = new_sid("HH", secrets.randbits(_SID_BITS)), new_key()

        async def work(connection: Connection) -> Verification | RecordRefusal:
            made = await connection.fetchval(
                query("verification_insert"), sid, account_id, sender.id, dict(fields), key, now
            )
            if made is None:
                return RecordRefusal.TAKEN
            await insert_jobs(connection, [NewJob(key, TOLLFREE, made, account_id)], now)
            return verification_of(await connection.fetchrow(query("verification_by_id"), made))

        return await self._database.transaction(work)

    async def by_sid(self, account_id: int, sid: str) -> Verification | None:
        """The account's verification with this SID (`HH…`)."""
        row = await self._database.pool.fetchrow(query("verification_by_sid"), account_id, sid)
        return None if row is None else verification_of(row)

    async def page(self, account_id: int, wanted: VerificationFilter, request: PageRequest) -> Page[Verification]:
        """The account's verifications that fit, newest first."""
        arguments = (account_id, wanted.number_sid, wanted.status, wanted.external_reference)
        return await fetch_page(self._database, _VERIFICATIONS, request, verification_of, *arguments)

    async def change(
        self, account_id: int, sid: str, changes: Mapping[str, object], now: datetime
    ) -> Verification | RecordRefusal:
        """Change one that was rejected and may be edited, and ask anew; WRONG_STATE for any other."""
        key = new_key()

        async def work(connection: Connection) -> Verification | RecordRefusal:
            row = await connection.fetchrow(query("verification_by_sid"), account_id, sid)
            if row is None:
                return RecordRefusal.GONE
            if row["status"] != VerificationStatus.REJECTED or row["edit_until"] is None or row["edit_until"] < now:
                return RecordRefusal.WRONG_STATE
            fields = {**row["fields"], **changes}
            await connection.execute(query("verification_change"), row["id"], fields, key, now)
            await insert_jobs(connection, [NewJob(key, TOLLFREE, row["id"], account_id)], now)
            return verification_of(await connection.fetchrow(query("verification_by_id"), row["id"]))

        return await self._database.transaction(work)

    async def delete(self, account_id: int, sid: str, now: datetime) -> bool:
        """Whether there was such a one; its answer does not matter any more."""

        async def work(connection: Connection) -> bool:
            key = await connection.fetchval(query("verification_delete"), account_id, sid, now)
            if key is not None:
                await connection.execute(query("job_supersede"), [key], now)
            return key is not None

        return await self._database.transaction(work)


def brand_of(row: asyncpg.Record) -> Brand:
    """The value of a row of `brand`."""
    return Brand(
        row["id"], row["sid"], row["account_id"], row["customer_profile_sid"], row["a2p_profile_sid"], row["brand_type"],
        row["mock"], row["skip_vetting"], BrandStatus(row["status"]), row["identity_status"], row["tcr_id"], row["score"],
        tuple(row["errors"]), row["created_at"], row["updated_at"],
    )  # fmt: skip


def verification_of(row: asyncpg.Record) -> Verification:
    """The value of a row of `tollfree_verification` with its number."""
    return Verification(
        row["id"], row["sid"], row["account_id"], row["number_sid"], row["address"], VerificationStatus(row["status"]),
        row["fields"], row["reason"], row["error_code"], row["edit_until"], row["created_at"], row["updated_at"],
    )  # fmt: skip
