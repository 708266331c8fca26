"""Whether this process should be sent requests: its database answers with a schema that fits, its lanes have owners, and it is
not about to stop.

A carrier that is down makes nobody unready: messages are taken and wait for it (docs/decisions/0033-metrics…).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from limpet.clock import Clock
from limpet.core.routing import UNSEEN_AFTER
from limpet.flow.lanes import Fleet, Running
from limpet.store.carriers import Carriers, LaneView
from limpet.store.database import DATABASE_AWAY, Database, migrations

REMEMBERED_S = 1.0
ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found. `why_not` is empty when the process is ready."""

    why_not: tuple[str, ...] = ()
    schema: int | None = None
    lanes: int = 0
    leased: int = 0
    bound: int = 0


@dataclass(slots=True)
class Ready:
    """Asks, at most once in REMEMBERED_S however many ask it, and says no as soon as `draining`."""

    database: Database
    fleet: Fleet
    clock: Clock
    draining: bool = False
    _found: Readiness = field(default_factory=Readiness)
    _asked_s: float = float("-inf")
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> Readiness:
        """How it stands."""
        async with self._asking:
            if self.clock.monotonic() - self._asked_s >= REMEMBERED_S:
                self._found, self._asked_s = await self._ask(), self.clock.monotonic()
        if not self.draining:
            return self._found
        found = self._found
        return Readiness(
            ("the server is stopping", *found.why_not), found.schema, found.lanes, found.leased, found.bound
        )

    async def drain(self, seconds: float) -> None:
        """Say for so long that requests should go elsewhere, and serve them all the same."""
        self.draining = True
        await asyncio.sleep(seconds)

    async def _ask(self) -> Readiness:
        try:
            async with asyncio.timeout(ANSWER_S):
                schema = await self.database.schema_version()
                views = await Carriers(self.database).lanes()
        except TimeoutError:
            return Readiness((f"the database does not answer within {ANSWER_S:.0f} s",))
        except DATABASE_AWAY:
            return Readiness(("the database cannot be reached",))
        lanes = self.fleet.running
        seen = [self._seen(running, views.get(name)) for name, running in lanes.items()]
        leased, bound = sum(each is not None for each in seen), sum(each is True for each in seen)
        known, why_not = migrations()[-1].number, list[str]()
        if schema < known:
            why_not.append(f"the schema is at step {schema} and this version needs step {known}")
        if lanes and not leased:
            why_not.append("no lane has an owner")
        return Readiness(tuple(why_not), schema, len(lanes), leased, bound)

    def _seen(self, running: Running, view: LaneView | None) -> bool | None:
        """Whether a lane is bound, by its owner's word; None where it has no owner."""
        if running.fence is not None:
            return running.lane.bound
        if view is None or self.clock.now() - view.pulse.seen_at > UNSEEN_AFTER:
            return None
        return view.pulse.bound
