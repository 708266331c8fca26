"""Tells people that they have another number: a text to each whom a swap moved, once, like any message of the service.

Who is to be told is noted with the move. A message is made under a key that names the swap and the person, and the note goes once
the message is there: whoever dies in between finds the same message again, and nobody is told twice (rule S-108).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import Final

import structlog

from limpet.clock import Clock
from limpet.core.address import parse_recipient
from limpet.core.ids import BUCKETS
from limpet.core.model import Account, AccountStatus, Message
from limpet.flow.accept import Accept
from limpet.flow.directory import Directory
from limpet.flow.draft import Answer, NewMessage, Overloaded
from limpet.flow.repeat import DELETED, Idempotency
from limpet.store import swaps
from limpet.store.database import Connection, Database
from limpet.store.swaps import Addressee, Swap, SwapState, walked

KEY_PREFIX: Final = "limpet-swap/"
BATCH_MAX: Final = 100
BUCKETS_A_STEP: Final = 64
KEY_COUNTS: Final = timedelta(days=1)
"""So long after the first try it is sure that a key still stands for its message; later nobody is told any more."""
_HASH_BYTES: Final = 16
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Due:
    """People of a bucket who are to be told now, and as whom."""

    bucket: int
    account: Account
    service_sid: str
    people: Sequence[Addressee]


class Notices:
    """What tells the people of swaps."""

    def __init__(self, database: Database, directory: Directory, accept: Accept, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._accept = accept
        self._clock = clock

    async def step(self, swap: Swap) -> bool:
        """Tell some people of a swap all of whose people are moved; whether there may be more to do now."""
        due = await self._database.transaction(partial(self._take, swap.id))
        if due is None:
            return False
        if due.people:
            await self._tell(swap, due)
        return True

    async def _take(self, swap_id: int, connection: Connection) -> _Due | None:
        """Some who are still to be told, with the note that this is tried; None when it is not time, or everybody has been."""
        swap, now = await swaps.hold(connection, swap_id), self._clock.now()
        if swap is None or swap.state is not SwapState.TELLING or swap.notice is None:
            return None
        if swap.paced_until is not None and swap.paced_until > now:
            return None
        if walked(swap.progress):
            await swaps.advance(connection, swap, SwapState.DONE, swap.progress, 0, None, now)
            return None
        account = (await self._directory.accounts(connection, [swap.account_id])).get(swap.account_id)
        if account is None or account.status is not AccountStatus.ACTIVE:
            return None
        due = await self._due(connection, swap, account, now)
        pause = timedelta(seconds=len(due.people) / swap.notice.per_second)
        await swaps.pace(connection, swap, due.bucket, now + pause, now)
        return due

    async def _due(self, connection: Connection, swap: Swap, account: Account, now: datetime) -> _Due:
        """The next people, of the first bucket that has any; a bucket is over when nobody in it is left."""
        assert swap.notice is not None
        most, sid = min(BATCH_MAX, swap.notice.per_second), await self._service_sid(connection, swap)
        for bucket in range(swap.progress, min(swap.progress + BUCKETS_A_STEP, BUCKETS)):
            people = await swaps.whom_to_tell(connection, swap, bucket, most, now)
            if people:
                return _Due(bucket, account, sid, people)
        return _Due(min(swap.progress + BUCKETS_A_STEP, BUCKETS), account, sid, ())

    async def _service_sid(self, connection: Connection, swap: Swap) -> str:
        await self._directory.sids(connection, set(), {swap.service_id})
        return self._directory.service_sid(swap.service_id) or ""

    async def _tell(self, swap: Swap, due: _Due) -> None:
        """Make the messages, and forget the notes of those that are made or never will be."""
        now = self._clock.now()
        known = {one.recipient: one.tried_at is None or now - one.tried_at <= KEY_COUNTS for one in due.people}
        asked = [person for person, counts in known.items() if counts]
        answers = await asyncio.gather(*(self._accept.submit(_message(swap, due, person)) for person in asked))
        outcome = {**dict.fromkeys(known, False), **dict(zip(asked, map(_is_told, answers), strict=True))}
        told = [person for person, is_told in outcome.items() if is_told]
        untold = [person for person, is_told in outcome.items() if is_told is False]
        await self._database.transaction(partial(swaps.note_told, swap, due.bucket, told, untold, now))
        if untold:
            _log.warning("people were not told of another number", people=len(untold))


def _message(swap: Swap, due: _Due, person: str) -> NewMessage:
    recipient = parse_recipient(person)
    assert recipient is not None, "others are not noted"
    assert swap.notice is not None, "nobody is told"
    key = Idempotency(
        f"{KEY_PREFIX}{swap.id}/{person}", blake2b(swap.notice.body.encode(), digest_size=_HASH_BYTES).digest()
    )
    return NewMessage(
        due.account, due.service_sid, None, recipient, swap.notice.body, None, None, None, None, idempotency=key
    )  # fmt: skip


def _is_told(answer: Answer) -> bool | None:
    """Whether a person is told: yes, once there is, or was, a message; None: ask again."""
    if isinstance(answer, Overloaded):
        return None
    return isinstance(answer, Message) or answer == DELETED
