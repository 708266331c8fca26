"""Rule S-29: a person hears from one number whether or not theirs is kept, and has one mapping, under one of two names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound
from limpet.core.ids import BUCKETS, person_hash
from limpet.core.model import Message, Service
from limpet.core.retention import Mark, Pseudonyms
from limpet.core.status import Status
from limpet.core.sticky import Ask
from limpet.flow.assign import Wanted
from limpet.flow.campaign_share import CampaignCounts, CampaignUse
from limpet.flow.draft import Rejected
from limpet.flow.obfuscated import SETTLE
from limpet.store.database import Database
from limpet.store.sticky import MappingKey
from tests.flow.test_retention import finish, hiding, stored
from tests.support.clock import NOW, HandClock
from tests.support.lane import HandLane
from tests.support.world import BUCKET_KEY, POOL, PSEUDONYM_KEY, World, open_world

ANNA, BEN = "+14155550101", "+14155550102"
HIDE = {"marks": Mark.OBFUSCATE}
HIDDEN = Pseudonyms(PSEUDONYM_KEY).of(ANNA)


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


async def mappings(world: World) -> list[str]:
    rows = await world.database.pool.fetch("SELECT recipient FROM sticky_mapping ORDER BY recipient")
    return [row["recipient"] for row in rows]


async def one(world: World, service: Service, hide: bool, to: str = ANNA) -> str:
    """A message to its end; the number that it came from."""
    message = await world.send(service, to, **(HIDE if hide else {}))
    await finish(world)
    sender = (await world.read(message)).sender
    assert sender is not None
    return sender


@pytest.mark.parametrize(
    "order", ["hhhh", "pppp", "hphp", "phph", "hhpp", "pphh"], ids=lambda order: order.replace("h", "-")
)
async def test_S_29_one_number_in_whatever_order_both_kinds_come(world: World, order: str) -> None:
    service = await hiding(world)
    assert len({await one(world, service, kind == "h") for kind in order}) == 1
    assert await mappings(world) == [ANNA if "p" in order else HIDDEN]


async def test_the_mapping_is_under_the_number_once_a_message_keeps_it(world: World) -> None:
    service = await hiding(world)
    hidden = await one(world, service, hide=True)
    made = await world.database.pool.fetchrow("SELECT created_day, last_used_day, flags FROM sticky_mapping")
    assert await mappings(world) == [HIDDEN]
    assert await stored(world, ANNA) == set()
    assert await world.mapping(service, ANNA) == hidden
    world.clock.advance(timedelta(days=40))
    assert await one(world, service, hide=False) == hidden
    assert await mappings(world) == [ANNA]
    now = await world.database.pool.fetchrow("SELECT created_day, last_used_day, flags FROM sticky_mapping")
    assert (made["created_day"], made["last_used_day"] + 40) == (now["created_day"], now["last_used_day"])
    assert now["flags"] & 1 == 1
    assert await one(world, service, hide=True) == hidden
    assert await mappings(world) == [ANNA]
    assert await world.kinds(service, ANNA) == ["created:first_message"]


async def test_both_kinds_in_one_batch(world: World) -> None:
    service = await hiding(world)
    news = [world.new(service, to, **(HIDE if n % 3 else {})) for n in range(12) for to in (ANNA, BEN)]
    made = await asyncio.gather(*(world.accept.submit(new) for new in news))
    for start in (0, 1):
        assert len({(await world.read(message)).sender for message in made[start::2]}) == 1
    assert await mappings(world) == [ANNA, BEN]


async def test_S_2_holds_for_first_messages_of_both_kinds_in_two_processes(
    database: Database, clock: HandClock
) -> None:
    async with open_world(database, clock) as one, open_world(database, clock, HandLane("hand/1"), "other") as other:
        service = await hiding(one)
        people = [f"+1415555{n:04}" for n in range(40)]

        async def burst(world: World, hide: Sequence[bool]) -> list[Message]:
            news = [world.new(service, to, **(HIDE if h else {})) for to in people for h in hide]
            halves = await asyncio.gather(*(world.accept.submit(new) for new in news))
            return [message for message in halves if isinstance(message, Message)]

        made = await asyncio.gather(burst(one, [True, False]), burst(other, [False, True]), burst(other, [True]))
        heard: dict[int, set[str | None]] = {}
        rows = await database.pool.fetch("SELECT bucket, recipient, sender FROM message")
        for row in rows:
            heard.setdefault(row["recipient"], set()).add(row["sender"])
        assert sum(map(len, made)) == len(rows) == len(people) * 5
        assert [len(senders) for senders in heard.values()] == [1] * len(people)
        assert await mappings(one) == people


@pytest.mark.parametrize("first", [True, False], ids=["hidden first", "plain first"])
async def test_whoever_comes_second_waits_and_adopts(world: World, first: bool) -> None:
    """Step by step: the first transaction is open when the second begins, and commits while the second waits."""
    service = await hiding(world)

    async def bound(hide: bool, *, reached: asyncio.Event, go_on: asyncio.Event) -> str:
        async def work(connection: object) -> str:
            wanted, now = _wanted(world, service, hide), world.clock.now()
            use = CampaignUse(CampaignCounts(), now)
            (answer,) = await world.flow.accept._assigner.bind(connection, [wanted], now, use)  # type: ignore[arg-type]
            reached.set()
            await go_on.wait()
            return str(answer.candidate.sender.address)  # type: ignore[union-attr]

        return await world.database.transaction(work)

    held, release, other = asyncio.Event(), asyncio.Event(), asyncio.Event()
    one = asyncio.create_task(bound(first, reached=held, go_on=release))
    await held.wait()
    always = asyncio.Event()
    always.set()
    two = asyncio.create_task(bound(not first, reached=other, go_on=always))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"

    async def waits() -> bool:
        return bool(await world.database.pool.fetchval(waiting))

    try:
        await world.until(waits)
        assert not other.is_set()
    finally:
        release.set()
        senders = await asyncio.gather(one, two)
    assert senders[0] == senders[1]
    assert await mappings(world) == [ANNA]


def _wanted(world: World, service: Service, hide: bool) -> Wanted:
    to = world.new(service, ANNA).recipient
    person = person_hash(ANNA, BUCKET_KEY)
    return Wanted(MappingKey(person % BUCKETS, service.id, ANNA), 1, Ask(to, person), 1, obfuscated=hide)


async def test_the_first_one_of_a_service_waits_until_everybody_knows(world: World) -> None:
    service = await world.service(*POOL)
    plain = await one(world, service, hide=False)
    message = await world.send(service, ANNA, **HIDE)
    assert (message.status, message.sender) == (Status.ACCEPTED, None)
    assert await world.due.turn() == 0
    world.clock.advance(SETTLE - timedelta(milliseconds=1))
    assert await world.due.turn() == 0
    world.clock.advance(timedelta(milliseconds=1))
    assert await world.due.turn() == 1
    bound = await world.read(message)
    assert (bound.status, bound.sender) == (Status.SENDING, plain)
    assert (await world.send(service, ANNA, **HIDE)).status is Status.SENDING
    assert await mappings(world) == [ANNA]


async def test_what_is_wrong_with_the_first_one_is_said_at_once(world: World) -> None:
    empty = await world.service()
    refused = await world.accept.submit(world.new(empty, ANNA, **HIDE))
    assert isinstance(refused, Rejected)
    assert refused.code == 21704
    elsewhere = await world.accept.submit(world.new(await world.service(*POOL), ANNA, sender="+12125559999", **HIDE))
    assert isinstance(elsewhere, Rejected)
    assert elsewhere.code == 21711


async def test_without_sticky_sender_nothing_waits_and_nothing_is_remembered(world: World) -> None:
    service = await world.service(*POOL, sticky_sender=False)
    assert (await world.send(service, ANNA, **HIDE)).status is Status.SENDING
    await finish(world)
    assert await mappings(world) == []
    assert await stored(world, ANNA) == set()


async def test_a_scheduled_one_is_bound_when_it_is_due(world: World) -> None:
    service = await hiding(world)
    plain = await one(world, service, hide=False)
    message = await world.send(service, ANNA, send_at=NOW + timedelta(hours=1), **HIDE)
    assert (message.status, message.recipient) == (Status.SCHEDULED, "+1415555XXXX")
    world.clock.advance(timedelta(hours=1))
    await world.due.turn()
    await finish(world)
    ended = await world.read(message)
    assert (ended.status, ended.sender, ended.recipient) == (Status.DELIVERED, plain, "+1415555XXXX")
    assert (ended.reason, ended.sticky) == ("sticky", "used")


@pytest.mark.parametrize("hide", [True, False])
async def test_S_9_a_mapping_of_which_nothing_left_goes_under_either_name(world: World, hide: bool) -> None:
    service = await hiding(world)
    await world.send(service, ANNA, **(HIDE if hide else {}))
    assert len(await mappings(world)) == 1
    world.lane.refuse(world.lane.submitted[0])
    await world.settle()
    assert await mappings(world) == []
    assert await world.kinds(service, ANNA) == ["created:first_message", "unsent:no_message_left"]
    assert await stored(world, ANNA) == (set() if hide else {"message", "sticky_event"})


@pytest.mark.parametrize("ended", [True, False], ids=["obfuscated by now", "still on its way"])
async def test_S_9_what_left_without_its_number_counts_when_a_later_one_fails(world: World, ended: bool) -> None:
    service = await hiding(world)
    await world.send(service, ANNA, **HIDE)
    if ended:
        await finish(world)
    else:
        world.lane.take(world.lane.submitted[0])
        await world.settle()
    for hide in (True, False):
        message = await world.send(service, ANNA, **(HIDE if hide else {}))
        world.lane.refuse(await world.submission_of(message))
        await world.settle()
        assert len(await mappings(world)) == 1


async def test_deleting_the_only_one_that_left_keeps_what_it_proved(world: World) -> None:
    service = await hiding(world)
    message = await world.send(service, ANNA, **HIDE)
    world.lane.take(world.lane.submitted[0])
    await world.settle()
    assert await world.messages.delete(world.account.id, message.bucket, message.id) is None
    await world.send(service, ANNA, **HIDE)
    world.lane.refuse(world.lane.submitted[-1])
    await world.settle()
    assert await mappings(world) == [HIDDEN]
    view = await world.sticky.lookup(service, ANNA, world.clock.now())
    assert view is not None
    assert (view.recipient, view.established) == (ANNA, True)


async def test_S_18_the_mapping_is_looked_up_and_taken_away_by_the_number(world: World) -> None:
    service = await hiding(world)
    sender = await one(world, service, hide=True)
    view = await world.sticky.reset(service, ANNA, "test", world.clock.now())
    assert view is not None
    assert (view.recipient, view.sender, view.live) == (ANNA, sender, True)
    assert await mappings(world) == []
    assert await world.kinds(service, ANNA) == ["created:first_message", "reset:reset"]
    assert await stored(world, ANNA) == set()
    assert await world.sticky.reset(service, ANNA, "test", world.clock.now()) is None


async def test_S_21_a_text_from_the_person_is_a_use_under_the_pseudonym_too(world: World) -> None:
    service = await hiding(world)
    sender = await one(world, service, hide=True)
    world.clock.advance(timedelta(days=300))
    world.lane.tell(Inbound(1, ANNA, sender, "Hi"))
    await world.settle()
    world.clock.advance(timedelta(days=300))
    assert await world.mapping(service, ANNA) == sender
    assert await mappings(world) == [HIDDEN]


async def test_S_6_a_number_that_left_is_replaced_under_the_pseudonym(world: World) -> None:
    service = await hiding(world)
    sender = await one(world, service, hide=True)
    await world.remove(service, sender)
    after = await one(world, service, hide=True)
    assert after != sender
    assert await world.kinds(service, ANNA) == ["created:first_message", "replaced:number_removed"]
    assert await mappings(world) == [HIDDEN]
    assert await one(world, service, hide=False) == after
    assert await stored(world, HIDDEN) == {"message", "sticky_event"}
