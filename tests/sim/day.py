"""One day of a carrier that goes away, throttles and delays, with everything real but time and the network."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from limpet.carrier.port import Listener
from limpet.carrier.smpp import SmppLane
from limpet.carrier.smpp_config import SmppConfig
from limpet.core.address import parse_recipient
from limpet.core.ids import IdSource
from limpet.core.model import Account, Message, Service
from limpet.devtools.behaviour import Behaviour
from limpet.devtools.simulator import Simulator
from limpet.devtools.texts import Text
from limpet.flow.draft import NewMessage
from limpet.flow.whole import Flow, Pace, assemble
from limpet.store.callbacks import OwedCallback
from limpet.store.database import Database, Installation
from tests.support.clock import HandClock
from tests.support.hand_loop import HandLoop
from tests.support.world import BUCKET_KEY, POOL, PSEUDONYM_KEY, SID_KEY, add_number, make_account, make_service

DAY_S = 24 * 3600.0
CALM_S = 3600.0
PEOPLE, TEXTS, LANES, PORT = 30, 300, 2, 2775
CALM = Behaviour()
WEATHERS: Sequence[Callable[[random.Random], Behaviour]] = (
    lambda chance: Behaviour(throttle_share=chance.uniform(0.05, 0.6)),
    lambda chance: Behaviour(submit_delay_s=chance.uniform(0.5, 9.0)),
    lambda chance: Behaviour(receipt_delay_s=chance.uniform(1.0, 60.0)),
    lambda chance: Behaviour(drop_after=chance.randrange(1, 12), drop_takes=chance.random() < 0.5),
    lambda chance: Behaviour(
        drop_after=chance.randrange(1, 6), throttle_share=0.3, submit_delay_s=chance.uniform(0, 2)
    ),
    lambda _: Behaviour(mute=True),
)


@dataclass
class Day:
    """The parties, and what happened, a line each."""

    clock: HandClock
    database: Database
    chance: random.Random
    simulator: Simulator
    flow: Flow
    account: Account
    service: Service
    log: list[str] = field(default_factory=list)
    bodies: dict[int, str] = field(default_factory=dict)

    def note(self, *what: object) -> None:
        at = (self.clock.now().timestamp() - self._began) if self.log else 0.0
        self.log.append(f"{at:.6f} {' '.join(map(str, what))}")

    def __post_init__(self) -> None:
        self._began = self.clock.now().timestamp()
        self.simulator.on_text = lambda text: self.note("carrier took", text.recipient, text.body)
        self.note("begins")

    def on_owed(self, owed: Sequence[OwedCallback]) -> None:
        for one in owed:
            self.note(
                "owed", self.bodies.get(one.message_id, "?"), one.payload.split("MessageStatus=")[1].split("&")[0]
            )

    async def traffic(self) -> None:
        """Texts to people, each numbered within its conversation."""
        numbers: dict[int, int] = defaultdict(int)
        for at in sorted(self.chance.uniform(0, DAY_S) for _ in range(TEXTS)):
            await _passes(max(0.0, at - (self.clock.now().timestamp() - self._began)))
            for _ in range(self.chance.choice((1, 1, 1, 3))):
                person = self.chance.randrange(PEOPLE)
                numbers[person] += 1
                await self.send(person, numbers[person])

    async def send(self, person: int, number: int) -> None:
        body = f"{person}:{number}" + " x" * self.chance.choice((0, 0, 150))
        recipient = parse_recipient(f"+1415555{person:04}")
        assert recipient is not None
        new = NewMessage(
            self.account, self.service.sid, None, recipient, body, "http://127.0.0.1:9/cb", None, None, None
        )  # fmt: skip
        answer = await self.flow.accept.submit(new)
        assert isinstance(answer, Message), answer
        self.bodies[answer.id] = f"{person}:{number}"
        self.note("accepted", f"{person}:{number}")

    async def weather(self) -> None:
        """Now and then the carrier behaves badly for some minutes, cuts connections, or is away for a while."""
        while True:
            await _passes(self.chance.uniform(300, 2400))
            self.simulator.behaviour = self.chance.choice(WEATHERS)(self.chance)
            self.note("weather", self.simulator.behaviour)
            await _passes(self.chance.uniform(30, 400))
            if self.chance.random() < 0.4:
                self.simulator.cut_connections()
            if self.chance.random() < 0.3:
                await self.simulator.stop()
                await _passes(self.chance.uniform(1, 900))
                await self.simulator.start()
                self.note("carrier is back")
            self.simulator.behaviour = CALM

    async def doubts(self) -> None:
        """Once a second, as a server does, while there are any."""
        while True:
            await _passes(10.0 if self.flow.doubt.empty else 1.0)
            await self.flow.sweeps.end_doubts()

    def loops(self) -> Iterator[Awaitable[None]]:
        sweeps = self.flow.sweeps
        for name in self.flow.dispatcher.fleet.running:
            yield self.flow.dispatcher.run_lane(name, self.flow.lease)
        yield self.doubts()
        for seconds, work in ((300.0, sweeps.expire), (300.0, sweeps.recheck_held)):
            yield _every(seconds, work)

    async def run(self) -> None:
        """The day, then an hour of calm."""
        running = [asyncio.ensure_future(loop) for loop in self.loops()]
        weather = asyncio.ensure_future(self.weather())
        await self.traffic()
        weather.cancel()
        await self.simulator.start() if self.simulator._server is None else None
        self.simulator.behaviour = CALM
        await _passes(CALM_S)
        self.note("ends")
        await self.flow.stop(5.0)
        for task in [*running, weather]:
            task.cancel()
        ends = await asyncio.gather(*running, weather, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) or end is None for end in ends), ends


def _passes(seconds: float) -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HandLoop)
    return loop.passes(seconds)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await _passes(seconds)
        await work()


@dataclass(frozen=True)
class Judged:
    """What a day amounts to: its log, the texts that the carrier took, what was accepted, and what is left in the tables."""

    log: bytes
    texts: Sequence[Text]
    accepted: Sequence[str]
    left: dict[str, object]


async def live(seed: int, url: str, loop: HandLoop) -> Judged:
    """One day from a seed, on a database of its own."""
    clock, database = loop.clock, await Database.connect(url, pool_size=1)
    account = await make_account(database, clock.now())
    service = await make_service(database, account, clock.now())
    for number in POOL:
        await add_number(database, service, number, clock.now())
    chance, ids, days = random.Random(seed), IdSource(), list[Day]()

    def lanes(listener: Listener) -> list[SmppLane]:
        config = SmppConfig("127.0.0.1", PORT, "limpet", "secret", window_size_max=10, segments_per_s=20.0)
        return [SmppLane(f"hand/{n}", config, listener, random.Random(f"{seed}/{n}")) for n in range(LANES)]

    keys = Installation(BUCKET_KEY, SID_KEY, PSEUDONYM_KEY)
    flow = assemble(
        database, keys, "day", clock, Pace(timedelta(minutes=5), 90.0, take_over=True), lanes,
        lambda owed: days[0].on_owed(owed), lambda now: ids.next(now, chance.getrandbits(21)), chance.random,
    )  # fmt: skip
    simulator = Simulator(PORT, accounts={"limpet": "secret"}, chance=random.Random(seed + 1), clock=clock)
    await flow.directory.service_owner(service.sid)
    day = Day(clock, database, random.Random(seed + 2), simulator, flow, account, service)
    days.append(day)
    loop.begin(database.pool)
    await simulator.start()
    await day.run()
    await simulator.stop()
    loop.end()
    left = {
        name: await database.pool.fetchval(statement)
        for name, statement in {
            "waiting": "SELECT count(*) FROM message_due",
            "claims": "SELECT count(*) FROM claim",
            "receipts of nobody": "SELECT count(*) FROM receipt_orphan",
            "not delivered": "SELECT count(*) FROM message WHERE status <> 'delivered'",
            "messages": "SELECT count(*) FROM message",
        }.items()
    }
    await database.close()
    return Judged("\n".join(day.log).encode(), list(simulator.messages), list(day.bodies.values()), left)
