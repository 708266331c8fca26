"""A lane and the simulated carrier on a real socket, and a listener that tests can wait on."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from limpet.carrier.port import Delivery, Inbound, MessageKey, Receipt, Result, Submission
from limpet.carrier.smpp import SmppLane
from limpet.carrier.smpp_config import SmppConfig
from limpet.core.encoding import segment
from limpet.devtools.behaviour import Behaviour
from limpet.devtools.simulator import Simulator

SENDER = "+14155550100"
WAIT_S = 10.0
ACCOUNTS = {"limpet": "secret"}


def submission(number: int, body: str = "hello", recipient: str | None = None, sender: str = SENDER) -> Submission:
    """A message to a recipient of its own, unless one is given."""
    to = recipient or f"+1212{5_550_000 + number:07}"
    return Submission(MessageKey(number % 1024, number), 1, sender, to, segment(body), number % 0x10000)


@dataclass
class Recorder:
    """A `Listener` that keeps what it is told and acknowledges deliveries, unless it shall not."""

    results: list[Result] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    rooms: int = 0
    downs: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    lane: SmppLane | None = None
    acknowledges: bool = True
    on_change: Callable[[], None] = lambda: None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_results(self, lane: str, results: Sequence[Result]) -> None:
        self.results += results
        self.batches.append(len(results))
        self._tell("results")

    def on_deliveries(self, lane: str, deliveries: Sequence[Delivery]) -> None:
        self.deliveries += deliveries
        if self.acknowledges and self.lane:
            self.lane.acknowledge([delivery.token for delivery in deliveries])
        self._tell("deliveries")

    def on_room(self, lane: str) -> None:
        self.rooms += 1
        self._tell("room")

    def on_down(self, lane: str, why: str) -> None:
        self.downs.append(why)
        self._tell("down")

    @property
    def receipts(self) -> list[Receipt]:
        return [delivery for delivery in self.deliveries if isinstance(delivery, Receipt)]

    @property
    def inbound(self) -> list[Inbound]:
        return [delivery for delivery in self.deliveries if isinstance(delivery, Inbound)]

    def _tell(self, what: str) -> None:
        self.log.append(what)
        self.on_change()
        self.changed()

    def changed(self) -> None:
        """Something that a test may wait for has happened elsewhere."""
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something has made the condition true."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


def config(port: int, **changes: object) -> SmppConfig:
    """A lane's configuration with pauses that tests can wait out."""
    pauses = SmppConfig(
        "127.0.0.1",
        port,
        "limpet",
        ACCOUNTS["limpet"],
        throttle_pause_s=0.02,
        reconnect_first_s=0.02,
        reconnect_max_s=0.05,
        refused_reconnect_max_s=0.05,
    )
    return replace(pauses, **changes)  # type: ignore[arg-type]


@dataclass
class Bench:
    """The two ends and what was heard."""

    simulator: Simulator
    lane: SmppLane
    heard: Recorder

    async def feed(self, submissions: Sequence[Submission]) -> None:
        """Hand all of them over, as room comes, and wait for their results."""
        waiting, wanted = list(submissions), len(self.heard.results) + len(submissions)

        def push() -> None:
            now, waiting[:] = waiting[: self.lane.room], waiting[self.lane.room :]
            if now:
                self.lane.submit(now)

        self.heard.on_change = push
        push()
        await self.heard.until(lambda: len(self.heard.results) >= wanted)
        self.heard.on_change = lambda: None


@asynccontextmanager
async def simulator(
    behaviour: Behaviour | None = None, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Simulator]:
    """A listening simulator."""
    smsc = Simulator(port, accounts=ACCOUNTS, chance=random.Random(1), behaviour=behaviour, tls=tls)
    await smsc.start()
    try:
        yield smsc
    finally:
        await smsc.stop()


@asynccontextmanager
async def bench(behaviour: Behaviour | None = None, **changes: object) -> AsyncIterator[Bench]:
    """A lane bound to a simulator; both are stopped at the end."""
    async with simulator(behaviour) as smsc:
        heard = Recorder()
        lane = SmppLane("simulated/0", config(smsc.port, **changes), heard, random.Random(2))
        heard.lane = lane
        smsc.on_submit = heard.changed
        await lane.start()
        try:
            await heard.until(lambda: heard.rooms)
            yield Bench(smsc, lane, heard)
        finally:
            await lane.stop(0.0)
