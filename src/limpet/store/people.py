"""All that an account has of a person, in PostgreSQL: walked for an export, and erased, in transactions of bounded size.

What names people lies in few places: in rows under their address, in rows of their messages, and in what is owed or was posted of
those. `tests/flow/test_forgetting.py` knows of every table whether it can name a person, and fails for one that is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

import asyncpg

from limpet.core.ids import bucket_of
from limpet.core.people import Act, Counts, Kind, addresses_of, digits_of
from limpet.core.retention import Pseudonyms
from limpet.core.routing import carrier_of
from limpet.store import erased_receipts, opt_outs
from limpet.store.database import Connection, Database
from limpet.store.erased_receipts import ErasedReceipt
from limpet.store.messages import DELETABLE
from limpet.store.opt_outs import NewOptOut, OptOutKey, Origin
from limpet.store.queries import query

CHUNK: Final = 200
"""Messages, or rows of history, that one transaction erases."""
PASSES_MAX: Final = 5
"""What comes while a person is erased is erased in the next pass; whoever goes on being written to has no end otherwise."""
SHOWN_MAX: Final = 50
"""Messages on their way that a refusal names."""

_OF_MESSAGES: Final = (
    (Kind.FEEDBACK, "people_feedback"),
    (Kind.MEDIUM, "people_media"),
    (Kind.LINK, "people_links"),
    (Kind.KEY, "people_keys"),
    (Kind.DELIVERY, "people_deliveries"),
    (Kind.CALLBACK, "people_callbacks"),
    (Kind.SMPP_DELIVERY, "people_smpp_deliveries"),
)
"""By bucket and messages' ids: each also with `_erase`."""
_UNTOLD: Final = ("people_mms_erase", "people_media_links_erase", "people_short_links_erase")
"""The same of what only leads from one row to another."""
_STRAYS: Final = (
    (Kind.DELIVERY, "people_stray_deliveries"),
    (Kind.CALLBACK, "people_stray_callbacks"),
    (Kind.SMPP_DELIVERY, "people_stray_smpp_deliveries"),
)
"""By bucket, account and what names the person; erased by bucket and ids."""
_OF_SERVICES: Final = (
    (Kind.MAPPING, "people_mappings"),
    (Kind.IMPORT, "people_imports_staged"),
    (Kind.IMPORT, "people_imports_before"),
    (Kind.MOVE, "people_moves"),
    (Kind.MOVE, "people_notices"),
)
"""By bucket, name and services."""
_OF_ACCOUNT: Final = (
    (Kind.RECEIPT, "people_receipts"),
    (Kind.TEXT, "people_texts"),
    (Kind.PART, "people_parts"),
)
"""By bucket, name and account."""

Line = tuple[Kind, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PersonRequest:
    """That a person's data was exported or erased: by whom and when, and how much it was; not whose. `finished_at` None: it was
    broken off."""

    act: Act
    actor: str
    counts: Counts
    created_at: datetime
    finished_at: datetime | None


class Erased(NamedTuple):
    """What was erased, and the messages (rows) that have to come to their end first."""

    counts: Counts
    on_their_way: Sequence[asyncpg.Record]


class _Name(NamedTuple):
    """One spelling of a person: an address, or its pseudonym; and where it lies."""

    bucket: int
    recipient: str


class People:
    """Finds and erases people within accounts. `new_id` makes row ids."""

    def __init__(
        self, database: Database, bucket_key: bytes, new_id: Callable[[datetime], int], pseudonyms: Pseudonyms
    ) -> None:
        self._database = database
        self._bucket_key = bucket_key
        self._new_id = new_id
        self._pseudonyms = pseudonyms

    def _names(self, recipient: str) -> list[_Name]:
        return [
            _Name(bucket_of(address, self._bucket_key), name)
            for address in addresses_of(recipient)
            for name in (address, self._pseudonyms.of(address))
        ]

    async def on_their_way(self, account_id: int, recipient: str) -> list[asyncpg.Record]:
        """The person's messages (rows) that have not come to an end, at most SHOWN_MAX of each spelling."""
        return [
            row
            for name in self._names(recipient)
            for row in await self._fetch("people_on_their_way", *name, account_id, DELETABLE, SHOWN_MAX)
        ]

    async def lines(self, account_id: int, recipient: str) -> AsyncIterator[Line]:
        """All that there is of a person: a kind and a row (`message` rows are whole). Not of one instant: it is read in parts."""
        services = {row["id"]: row["sid"] for row in await self._fetch("people_services", account_id)}
        for name in self._names(recipient):
            async for line in self._of_messages(account_id, name):
                yield line
            for kind, statement in _OF_SERVICES:
                for row in await self._fetch(statement, *name, list(services)):
                    yield kind, {**row, "service_sid": services[row["service_id"]]}
            async for row in self._events(name, list(services)):
                yield Kind.EVENT, {**row, "service_sid": services[row["service_id"]]}
            for kind, statement in _OF_ACCOUNT:
                for row in await self._fetch(statement, *name, account_id):
                    yield kind, dict(row)
        for row in await self._fetch("people_import_problems", list(services), digits_of(recipient)):
            yield Kind.IMPORT, {**row, "service_sid": services[row["service_id"]]}
        for address in addresses_of(recipient):
            async for line in self._of_number(account_id, address, services):
                yield line

    async def _of_number(self, account_id: int, address: str, services: Mapping[int, str]) -> AsyncIterator[Line]:
        """What is not found by a message: opt-outs, what is owed or was posted of messages that are gone, a trial's friend."""
        bucket = bucket_of(address, self._bucket_key)
        for name in (_Name(bucket, address), _Name(bucket, self._pseudonyms.nameless(address))):
            for row in await self._fetch("people_opt_outs", *name, account_id):
                yield Kind.OPT_OUT, {**row, "service_sid": services.get(row["service_id"])}
        for kind, statement in _STRAYS:
            for row in await self._fetch(statement, bucket, account_id, digits_of(address), 2**31 - 1):
                yield kind, dict(row)
        if await self._fetch("people_verified", account_id, address):
            yield Kind.VERIFIED, {"number": address}

    async def _of_messages(self, account_id: int, name: _Name) -> AsyncIterator[Line]:
        after = 0
        while rows := await self._fetch("people_messages", *name, account_id, after, CHUNK):
            pictured = {row["id"]: row["num_media"] > 0 for row in rows}
            for row in rows:
                yield Kind.MESSAGE, row
            for kind, statement in _OF_MESSAGES:
                for row in await self._fetch(statement, name.bucket, list(pictured)):
                    yield kind, {**row, "bucket": name.bucket, "pictured": pictured[row["message_id"]]}
            after = rows[-1]["id"]

    async def _events(self, name: _Name, services: Sequence[int]) -> AsyncIterator[asyncpg.Record]:
        after = 0
        while rows := await self._fetch("people_events", *name, services, after, CHUNK):
            for row in rows:
                yield row
            after = rows[-1]["id"]

    async def _fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        return list(await self._database.pool.fetch(query(name), *arguments))

    async def erase(self, account_id: int, recipient: str, now: datetime) -> Erased:
        """Erase a person (rule S-110). While a message is on its way nothing is erased (rule S-111); what began meanwhile is
        named in the answer, and all the rest is erased. It may break off at any point and be asked for again."""
        if waiting := await self.on_their_way(account_id, recipient):
            return Erased({}, waiting)
        counts: Counter[str] = Counter()
        for _ in range(PASSES_MAX):
            if not (gone := await self._pass(account_id, recipient, now)):
                break
            counts += gone
        return Erased(dict(counts), await self.on_their_way(account_id, recipient))

    async def _pass(self, account_id: int, recipient: str, now: datetime) -> Counter[str]:
        """Everything once. Opt-outs first: a person of whom only those are left is not written to meanwhile."""
        gone: Counter[str] = Counter()
        services = [row["id"] for row in await self._fetch("people_services", account_id)]
        for address in addresses_of(recipient):
            gone[Kind.OPT_OUT] += await self._hide_opt_outs(account_id, address)
        for name in self._names(recipient):
            await self._erase_messages(account_id, name, now, gone)
            for kind, statement in _OF_SERVICES:
                gone[kind] += await self._execute(f"{statement}_erase", *name, services)
            while rows := await self._fetch("people_events", *name, services, 0, CHUNK):
                gone[Kind.EVENT] += await self._execute("people_events_erase", name.bucket, [row["id"] for row in rows])
            for kind, statement in _OF_ACCOUNT:
                gone[kind] += await self._execute(f"{statement}_erase", *name, account_id)
        gone[Kind.IMPORT] += await self._execute("people_import_problems_erase", services, digits_of(recipient))
        for address in addresses_of(recipient):
            await self._erase_strays(account_id, address, gone)
            gone[Kind.VERIFIED] += await self._execute("people_verified_erase", account_id, address)
        return +gone

    async def _execute(self, name: str, *arguments: object) -> int:
        return _count(await self._database.pool.execute(query(name), *arguments))

    async def _hide_opt_outs(self, account_id: int, address: str) -> int:
        """Put a person's opt-outs under the hash; whoever sends from then on looks there (rule S-112)."""
        key = OptOutKey(bucket_of(address, self._bucket_key), self._pseudonyms.nameless(address), 0, 0)

        async def work(connection: Connection) -> int:
            rows = await connection.fetch(query("people_opt_outs_take"), key.bucket, address, account_id)
            if not rows:
                return 0
            hidden = [
                NewOptOut(
                    key._replace(service_id=row["service_id"], sender_id=row["sender_id"]), row["id"], account_id,
                    row["keyword"], Origin(row["origin"]),
                )
                for row in rows
            ]  # fmt: skip
            await opt_outs.insert(connection, hidden)
            await connection.execute(query("people_account_hashes"), account_id)
            services = sorted({row["service_id"] for row in rows} - {0})
            await connection.execute(query("people_service_hashes"), services)
            return len(rows)

        return await self._database.transaction(work)

    async def _erase_messages(self, account_id: int, name: _Name, now: datetime, gone: Counter[str]) -> None:
        after = 0
        while rows := await self._fetch("people_messages", *name, account_id, after, CHUNK):
            ended = [row["id"] for row in rows if row["status"] in DELETABLE]
            gone += await self._database.transaction(partial(self._erase_chunk, name.bucket, ended, now))
            after = rows[-1]["id"]

    async def _erase_chunk(
        self, bucket: int, ended: Sequence[int], now: datetime, connection: Connection
    ) -> Counter[str]:
        """Messages with all that hangs on them, in one transaction."""
        rows = await connection.fetch(query("people_messages_erase"), bucket, ended, DELETABLE)
        ids = [row["id"] for row in rows]
        coming = [
            ErasedReceipt(bucket, carrier_of(row["lane"] or ""), carrier_id)
            for row in rows
            for carrier_id in row["carrier_message_ids"] or ()
            if carrier_id
        ]
        await erased_receipts.note(connection, coming, self._new_id(now))
        gone = Counter({str(Kind.MESSAGE): len(rows)})
        for kind, statement in _OF_MESSAGES:
            gone[kind] += _count(await connection.execute(query(f"{statement}_erase"), bucket, ids))
        for statement in _UNTOLD:
            await connection.execute(query(statement), bucket, ids)
        return gone

    async def _erase_strays(self, account_id: int, address: str, gone: Counter[str]) -> None:
        bucket = bucket_of(address, self._bucket_key)
        for kind, statement in _STRAYS:
            while rows := await self._fetch(statement, bucket, account_id, digits_of(address), CHUNK):
                gone[kind] += await self._execute(f"{statement}_erase", bucket, [row["id"] for row in rows])


def _count(status: str) -> int:
    """How many rows a command says that it touched."""
    return int(status.rsplit(maxsplit=1)[-1])
