"""Media that a carrier takes along, and media that people send: from request to lane, and from lane to customer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from urllib.parse import parse_qs

import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound, InboundMedium, Retry, Submission
from limpet.core.model import Account, Service
from limpet.core.status import Status
from limpet.flow.draft import Media, Rejected
from limpet.flow.reply import Replies
from limpet.store.database import Database
from limpet.webhook import Posted
from tests.support.clock import HandClock
from tests.support.lane import HandLane
from tests.support.world import PATIENCE_S, World, open_world

ANNA, PLAIN, CAPABLE = "+14155550101", "+12125550100", "+12125550101"
URLS = ("https://example.com/a.png", "https://example.com/b.png")
codes, tokens = count(1), count(1)


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    """A world whose carrier has MMS."""
    async with open_world(database, clock, HandLane(mms=True)) as opened:
        yield opened


def pictures(*urls: str) -> Media:
    code = f"code{next(codes):06}"
    return Media(urls or URLS, f"http://127.0.0.1/m/{code}", code)


async def service_of(world: World, *capable: str, plain: tuple[str, ...] = (), **settings: object) -> Service:
    """A service with numbers that have MMS and numbers that have not."""
    made = await world.service(*plain, *capable, **settings)
    await world.database.pool.execute(
        "UPDATE sender SET capabilities = '{sms,mms}' WHERE address = ANY ($1::text[])", list(capable)
    )
    await world.set(made, "friendly_name", "with pictures")
    return await world.reread(made)


async def links(world: World) -> int:
    return int(await world.database.pool.fetchval("SELECT count(*) FROM media_link"))


def last(world: World) -> Submission:
    return world.lane.submitted[-1]


@pytest.mark.parametrize("converter", [True, False])
async def test_media_go_along_where_the_sender_carries_them(world: World, converter: bool) -> None:
    service = await service_of(world, CAPABLE, plain=(PLAIN,), mms_converter=converter)
    sent = await world.send(service, ANNA, "Look " * 60, media=pictures())
    assert (sent.sender, sent.body, sent.num_media, sent.num_segments) == (CAPABLE, "Look " * 60, 2, 1)
    assert (last(world).media, last(world).as_mms) == (URLS, True)
    assert "".join(last(world).content.segments) == "Look " * 60
    assert await world.mapping(service, ANNA) == CAPABLE
    assert await links(world) == 0
    text = await world.send(service, ANNA)
    assert (text.sender, last(world).media, last(world).as_mms) == (CAPABLE, (), False)


async def test_a_link_goes_out_where_nobody_carries_media(world: World) -> None:
    service = await service_of(world, plain=(PLAIN,))
    sent = await world.send(service, ANNA, "Look", media=(media := pictures()))
    assert (sent.body, sent.num_media, sent.num_segments) == (f"Look {media.link}", 2, 1)
    assert (last(world).media, last(world).as_mms) == ((), False)
    assert await links(world) == 1
    assert await world.database.pool.fetchval("SELECT count(*) FROM message_mms") == 0


async def test_a_carrier_without_mms_makes_its_numbers_capability_nothing(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock) as world:
        service = await service_of(world, CAPABLE, mms_converter=False)
        failed = await world.send(service, ANNA, media=pictures())
        assert (failed.status, failed.error_code) == (Status.FAILED, 21703)
        assert failed.rejections == {CAPABLE: "carrier_without_mms"}
        plain = await world.accept.submit(world.new(None, ANNA, sender=CAPABLE, media=Media(URLS)))
        assert isinstance(plain, Rejected)
        assert plain.code == 21622


async def test_a_named_number_carries_media_or_says_that_it_cannot(world: World) -> None:
    service = await service_of(world, CAPABLE, plain=(PLAIN,), mms_converter=False)
    sent = await world.send(None, ANNA, sender=CAPABLE, media=Media(URLS))
    assert (sent.status, sent.num_segments, last(world).media) == (Status.SENDING, 1, URLS)
    refused = await world.accept.submit(world.new(None, ANNA, sender=PLAIN, media=Media(URLS)))
    assert isinstance(refused, Rejected)
    assert refused.code == 21621
    beside = await world.send(service, ANNA, sender=PLAIN, media=pictures())
    assert (beside.status, beside.error_code) == (Status.FAILED, 21621)


async def test_a_text_can_be_asked_to_go_as_mms(world: World) -> None:
    service = await service_of(world, CAPABLE, plain=(PLAIN,))
    sent = await world.send(service, ANNA, "x" * 400, as_mms=True)
    assert (sent.sender, sent.num_segments, sent.num_media) == (CAPABLE, 1, 0)
    assert (last(world).as_mms, last(world).media) == (True, ())
    alone = await service_of(world, plain=("+12125550109",))
    for media in (None, pictures()):  # no link will do
        failed = await world.send(alone, ANNA, as_mms=True, media=media)
        assert (failed.status, failed.error_code) == (Status.FAILED, 21703)


async def test_what_waits_for_the_lane_takes_its_media_along(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, HandLane(mms=True, bound=False)) as world:
        service = await service_of(world, CAPABLE)
        await world.send(service, ANNA, media=pictures())
        await world.send(service, "+14155550102", as_mms=True)
        await world.send(service, "+14155550103")
        assert world.lane.submitted == []
        world.lane.bound = True
        assert world.lane.listener is not None
        world.lane.listener.on_room(world.lane.name)
        await world.until(lambda: len(world.lane.submitted) == 3)
        assert [(s.as_mms, s.media) for s in world.lane.submitted] == [(True, URLS), (True, ()), (False, ())]


async def test_what_is_tried_again_takes_its_media_along(world: World) -> None:
    service = await service_of(world, CAPABLE)
    sent = await world.send(service, ANNA, media=pictures())
    world.lane.refuse(last(world), Retry.SLOWER)
    await world.until(lambda: len(world.lane.submitted) == 2)
    assert last(world).media == URLS
    world.lane.lose(last(world))
    await world.settle()
    for _ in range(int(PATIENCE_S) + 1):
        await world.flow.sweeps.end_doubts()
    await world.until(lambda: len(world.lane.submitted) == 3)
    assert (last(world).media, last(world).key.id) == (URLS, sent.id)


@pytest.mark.parametrize("capable", [True, False])
async def test_what_is_scheduled_is_settled_when_it_is_due(world: World, clock: HandClock, capable: bool) -> None:
    service = await service_of(world, *([CAPABLE] if not capable else []), plain=(PLAIN,))
    at = clock.now() + timedelta(hours=1)
    made = await world.accept.submit(world.new(service, ANNA, "Look", send_at=at, media=(media := pictures())))
    row = await world.read(made)
    assert (row.body, row.num_media) == ("Look", 2)
    if capable:
        await world.database.pool.execute("UPDATE sender SET capabilities = '{sms,mms}' WHERE address = $1", PLAIN)
    else:
        await world.remove(service, CAPABLE)
    await world.set(service, "friendly_name", "changed")
    clock.advance(timedelta(hours=1))
    await world.flow.due.turn()
    sent = await world.read(made)
    assert (sent.status, sent.sender, sent.num_segments) == (Status.SENDING, PLAIN, 1)
    assert (sent.body, last(world).media) == (("Look", URLS) if capable else (f"Look {media.link}", ()))
    assert "".join(last(world).content.segments) == sent.body
    world.lane.refuse(last(world), Retry.SLOWER)
    await world.until(lambda: len(world.lane.submitted) == 2)
    assert last(world).as_mms is capable


async def test_a_scheduled_mms_that_nobody_carries_when_it_is_due_fails(world: World, clock: HandClock) -> None:
    service = await service_of(world, plain=(PLAIN,))
    at = clock.now() + timedelta(hours=1)
    made = await world.accept.submit(world.new(service, ANNA, send_at=at, as_mms=True))
    clock.advance(timedelta(hours=1))
    await world.flow.due.turn()
    failed = await world.read(made)
    assert (failed.status, failed.error_code) == (Status.FAILED, 21703)


# ── what people send


async def come(
    world: World, body: str, *media: InboundMedium, known: str | None = None, lane: str | None = None
) -> None:
    """A text from Anna, and until it is acknowledged."""
    token = next(tokens)
    text = Inbound(token, ANNA, CAPABLE, body, media, known)
    assert world.lane.listener is not None
    world.lane.listener.on_deliveries(lane or world.lane.name, [text])
    await world.until(lambda: token in world.lane.acknowledged)
    await world.settle()


async def bodies(world: World) -> list[str]:
    rows = await world.database.pool.fetch("SELECT body FROM message WHERE direction = 'inbound' ORDER BY id")
    return [row["body"] for row in rows]


async def hears(world: World) -> Service:
    return await service_of(
        world, CAPABLE, use_inbound_webhook_on_number=False, inbound_request_url="http://127.0.0.1:9/in"
    )


async def test_the_customer_is_told_of_media_and_where_they_are(world: World) -> None:
    await hears(world)
    await come(world, "Look", InboundMedium(URLS[0], "image/png"), InboundMedium("https://up.example/x.pdf", ""))
    form = {name: values[0] for name, values in parse_qs(world.owed[-1].payload).items()}
    assert (form["NumMedia"], form["MessageSid"][:2], form["SmsSid"]) == ("2", "MM", form["MessageSid"])
    assert (form["MediaContentType0"], form["MediaContentType1"]) == ("image/png", "application/pdf")
    at = f"http://127.0.0.1/2010-04-01/Accounts/{world.account.sid}/Messages/{form['MessageSid']}/Media/ME"
    assert form["MediaUrl0"].startswith(at)
    assert form["MediaUrl1"].startswith(at)
    rows = await world.database.pool.fetch("SELECT url, content_type FROM message_media ORDER BY position")
    assert [tuple(row) for row in rows] == [
        (URLS[0], "image/png"),
        ("https://up.example/x.pdf", "application/pdf"),
    ]
    await come(world, "Just words")
    assert "NumMedia=0&" in world.owed[-1].payload


async def test_what_a_carrier_repeats_is_one_message(world: World) -> None:
    await hears(world)
    for body, known in (("one", "id-1"), ("one", "id-1"), ("two", "id-2"), ("one", "id-1"), ("x", None), ("x", None)):
        await come(world, body, known=known)
    assert await bodies(world) == ["one", "two", "x", "x"]
    assert len(world.owed) == 4


async def test_what_is_repeated_in_one_batch_is_one_message_too(world: World) -> None:
    await hears(world)
    batch = [Inbound(next(tokens), ANNA, CAPABLE, f"{n}", (), f"id-{n % 2}") for n in range(6)]
    assert world.lane.listener is not None
    world.lane.listener.on_deliveries(world.lane.name, batch)
    await world.until(lambda: {text.token for text in batch} <= set(world.lane.acknowledged))
    await world.settle()
    assert sorted(await bodies(world)) == ["0", "1"]


async def test_a_repetition_that_is_old_is_forgotten(world: World, clock: HandClock) -> None:
    await hears(world)
    await come(world, "one", known="id-1")
    clock.advance(timedelta(days=7))
    await world.flow.sweeps.housekeep()
    await come(world, "one", known="id-1")
    assert await bodies(world) == ["one"]
    clock.advance(timedelta(days=2))
    await world.flow.sweeps.housekeep()
    await come(world, "one", known="id-1")
    assert await bodies(world) == ["one", "one"]


async def test_a_reply_may_have_media(world: World) -> None:
    await hears(world)
    await come(world, "Hello")

    async def account_of(_: str) -> Account:
        return world.account

    replies = Replies(world.accept, account_of)
    body = f"<Response><Message><Media>{URLS[0]}</Media></Message><Message>Bye</Message></Response>".encode()
    assert await replies.answered(world.owed[-1], Posted(200, "text/xml", body), 0) is None
    await world.settle()
    assert [(s.sender, s.recipient, s.media, s.as_mms) for s in world.lane.submitted] == [
        (CAPABLE, ANNA, URLS[:1], True),
        (CAPABLE, ANNA, (), False),
    ]
