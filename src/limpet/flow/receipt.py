"""What carriers tell later: found by the carrier's id, else among those in doubt, else kept until the message is known.

A receipt is acknowledged to the carrier only after what it said is committed; when the database is away it is declined, and the
carrier repeats it. Statuses only move forward.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from limpet.carrier.port import Receipt, ReceiptState
from limpet.clock import Clock
from limpet.core.ids import bucket_of, id_floor
from limpet.core.retention import Pseudonyms
from limpet.core.routing import carrier_of
from limpet.core.spelling import Spelling
from limpet.core.status import SegmentState, Status, fold_receipts, may_become
from limpet.flow.clocks import CarrierClocks
from limpet.flow.counts import Counts
from limpet.flow.forgotten import without_erased
from limpet.flow.owed import Owed, Told
from limpet.flow.refused import RefusedMarks
from limpet.flow.spellings import Came, Match, Spellings, of_carrier
from limpet.flow.worker import Batcher
from limpet.store import receipts
from limpet.store.callbacks import OwedCallback
from limpet.store.database import DATABASE_AWAY, Connection, Database, after_commit
from limpet.store.dispatch import Key, Outgoing
from limpet.store.receipts import Applied, Tracked
from limpet.store.receipts import Told as Kept
from limpet.store.sticky import oldest_relevant_id

DOWN_FOR = timedelta(days=1)
LATE = timedelta(minutes=5)
WALK_MAX = 500
LOOK_BACK_DAYS = 45
"""Receipts are looked for among messages at most this old: 35 days of schedule, 10 hours of validity, and the carrier's delay."""
TRIES_MAX = 5
NO_ID = "-"
"""Stands for the id of a receipt that names none."""
_STATES = {ReceiptState.DELIVERED: SegmentState.DELIVERED, ReceiptState.UNDELIVERED: SegmentState.UNDELIVERED}
_log = structlog.get_logger()


_Asked = tuple[int, str, str | None]
"""A bucket, a person, and a carrier's id, or None for all of the person's."""


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
    learned: dict[str, Spelling] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)


class Receipts:
    """Writes receipts in batches. `on_known` hears of messages that are in doubt no more."""

    def __init__(
        self, database: Database, owed: Owed, clock: Clock, bucket_key: bytes, new_id: Callable[[datetime], int],
        acknowledge: Callable[[str, Sequence[int]], None], decline: Callable[[str, Sequence[int]], None],
        on_known: Callable[[Iterable[Key]], None], post: Callable[[Sequence[OwedCallback]], None], marks: RefusedMarks,
        pseudonyms: Pseudonyms,
        on_last: Container[str] = frozenset(), whole: Container[str] = frozenset(),
    ) -> None:  # fmt: skip
        """`on_last` names the carriers that give one receipt a message, for its last segment; `whole` those that get every
        message in one PDU."""
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
        self._looked = False
        self._marks = marks
        self._on_last = on_last
        self._whole = whole
        self._spellings = Spellings(database)
        self._clocks = CarrierClocks(database)
        self.counts = Counts()
        self.on_told: Callable[[Sequence[Told], datetime], None] = lambda _told, _now: None
        self._batcher: Batcher[Came, None] = Batcher(self._run)
        self._again: Batcher[_Asked, None] = Batcher(self._look_again)

    def take(self, lane: str, came: Sequence[Receipt]) -> None:
        """Receipts from a lane; each will be acknowledged or declined."""
        self._batcher.add(Came(lane, bucket_of(receipt.recipient, self._bucket_key), receipt) for receipt in came)

    def look_again(self, sent: Sequence[tuple[Outgoing, Sequence[str]]]) -> None:
        """These messages have got their carrier ids: a receipt that came before may be waiting for one of them. All of the
        person's are looked at, since its id may be spelled in another way."""
        self.look_again_for_doubtful(message for message, _ in sent)

    def look_again_for_doubtful(self, messages: Iterable[Outgoing]) -> None:
        """These messages are in doubt now: a receipt that nobody knew may speak of one of them."""
        self._again.add((message.key.bucket, message.recipient, None) for message in messages)

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        await self._batcher.idle()
        await self._again.idle()

    async def _run(self, batch: list[Came]) -> Sequence[None]:
        try:
            await self._process(batch)
        except Exception as error:
            _log.warning("receipts not written", count=len(batch), why=error)
            if len(batch) == 1 or isinstance(error, DATABASE_AWAY):
                _answer(batch, self._decline)
            raise
        _answer(batch, self._acknowledge)
        return [None] * len(batch)

    async def _look_again(self, asked: list[_Asked]) -> Sequence[None]:
        """Try kept receipts again. Mostly there are none, and one cheap question says so."""
        try:
            if await receipts.any_kept(self._database):
                await self._process([], list(set(asked)))
        except DATABASE_AWAY as error:
            _log.warning("kept receipts not looked at", why=error)
        return [None] * len(asked)

    async def look_at_kept(self) -> None:
        """Look once more for the messages of receipts that were kept of late: who was to do so may have died in between.

        The first time those of a day are looked at, later only the newest, since strangers' receipts stay for days.
        """
        after = id_floor(self._clock.now() - (LATE if self._looked else DOWN_FOR))
        self._looked = True
        await self._spellings.load()
        while kept := await receipts.walk_kept(self._database, after, WALK_MAX):
            await self._look_for([_came(one) for one in kept])
            after = kept[-1].id

    async def _process(self, batch: list[Came], asked: Sequence[_Asked] = ()) -> None:
        """Apply what can be applied and keep the rest; then look once more, because its message may have been written meanwhile:
        each side commits its own write before it reads the other's, so one of the two always sees both. Kept receipts that are
        asked for are taken, and applied or kept anew, in the same transaction: a crash in between must not lose them."""
        await self._spellings.load()
        await self._clocks.load()
        done = await self._database.transaction(lambda connection: self._write(connection, batch, asked))
        self.counts.receipts_written(
            [came.lane for came in batch], [came.lane for came in done.kept if came.kept_id is None]
        )
        self._spellings.learned(done.learned)
        self._on_known(done.known)
        self._post(done.owed)
        fresh = [came for came in done.kept if came.kept_id is None]
        if fresh:
            await self._look_for(fresh)

    async def _look_for(self, kept: list[Came]) -> None:
        """Try those again whose message has got its ids."""
        known = await self._database.transaction(lambda connection: self._known_by_now(connection, kept))
        self._again.add((came.bucket, came.receipt.recipient, came.receipt.carrier_message_id) for came in known)

    async def _known_by_now(self, connection: Connection, kept: list[Came]) -> list[Came]:
        """Those of the receipts that were kept whose message has got its ids meanwhile."""
        named = [came for came in kept if came.receipt.carrier_message_id is not None]
        found = await self._find(connection, named) if named else []
        strangers = [came for came, mine in zip(named, found, strict=True) if mine is None]
        guessed = await self._spellings.guess(connection, strangers, self._oldest())
        return [came for came in named if came not in strangers or came in guessed]

    def _oldest(self) -> int:
        return oldest_relevant_id(self._clock.now(), LOOK_BACK_DAYS)

    async def _write(self, connection: Connection, batch: list[Came], asked: Sequence[_Asked]) -> _Done:
        """What was kept is taken back in the transaction that uses it or keeps it again, so that a crash loses nothing."""
        done, now = _Done(), self._clock.now()
        left = batch + [_came(one) for one in (await receipts.take_kept(connection, asked) if asked else [])]
        for _ in range(TRIES_MAX if left else 0):
            changes, unknown = await self._changes(connection, left, done, now)
            lost = await self._apply(connection, changes, done, now)
            done.kept += unknown
            left = lost
            if not left:
                break
        done.kept += left
        if done.kept:
            await receipts.keep(connection, [self._keep(came, now) for came in done.kept])
        after_commit(partial(self.on_told, done.told, now))
        return done

    async def _changes(
        self, connection: Connection, batch: list[Came], done: _Done, now: datetime
    ) -> tuple[dict[Key, tuple[_Change, list[Came]]], list[Came]]:
        """What the receipts make of the messages they speak of, and the receipts of which no message is known."""
        changes: dict[Key, tuple[_Change, list[Came]]] = {}
        named = [came for came in batch if came.receipt.carrier_message_id is not None]
        unknown = [came for came in batch if came.receipt.carrier_message_id is None]
        found = await self._find(connection, named) if named else []
        strangers = [came for came, mine in zip(named, found, strict=True) if mine is None]
        guessed = await self._spellings.guess(connection, strangers, self._oldest())
        done.learned |= await self._spellings.learn(connection, guessed, now)
        await self._clocks.learn(connection, zip(named, found, strict=True), now)
        for came, mine in [*zip(named, found, strict=True), *guessed.items()]:
            if mine is not None:
                self._fold(changes, mine.tracked, came, mine.carrier_message_id)
        unknown += [came for came in strangers if came not in guessed]
        unknown = await without_erased(connection, self._spellings, unknown)
        return changes, await self._doubtful(connection, changes, unknown, now)

    async def _find(self, connection: Connection, named: list[Came]) -> list[Match | None]:
        """The message that each receipt names; its recipient's number may be gone from it already."""
        people = [(came, came.receipt.recipient) for came in named]
        found = await self._match(connection, people)
        strangers = [place for place, mine in enumerate(found) if mine is None]
        if strangers:
            hidden = [(came, self._pseudonyms.of(person)) for came, person in map(people.__getitem__, strangers)]
            for place, mine in zip(strangers, await self._match(connection, hidden), strict=True):
                found[place] = mine
        return found

    async def _match(self, connection: Connection, people: Sequence[tuple[Came, str]]) -> list[Match | None]:
        """The message to each person that a receipt names, by its id as it stands, or as the carrier is known to spell it."""
        named = [
            (came, person, self._spellings.ids(carrier_of(came.lane), came.receipt.carrier_message_id or ""))
            for came, person in people
        ]
        asked = [(came.bucket, person, carrier_id) for came, person, ids in named for carrier_id in ids]
        rows = iter(await receipts.match(connection, asked, self._oldest()))
        found: list[Match | None] = []
        for came, _, ids in named:
            mine = [Match(one, each) for each in ids for one in next(rows) if of_carrier(one, came.lane)]
            found.append(mine[-1] if mine else None)
            self._spellings.found(came, found[-1])
        return found

    async def _doubtful(
        self, connection: Connection, changes: dict[Key, tuple[_Change, list[Came]]], unknown: list[Came], now: datetime
    ) -> list[Came]:
        """Match what is left with messages in doubt, the oldest first, each as often as it has segments that nothing is known of;
        answers what nobody claims."""
        if not unknown:
            return []
        asked = [(came.bucket, came.receipt.recipient) for came in unknown]
        theirs = await receipts.match_in_doubt(connection, asked, self._oldest())
        possible = [self._clocks.speaks_of(came, found, now) for came, found in zip(unknown, theirs, strict=True)]
        named = await self._named_meanwhile(
            connection, [came for came, mine in zip(unknown, possible, strict=True) if mine]
        )
        nobody: list[Came] = []
        for came, mine in zip(unknown, possible, strict=True):
            if (match := named.get(came)) is not None:
                self._fold(changes, match.tracked, came, match.carrier_message_id)
            elif doubtful := next((one for one in mine if self._has_room(changes, one, came)), None):
                self._fold(changes, doubtful, came, came.receipt.carrier_message_id or NO_ID)
            else:
                nobody.append(came)
        return nobody

    async def _named_meanwhile(self, connection: Connection, unknown: list[Came]) -> dict[Came, Match]:
        """Whose answer was committed after ids were looked for, and before those in doubt were: such a receipt is its own, and
        must not be taken for that of a message in doubt."""
        named = [came for came in unknown if came.receipt.carrier_message_id is not None]
        found = await self._find(connection, named) if named else []
        return {came: mine for came, mine in zip(named, found, strict=True) if mine is not None}

    def _has_room(self, changes: dict[Key, tuple[_Change, list[Came]]], tracked: Tracked, came: Came) -> bool:
        """Whether a message in doubt has a segment left that a receipt could be the first word of."""
        known = changes.get(tracked.message.key)
        ids = known[0].carrier_ids if known else self._ids(tracked, came)
        return "" in ids or (came.receipt.carrier_message_id or NO_ID) in ids

    def _ids(self, tracked: Tracked, came: Came) -> tuple[str, ...]:
        """The ids of a message's segments, empty where they are not known: after a crash it is not even known in how many PDUs it
        went, and its segments are the best guess."""
        carrier = carrier_of(came.lane)
        one = carrier in self._whole or carrier in self._on_last
        return tracked.carrier_message_ids or ("",) * (1 if one else tracked.num_segments)

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
        lost = [(one.message, one.error_code) for one in told if one.status is Status.UNDELIVERED]
        await self._marks.note(connection, lost, now)
        owed = await self._owed.write(connection, told, now)
        done.owed += owed
        done.told += told
        done.known += [key for key in applied if changes[key][0].status is not Status.SENDING]
        return [came for key, (_, all_came) in changes.items() if key not in applied for came in all_came]

    def _keep(self, came: Came, now: datetime) -> Kept:
        r = came.receipt
        return Kept(
            came.bucket, came.kept_id or self._new_id(now), came.lane, r.recipient, r.sender, r.carrier_message_id, r.state,
            r.error_code, r.reference, r.submitted_at, r.done_at,
        )  # fmt: skip

    def _fold(
        self, changes: dict[Key, tuple[_Change, list[Came]]], tracked: Tracked, came: Came, carrier_id: str
    ) -> None:
        """Add one receipt to what becomes of its message. The mapping is not concerned: undelivered keeps its number (S-10)."""
        if (known := changes.get(tracked.message.key)) is None:
            ids = self._ids(tracked, came)
            states = tracked.segment_states or (str(SegmentState.SENT),) * len(ids)
            known = changes[tracked.message.key] = (_Change(tracked, states, ids, Status(tracked.message.status)), [])
        change, all_came = known
        all_came.append(came)
        if carrier_id not in change.carrier_ids and "" in change.carrier_ids:
            place = change.carrier_ids.index("")
            change.carrier_ids = (*change.carrier_ids[:place], carrier_id, *change.carrier_ids[place + 1 :])
        place = change.carrier_ids.index(carrier_id) if carrier_id in change.carrier_ids else 0
        every = carrier_of(came.lane) in self._on_last and place == len(change.states) - 1
        _advance(change, range(len(change.states)) if every else (place,), came.receipt)


def _advance(change: _Change, places: Iterable[int], receipt: Receipt) -> None:
    """Let the segments at these places have a receipt's state, where they have no final one, and fold them into the message's."""
    state = _STATES.get(receipt.state, SegmentState.SENT)
    open_ = [place for place in places if change.states[place] == SegmentState.SENT]
    if state is not SegmentState.SENT and open_:
        states = list(change.states)
        for place in open_:
            states[place] = str(state)
        change.states = tuple(states)
        change.error_code = receipt.error_code if state is SegmentState.UNDELIVERED else change.error_code
        change.done_at = receipt.done_at or change.done_at
    if "" in change.carrier_ids:
        return  # whether the rest of it left is not known
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
    return Came(kept.lane, kept.bucket, receipt, kept.id)


def _answer(batch: Sequence[Came], answer: Callable[[str, Sequence[int]], None]) -> None:
    by_lane: dict[str, list[int]] = {}
    for came in batch:
        by_lane.setdefault(came.lane, []).append(came.receipt.token)
    for lane, tokens in by_lane.items():
        answer(lane, tokens)
