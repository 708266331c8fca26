"""Spaces in PostgreSQL: which services of an account share their mappings (rules S-130 to S-137, decision 0029).

A service that joins or leaves is one row; nobody's mapping is touched. What its pool then is, is `limpet.store.pools`'s business.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import asyncpg

from limpet.core.page import Page, PageRequest
from limpet.core.ttl import Ttl
from limpet.store.database import Connection, Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query
from limpet.twilio.sid import new_sid

SID_PREFIX: Final = "LS"
SERVICES_MAX: Final = 100
"""Services of a space: each of them knows the members of all."""
DEFAULT_TTL: Final = Ttl(365)
_PAGE = listing("space_page")
_SID_BITS = 128


class SpaceRefusal(StrEnum):
    """Why a space or a service does not change as it is asked to."""

    GONE = "there is no such space"
    FULL = f"a space holds at most {SERVICES_MAX} services"
    OF_ALL = "every service of the account is in one space"
    SECOND = "another space of the account is the one of all services"
    NOT_EMPTY = "there are services in it"


class SpaceRefused(Exception):
    """Nothing was changed."""

    def __init__(self, why: SpaceRefusal) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class SpaceSettings:
    """What is set of a space. With `of_all` every service of the account is in it, also those that are yet to be made."""

    friendly_name: str
    of_all: bool = False
    ttl: Ttl = DEFAULT_TTL


@dataclass(frozen=True, slots=True)
class Space:
    """A space with the SIDs of its services."""

    id: int
    sid: str
    account_id: int
    settings: SpaceSettings
    services: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


class Spaces:
    """Every account's spaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account_id: int, settings: SpaceSettings, now: datetime) -> Space:
        """A new space, empty or with all services of the account. SpaceRefused."""

        async def work(connection: Connection) -> Space:
            others = await _hold_services(connection, account_id) if settings.of_all else {}
            if settings.of_all and await connection.fetchval(query("space_of_all"), account_id) is not None:
                raise SpaceRefused(SpaceRefusal.SECOND)
            sid = new_sid(SID_PREFIX, secrets.randbits(_SID_BITS))
            space_id = await connection.fetchval(
                query("space_insert"), sid, account_id, settings.friendly_name, settings.of_all, *settings.ttl, now
            )
            await _gather(connection, others, space_id)
            return await _read(connection, space_id)

        return await self._database.transaction(work)

    async def by_sid(self, account_id: int, sid: str) -> Space | None:
        """The account's space with this SID (`LS…`)."""
        row = await self._database.pool.fetchrow(query("space_by_sid"), account_id, sid)
        return None if row is None else _space_of(row)

    async def page(self, account_id: int, request: PageRequest) -> Page[Space]:
        """The account's spaces, newest first."""
        return await fetch_page(self._database, _PAGE, request, _space_of, account_id)

    async def update(self, space: Space, changes: Mapping[str, Any], now: datetime) -> Space:
        """The space with some fields of `SpaceSettings` changed. SpaceRefused."""

        async def work(connection: Connection) -> Space:
            gathers = bool(changes.get("of_all"))
            others = await _hold_services(connection, space.account_id) if gathers else {}
            other = await connection.fetchval(query("space_of_all"), space.account_id) if gathers else None
            if other not in (None, space.id):
                raise SpaceRefused(SpaceRefusal.SECOND)
            current = await _held(connection, space.id)
            wanted = replace(current.settings, **changes)
            await connection.execute(
                query("space_update"), space.id, wanted.friendly_name, wanted.of_all, *wanted.ttl, now
            )
            await _gather(connection, others, space.id)
            return await _read(connection, space.id)

        return await self._database.transaction(work)

    async def delete(self, space: Space, now: datetime) -> None:
        """Delete an empty space; its mappings are dead with it. SpaceRefused."""

        async def work(connection: Connection) -> None:
            await _held(connection, space.id)
            if await connection.fetchval(query("space_count"), space.id):
                raise SpaceRefused(SpaceRefusal.NOT_EMPTY)
            await connection.execute(query("space_delete"), space.id, now)

        await self._database.transaction(work)


async def place(connection: Connection, account_id: int, service_id: int, space_sid: str) -> None:
    """Let a service that is held join a space, or with an empty SID leave the one that it is in (S-133). SpaceRefused."""
    before = await connection.fetchval(query("service_space"), service_id)
    if space_sid:
        row = await connection.fetchrow(query("space_by_sid"), account_id, space_sid)
        if row is None:
            raise SpaceRefused(SpaceRefusal.GONE)
        after = row["id"]
    else:
        after = None
    if before == after:
        return
    if await connection.fetchval(query("space_of_all"), account_id) is not None:
        raise SpaceRefused(SpaceRefusal.OF_ALL)
    await _move(connection, {service_id: before}, after)


async def place_new(connection: Connection, account_id: int, service_id: int) -> None:
    """Let a service that was just made join the space of all services, where the account has one (S-137). The account is held."""
    space_id = await connection.fetchval(query("space_of_all"), account_id)
    if space_id is not None:
        await _move(connection, {service_id: None}, space_id)


async def hold_account(connection: Connection, account_id: int) -> None:
    """Hold which space of an account is the one of all services."""
    await connection.execute(query("account_hold"), account_id)


async def _hold_services(connection: Connection, account_id: int) -> dict[int, int | None]:
    """Hold all services of an account, in order: each with the space that it is in."""
    await hold_account(connection, account_id)
    rows = await connection.fetch(query("services_of_account"), account_id)
    for row in rows:
        await connection.fetchval(query("service_hold"), row["id"])
    return {row["id"]: row["space_id"] for row in await connection.fetch(query("services_of_account"), account_id)}


async def _gather(connection: Connection, services: Mapping[int, int | None], space_id: int) -> None:
    outside = {service: before for service, before in services.items() if before != space_id}
    if outside:
        await _move(connection, outside, space_id)


async def _move(connection: Connection, services: Mapping[int, int | None], after: int | None) -> None:
    """Move services, each with the space that it leaves, into one, or into none."""
    concerned = sorted({space for space in (*services.values(), after) if space is not None})
    generations = {space: await connection.fetchval(query("space_touch"), space) for space in concerned}
    if after is not None:
        if generations[after] is None:
            raise SpaceRefused(SpaceRefusal.GONE)
        if await connection.fetchval(query("space_count"), after) + len(services) > SERVICES_MAX:
            raise SpaceRefused(SpaceRefusal.FULL)
    for service, before in services.items():
        left = 0 if before is None else generations[before] or 0
        await connection.execute(query("service_move"), service, after, left)


async def _held(connection: Connection, space_id: int) -> Space:
    if await connection.fetchval(query("space_touch"), space_id) is None:
        raise SpaceRefused(SpaceRefusal.GONE)
    return await _read(connection, space_id)


async def _read(connection: Connection, space_id: int) -> Space:
    row = await connection.fetchrow(query("space_by_id"), space_id)
    assert row is not None, "it is held, or was just made"
    return _space_of(row)


def _space_of(row: asyncpg.Record) -> Space:
    settings = SpaceSettings(row["friendly_name"], row["of_all"], Ttl(row["sticky_ttl_days"], row["sticky_ttl_hours"]))
    return Space(
        row["id"], row["sid"], row["account_id"], settings, tuple(row["services"]), row["created_at"], row["updated_at"]
    )  # fmt: skip
