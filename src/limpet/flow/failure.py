"""What follows when messages fail before they leave: provisional mappings go, and the customer is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from limpet.clock import Clock
from limpet.core.ids import day_number
from limpet.core.retention import Mark, Pseudonyms
from limpet.core.status import Status
from limpet.core.sticky import PROVISIONAL_DAYS, EventKind
from limpet.flow.owed import Owed, Told
from limpet.flow.refused import RefusedMarks
from limpet.store import dispatch, sticky, tallies
from limpet.store.callbacks import OwedCallback
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Key, Outgoing
from limpet.store.sticky import MappingKey, StickyEvent
from limpet.store.tallies import NO_DAY, Tally

VALIDITY_OVER = 30036
NO_MESSAGE_LEFT = "no_message_left"
WAITING = (Status.QUEUED, Status.ACCEPTED)


async def forget_scheduled(connection: Connection, messages: Sequence[Outgoing]) -> None:
    """These messages were scheduled and are no more: their accounts may schedule others."""
    less = Counter(message.account_id for message in messages)
    if less:
        await tallies.add(connection, Tally.SCHEDULED, NO_DAY, {account: -count for account, count in less.items()})


class Failures:
    """Follows failures up in the transaction that writes them. `new_id` makes row ids."""

    def __init__(
        self, database: Database, owed: Owed, clock: Clock, new_id: Callable[[datetime], int], marks: RefusedMarks,
        pseudonyms: Pseudonyms,
    ) -> None:  # fmt: skip
        self._database = database
        self._pseudonyms = pseudonyms
        self._owed = owed
        self._clock = clock
        self._new_id = new_id
        self._marks = marks

    async def follow(
        self,
        connection: Connection,
        failed: Sequence[Outgoing],
        codes: dict[Key, int],
        now: datetime,
        *,
        by_us: bool = False,
    ) -> list[Told]:
        """Take away the provisional mappings of messages that failed before they left (rule S-9); what customers hear of it.
        Senders that carriers refuse are marked (S-70), not those that were stopped here, `by_us`."""
        if not by_us:
            await self._marks.note(connection, [(message, codes[message.key]) for message in failed], now)
        persons: dict[str, str] = {}
        bound = [
            (MappingKey(m.key.bucket, m.service_id, name), m.member_id)
            for m in failed
            if m.service_id is not None and m.member_id is not None
            for name in self._spellings(m, persons)
        ]
        if bound:
            gone = await sticky.forget_unsent(connection, bound, day_number(now) - PROVISIONAL_DAYS, persons)
            if gone:
                await self._tell_unsent(connection, gone, failed, now)
        return [Told(message, Status.FAILED, codes[message.key]) for message in failed]

    def _spellings(self, message: Outgoing, persons: dict[str, str]) -> tuple[str, ...]:
        """Under what the mapping of a message's person may be; `persons` learns who is behind a pseudonym."""
        if not message.marks & Mark.OBFUSCATE:
            return (message.recipient,)
        pseudonym = self._pseudonyms.of(message.recipient)
        persons[pseudonym] = message.recipient
        return message.recipient, pseudonym

    async def _tell_unsent(
        self, connection: Connection, gone: list[tuple[MappingKey, int]], failed: Sequence[Outgoing], now: datetime
    ) -> None:
        addresses = await sticky.member_addresses(connection, {member for _, member in gone})
        last = {
            (m.key.bucket, self._pseudonyms.of(m.recipient) if m.marks & Mark.OBFUSCATE else m.recipient, m.member_id): m.key.id
            for m in failed
        }  # fmt: skip
        events = [
            StickyEvent(
                key,
                self._new_id(now),
                EventKind.UNSENT,
                NO_MESSAGE_LEFT,
                addresses.get(member),
                None,
                last.get((key.bucket, key.recipient, member)),
                "dispatch",
            )
            for key, member in gone
        ]
        await sticky.insert_events(connection, events)

    async def expire(self, limit: int) -> tuple[int, list[OwedCallback]]:
        """Fail at most `limit` waiting messages whose validity is over (30036): how many, and the callbacks owed, committed."""
        now = self._clock.now()
        keys = await dispatch.find_expired(self._database, now, limit)
        if not keys:
            return 0, []

        async def work(connection: Connection) -> list[OwedCallback]:
            taken = await dispatch.take(connection, keys)
            if not taken:
                return []
            unsent = await dispatch.fail_waiting(connection, taken, VALIDITY_OVER, [Status.SCHEDULED], now)
            failed = unsent + await dispatch.fail_waiting(connection, taken, VALIDITY_OVER, WAITING, now)
            told = await self.follow(connection, failed, {m.key: VALIDITY_OVER for m in failed}, now)
            owed = await self._owed.write(connection, told, now)
            await forget_scheduled(connection, unsent)
            return owed

        return len(keys), await self._database.transaction(work)
