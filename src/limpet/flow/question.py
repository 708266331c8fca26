"""Carriers that know query_sm are asked what became of messages whose receipt has not come; their answer counts as one.

Each message is asked after once, when its carrier's patience is over. Nothing is written for that: a walk over the messages of a
short time that lies so far back finds those without a receipt. A restart walks over the last day again. Messages in doubt cannot
be asked after: SMPP asks by the carrier's id (§4.8), and their id is what is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from limpet.carrier.port import Asked, Question
from limpet.clock import Clock
from limpet.core.ids import id_floor
from limpet.core.routing import carrier_of
from limpet.core.status import SegmentState
from limpet.flow.lanes import Fleet
from limpet.store import submissions
from limpet.store.database import Database
from limpet.store.submissions import Submitted

LOOK_BACK = timedelta(days=1)
LOOK_MAX = 500
_log = structlog.get_logger()


class Questions:
    """Asks. `after` says of each carrier that can be asked how long a receipt is waited for first."""

    def __init__(self, database: Database, fleet: Fleet, clock: Clock, after: Mapping[str, timedelta]) -> None:
        self._database = database
        self._fleet = fleet
        self._clock = clock
        self._after = after
        self._asked_to: dict[str, int] = {}
        """By carrier, the id up to which its messages have been asked after."""

    async def ask(self) -> None:
        """Ask after what has waited long enough, as far as the lanes take questions."""
        for carrier, after in self._after.items():
            while await self._ask_some(carrier, self._clock.now() - after):
                pass

    async def _ask_some(self, carrier: str, until: datetime) -> bool:
        """One step of the walk; whether there may be more to ask now."""
        lanes = {name for name, running in self._fleet.running.items() if carrier_of(name) == carrier and running.fence}
        able = {name for name in lanes if self._fleet.running[name].lane.bound}
        if not able or able != lanes:
            return False
        start = self._asked_to.setdefault(carrier, id_floor(until - LOOK_BACK))
        found = await submissions.unreceipted(self._database, sorted(lanes), start, id_floor(until), LOOK_MAX)
        for one in found:
            if not self._put(one):
                return False
            self._asked_to[carrier] = one.message.key.id + 1
        if len(found) < LOOK_MAX:
            self._asked_to[carrier] = max(start, id_floor(until))
        return len(found) == LOOK_MAX

    def _put(self, one: Submitted) -> bool:
        """Ask after each segment without a final state; False where the lane takes no more."""
        lane = self._fleet.running[one.message.lane or ""].lane
        states = one.segment_states or (str(SegmentState.SENT),) * len(one.carrier_message_ids)
        questions = [
            Question(one.message.sender or "", one.message.recipient, carrier_id)
            for carrier_id, state in zip(one.carrier_message_ids, states, strict=False)
            if state == SegmentState.SENT and carrier_id
        ]
        return isinstance(lane, Asked) and lane.ask(questions) == len(questions)
