"""An operator's answers and orders, written down in the database for a running Limpet to carry out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from limpet.core.registration import SHOWN, Stage
from limpet.store import registration_jobs as jobs
from limpet.store.database import Connection, Database
from limpet.store.queries import query
from limpet.store.registration_jobs import Order, Verdict


class NothingToOrder(Exception):
    """There is nothing that an operator's word could be about; the message is a sentence for them."""


async def listed(database: Database, *, refused_too: bool) -> list[dict[str, Any]]:
    """What is open, as it is shown."""
    return [_shown(row) for row in await jobs.open_jobs(database.pool, refused_too=refused_too)]


async def give(database: Database, subject: str, what: str, reason: str | None, code: int | None, now: datetime) -> str:
    """Write an operator's word down; answers a sentence. NothingToOrder when there is nothing that it could be about."""

    async def work(connection: Connection) -> str:
        if what in (Order.SUSPEND, Order.RESUME):
            return await _order_campaign(connection, subject, Order(what), reason, code, now)
        if what == Order.RETRY:
            return await _order_number(connection, subject, Order.RETRY, {Stage.FAILED, Stage.HELD}, reason, code, now)
        key = await _open_key(connection, subject)
        if key is not None and await jobs.give_verdict(connection, key, Verdict(what), reason, code, now):
            return f"{subject} will be told: {what}d." if what == "approve" else f"{subject} will be told: rejected."
        if what == "reject":
            return await _order_number(connection, subject, Order.WITHDRAW, {Stage.REGISTERED}, reason, code, now)
        return await _order_number(connection, subject, Order.RELEASE, {Stage.HELD}, reason, code, now)

    return await database.transaction(work)


async def _open_key(connection: Connection, subject: str) -> str | None:
    """The key of what is asked about a subject at present; the oldest, where a number is asked about twice."""
    for row in await jobs.open_jobs(connection, refused_too=False):
        if subject in _names(row):
            return str(row["key"])
    return None


async def _order_number(
    connection: Connection,
    subject: str,
    order: Order,
    stages: set[Stage],
    reason: str | None,
    code: int | None,
    now: datetime,
) -> str:
    address = await connection.fetchval(query("number_by_sid"), subject) or subject
    for row in await connection.fetch(query("registration_open_of_number"), address):
        if Stage(row["stage"]) in stages:
            await jobs.order(connection, order, row["id"], row["account_id"], reason, code, now)
            return f"{subject} will be told: {order}."
    raise NothingToOrder(f"Nothing about {subject} waits for that: see what is open, and what failed.")


async def _order_campaign(
    connection: Connection, subject: str, order: Order, reason: str | None, code: int | None, now: datetime
) -> str:
    row = await connection.fetchrow(query("campaign_by_sid_any"), subject)
    if row is None:
        raise NothingToOrder(f"There is no campaign {subject}.")
    needed = "VERIFIED" if order is Order.SUSPEND else "SUSPENDED"
    if row["status"] != needed:
        raise NothingToOrder(f"{subject} is {row['status']}, and only one that is {needed} can be told to {order}.")
    await jobs.order(connection, order, row["id"], row["account_id"], reason, code, now)
    return f"{subject} will be told: {order}."


def _names(row: asyncpg.Record) -> set[str]:
    if row["kind"] in ("campaign", "campaign_removal"):
        return {row["campaign_sid"]}
    return {name for name in (row["brand_sid"], row["verification_sid"], row["number_sid"], row["address"]) if name}


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    subject = row["address"] or row["brand_sid"] or row["verification_sid"] or row["campaign_sid"] or ""
    state = SHOWN[Stage(row["stage"])] if row["stage"] else row["state"]
    return {
        "subject": subject, "sid": row["number_sid"] or subject, "asked": row["kind"], "state": str(state),
        "since": row["created_at"].isoformat(timespec="seconds"), "campaign_sid": row["campaign_sid"],
        "account_sid": row["account_sid"], "reason": row["reason"], "error_code": row["error_code"], "trouble": row["trouble"],
        "attempt": row["attempt"],
    }  # fmt: skip
