"""What is not kept of a message: gone when nothing needs it any more and not before, wherever it was stored."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound, ReceiptState, Retry
from limpet.core.event_streams import NewSink, Sink
from limpet.core.model import Message, Service
from limpet.core.page import PageRequest
from limpet.core.retention import Mark
from limpet.core.status import Status
from limpet.flow.draft import Media, Rejected
from limpet.flow.obfuscated import SETTLE
from limpet.store.callbacks import EVENT
from limpet.store.database import Database
from limpet.store.event_streams import EventStreams
from limpet.store.messages import MessageFilter
from limpet.twilio.event_types import EVENT_TYPES
from tests.support.clock import NOW, HandClock
from tests.support.lane import HandLane, receipt
from tests.support.world import POOL, World, open_world

ANNA, MASKED, SECRET = "+14155550101", "+1415555XXXX", "Your code is kv4711"
HIDE, DISCARD = {"marks": Mark.OBFUSCATE}, {"marks": Mark.DISCARD}


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def hiding(world: World) -> Service:
    """A service that has sent such a message before."""
    service = await world.service(*POOL)
    since = world.clock.now() - SETTLE
    await world.set(service, "hides_since", since)
    return await world.reread(service)


async def stored(world: World, sought: str) -> set[str]:
    """The tables in which a text is to be found, anywhere in a row."""
    async with world.database.pool.acquire() as connection:
        names = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
            "AND NOT relispartition"
        )
        return {
            name["relname"]
            for name in names
            if await connection.fetchval(
                f"SELECT EXISTS (SELECT FROM {name['relname']} t WHERE strpos(t::text, $1) > 0)", sought
            )
        }


async def finish(world: World, state: ReceiptState = ReceiptState.DELIVERED) -> None:
    """Let the carrier take the last message and say what became of it."""
    submission = world.lane.submitted[-1]
    ids = world.lane.take(submission)
    await world.settle()
    for carrier_id in ids:
        world.lane.tell(receipt(submission, carrier_id, state))
    await world.settle()


async def told(world: World, message: Message) -> list[str]:
    """The `To` of each callback that a message has owed, as it went out."""
    forms = [owed.payload for owed in world.owed if owed.message_id == message.id]
    return [form.split("&To=")[1].split("&")[0].replace("%2B", "+") for form in forms]


async def test_a_text_is_kept_until_the_carrier_has_it(world: World) -> None:
    service = await world.service(*POOL)
    message = await world.send(service, ANNA, SECRET, **DISCARD)
    assert (message.body, message.num_segments) == ("", 1)
    assert await stored(world, "kv4711") == {"message"}
    world.lane.refuse(world.lane.submitted[0], Retry.LATER)
    await world.settle()
    world.clock.advance(timedelta(minutes=10))
    await world.until(lambda: len(world.lane.submitted) == 2)
    assert world.lane.submitted[1].content.segments == world.lane.submitted[0].content.segments
    world.lane.take(world.lane.submitted[1])
    await world.settle()
    assert await stored(world, "kv4711") == set()
    sent = await world.read(message)
    assert (sent.status, sent.body, sent.num_segments, sent.recipient) == (Status.SENT, "", 1, ANNA)


async def test_a_text_in_doubt_is_kept_until_it_is_sent_again(world: World) -> None:
    service = await world.service(*POOL)
    await world.send(service, ANNA, SECRET, **DISCARD)
    world.lane.lose(world.lane.submitted[0])
    await world.settle()
    assert await stored(world, "kv4711") == {"message"}
    for _ in range(100):
        await world.sweeps.end_doubts()
    await world.until(lambda: len(world.lane.submitted) == 2)
    assert world.lane.submitted[1].content.segments == world.lane.submitted[0].content.segments
    await finish(world)
    assert await stored(world, "kv4711") == set()


@pytest.mark.parametrize("how", ["receipt", "refused", "no sender", "expired", "canceled"])
async def test_text_and_number_go_however_a_message_ends(world: World, how: str) -> None:
    service = await hiding(world)
    both = {"marks": Mark.OBFUSCATE | Mark.DISCARD}
    if how == "no sender":
        await world.database.pool.execute("UPDATE sender SET capabilities = '{voice}'")
        await world.set(service, "friendly_name", "voices")
    later = {"send_at": NOW + timedelta(hours=1)} if how in ("expired", "canceled") else {}
    message = await world.send(service, ANNA, SECRET, **both, **later)
    if how == "receipt":
        world.lane.lose(world.lane.submitted[0])
        await world.settle()
        world.lane.tell(receipt(world.lane.submitted[0], "77", reference=message.id & 0xFFFF))
    elif how == "refused":
        world.lane.refuse(world.lane.submitted[0])
    elif how == "expired":
        world.clock.advance(timedelta(hours=12))
        await world.sweeps.expire()
    elif how == "canceled":
        await world.accept.cancel(world.account, message.bucket, message.id)
    await world.settle()
    ended = await world.read(message)
    assert ended.status is {"receipt": Status.DELIVERED, "canceled": Status.CANCELED}.get(how, Status.FAILED)
    assert (ended.recipient, ended.body) == (MASKED, "")
    assert await stored(world, ANNA) == await stored(world, ANNA[2:]) == await stored(world, "kv4711") == set()
    assert (await told(world, message))[-1] == MASKED


async def test_the_number_goes_when_the_message_is_final_from_callbacks_that_are_owed_too(world: World) -> None:
    service = await hiding(world)
    message = await world.send(service, ANNA, **HIDE)
    assert (message.recipient, world.lane.submitted[0].recipient) == (MASKED, ANNA)
    world.lane.take(world.lane.submitted[0])
    await world.settle()
    assert await stored(world, ANNA) == {"message"}
    assert await stored(world, ANNA[2:]) == {"message", "status_callback"}
    world.lane.tell(receipt(world.lane.submitted[0], "1000"))
    await world.settle()
    assert await stored(world, ANNA[2:]) == set()
    assert await told(world, message) == [ANNA, ANNA, MASKED]
    owed = await world.database.pool.fetch("SELECT payload, payload_kept FROM status_callback ORDER BY id")
    assert [("To=%2B1415555XXXX&" in row["payload"], row["payload_kept"]) for row in owed] == [(True, None)] * 3
    assert await world.mapping(service, ANNA) == world.lane.submitted[0].sender
    assert await world.kinds(service, ANNA) == ["created:first_message"]


@pytest.mark.parametrize("batched", [False, True])
async def test_events_keep_neither_number_nor_text_and_tell_of_the_same_segments(world: World, batched: bool) -> None:
    service, streams, account_id = await hiding(world), EventStreams(world.database), world.account.id
    sink = await streams.create_sink(account_id, NewSink("sink", "https://example.com/e", batched), NOW)
    assert isinstance(sink, Sink)
    types = {name: one.schema.latest for name, one in EVENT_TYPES.items()}
    await streams.create_subscription(account_id, sink.sid, "all", types, NOW)
    await world.events.streams.refresh()
    await world.send(service, ANNA, SECRET * 20, marks=Mark.OBFUSCATE | Mark.DISCARD)
    await finish(world)
    events = [json.loads(owed.payload) for owed in world.owed if owed.kind == EVENT]
    told = [(event[0] if batched else event)["data"] for event in events]
    assert [one["messageStatus"] for one in told] == ["QUEUED", "SENT", "DELIVERED"]
    assert [(one["to"], one["numberOfSegments"]) for one in told] == [(ANNA, 3), (ANNA, 3), (MASKED, 3)]
    assert await stored(world, ANNA[2:]) == await stored(world, "kv4711") == set()
    kept = await world.database.pool.fetch("SELECT payload FROM status_callback WHERE kind = 'event' ORDER BY id")
    masked = [json.dumps(event, separators=(",", ":")).replace(ANNA, MASKED) for event in events]
    assert [row["payload"] for row in kept] == masked


async def test_receipts_that_come_after_the_end_find_the_message_and_are_not_kept(world: World) -> None:
    service = await hiding(world)
    message = await world.send(service, ANNA, "x" * 300, **HIDE)
    submission = world.lane.submitted[0]
    ids = world.lane.take(submission)
    await world.settle()
    world.lane.tell(receipt(submission, ids[0], ReceiptState.UNDELIVERED, error_code=30003))
    world.lane.tell(receipt(submission, ids[1], token=2))
    world.lane.tell(receipt(submission, ids[1], token=3))
    await world.settle()
    assert (await world.read(message)).status is Status.UNDELIVERED
    assert sorted(world.lane.acknowledged) == [1, 2, 3]
    assert await stored(world, ANNA) == set()


async def test_a_number_without_a_receipt_goes_after_three_days(world: World) -> None:
    service = await hiding(world)
    message = await world.send(service, ANNA, **HIDE)
    submission = world.lane.submitted[0]
    (carrier_id,) = world.lane.take(submission)
    await world.settle()
    world.clock.advance(timedelta(days=3))
    await world.sweeps.obfuscate()
    assert await stored(world, ANNA) == {"message"}
    world.clock.advance(timedelta(seconds=1))
    await world.sweeps.obfuscate()
    assert await stored(world, ANNA) == set()
    world.lane.tell(receipt(submission, carrier_id))
    await world.settle()
    assert (await world.read(message)).status is Status.DELIVERED
    assert await told(world, message) == [ANNA, ANNA, MASKED]
    assert await stored(world, ANNA) == set()


async def test_the_log_of_tries_never_has_the_number(world: World) -> None:
    """What is posted has it; what is written down of the post has not, even while the message is on its way."""
    service = await hiding(world)
    await world.send(service, ANNA, **HIDE)
    (owed,) = world.owed
    assert "To=%2B14155550101&" in owed.payload
    assert owed.payload_kept is not None
    assert "To=%2B1415555XXXX&" in owed.payload_kept
    row = await world.database.pool.fetchrow("SELECT payload, payload_kept FROM status_callback")
    assert tuple(row or ()) == (owed.payload, owed.payload_kept)


async def test_a_list_finds_both_kinds_by_the_number_and_by_pages(world: World) -> None:
    service = await hiding(world)
    made = []
    for n in range(6):
        made.append(await world.send(service, ANNA, str(n), **(HIDE if n % 2 else {})))
        await finish(world)
    wanted = MessageFilter(to=ANNA)
    first = await world.messages.page(world.account.id, wanted, PageRequest(4))
    assert [m.id for m in first.items] == [m.id for m in reversed(made)][:4]
    assert [m.recipient for m in first.items] == [MASKED, ANNA, MASKED, ANNA]
    second = await world.messages.page(world.account.id, wanted, PageRequest(4, 1, after=first.items[-1].id))
    assert [m.id for m in second.items] == [m.id for m in reversed(made)][4:]
    back = await world.messages.page(world.account.id, wanted, PageRequest(4, 0, before=second.items[0].id))
    assert [m.id for m in back.items] == [m.id for m in first.items]
    assert (await world.messages.page(world.account.id, MessageFilter(to="+14155550102"), PageRequest(4))).items == ()


async def test_a_plain_from_hides_its_recipient_as_well(world: World) -> None:
    await world.service(*POOL)
    message = await world.send(None, ANNA, sender=POOL[0], **HIDE)
    await finish(world)
    assert (await world.read(message)).recipient == MASKED
    assert await stored(world, ANNA) == set()


async def test_consent_holds_for_both_and_is_kept_as_the_person_gave_it(world: World) -> None:
    service = await hiding(world)
    await world.send(service, ANNA, **HIDE)
    await finish(world)
    sender = world.lane.submitted[0].sender
    world.lane.tell(Inbound(9, ANNA, sender, "STOP"))
    await world.settle()
    for marks in (HIDE, {}):
        refused = await world.send(service, ANNA, **marks)
        assert (refused.status, refused.error_code) == (Status.FAILED, 21610)
    plain = await world.accept.submit(world.new(None, ANNA, sender=sender, **HIDE))
    assert isinstance(plain, Rejected)
    assert plain.code == 21610
    assert "opt_out" in await stored(world, ANNA)


async def test_a_message_that_was_never_hidden_is_not_touched(world: World) -> None:
    service = await hiding(world)
    plain = await world.send(service, ANNA, SECRET)
    await finish(world)
    await world.send(service, ANNA, "x", marks=Mark.OBFUSCATE | Mark.DISCARD)
    await finish(world)
    world.clock.advance(timedelta(days=9))
    await world.sweeps.obfuscate()
    kept = await world.read(plain)
    assert (kept.recipient, kept.body) == (ANNA, SECRET)


@pytest.mark.parametrize("how", ["taken", "refused", "expired", "canceled", "no sender"])
async def test_media_go_with_the_text_however_a_message_ends(database: Database, clock: HandClock, how: str) -> None:
    pictures = Media((url := "https://example.com/kv4711.png",), url)
    async with open_world(database, clock, HandLane(mms=True)) as world:
        service = await world.service(*POOL)
        await database.pool.execute(
            "UPDATE sender SET capabilities = $1", ["voice"] if how == "no sender" else ["sms", "mms"]
        )
        await world.set(service, "friendly_name", "pictures")
        later = {"send_at": NOW + timedelta(hours=1)} if how in ("expired", "canceled") else {}
        message = await world.send(service, ANNA, "", media=pictures, **DISCARD, **later)
        if how in ("taken", "refused"):
            assert world.lane.submitted[0].media == (url,)
            world.lane.refuse(world.lane.submitted[0], Retry.LATER)
            await world.settle()
            clock.advance(timedelta(minutes=10))
            await world.until(lambda: len(world.lane.submitted) == 2)
            assert world.lane.submitted[1].media == (url,)
            again = world.lane.submitted[1]
            world.lane.take(again) if how == "taken" else world.lane.refuse(again)
        elif how == "expired":
            assert await stored(world, "kv4711") == {"message_media", "message_mms"}
            clock.advance(timedelta(hours=12))
            await world.sweeps.expire()
        elif how == "canceled":
            await world.accept.cancel(world.account, message.bucket, message.id)
        await world.settle()
        ended = Status.SENT if how == "taken" else Status.CANCELED if how == "canceled" else Status.FAILED
        assert (await world.read(message)).status is ended
        assert await stored(world, "kv4711") == set()
        assert await database.pool.fetchval("SELECT count(*) FROM message_mms") == 0


async def test_media_of_a_text_that_is_kept_stay(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, HandLane(mms=True)) as world:
        await world.service(*POOL)
        await database.pool.execute("UPDATE sender SET capabilities = '{sms,mms}'")
        await world.send(None, ANNA, sender=POOL[0], media=Media(("https://example.com/kv4711.png",)), **HIDE)
        await finish(world)
        assert await stored(world, "kv4711") == {"message_media"}
