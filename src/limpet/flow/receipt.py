"""What carriers tell later: found by the carrier's id, else among those in doubt, else kept until the message is known.

A receipt is acknowledged to the carrier only after what it said is committed; when the database is away it is declined, and the
carrier repeats it. Statuses only move forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from limpet.carrier.port import Receipt, ReceiptState
from limpet.clock import Clock
from limpet.core.ids import bucket_of
from limpet.core.retention import Pseudonyms
from limpet.core.status import SegmentState, Status, fold_receipts, may_become
from limpet.flow.lanes import carrier_of
from limpet.flow.owed import Owed, Told
from limpet.flow.worker import Batcher
from limpet.store import receipts
from limpet.store.callbacks import OwedCallback
from limpet.store.database import DATABASE_AWAY, Connection, Database
from limpet.store.dispatch import Key, Outgoing
from limpet.store.receipts import Applied, Tracked
from limpet.store.receipts import Told as Kept
from limpet.store.sticky import oldest_relevant_id

LOOK_BACK_DAYS = 45
"""Receipts are looked for among messages at most this old: 35 days of schedule, 10 hours of validity, and the carrier's delay."""
SKEW = timedelta(minutes=2)
"""How far a carrier's clock may be behind ours when its submit date is compared with a claim."""
TRIES_MAX = 5
DATE_PRECISION_S = 60
_STATES = {ReceiptState.DELIVERED: SegmentState.DELIVERED, ReceiptState.UNDELIVERED: SegmentState.UNDELIVERED}
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Came:
    """A receipt with the lane it came in on and the bucket of the person it speaks of."""

    lane: str
    bucket: int
    receipt: Receipt


@dataclass(slots=True)
class _Change:
    """What receipts make of one message, from what was read to what will be written."""

    tracked: Tracked
    states: tuple[str, ...]
    carrier_ids: tuple[str, ...]
    status: Status
    """What the segments amount to, never behind the present status."""
    error_code: int | None = None
    done_at: datetime | None = None


@dataclass(slots=True)
class _Done:
    """What one transaction of receipts left to do after its commit."""

    owed: list[OwedCallback] = field(default_factory=list)
    known: list[Key] = field(default_factory=list)
    kept: list[Came] = field(default_factory=list)


class Receipts:
    """Writes receipts in batches. `on_known` hears of messages that are in doubt no more."""

    def __init__(
        self, database: Database, owed: Owed, clock: Clock, bucket_key: bytes, new_id: Callable[[datetime], int],
        acknowledge: Callable[[str, Sequence[int]], None], decline: Callable[[str, Sequence[int]], None],
        on_known: Callable[[Iterable[Key]], None], post: Callable[[Sequence[OwedCallback]], None],
        pseudonyms: Pseudonyms,
    ) -> None:  # fmt: skip
        self._database = database
        self._pseudonyms = pseudonyms
        self._owed = owed
        self._clock = clock
        self._bucket_key = bucket_key
        self._new_id = new_id
        self._acknowledge = acknowledge
        self._decline = decline
        self._on_known = on_known
        self._post = post
        self._batcher: Batcher[Came, None] = Batcher(self._run)
        self._again: Batcher[tuple[int, str, str | None], None] = Batcher(self._look_again)

    def take(self, lane: str, came: Sequence[Receipt]) -> None:
        """Receipts from a lane; each will be acknowledged or declined."""
        for receipt in came:
            self._batcher.put(Came(lane, bucket_of(receipt.recipient, self._bucket_key), receipt))

    def look_again(self, sent: Sequence[tuple[Outgoing, Sequence[str]]]) -> None:
        """These messages have got their carrier ids: a receipt that came before may be waiting for one of them."""
        for message, ids in sent:
            for carrier_id in ids:
                self._again.put((message.key.bucket, message.recipient, carrier_id))

    def look_again_for_doubtful(self, messages: Iterable[Outgoing]) -> None:
        """These messages are in doubt now: a receipt that nobody knew may speak of one of them."""
        for message in messages:
            self._again.put((message.key.bucket, message.recipient, None))

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        await self._batcher.idle()
        await self._again.idle()

    async def _run(self, batch: list[Came]) -> Sequence[None]:
        try:
            await self._process(batch)
        except Exception as error:
            _log.warning("receipts not written", count=len(batch), why=repr(error))
            if len(batch) == 1 or isinstance(error, DATABASE_AWAY):
                _answer(batch, self._decline)
            raise
        _answer(batch, self._acknowledge)
        return [None] * len(batch)

    async def _look_again(self, asked: list[tuple[int, str, str | None]]) -> Sequence[None]:
        """Take back receipts that were kept, and try them again. Mostly there are none, and one cheap question says so."""
        try:
            if await receipts.any_kept(self._database):
                kept = await self._database.transaction(
                    lambda connection: receipts.take_kept(connection, list(set(asked)))
                )
                if kept:
                    await self._process([_came(one) for one in kept])
        except DATABASE_AWAY as error:
            _log.warning("kept receipts not looked at", why=str(error))
        return [None] * len(asked)

    async def _process(self, batch: list[Came]) -> None:
        """Apply what can be applied and keep the rest; then look once more, because its message may have been written meanwhile:
        each side commits its own write before it reads the other's, so one of the two always sees both."""
        done = await self._database.transaction(lambda connection: self._write(connection, batch))
        self._on_known(done.known)
        self._post(done.owed)
        if done.kept:
            asked = [(came.bucket, came.receipt.recipient, came.receipt.carrier_message_id or "") for came in done.kept]
            found = await self._database.transaction(
                lambda connection: receipts.match(connection, asked, self._oldest())
            )
            for came, tracked in zip(done.kept, found, strict=True):
                if any(_of_carrier(one, came) for one in tracked):
                    self._again.put((came.bucket, came.receipt.recipient, came.receipt.carrier_message_id))

    def _oldest(self) -> int:
        return oldest_relevant_id(self._clock.now(), LOOK_BACK_DAYS)

    async def _write(self, connection: Connection, batch: list[Came]) -> _Done:
        done, now = _Done(), self._clock.now()
        left = batch
        for _ in range(TRIES_MAX):
            changes, unknown = await self._changes(connection, left)
            lost = await self._apply(connection, changes, done, now)
            done.kept += unknown
            left = lost
            if not left:
                break
        if done.kept:
            await receipts.keep(connection, [self._keep(came, now) for came in done.kept])
        return done

    async def _changes(
        self, connection: Connection, batch: list[Came]
    ) -> tuple[dict[Key, tuple[_Change, list[Came]]], list[Came]]:
        """What the receipts make of the messages they speak of, and the receipts of which no message is known."""
        changes: dict[Key, tuple[_Change, list[Came]]] = {}
        named = [came for came in batch if came.receipt.carrier_message_id is not None]
        unknown = [came for came in batch if came.receipt.carrier_message_id is None]
        if named:
            asked = [(came.bucket, came.receipt.recipient, came.receipt.carrier_message_id or "") for came in named]
            for came, found in zip(named, await receipts.match(connection, asked, self._oldest()), strict=True):
                mine = [one for one in found if _of_carrier(one, came)]
                if mine:
                    _fold(changes, mine[-1], came)
                else:
                    unknown.append(came)
        left = await self._obfuscated(connection, changes, unknown) if unknown else unknown
        return changes, await self._doubtful(connection, changes, left)

    async def _obfuscated(
        self, connection: Connection, changes: dict[Key, tuple[_Change, list[Came]]], unknown: list[Came]
    ) -> list[Came]:
        """Match what is left with messages whose recipient's number is gone already; answers what is none of theirs."""
        named = [came for came in unknown if came.receipt.carrier_message_id is not None]
        asked = [
            (came.bucket, self._pseudonyms.of(came.receipt.recipient), came.receipt.carrier_message_id or "")
            for came in named
        ]
        found = await receipts.match(connection, asked, self._oldest()) if asked else []
        theirs = []
        for came, tracked in zip(named, found, strict=True):
            if mine := [one for one in tracked if _of_carrier(one, came)]:
                _fold(changes, mine[-1], came)
                theirs.append(came)
        return [came for came in unknown if came not in theirs]

    async def _doubtful(
        self, connection: Connection, changes: dict[Key, tuple[_Change, list[Came]]], unknown: list[Came]
    ) -> list[Came]:
        """Match what is left with messages in doubt, the oldest first, each at most once; answers what nobody claims."""
        if not unknown:
            return []
        asked = [(came.bucket, came.receipt.recipient) for came in unknown]
        nobody: list[Came] = []
        for came, found in zip(unknown, await receipts.match_in_doubt(connection, asked, self._oldest()), strict=True):
            mine = next((one for one in found if one.message.key not in changes and speaks_of(came, one.message)), None)
            if mine is None:
                nobody.append(came)
            else:
                _fold(changes, mine, came)
        return nobody

    async def _apply(
        self, connection: Connection, changes: dict[Key, tuple[_Change, list[Came]]], done: _Done, now: datetime
    ) -> list[Came]:
        """Write the changes; answers the receipts of messages that somebody else changed meanwhile."""
        if not changes:
            return []
        applied = await receipts.apply(connection, [_applied(change) for change, _ in changes.values()], now)
        told = [
            Told(change.tracked.message, change.status, change.error_code, change.done_at)
            for key, (change, _) in changes.items()
            if key in applied and change.status is not Status(change.tracked.message.status)
        ]
        owed = await self._owed.write(connection, told, now)
        done.owed += owed
        done.known += applied
        return [came for key, (_, all_came) in changes.items() if key not in applied for came in all_came]

    def _keep(self, came: Came, now: datetime) -> Kept:
        r = came.receipt
        return Kept(
            came.bucket, self._new_id(now), came.lane, r.recipient, r.sender, r.carrier_message_id, r.state, r.error_code,
            r.reference, r.submitted_at, r.done_at,
        )  # fmt: skip


def speaks_of(came: Came, message: Outgoing) -> bool:
    """Whether a receipt that names no known id can be about a message in doubt.

    The echoed reference decides where the carrier echoes it; otherwise the carrier must have taken it after it was claimed,
    judged by the receipt's submit date, which has minutes only: the receipt of an earlier message must not close a later one.
    """
    receipt = came.receipt
    if message.lane is None or carrier_of(message.lane) != carrier_of(came.lane):
        return False
    if receipt.reference is not None:
        return receipt.reference == message.key.id & 0xFFFF
    if receipt.sender != message.sender or receipt.submitted_at is None or message.claimed_at is None:
        return False
    return receipt.submitted_at + timedelta(seconds=DATE_PRECISION_S) >= message.claimed_at - SKEW


def _of_carrier(tracked: Tracked, came: Came) -> bool:
    """Carriers number for themselves: the same id from another carrier is another message's."""
    return carrier_of(tracked.message.lane or "") == carrier_of(came.lane)


def _fold(changes: dict[Key, tuple[_Change, list[Came]]], tracked: Tracked, came: Came) -> None:
    """Add one receipt to what becomes of its message. The mapping is not concerned: undelivered keeps its number (rule S-10)."""
    ids = tracked.carrier_message_ids or (came.receipt.carrier_message_id or "",)
    states = tracked.segment_states or (str(SegmentState.SENT),) * len(ids)
    if (known := changes.get(tracked.message.key)) is None:
        known = changes[tracked.message.key] = (_Change(tracked, states, ids, Status(tracked.message.status)), [])
    change, all_came = known
    all_came.append(came)
    receipt, named = came.receipt, came.receipt.carrier_message_id
    place = change.carrier_ids.index(named) if named in change.carrier_ids else 0
    state = _STATES.get(receipt.state, SegmentState.SENT)
    if change.states[place] == SegmentState.SENT and state is not SegmentState.SENT:
        change.states = (*change.states[:place], str(state), *change.states[place + 1 :])
        change.error_code = receipt.error_code if state is SegmentState.UNDELIVERED else change.error_code
        change.done_at = receipt.done_at or change.done_at
    new = fold_receipts([SegmentState(state) for state in change.states])
    change.status = new if may_become(change.status, new) else change.status


def _applied(change: _Change) -> Applied:
    tracked = change.tracked
    return Applied(
        tracked.message.key, tracked.message.status, tracked.segment_states, change.status, change.states,
        change.error_code if change.status is Status.UNDELIVERED else None, change.carrier_ids,
    )  # fmt: skip


def _came(kept: Kept) -> Came:
    receipt = Receipt(
        0, kept.sender, kept.recipient, kept.carrier_message_id, ReceiptState(kept.state), kept.error_code, kept.reference,
        kept.submitted_at, kept.done_at,
    )  # fmt: skip
    return Came(kept.lane, kept.bucket, receipt)


def _answer(batch: Sequence[Came], answer: Callable[[str, Sequence[int]], None]) -> None:
    by_lane: dict[str, list[int]] = {}
    for came in batch:
        by_lane.setdefault(came.lane, []).append(came.receipt.token)
    for lane, tokens in by_lane.items():
        answer(lane, tokens)
