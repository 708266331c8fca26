"""What a decision makes of a message's row: where it goes, what it waits for, whose claim it is under. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from limpet.core.limits import RATE_EXCEEDED, CampaignShare
from limpet.core.model import SenderKind
from limpet.core.rate import Queue, of_campaign
from limpet.core.selection import Refusal
from limpet.core.status import Status
from limpet.core.sticky import Binding
from limpet.flow.lanes import Reservation
from limpet.flow.owed import Told
from limpet.store.dispatch import Claim, Due, Key, Outgoing
from limpet.store.messages import MessageRow

QUEUE_FULL = 30001


@dataclass(frozen=True, slots=True)
class Way:
    """What routing wants to know of a sender."""

    address: str
    carrier: str
    kind: SenderKind
    country: str
    also_through: tuple[str, ...] | None = None
    shared: Sequence[Queue] = ()
    """Whose rates it must keep beside the sender's own."""
    campaign: CampaignShare | None = None
    """The campaign whose rate it must keep as well (S-55)."""


def place(
    row: MessageRow, binding: Binding, shared: Sequence[Queue], reservation: Reservation, now: datetime,
    campaign: CampaignShare | None = None,
) -> None:  # fmt: skip
    """Write a binding into a row, and claim the row for its lane when there is room. `campaign` is that of which it is sent."""
    sender = binding.candidate.sender
    row.member_id, row.sender = binding.candidate.member_id, sender.address
    row.reason, row.sticky = binding.reason, binding.outcome
    way = Way(sender.address, sender.carrier, sender.kind, sender.country, sender.also_through, shared, campaign)
    route(row, way, reservation, now)


def route(row: MessageRow, way: Way, reservation: Reservation, now: datetime) -> None:
    """Send a row to its sender's lane: claimed at once where rates and room allow, queued for its place otherwise; failed where
    a queue is full."""
    fleet = reservation.fleet
    row.lane = fleet.lane_for(way.carrier, way.address, way.country, way.also_through, row.recipient)
    row.status = Status.QUEUED
    campaign = None if way.campaign is None else of_campaign(way.campaign.campaign_id, way.campaign.segments_per_s)
    shared = way.shared if campaign is None else (*way.shared, campaign)
    wait_s = fleet.wait_s(way.address, way.kind, way.country, row.num_segments, shared)
    if wait_s is None:
        too_fast = campaign is not None and fleet.is_full(campaign.name)
        row.status, row.error_code = Status.FAILED, RATE_EXCEEDED if too_fast else QUEUE_FULL
    elif wait_s > 0:
        row.due_at = now + timedelta(seconds=wait_s)
    elif row.recipient not in reservation.fleet.waiting_people and (fence := reservation.take(row.lane)) is not None:
        row.status, row.fence, row.attempt, row.claimed_at = Status.SENDING, fence, 1, now


def leaving(row: MessageRow) -> int:
    """The segments with which a row goes on its way: none where a queue was full."""
    return 0 if row.status is Status.FAILED else row.num_segments


def refuse(row: MessageRow, refusal: Refusal) -> None:
    """A message for which there is no sender: failed, with each candidate's why-not."""
    row.status, row.error_code = Status.FAILED, refusal.error_code
    row.rejections = json.dumps(dict(refusal.why_not)) if refusal.why_not else None


def due_of(row: MessageRow, now: datetime) -> Due | None:
    """Where a row waits: in its lane's queue, or unbound until its time; None when it does not."""
    if row.status is Status.QUEUED:
        return Due(row.bucket, row.id, row.lane or "", row.due_at or now, row.expires_at)
    if row.status in (Status.SCHEDULED, Status.ACCEPTED):
        return Due(row.bucket, row.id, "", row.due_at or row.send_at or now, row.expires_at)
    return None


def first_change(row: MessageRow, outgoing: Outgoing | None = None) -> Told | None:
    """The first change that a customer hears of: never the status that a message was created with (Twilio, status callbacks).
    `outgoing` is the row for dispatch, where that is made already."""
    if row.status is Status.FAILED:
        return Told(outgoing or outgoing_of(row), Status.FAILED, row.error_code)
    if row.service_id is not None and row.status in (Status.QUEUED, Status.SENDING):
        return Told(outgoing or outgoing_of(row), Status.QUEUED)
    return None


def claims_of(rows: Sequence[MessageRow], new_id: Callable[[], int]) -> dict[str, Claim]:
    """The batches of claims among rows, one a lane."""
    claimed: dict[str, list[MessageRow]] = {}
    for row in rows:
        if row.status is Status.SENDING:
            claimed.setdefault(row.lane or "", []).append(row)
    return {
        lane: Claim(new_id(), lane, group[0].fence or 0, tuple(Key(row.bucket, row.id) for row in group))
        for lane, group in claimed.items()
    }


def outgoing_of(row: MessageRow) -> Outgoing:
    """A row as dispatch and callbacks need it."""
    return Outgoing(
        Key(row.bucket, row.id), row.account_id, row.service_id, row.member_id, row.recipient, row.sender, row.body,
        row.num_media, row.status, row.expires_at, row.status_callback, row.callback_events, row.lane,
        row.fence, row.attempt, row.claimed_at, row.marks or 0, row.num_segments,
    )  # fmt: skip
