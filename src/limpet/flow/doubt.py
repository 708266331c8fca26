"""Messages that may have left without an answer: they wait for a receipt while their lane is bound, then the policy decides.

The wait counts only bound time, because a carrier repeats receipts after a bind. `resend` sends again, `fail` gives up with
30008, `hold` leaves the message for a person. Decision D7 of the design.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from limpet.core.ids import id_time
from limpet.core.model import InDoubtPolicy
from limpet.core.status import Status
from limpet.flow.directory import Directory
from limpet.flow.failure import Failures
from limpet.flow.owed import Owed, Told
from limpet.store import dispatch
from limpet.store.callbacks import OwedCallback
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Claim, Fenced, Key, Outgoing

UNKNOWN_ERROR = 30008
RESOLVE_MAX = 500
_log = structlog.get_logger()


@dataclass(slots=True)
class _Doubt:
    message: Outgoing
    claim_id: int
    waited_s: float = 0.0
    held: bool = False


class DoubtBook:
    """Who is in doubt on which lane, for how long the lane has been bound since, and the claims that keep this past a crash."""

    def __init__(self) -> None:
        self._lanes: dict[str, dict[Key, _Doubt]] = {}
        self._open_claims: Counter[tuple[str, int]] = Counter()
        self._finished: list[tuple[str, int]] = []
        self.people: dict[str, set[int]] = {}
        """Who waits for a message that may have to be sent again, with the ids of those messages: nothing may overtake them.
        They are in doubt and not held, or came back and are not in the queue yet."""

    def add(self, claim: Claim, messages: Iterable[Outgoing]) -> None:
        """These messages of a claim are in doubt from now on."""
        book = self._lanes.setdefault(claim.lane, {})
        for message in messages:
            book[message.key] = _Doubt(message, claim.id)
            self._open_claims[claim.lane, claim.id] += 1
            self.people.setdefault(message.recipient, set()).add(message.key.id)

    def resolved(self, keys: Iterable[Key]) -> None:
        """It is known what became of these."""
        for key in keys:
            for lane, book in self._lanes.items():
                if (doubt := book.pop(key, None)) is not None:
                    self._count_down(lane, doubt.claim_id)
                    self._let_pass(doubt.message)

    def hold(self, keys: Iterable[Key]) -> None:
        """These wait for a receipt or a person, however long it takes; others need not wait for them."""
        for key in keys:
            for book in self._lanes.values():
                if key in book:
                    book[key].held = True
                    self._let_pass(book[key].message)

    def held(self) -> list[Outgoing]:
        """Those that wait for a receipt or a person."""
        return [doubt.message for book in self._lanes.values() for doubt in book.values() if doubt.held]

    def came_back(self, message: Outgoing) -> None:
        """A message has not been taken, and that is not written yet."""
        self.people.setdefault(message.recipient, set()).add(message.key.id)

    def written(self, message: Outgoing) -> None:
        """What became of a message that came back is committed; where it is in doubt, `add` follows."""
        self._let_pass(message)

    def first_of_people(self) -> Mapping[str, int]:
        """For each of `people` the first message that nothing may overtake."""
        return {recipient: min(ids) for recipient, ids in self.people.items()}

    def _let_pass(self, message: Outgoing) -> None:
        waiting = self.people.get(message.recipient)
        if waiting is not None:
            waiting.discard(message.key.id)
            if not waiting:
                del self.people[message.recipient]

    def _count_down(self, lane: str, claim_id: int) -> None:
        self._open_claims[lane, claim_id] -= 1
        if not self._open_claims[lane, claim_id]:
            del self._open_claims[lane, claim_id]
            self._finished.append((lane, claim_id))

    def take_finished(self) -> list[tuple[str, int]]:
        """`(lane, claim id)` of claims of which nobody is in doubt any more, once."""
        finished, self._finished = self._finished, []
        return finished

    def by_lane(self) -> dict[str, int]:
        """How many are in doubt on each lane where anybody was."""
        return {lane: len(book) for lane, book in self._lanes.items()}

    @property
    def empty(self) -> bool:
        """Whether nobody is in doubt."""
        return not any(self._lanes.values())

    def tick(self, bound_s: dict[str, float], patience_s: float) -> list[Outgoing]:
        """Let time pass on each lane that was bound; answers those whose patience is over, at most RESOLVE_MAX."""
        over: list[Outgoing] = []
        for lane, seconds in bound_s.items():
            book = self._lanes.get(lane, {})
            for doubt in book.values():
                doubt.waited_s += seconds
            over += [doubt.message for doubt in book.values() if doubt.waited_s >= patience_s and not doubt.held]
        return over[:RESOLVE_MAX]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the policies did: the messages they settled (those on hold are not), and the callbacks that this owes."""

    settled: tuple[Key, ...]
    owed: tuple[OwedCallback, ...]


class Resolver:
    """Applies each service's policy to messages that nobody answered for."""

    def __init__(self, database: Database, directory: Directory, owed: Owed, failures: Failures) -> None:
        self._database = database
        self._directory = directory
        self._owed = owed
        self._failures = failures

    async def resolve(self, over: Sequence[Outgoing], now: datetime) -> Resolution:
        """Resend, fail or hold by each service's policy, committed."""
        async with self._database.pool.acquire() as connection:
            policies = [await self._policy(connection, message) for message in over]
        done = await self.settle(list(zip(over, policies, strict=True)), now)
        if done.settled:
            _log.warning("doubt resolved by policy", count=len(done.settled))
        return done

    async def settle(self, decided: Sequence[tuple[Outgoing, InDoubtPolicy]], now: datetime) -> Resolution:
        """Resend, fail or hold as decided, committed. What somebody else has settled meanwhile is left as it is."""
        by_policy = {p: [m for m, q in decided if q is p] for p in InDoubtPolicy}
        again, lost = by_policy[InDoubtPolicy.RESEND], by_policy[InDoubtPolicy.FAIL]

        async def work(connection: Connection) -> Resolution:
            settled: set[Key] = set()
            if again:
                settled |= await dispatch.requeue(connection, [(_fenced(m), id_time(m.key.id), False) for m in again])
            told: list[Told] = []
            if lost:
                failed = await dispatch.fail(
                    connection, [(_fenced(m), UNKNOWN_ERROR) for m in lost], [Status.SENDING], now
                )
                settled |= {m.key for m in failed}
                told = await self._failures.follow(connection, failed, {m.key: UNKNOWN_ERROR for m in failed}, now)
            owed = await self._owed.write(connection, told, now)
            return Resolution(tuple(m.key for m in again + lost if m.key in settled), tuple(owed))

        return await self._database.transaction(work)

    async def still_in_doubt(self, messages: Sequence[Outgoing]) -> set[Key]:
        """Those of which nobody else has found out or decided what became."""
        async with self._database.pool.acquire() as connection:
            now = await dispatch.by_key(connection, [message.key for message in messages])
        known = {message.key: (message.fence, message.attempt) for message in messages}
        return {m.key for m in now if m.status == Status.SENDING and (m.fence, m.attempt) == known[m.key]}

    async def _policy(self, connection: Connection, message: Outgoing) -> InDoubtPolicy:
        if message.service_id is None:
            return InDoubtPolicy.RESEND
        pool = await self._directory.current_pool(connection, message.service_id)
        return InDoubtPolicy.RESEND if pool is None else pool.service.in_doubt


def _fenced(message: Outgoing) -> Fenced:
    return Fenced(*message.key, message.fence or 0, message.attempt)
