"""Registrations of numbers with campaigns, in PostgreSQL: moved on by the table of `limpet.core.registration` only.

Everything here runs inside the caller's transaction. A step is written with its history, with what the registrar is to be asked
and with what customers are owed, and it moves the generation of every pool whose members' usability it changes: whoever starts
after the commit sees it (rule S-67).
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg

from limpet.core.model import SenderKind
from limpet.core.registration import (
    TEN_DLC_COUNTRIES,
    Asks,
    CampaignStatus,
    Event,
    Stage,
    Step,
    Told,
    clearance,
    is_ten_dlc,
    step,
)
from limpet.store.database import Connection
from limpet.store.queries import query

Owe = Callable[[Connection, int, Sequence[Told], datetime], Awaitable[None]]
"""Told of an account's events within the transaction that they tell of."""
KEY_BYTES = 16
SWEPT_MAX = 500


async def nobody_listens(_connection: Connection, _account_id: int, _events: Sequence[Told], _now: datetime) -> None:
    """Events that nobody subscribed to."""


def new_key() -> str:
    """A key under which the registrar is asked for one thing, however often."""
    return secrets.token_hex(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Registration:
    """A row of `number_registration`."""

    id: int
    account_id: int
    service_id: int
    campaign_id: int
    member_id: int
    sender_id: int
    address: str
    stage: Stage
    job_key: str | None


class Move(NamedTuple):
    """Something that happens to a registration."""

    registration: Registration
    event: Event
    reason: str | None = None
    error_code: int | None = None


class NewJob(NamedTuple):
    """Something that the registrar is to be asked."""

    key: str
    kind: str
    subject_id: int
    account_id: int


class _Planned(NamedTuple):
    move: Move
    step: Step
    key: str | None


class RegistrationBook:
    """Moves registrations. `owe` is told what customers are to hear."""

    def __init__(self, owe: Owe = nobody_listens) -> None:
        self.owe = owe

    async def joined(self, connection: Connection, service_id: int, address: str, now: datetime) -> None:
        """A number joined a pool, whose sender and service the caller holds: with a campaign its registration begins."""
        await self._begin(connection, service_id, [address], now)
        await self.clear(connection, [service_id])

    async def left(self, connection: Connection, member_ids: Sequence[int], now: datetime) -> None:
        """Memberships have ended: so do their registrations, each by the way that its stage asks for."""
        rows = await connection.fetch(query("registrations_of_members"), list(member_ids))
        await self.move(connection, [Move(registration_of(row), Event.REMOVE) for row in rows], now)

    async def campaign_made(self, connection: Connection, service_id: int, now: datetime) -> None:
        """A campaign was made: its service demands registration from now on, and its numbers wait for it (S-65)."""
        await connection.execute(query("service_demands"), service_id)
        await self.campaign_changed(connection, service_id, now)

    async def campaign_changed(self, connection: Connection, service_id: int, now: datetime) -> None:
        """A campaign's status or its limits are others: its numbers may begin, or have lost what they had."""
        addresses = [row["address"] for row in await connection.fetch(query("numbers_of_service"), service_id)]
        await connection.execute(query("service_registered"), service_id)
        await self._begin(connection, service_id, addresses, now)
        await self.clear(connection, [service_id])
        await connection.execute(query("pool_changed"), service_id)

    async def campaign_gone(self, connection: Connection, campaign_id: int, service_id: int, now: datetime) -> None:
        """A campaign was deleted: every number is taken out of it."""
        await connection.execute(query("service_registered"), service_id)
        rows = await connection.fetch(query("registrations_of_campaign"), campaign_id)
        await self.move(connection, [Move(registration_of(row), Event.REMOVE) for row in rows], now)
        await self.clear(connection, [service_id])
        await connection.execute(query("pool_changed"), service_id)

    async def begin_ready(self, connection: Connection, addresses: Sequence[str], now: datetime) -> int:
        """Start the registrations of numbers that nothing is in the way of; answers how many."""
        rows = await connection.fetch(query("registrations_ready"), list(addresses))
        return len(await self._steps(connection, [Move(registration_of(row), Event.START) for row in rows], now))

    async def move(self, connection: Connection, moves: Sequence[Move], now: datetime) -> int:
        """Let events happen; answers how many did. What they make possible for the same numbers happens with them."""
        moved = await self._steps(connection, moves, now)
        addresses = sorted({each.address for each in moved})
        if addresses:
            await connection.execute(query("numbers_held"), addresses)
            await self.begin_ready(connection, addresses, now)
            now_in = await connection.fetch(query("members_of_numbers"), addresses)
            await self.clear(connection, {each.service_id for each in moved} | {row["service_id"] for row in now_in})
        return len(moved)

    async def unbind(self, connection: Connection, addresses: Sequence[str], now: datetime) -> None:
        """Numbers look bound and are not: make it so."""
        await connection.execute(query("numbers_held"), addresses)
        await self.begin_ready(connection, addresses, now)
        rows = await connection.fetch(query("members_of_numbers"), addresses)
        await self.clear(connection, {row["service_id"] for row in rows})

    async def clear(self, connection: Connection, service_ids: Iterable[int]) -> None:
        """Work out anew what the members of pools may do towards the United States; a pool where it changes has changed."""
        facts = await connection.fetch(query("member_facts"), sorted(set(service_ids)))
        changed = [(fact, new) for fact in facts if (new := _clearance(fact)) != fact["clearance"]]
        if changed:
            await connection.execute(
                query("member_clear"), [fact["id"] for fact, _ in changed], [new for _, new in changed]
            )
            for service_id in sorted({fact["service_id"] for fact, _ in changed}):
                await connection.execute(query("pool_changed"), service_id)

    async def _begin(self, connection: Connection, service_id: int, addresses: Sequence[str], now: datetime) -> None:
        await connection.execute(query("registration_insert_missing"), service_id, now, sorted(TEN_DLC_COUNTRIES))
        await self.begin_ready(connection, addresses, now)

    async def _steps(self, connection: Connection, moves: Sequence[Move], now: datetime) -> list[Registration]:
        planned = [
            _Planned(move, found, new_key() if found.asks else None)
            for move in moves
            if (found := step(move.registration.stage, move.event)) is not None
        ]
        if not planned:
            return []
        rows = await connection.fetch(query("registration_move"), *_columns(planned), now)
        moved = {row["id"]: registration_of(row) for row in rows}
        done = [each for each in planned if each.move.registration.id in moved]
        await self._write(connection, done, now)
        return list(moved.values())

    async def _write(self, connection: Connection, done: Sequence[_Planned], now: datetime) -> None:
        """History, what the registrar is to be asked, and what customers are owed."""
        if not done:
            return
        noted = [
            [each.move.registration.id for each in done], [str(each.move.event) for each in done],
            [str(each.step.to) for each in done], [each.move.reason for each in done],
            [each.move.error_code for each in done],
        ]  # fmt: skip
        await connection.execute(query("registration_note"), *noted, now)
        over = [each.move.registration.job_key for each in done if each.step.asks or each.step.to is Stage.FREE]
        if keys := [key for key in over if key is not None]:
            await connection.execute(query("job_supersede"), keys, now)
        jobs = [_job(each, each.key, each.step.asks) for each in done if each.key and each.step.asks]
        await insert_jobs(connection, jobs, now)
        await self._tell(connection, [each for each in done if each.step.tells], now)

    async def _tell(self, connection: Connection, done: Sequence[_Planned], now: datetime) -> None:
        if not done:
            return
        ids = [each.move.registration.id for each in done]
        names = {row["id"]: row for row in await connection.fetch(query("registration_names"), ids)}
        owed: dict[int, list[Told]] = {}
        for each in done:
            registration = each.move.registration
            owed.setdefault(registration.account_id, []).append(_told(each, names[registration.id], now))
        for account_id, events in owed.items():
            await self.owe(connection, account_id, events, now)


async def hold(connection: Connection, addresses: Sequence[str], service_ids: Iterable[int]) -> None:
    """Hold numbers, the pools that they are in and other services, in the order that everybody keeps."""
    await connection.fetch(query("senders_hold_by_address"), list(addresses))
    now_in = await connection.fetch(query("members_of_numbers"), list(addresses))
    for service_id in sorted({*service_ids, *(row["service_id"] for row in now_in)}):
        await connection.fetchval(query("service_hold"), service_id)


async def insert_jobs(connection: Connection, jobs: Sequence[NewJob], now: datetime) -> None:
    """Write what the registrar is to be asked, in the transaction that wants it."""
    if jobs:
        await connection.execute(query("job_insert"), *(list(column) for column in zip(*jobs, strict=True)), now)


def registration_of(row: asyncpg.Record) -> Registration:
    """The value of a row of `number_registration`."""
    return Registration(
        row["id"], row["account_id"], row["service_id"], row["campaign_id"], row["member_id"], row["sender_id"],
        row["address"], Stage(row["stage"]), row["job_key"],
    )  # fmt: skip


def _clearance(fact: asyncpg.Record) -> str:
    return clearance(
        ten_dlc=is_ten_dlc(SenderKind(fact["kind"]), fact["country"]),
        campaign=CampaignStatus(fact["campaign"]) if fact["campaign"] else None,
        stage=Stage(fact["stage"]) if fact["stage"] else None,
        held=fact["a2p_held"],
        demanded=fact["require_a2p"],
    )


def _columns(planned: Sequence[_Planned]) -> list[list[object]]:
    rows = [
        (
            p.move.registration.id,
            str(p.move.registration.stage),
            str(p.step.to),
            p.move.reason,
            p.move.error_code,
            p.key,
        )
        for p in planned
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _job(planned: _Planned, key: str, asks: Asks) -> NewJob:
    registration = planned.move.registration
    return NewJob(key, str(asks), registration.id, registration.account_id)


def _told(planned: _Planned, names: asyncpg.Record, now: datetime) -> Told:
    registration, tells = planned.move.registration, planned.step.tells
    assert tells is not None
    return Told(
        tells, planned.key or registration.job_key or "", registration.address, names["number_sid"], names["account_sid"],
        names["campaign_sid"], names["service_sid"], planned.move.reason, now,
    )  # fmt: skip
