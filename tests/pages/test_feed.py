"""What has changed on the phones since a page was last told, whoever looks, and however much comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.pages.phones import feed as feeds
from limpet.pages.phones.feed import OVERLAP, Changes, Feed
from limpet.store.database import Database
from limpet.store.phones import Phones
from tests.support.wait import until
from tests.support.world import POOL, World, open_world


@pytest_asyncio.fixture
async def world(database: Database, clock) -> AsyncIterator[World]:
    async with open_world(database, clock) as made:
        yield made


@pytest.fixture
def feed(world: World) -> Feed:
    return Feed(Phones(world.database), world.clock, "run")


def told(changes: Changes) -> list[tuple[str, str]]:
    assert changes.whole
    return [(one.message.body, str(one.message.status)) for one in changes.seen]


async def test_only_what_is_new_or_other_is_told(world: World, feed: Feed) -> None:
    service = await world.service(*POOL)
    first = await world.send(service, "+14155550199", "first")
    await feed.fresh()
    version = feed.version
    assert [body for body, _ in told(feed.after(0))] == ["first"]
    assert told(feed.after(version)) == []
    await world.send(service, "+14155550188", "second")
    await feed._look(whole=False)
    assert [body for body, _ in told(feed.after(version))] == ["second"]
    version = feed.version
    await world.database.pool.execute(
        "UPDATE message SET status = 'delivered', updated_at = $1 WHERE bucket = $2 AND id = $3",
        world.clock.now() + timedelta(seconds=1), first.bucket, first.id,
    )  # fmt: skip
    await feed._look(whole=False)
    assert told(feed.after(version)) == [("first", "delivered")]
    assert [one.message.body for one in feed.seen()] == ["first", "second"]
    await feed._look(whole=False)
    assert feed.version == version + 1


async def test_what_is_deleted_is_told_once_everything_is_looked_at(world: World, feed: Feed) -> None:
    service = await world.service(*POOL)
    message = await world.send(service, "+14155550199")
    await feed.fresh()
    version = feed.version
    await world.database.pool.execute("DELETE FROM message WHERE bucket = $1", message.bucket)
    await feed._look(whole=False)
    assert feed.after(version).gone == ()
    await feed.whole()
    changes = feed.after(version)
    assert (changes.gone, changes.seen, feed.seen()) == (((message.bucket, message.id),), (), [])


async def test_what_was_committed_late_is_found_all_the_same(world: World, feed: Feed) -> None:
    await feed.fresh()
    service = await world.service(*POOL)
    await world.send(service, "+14155550199", "late")
    world.clock.advance(OVERLAP + timedelta(seconds=1))
    feed._looked_at = world.clock.now()
    await feed._look(whole=False)
    assert feed.seen() == []
    await feed.whole()
    assert [one.message.body for one in feed.seen()] == ["late"]


async def test_of_too_much_the_newest_is_kept_and_who_knows_less_is_told_so(
    world: World, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MESSAGES_MAX", 3)
    service = await world.service(*POOL)
    for number in range(12):
        world.clock.advance(timedelta(seconds=1))
        await world.send(service, f"+141555501{number:02}", str(number))
        await feed._look(whole=False)
    assert [one.message.body for one in feed.seen()] == ["9", "10", "11"]
    assert not feed.after(1).whole
    assert not feed.after(feed.version + 1).whole
    assert not feed.after(-1).whole
    assert [body for body, _ in told(feed.after(feed.version - 1))] == ["11"]


async def test_nothing_is_read_while_nobody_looks(world: World, feed: Feed) -> None:
    service = await world.service(*POOL)
    await world.send(service, "+14155550199")
    assert (feed.version, feed._task) == (0, None)
    async with feed.watched(), feed.watched():
        assert await feed.news(0, 5)
        assert len(feed.seen()) == 1
        assert not await feed.news(feed.version, 0.01)
    await until(lambda: feed._task is None)


async def test_its_end_lets_everybody_go(world: World, feed: Feed) -> None:
    async with feed.watched():
        waiting = asyncio.create_task(feed.news(99, 30))
        await asyncio.sleep(0)
        await feed.close()
        assert not await waiting
        assert not await feed.news(99, 30)
