"""What the registrar is asked, in PostgreSQL: a queue in which each thing has a key, claimed by lease and settled under a fence.

The claim is the intent: it is committed before a byte leaves, so that after a crash it is known what may have been asked. What
the answers mean is `limpet.flow.register`'s decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import asyncpg

from limpet.store.database import Connection, Database, Reader
from limpet.store.queries import query
from limpet.store.registrations import new_key

OPEN_SHOWN_MAX = 1000


class JobState(StrEnum):
    """Where a job is: to be sent, perhaps sent, taken and not decided, over."""

    DUE = "due"
    SENDING = "sending"
    WAITING = "waiting"
    DONE = "done"


class Verdict(StrEnum):
    """An operator's word in the place of the registrar's."""

    APPROVE = "approve"
    REJECT = "reject"


class Order(StrEnum):
    """An operator's word about what nobody is asked at present."""

    RETRY = "retry"
    RELEASE = "release"
    WITHDRAW = "withdraw"
    SUSPEND = "suspend"
    RESUME = "resume"


class Job(NamedTuple):
    """A claimed job. `before` is the state in which it was found."""

    id: int
    key: str
    kind: str
    subject_id: int
    account_id: int
    before: JobState
    superseded: bool
    attempt: int
    fence: int
    created_at: datetime
    reference: str | None
    verdict: str | None
    error_code: int | None
    reason: str | None


class Settled(NamedTuple):
    """What becomes of a claimed job. `trouble` is why the try came to nothing; without it the attempts count anew."""

    state: JobState
    due_at: datetime
    reference: str | None = None
    error_code: int | None = None
    reason: str | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job is about, as the registrar is told; `mock` ones are never asked."""

    sid: str
    account_sid: str
    details: Mapping[str, object]
    mock: bool = False


async def claim(database: Database, now: datetime, lease_until: datetime, limit: int) -> list[Job]:
    """Take over what is due, at most `limit`, the oldest first; until `lease_until` nobody else gets it."""

    async def work(connection: Connection) -> list[Job]:
        rows = await connection.fetch(query("job_claim"), now, lease_until, limit)
        return sorted(map(_job_of, rows))

    return await database.transaction(work)


async def settle(connection: Connection, job: Job, settled: Settled, now: datetime) -> bool:
    """Write what came of a claim; whether anybody still wants it."""
    superseded = await connection.fetchval(
        query("job_settle"), job.id, job.fence, settled.state, settled.due_at, settled.reference, settled.error_code,
        settled.reason, settled.trouble, settled.trouble is None, now,
    )  # fmt: skip
    return superseded is False


async def order(
    connection: Connection,
    what: Order,
    subject_id: int,
    account_id: int,
    reason: str | None,
    code: int | None,
    now: datetime,
) -> None:
    """Have an operator's word carried out by whichever process runs."""
    await connection.execute(
        query("job_order"), new_key(), what, subject_id, account_id, now, Verdict.APPROVE, code, reason
    )


async def give_verdict(
    connection: Connection, key: str, verdict: Verdict, reason: str | None, code: int | None, now: datetime
) -> bool:
    """Answer an open job in the registrar's place; whether it was open."""
    return await connection.fetchval(query("job_verdict"), key, verdict, code, reason, now) is not None


async def open_jobs(reader: Reader, *, refused_too: bool) -> list[asyncpg.Record]:
    """What is open, oldest first, and with `refused_too` also what ended without being over, at most OPEN_SHOWN_MAX."""
    return list(await reader.fetch(query("jobs_open"), refused_too, OPEN_SHOWN_MAX))


async def asked_brand(connection: Connection, brand_id: int, account_sid: str) -> Asked | None:
    """What the registrar is told of a brand."""
    row = await connection.fetchrow(query("brand_by_id"), brand_id)
    names = ("customer_profile_sid", "a2p_profile_sid", "brand_type", "skip_vetting")
    return None if row is None else Asked(row["sid"], account_sid, {name: row[name] for name in names}, row["mock"])


async def asked_campaign(connection: Connection, campaign_id: int, account_sid: str) -> Asked | None:
    """What the registrar is told of a campaign."""
    row = await connection.fetchrow(query("campaign_by_id"), campaign_id)
    if row is None:
        return None
    told = {
        "brand_registration_sid": row["brand_sid"],
        "us_app_to_person_usecase": row["usecase"],
        "campaign_id": row["tcr_id"],
        "messaging_service_sid": row["service_sid"],
    }
    return Asked(row["sid"], account_sid, {**row["fields"], **told}, row["mock"])


async def asked_verification(connection: Connection, verification_id: int, account_sid: str) -> Asked | None:
    """What the registrar is told of a toll-free verification."""
    row = await connection.fetchrow(query("verification_by_id"), verification_id)
    told = None if row is None else {**row["fields"], "phone_number": row["address"]}
    return None if row is None or told is None else Asked(row["sid"], account_sid, told)


async def asked_number(connection: Connection, registration_id: int, account_sid: str) -> Asked | None:
    """What the registrar is told of a number and its campaign."""
    rows = await connection.fetch(query("registration_names"), [registration_id])
    if not rows:
        return None
    row = rows[0]
    told = {
        "phone_number": row["address"], "campaign_sid": row["campaign_sid"], "campaign_id": row["tcr_id"],
        "messaging_service_sid": row["service_sid"],
    }  # fmt: skip
    return Asked(row["number_sid"], account_sid, told, row["mock"])


async def account_sid(connection: Connection, account_id: int) -> str:
    """The SID of the account that a job belongs to."""
    return str(await connection.fetchval(query("account_sid_by_id"), account_id))


def _job_of(row: asyncpg.Record) -> Job:
    return Job(
        row["id"], row["key"], row["kind"], row["subject_id"], row["account_id"], JobState(row["state_before"]),
        row["superseded"], row["attempt"], row["fence"], row["created_at"], row["reference"], row["verdict"],
        row["error_code"], row["reason"],
    )  # fmt: skip
