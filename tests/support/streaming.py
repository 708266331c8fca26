"""A world with event streams: sinks of a recording customer, and what posts to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from limpet.core.destination import UrlPolicy
from limpet.core.event_streams import NewSink, Sink, Subscription
from limpet.core.ids import IdSource
from limpet.core.model import Message, Service
from limpet.flow.callback import Callbacks
from limpet.flow.error_log import ErrorLog
from limpet.flow.sinks import SinkWatch
from limpet.store.callbacks import EVENT, OwedCallback
from limpet.store.database import Database
from limpet.store.event_streams import EventStreams
from limpet.twilio.event_types import EVENT_TYPES
from limpet.webhook import Webhooks
from tests.support.clock import HandClock
from tests.support.customer import Customer, recording_customer
from tests.support.lane import receipt
from tests.support.world import POOL, SID_KEY, World, open_world

ANNA, TOKEN = "+14155550101", "0123456789abcdef0123456789abcdef"
ALL = {name: one.schema.latest for name, one in EVENT_TYPES.items()}
STATUSES = "com.twilio.messaging.message."


class Streaming:
    """A world, a customer, and what posts to it; `streams` is the control plane."""

    def __init__(self, world: World, customer: Customer, callbacks: Callbacks) -> None:
        self.world = world
        self.customer = customer
        self.callbacks = callbacks
        self.streams = EventStreams(world.database)
        self._posted = 0
        self._service: Service | None = None

    async def service(self) -> Service:
        """A service with one number, made when it is first asked for."""
        self._service = self._service or await self.world.service(POOL[0])
        return self._service

    async def sink(self, path: str = "/events", *, batched: bool = False, url: str | None = None) -> Sink:
        destination = url or self.customer.url(path)
        made = await self.streams.create_sink(
            self.world.account.id, NewSink("sink", destination, batched), self.world.clock.now()
        )
        assert isinstance(made, Sink)
        return made

    async def subscribe(self, sink: Sink, types: dict[str, int] | None = None) -> None:
        now = self.world.clock.now()
        made = await self.streams.create_subscription(sink.account_id, sink.sid, "all", types or ALL, now)
        assert isinstance(made, Subscription), made
        await self.world.events.streams.refresh()

    def owed(self) -> list[OwedCallback]:
        """The events that have been handed over after a commit."""
        return [one for one in self.world.owed if one.kind == EVENT]

    def types(self) -> list[str]:
        return [json.loads(one.payload)["type"].removeprefix("com.twilio.messaging.") for one in self.owed()]

    async def rows(self) -> list[dict[str, Any]]:
        """The events that are owed in the table."""
        rows = await self.world.database.pool.fetch("SELECT * FROM status_callback WHERE kind = 'event' ORDER BY id")
        return [dict(row) for row in rows]

    def post(self) -> None:
        """Post what has been owed since the last time."""
        self.callbacks.post_now(self.world.owed[self._posted :])
        self._posted = len(self.world.owed)

    async def settled(self) -> None:
        """Wait until nothing that was tried is still to be written down."""
        await self.callbacks._tried.idle()

    async def told(self, count: int) -> list[dict[str, Any]]:
        """The bodies of so many requests to sinks."""
        return [json.loads(one.body) for one in await self.customer.wait_for(count)]

    async def tried(self, count: int) -> None:
        """Wait until so many are owed, each after its first failure."""

        async def there() -> bool:
            return [row["attempt"] for row in await self.rows()] == [1] * count

        await self.world.until(there)

    async def quiet(self) -> None:
        async def empty() -> bool:
            return await self.rows() == []

        await self.world.until(empty)


@asynccontextmanager
async def open_streaming(database: Database, clock: HandClock) -> AsyncIterator[Streaming]:
    """All of it, running; what is owed is posted when a test says so."""
    webhooks, ids, chance = Webhooks(UrlPolicy(allow_loopback=True)), IdSource(), Random(5)

    async def token_of(_: int) -> str:
        return TOKEN

    callbacks = Callbacks(
        database, webhooks, token_of, clock, Random(1).random, lambda now: ids.next(now, chance.getrandbits(21))
    )
    async with recording_customer() as customer, open_world(database, clock) as world:
        errors = ErrorLog(
            database, world.flow.directory, world.events, clock, SID_KEY, lambda now: ids.next(now, chance.getrandbits(21))
        )  # fmt: skip
        callbacks.on_tried = errors.of
        callbacks.on_settled = SinkWatch(database, world.events.streams, clock).note
        running = asyncio.create_task(callbacks.run())
        yield Streaming(world, customer, callbacks)
        await callbacks.stop(0)
        await asyncio.gather(running, return_exceptions=True)
    await webhooks.close()


async def delivered(
    streaming: Streaming, to: str = ANNA, body: str = "Hello", service: Service | None = None
) -> Message:
    """A message that was queued, sent and delivered."""
    world = streaming.world
    sent = await world.send(await streaming.service(), to, body=body, status_callback=None)
    await world.settle()
    submission = world.lane.submitted[-1]
    assert submission.recipient == to
    ids = world.lane.take(submission)
    await world.settle()
    for token, carrier_id in enumerate(ids):
        world.lane.tell(receipt(submission, carrier_id, token=token, done_at=world.clock.now()))
    await world.settle()
    return sent
