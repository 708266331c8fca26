"""How one process is at this moment, as Prometheus asks for it: its lanes, what waits, its connections, its machine.

What the database is asked is remembered for a moment, so that nobody who fetches metrics often makes it work.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from limpet.carrier.port import Measured
from limpet.clock import Clock
from limpet.core.routing import Mode
from limpet.flow.callback import Callbacks
from limpet.flow.counts import NONE
from limpet.flow.lanes import Running
from limpet.flow.whole import Flow
from limpet.metrics import Counter, Family, Labels, counter, gauge
from limpet.store import gauges
from limpet.store.database import DATABASE_AWAY, Database
from limpet.store.gauges import Depths

REMEMBERED_S = 5.0
ANSWER_S = 5.0
"""The database is waited for so long; what it counts is then left out."""
LAG_EVERY_S = 0.5


class Gauges:
    """What is asked of a running Limpet. `data_dir` is where an embedded database lies; None where there is none."""

    def __init__(
        self, flow: Flow, callbacks: Callbacks, database: Database, clock: Clock, data_dir: Path | None
    ) -> None:
        self._flow = flow
        self.callbacks = callbacks
        self._database = database
        self._clock = clock
        self._data_dir = data_dir
        self._process = psutil.Process()
        self._depths: Depths | None = None
        self._asked_s = float("-inf")
        self._asking = asyncio.Lock()

    async def families(self, *, draining: bool) -> list[Family]:
        """Everything that is counted and measured, now."""
        depths = await self._look()
        return [
            Family("limpet_info", "gauge", "The version that runs.", ("version",), {(version("limpet"),): 1}),
            gauge("limpet_draining", "1 once it was told to stop.", float(draining)),
            gauge("limpet_database_up", "1 when the database answered what this asks.", float(depths is not None)),
            *self._flow.dispatcher.counts.families(),
            *self._lanes(),
            *([] if depths is None else _waiting(depths, self._clock.now())),
            *self._memory(),
            *self._pool(),
            *self._machine(),
        ]

    async def _look(self) -> Depths | None:
        """What waits, as of REMEMBERED_S ago at most; None while the database does not answer."""
        async with self._asking:
            if self._clock.monotonic() - self._asked_s < REMEMBERED_S:
                return self._depths
            try:
                async with asyncio.timeout(ANSWER_S):
                    self._depths = await gauges.depths(self._database, self._clock.now())
            except (*DATABASE_AWAY, TimeoutError):
                self._depths = None
            self._asked_s = self._clock.monotonic()
            return self._depths

    def _lanes(self) -> Iterator[Family]:
        now_s, lanes = self._clock.monotonic(), self._flow.dispatcher.fleet.running
        doubt = self._flow.doubt.by_lane()

        def each(name: str, says: str, value: dict[str, float]) -> Family:
            return Family(
                f"limpet_lane_{name}", "gauge", says, ("lane",), {(lane,): found for lane, found in value.items()}
            )

        yield each(
            "owned", "1 where this process owns the lane.", {n: float(r.fence is not None) for n, r in lanes.items()}
        )
        yield each(
            "bound",
            "1 where the lane is this process's and its carrier is there.",
            {n: _bound(r) for n, r in lanes.items()},
        )
        yield each(
            "paused",
            "1 where an operator paused or drains the carrier.",
            {n: float(r.mode is not Mode.ACTIVE) for n, r in lanes.items()},
        )
        yield each("in_flight", "Messages without an answer yet.", {n: len(r.in_flight) for n, r in lanes.items()})
        yield each("room", "How many messages more it takes now.", {n: r.room for n, r in lanes.items()})
        yield each(
            "submits_per_second",
            "Messages taken, over the last minute.",
            {n: r.vitals.submits.per_s(now_s) for n, r in lanes.items()},
        )
        yield each("in_doubt", "Messages of which nobody knows whether they left.", {n: doubt.get(n, 0) for n in lanes})
        sized = {n: r.lane for n, r in lanes.items() if isinstance(r.lane, Measured)}
        yield each(
            "window",
            "PDUs that may be without an answer, as the carrier takes them now.",
            {n: lane.window_size for n, lane in sized.items()},
        )
        throttled: dict[Labels, float] = {(n,): lane.throttles for n, lane in sized.items()}
        yield Family(
            "limpet_lane_throttles_total",
            "counter",
            "How often the carrier said that it is too much.",
            ("lane",),
            throttled,
        )

    def _memory(self) -> Iterator[Family]:
        turns = self.callbacks.turns
        yield gauge("limpet_callbacks_held", "Callbacks that this process holds in memory.", turns.held)
        yield gauge(
            "limpet_callback_endpoints_suspect",
            "Endpoints that did not answer last time, and get one request at a time.",
            turns.suspects,
        )
        yield gauge(
            "limpet_messages_waiting_people",
            "People for whom nothing goes out before a message in doubt is settled.",
            len(self._flow.doubt.people),
        )

    def _pool(self) -> Iterator[Family]:
        pool = self._database.pool
        states: dict[Labels, float] = {
            ("idle",): pool.get_idle_size(),
            ("used",): pool.get_size() - pool.get_idle_size(),
        }
        yield Family("limpet_database_connections", "gauge", "Connections of the pool.", ("state",), states)
        yield gauge("limpet_database_connections_max", "Connections that the pool may have.", pool.get_max_size())

    def _machine(self) -> Iterator[Family]:
        """The process as Prometheus's own libraries tell it, and the disk of an embedded database."""
        with self._process.oneshot():
            times, memory, began = self._process.cpu_times(), self._process.memory_info(), self._process.create_time()
            files = self._process.num_fds() if os.name == "posix" else self._process.num_handles()
        spent = Counter()
        spent.add((), times.user + times.system)
        yield counter("process_cpu_seconds_total", "CPU time spent.", (), spent)
        yield gauge("process_resident_memory_bytes", "Memory that is resident.", memory.rss)
        yield gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", began)
        yield gauge("process_open_fds", "Open files.", files)
        if self._data_dir is not None:
            disk = shutil.disk_usage(self._data_dir)
            yield gauge("limpet_disk_free_bytes", "Room where the embedded database lies.", disk.free)
            yield gauge("limpet_disk_size_bytes", "Size of the disk where the embedded database lies.", disk.total)

    async def watch_lag(self) -> None:
        """See how late timers are, for as long as the process runs."""
        lag_s = self._flow.dispatcher.counts.lag_s
        while True:
            due_s = self._clock.monotonic() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            lag_s.observe(max(0.0, self._clock.monotonic() - due_s))


def _bound(running: Running) -> float:
    return float(running.fence is not None and running.lane.bound)


def _waiting(depths: Depths, now: datetime) -> Iterator[Family]:
    waiting: dict[Labels, float] = {(lane or NONE,): found.messages for lane, found in depths.queues.items()}
    ages: dict[Labels, float] = {
        (lane or NONE,): _age_s(found.oldest, now) for lane, found in depths.queues.items() if found.oldest is not None
    }
    yield Family("limpet_queue_messages", "gauge", "Messages that wait, of all processes.", ("lane",), waiting)
    yield Family(
        "limpet_queue_oldest_seconds", "gauge", "How long the oldest could have gone already.", ("lane",), ages
    )
    yield gauge("limpet_callbacks_owed", "Callbacks and events owed, of all processes.", depths.callbacks_owed)
    yield gauge("limpet_callbacks_due", "Those of them that are due and nobody's.", depths.callbacks_due)
    yield gauge(
        "limpet_callbacks_oldest_seconds", "For how long the oldest has been due.", _age_s(depths.oldest_callback, now)
    )
    yield gauge("limpet_receipts_kept", "Receipts of which no message is known.", depths.receipts_kept)


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
