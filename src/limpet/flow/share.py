"""Who may still get new people today, and what services may still send today: counted in the transaction that uses it up.

A count commits with the message or the mapping that it counts, so it is right in every process and after a crash; what this
process remembers of it only spares decisions that could not hold. Nothing here asks the database anything for a service or a
member without a limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from limpet.core.limits import DAILY_SEGMENTS_REACHED, at_cap, fitting
from limpet.core.pool import Candidate, Pool
from limpet.core.selection import Refusal
from limpet.core.sticky import Crowd
from limpet.store import tallies
from limpet.store.database import Connection, OutOfDate
from limpet.store.tallies import Tally

FRESH_S = 10.0
"""For so long a member that is at its cap is believed to be so; only members below it are found out by counting."""
MEMBERS_MAX = 100_000
NO_SHARE = Refusal(DAILY_SEGMENTS_REACHED)


@dataclass(slots=True)
class _Known:
    """A member's new people of a day, as this process has last seen them counted."""

    day: int
    count: int
    read_at_s: float


class Contacts:
    """What a process knows of its members' new people. `now_s` is monotonic; `is_full` tells whose queue takes nothing more."""

    def __init__(self, now_s: Callable[[], float], is_full: Callable[[Candidate], bool]) -> None:
        self._now_s = now_s
        self._known: dict[int, _Known] = {}
        self.uncapped = Crowd((), is_full)

    async def counts(self, connection: Connection, caps: Mapping[int, int], day: int) -> dict[int, int]:
        """The new people of these members today; one that was seen below its cap is not read again."""
        now_s = self._now_s()
        stale = [member for member, cap in caps.items() if self._is_stale(member, cap, day, now_s)]
        if stale:
            counts = await tallies.read(connection, Tally.CONTACTS, day, stale)
            for member in stale:
                self.remember(member, day, counts.get(member, 0))
        return {member: self._known[member].count for member in caps}

    async def crowd_on(self, connection: Connection, pool: Pool, day: int) -> Crowd:
        """Which members of a pool get no more people on a day, as the connection sees it; nothing is remembered."""
        counts = await tallies.read(connection, Tally.CONTACTS, day, pool.caps) if pool.caps else {}
        return Crowd(at_cap(pool.caps, counts), self.uncapped.is_full)

    def remember(self, member: int, day: int, count: int) -> None:
        """What a count was when it was last seen."""
        if len(self._known) >= MEMBERS_MAX:
            self._known = {m: known for m, known in self._known.items() if known.day == day}
        self._known[member] = _Known(day, count, self._now_s())

    def _is_stale(self, member: int, cap: int, day: int, now_s: float) -> bool:
        known = self._known.get(member)
        return known is None or known.day != day or (known.count >= cap and now_s - known.read_at_s >= FRESH_S)


class NewPeople:
    """The new people of one transaction, member by member."""

    def __init__(self, contacts: Contacts, day: int) -> None:
        self._contacts = contacts
        self._day = day
        self._caps: dict[int, int] = {}
        self._before: dict[int, int] = {}
        self._made = Counter[int]()
        self._at_cap: dict[int, set[int]] = {}

    async def crowd(self, connection: Connection, pool: Pool) -> Crowd:
        """Which members of a pool get no more people, those of this transaction included."""
        if not pool.caps:
            return self._contacts.uncapped
        if (reached := self._at_cap.get(pool.service.id)) is None:
            self._caps |= pool.caps
            self._before |= await self._contacts.counts(connection, pool.caps, self._day)
            reached = self._at_cap[pool.service.id] = at_cap(pool.caps, self._before)
        return Crowd(reached, self._contacts.uncapped.is_full)

    def add(self, service_id: int, member: int, people: int = 1) -> None:
        """A member has been given one person more, or with -1 one less: somebody else was first."""
        if (reached := self._at_cap.get(service_id)) is None or member not in self._caps:
            return
        self._made[member] += people
        if self._before[member] + self._made[member] >= self._caps[member]:
            reached.add(member)
        else:
            reached.discard(member)

    async def settle(self, connection: Connection) -> None:
        """Count them, the last thing that a binding does. OutOfDate when others have had the same places meanwhile: what is true
        is known then, and the transaction decides again."""
        made = {member: people for member, people in self._made.items() if people}
        if not made:
            return
        counted = await tallies.add(connection, Tally.CONTACTS, self._day, made)
        passed = any(count > self._caps[member] for member, count in counted.items())
        for member, count in counted.items():
            self._contacts.remember(member, self._day, count - made[member] if passed else count)
        if passed:
            raise OutOfDate


@dataclass(frozen=True, slots=True)
class Portion:
    """Segments that a message of a limited service would use up."""

    place: int
    service_id: int
    segments: int


async def take(connection: Connection, portions: Sequence[Portion], rooms: Mapping[int, int], day: int) -> set[int]:
    """Use up services' shares of a day, `rooms` being how large they are; answers the places of those that found no room."""
    wanted = Counter[int]()
    for portion in portions:
        wanted[portion.service_id] += portion.segments
    counted = await tallies.add(connection, Tally.SEGMENTS, day, wanted)
    refused: list[Portion] = []
    for service_id, count in counted.items():
        mine = [portion for portion in portions if portion.service_id == service_id]
        room = rooms[service_id] - (count - wanted[service_id])
        taken = fitting(room, [portion.segments for portion in mine])
        refused += [portion for portion, fits in zip(mine, taken, strict=True) if not fits]
    await give_back(connection, refused, day)
    return {portion.place for portion in refused}


async def is_used_up(connection: Connection, pool: Pool, day: int, segments: int) -> bool:
    """Whether a service's share of a day has no room for so many segments more; nothing is counted."""
    room = pool.limits.daily_segments
    if room is None:
        return False
    counts = await tallies.read(connection, Tally.SEGMENTS, day, [pool.service.id])
    return counts.get(pool.service.id, 0) + segments > room


async def give_back(connection: Connection, portions: Iterable[Portion], day: int) -> None:
    """What was taken and not used."""
    spare = Counter[int]()
    for portion in portions:
        spare[portion.service_id] -= portion.segments
    if spare:
        await tallies.add(connection, Tally.SEGMENTS, day, spare)
