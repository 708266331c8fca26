"""Moves people so that a pool's people spread by weight: makes the plan, carries it out at its pace, and takes it back.

Who moves is decided by `limpet.core.rebalance`. Each step is one transaction that holds the rebalance's row and writes each move
with its event, so that it goes on after a crash and moves nobody twice (rules S-105, S-106, S-107).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from secrets import token_hex
from typing import Final

import structlog

from limpet.clock import Clock
from limpet.core.ids import BUCKETS, day_number, hour_of_day, id_floor
from limpet.core.model import Service
from limpet.core.pool import Pool
from limpet.core.rebalance import CHANGES, SID_PREFIX, Counting, Deciding, Plan, Quota, Rebalance, State, Wish
from limpet.core.sticky import EventKind
from limpet.flow.directory import Directory
from limpet.flow.sweep import every
from limpet.flow.worker import Loop
from limpet.store import rebalances, sticky
from limpet.store.database import Connection, Database
from limpet.store.rebalances import Mapped, Move
from limpet.store.sticky import MappingKey, StickyEvent

EVERY_S: Final = 1.0
STEPS_MAX: Final = 1000
"""Steps of one rebalance in one turn, so that others have theirs."""
CHUNK: Final = 500
"""People that one transaction moves."""
LOOKED_AT_MAX: Final = 2000
BUCKETS_A_STEP: Final = 64
"""So many buckets are walked in one transaction, unless they hold many people."""
ROWS_MAX: Final = 200_000
"""So many of a service's mappings are looked at for a plan; the rest is taken to be like them, since people are in buckets by a
hash."""
ROWS_A_STEP: Final = 20_000
PEOPLE_AT_ONCE: Final = 200
PLAN_COUNTS: Final = timedelta(days=1)
"""For so long a plan can be applied: later it would move too many or too few."""
CAUSE, CAUSE_BACK = "rebalance", "rebalance_undone"
_NO_ID: Final = 2**63 - 1
"""No row has one that is as large."""
_log = structlog.get_logger()


class NotNow(Exception):
    """The rebalance is in a state in which that cannot be done; the message says which."""


@dataclass(slots=True)
class _Walk:
    """A step's way through the buckets: where it is, and what it has done."""

    one: Rebalance
    scope_id: int
    """Where the mappings of its service are."""
    now: datetime
    bucket: int
    after: str = ""
    """Whom this process has looked at last in the bucket: a hint, which a crash takes without harm."""
    looked_at: int = 0
    moved: int = 0
    taken: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    """How many people have moved by which quota."""
    events: list[StickyEvent] = field(default_factory=list)

    @property
    def room(self) -> int:
        """How many people may still move in this step: as many as the pace has until the next turn."""
        ahead = self.now + timedelta(seconds=EVERY_S) - max(self.one.paced_until, self.now)
        return min(CHUNK, max(1, round(ahead.total_seconds() * self.one.wish.per_second))) - self.moved

    @property
    def goes_on(self) -> bool:
        """Whether the step has work to do."""
        near = self.bucket < min(self.one.progress + BUCKETS_A_STEP, BUCKETS)
        return near and self.room > 0 and self.looked_at < LOOKED_AT_MAX


class Rebalances:
    """Rebalances of every service. `new_id` makes the ids of events."""

    def __init__(
        self, database: Database, directory: Directory, clock: Clock, new_id: Callable[[datetime], int]
    ) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock
        self._new_id = new_id
        self._places: dict[int, tuple[int, str]] = {}

    def loops(self) -> list[Loop]:
        """What has to run for as long as the server does."""
        return [partial(every, EVERY_S, self.turn)]

    async def plan(self, service: Service, wish: Wish, credential: str) -> Rebalance | None:
        """Work out whom a rebalance would move, and keep it; nobody is moved. None when the service is gone. NotNow,
        OtherOpen."""
        now = self._clock.now()
        async with self._database.pool.acquire() as connection:
            pool = await self._directory.current_pool(connection, service.id)
        if pool is None:
            return None
        if not pool.service.sticky_sender:
            raise NotNow("Sticky Sender of the service is off, and mappings are left alone")
        plan = await self._counted(pool, wish, now)
        sid = SID_PREFIX + token_hex(16)
        return await rebalances.insert(self._database, service, sid, wish, plan, credential, now)

    async def _counted(self, pool: Pool, wish: Wish, now: datetime) -> Plan:
        today, bucket, rows, step = day_number(now), 0, 0, 1
        counting = Counting(pool, today, wish.idle_days, hour_of_day(now))
        while bucket < BUCKETS and rows < ROWS_MAX:
            buckets = list(range(bucket, min(BUCKETS, bucket + step)))
            since = today - pool.scope.ttl.days
            people = await rebalances.people(self._database, buckets, pool.scope.id, since)
            for place, each in enumerate(people, 1):
                if each.mapping.member_id not in pool.sisters:
                    counting.add(each.recipient, each.mapping)
                if place % PEOPLE_AT_ONCE == 0:
                    await asyncio.sleep(0)  # messages go on meanwhile
            rows, bucket = rows + len(people), buckets[-1] + 1
            step = max(1, min(BUCKETS, ROWS_A_STEP * bucket // max(rows, 1)))
        return counting.plan(wish, BUCKETS / bucket)

    async def change(self, one: Rebalance, wanted: str) -> Rebalance:
        """Apply a rebalance, pause, cancel or undo it (`CHANGES`); what is so already stays. NotNow, OtherOpen."""
        to, allowed = CHANGES[wanted]
        if one.state in {to, State.UNDONE if to is State.UNDOING else to}:
            return one
        if one.state not in allowed:
            raise NotNow(f"it is {one.state}")
        if one.state is State.PLANNED and to is State.RUNNING and self._clock.now() - one.created_at > PLAN_COUNTS:
            raise NotNow("the plan is more than a day old, and people have come and gone since")
        changed = await rebalances.change(self._database, one, to, allowed, self._clock.now())
        if changed is None:
            raise NotNow("it has just changed")
        return changed

    async def turn(self) -> None:
        """Take every rebalance that is at work as far as its pace lets it."""
        for rebalance_id in await rebalances.at_work(self._database):
            for _ in range(STEPS_MAX):
                if not await self.step(rebalance_id):
                    break

    async def step(self, rebalance_id: int) -> bool:
        """One step of a rebalance; whether there may be another one now."""
        walk = await self._database.transaction(partial(self._step, rebalance_id))
        self._places.pop(rebalance_id, None)
        if walk is None:
            return False
        if walk.after:
            self._places[rebalance_id] = (walk.bucket, walk.after)
        return True

    async def _step(self, rebalance_id: int, connection: Connection) -> _Walk | None:
        one, now = await rebalances.hold(connection, rebalance_id), self._clock.now()
        if one is None or one.state not in (State.RUNNING, State.UNDOING):
            return None
        if one.paced_until >= now + timedelta(seconds=EVERY_S):
            return None
        pool = await self._directory.current_pool(connection, one.service_id)
        if pool is None:
            await rebalances.advance(connection, one, State.CANCELED, one.progress, now, now)
            return None
        if not pool.service.sticky_sender:  # mappings are left alone (S-3): it waits
            return None
        at, after = self._places.get(rebalance_id, (one.progress, ""))
        walk = _Walk(one, pool.scope.id, now, one.progress, after if at == one.progress else "")
        done = await (
            self._there(connection, walk, pool) if one.state is State.RUNNING else self._back(connection, walk)
        )
        if walk.events:
            await sticky.insert_events(connection, walk.events)
        await self._note(connection, walk, done)
        return None if done else walk

    async def _note(self, connection: Connection, walk: _Walk, done: bool) -> None:
        """Write how far it is, and until when that takes by its pace."""
        one = walk.one
        paced = max(one.paced_until, walk.now) + timedelta(seconds=walk.moved / one.wish.per_second)
        there = one.state is State.RUNNING
        state = one.state if not done else State.DONE if there else State.UNDONE
        await rebalances.advance(
            connection, one, state, walk.bucket, paced, walk.now, moved=walk.moved if there else 0,
            undone=0 if there else len(walk.events),
        )  # fmt: skip
        if done:
            _log.info("rebalanced" if there else "rebalance undone", sid=one.sid, moved=one.moved + walk.moved)

    async def _there(self, connection: Connection, walk: _Walk, pool: Pool) -> bool:
        """Move people on from where the walk is; whether that was all."""
        today = day_number(walk.now)
        quotas = await rebalances.quotas(connection, walk.one)
        deciding = Deciding(pool, quotas, today, walk.one.wish.idle_days, hour_of_day(walk.now))
        while walk.goes_on and deciding.members:
            people = await self._idle(connection, walk, deciding.members, today)
            walk.looked_at += len(people)
            seen = await self._move_some(connection, walk, deciding, pool, people)
            if seen == len(people) < LOOKED_AT_MAX:
                walk.bucket, walk.after = walk.bucket + 1, ""
        if walk.taken:
            await rebalances.took(connection, walk.one, walk.taken)
        return walk.bucket >= BUCKETS or not deciding.members

    async def _idle(self, connection: Connection, walk: _Walk, members: Sequence[int], today: int) -> list[Mapped]:
        """The next people of these members of whom nothing was heard for so long."""
        days = walk.one.wish.idle_days
        since = id_floor(walk.now - timedelta(days=days)) if days else _NO_ID
        return await rebalances.idle(
            connection, walk.bucket, walk.scope_id, walk.after, members, today - days, since, LOOKED_AT_MAX
        )

    async def _move_some(
        self, connection: Connection, walk: _Walk, deciding: Deciding, pool: Pool, people: Sequence[Mapped]
    ) -> int:
        """Move those of some people who are to; answers how many of them have been looked at before there was no more room."""
        chosen, seen = dict[str, tuple[Move, Quota]](), 0
        for each in people:
            if len(chosen) == walk.room:
                break
            seen, walk.after = seen + 1, each.recipient
            quota = deciding.target(each.recipient, each.mapping)
            if quota is not None:
                deciding.took(quota)
                chosen[each.recipient] = (Move(each.recipient, each.mapping, quota.after), quota)
        if not chosen:
            return seen
        moved = await rebalances.move(
            connection, walk.one, walk.scope_id, walk.bucket, [move for move, _ in chosen.values()]
        )
        for recipient in sorted(moved):
            quota = chosen[recipient][1]
            walk.taken[quota.place, quota.before, quota.after] += 1
            before, after = (pool.by_member[member].sender.address for member in (quota.before, quota.after))
            walk.events.append(self._event(walk, recipient, CAUSE, before, after))
        walk.moved += len(moved)
        return seen

    def _event(self, walk: _Walk, recipient: str, cause: str, before: str | None, after: str | None) -> StickyEvent:
        key = MappingKey(walk.bucket, walk.scope_id, recipient)
        return StickyEvent(
            key, self._new_id(walk.now), EventKind.MOVED, cause, before, after, None, walk.one.actor, walk.one.wish.reason
        )  # fmt: skip

    async def _back(self, connection: Connection, walk: _Walk) -> bool:
        """Take moves back on from where the walk is; whether those were all."""
        while walk.goes_on:
            room = walk.room
            looked_at, restored = await rebalances.undo(connection, walk.one, walk.scope_id, walk.bucket, room)
            walk.looked_at += looked_at
            walk.moved += len(restored)
            members = {member for each in restored for member in (each.member_before, each.member_after)}
            numbers = await sticky.member_addresses(connection, members) if members else {}
            walk.events += [
                self._event(
                    walk, each.recipient, CAUSE_BACK, numbers.get(each.member_after), numbers.get(each.member_before)
                )
                for each in restored
            ]
            if looked_at < room:
                walk.bucket += 1
        return walk.bucket >= BUCKETS
