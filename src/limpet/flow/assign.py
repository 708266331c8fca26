"""Who does each message of a batch come from: asks the pure decision, and makes its answer stick.

Runs inside the transaction that writes the messages. Each round reads what is stored, decides, and writes only what is still as
it was read; whoever loses a race reads again and adopts what the winner wrote. So 64 first messages at once get one sender: S-2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from limpet.core.ids import day_number, hour_of_day
from limpet.core.limits import CampaignShare
from limpet.core.load import LoadMeter
from limpet.core.optout import OPTED_OUT
from limpet.core.pool import Pool, share_of
from limpet.core.registration import REGULATED
from limpet.core.retention import Pseudonyms
from limpet.core.selection import Refusal
from limpet.core.sticky import (
    NOBODY_CROWDED,
    Ask,
    Binding,
    Change,
    Crowd,
    EventKind,
    Outcome,
    StoredMapping,
    decide,
    origin_of,
)
from limpet.flow.campaign_share import CampaignUse
from limpet.flow.directory import Directory
from limpet.flow.forgotten import Forgotten
from limpet.flow.obfuscated import Home, Homes, home_of
from limpet.flow.share import NO_SHARE, Contacts, NewPeople, Portion, give_back, take
from limpet.flow.stick import Decided, stick
from limpet.store import sticky
from limpet.store.database import Connection
from limpet.store.sticky import MappingKey, MappingRead, StickyEvent

ROUNDS_MAX = 8
SERVICE_GONE = 21701
_EVENT = {one: EventKind(one) for one in (Outcome.CREATED, Outcome.REPLACED, Outcome.BYPASSED)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message that needs a sender. `actor` goes into the events that its binding causes; `linkable` says that a link may
    stand for its media where nobody carries them."""

    key: MappingKey
    message_id: int
    ask: Ask
    segments: int
    actor: str = "message"
    obfuscated: bool = False
    """The recipient's number will not be kept, in the mapping neither."""
    linkable: bool = False


@dataclass(frozen=True, slots=True)
class NotYet:
    """Ask again at `at`: it is the service's first message of its kind."""

    at: datetime


Answer = Binding | Refusal | NotYet | None
"""None: the mapping was fought over for too long; ask again later."""


@dataclass(frozen=True, slots=True)
class Known:
    """Where mappings are, who gets no more people, and how busy members are: as this process knows it."""

    homes: Homes
    contacts: Contacts
    loads: Mapping[int, float]


@dataclass(slots=True)
class _Batch:
    """Messages that are bound in one transaction, and what is known of them so far."""

    wanted: Sequence[Wanted]
    today: int
    people: NewPeople
    campaigns: CampaignUse
    answers: list[Answer]
    portions: dict[int, Portion] = field(default_factory=dict)
    """What messages of limited services have taken of their day's share, by their places."""


@dataclass(slots=True)
class _Round:
    """What one round has read, and what it comes to."""

    now: datetime
    today: int
    hour: int
    reads: dict[MappingKey, MappingRead]
    pools: dict[int, Pool | None]
    homes: dict[MappingKey, Home] = field(default_factory=dict)
    decided: list[Decided] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    changed: set[MappingKey] = field(default_factory=set)
    """The mappings in spaces that a message of this round changes: another service's messages wait for what they become."""


class Assigner:
    """Binds batches. `now_s` is the monotonic clock by which load fades, `new_id` makes row ids, `contacts` knows the crowd."""

    def __init__(
        self, directory: Directory, meter: LoadMeter, now_s: Callable[[], float], new_id: Callable[[datetime], int],
        pseudonyms: Pseudonyms, contacts: Contacts | None = None,
    ) -> None:  # fmt: skip
        self._homes = Homes(pseudonyms)
        self.forgotten = Forgotten(pseudonyms)
        self._directory = directory
        self._meter = meter
        self._now_s = now_s
        self._new_id = new_id
        self._contacts = contacts or Contacts(now_s, lambda _: False)

    async def bind(
        self, connection: Connection, wanted: Sequence[Wanted], now: datetime, campaigns: CampaignUse
    ) -> list[Answer]:
        """A binding or a refusal for each message, in order. Mappings and events are written; messages are the caller's, who also
        settles what they have taken out of `campaigns`."""
        today = day_number(now)
        batch = _Batch(wanted, today, NewPeople(self._contacts, today), campaigns, [None] * len(wanted))
        settled: list[Decided] = []
        open_places = sorted(range(len(wanted)), key=lambda place: wanted[place].key)
        for round_ in range(ROUNDS_MAX):
            if not open_places:
                break
            held, open_places = await self._round(connection, batch, open_places, now, first=round_ == 0)
            settled += held
        unused = [portion for place, portion in batch.portions.items() if not isinstance(batch.answers[place], Binding)]
        await give_back(connection, unused, today)
        await batch.people.settle(connection)
        await self._write_events(connection, wanted, settled, now)
        return batch.answers

    @property
    def known(self) -> Known:
        """What decisions go by beside what is stored."""
        return Known(self._homes, self._contacts, self._meter.loads)

    async def _round(
        self, connection: Connection, batch: _Batch, places: list[int], now: datetime, *, first: bool
    ) -> tuple[list[Decided], list[int]]:
        """One reading and its writes: what has been settled, and the places that must be asked again."""
        wanted, answers = batch.wanted, batch.answers
        read = await self._read(connection, wanted, places, now)
        groups: list[tuple[MappingKey, list[int], Pool]] = []
        for key, group in groupby(places, key=lambda place: wanted[place].key):
            here, pool = list(group), read.pools[key.service_id]
            if pool is None or read.reads[key].opted_out:
                # Consent comes before selection: no other number of the pool may reach a person who said STOP (rule S-40).
                refusal = Refusal(SERVICE_GONE if pool is None else OPTED_OUT)
                for place in here:
                    answers[place] = refusal
                continue
            if left := await self._settled(connection, batch, here, pool, read):
                groups.append((key, left, pool))
        if first:
            groups = await self._with_a_share(connection, batch, groups)
        if any(pool.campaigns for _, _, pool in groups):
            await batch.campaigns.prepare(connection, _out_of_campaigns(batch.wanted, groups))
        for key, here, pool in groups:
            self._decide_person(batch, here, key, pool, read, await batch.people.crowd(connection, pool))
        if read.homes and (pseudonymous := _revealed(wanted, read)):
            await sticky.reveal(connection, pseudonymous)
        return await self._held(connection, batch, read)

    async def _held(self, connection: Connection, batch: _Batch, read: _Round) -> tuple[list[Decided], list[int]]:
        """Write what was decided: what holds, and the places of which it does not."""
        held = await stick(connection, read.decided, read.today)
        settled, again = [], list(read.again)
        for d in read.decided:
            if held(d):
                settled.append(d)
                batch.answers[d.place] = d.binding
                continue
            again.append(d.place)
            if d.counts:
                batch.people.add(d.key.service_id, d.binding.candidate.member_id, -1)
            batch.campaigns.keep(batch.wanted[d.place].message_id, 0)
        return settled, sorted(again, key=lambda place: (batch.wanted[place].key, place))

    async def _read(
        self, connection: Connection, wanted: Sequence[Wanted], places: list[int], now: datetime
    ) -> _Round:  # fmt: skip
        """People's mappings as of one snapshot, with the pools as of the same; also under pseudonyms where they may be there."""
        keys = sorted({wanted[place].key for place in places})
        reads = dict(zip(keys, await sticky.read(connection, keys), strict=True))
        generations = {key.service_id: read.generation for key, read in reads.items()}
        pools = {service: await self._pool(connection, service, seen) for service, seen in generations.items()}
        found = _Round(now, day_number(now), hour_of_day(now), reads, pools)
        obfuscated = {wanted[place].key for place in places if wanted[place].obfuscated}
        hiding = {service for service, pool in pools.items() if pool and pool.scope.hides_since}
        if obfuscated or hiding:
            asked = [k for k in keys if k in obfuscated or (k.service_id in hiding and reads[k].mapping is None)]
            asked = [k for k in asked if (pool := pools[k.service_id]) and pool.service.sticky_sender]
            scopes = {service: pool.scope.id for service, pool in pools.items() if pool}
            found.homes = await self._homes.find(connection, asked, reads, scopes, found.today) if asked else {}
        await self.forgotten.refuse(connection, reads, pools)
        return found

    async def _pool(self, connection: Connection, service_id: int, generation: int | None) -> Pool | None:
        return None if generation is None else await self._directory.pool(connection, service_id, generation)

    async def _settled(
        self, connection: Connection, batch: _Batch, here: list[int], pool: Pool, read: _Round
    ) -> list[int]:
        """Those of a person's messages that can be decided now; not yet those of which a service has never had the like, unless
        they are refused anyway."""
        wanted = batch.wanted
        first = [place for place in here if wanted[place].obfuscated] if pool.service.sticky_sender else []
        if not first:
            return here
        at = await self._homes.settled_at(connection, pool.service, read.now)
        if at <= read.now:
            return here
        for place in first:
            mapping = read.reads[wanted[place].key].mapping
            answer = self.decide(wanted[place], pool, mapping, read.today, read.hour, NOBODY_CROWDED)
            batch.answers[place] = answer if isinstance(answer, Refusal) else NotYet(at)
        return [place for place in here if place not in first]

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

    def _decide_person(
        self, batch: _Batch, group: list[int], key: MappingKey, pool: Pool, read: _Round, crowd: Crowd
    ) -> None:
        """Decide one person's messages in order. After one that changes the mapping the rest wait for what it becomes."""
        mapping = read.reads[key].mapping
        spot = None if pool.service.space is None else key._replace(service_id=pool.scope.id)
        if spot in read.changed:
            read.again += group
            return
        for index, place in enumerate(group):
            wanted = batch.wanted[place]
            answer = self.decide(wanted, pool, mapping, read.today, read.hour, crowd)
            if isinstance(answer, Refusal):
                batch.answers[place] = answer
                continue
            share = None if wanted.ask.heard else share_of(pool, answer.candidate, wanted.ask.to)
            over = batch.campaigns.take(share, wanted.message_id, wanted.ask.to.value, wanted.segments)
            if over is not None:
                batch.answers[place] = over
                continue
            self._meter.add(answer.candidate.member_id, wanted.segments, self._now_s())
            changes = answer.change in (Change.INSERT, Change.SWAP)
            home = home_of(key, pool.scope.id, read.homes, mapping, obfuscated=wanted.obfuscated)
            counts, origin = changes and not wanted.ask.heard, origin_of(wanted.ask, answer)
            hour = None if pool.scope.ttl.hours is None else read.hour
            read.decided.append(Decided(place, key, answer, mapping, home, counts, origin, hour))
            if changes:
                if spot is not None:
                    read.changed.add(spot)
                if not wanted.ask.heard:
                    batch.people.add(key.service_id, answer.candidate.member_id)
                read.again += group[index + 1 :]
                return

    def decide(
        self, wanted: Wanted, pool: Pool, mapping: StoredMapping | None, today: int, hour: int, crowd: Crowd
    ) -> Binding | Refusal:
        """With the MMS converter any sender will do where nobody carries media: a link goes out in their place."""
        answer = decide(wanted.ask, pool, mapping, self._meter.loads, today, crowd, hour)
        if isinstance(answer, Refusal) and wanted.linkable and pool.service.mms_converter:
            return decide(replace(wanted.ask, media=False), pool, mapping, self._meter.loads, today, crowd, hour)
        return answer

    async def _write_events(
        self, connection: Connection, wanted: Sequence[Wanted], settled: Iterable[Decided], now: datetime
    ) -> None:
        """One event for each change of a person's sender, and for each message that passed a mapping by (rule S-17)."""
        told = [d for d in settled if d.binding.outcome in _EVENT]
        if not told:
            return
        members = {d.before.member_id for d in told if d.before is not None}
        before = await sticky.member_addresses(connection, members) if members else {}
        await sticky.insert_events(connection, [self._event(wanted[d.place], d, before, now) for d in told])

    def _event(self, wanted: Wanted, d: Decided, before: dict[int, str], now: datetime) -> StickyEvent:
        return StickyEvent(
            (self._homes.hidden(d.key) if wanted.obfuscated else d.key)._replace(service_id=d.home.service_id),
            self._new_id(now),
            _EVENT[d.binding.outcome],
            d.binding.cause or "",
            before.get(d.before.member_id) if d.before else None,
            d.binding.candidate.sender.address,
            wanted.message_id,
            wanted.actor,
        )


def _out_of_campaigns(
    wanted: Sequence[Wanted], groups: Iterable[tuple[MappingKey, list[int], Pool]]
) -> list[tuple[CampaignShare, str, int]]:
    """The messages that campaigns may be concerned by: which, whom they go to, and their segments."""
    return [
        (campaign, wanted[place].ask.to.value, wanted[place].segments)
        for _, here, pool in groups
        for campaign in pool.campaigns
        for place in here
        if wanted[place].ask.to.country == REGULATED and not wanted[place].ask.heard
    ]


def _revealed(wanted: Sequence[Wanted], read: _Round) -> list[tuple[MappingKey, str]]:
    """The mappings under pseudonyms that messages use which keep the number; what was decided is then about the number."""
    keeping = {
        d.key
        for d in read.decided
        if d.home.recipient != d.key.recipient
        and not wanted[d.place].obfuscated
        and d.binding.outcome is not Outcome.OFF
    }
    for d in read.decided:
        d.home = d.home._replace(recipient=d.key.recipient) if d.key in keeping else d.home
    return sorted({(read.homes[key].pseudonym, key.recipient) for key in keeping})
