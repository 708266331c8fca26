"""Random histories that aim at the edges, real store against dictionary; and the mutants that they must kill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from limpet.core import sticky
from limpet.core.pool import Pool
from limpet.core.sticky import Standing, StoredMapping
from limpet.flow import assign
from limpet.flow.directory import Directory
from limpet.store import sticky as stored_sticky
from limpet.store.database import Database
from tests.store.model import StickyMachine, share
from tests.support.clock import HandClock
from tests.support.database import Server, copied
from tests.support.world import World, open_world

EXAMPLES, STEPS = 100, 30
MUTANT_EXAMPLES = 300
_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.fixture
def played(database_server: Server) -> Iterator[World]:
    """A world in a loop of its own, because the machine's steps are plain calls."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def enter() -> World:
            url = await stack.enter_async_context(copied(database_server, database_server.plain))
            database = await Database.connect(url)
            stack.push_async_callback(database.close)
            return await stack.enter_async_context(open_world(database, HandClock()))

        world = runner.run(enter())
        share(runner, world)
        yield world
        runner.run(stack.aclose())


def play(examples: int, *, search_only: bool) -> None:
    phases = [Phase.generate] if search_only else [Phase.explicit, Phase.generate, Phase.shrink]
    run_state_machine_as_test(
        StickyMachine,
        settings=settings(
            max_examples=examples, stateful_step_count=STEPS, deadline=None, suppress_health_check=_QUIET, phases=phases,
            derandomize=search_only, database=None,
        ),
    )  # fmt: skip


@pytest.mark.timeout(600)
def test_the_store_does_what_the_model_says(played: World) -> None:
    play(EXAMPLES, search_only=False)


_standing = sticky.standing


def never_expires(pool: Pool, mapping: StoredMapping | None, *rest: object) -> Standing:
    worth = _standing(pool, mapping, *rest)  # type: ignore[arg-type]
    return Standing.LIVE if worth is Standing.EXPIRED else worth


def expires_a_day_early(pool: Pool, mapping: StoredMapping | None, to: object, today: int, *rest: object) -> Standing:
    return _standing(pool, mapping, to, today + 1, *rest)  # type: ignore[arg-type]


def expires_a_day_late(pool: Pool, mapping: StoredMapping | None, to: object, today: int, *rest: object) -> Standing:
    return _standing(pool, mapping, to, today - 1, *rest)  # type: ignore[arg-type]


def revived_by_number(pool: Pool, mapping: StoredMapping | None, *rest: object) -> Standing:
    worth = _standing(pool, mapping, *rest)  # type: ignore[arg-type]
    if worth is Standing.REMOVED and mapping is not None and pool.candidates:
        assert isinstance(pool.by_member, dict)
        pool.by_member[mapping.member_id] = pool.candidates[0]
        return Standing.LIVE
    return worth


async def stale_pool(self: Directory, connection: object, service_id: int, generation: int) -> Pool | None:
    known = self._pools.get(service_id)
    return known if known is not None else await _pool(self, connection, service_id, generation)  # type: ignore[arg-type]


_pool = Directory.pool


async def forgets_nothing(*_: object) -> list[object]:
    return []


def _without(name: str, old: str, new: str) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        text = getattr(stored_sticky, name)
        assert old in text
        patch.setattr(stored_sticky, name, text.replace(old, new))

    return plant


MUTANTS: Mapping[str, Callable[[pytest.MonkeyPatch], None]] = {
    "no expiry": lambda patch: patch.setattr(sticky, "standing", never_expires),
    "early expiry": lambda patch: patch.setattr(sticky, "standing", expires_a_day_early),
    "late expiry": lambda patch: patch.setattr(sticky, "standing", expires_a_day_late),
    "stale pool": lambda patch: patch.setattr(Directory, "pool", stale_pool),
    "no refresh": lambda patch: patch.setattr(sticky, "_refresh", lambda *_: None),
    "revived by number": lambda patch: patch.setattr(sticky, "standing", revived_by_number),
    "unsent mappings stay": lambda patch: patch.setattr(stored_sticky, "forget_unsent", forgets_nothing),
    "swap keeps the old day": _without("query_swap", "greatest(m.last_used_day, $7::integer)", "m.last_used_day"),
    "no events": lambda patch: patch.setattr(assign, "_EVENT", {}),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_are_killed(played: World, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[mutant](monkeypatch)
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        play(MUTANT_EXAMPLES, search_only=True)
