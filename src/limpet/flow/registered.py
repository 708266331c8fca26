"""What a registrar's answer means for brands, campaigns and verifications, and an operator's order for what it is about.

Each runs in the transaction that settles the job. Numbers are moved by `limpet.store.registrations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from limpet.core.campaign import BrandStatus, VerificationStatus, campaign_limits
from limpet.core.errors import more_info
from limpet.core.registration import CampaignStatus, Event, Stage
from limpet.registrar.port import Answer, Approved, Pending, Rejected
from limpet.store import registration_jobs as jobs
from limpet.store.database import Connection
from limpet.store.queries import query
from limpet.store.registration_jobs import Job, Order, Settled
from limpet.store.registrations import Move, RegistrationBook, hold, registration_of

EDITABLE_FOR: Final = timedelta(days=7)
"""How long a rejected toll-free verification may be edited."""
BRAND_REJECTED, CAMPAIGN_REJECTED, TOLLFREE_REJECTED, CAMPAIGN_SUSPENDED = 30795, 30897, 30440, 30915
_IDENTITIES = frozenset({"SELF_DECLARED", "UNVERIFIED", "VERIFIED", "VETTED_VERIFIED"})
_NAME_LENGTH_MAX = 64
_EVENTS: Mapping[Order, Event] = {
    Order.RETRY: Event.RETRY,
    Order.RELEASE: Event.APPROVE,
    Order.WITHDRAW: Event.WITHDRAW,
}
_FROM: Mapping[Order, frozenset[Stage]] = {
    Order.RETRY: frozenset({Stage.FAILED, Stage.HELD}),
    Order.RELEASE: frozenset({Stage.HELD}),
    Order.WITHDRAW: frozenset({Stage.REGISTERED}),
}


async def settle_brand(connection: Connection, job: Job, answer: Answer | None, now: datetime) -> None:
    """A brand is approved, with its score, or has failed, with why; undecided it is in review."""
    status, errors, details = BrandStatus.IN_REVIEW, list[object](), dict[str, object]()
    if isinstance(answer, Approved):
        status, details = BrandStatus.APPROVED, dict(answer.details)
    elif isinstance(answer, Rejected):
        status, errors = BrandStatus.FAILED, [_error(answer, BRAND_REJECTED)]
    elif not isinstance(answer, Pending):
        return
    said = details.get("identity_status")
    identity = said if said in _IDENTITIES else "VERIFIED" if status is BrandStatus.APPROVED else "UNVERIFIED"
    await connection.execute(
        query("brand_answered"), job.subject_id, job.key, status, identity, _name(details), _score(details), errors, now
    )


async def settle_campaign(
    connection: Connection, book: RegistrationBook, job: Job, settled: Settled, answer: Answer | None, now: datetime
) -> None:
    """A campaign is verified, or has failed, with why. One that was verified already stays so, whatever is said of a change."""
    row = await connection.fetchrow(query("campaign_by_id"), job.subject_id)
    assert row is not None, "campaigns are never removed"
    await _hold_service(connection, row["service_id"])
    row = await connection.fetchrow(query("campaign_by_id"), job.subject_id)
    if not await jobs.settle(connection, job, settled, now) or row is None:
        return
    before = CampaignStatus(row["status"])
    status, errors, details = before, list[object](), dict[str, object]()
    if isinstance(answer, Approved):
        status, details = CampaignStatus.VERIFIED, dict(answer.details)
    elif isinstance(answer, Rejected):
        status = before if before is CampaignStatus.VERIFIED else CampaignStatus.FAILED
        errors = [_error(answer, CAMPAIGN_REJECTED)]
    elif isinstance(answer, Pending) and before is CampaignStatus.PENDING:
        status = CampaignStatus.IN_PROGRESS
    else:
        return
    if before is CampaignStatus.SUSPENDED:  # the operator's word holds until they take it back
        status = before
    brand = await connection.fetchrow(query("brand_by_id"), row["brand_id"])
    said = _score(details)  # an upstream tells it with the campaign
    score = brand["score"] if brand is not None and said is None else said
    limits = None if brand is None else asdict(campaign_limits(brand["brand_type"], row["usecase"], score))
    await connection.execute(
        query("campaign_answered"), row["id"], job.key, status, _name(details), limits, errors, now
    )
    await book.campaign_changed(connection, row["service_id"], now)


async def settle_verification(connection: Connection, job: Job, answer: Answer | None, now: datetime) -> None:
    """A toll-free verification is approved, or rejected and open to be edited for a while."""
    status, reason, code, until = VerificationStatus.IN_REVIEW, None, None, None
    if isinstance(answer, Approved):
        status = VerificationStatus.APPROVED
    elif isinstance(answer, Rejected):
        status, reason, until = VerificationStatus.REJECTED, answer.reason, now + EDITABLE_FOR
        code = answer.error_code or TOLLFREE_REJECTED
    elif not isinstance(answer, Pending):
        return
    await connection.execute(query("verification_answered"), job.subject_id, job.key, status, reason, code, until, now)


async def settle_order(
    connection: Connection, book: RegistrationBook, job: Job, settled: Settled, now: datetime
) -> None:
    """Carry out an operator's order; one that does not fit what it is about any more does nothing."""
    order = Order(job.kind)
    if order in (Order.SUSPEND, Order.RESUME):
        await _order_campaign(connection, book, job, settled, now)
        return
    row = await connection.fetchrow(query("registration_by_id"), job.subject_id)
    assert row is not None, "registrations are never deleted"
    await hold(connection, [row["address"]], [row["service_id"]])
    row = await connection.fetchrow(query("registration_by_id"), job.subject_id)
    if await jobs.settle(connection, job, settled, now) and row is not None:
        registration = registration_of(row)
        if registration.stage in _FROM[order]:
            await book.move(connection, [Move(registration, _EVENTS[order], job.reason, job.error_code)], now)


async def _order_campaign(
    connection: Connection, book: RegistrationBook, job: Job, settled: Settled, now: datetime
) -> None:
    row = await connection.fetchrow(query("campaign_by_id"), job.subject_id)
    assert row is not None, "campaigns are never removed"
    await _hold_service(connection, row["service_id"])
    if not await jobs.settle(connection, job, settled, now):
        return
    to, frm = CampaignStatus.SUSPENDED, CampaignStatus.VERIFIED
    errors = [_error(Rejected(job.reason or "Suspended", job.error_code), CAMPAIGN_SUSPENDED)]
    if job.kind == Order.RESUME:
        to, frm, errors = frm, to, []
    if await connection.fetchval(query("campaign_ordered"), row["id"], to, frm, errors, now) is not None:
        await book.campaign_changed(connection, row["service_id"], now)


async def _hold_service(connection: Connection, service_id: int) -> None:
    addresses = [row["address"] for row in await connection.fetch(query("numbers_of_service"), service_id)]
    await hold(connection, addresses, [service_id])


def _error(rejected: Rejected, code: int) -> object:
    """An error as Twilio's records show it."""
    number = rejected.error_code or code
    fields = list(rejected.fields)
    return {"error_code": number, "description": rejected.reason, "fields": fields, "url": more_info(number)}


def _name(details: Mapping[str, object]) -> str | None:
    """The registry's name for what was approved."""
    said = details.get("tcr_id")
    return said if isinstance(said, str) and said.isprintable() and 0 < len(said) <= _NAME_LENGTH_MAX else None


def _score(details: Mapping[str, object]) -> int | None:
    said = details.get("score")
    return said if type(said) is int and 0 <= said <= 100 else None
