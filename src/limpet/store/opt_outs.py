"""Who must not be written to, and the words by which services hear it, in PostgreSQL.

What a text means is `limpet.core.optout`'s business; whoever sends a message reads opt-outs beside the sender or the mapping
(`plain_senders`, `sticky_read`), not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import asyncpg

from limpet.core.ids import bucket_of, id_time
from limpet.core.model import SenderKind, Service
from limpet.core.optout import KeywordSet, OptOutSettings, OptOutType
from limpet.core.page import Page, PageRequest
from limpet.core.retention import Pseudonyms, shown
from limpet.store.database import Connection, Database
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query

_PAGE = listing("opt_out_page")
IMPORT_MAX = 900
"""People that one request may opt out."""


class Origin(StrEnum):
    """How an opt-out came about."""

    TEXT = "text"
    API = "api"
    IMPORT = "import"


class OptOutKey(NamedTuple):
    """Where an opt-out is; of `service_id` and `sender_id` one is 0. Sorted lists keep batches from deadlocking."""

    bucket: int
    recipient: str
    service_id: int
    sender_id: int


@dataclass(frozen=True, slots=True)
class NewOptOut:
    """An opt-out to be written. `keyword` is what the person wrote, empty when they did not."""

    key: OptOutKey
    id: int
    account_id: int
    keyword: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class OptOut:
    """An opt-out from a service as it is shown. `since` is aware UTC; of a person who was forgotten `recipient` shows
    nothing."""

    recipient: str
    keyword: str
    origin: Origin
    since: datetime


class Addressed(NamedTuple):
    """A number that a keyword was sent to. `service_id` is 0 for one that is in no pool."""

    sender_id: int
    account_id: int
    service_id: int
    address: str
    kind: SenderKind
    country: str
    carrier: str
    also_through: tuple[str, ...] | None = None


async def insert(connection: Connection, new: Iterable[NewOptOut]) -> set[OptOutKey]:
    """Write opt-outs; answers those that were not there before."""
    rows = [
        (o.key.bucket, o.id, o.account_id, o.key.service_id, o.key.sender_id, o.key.recipient, o.keyword, o.origin)
        for o in new
    ]
    return _keys(await connection.fetch(query("opt_out_insert"), *_columns(rows))) if rows else set()


async def delete(connection: Connection, keys: Iterable[OptOutKey]) -> set[OptOutKey]:
    """Take opt-outs away; answers those that were there."""
    wanted = sorted(keys)
    return _keys(await connection.fetch(query("opt_out_delete"), *_columns(wanted))) if wanted else set()


async def find(connection: Connection, keys: Iterable[OptOutKey]) -> set[OptOutKey]:
    """Which of these are there."""
    wanted = sorted(keys)
    return _keys(await connection.fetch(query("opt_out_find"), *_columns(wanted))) if wanted else set()


async def addressed(connection: Connection, addresses: Sequence[str]) -> dict[str, Addressed]:
    """The numbers with these addresses, by address."""
    rows = await connection.fetch(query("opt_out_senders"), list(addresses))
    return {
        r["address"]: Addressed(
            r["sender_id"], r["account_id"], r["service_id"], r["address"], SenderKind(r["kind"]), r["country"], r["carrier"],
            None if r["also_through"] is None else tuple(r["also_through"]),
        )
        for r in rows
    }  # fmt: skip


async def settings_of(connection: Connection, addresses: Sequence[str]) -> dict[str, OptOutSettings]:
    """For those of these numbers whose service has words of its own, the words."""
    rows = await connection.fetch(query("opt_out_settings_of"), list(addresses))
    return {r["address"]: OptOutSettings(r["advanced"], _sets(r["sets"])) for r in rows}


class OptOuts:
    """Services' opt-outs for people who look at them, add and take away."""

    def __init__(
        self, database: Database, bucket_key: bytes, new_id: Callable[[datetime], int], pseudonyms: Pseudonyms
    ) -> None:
        self._database = database
        self._bucket_key = bucket_key
        self._new_id = new_id
        self._pseudonyms = pseudonyms

    async def page(self, service: Service, request: PageRequest) -> Page[OptOut]:
        """A service's opt-outs, newest first."""
        return await fetch_page(self._database, _PAGE, request, _opt_out, service.id)

    async def fetch(self, service: Service, recipient: str) -> OptOut | None:
        """A person's opt-out from a service; None when there is none."""
        row = await self._database.pool.fetchrow(query("opt_out_find"), *_columns(self._places(service, recipient)))
        return None if row is None else _opt_out(row)

    async def add(self, service: Service, recipients: Iterable[str], origin: Origin, now: datetime) -> int:
        """Opt people out of a service; how many were not yet."""
        places = {self._places(service, recipient) for recipient in recipients}

        async def work(connection: Connection) -> int:
            known = await find(connection, [hidden for _, hidden in places])
            keys = sorted(key for key, hidden in places if hidden not in known)
            new = [NewOptOut(key, self._new_id(now), service.account_id, "", origin) for key in keys]
            return len(await insert(connection, new))

        return await self._database.transaction(work)

    async def remove(self, service: Service, recipient: str) -> bool:
        """Let a person be written to again; whether they had opted out."""
        places = self._places(service, recipient)
        return bool(await self._database.transaction(lambda connection: delete(connection, places)))

    async def settings(self, service: Service) -> OptOutSettings:
        """A service's words."""
        row = await self._database.pool.fetchrow(query("opt_out_settings_read"), service.id)
        return OptOutSettings() if row is None else OptOutSettings(row["advanced"], _sets(row["sets"]))

    async def set(self, service: Service, settings: OptOutSettings, now: datetime) -> None:
        """Replace a service's words."""
        kept = [_plain(one) for one in settings.sets]
        await self._database.pool.execute(
            query("opt_out_settings_write"), service.id, settings.advanced, kept, now
        )  # fmt: skip

    def _places(self, service: Service, recipient: str) -> tuple[OptOutKey, OptOutKey]:
        """Where a person's opt-out may be: under the number, or under its hash once the person was forgotten."""
        key = OptOutKey(bucket_of(recipient, self._bucket_key), recipient, service.id, 0)
        return key, key._replace(recipient=self._pseudonyms.nameless(recipient))


def _opt_out(row: asyncpg.Record) -> OptOut:
    return OptOut(shown(row["recipient"]), row["keyword"], Origin(row["origin"]), id_time(row["id"]))


def _sets(stored: Sequence[Mapping[str, Any]]) -> tuple[KeywordSet, ...]:
    return tuple(
        KeywordSet(
            one["country"],
            one["language"],
            {OptOutType(kind): frozenset(words) for kind, words in one["keywords"].items()},
            {OptOutType(kind): reply for kind, reply in one["replies"].items()},
        )
        for one in stored
    )


def _plain(one: KeywordSet) -> dict[str, object]:
    return {
        "country": one.country,
        "language": one.language,
        "keywords": {str(kind): sorted(words) for kind, words in one.keywords.items()},
        "replies": {str(kind): reply for kind, reply in one.replies.items()},
    }


def _keys(rows: Iterable[asyncpg.Record]) -> set[OptOutKey]:
    return {OptOutKey(r["bucket"], r["recipient"], r["service_id"], r["sender_id"]) for r in rows}


def _columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
