"""Long random histories of two services that share their mappings: what is true of one service's people is true of a space's.

Each step is about one of the two, and the checks are those of one service (S-2, S-17): a person's messages come from the one
number that the events tell of, whichever service sends, and each change has one event. Mutants show that they see it otherwise.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from limpet.core.model import Service
from limpet.flow import assign
from limpet.store import pools
from limpet.store.database import Connection, Database
from tests.flow.test_sticky_histories import History
from tests.support.clock import HandClock
from tests.support.spaces import spaced
from tests.support.world import POOL, World, open_world

STEPS, SEEDS_MAX = 400, 6
NUMBERS = (POOL[:2], POOL[2:4])
SEEN = {
    "created:first_message", "replaced:number_removed", "replaced:expired", "replaced:reset", "unsent:no_message_left",
    "expired:expired", "moved:by_hand", "pinned:pinned", "removed:number_removed", "reset:reset",
    "removed:service_deleted",
}  # fmt: skip
"""What happens in histories that are long enough. Which numbers are chosen, and so what a step can do, differs between runs."""


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


@dataclass
class Shared(History):
    """Two services of one space, taking turns by chance."""

    services_of_space: tuple[Service, ...] = ()

    async def turn(self) -> None:
        self.service = self.chance.choice(self.services_of_space)

    @property
    def numbers(self) -> tuple[str, ...]:
        return NUMBERS[self.services_of_space.index(self.service)]


async def history(world: World, seed: int) -> Shared:
    both = await spaced(world, *[await world.service(*numbers) for numbers in NUMBERS])
    played = Shared(world, both[0], random.Random(seed), services_of_space=both, purges=2, removals=3)
    await played.play(STEPS)
    for played.service in both:
        world.clock.advance(timedelta(seconds=1))
        await played.services.delete(world.account.id, played.service.sid, world.clock.now(), "test")
        await played.check("delete")
    return played


async def crossed(world: World, played: Shared) -> bool:
    """Whether messages of one service came from numbers of the other."""
    own = dict(zip((s.id for s in played.services_of_space), NUMBERS, strict=True))
    sent = "SELECT DISTINCT service_id, sender FROM message WHERE sticky = 'used' AND service_id = ANY ($1)"
    return any(r["sender"] not in own[r["service_id"]] for r in await world.database.pool.fetch(sent, list(own)))


@pytest.mark.timeout(300)
async def test_S_17_S_130_every_change_in_a_long_history_of_two_services_has_one_event(world: World) -> None:
    kinds, across = set[str](), False
    for seed in range(SEEDS_MAX):
        played = await history(world, seed)
        across = across or await crossed(world, played)
        kinds |= played.kinds
        if across and kinds >= SEEN:
            break
    assert across
    assert kinds >= SEEN


async def _without_sisters(connection: Connection, service_id: int, today: int = 0) -> Any:
    loaded = await _load(connection, service_id, today)
    return loaded and replace(loaded, sisters={})


_load = pools.load


@pytest.mark.timeout(300)
async def test_the_histories_see_a_service_that_does_not_know_the_others_numbers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "load", _without_sisters)
    with pytest.raises(AssertionError):
        await history(world, 2)


@pytest.mark.timeout(300)
async def test_the_histories_see_a_service_that_writes_to_its_own_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assign, "home_of", lambda key, *_, **__: key)
    with pytest.raises(AssertionError):
        await history(world, 2)
