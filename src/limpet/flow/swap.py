"""Swaps numbers: the replacement joins, is waited for until it may be used, and only then takes the old one's people.

Each step is one transaction, so that a swap goes on after a crash. Nobody's number changes before the replacement is usable
(rule S-68), and each person who is moved has an event that names the swap.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog

from limpet.clock import Clock
from limpet.core.ids import BUCKETS
from limpet.core.model import Clearance, MemberState
from limpet.core.registration import State
from limpet.flow.swap_notices import Notices
from limpet.flow.sweep import every
from limpet.flow.worker import Loop
from limpet.store import swaps
from limpet.store.database import Connection, Database
from limpet.store.services import Services
from limpet.store.swaps import CAUSE, Swap, Swaps, SwapState, walked

EVERY_S = 1.0
BUCKETS_A_STEP = 64
"""So many buckets are walked in one transaction, unless they hold many people."""
STEPS_MAX = 1000
"""Steps of one swap in one turn, so that others have theirs."""
_log = structlog.get_logger()


class Swapping:
    """The loop of one process. `new_id` makes the ids of events; `notices` tells people."""

    def __init__(
        self, database: Database, services: Services, clock: Clock, new_id: Callable[[datetime], int], notices: Notices
    ) -> None:
        self._database = database
        self._services = services
        self._swaps = Swaps(database)
        self._clock = clock
        self._new_id = new_id
        self._notices = notices

    def loops(self) -> list[Loop]:
        """What has to run for as long as the server does."""
        return [partial(every, EVERY_S, self.turn)]

    async def turn(self) -> None:
        """Take every swap that is under way as far as it can go now."""
        for swap_id in await self._swaps.open_ids():
            for _ in range(STEPS_MAX):
                if not await self.step(swap_id):
                    break

    async def step(self, swap_id: int) -> bool:
        """One step of a swap; whether there was one to make."""
        async with self._database.pool.acquire() as connection:
            swap = await swaps.by_id(connection, swap_id)
        if swap is not None and _waits(swap):
            return False
        if swap is not None and swap.state is SwapState.MOVING and walked(swap.progress):
            return await self._remove_old(swap)
        if swap is not None and swap.state is SwapState.TELLING:
            return await self._notices.step(swap)
        return await self._database.transaction(partial(self._step, swap_id))

    async def _step(self, swap_id: int, connection: Connection) -> bool:
        swap, now = await swaps.hold(connection, swap_id), self._clock.now()
        if swap is None or _waits(swap):
            return False
        if swap.state is SwapState.REGISTERING:
            return await _wait_for_replacement(connection, swap, now)
        if swap.state is SwapState.MOVING and swap.new_is_in and swap.clearance is not Clearance.CLEAR:
            return await _stop_moving(connection, swap, now) if swap.registration is State.FAILED else False
        if swap.state is SwapState.MOVING and not swap.new_is_in:
            return await _stop_moving(connection, swap, now)
        if swap.state in (SwapState.MOVING, SwapState.FINISHING) and not walked(swap.progress):
            return await self._move(connection, swap, now)
        return False

    async def _move(self, connection: Connection, swap: Swap, now: datetime) -> bool:
        """Some buckets, or a chunk of a full one; after the last bucket of the second walk the swap is done."""
        progress, moved, to_tell = swap.progress, 0, 0
        while moved < swaps.CHUNK and progress < min(swap.progress + BUCKETS_A_STEP, BUCKETS):
            here, told = await swaps.move_bucket(connection, swap, progress, self._new_id, now)
            moved, to_tell = moved + here, to_tell + told
            if here < swaps.CHUNK:
                progress += 1
        done = swap.state is SwapState.FINISHING and walked(progress)
        tells = done and swap.to_tell + to_tell > 0
        state = SwapState.TELLING if tells else SwapState.DONE if done else swap.state
        await swaps.advance(connection, swap, state, 0 if tells else progress, moved, None, now, to_tell)
        if done:
            _log.info("number swapped", moved=swap.moved + moved)
        return tells or not done

    async def _remove_old(self, swap: Swap) -> bool:
        """The old number leaves as any number does. Done again after a crash it finds the number gone, and goes on."""
        now = self._clock.now()
        if swap.old_is_in:
            await self._services.remove_member(swap.service_id, swap.old_sid, now, swap.actor, CAUSE)

        async def work(connection: Connection) -> None:
            held = await swaps.hold(connection, swap.id)
            if held is not None and held.state is SwapState.MOVING:
                await swaps.advance(connection, held, SwapState.FINISHING, 0, 0, None, now)

        await self._database.transaction(work)
        return True


def _waits(swap: Swap) -> bool:
    """Whether nobody may be moved for now: the replacement drains or is disabled. One that has left is another matter."""
    both = swap.new_is_in and (swap.old_is_in or swap.state is SwapState.FINISHING)
    return both and swap.state is not SwapState.TELLING and swap.new_state is not MemberState.ACTIVE


async def _wait_for_replacement(connection: Connection, swap: Swap, now: datetime) -> bool:
    """On to moving once the replacement may be used; the end when it never will, or one of the two has left."""
    if not (swap.new_is_in and swap.old_is_in):
        await swaps.advance(connection, swap, SwapState.FAILED, 0, 0, "One of the two numbers left the pool", now)
        return False
    if swap.registration is State.FAILED:
        why = "The replacement could not be registered"
        await swaps.advance(connection, swap, SwapState.FAILED, 0, 0, why, now)
        return False
    if swap.clearance is not Clearance.CLEAR:
        return False
    await swaps.retire(connection, swap, retiring=True)
    await swaps.advance(connection, swap, SwapState.MOVING, 0, 0, None, now)
    return True


async def _stop_moving(connection: Connection, swap: Swap, now: datetime) -> bool:
    """The replacement is lost while people are moved to it: the old number is a number like any other again."""
    await swaps.retire(connection, swap, retiring=False)
    why = "The replacement was lost while people were moved"
    await swaps.advance(connection, swap, SwapState.FAILED, swap.progress, 0, why, now)
    return False
