"""Random histories of numbers, campaigns, answers and crashes; what must hold in all of them; and the mutants that break it.

No text to the United States leaves from a number that carriers do not have in the service's campaign. Nobody stays pending once
the registry has answered. What is asked is asked once, however often a process dies, and nothing stays registered for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from limpet.core.model import Clearance, PoolMember, Service
from limpet.core.registration import Stage
from limpet.core.status import Status
from limpet.flow import register
from limpet.registrar.port import Answer, Approved, Rejected, Request
from limpet.store import pools, registrations
from limpet.store import registration_jobs as jobs
from limpet.store.database import Database
from limpet.store.registration_jobs import Job, JobState, Order
from tests.support.clock import HandClock
from tests.support.database import Server, copied
from tests.support.registry import A2p, HandRegistry
from tests.support.world import World, open_world

EXAMPLES, STEPS_MAX, MUTANT_EXAMPLES = 150, 30, 120
NUMBERS_EACH = 2
PERSON = "+14155550101"
PENDING = "SELECT address, stage FROM number_registration WHERE stage IN ('pending', 'leaving', 'overdue')"
FAULTS = ("dies", "dies before", "lost", "away")
PAUSES_S = {"turn": 1.0, "wait": 3600.0, "late": 20 * 86_400.0}
IDLE = (
    "SELECT r.address FROM number_registration r JOIN campaign c ON c.id = r.campaign_id AND c.status = 'VERIFIED' "
    "WHERE r.stage = 'waiting' AND NOT EXISTS (SELECT FROM number_registration b WHERE b.address = r.address "
    "AND b.stage IN ('leaving', 'held'))"
)
OWED = (
    "SELECT j.kind, j.subject_id FROM registration_job j WHERE j.state <> 'done' AND j.due_at < $1 "
    "AND NOT (j.kind = 'campaign_removal' AND EXISTS (SELECT FROM number_registration r "
    "WHERE r.campaign_id = j.subject_id AND r.stage = 'held'))"
)
"""What nobody has carried out; a campaign whose number the registry would not let go waits for the operator's word."""
STEPS = (
    "add", "add", "remove", "turn", "turn", "send", "send", "send", "approve", "approve all", "approve all", "approve all",
    "reject", "dies", "dies before", "lost", "away", "suspend", "suspend", "resume", "withdraw", "retry", "delete campaign",
    "new campaign", "wait", "late",
)  # fmt: skip


class History:
    """One history on numbers of its own: two services with campaigns that share two numbers."""

    def __init__(self, world: World, index: int) -> None:
        self.a2p = A2p(world, HandRegistry())
        self.numbers = [f"+1415{index:05}{n:02}" for n in range(NUMBERS_EACH)]
        self.services: list[Service] = []

    async def begin(self) -> None:
        """What a history that failed has left open is nobody's business any more."""
        await self.a2p.world.database.pool.execute("UPDATE registration_job SET state = 'done'")
        await self.a2p.world.database.pool.execute("UPDATE number_registration SET stage = 'free'")
        for _ in range(2):
            self.services.append(await self.a2p.service())

    async def step(self, what: str, chance: int) -> None:
        service, number = self.services[chance % 2], self.numbers[chance // 2 % NUMBERS_EACH]
        if what in FAULTS:
            self.a2p.registry.fault = what
            await self.a2p.turn()
            self.a2p.registry.fault = None
        elif what in PAUSES_S:
            await self.a2p.turn(PAUSES_S[what])
        elif what == "approve all":
            await self.a2p.turn()
            self.a2p.registry.approve_all()
            await self.a2p.turn()
        elif what in ("approve", "reject"):
            self.decide(Approved("ok") if what == "approve" else Rejected("no", 30125), chance)
        elif what in ("add", "remove", "withdraw", "retry"):
            await self.number_step(what, service, number)
        elif what == "send":
            await self.send(service)
        else:
            await self.campaign_step(what, service)

    async def number_step(self, what: str, service: Service, number: str) -> None:
        a2p = self.a2p
        if what == "add":
            joined = await a2p.services.add_member(service, await a2p.sender(number), a2p.now)
            assert isinstance(joined, PoolMember | str)
        elif what == "remove":
            await a2p.remove(service, number)
        elif view := await a2p.views.of_number(service.id, (await a2p.sender(number)).sid):
            await self.withdraw_or_retry(Order(what), view.id, (number, view.campaign_sid))

    async def campaign_step(self, what: str, service: Service) -> None:
        a2p, found = self.a2p, await self.a2p.campaigns.of_service(service.id)
        if what == "new campaign" and found is None:
            await a2p.verified(service)
        elif what == "delete campaign" and found is not None:
            await a2p.campaigns.delete(service, found.sid, a2p.now)
        elif what in ("suspend", "resume") and found is not None:
            await a2p.order(Order(what), found.id)

    async def withdraw_or_retry(self, order: Order, registration_id: int, place: tuple[str, str]) -> None:
        """An operator writes down that carriers took a number back: so it is with them, from when it is carried out."""
        await self.a2p.order(order, registration_id)
        await self.a2p.turn()
        row = await self.a2p.world.database.pool.fetchrow(
            "SELECT stage FROM number_registration WHERE id = $1", registration_id
        )
        if order is Order.WITHDRAW and row is not None and row["stage"] == Stage.FAILED:
            self.a2p.registry.registered.discard(place)

    def decide(self, answer: Answer, chance: int) -> None:
        """The registry decides one of the things that it was asked."""
        if open_keys := self.a2p.registry.undecided():
            self.a2p.registry.decide(open_keys[chance % len(open_keys)], answer)

    async def send(self, service: Service) -> None:
        """What leaves to the United States leaves from a number that carriers have in the service's campaign."""
        world, campaign = self.a2p.world, await self.a2p.campaigns.of_service(service.id)
        world.clock.advance(timedelta(seconds=1))  # a campaign has its rate
        answer = await world.accept.submit(world.new(service, PERSON))
        if not hasattr(answer, "sid") and getattr(answer, "code", None) == 21704:
            return
        message = await world.read(answer)
        if message.status is Status.FAILED:
            assert message.error_code == 30034, message
            return
        world.lane.take(world.lane.submitted[-1])
        await world.settle()
        place = (message.sender or "", campaign.sid if campaign else "")
        assert place in self.a2p.registry.registered, f"{place} is not registered with carriers"
        assert campaign is not None
        assert campaign.status == "VERIFIED"

    async def end(self) -> None:
        """Everything is answered, everything is heard: nobody is pending, nothing was asked twice, nothing is forgotten."""
        for _ in range(6):
            self.a2p.registry.approve_all()
            await self.a2p.settle()
        pool, registry = self.a2p.world.database.pool, self.a2p.registry
        stuck = [tuple(row) for row in await pool.fetch(PENDING) if row["address"] in self.numbers]
        assert stuck == []
        idle = [tuple(row) for row in await pool.fetch(IDLE) if row["address"] in self.numbers]
        assert idle == []
        assert registry.repeated == []
        assert set(registry.posts.values()) <= {1}
        assert [tuple(row) for row in await pool.fetch(OWED, self.a2p.now)] == []
        rows = await pool.fetch(
            "SELECT r.address, r.stage, c.sid FROM number_registration r JOIN campaign c ON c.id = r.campaign_id "
            "WHERE r.address = ANY ($1)", self.numbers,
        )  # fmt: skip
        ours = {(row["address"], row["sid"]) for row in rows if row["stage"] == Stage.REGISTERED}
        held = {(row["address"], row["sid"]) for row in rows if row["stage"] == Stage.HELD}
        assert ours == registry.registered - held
        for service in self.services:
            await self.send(service)


@pytest.fixture
def played(database_server: Server) -> Iterator[Callable[[list[tuple[str, int]]], None]]:
    """Plays a history in a world that all histories of a test share."""
    with asyncio.Runner() as runner:
        stack, count = AsyncExitStack(), 0

        async def enter() -> World:
            url = await stack.enter_async_context(copied(database_server, database_server.plain))
            database = await Database.connect(url)
            stack.push_async_callback(database.close)
            return await stack.enter_async_context(open_world(database, HandClock()))

        world = runner.run(enter())

        async def play(steps: list[tuple[str, int]]) -> None:
            nonlocal count
            count += 1
            world.clock = world.flow.accept._clock
            await world.database.ensure_partitions(world.clock.now())
            history = History(world, count)
            await history.begin()
            for what, chance in steps:
                await history.step(what, chance)
                await world.database.ensure_partitions(world.clock.now())
            await history.end()

        yield lambda steps: runner.run(play(steps))
        runner.run(stack.aclose())


def search(play: Callable[[list[tuple[str, int]]], None], examples: int, *, search_only: bool) -> None:
    phases = [Phase.generate] if search_only else [Phase.explicit, Phase.generate, Phase.shrink]

    @settings(
        max_examples=examples, deadline=None, phases=phases, derandomize=search_only, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 63)), min_size=10, max_size=STEPS_MAX))
    def histories(steps: list[tuple[str, int]]) -> None:
        play(steps)

    histories()


@pytest.mark.timeout(900)
def test_what_must_hold_holds_in_every_history(played: Callable[[list[tuple[str, int]]], None]) -> None:
    search(played, EXAMPLES, search_only=False)


async def nothing(*_: object, **__: object) -> int:
    return 0


async def asks_again_at_once(self: register.Registering, _job: Job, request: Request) -> Answer:
    return await self._registrar.submit(request)


async def forgets_what_it_sent(*arguments: object) -> list[Job]:
    claimed = await _claim(*arguments)  # type: ignore[arg-type]
    return [job._replace(before=JobState.DUE) for job in claimed]


_claim = jobs.claim
_step = registrations.step


def frees_at_once(stage: Stage, event: registrations.Event) -> registrations.Step | None:
    if event is registrations.Event.REMOVE:
        return registrations.Step(Stage.FREE)
    return _step(stage, event)


_member_of = pools._member_of


def everybody_clear(row: Any) -> PoolMember:
    return replace(_member_of(row), clearance=Clearance.CLEAR)


MUTANTS: Mapping[str, Callable[[pytest.MonkeyPatch], None]] = {
    "everybody is clear": lambda patch: patch.setattr(pools, "_member_of", everybody_clear),
    "clearance is not worked out": lambda patch: patch.setattr(registrations.RegistrationBook, "clear", nothing),
    "what waits is never begun": lambda patch: patch.setattr(registrations.RegistrationBook, "begin_ready", nothing),
    "in doubt it asks again": lambda patch: patch.setattr(register.Registering, "_ask", asks_again_at_once),
    "it forgets what it sent": lambda patch: patch.setattr(jobs, "claim", forgets_what_it_sent),
    "a number that leaves is free at once": lambda patch: patch.setattr(registrations, "step", frees_at_once),
    "suspension is not heard": lambda patch: patch.setattr(registrations.RegistrationBook, "campaign_changed", nothing),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_are_caught(
    played: Callable[[list[tuple[str, int]]], None], mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[mutant](monkeypatch)
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        search(played, MUTANT_EXAMPLES, search_only=True)
