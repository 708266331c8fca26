"""Media to people who have a mapping: rule S-24 with a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.ids import day_number
from limpet.core.status import Status
from limpet.flow.draft import Media
from limpet.store.database import Database
from tests.support.clock import HandClock
from tests.support.lane import HandLane
from tests.support.world import World, open_world

ANNA, PLAIN, CAPABLE = "+14155550101", "+12125550100", ("+12125550101", "+12125550102", "+12125550103")
PICTURE = Media(("https://example.com/a.png",), "http://127.0.0.1/m/abcdefghij", "abcdefghij")


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock, HandLane(mms=True)) as opened:
        yield opened


@pytest.mark.parametrize("converter", [True, False])
async def test_S_24_a_mapping_is_passed_by_for_media_kept_and_used(world: World, converter: bool) -> None:
    service = await world.service(PLAIN, mms_converter=converter)
    assert (await world.send(service, ANNA)).sender == PLAIN
    for number in CAPABLE:
        await world.add(service, number)
    await world.database.pool.execute("UPDATE sender SET capabilities = '{sms,mms}' WHERE address <> $1", PLAIN)
    await world.set(service, "friendly_name", "with pictures")
    world.clock.advance(timedelta(days=9))
    sent = [await world.send(service, ANNA, media=Media(PICTURE.urls, PICTURE.link, f"code{n:06}")) for n in range(5)]
    assert len({message.sender for message in sent}) == 1
    assert sent[0].sender in CAPABLE
    assert {(message.status, message.sticky) for message in sent} == {(Status.SENDING, "bypassed")}
    assert await world.mapping(service, ANNA) == PLAIN
    used = await world.database.pool.fetchval("SELECT last_used_day FROM sticky_mapping")
    assert used == day_number(world.clock.now())
    assert await world.kinds(service, ANNA) == ["created:first_message", *["bypassed:media"] * 5]
    assert (await world.send(service, ANNA)).sender == PLAIN


async def test_where_nobody_carries_media_the_mapping_is_used_and_a_link_goes_out(world: World) -> None:
    service = await world.service(PLAIN)
    await world.send(service, ANNA)
    for number in CAPABLE:
        await world.add(service, number)
    sent = await world.send(service, ANNA, media=PICTURE)
    assert (sent.sender, sent.sticky, sent.num_media) == (PLAIN, "used", 1)
    assert sent.body.endswith(PICTURE.link)
