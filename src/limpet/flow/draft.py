"""A message on its way to a row: what was asked for, what has become of it so far, and what is answered.

Values, and small questions about them; `limpet.flow.accept` moves them through its transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from limpet.core.address import Address
from limpet.core.encoding import Segmented, segment
from limpet.core.ids import BUCKETS
from limpet.core.lookalikes import smart_encoded
from limpet.core.media import with_link
from limpet.core.model import Account, Direction, Message, Service
from limpet.core.permissions import may_send_to
from limpet.core.retention import Mark, as_kept
from limpet.core.status import Status
from limpet.core.sticky import Ask
from limpet.flow.assign import Wanted
from limpet.flow.repeat import Claim, Idempotency, Misused
from limpet.store.links import NewLinks
from limpet.store.media import NewMedia
from limpet.store.messages import MessageRow
from limpet.store.mms import NewMms
from limpet.store.pools import ServiceOwner
from limpet.store.sticky import MappingKey

VALIDITY_PERIOD_S = 36_000
"""Twilio's default for messages without a service."""
NOT_PERMITTED, NOT_VERIFIED = 21408, 21608
MMS_SEGMENTS = 1
"""Twilio's `num_segments` of an MMS."""


@dataclass(frozen=True, slots=True)
class Media:
    """URLs that go with a message, and the link that may stand for them in its text: `link` ends with `code`."""

    urls: tuple[str, ...]
    link: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message as a customer asks for it. `sender` is the From that was named, normalised; without it the service chooses.

    `smart_encoded` None leaves it to the service; without a service it is off.
    """

    account: Account
    service_sid: str | None
    sender: str | None
    recipient: Address
    body: str
    status_callback: str | None
    callback_events: str | None
    validity_period_s: int | None
    send_at: datetime | None
    smart_encoded: bool | None = None
    idempotency: Idempotency | None = None
    direction: Direction = Direction.OUTBOUND_API
    media: Media | None = None
    marks: int = 0
    """`limpet.core.retention.Mark`."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Codes of the short links in `body`, each with the URL that it stands for."""
    as_mms: bool = False
    """It must go out as one MMS, whatever it holds."""

    @property
    def link(self) -> str | None:
        """What may go out in the place of its media."""
        return None if self.media is None or self.as_mms else self.media.link


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not taken: Twilio's code and what its text names."""

    code: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Overloaded:
    """Not taken: too much waits already, or the database is away. Nothing was written; the client may come again."""


Answer = Message | Rejected | Overloaded | Misused


@dataclass(slots=True)
class Draft:
    """A message of the batch on its way to a row."""

    new: NewMessage
    person: int
    body: str
    content: Segmented
    owner: ServiceOwner | None
    wants_mms: bool = False
    """It goes out as MMS if a sender can be had for that."""
    row: MessageRow | None = None
    rejected: Rejected | None = None
    repeats: Message | Misused | Draft | None = None
    """What the request under its key has made already, or the draft of this batch that makes it."""
    carried: bool = False
    """Its sender takes it out as MMS."""
    linked: bool = False
    """A link stands for its media."""


def new_row(draft: Draft, message_id: int, now: datetime) -> MessageRow:
    """The row that a message begins with; binding it changes its status, its sender and what it inherits."""
    new = draft.new
    return MessageRow(
        bucket=draft.person % BUCKETS, id=message_id, account_id=new.account.id,
        service_id=draft.owner.service_id if draft.owner else None, member_id=None, direction=new.direction,
        status=Status.SCHEDULED if new.send_at else Status.ACCEPTED if draft.owner else Status.QUEUED,
        recipient=new.recipient.value, sender=new.sender, body=draft.body, num_segments=draft.content.count,
        send_at=new.send_at, expires_at=(new.send_at or now) + timedelta(seconds=new.validity_period_s or VALIDITY_PERIOD_S),
        status_callback=new.status_callback, callback_events=new.callback_events or "all",
        num_media=len(new.media.urls) if new.media else 0, marks=new.marks or None,
    )  # fmt: skip


def begin(draft: Draft, message_id: int, now: datetime) -> None:
    """Forget what a former try of the transaction made of a draft, and give it its row."""
    draft.rejected, draft.repeats = None, None
    if draft.carried or draft.linked:
        draft.carried, draft.linked, draft.content = False, False, segment(draft.body)
    draft.row = new_row(draft, message_id, now)


def inherit(draft: Draft, service: Service, start: datetime) -> None:
    """What a message does not say itself its service says."""
    row, new = row_of(draft), draft.new
    if new.smart_encoded is None and service.smart_encoding and (body := smart_encoded(draft.body)) != draft.body:
        draft.body, draft.content = body, segment(body)
        row.body, row.num_segments = body, draft.content.count
    row.status_callback = new.status_callback or service.status_callback
    row.callback_events = new.callback_events or service.status_callback_events
    row.expires_at = start + timedelta(seconds=new.validity_period_s or service.validity_period)


def media_of(kept: list[Draft]) -> list[NewMedia]:
    """What is kept of the media of messages that are; a link leads to them where one is told, or may still be."""
    return [
        NewMedia(
            row_of(draft).bucket, row_of(draft).id, draft.new.media.urls,
            draft.new.media.code if draft.linked or _undecided(draft) else None,
        )
        for draft in kept
        if draft.new.media is not None
    ]  # fmt: skip


def mms_of(kept: list[Draft]) -> list[NewMms]:
    """What must be known of messages that go out as MMS, or may when their sender is chosen."""
    return [
        NewMms(row_of(draft).bucket, row_of(draft).id, draft.carried, None if draft.carried else draft.new.link)
        for draft in kept
        if draft.carried or (draft.wants_mms and _undecided(draft))
    ]


def links_of(kept: list[Draft]) -> list[NewLinks]:
    """What is kept of the short links of messages that are."""
    return [
        NewLinks(row_of(draft).bucket, row_of(draft).id, row_of(draft).account_id, draft.new.links)
        for draft in kept
        if draft.new.links
    ]


def _undecided(draft: Draft) -> bool:
    """Whether its sender is yet to be chosen."""
    return row_of(draft).status in (Status.SCHEDULED, Status.ACCEPTED)


def settle_media(draft: Draft, *, carried: bool) -> None:
    """A message's sender is known: its media go along, as one MMS whatever its length, or a link goes in their place."""
    row, link = row_of(draft), draft.new.link
    draft.carried = carried
    if carried:
        row.num_segments = MMS_SEGMENTS
    elif link is not None:
        draft.linked = True
        row.body = with_link(draft.body, link)
        draft.content = segment(row.body)
        row.num_segments = draft.content.count


def media_sent(draft: Draft) -> tuple[str, ...] | None:
    """What goes out with a message; None where it is an SMS."""
    if not draft.carried:
        return None
    return () if draft.new.media is None else draft.new.media.urls


def wanted(draft: Draft) -> Wanted:
    """The question of who this message comes from."""
    row = row_of(draft)
    ask = Ask(draft.new.recipient, draft.person, draft.new.sender, draft.wants_mms)
    key = MappingKey(row.bucket, service_id_of(draft), row.recipient)
    linkable, obfuscated = draft.wants_mms and draft.new.link is not None, bool(draft.new.marks & Mark.OBFUSCATE)
    return Wanted(key, row.id, ask, row.num_segments, obfuscated=obfuscated, linkable=linkable)


def answer_of(draft: Draft, now: datetime) -> Answer:
    """The message as Twilio shows it at creation: a service's is `accepted`, and `from` is known only if it was named."""
    if draft.repeats is not None:
        return answer_of(draft.repeats, now) if isinstance(draft.repeats, Draft) else draft.repeats
    if draft.rejected is not None or draft.row is None:
        return draft.rejected or Overloaded()
    new, row = draft.new, draft.row
    status = Status.SCHEDULED if new.send_at else Status.ACCEPTED if draft.owner else Status.QUEUED
    recipient, body = as_kept(row.recipient, row.body, new.marks) if new.marks else (row.recipient, row.body)
    return Message(
        row.bucket, row.id, row.account_id, row.service_id, row.direction, status, recipient, new.sender, body,
        row.num_segments if new.sender else 0, row.num_media, None, None, None, now, now, None,
    )  # fmt: skip


def rejected(draft: Draft, code: int) -> Rejected:
    """A message that is not taken, with what its text may name."""
    return Rejected(
        code, {"service": draft.new.service_sid or "", "from": draft.new.sender or "", "to": draft.new.recipient.value}
    )


def barred(account: Account, recipient: Address) -> int | None:
    """Why an account may send nothing to a person, whoever it would come from; None where it may."""
    if not may_send_to(account, recipient.country):
        return NOT_PERMITTED
    return NOT_VERIFIED if account.trial and recipient.value not in account.verified else None


def claim_of(draft: Draft) -> Claim:
    """The claim of a request that has a key."""
    assert draft.new.idempotency is not None
    row = row_of(draft)
    return Claim(row.account_id, draft.new.idempotency, (row.bucket, row.id))


def row_of(draft: Draft) -> MessageRow:
    """The row of a message that has one."""
    assert draft.row is not None
    return draft.row


def service_id_of(draft: Draft) -> int:
    """The id of a message's service, which it must have."""
    assert draft.owner is not None
    return draft.owner.service_id
