"""Who does each message of a batch come from: asks the pure decision, and makes its answer stick.

Runs inside the transaction that writes the messages. Each round reads what is stored, decides, and writes only what is still as
it was read; whoever loses a race reads again and adopts what the winner wrote. So 64 first messages at once get one sender: S-2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from limpet.core.ids import day_number
from limpet.core.load import LoadMeter
from limpet.core.optout import OPTED_OUT
from limpet.core.selection import Pool, Refusal
from limpet.core.sticky import Ask, Binding, Change, Crowd, EventKind, Outcome, StoredMapping, decide
from limpet.flow.directory import Directory
from limpet.flow.share import NO_SHARE, Contacts, NewPeople, Portion, give_back, take
from limpet.store import sticky
from limpet.store.database import Connection
from limpet.store.sticky import Claimed, MappingKey, MappingRead, StickyEvent, Swap

ROUNDS_MAX = 8
SERVICE_GONE = 21701
_EVENT = {
    Outcome.CREATED: EventKind.CREATED,
    Outcome.REPLACED: EventKind.REPLACED,
    Outcome.BYPASSED: EventKind.BYPASSED,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message that needs a sender. `actor` goes into the events that its binding causes; `linkable` says that a link may
    stand for its media where nobody carries them."""

    key: MappingKey
    message_id: int
    ask: Ask
    segments: int
    actor: str = "message"
    linkable: bool = False


Answer = Binding | Refusal | None
"""None: the mapping was fought over for too long; ask again later."""


@dataclass(slots=True)
class _Decided:
    """A decision that holds if its write does."""

    place: int
    key: MappingKey
    binding: Binding
    before: StoredMapping | None
    counts: bool
    """It gives the sender a person whom it has not had, and not because that person wrote."""


@dataclass(slots=True)
class _Batch:
    """Messages that are bound in one transaction, and what is known of them so far."""

    wanted: Sequence[Wanted]
    today: int
    people: NewPeople
    answers: list[Answer]
    portions: dict[int, Portion] = field(default_factory=dict)
    """What messages of limited services have taken of their day's share, by their places."""


class Assigner:
    """Binds batches. `now_s` is the monotonic clock by which load fades, `new_id` makes row ids, `contacts` knows the crowd."""

    def __init__(
        self, directory: Directory, meter: LoadMeter, now_s: Callable[[], float], new_id: Callable[[datetime], int],
        contacts: Contacts | None = None,
    ) -> None:  # fmt: skip
        self._directory = directory
        self._meter = meter
        self._now_s = now_s
        self._new_id = new_id
        self._contacts = contacts or Contacts(now_s, lambda _: False)

    async def bind(self, connection: Connection, wanted: Sequence[Wanted], now: datetime) -> list[Answer]:
        """A binding or a refusal for each message, in order. Mappings and events are written, messages are the caller's."""
        today = day_number(now)
        batch = _Batch(wanted, today, NewPeople(self._contacts, today), [None] * len(wanted))
        settled: list[_Decided] = []
        open_places = sorted(range(len(wanted)), key=lambda place: wanted[place].key)
        for round_ in range(ROUNDS_MAX):
            if not open_places:
                break
            held, open_places = await self._round(connection, batch, open_places, first=round_ == 0)
            settled += held
        unused = [portion for place, portion in batch.portions.items() if not isinstance(batch.answers[place], Binding)]
        await give_back(connection, unused, today)
        await batch.people.settle(connection)
        await self._write_events(connection, wanted, settled, now)
        return batch.answers

    async def _round(
        self, connection: Connection, batch: _Batch, places: list[int], *, first: bool
    ) -> tuple[list[_Decided], list[int]]:
        """One reading and its writes: what has been settled, and the places that must be asked again."""
        wanted, answers = batch.wanted, batch.answers
        keys = sorted({wanted[place].key for place in places})
        reads = dict(zip(keys, await sticky.read(connection, keys), strict=True))
        groups: list[tuple[MappingKey, list[int], Pool]] = []
        for key, group in groupby(places, key=lambda place: wanted[place].key):
            here, read = list(group), reads[key]
            pool = await self._pool(connection, key, read)
            if pool is None or read.opted_out:
                # Consent comes before selection: no other number of the pool may reach a person who said STOP (rule S-40).
                refusal = Refusal(SERVICE_GONE if pool is None else OPTED_OUT)
                for place in here:
                    answers[place] = refusal
                continue
            groups.append((key, here, pool))
        if first:
            groups = await self._with_a_share(connection, batch, groups)
        decided: list[_Decided] = []
        again: list[int] = []
        for key, here, pool in groups:
            crowd = await batch.people.crowd(connection, pool)
            self._decide_person(batch, here, key, pool, reads[key].mapping, crowd, decided, again)
        held = await _apply(connection, decided, batch.today)
        settled = [d for d in decided if held(d)]
        for d in settled:
            answers[d.place] = d.binding
        for d in decided:
            if not held(d):
                again.append(d.place)
                if d.counts:
                    batch.people.add(d.key.service_id, d.binding.candidate.member_id, -1)
        return settled, sorted(again, key=lambda place: (wanted[place].key, place))

    async def _with_a_share(
        self, connection: Connection, batch: _Batch, groups: list[tuple[MappingKey, list[int], Pool]]
    ) -> list[tuple[MappingKey, list[int], Pool]]:
        """The messages whose services may still send today: others are refused before a mapping is looked at. Services without
        a limit are not asked about."""
        rooms = {
            pool.service.id: pool.limits.daily_segments
            for _, _, pool in groups
            if pool.limits.daily_segments is not None
        }
        if not rooms:
            return groups
        portions = {
            place: Portion(place, key.service_id, batch.wanted[place].segments)
            for key, here, _ in groups
            if key.service_id in rooms
            for place in here
            if not batch.wanted[place].ask.heard
        }
        refused = await take(connection, list(portions.values()), rooms, batch.today) if portions else set[int]()
        for place in refused:
            batch.answers[place] = NO_SHARE
        batch.portions = {place: portion for place, portion in portions.items() if place not in refused}
        return [(key, left, pool) for key, here, pool in groups if (left := [p for p in here if p not in refused])]

    async def _pool(self, connection: Connection, key: MappingKey, read: MappingRead) -> Pool | None:
        if read.generation is None:
            return None
        return await self._directory.pool(connection, key.service_id, read.generation)

    def _decide_person(
        self, batch: _Batch, group: list[int], key: MappingKey, pool: Pool, mapping: StoredMapping | None, crowd: Crowd,
        decided: list[_Decided], again: list[int],
    ) -> None:  # fmt: skip
        """Decide one person's messages in order. After one that changes the mapping the rest wait for what it becomes."""
        for index, place in enumerate(group):
            wanted = batch.wanted[place]
            answer = self._decide(wanted, pool, mapping, batch.today, crowd)
            if isinstance(answer, Refusal):
                batch.answers[place] = answer
                continue
            self._meter.add(answer.candidate.member_id, wanted.segments, self._now_s())
            changes = answer.change in (Change.INSERT, Change.SWAP)
            decided.append(_Decided(place, key, answer, mapping, changes and not wanted.ask.heard))
            if changes:
                if not wanted.ask.heard:
                    batch.people.add(key.service_id, answer.candidate.member_id)
                again += group[index + 1 :]
                return

    def _decide(
        self, wanted: Wanted, pool: Pool, mapping: StoredMapping | None, today: int, crowd: Crowd
    ) -> Binding | Refusal:
        """With the MMS converter any sender will do where nobody carries media: a link goes out in their place."""
        answer = decide(wanted.ask, pool, mapping, self._meter.loads, today, crowd)
        if isinstance(answer, Refusal) and wanted.linkable and pool.service.mms_converter:
            return decide(replace(wanted.ask, media=False), pool, mapping, self._meter.loads, today, crowd)
        return answer

    async def _write_events(
        self, connection: Connection, wanted: Sequence[Wanted], settled: Iterable[_Decided], now: datetime
    ) -> None:
        """One event for each change of a person's sender, and for each message that passed a mapping by (rule S-17)."""
        told = [d for d in settled if d.binding.outcome in _EVENT]
        if not told:
            return
        members = {d.before.member_id for d in told if d.before is not None}
        before = await sticky.member_addresses(connection, members) if members else {}
        await sticky.insert_events(connection, [self._event(wanted[d.place], d, before, now) for d in told])

    def _event(self, wanted: Wanted, d: _Decided, before: dict[int, str], now: datetime) -> StickyEvent:
        return StickyEvent(
            d.key,
            self._new_id(now),
            _EVENT[d.binding.outcome],
            d.binding.cause or "",
            before.get(d.before.member_id) if d.before else None,
            d.binding.candidate.sender.address,
            wanted.message_id,
            wanted.actor,
        )


async def _apply(connection: Connection, decided: Sequence[_Decided], today: int) -> Callable[[_Decided], bool]:
    """Write what the decisions ask for; answers which of them hold.

    One statement claims every mapping that is to change, in the order of the keys; whatever follows, now or in a later round,
    touches only what it holds. So two batches cannot deadlock.
    """
    writes = [d for d in decided if d.binding.change is not None]
    if not writes:
        return lambda _: True
    claims = {d.key: _claimant(d) for d in reversed(writes)}
    found = await sticky.claim(connection, claims, today)
    strays = [d.key for d in writes if d.before is not None and found[d.key].made]
    if strays:
        await sticky.disclaim(connection, strays)
    swaps = {
        d.key: Swap(d.key, d.binding.candidate.member_id, d.before)
        for d in writes
        if d.binding.change is Change.SWAP and d.before is not None and not found[d.key].made
    }
    swapped = await sticky.swap(connection, list(swaps.values()), today) if swaps else set[MappingKey]()
    return lambda d: _holds(d, found.get(d.key), swapped)


def _claimant(d: _Decided) -> int:
    """Whose mapping to claim. A swap compares with what was read, so nothing may change before it: not even a use."""
    return sticky.NOBODY if d.binding.change is Change.SWAP else _pointed_at(d.binding)


def _pointed_at(binding: Binding) -> int:
    """The member that the mapping points at afterwards: not the sender's where a message passed its mapping by."""
    return binding.candidate.member_id if binding.kept is None else binding.kept


def _holds(d: _Decided, found: Claimed | None, swapped: set[MappingKey]) -> bool:
    if d.binding.change is None or found is None:
        return True
    if d.binding.change is Change.SWAP:
        return d.key in swapped
    wanted = Claimed(_pointed_at(d.binding), made=d.binding.change is Change.INSERT)
    return found == wanted and d.key not in swapped
