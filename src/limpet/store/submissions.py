"""What became of messages at their carriers, as rows tell it: for people who look, and for questions to carriers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from limpet.core.page import Page, PageRequest
from limpet.core.tlvs import Tlvs, read
from limpet.store.database import Database
from limpet.store.dispatch import Outgoing, outgoing
from limpet.store.paging import fetch_page, listing
from limpet.store.queries import query

_IN_DOUBT = listing("in_doubt_of_account")


@dataclass(frozen=True, slots=True)
class Submitted:
    """A message on its way or at its carrier's: one id and one state a segment, as far as they are known. `in_doubt_at` says
    since when nobody knows whether it left."""

    message: Outgoing
    num_segments: int
    carrier_message_ids: tuple[str, ...]
    segment_states: tuple[str, ...]
    in_doubt_at: datetime | None
    sent_at: datetime | None
    tlvs: Tlvs = ()
    """What the carrier of an inbound message has said of it."""


def submitted(row: asyncpg.Record) -> Submitted:
    """The value of a row of `message`."""
    ids, states = tuple(row["carrier_message_ids"] or ()), tuple(row["segment_states"] or ())
    tlvs = read(row["tlvs"] or {})
    return Submitted(outgoing(row), row["num_segments"], ids, states, row["in_doubt_at"], row["sent_at"], tlvs)


async def fetch(database: Database, account_id: int, bucket: int, message_id: int) -> Submitted | None:
    """An account's message; None when it has none there."""
    row = await database.pool.fetchrow(query("message_fetch"), bucket, message_id, account_id)
    return None if row is None else submitted(row)


async def in_doubt(database: Database, account_id: int, request: PageRequest) -> Page[Submitted]:
    """A page of an account's messages in doubt, newest first."""
    return await fetch_page(database, _IN_DOUBT, request, submitted, account_id)


async def unreceipted(
    database: Database, lanes: Sequence[str], oldest_id: int, before_id: int, limit: int
) -> list[Submitted]:
    """Messages of these lanes, of ids in that range, which the carrier took and has not given a final receipt for."""
    rows = await database.pool.fetch(query("unreceipted"), list(lanes), oldest_id, before_id, limit)
    return [submitted(row) for row in rows]
