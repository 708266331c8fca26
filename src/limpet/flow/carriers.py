"""How carriers are, told and heard every second: what operators want takes effect, and messages get past lanes that are closed.

Each process tells how its own lanes are and reads how all are; what follows is decided by `limpet.core.routing`. Only messages
that wait are ever moved: what is claimed or in doubt stays with its lane, so nothing can be sent twice (S-75).
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from limpet.carrier.port import Measured
from limpet.clock import Clock
from limpet.core.ids import id_floor
from limpet.core.routing import Mode, Patience, Wish, carrier_of, closed_lanes
from limpet.flow.lanes import Fleet, Running
from limpet.store import carriers
from limpet.store.carriers import BEGINNING, Carriers, LaneReport
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Key

TELL_EVERY_S = 5.0
"""A lane that is as it was is told of so often; one that has come up or gone down at once."""
WALK_PAGE = 500
STRAYS_EVERY_S = 5.0
"""So often it is looked whether something has joined the queue of a closed lane after all: by a process that did not know yet."""
HOLD_MAX_S = 5.0
"""So long at most lanes wait for the messages that others leave to them, which go first."""
_log = structlog.get_logger()


class Switchboard:
    """Keeps a fleet as operators and carriers want it. `owner` names this process."""

    def __init__(self, database: Database, fleet: Fleet, clock: Clock, owner: str, patience: Patience) -> None:
        self._database = database
        self._carriers = Carriers(database)
        self._fleet = fleet
        self._clock = clock
        self._owner = owner
        self._patience = patience
        self._told_s = self._strays_s = float("-inf")

    async def turn(self) -> None:
        """Tell, hear, and act on what has changed. Once a second, in every process."""
        await self._tell()
        await self._hear()

    async def _tell(self) -> None:
        owned = [running for running in self._fleet.running.values() if running.fence is not None]
        now_s = self._clock.monotonic()
        changed = [running for running in owned if running.vitals.bound is not running.lane.bound]
        due = owned if now_s - self._told_s >= TELL_EVERY_S else changed
        if not due:
            return
        reports = [_report(running, now_s) for running in due]
        await self._carriers.tell(self._owner, reports, self._clock.now())
        for running, report in zip(due, reports, strict=True):
            running.vitals.bound = report.bound
        if due is owned:
            self._told_s = now_s

    async def _hear(self) -> None:
        wishes, lanes = await self._carriers.wishes(), await self._carriers.lanes()
        pulses = {name: view.pulse for name, view in lanes.items()}
        before, now = frozenset(self._fleet.closed), self._clock.now()
        closed = closed_lanes(self._fleet.running, pulses, wishes, before, self._patience, now)
        for running in self._fleet.running.values():
            _apply(running, wishes.get(carrier_of(running.lane.name)))
        if closed != before:
            await self._switch(before, closed)
        elif closed and self._clock.monotonic() - self._strays_s >= STRAYS_EVERY_S:
            await self._rehome(closed)

    async def _switch(self, before: frozenset[str], closed: frozenset[str]) -> None:
        """Take new messages past the lanes that are closed now. Those that wait go first: until they have been moved nothing goes
        out by the lanes that are open."""
        _log.warning("lanes closed", closed=sorted(closed - before), open_again=sorted(before - closed))
        self._fleet.closed = closed
        self._hold(True)
        try:
            await self._rehome(self._fleet.running if before - closed else closed)
        finally:
            self._hold(False)

    async def _rehome(self, lanes: Iterable[str]) -> None:
        """Walk through the queues of these lanes, and move what belongs elsewhere now."""
        self._strays_s = self._clock.monotonic()
        if not (self._fleet.routes.substitutes or await self._carriers.senders_have_others()):
            return
        for lane in sorted(lanes):
            await self._walk(lane, self._strays_s + HOLD_MAX_S)

    async def _walk(self, lane: str, hold_until_s: float) -> None:
        place, moved = BEGINNING, 0
        while True:
            keys, place = await carriers.walk(self._database, lane, place, WALK_PAGE)
            if not keys:
                break
            into = await self._database.transaction(lambda connection: self._move(connection, lane, keys))  # noqa: B023
            moved += len(into)
            self._fleet.waiting(into)
            if self._clock.monotonic() > hold_until_s:
                self._hold(False)
        if moved:
            _log.warning("messages moved to other lanes", lane=lane, count=moved)

    async def _move(self, connection: Connection, lane: str, keys: list[Key]) -> list[str]:
        found = await carriers.ways(connection, keys)
        moves = [
            (way.key, lane, there)
            for way in found
            if (there := self._fleet.lane_for(way.carrier, way.sender, way.country, way.also_through, way.recipient))
            != lane
        ]
        return await carriers.move(connection, moves) if moves else []

    def _hold(self, held: bool) -> None:
        for running in self._fleet.running.values():
            if running.held and not held:
                running.nudge.ring()
            running.held = held


def _apply(running: Running, wish: Wish | None) -> None:
    """What an operator wants of a lane's carrier."""
    mode = Mode.ACTIVE if wish is None else wish.mode
    running.drained_from = 0 if wish is None else id_floor(wish.changed_at)
    if mode is not running.mode:
        _log.warning("carrier", lane=running.lane.name, mode=str(mode))
        running.mode = mode
        running.backlog = True
        running.nudge.ring()


def _report(running: Running, now_s: float) -> LaneReport:
    lane, vitals = running.lane, running.vitals
    size, throttles = (lane.window_size, lane.throttles) if isinstance(lane, Measured) else (0, 0)
    return LaneReport(
        lane.name, lane.bound, len(running.in_flight), size, vitals.submits.per_s(now_s), vitals.receipts.per_s(now_s), throttles,
        vitals.last_error, vitals.last_error_at,
    )  # fmt: skip
