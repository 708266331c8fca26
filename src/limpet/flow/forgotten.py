"""What is still known of people who were forgotten: that they opted out, under a hash (rule S-112), and which receipts may still
come.

Hashes are looked under only where there are any: a service and an account say so in the rows that are read anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import asyncpg

from limpet.core.pool import Pool
from limpet.core.retention import Pseudonyms
from limpet.core.routing import carrier_of
from limpet.flow.spellings import Came, Spellings
from limpet.store import erased_receipts, opt_outs
from limpet.store.database import Connection
from limpet.store.erased_receipts import ErasedReceipt
from limpet.store.opt_outs import OptOutKey
from limpet.store.sticky import MappingKey, MappingRead


class Forgotten:
    """Finds opt-outs that are kept under hashes."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    def hidden(self, key: OptOutKey) -> OptOutKey:
        """Where an opt-out is once its person is forgotten."""
        return key._replace(recipient=self._pseudonyms.nameless(key.recipient))

    async def refuse(
        self, connection: Connection, reads: dict[MappingKey, MappingRead], pools: Mapping[int, Pool | None]
    ) -> None:
        """Let `reads` say of forgotten people too that they opted out; asks nothing where no service has any."""
        keeping = {service for service, pool in pools.items() if pool and pool.service.keeps_hashes}
        if not keeping:
            return
        asked = {
            self.hidden(OptOutKey(key.bucket, key.recipient, key.service_id, 0)): key
            for key, read in reads.items()
            if key.service_id in keeping and not read.opted_out
        }
        for found in await opt_outs.find(connection, asked):
            key = asked[found]
            reads[key] = reads[key]._replace(opted_out=True)

    async def refuse_plain(
        self,
        connection: Connection,
        asked: Sequence[tuple[int, str, int, str]],
        senders: Sequence[asyncpg.Record | None],
    ) -> Collection[int]:
        """Of messages with a From, `(account_id, address, bucket, recipient)`, the places of those whose person opted out and was
        then forgotten."""
        places: dict[OptOutKey, list[int]] = {}
        for place, (one, row) in enumerate(zip(asked, senders, strict=True)):
            if row is not None and row["keeps_hashes"] and not row["opted_out"]:
                hidden = self.hidden(OptOutKey(one[2], one[3], 0, row["sender_id"]))
                places.setdefault(hidden, []).append(place)
                if row["service_id"] is not None:
                    places.setdefault(hidden._replace(service_id=row["service_id"], sender_id=0), []).append(place)
        return {place for found in await opt_outs.find(connection, places) for place in places[found]}


async def without_erased(connection: Connection, spellings: Spellings, unknown: list[Came]) -> list[Came]:
    """Of receipts of which no message is known those that are not of an erased one: those are dropped (rule S-114)."""
    names = {came: _names(spellings, came) for came in unknown if came.receipt.carrier_message_id is not None}
    found = await erased_receipts.find(connection, {name for each in names.values() for name in each})
    return [came for came in unknown if found.isdisjoint(names.get(came, ()))]


def _names(spellings: Spellings, came: Came) -> list[ErasedReceipt]:
    carrier = carrier_of(came.lane)
    ids = spellings.ids(carrier, came.receipt.carrier_message_id or "")
    return [ErasedReceipt(came.bucket, carrier, one) for one in ids]
