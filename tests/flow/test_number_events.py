"""Steps of registrations reach the sinks of their account: written with the step, posted once it is committed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from limpet.core.event_streams import NewSink, Sink, Subscription
from limpet.flow.number_events import NumberEvents
from limpet.registrar.port import Approved
from limpet.store.database import Connection, Database, after_commit
from limpet.store.event_streams import EventStreams
from limpet.twilio.event_types import EVENT_TYPES
from tests.support.clock import HandClock
from tests.support.registry import A2p
from tests.support.world import POOL, open_world


@pytest_asyncio.fixture
async def a2p(database: Database, clock: HandClock) -> AsyncIterator[A2p]:
    async with open_world(database, clock) as world:
        a2p = A2p(world)
        a2p.book.owe = NumberEvents(world.events, world.owed.extend).owe
        yield a2p


async def subscribe(a2p: A2p) -> None:
    streams, account = EventStreams(a2p.world.database), a2p.world.account.id
    sink = await streams.create_sink(account, NewSink("all", "https://example.com/events", False), a2p.now)
    assert isinstance(sink, Sink)
    types = {name: one.schema.latest for name, one in EVENT_TYPES.items()}
    made = await streams.create_subscription(account, sink.sid, "all", types, a2p.now)
    assert isinstance(made, Subscription)
    await a2p.world.events.streams.refresh()


async def test_each_step_is_owed_and_posted_once_it_is_committed(a2p: A2p) -> None:
    await subscribe(a2p)
    service = await a2p.service(POOL[0])
    await a2p.answered_by(Approved("ok"))
    posted = [json.loads(one.payload) for one in a2p.world.owed]
    assert [(one["type"].rpartition("number-")[2], one["data"]["externalstatus"]) for one in posted] == [
        ("registration.pending", "pending_registration"), ("registration.successful", "registered"),
    ]  # fmt: skip
    assert {one["data"]["messagingservicesid"] for one in posted} == {service.sid}
    rows = await a2p.world.database.pool.fetch("SELECT id FROM status_callback WHERE kind = 'event' ORDER BY id")
    assert [row["id"] for row in rows] == [one.id for one in a2p.world.owed]


async def test_nobody_who_subscribed_to_nothing_is_owed_anything(a2p: A2p) -> None:
    await a2p.service(POOL[0])
    await a2p.answered_by(Approved("ok"))
    assert a2p.world.owed == []


async def test_what_is_left_for_after_the_commit_is_not_done_when_there_is_none(database: Database) -> None:
    done: list[str] = []

    async def work(connection: Connection) -> None:
        after_commit(lambda: done.append("failed"))
        await connection.execute("SELECT 1/0")

    with pytest.raises(Exception, match="division by zero"):
        await database.transaction(work)
    assert done == []
