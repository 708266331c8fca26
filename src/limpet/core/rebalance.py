"""Who moves to another number so that a pool's people spread by weight: how many, and then person by person.

The people of a place are to be split as strangers there would be (rules S-32, S-100), by as few moves as that takes, and only
people move who were not in contact lately (S-105, S-106). It knows no rows and moves nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from limpet.core.address import Address, AddressKind, parse_recipient
from limpet.core.model import NUMBER_KINDS, SenderKind
from limpet.core.pool import Candidate, Pool
from limpet.core.selection import has_local, is_foreign, shares
from limpet.core.sticky import Pin, Standing, StoredMapping, standing

SID_PREFIX: Final = "LR"
ACTOR_PREFIX: Final = "rebalance:"
IDLE_DAYS: Final = 30
"""Where nothing else is said: who was in contact within so many days stays."""
MOVES_MAX: Final = 1_000_000
"""People that one rebalance moves: so many can be moved back."""
PER_SECOND: Final = 200
_PLACE_BYTES: Final = 8

Heirs = tuple[tuple[int, int], ...]
"""Members that a stranger of some place may be given to, by id, each with its weight."""


class State(StrEnum):
    """Where a rebalance is."""

    PLANNED = "planned"
    """Nobody has been moved."""
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELED = "canceled"
    """Who has been moved stays where they are."""
    UNDOING = "undoing"
    UNDONE = "undone"
    SETTLED = "settled"
    """Nobody has touched it for so long that it can be neither applied nor undone any more."""


OPEN: Final = frozenset({State.RUNNING, State.PAUSED, State.UNDOING})
"""Of a service one at a time is in one of these."""
CHANGES: Final[Mapping[str, tuple[State, frozenset[State]]]] = {
    "running": (State.RUNNING, frozenset({State.PLANNED, State.PAUSED})),
    "paused": (State.PAUSED, frozenset({State.RUNNING})),
    "canceled": (State.CANCELED, frozenset({State.PLANNED, State.RUNNING, State.PAUSED})),
    "undone": (State.UNDOING, frozenset({State.RUNNING, State.PAUSED, State.DONE, State.CANCELED})),
}
"""What can be asked of a rebalance: the state that follows, and those in which it can be asked."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom to move, and how fast: nobody who was in contact within `idle_days`, at most `percent` of the service's people and at
    most `max_moves`, so many a second."""

    idle_days: int = IDLE_DAYS
    percent: int | None = None
    max_moves: int = MOVES_MAX
    per_second: int = PER_SECOND
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How many people of one sort of place go from a member to another, and how many have gone."""

    place: str
    before: int
    after: int
    planned: int
    moved: int = 0

    @property
    def left(self) -> float:
        """The part that has not gone yet."""
        return 1 - self.moved / self.planned


@dataclass(frozen=True, slots=True)
class Share:
    """A number of the pool as a plan saw it: how many people hear from it, and how many would."""

    phone_number: str
    sid: str
    weight: int
    people: int
    planned: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom a rebalance moves; `estimated` where not all of the service's people were looked at."""

    quotas: tuple[Quota, ...]
    members: tuple[Share, ...]
    people: int
    estimated: bool

    @property
    def moves(self) -> int:
        """How many people would move."""
        return sum(quota.planned for quota in self.quotas)


@dataclass(frozen=True, slots=True)
class Rebalance:
    """A rebalance as it is stored. `progress` is how many buckets have been walked, there or back."""

    id: int
    sid: str
    service_id: int
    actor: str
    """Of the events that it writes: it names the rebalance."""
    credential: str
    """Who planned it."""
    wish: Wish
    state: State
    people: int
    estimated: bool
    members: tuple[Share, ...]
    planned: int
    moved: int
    skipped: int
    undone: int
    progress: int
    paced_until: datetime
    created_at: datetime
    updated_at: datetime


def heirs(pool: Pool, to: Address, kind: SenderKind) -> Heirs:
    """Who a stranger there is given to, of the senders of that sort: numbers, or one of the other kinds. Health is not asked: it
    comes and goes, and keeps no share from a number for good. A number of another country is none where a short code of the
    person's country would take its place at once (S-12)."""
    alike = NUMBER_KINDS if kind in NUMBER_KINDS else {kind}
    others = {c.member_id for c in pool.candidates if c.sender.kind not in alike}
    healthy = replace(pool, failing=frozenset()) if pool.failing else pool
    at_home = has_local(healthy, to)
    found = (c for c, _ in shares(healthy, to, others) if not (at_home and is_foreign(c, to)))
    return tuple((c.member_id, c.weight or 1) for c in found)


def place_of(heirs: Heirs) -> str:
    """A short name of places whose people are split in the same way."""
    said = ",".join(f"{member}:{weight}" for member, weight in heirs)
    return blake2b(said.encode(), digest_size=_PLACE_BYTES).hexdigest()


def may_move(pool: Pool, mapping: StoredMapping, to: Address, today: int, idle_days: int, hour: int = 0) -> bool:
    """Whether a person may get another number by a rebalance (S-106)."""
    if mapping.pin is not Pin.NONE or today - mapping.last_used_day < idle_days:
        return False
    candidate = pool.by_member.get(mapping.member_id)
    live = standing(pool, mapping, to, today, hour=hour) is Standing.LIVE
    return live and candidate is not None and not candidate.retiring


@dataclass(slots=True)
class Heritage:
    """Who inherits where, worked out once for each sort of place."""

    pool: Pool
    _known: dict[tuple[AddressKind, str | None, str | None, SenderKind], tuple[str, Heirs]] = field(
        default_factory=dict
    )

    def of(self, to: Address, candidate: Candidate) -> tuple[str, Heirs]:
        """The heirs of a person who hears from a member, and the name of such places."""
        where = (to.kind, to.country, to.area_code, candidate.sender.kind)
        if where not in self._known:
            found = heirs(self.pool, to, candidate.sender.kind)
            self._known[where] = (place_of(found), found)
        return self._known[where]


@dataclass(slots=True)
class Counting:
    """Counts a service's people one by one, for a plan."""

    pool: Pool
    today: int
    idle_days: int
    hour: int = 0
    _heritage: Heritage = field(init=False)
    _heirs: dict[str, Heirs] = field(default_factory=dict)
    _people: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    _free: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    _fixed: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._heritage = Heritage(self.pool)

    def add(self, recipient: str, mapping: StoredMapping) -> None:
        """One person. Whoever is known by a pseudonym only, or has a mapping that is broken, is nobody's share."""
        candidate = self.pool.by_member.get(mapping.member_id)
        if candidate is None:
            return
        to = parse_recipient(recipient)
        if to is None or standing(self.pool, mapping, to, self.today, hour=self.hour) is not Standing.LIVE:
            self._fixed[mapping.member_id] += 1
            return
        place, found = self._heritage.of(to, candidate)
        self._heirs[place] = found
        self._people[place][mapping.member_id] += 1
        if may_move(self.pool, mapping, to, self.today, self.idle_days, self.hour):
            self._free[place][mapping.member_id] += 1

    def plan(self, wish: Wish, factor: float = 1.0) -> Plan:
        """Who moves, if there are `factor` people for each that was counted."""
        here, quotas = _scaled(self._fixed, factor), list[Quota]()
        for place, counted in sorted(self._people.items()):
            people, free = _scaled(counted, factor), _scaled(self._free[place], factor)
            here += people
            quotas += _quotas(place, self._heirs[place], people, free, self.pool.failing)
        quotas = _at_most(quotas, _bound(wish, here.total()))
        return Plan(tuple(quotas), self._members(here, quotas), here.total(), factor > 1)

    def _members(self, here: Counter[int], quotas: Iterable[Quota]) -> tuple[Share, ...]:
        after = Counter(here)
        for quota in quotas:
            after[quota.after] += quota.planned
            after[quota.before] -= quota.planned
        found = ((c, here[c.member_id], after[c.member_id]) for c in self.pool.candidates)
        return tuple(Share(c.sender.address, c.sender.sid, c.weight, now, then) for c, now, then in found)


def _scaled(counts: Counter[int], factor: float) -> Counter[int]:
    return Counter({member: round(count * factor) for member, count in counts.items()})


def _bound(wish: Wish, people: int) -> int:
    most = min(wish.max_moves, MOVES_MAX)
    return most if wish.percent is None else min(most, people * wish.percent // 100)


def _quotas(
    place: str, heirs: Heirs, people: Mapping[int, int], free: Mapping[int, int], failing: Iterable[int]
) -> list[Quota]:
    """The fewest moves that bring the people of a place as near to their shares as those who may move can."""
    if not heirs:
        return []
    target = apportioned(sum(people.values()), dict(heirs))
    surplus = {m: min(free.get(m, 0), count - target.get(m, 0)) for m, count in people.items()}
    lacking = {m: count - people.get(m, 0) for m, count in target.items() if m not in failing}
    giving = {m: count for m, count in sorted(surplus.items()) if count > 0}
    taking = {m: count for m, count in sorted(lacking.items()) if count > 0}
    moving = min(sum(giving.values()), sum(taking.values()))
    return _matched(place, apportioned(moving, giving), apportioned(moving, taking))


def apportioned(whole: int, shares: Mapping[int, int]) -> dict[int, int]:
    """A number of people split by shares, by largest remainders; where those are equal the first id comes first."""
    total = sum(shares.values())
    if not total:
        return {}
    parts = {key: whole * share // total for key, share in shares.items()}
    by_remainder = sorted(shares, key=lambda key: (-(whole * shares[key] % total), key))
    for key in by_remainder[: whole - sum(parts.values())]:
        parts[key] += 1
    return parts


def _matched(place: str, giving: Mapping[int, int], taking: Mapping[int, int]) -> list[Quota]:
    """Who goes where: both have the same sum."""
    quotas, left, open_for = [], dict(giving), dict(taking)
    for before in giving:
        for after in taking:
            if part := min(left[before], open_for[after]):
                quotas.append(Quota(place, before, after, part))
                left[before] -= part
                open_for[after] -= part
    return quotas


def _at_most(quotas: list[Quota], most: int) -> list[Quota]:
    """All of them, or each by so much smaller that together they are `most`."""
    if sum(quota.planned for quota in quotas) <= most:
        return quotas
    parts = apportioned(most, {number: quota.planned for number, quota in enumerate(quotas)})
    return [replace(quota, planned=parts[number]) for number, quota in enumerate(quotas) if parts[number]]


class Deciding:
    """Decides person by person who moves where, as long as there are quotas left."""

    def __init__(self, pool: Pool, quotas: Iterable[Quota], today: int, idle_days: int, hour: int = 0) -> None:
        self._pool = pool
        self._heritage = Heritage(pool)
        self._today = today
        self._idle_days = idle_days
        self._hour = hour
        self._left: dict[tuple[str, int], list[Quota]] = {}
        for quota in quotas:
            if quota.moved < quota.planned:
                self._left.setdefault((quota.place, quota.before), []).append(quota)

    @property
    def members(self) -> list[int]:
        """The members whose people are still looked for."""
        return sorted({before for _, before in self._left})

    def target(self, recipient: str, mapping: StoredMapping) -> Quota | None:
        """By which quota a person moves; None for whoever stays. Of a member's quotas the one of which least has gone comes
        first, so that all of them fill at once. It holds once `took` says so."""
        to, candidate = parse_recipient(recipient), self._pool.by_member.get(mapping.member_id)
        if to is None or candidate is None:
            return None
        if not may_move(self._pool, mapping, to, self._today, self._idle_days, self._hour):
            return None
        place, found = self._heritage.of(to, candidate)
        allowed = {member for member, _ in found} - set(self._pool.failing)
        open_ones = [quota for quota in self._left.get((place, mapping.member_id), ()) if quota.after in allowed]
        return max(open_ones, key=lambda quota: (quota.left, -quota.after)) if open_ones else None

    def took(self, quota: Quota) -> None:
        """Note that somebody moves by a quota."""
        place = (quota.place, quota.before)
        after = replace(quota, moved=quota.moved + 1)
        others = [one for one in self._left[place] if one.after != quota.after]
        if after.moved < after.planned:
            others.append(after)
        if others:
            self._left[place] = others
        else:
            del self._left[place]
