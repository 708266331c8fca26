"""What Sticky Sender should do, in a dictionary; and a state machine that compares it with the real thing, step by step.

The rules aim at the edges: 365 and 366 days, a number removed and added again, off and on, a first message that never left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from limpet.core.model import Message, Service
from limpet.core.status import Status
from tests.support.clock import NOW, HandClock
from tests.support.world import POOL, World, bucket

T = TypeVar("T")
PEOPLE = tuple(f"+1415555020{n}" for n in range(3))
STEPS_OF_DAYS = (1, 2, 364, 365, 366)
_live: list[tuple[asyncio.Runner, World]] = []


@dataclass
class Model:
    """The specification. A membership is a number that is never used again; days count from the start."""

    pool: dict[str, int] = field(default_factory=dict)
    mapping: dict[str, tuple[int, int]] = field(default_factory=dict)
    left: set[tuple[str, int]] = field(default_factory=set)
    changes: dict[str, int] = field(default_factory=dict)
    on: bool = True
    today: int = 0
    memberships: int = 0

    def live(self, person: str) -> int | None:
        """The membership that a person's mapping honours today."""
        membership, used = self.mapping.get(person, (None, 0))
        alive = membership in self.pool.values() and self.today - used <= 365
        return membership if alive else None

    def join(self, number: str) -> None:
        self.memberships += 1
        self.pool[number] = self.memberships

    def use(self, person: str, number: str) -> None:
        """A message with Sticky Sender on went to a person from a number."""
        if self.live(person) is None:
            self.changes[person] = self.changes.get(person, 0) + 1
        self.mapping[person] = (self.pool[number], self.today)

    def change(self, person: str) -> None:
        self.changes[person] = self.changes.get(person, 0) + 1


class StickyMachine(RuleBasedStateMachine):
    """Plays the same history to the dictionary and to the store. `at` is the world that all examples share."""

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.world = _live[-1]
        clock = self.world.clock
        assert isinstance(clock, HandClock)
        clock._now = NOW
        self.model = Model()
        numbers = list(POOL[:3])  # always the same, and no load left over: a history must play the same way each time
        self.world.accept._assigner._meter.loads.clear()
        self.run(self._release_all())
        self.service: Service = self.run(self.world.service(*numbers))
        for number in numbers:
            self.model.join(number)
        self.numbers = numbers
        self.away: list[str] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def _release_all(self) -> None:
        await self.world.database.pool.execute("UPDATE pool_member SET removed_at = $1 WHERE removed_at IS NULL", NOW)
        await self.world.database.pool.execute("UPDATE service SET generation = generation + 1")
        await self.world.database.pool.execute("TRUNCATE sticky_event, sticky_mapping")

    async def _send(self, person: str, explicit: str | None, *, fails: bool) -> Message:
        before = len(self.world.lane.submitted)
        sent = await self.world.send(self.service, person, sender=explicit)
        submission = await self.world.submission_of(sent)
        assert len(self.world.lane.submitted) == before + 1
        assert submission.sender == sent.sender
        if fails:
            self.world.lane.refuse(submission)
        else:
            self.world.lane.take(submission)
        await self.world.settle()
        done = await self.world.read(sent)
        assert done.status is (Status.FAILED if fails else Status.SENT)
        return done

    @precondition(lambda self: self.model.pool)
    @rule(person=st.sampled_from(PEOPLE), fails=st.sampled_from((False, False, False, True)))
    def send(self, person: str, fails: bool) -> None:
        expected = self.model.live(person)
        sent = self.run(self._send(person, None, fails=fails))
        assert sent.sender in self.model.pool, "a number that is not in the pool was used"
        if not self.model.on:
            assert sent.sticky == "off"
            return
        membership = self.model.pool[sent.sender]
        assert expected in (None, membership), f"{person} hears from another number than the one they are mapped to"
        self.model.use(person, sent.sender)
        self._left(person, membership, fails)

    def _left(self, person: str, membership: int, fails: bool) -> None:
        if not fails:
            self.model.left.add((person, membership))
        elif (person, membership) not in self.model.left:
            del self.model.mapping[person]
            self.model.change(person)

    @precondition(lambda self: self.model.pool)
    @rule(person=st.sampled_from(PEOPLE), which=st.integers(0, 2))
    def send_from(self, person: str, which: int) -> None:
        number = sorted(self.model.pool)[which % len(self.model.pool)]
        live = self.model.live(person)
        sent = self.run(self._send(person, number, fails=False))
        assert sent.sender == number
        if self.model.on and live in (None, self.model.pool[number]):
            self.model.use(person, number)
            self.model.left.add((person, self.model.pool[number]))

    @precondition(lambda self: self.model.pool)
    @rule(which=st.integers(0, 2), again=st.booleans())
    def remove(self, which: int, again: bool) -> None:
        number = sorted(self.model.pool)[which % len(self.model.pool)]
        self.run(self.world.remove(self.service, number))
        del self.model.pool[number]
        if again:
            self.run(self.world.add(self.service, number))
            self.model.join(number)
        else:
            self.away.append(number)

    @precondition(lambda self: self.away)
    @rule()
    def add_back(self) -> None:
        number = self.away.pop()
        self.run(self.world.add(self.service, number))
        self.model.join(number)

    @rule()
    def toggle(self) -> None:
        self.model.on = not self.model.on
        self.run(self.world.set(self.service, "sticky_sender", self.model.on))

    @rule(days=st.sampled_from(STEPS_OF_DAYS))
    def days_pass(self, days: int) -> None:
        if self.model.today + days > 2500:
            return
        self.model.today += days
        self.world.clock.advance(timedelta(days=days))
        self.run(self.world.database.ensure_partitions(self.world.clock.now()))

    @precondition(lambda self: any(self.model.live(p) is not None for p in PEOPLE))
    @rule(edge=st.sampled_from((364, 365, 366)), which=st.integers(0, 2), off_meanwhile=st.booleans())
    def wait_to_the_edge(self, edge: int, which: int, off_meanwhile: bool) -> None:
        """Go to the very day on which one person's mapping is about to die, perhaps with Sticky Sender off on the way."""
        mapped = [p for p in PEOPLE if self.model.live(p) is not None]
        person = mapped[which % len(mapped)]
        if off_meanwhile:
            self.toggle()
        self.days_pass(max(0, self.model.mapping[person][1] + edge - self.model.today))
        if off_meanwhile:
            self.toggle()
        if self.model.pool:
            self.send(person, False)

    @rule(person=st.sampled_from(PEOPLE))
    def reset(self, person: str) -> None:
        gone = self.run(self.world.sticky.reset(self.service, person, "test", self.world.clock.now()))
        if gone is None:
            assert self.model.live(person) is None
        elif self.model.mapping.pop(person, None) is not None:
            self.model.change(person)

    @rule()
    def purge(self) -> None:
        for at in sorted({bucket(person) for person in PEOPLE}):
            self.run(self.world.sticky.purge_bucket_step(at, (0, ""), self.world.clock.now()))
        for person in PEOPLE:
            membership, _ = self.model.mapping.get(person, (None, 0))
            dead = membership not in self.model.pool.values()
            if membership is not None and (dead or (self.model.on and self.model.live(person) is None)):
                del self.model.mapping[person]
                if not dead:
                    self.model.change(person)

    @invariant()
    def the_store_shows_what_the_model_says(self) -> None:
        numbers = {membership: number for number, membership in self.model.pool.items()}
        for person in PEOPLE:
            live = self.model.live(person)
            shown = self.run(self.world.mapping(self.service, person))
            assert shown == (numbers[live] if live is not None else None), person
            told = self.run(self.world.kinds(self.service, person))
            changes = [kind for kind in told if not kind.startswith("bypassed")]
            assert len(changes) == self.model.changes.get(person, 0), (person, told)


def share(runner: asyncio.Runner, world: World) -> None:
    """The world that the machine's examples play in."""
    _live.append((runner, world))
