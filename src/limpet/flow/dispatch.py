"""From the queue to the carriers: claims what each lane has room for, hands it over, and hears what the lanes tell.

A claim is committed before its first byte leaves. What carriers answer goes to `limpet.flow.answers`, what they tell of messages
later to `limpet.flow.receipt`, and what was never answered to `limpet.flow.doubt`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from limpet import tracing
from limpet.carrier.port import Delivery, Result, Submitted
from limpet.clock import Clock
from limpet.core.address import parse_recipient
from limpet.core.encoding import segment
from limpet.core.model import AccountStatus
from limpet.core.registration import REGULATED, UNREGISTERED_SENDER
from limpet.core.routing import Mode
from limpet.flow.answers import Answers, Landed
from limpet.flow.counts import Counts
from limpet.flow.directory import Directory
from limpet.flow.doubt import DoubtBook
from limpet.flow.lanes import Fleet, Flight, Running, by_lane
from limpet.flow.lease import Leases
from limpet.flow.worker import TROUBLE_PAUSE_S
from limpet.store import dispatch, mms
from limpet.store.callbacks import OwedCallback
from limpet.store.carriers import find_drained
from limpet.store.database import DATABASE_AWAY, Connection, Database
from limpet.store.dispatch import Claim, Fenced, Key, Outgoing

CLAIM_MAX = 500
HOLD_BACK = timedelta(seconds=2)
"""So long waits a message that would overtake one in doubt, before it is looked at again."""
ACCOUNT_SUSPENDED = 30002
NANP = "+1"
"""How numbers of the North American plan begin, those of the United States among them."""
LOOK_AGAIN_S = 5.0
"""How long a lane sleeps when nothing rings: another process may have put something into its queue."""
_log = structlog.get_logger()


class Dispatcher:
    """Runs the lanes of this process, and is their `Listener`."""

    def __init__(
        self, database: Database, directory: Directory, fleet: Fleet, leases: Leases, answers: Answers, doubt: DoubtBook,
        clock: Clock,
        new_id: Callable[[datetime], int],
    ) -> None:  # fmt: skip
        self._doubt = doubt
        self.fleet = fleet
        self.answers = answers
        self._database = database
        self._directory = directory
        self._leases = leases
        self._clock = clock
        self._new_id = new_id
        self.counts = Counts()
        self.on_delivery: Callable[[str, Sequence[Delivery]], None] = lambda _lane, _deliveries: None

    # ── what the rest of the flow asks ──

    def launch(self, flights: Iterable[Flight]) -> None:
        """Send messages whose claim is committed."""
        for lane, group in by_lane(flights).items():
            self.fleet.running[lane].launch(group)

    def post_callbacks(self, owed: Sequence[OwedCallback]) -> None:
        """Callbacks whose rows are committed may be posted."""
        if owed:
            self.answers.on_owed(owed)

    # ── what a lane tells (port.Listener) ──

    def on_results(self, lane: str, results: Sequence[Result]) -> None:
        """Answers to submissions: written in the next batch."""
        running = self.fleet.running[lane]
        if tracing.active is not None:
            tracing.active.landed(results)
        running.vitals.submits.add(sum(isinstance(each, Submitted) for each in results), self._clock.monotonic())
        flights = ((running.landed(Key(*result.key)), result) for result in results)
        self.answers.put([Landed(running, flight, result) for flight, result in flights if flight is not None])
        if running.backlog:
            running.nudge.ring()

    def on_deliveries(self, lane: str, deliveries: Sequence[Delivery]) -> None:
        """Receipts and inbound texts."""
        self.fleet.running[lane].vitals.heard(deliveries, self._clock.monotonic())
        self.counts.heard(lane, deliveries)
        self.on_delivery(lane, deliveries)

    def on_room(self, lane: str) -> None:
        """The lane may take more."""
        self.fleet.running[lane].nudge.ring()

    def on_down(self, lane: str, why: str) -> None:
        """The lane has lost its carrier."""
        self.fleet.running[lane].vitals.failed(why, self._clock.now())
        _log.warning("lane down", lane=lane, why=why)

    # ── the loop of a lane ──

    async def run_lane(self, name: str, lease: timedelta) -> None:
        """Own a lane for as long as this task runs, and send what is due."""
        running = self.fleet.running[name]
        keeping = asyncio.create_task(self._leases.keep(running, lease))
        try:
            while not keeping.done():
                await running.nudge.wait(await self._guarded_turn(running))
            await keeping
        finally:
            keeping.cancel()

    async def _guarded_turn(self, running: Running) -> float:
        """One turn; trouble with the database only makes the pause longer."""
        try:
            return await self._turn(running)
        except DATABASE_AWAY as error:
            _log.warning("the database is away", lane=running.lane.name, why=error)
            return TROUBLE_PAUSE_S

    async def _turn(self, running: Running) -> float:
        """Claim as many due messages as the lane has room for, and send them; answers when to look again, in seconds."""
        if running.fence is None or not running.room:
            return running.wait_s(LOOK_AGAIN_S)
        running.backlog = False
        first = self._doubt.first_of_people()
        keys = await self._find(running)
        if not keys:
            at = await dispatch.next_due(self._database, running.lane.name)
            return LOOK_AGAIN_S if at is None else min(max((at - self._clock.now()).total_seconds(), 0.0), LOOK_AGAIN_S)
        running.backlog = True
        running.reserved += len(keys)
        try:
            flights = await self._claim(running, keys, first)
        finally:
            running.reserved -= len(keys)
        self.launch(flights)
        return 0.0

    async def _find(self, running: Running) -> list[Key]:
        """What is due, as much as there is room for; of a carrier that drains only what it had before."""
        lane, now, limit = running.lane.name, self._clock.now(), min(running.room, CLAIM_MAX)
        if running.mode is Mode.DRAINING:
            return await find_drained(self._database, lane, now, limit, running.drained_from)
        return await dispatch.find_due(self._database, lane, now, limit)

    async def _claim(self, running: Running, keys: list[Key], first: Mapping[str, int]) -> list[Flight]:
        fence, now = running.fence, self._clock.now()
        if fence is None:
            return []

        made: list[Claim] = []

        async def work(connection: Connection) -> tuple[list[Flight], list[OwedCallback]]:
            taken = await dispatch.take(connection, keys)
            claimed = await dispatch.claim(connection, taken, running.lane.name, fence, now) if taken else []
            if first or self._doubt.people:
                claimed = await self._in_order(connection, claimed, first, now)
            claimed, owed = await self._without_suspended(connection, claimed, now)
            claimed, more = await self._without_unregistered(connection, claimed, now)
            owed += more
            if not claimed:
                return [], owed
            noted = await dispatch.note(connection, self._new_id(now), running.lane.name, fence, claimed)
            made.append(noted)
            media = await mms.carried(connection, noted.keys) if running.lane.mms else {}
            return [Flight(m, segment(m.body), noted.id, media.get(m.key)) for m in claimed], owed

        try:
            flights, owed = await self._database.transaction(work)
        except BaseException:
            self.fleet.suspect(made)
            raise
        self.post_callbacks(owed)
        return flights

    async def _without_suspended(
        self, connection: Connection, claimed: list[Outgoing], now: datetime
    ) -> tuple[list[Outgoing], list[OwedCallback]]:
        """The messages whose accounts may send; those of suspended and closed ones fail, now that they are due (30002)."""
        accounts = await self._directory.accounts(connection, {message.account_id for message in claimed})
        stopped = [m for m in claimed if accounts[m.account_id].status is not AccountStatus.ACTIVE]
        if not stopped:
            return claimed, []
        owed = await self.answers.stop_claimed(connection, stopped, ACCOUNT_SUSPENDED, now)
        return [m for m in claimed if accounts[m.account_id].status is AccountStatus.ACTIVE], owed

    async def _without_unregistered(
        self, connection: Connection, claimed: list[Outgoing], now: datetime
    ) -> tuple[list[Outgoing], list[OwedCallback]]:
        """The messages whose numbers carriers of the United States still know; those of numbers that have lost their registration
        while they waited fail (30034, S-69)."""
        american = {_sender_of(m) for m in claimed if m.recipient.startswith(NANP)}
        lost = await self._directory.unregistered(connection, american) if american else set[int | str]()
        stopped = [m for m in claimed if _sender_of(m) in lost and _is_regulated(m)] if lost else []
        if not stopped:
            return claimed, []
        owed = await self.answers.stop_claimed(connection, stopped, UNREGISTERED_SENDER, now)
        gone = {m.key for m in stopped}
        return [m for m in claimed if m.key not in gone], owed

    async def _in_order(
        self, connection: Connection, claimed: list[Outgoing], first: Mapping[str, int], now: datetime
    ) -> list[Outgoing]:
        """Give back what would overtake an earlier message to the same person: one in doubt, or one that came back.

        `first` is how things stood before the queue was read: what has joined it since may be missing from what was read.
        """
        both = (first, self._doubt.first_of_people())
        early = {m.key for m in claimed if any(known.get(m.recipient, m.key.id) < m.key.id for known in both)}
        if early:
            back = [m for m in claimed if m.key in early]
            again = [(Fenced(*m.key, m.fence or 0, m.attempt), now + HOLD_BACK, True) for m in back]
            await dispatch.requeue(connection, again)
        return [message for message in claimed if message.key not in early]

    # ── the end ──

    async def stop(self, grace_s: float) -> None:
        """Let every lane finish what is in flight for at most `grace_s`, write all answers, and give the lanes away."""
        self._leases.stop()
        owned = [running for running in self.fleet.running.values() if running.fence is not None]
        for running in owned:
            running.backlog = True
        await asyncio.gather(*(running.lane.stop(grace_s) for running in owned))
        await self.answers.idle()
        for running in owned:
            await self._leases.release(running)


def _sender_of(message: Outgoing) -> int | str:
    """The membership that a message was bound to, or the number that it named without a service."""
    return (message.sender or "") if message.member_id is None else message.member_id


def _is_regulated(message: Outgoing) -> bool:
    """Whether a message goes to the United States."""
    to = parse_recipient(message.recipient)
    return to is not None and to.country == REGULATED
