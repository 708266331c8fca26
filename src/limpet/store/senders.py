"""The senders that accounts own, in PostgreSQL. A number has one owner at a time; one that is released may be taken again.

Whether a number is spelled right, and what it may be changed to, is decided before it comes here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import asyncpg

from limpet.core.model import NUMBER_KINDS, Capability, Sender, SenderKind
from limpet.core.page import PAGE_SIZE_MAX, Page, PageRequest, page_of
from limpet.core.sticky import EventKind
from limpet.store.database import Connection, Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query
from limpet.store.registrations import RegistrationBook
from limpet.store.sticky import OPERATOR, tell_of_all
from limpet.twilio.sid import new_sid

_PAGE = listing("sender_page")
_SID_BITS = 128
RELEASED_AT_ONCE = 100
SID_PREFIX: Mapping[SenderKind, str] = {
    SenderKind.LONG_CODE: "PN",
    SenderKind.TOLL_FREE: "PN",
    SenderKind.SHORT_CODE: "SC",
    SenderKind.ALPHANUMERIC: "AI",
    SenderKind.DESTINATION_ALPHA: "AI",
    SenderKind.WHATSAPP: "XE",
    SenderKind.RCS: "XE",
}


@dataclass(frozen=True, slots=True)
class NewSender:
    """A number to be owned; the fields are those of `limpet.core.model.Sender`."""

    address: str
    country: str
    kind: SenderKind
    capabilities: frozenset[Capability]
    friendly_name: str
    carrier: str
    sms_url: str = ""
    sms_method: str = "POST"
    sms_fallback_url: str = ""
    sms_fallback_method: str = "POST"
    status_callback: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


_COLUMNS = tuple(NewSender.__slots__)


@dataclass(frozen=True, slots=True)
class SenderFilter:
    """What a list asks for: kinds, part of a number, in which `*` stands for any digits, and a friendly name; None is all."""

    kinds: frozenset[SenderKind] = NUMBER_KINDS
    address_pattern: str | None = None
    friendly_name: str | None = None


class Senders:
    """Every account's numbers."""

    def __init__(self, database: Database, book: RegistrationBook | None = None) -> None:
        self._database = database
        self._book = book or RegistrationBook()

    async def create(self, account_id: int, new: NewSender, now: datetime) -> Sender | None:
        """Give the number to the account; None when somebody, be it this account, owns it already."""
        async with self._database.pool.acquire() as connection:
            return await insert(connection, account_id, new, now)

    async def by_sid(self, account_id: int, sid: str) -> Sender | None:
        """The account's sender with this SID."""
        row = await self._database.pool.fetchrow(query("sender_by_sid"), account_id, sid)
        return None if row is None else sender_of(row)

    async def by_address(self, account_id: int, address: str) -> Sender | None:
        """The account's number or short code with this address."""
        row = await self._database.pool.fetchrow(query("sender_by_address"), account_id, address)
        return None if row is None else sender_of(row)

    async def page(self, account_id: int, wanted: SenderFilter, request: PageRequest) -> Page[Sender]:
        """The account's numbers that fit, newest first."""
        pattern = None if wanted.address_pattern is None else _like(wanted.address_pattern)
        arguments = (account_id, sorted(wanted.kinds), pattern, wanted.friendly_name)
        return await fetch_page(self._database, _PAGE, request, sender_of, *arguments)

    async def page_where(
        self, account_id: int, wanted: SenderFilter, request: PageRequest, keep: Callable[[Sender], bool]
    ) -> Page[Sender]:
        """The same of those that `keep` keeps: more rows are read until the page is full or all have been seen."""
        rows: list[Sender] = []
        backwards, place, more = request.before is not None, request, True
        while more and len(rows) <= request.size:
            page = await self.page(account_id, wanted, replace(place, size=PAGE_SIZE_MAX))
            kept = [sender for sender in page.items if keep(sender)]
            rows = kept + rows if backwards else rows + kept
            more = (page.previous_token if backwards else page.next_token) is not None
            edge = page.items[0 if backwards else -1].id if page.items else 0
            place = replace(request, before=edge) if backwards else replace(request, after=edge)
        rows = rows[-request.size - 1 :] if backwards else rows[: request.size + 1]
        return page_of(request, rows, [sender.id for sender in rows])

    async def owned(self, addresses: Sequence[str]) -> set[str]:
        """Which of these numbers (E.164) have an owner, whoever it is."""
        return {row["address"] for row in await self._database.pool.fetch(query("sender_owned"), addresses)}

    async def update(self, account_id: int, sid: str, changes: Mapping[str, Any], now: datetime) -> Sender | None:
        """The number with some fields of `NewSender` changed (its address never is); None when the account has no such one.

        A service in whose pool it is goes one generation on, since pools are remembered with their senders.
        """

        async def work(connection: Connection) -> Sender | None:
            held = await connection.fetchrow(query("sender_hold"), account_id, sid)
            if held is None:
                return None
            wanted = replace(_settings_of(sender_of(held)), **changes)
            row = await connection.fetchrow(query("sender_update"), held["id"], *_values(wanted), now)
            await connection.execute(query("pool_changed_of_sender"), held["id"])
            return sender_of(row)

        return await self._database.transaction(work)

    async def set_also_through(
        self, account_id: int, sid: str, carriers: Sequence[str] | None, now: datetime
    ) -> Sender | None:
        """The sender, which may go through these carriers too, in their order; None: through those named for its carrier."""

        async def work(connection: Connection) -> Sender | None:
            row = await connection.fetchrow(query("sender_set_also_through"), account_id, sid, carriers, now)
            if row is None:
                return None
            await connection.execute(query("pool_changed_of_sender"), row["id"])
            return sender_of(row)

        return await self._database.transaction(work)

    async def release_all(self, account_id: int, now: datetime) -> None:
        """Give up every number of an account that is closed, each as `release` does; done again, it goes on where it stopped."""
        while sids := await self._database.pool.fetch(query("sender_sids_of_account"), account_id, RELEASED_AT_ONCE):
            for row in sids:
                await self.release(account_id, row["sid"], now)

    async def release(self, account_id: int, sid: str, now: datetime, actor: str = OPERATOR) -> bool:
        """Give the number up and take it out of its pool, both at once; whether the account had it. Mappings to it are dead with
        that, and one event tells of all of them."""

        async def work(connection: Connection) -> bool:
            held = await connection.fetchrow(query("sender_hold"), account_id, sid)
            if held is None:
                return False
            await connection.execute(query("pool_changed_of_sender"), held["id"])
            gone = await connection.fetch(query("member_remove_of_sender"), held["id"], now)
            await self._book.left(connection, [row["id"] for row in gone], now)
            await connection.execute(query("sender_release"), held["id"], now)
            for row in gone:
                await tell_of_all(
                    connection,
                    row["service_id"],
                    EventKind.REMOVED,
                    "number_released",
                    held["address"],
                    actor,
                    None,
                    now,
                )
            return True

        return await self._database.transaction(work)


async def insert(connection: Connection, account_id: int, new: NewSender, now: datetime) -> Sender | None:
    """Write a sender that is the account's; None when somebody owns it already."""
    sid = new_sid(SID_PREFIX[new.kind], secrets.randbits(_SID_BITS))
    row = await connection.fetchrow(query("sender_insert"), sid, account_id, *_values(new), now)
    return None if row is None else sender_of(row)


def sender_of(row: asyncpg.Record) -> Sender:
    """The value of a row of `sender`."""
    return Sender(
        id=row["id"],
        sid=row["sid"],
        account_id=row["account_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        **{name: row[name] for name in _COLUMNS if name not in ("kind", "capabilities")},
        kind=SenderKind(row["kind"]),
        capabilities=frozenset(map(Capability, row["capabilities"])),
        also_through=None if row["also_through"] is None else tuple(row["also_through"]),
    )


def _settings_of(sender: Sender) -> NewSender:
    return NewSender(**{name: getattr(sender, name) for name in _COLUMNS})


def _values(new: NewSender) -> list[object]:
    values = {name: getattr(new, name) for name in _COLUMNS}
    return list({**values, "capabilities": sorted(new.capabilities), "settings": dict(new.settings)}.values())


def _like(pattern: str) -> str:
    """A LIKE pattern for part of a number, with nothing but `*` meaning more than itself."""
    literal = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal.replace('*', '%')}%"
