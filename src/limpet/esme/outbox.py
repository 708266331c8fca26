"""owed → deliver_sm → customer: receipts and texts for customers who speak SMPP, each kept until it is acknowledged.

The table is the queue: what is owed is written with what it tells of, and taken from there for customers who are bound here, in
any number of processes, each as much as it can have on its way. A delivery reaches its customer at least once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from limpet.clock import Clock
from limpet.core.retry import retry_delay_s
from limpet.esme.desk import Desk, Flying, Open
from limpet.esme.parcels import parcels_of
from limpet.flow.worker import Batcher, Nudge
from limpet.smpp.status import Outcome, Status, meaning
from limpet.store import esmes
from limpet.store.database import DATABASE_AWAY, Database
from limpet.store.dispatch import Key
from limpet.store.esmes import EsmeDelivery, Later

POLL_S = 2.0
"""How long what another process has written, or what was put off, may wait for a look at the table."""
LEASE = timedelta(seconds=120)
LEASE_NEEDED = timedelta(seconds=30)
"""What is left of a lease when a parcel leaves must cover its answer."""
OPEN_MAX = 100
"""So many deliveries of one customer are taken from the table at a time."""
KEPT = timedelta(days=7)
"""So long is kept what its customer does not come for."""
PURGE_EVERY_S = 600.0
_TEMPORARY = frozenset({Outcome.TEMPORARY, Outcome.THROTTLED, Outcome.UNKNOWN})
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Over:
    """A delivery that this process is done with: `later` None, it is over for good."""

    key: Key
    later: Later | None


class Outbox:
    """Delivers what is owed. `chance` gives numbers of [0, 1), `sid_key` signs the SIDs of parts."""

    def __init__(self, database: Database, clock: Clock, chance: Callable[[], float], sid_key: bytes) -> None:
        self._database = database
        self._clock = clock
        self._chance = chance
        self._sid_key = sid_key
        self._desks: dict[str, list[Desk]] = {}
        self._queues: dict[str, deque[Flying]] = {}
        self._open: dict[Key, Open] = {}
        self._over: Batcher[_Over, None] = Batcher(self._write)
        self._nudge = Nudge()
        self._purged_at = 0.0

    def nudge(self) -> None:
        """Something has been written for somebody."""
        self._nudge.ring()

    def joined(self, desk: Desk) -> None:
        """A customer has been bound."""
        if desk.receives:
            self._desks.setdefault(desk.name, []).append(desk)
            self._nudge.ring()

    def left(self, desk: Desk) -> None:
        """A bind is over: what was on its way goes by another one, or waits in the table for the next."""
        desks = self._desks.get(desk.name, [])
        if desk not in desks:
            return
        desks.remove(desk)
        self._queues.setdefault(desk.name, deque()).extendleft(reversed(desk.flying.values()))
        desk.flying.clear()
        if desks:
            self._ring(desks)
            return
        del self._desks[desk.name]
        for flying in self._queues.pop(desk.name):
            self._release(flying.open)

    def fill(self, desk: Desk) -> None:
        """Put as much into a session as its window allows."""
        queue = self._queues.get(desk.name)
        while queue and desk.receives and desk.link.session.room > 0:
            flying = queue.popleft()
            if self._is_ours(flying.open) and self._is_leased(flying.open):
                self._send(desk, flying)

    def answered(self, desk: Desk, sequence: int, status: int) -> None:
        """The customer's word on a parcel."""
        flying = desk.flying.pop(sequence, None)
        if flying is not None:
            self._settle(flying.open, status)

    async def run(self) -> None:
        """Look at the table for those who are bound, every POLL_S and on `nudge`."""
        while True:
            if not await self._take():
                await self._nudge.wait(POLL_S)

    async def stop(self) -> None:
        """Write what is known. All binds are over by now."""
        await self._over.idle()

    async def _take(self) -> bool:
        """Take what is due and can be delivered; whether there may be more."""
        now = self._clock.now()
        taken = Counter(one.delivery.esme for one in self._open.values())
        room = [(esme, OPEN_MAX - taken[esme]) for esme in sorted(self._desks) if taken[esme] < OPEN_MAX]
        try:
            await self._purge()
            claimed = await esmes.claim(self._database, room, now, now + LEASE) if room else []
        except DATABASE_AWAY as error:
            _log.warning("deliveries that are due could not be read", why=error)
            return False
        for delivery in claimed:
            self._begin(delivery)
        for esme in {delivery.esme for delivery in claimed}:
            self._ring(self._desks.get(esme, []))
        got = Counter(delivery.esme for delivery in claimed)
        return any(got[esme] == most for esme, most in room)

    async def _purge(self) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._purged_at < PURGE_EVERY_S:
            return
        self._purged_at = now_s
        said = await esmes.purge(self._database, self._clock.now() - KEPT)
        if not said.endswith(" 0"):
            _log.warning("deliveries that nobody came for are given up", count=said.rpartition(" ")[2])

    def _begin(self, delivery: EsmeDelivery) -> None:
        if delivery.key in self._open:
            return
        try:
            parcels = parcels_of(delivery, self._sid_key)
        except (ValueError, KeyError):
            _log.exception("a delivery that no PDU can carry is given up", esme=delivery.esme)
            parcels = []
        opened = self._open[delivery.key] = Open(delivery, len(parcels))
        if not parcels:
            self._close(opened, None)
        elif delivery.esme in self._desks:
            self._queues.setdefault(delivery.esme, deque()).extend(Flying(parcel, opened) for parcel in parcels)
        else:
            self._release(opened)

    def _is_ours(self, opened: Open) -> bool:
        """Whether it is still the one taken from the table: one whose lease went by may have been taken once more."""
        return self._open.get(opened.delivery.key) is opened

    def _is_leased(self, opened: Open) -> bool:
        """Whether there is time for an answer; otherwise it is left to whoever takes it next."""
        if opened.delivery.due_at - self._clock.now() >= LEASE_NEEDED:
            return True
        del self._open[opened.delivery.key]
        return False

    def _send(self, desk: Desk, flying: Flying) -> None:
        now = asyncio.get_running_loop().time()
        try:
            sequence = desk.link.session.deliver(*flying.parcel, now)
        except ValueError:
            _log.exception("a delivery that no PDU can carry is given up", esme=desk.name)
            self._settle(flying.open, Status.ROK)
            return
        assert sequence is not None, "there was room"
        desk.flying[sequence] = flying

    def _settle(self, opened: Open, status: int) -> None:
        opened.left -= 1
        opened.refused = opened.refused or status
        if opened.left == 0 and self._is_ours(opened):
            self._close(opened, self._later(opened))

    def _later(self, opened: Open) -> Later | None:
        """When a delivery is due again; None when it was acknowledged, or refused for good."""
        if not opened.refused:
            return None
        delivery, said = opened.delivery, meaning(opened.refused)
        if said.outcome not in _TEMPORARY:
            _log.warning("a delivery was refused by its customer", esme=delivery.esme, status=said.name)
            return None
        attempt = delivery.attempt + 1
        pause = timedelta(seconds=retry_delay_s(attempt, self._chance()))
        return Later(*delivery.key, min(attempt, _ATTEMPTS_COUNTED), self._clock.now() + pause)

    def _release(self, opened: Open) -> None:
        """Leave a delivery to the next bind, here or in another process."""
        if self._is_ours(opened):
            delivery = opened.delivery
            self._close(opened, Later(*delivery.key, delivery.attempt, self._clock.now()))

    def _close(self, opened: Open, later: Later | None) -> None:
        del self._open[opened.delivery.key]
        self._over.add([_Over(opened.delivery.key, later)])

    async def _write(self, over: Sequence[_Over]) -> list[None]:
        """Settle deliveries. Where that fails their lease ends, and they are delivered once more."""
        try:
            done = [one.key for one in over if one.later is None]
            await esmes.settle(self._database, done, [one.later for one in over if one.later is not None])
        except DATABASE_AWAY as error:
            _log.warning("deliveries that are over could not be written", count=len(over), why=error)
        self._nudge.ring()
        return [None] * len(over)

    @staticmethod
    def _ring(desks: Sequence[Desk]) -> None:
        for desk in desks:
            desk.link.flush_soon()


_ATTEMPTS_COUNTED = 1000
"""What the row counts to: the pause has long been at its longest by then."""
