"""Takes messages in: what arrived together becomes rows, bound and claimed where that can be done now, in one transaction.

The answer is given after the commit and shows Twilio's states, whatever shortcut the rows took. Which sender is
`limpet.flow.assign`'s question; how a request reads is `limpet.web`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from limpet.clock import Clock
from limpet.core.encoding import segment
from limpet.core.ids import day_number, person_hash
from limpet.core.limits import NO_LIMITS, CampaignShare
from limpet.core.lookalikes import smart_encoded
from limpet.core.model import Account, Capability, Message, SenderKind
from limpet.core.optout import OPTED_OUT
from limpet.core.pool import carries_media, is_of_campaign, reaches
from limpet.core.rate import Queue
from limpet.core.registration import REGULATED, UNREGISTERED_SENDER
from limpet.core.selection import Refusal
from limpet.core.status import Status
from limpet.core.sticky import NO_MEDIA_FROM_IT, SERVICE_PAUSED
from limpet.flow.assign import Assigner, NotYet
from limpet.flow.campaign_share import CampaignCounts, CampaignUse
from limpet.flow.directory import Directory
from limpet.flow.dispatch import Dispatcher
from limpet.flow.draft import (
    Answer,
    Draft,
    NewMessage,
    Overloaded,
    Rejected,
    answer_of,
    barred,
    begin,
    claim_of,
    inherit,
    links_of,
    media_of,
    media_sent,
    mms_of,
    rejected,
    row_of,
    service_id_of,
    settle_media,
    wanted,
)
from limpet.flow.explain import Explained, Supposed, explain
from limpet.flow.lanes import Flight, Reservation
from limpet.flow.owed import Owed, Told
from limpet.flow.repeat import SameBatch, place_of, settle
from limpet.flow.rows import (
    QUEUE_FULL,
    Way,
    claims_of,
    due_of,
    first_change,
    leaving,
    outgoing_of,
    place,
    refuse,
    route,
)
from limpet.flow.share import Portion, give_back
from limpet.flow.worker import Batcher
from limpet.store import dispatch, idempotency, links, media, messages, mms, tallies
from limpet.store.callbacks import OwedCallback
from limpet.store.database import DATABASE_AWAY, Connection, Database
from limpet.store.dispatch import Claim as LaneClaim
from limpet.store.dispatch import Due
from limpet.store.messages import MessageRefusal
from limpet.store.pools import share_of
from limpet.store.tallies import NO_DAY, Tally

SERVICE_UNKNOWN, POOL_EMPTY, FROM_NOT_IN_POOL, FROM_NOT_OWNED, FROM_QUEUE_FULL = 21701, 21704, 21711, 21606, 21611
FROM_CANNOT_TEXT, FROM_ELSEWHERE, TOO_MANY_SCHEDULED, NO_MEDIA_AT_ALL = 21601, 21669, 35125, 21622
UNREACHABLE = {
    SenderKind.SHORT_CODE: 21659, SenderKind.ALPHANUMERIC: 21612, SenderKind.DESTINATION_ALPHA: 21612,
    SenderKind.WHATSAPP: 21606,
}  # fmt: skip
"""What is said of a plain From that cannot write to the recipient's place."""
_ANSWERED_AT_ONCE = frozenset({SERVICE_UNKNOWN, SERVICE_PAUSED, POOL_EMPTY, FROM_NOT_IN_POOL})


@dataclass(slots=True)
class _Written:
    """What one transaction wrote, for what follows its commit."""

    flights: list[Flight] = field(default_factory=list)
    owed: list[OwedCallback] = field(default_factory=list)
    waiting: list[Due] = field(default_factory=list)
    claims: list[LaneClaim] = field(default_factory=list)


class Accept:
    """The one way in for messages. `bucket_key` places people, `new_id` makes row ids; at most `waiting_max` wait. An account has
    at most `scheduled_max` messages scheduled if it has no limit of its own; by the carriers `elsewhere` nothing leaves here.
    """

    def __init__(
        self, database: Database, directory: Directory, assigner: Assigner, dispatcher: Dispatcher, owed: Owed,
        clock: Clock, bucket_key: bytes, new_id: Callable[[datetime], int], waiting_max: int, scheduled_max: int,
        elsewhere: Collection[str], campaigns: CampaignCounts,
    ) -> None:  # fmt: skip
        self._database = database
        self._directory = directory
        self._assigner = assigner
        self._dispatcher = dispatcher
        self._owed = owed
        self._clock = clock
        self._bucket_key = bucket_key
        self._new_id = new_id
        self._scheduled_max = scheduled_max
        self._elsewhere = elsewhere
        self._campaigns = campaigns
        self.counts = dispatcher.counts
        self._batcher: Batcher[NewMessage, Answer] = Batcher(self._run, waiting_max=waiting_max)

    @property
    def loads(self) -> Mapping[int, float]:
        """How busy members of pools have been here of late; to be compared, since the values mean nothing by themselves."""
        return self._assigner.known.loads

    async def submit(self, new: NewMessage) -> Answer:
        """Take a message: the message as Twilio shows it at creation, committed; or why it was not taken."""
        if self._batcher.full:
            return Overloaded()
        try:
            return await self._batcher.put(new)
        except DATABASE_AWAY:
            return Overloaded()

    async def explain(self, supposed: Supposed) -> Explained | None:
        """Who a message would come from, and why not from the others; nothing is written. None when the account has no such
        service."""
        owner = await self._directory.service_owner(supposed.service_sid)
        if owner is None or owner.account_id != supposed.account.id:
            return None
        person = person_hash(supposed.recipient.value, self._bucket_key)
        return await explain(
            self._database, self._directory, self._assigner, self._campaigns, owner.service_id, supposed, person
        )  # fmt: skip

    async def cancel(self, account: Account, bucket: int, message_id: int) -> Message | MessageRefusal:
        """Cancel a message that is still scheduled; it leaves no trace in any mapping (rule S-19)."""
        now = self._clock.now()

        async def work(connection: Connection) -> tuple[Message | MessageRefusal, list[OwedCallback]]:
            done = await messages.cancel(connection, account.id, bucket, message_id, now)
            if isinstance(done, MessageRefusal):
                return done, []
            canceled, outgoing = done
            await dispatch.take(connection, [outgoing.key])
            owed = await self._owed.write(connection, [Told(outgoing, Status.CANCELED)], now)
            await tallies.add(connection, Tally.SCHEDULED, NO_DAY, {account.id: -1})
            return canceled, owed

        answer, owed = await self._database.transaction(work)
        self._dispatcher.post_callbacks(owed)
        return answer

    async def idle(self) -> None:
        """Wait until no batch is under way."""
        await self._batcher.idle()

    async def _run(self, batch: list[NewMessage]) -> Sequence[Answer]:
        drafts = [await self._draft(new) for new in batch]
        now = self._clock.now()
        reservation, written = Reservation(self._dispatcher.fleet), _Written()

        async def work(connection: Connection) -> None:
            nonlocal written
            reservation.give_back()  # what a former try of the same transaction took
            written = _Written()
            await self._write(connection, drafts, reservation, written, now)

        try:
            await self._database.transaction(work)
        except BaseException:
            self._dispatcher.fleet.suspect(written.claims)
            raise
        finally:
            reservation.give_back()
        self.counts.drafts(drafts)
        self._dispatcher.launch(written.flights)
        self._dispatcher.post_callbacks(written.owed)
        self._dispatcher.fleet.waiting(due.lane for due in written.waiting)
        return [answer_of(draft, now) for draft in drafts]

    async def _draft(self, new: NewMessage) -> Draft:
        owner = await self._directory.service_owner(new.service_sid) if new.service_sid else None
        body = smart_encoded(new.body) if new.smart_encoded else new.body
        draft = Draft(
            new,
            person_hash(new.recipient.value, self._bucket_key),
            body,
            segment(body),
            owner,
            new.media is not None or new.as_mms,
        )
        if new.service_sid and (owner is None or owner.account_id != new.account.id):
            draft.rejected = Rejected(SERVICE_UNKNOWN, {"service": new.service_sid})
        elif (code := barred(new.account, new.recipient)) is not None:
            draft.rejected = rejected(draft, code)
        return draft

    async def _write(
        self, connection: Connection, drafts: list[Draft], reservation: Reservation, written: _Written, now: datetime
    ) -> None:
        """All rows of the batch. Runs again from the start when the transaction does, so it begins by forgetting."""
        open_drafts = [draft for draft in drafts if draft.rejected is None or draft.row is not None]
        for draft in open_drafts:
            begin(draft, self._new_id(now), now)
        keyed = [draft for draft in open_drafts if draft.new.idempotency is not None]
        if keyed:
            await self._recall(connection, keyed)
            open_drafts = [draft for draft in open_drafts if draft.repeats is None]
        use = CampaignUse(self._campaigns, now)
        await self._bind(connection, [d for d in open_drafts if d.owner and not d.new.send_at], reservation, now, use)
        await self._plain(connection, [d for d in open_drafts if not d.owner], reservation, now, use)
        await use.settle(connection)
        await self._check_scheduled(connection, [d for d in open_drafts if d.owner and d.new.send_at], now)
        kept = [draft for draft in open_drafts if draft.rejected is None]
        await self._store(connection, kept, written, now)
        refused = [draft for draft in keyed if draft.rejected is not None]
        if refused:
            await idempotency.give_back(connection, {place_of(claim_of(draft), self._bucket_key) for draft in refused})

    async def _recall(self, connection: Connection, keyed: list[Draft]) -> None:
        """What requests under a key have made before."""
        outcomes = await settle(connection, [claim_of(draft) for draft in keyed], self._bucket_key)
        for draft, outcome in zip(keyed, outcomes, strict=True):
            draft.repeats = keyed[outcome.index] if isinstance(outcome, SameBatch) else outcome

    async def _bind(
        self, connection: Connection, drafts: list[Draft], reservation: Reservation, now: datetime, use: CampaignUse
    ) -> None:
        """Service messages that are due now: choose, stick, and claim where the lane has room."""
        if not drafts:
            return
        asked = [wanted(draft) for draft in drafts]
        answers = await self._assigner.bind(connection, asked, now, use)
        unused: list[Portion] = []
        for draft, ask, answer in zip(drafts, asked, answers, strict=True):
            row = row_of(draft)
            if isinstance(answer, Refusal) and answer.error_code in _ANSWERED_AT_ONCE:
                draft.rejected = rejected(draft, answer.error_code)
                continue
            if (pool := self._directory.remembered(service_id_of(draft))) is not None:
                inherit(draft, pool.service, now)
            if isinstance(answer, Refusal):
                refuse(row, answer)
            elif isinstance(answer, NotYet):
                row.due_at = answer.at
            elif answer is not None:
                if draft.wants_mms:
                    settle_media(draft, carried=carries_media(answer.candidate))
                limits = NO_LIMITS if pool is None else pool.limits
                shared = self._dispatcher.fleet.shared(draft.new.account, row.service_id, limits)
                place(row, answer, shared, reservation, now, use.share(row.id))
                use.keep(row.id, leaving(row))
                if limits.daily_segments is not None and row.num_segments < ask.segments:
                    unused.append(Portion(0, service_id_of(draft), ask.segments - row.num_segments))
        await give_back(connection, unused, day_number(now))

    async def _check_scheduled(self, connection: Connection, drafts: list[Draft], now: datetime) -> None:
        """Scheduled messages get their sender when they are due; what can be known to be wrong today is said today."""
        for draft in drafts:
            pool = await self._directory.current_pool(connection, service_id_of(draft))
            if pool is None:
                draft.rejected = rejected(draft, SERVICE_UNKNOWN)
            elif not pool.candidates:
                draft.rejected = rejected(draft, POOL_EMPTY)
            elif pool.service.paused:
                draft.rejected = rejected(draft, SERVICE_PAUSED)
            elif draft.new.sender is not None and draft.new.sender not in pool.by_address:
                draft.rejected = rejected(draft, FROM_NOT_IN_POOL)
            else:
                inherit(draft, pool.service, draft.new.send_at or now)
        await self._count_scheduled(connection, [draft for draft in drafts if draft.rejected is None])

    async def _count_scheduled(self, connection: Connection, drafts: list[Draft]) -> None:
        """Accounts' scheduled messages are counted as they come and go, exactly; what is too much is refused (35125)."""
        by_account: dict[int, list[Draft]] = {}
        for draft in drafts:
            by_account.setdefault(draft.new.account.id, []).append(draft)
        if not by_account:
            return
        more = {account_id: len(group) for account_id, group in by_account.items()}
        counted = await tallies.add(connection, Tally.SCHEDULED, NO_DAY, more)
        for account_id, group in by_account.items():
            account = group[0].new.account
            most = self._scheduled_max if account.scheduled_max is None else account.scheduled_max
            fits = max(0, min(len(group), most - (counted[account_id] - len(group))))
            for draft in group[fits:]:
                draft.rejected = rejected(draft, TOO_MANY_SCHEDULED)
            if fits < len(group):
                await tallies.add(connection, Tally.SCHEDULED, NO_DAY, {account_id: fits - len(group)})

    async def _plain(
        self, connection: Connection, drafts: list[Draft], reservation: Reservation, now: datetime, use: CampaignUse
    ) -> None:
        """Messages with a From and no service: the account must own the number; no mapping is touched (rule S-20)."""
        if not drafts:
            return
        asked = [
            (draft.new.account.id, draft.new.sender or "", row_of(draft).bucket, row_of(draft).recipient)
            for draft in drafts
        ]
        rows = await messages.plain_senders(connection, asked)
        shares = [_campaign(draft, row) for draft, row in zip(drafts, rows, strict=True)]
        if any(shares):
            sent = [
                (s, d.new.recipient.value, row_of(d).num_segments) for s, d in zip(shares, drafts, strict=True) if s
            ]
            await use.prepare(connection, sent)
        forgotten = await self._assigner.forgotten.refuse_plain(connection, asked, rows)
        for number, (draft, row, share) in enumerate(zip(drafts, rows, shares, strict=True)):
            if row is None:
                draft.rejected = rejected(draft, FROM_NOT_OWNED)
                continue
            found = _way(row, self._dispatcher.fleet.shared(draft.new.account), share)
            if Capability.SMS not in row["capabilities"]:
                draft.rejected = rejected(draft, FROM_CANNOT_TEXT)
            elif found.carrier in self._elsewhere:
                draft.rejected = rejected(draft, FROM_ELSEWHERE)
            elif row["opted_out"] or number in forgotten:
                draft.rejected = rejected(draft, OPTED_OUT)
            elif not reaches(found.kind, found.country, draft.new.recipient):
                draft.rejected = rejected(draft, UNREACHABLE.get(found.kind, FROM_NOT_OWNED))
            elif row["unregistered"] and draft.new.recipient.country == REGULATED:  # rule S-63
                refuse(row_of(draft), Refusal(UNREGISTERED_SENDER))
            elif draft.wants_mms and (lacking := self._without_mms(row)) is not None:
                draft.rejected = rejected(draft, lacking)
            else:
                if draft.wants_mms:
                    settle_media(draft, carried=True)
                self._route(draft, found, reservation, now, use)

    def _route(self, draft: Draft, way: Way, reservation: Reservation, now: datetime, use: CampaignUse) -> None:
        """Send a plain message on its way, if its number's campaign may still send today (S-54)."""
        row = row_of(draft)
        if over := use.take(way.campaign, row.id, row.recipient, row.num_segments):
            refuse(row, over)
            return
        route(row, way, reservation, now)
        use.keep(row.id, leaving(row))
        if row.error_code == QUEUE_FULL:
            draft.rejected = rejected(draft, FROM_QUEUE_FULL)

    def _without_mms(self, row: asyncpg.Record) -> int | None:
        """Why a number cannot send media: it has no MMS, or its carrier takes none; None where it can."""
        if Capability.MMS not in row["capabilities"]:
            return NO_MEDIA_FROM_IT
        return None if self._dispatcher.fleet.has_mms(row["carrier"]) else NO_MEDIA_AT_ALL

    async def _store(self, connection: Connection, kept: list[Draft], written: _Written, now: datetime) -> None:
        if not kept:
            return
        rows = [row_of(draft) for draft in kept]
        await messages.insert(connection, rows, now)
        if any(row.num_media for row in rows):
            await media.insert(connection, media_of(kept), self._bucket_key)
        if linked := links_of(kept):
            await links.insert(connection, linked, self._bucket_key)
        if any(draft.wants_mms for draft in kept) and (carried := mms_of(kept)):
            await mms.insert(connection, carried)
        claims = claims_of(rows, lambda: self._new_id(now))
        written.claims = list(claims.values())
        for claim in claims.values():
            await dispatch.note_claim(connection, claim)
        written.waiting = [due for row in rows if (due := due_of(row, now))]
        if written.waiting:
            await dispatch.enqueue(connection, written.waiting)
        outgoing = [outgoing_of(row) for row in rows]
        changes = (told for row, out in zip(rows, outgoing, strict=True) if (told := first_change(row, out)))
        written.owed = await self._owed.write(connection, changes, now)
        written.flights = [
            Flight(out, draft.content, claims[out.lane or ""].id, media_sent(draft))
            for draft, out in zip(kept, outgoing, strict=True)
            if out.status is Status.SENDING
        ]


def _way(row: asyncpg.Record, shared: Sequence[Queue], campaign: CampaignShare | None) -> Way:
    others = None if row["also_through"] is None else tuple(row["also_through"])
    return Way(row["address"], row["carrier"], SenderKind(row["kind"]), row["country"], others, shared, campaign)


def _campaign(draft: Draft, row: asyncpg.Record | None) -> CampaignShare | None:
    """The campaign of the pool whose number a plain message comes from, where it goes to the United States (S-54)."""
    if row is None or not is_of_campaign(SenderKind(row["kind"]), row["country"], draft.new.recipient):
        return None
    return share_of(row)
