"""Gives scheduled messages their sender when their time has come: the service, the pool and the mapping of that moment count.

Unbound messages wait in the queue without a lane; whichever process takes them out binds them. The same decision as at accept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

import structlog

from limpet.clock import Clock
from limpet.core.address import parse_recipient
from limpet.core.encoding import segment
from limpet.core.ids import person_hash
from limpet.core.limits import NO_LIMITS
from limpet.core.media import with_link
from limpet.core.model import AccountStatus, Direction
from limpet.core.pool import carries_media
from limpet.core.retention import Mark
from limpet.core.selection import Refusal
from limpet.core.status import Status
from limpet.core.sticky import Ask, Binding
from limpet.flow.assign import Assigner, NotYet, Wanted
from limpet.flow.campaign_share import CampaignCounts, CampaignUse
from limpet.flow.directory import Directory
from limpet.flow.dispatch import ACCOUNT_SUSPENDED, Dispatcher
from limpet.flow.draft import MMS_SEGMENTS
from limpet.flow.failure import forget_scheduled
from limpet.flow.lanes import Flight, Reservation
from limpet.flow.owed import Owed, Told
from limpet.flow.rows import claims_of, due_of, first_change, leaving, outgoing_of, place, refuse
from limpet.store import dispatch, messages, mms
from limpet.store.callbacks import OwedCallback
from limpet.store.database import DATABASE_AWAY, Connection, Database, after_commit
from limpet.store.dispatch import Claim, Due, Key, Outgoing
from limpet.store.messages import MessageRow
from limpet.store.sticky import MappingKey

UNBOUND = ""
BIND_MAX = 500
SCHEDULER_FAILED, SERVICE_FAILED = 30020, 30021
_log = structlog.get_logger()


class DueBinder:
    """Binds what has become due. `bucket_key` places people, `new_id` makes row ids."""

    def __init__(
        self, database: Database, directory: Directory, assigner: Assigner, dispatcher: Dispatcher, owed: Owed, clock: Clock,
        bucket_key: bytes, new_id: Callable[[datetime], int], campaigns: CampaignCounts,
    ) -> None:  # fmt: skip
        self._campaigns = campaigns
        self._database = database
        self._directory = directory
        self._assigner = assigner
        self._dispatcher = dispatcher
        self._owed = owed
        self._clock = clock
        self._bucket_key = bucket_key
        self._new_id = new_id

    async def turn(self) -> int:
        """Bind up to BIND_MAX due messages; answers how many were there."""
        now = self._clock.now()
        keys = await dispatch.find_due(self._database, UNBOUND, now, BIND_MAX)
        if keys:
            await self._together(keys, now)
        return len(keys)

    async def _together(self, keys: list[Key], now: datetime) -> None:
        """Bind messages in one transaction. A defect is taken to be one message's fault: they are halved until the culprit stands
        alone, and it fails by itself, so that the others go out."""
        try:
            await self._bind_keys(keys, now)
        except DATABASE_AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the others
            if len(keys) == 1:
                await self._give_up(keys[0], error, now)
                return
            await self._together(keys[: len(keys) // 2], now)
            await self._together(keys[len(keys) // 2 :], now)

    async def _give_up(self, key: Key, error: Exception, now: datetime) -> None:
        """A message that cannot be bound: 30020 when it was scheduled, 30021 otherwise."""
        _log.error("a message could not be bound", message_id=key.id, exc_info=error)

        async def work(connection: Connection) -> list[OwedCallback]:
            if not await dispatch.take(connection, [key]):
                return []
            scheduled = await dispatch.fail_waiting(connection, [key], SCHEDULER_FAILED, [Status.SCHEDULED], now)
            accepted = await dispatch.fail_waiting(connection, [key], SERVICE_FAILED, [Status.ACCEPTED], now)
            told = [Told(m, Status.FAILED, SCHEDULER_FAILED) for m in scheduled]
            told += [Told(m, Status.FAILED, SERVICE_FAILED) for m in accepted]
            owed = await self._owed.write(connection, told, now)
            await forget_scheduled(connection, scheduled)
            return owed

        self._dispatcher.post_callbacks(await self._database.transaction(work))

    async def _bind_keys(self, keys: list[Key], now: datetime) -> None:
        reservation = Reservation(self._dispatcher.fleet)
        made: list[Claim] = []

        async def work(connection: Connection) -> tuple[list[Flight], list[OwedCallback], list[Due]]:
            reservation.give_back()
            taken = await dispatch.take(connection, keys)
            waiting = await dispatch.by_key(connection, taken) if taken else []
            return await self._bind(connection, waiting, reservation, made, now)

        try:
            flights, owed, waiting = await self._database.transaction(work)
        except BaseException:
            self._dispatcher.fleet.suspect(made)
            raise
        finally:
            reservation.give_back()
        self._dispatcher.launch(flights)
        self._dispatcher.post_callbacks(owed)
        self._dispatcher.fleet.waiting(due.lane for due in waiting)

    async def _bind(
        self,
        connection: Connection,
        waiting: list[Outgoing],
        reservation: Reservation,
        made: list[Claim],
        now: datetime,
    ) -> tuple[list[Flight], list[OwedCallback], list[Due]]:
        due = [m for m in waiting if Status(m.status) in (Status.SCHEDULED, Status.ACCEPTED)]
        if not due:
            return [], [], []
        rows = [_row(m) for m in due]
        accounts = await self._directory.accounts(connection, {row.account_id for row in rows})
        active = [row for row in rows if accounts[row.account_id].status is AccountStatus.ACTIVE]
        links = await mms.wanted(connection, [_key(row) for row in active]) if active else {}
        use = CampaignUse(self._campaigns, now)
        wanted = [self._wanted(row, links) for row in active]
        answers = await self._assigner.bind(connection, wanted, now, use) if active else []
        carried = []
        for row, answer in zip(active, answers, strict=True):
            if isinstance(answer, NotYet):
                row.due_at = answer.at
            elif isinstance(answer, Refusal):
                refuse(row, answer)
            elif answer is not None:
                if _key(row) in links and _settle_media(row, links[_key(row)], answer):
                    carried.append(_key(row))
                pool = self._directory.remembered(row.service_id or 0)
                limits = NO_LIMITS if pool is None else pool.limits
                shared = self._dispatcher.fleet.shared(accounts[row.account_id], row.service_id, limits)
                place(row, answer, shared, reservation, now, use.share(row.id))
                use.keep(row.id, leaving(row))
        await use.settle(connection)
        for row in rows:
            if accounts[row.account_id].status is not AccountStatus.ACTIVE:
                refuse(row, Refusal(ACCOUNT_SUSPENDED))
        if carried:
            await mms.carry(connection, carried)
        scheduled = {m.key: m for m in due if Status(m.status) is Status.SCHEDULED}
        return await self._write(connection, rows, scheduled, made, now)

    async def _write(
        self, connection: Connection, rows: list[MessageRow], scheduled: Mapping[Key, Outgoing], made: list[Claim],
        now: datetime,
    ) -> tuple[list[Flight], list[OwedCallback], list[Due]]:  # fmt: skip
        """Write what was decided, for those messages that still waited for it. Those that were `scheduled` are no more."""
        decided = [row for row in rows if row.status is not Status.SCHEDULED]
        bound = await messages.bind(connection, decided, now) if decided else set()
        kept = [row for row in rows if (row.bucket, row.id) in bound]
        after_commit(partial(self._dispatcher.counts.bound, kept))
        claims = claims_of(kept, lambda: self._new_id(now))
        made += claims.values()
        for claim in claims.values():
            await dispatch.note_claim(connection, claim)
        undecided = [row for row in rows if row.status is Status.SCHEDULED]
        waiting = [due for row in kept + undecided if (due := due_of(row, now))]
        if waiting:
            await dispatch.enqueue(connection, waiting)
        owed = await self._owed.write(connection, (told for row in kept if (told := first_change(row))), now)
        await forget_scheduled(connection, [scheduled[Key(*key)] for key in bound if Key(*key) in scheduled])
        sending = [row for row in kept if row.status is Status.SENDING]
        media = await mms.carried(connection, [_key(row) for row in sending]) if sending else {}
        flights = [
            Flight(outgoing_of(row), segment(row.body), claims[row.lane or ""].id, media.get(_key(row)))
            for row in sending
        ]
        return flights, owed, waiting

    def _wanted(self, row: MessageRow, links: Mapping[Key, str | None]) -> Wanted:
        to = parse_recipient(row.recipient)
        assert to is not None, "a stored recipient is an address"
        ask = Ask(to, person_hash(row.recipient, self._bucket_key), row.sender, _key(row) in links)
        key = MappingKey(row.bucket, row.service_id or 0, row.recipient)
        obfuscated, linkable = bool((row.marks or 0) & Mark.OBFUSCATE), links.get(_key(row)) is not None
        return Wanted(key, row.id, ask, row.num_segments, obfuscated=obfuscated, linkable=linkable)


def _key(row: MessageRow) -> Key:
    return Key(row.bucket, row.id)


def _settle_media(row: MessageRow, link: str | None, binding: Binding) -> bool:
    """Whether a message's media go along with it; otherwise its link, if it has one, goes in their place."""
    if carries_media(binding.candidate):
        row.num_segments = MMS_SEGMENTS
        return True
    if link is not None:
        row.body = with_link(row.body, link)
        row.num_segments = segment(row.body).count
    return False


def _row(message: Outgoing) -> MessageRow:
    """A waiting message as a row to be decided on; its `send_at` is over."""
    return MessageRow(
        bucket=message.key.bucket, id=message.key.id, account_id=message.account_id, service_id=message.service_id,
        member_id=None, direction=Direction.OUTBOUND_API, status=Status.SCHEDULED, recipient=message.recipient,
        sender=message.sender, body=message.body, num_segments=segment(message.body).count, send_at=None,
        expires_at=message.expires_at, status_callback=message.status_callback, callback_events=message.callback_events,
        num_media=message.num_media, marks=message.marks or None,
    )  # fmt: skip
