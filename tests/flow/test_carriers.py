"""Which carrier messages take when carriers come and go: rules S-74 to S-77, on a real database with carriers played by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.carrier.port import ReceiptState
from limpet.core.model import Service
from limpet.core.routing import Mode, Patience, Route, Routes
from limpet.core.status import Status
from limpet.store.carriers import Carriers
from limpet.store.database import Database
from limpet.store.senders import Senders
from tests.support.clock import HandClock
from tests.support.lane import HandLane, receipt
from tests.support.world import World, open_world

ANNA, BEN, BRITON = "+14155550101", "+14155550102", "+447700900199"
NUMBER = "+12125550100"
SECOND = timedelta(seconds=1)
ROUTES = Routes([Route("+44", "uk")], {"uk": ("other",)})


@pytest.fixture
def uk() -> HandLane:
    return HandLane("uk/0")


@pytest.fixture
def other() -> HandLane:
    return HandLane("other/0")


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock, uk: HandLane, other: HandLane) -> AsyncIterator[World]:
    """A process with three carriers: `hand` of all numbers, `uk` for British people, `other` which may take the place of `uk`."""
    patience = Patience(timedelta(seconds=30), timedelta(seconds=10))
    async with open_world(database, clock, further=(uk, other), routes=ROUTES, patience=patience) as opened:
        await opened.switchboard.turn()
        yield opened


async def may_go_through_other(world: World) -> Service:
    """A service whose number may also go through the carrier `other`."""
    service = await world.service(NUMBER)
    sid = await world.database.pool.fetchval("SELECT sid FROM sender WHERE address = $1", NUMBER)
    await Senders(world.database).set_also_through(world.account.id, sid, ("other",), world.clock.now())
    return await world.reread(service)


async def pass_time(world: World, seconds: int) -> None:
    """Let seconds go by, as the loop of a server would see them."""
    for _ in range(seconds):
        world.clock.advance(SECOND)
        await world.switchboard.turn()


async def wish(world: World, carrier: str, mode: Mode) -> None:
    await Carriers(world.database).set_mode(carrier, mode, world.clock.now())
    await world.switchboard.turn()


async def queue(world: World) -> list[str]:
    rows = await world.database.pool.fetch("SELECT lane FROM message_due ORDER BY due_at, id")
    return [row["lane"] for row in rows]


def bodies(lane: HandLane) -> list[str]:
    return ["".join(each.content.segments) for each in lane.submitted]


async def test_S_74_a_route_takes_a_destination_to_its_carrier_and_changes_no_number(
    world: World, uk: HandLane
) -> None:
    service = await world.service(NUMBER)
    for person in (ANNA, BRITON):
        await world.send(service, person)
    await world.send(None, BRITON, sender=NUMBER)
    assert [each.recipient for each in world.lane.submitted] == [ANNA]
    assert [(each.recipient, each.sender) for each in uk.submitted] == [(BRITON, NUMBER)] * 2
    uk.take(uk.submitted[0])
    uk.tell(receipt(uk.submitted[0], "1000", ReceiptState.DELIVERED))
    await world.settle()
    assert await world.mapping(service, BRITON) == NUMBER


async def test_S_75_a_carrier_that_is_down_for_long_leaves_its_messages_in_order(world: World, other: HandLane) -> None:
    service = await may_go_through_other(world)
    world.lane.bound = False
    await world.switchboard.turn()
    await pass_time(world, 29)
    for n in range(3):
        await world.send(service, ANNA, f"early {n}")
        world.clock.advance(timedelta(milliseconds=10))
    assert (await queue(world), other.submitted) == (["hand/0"] * 3, [])
    await pass_time(world, 1)
    await world.send(service, ANNA, "late")
    await world.until(lambda: len(other.submitted) == 4)
    assert bodies(other) == ["early 0", "early 1", "early 2", "late"]
    assert {each.sender for each in other.submitted} == {NUMBER}
    assert await world.kinds(service, ANNA) == ["created:first_message"]


async def test_S_75_new_messages_wait_behind_those_that_are_being_moved(world: World, other: HandLane) -> None:
    service = await may_go_through_other(world)
    world.lane.bound = False
    await world.switchboard.turn()
    await pass_time(world, 29)
    await world.send(service, ANNA, "early")
    world.clock.advance(SECOND)
    fleet, moved = world.dispatcher.fleet, world.switchboard._rehome

    async def send_first(lanes: object) -> None:
        assert fleet.closed == {"hand/0"}
        await world.send(service, ANNA, "late")
        assert other.submitted == [], "it would have overtaken"
        await moved(lanes)

    world.switchboard._rehome = send_first
    await world.switchboard.turn()
    await world.until(lambda: len(other.submitted) == 2)
    assert bodies(other) == ["early", "late"]


async def test_S_75_what_is_in_flight_or_in_doubt_stays_with_its_lane(world: World, other: HandLane) -> None:
    service = await may_go_through_other(world)
    flying, lost = await world.send(service, ANNA), await world.send(service, BEN)
    world.lane.lose(world.lane.submitted[1])
    await world.settle()
    await wish(world, "hand", Mode.PAUSED)
    world.lane.bound = False
    await pass_time(world, 120)
    assert other.submitted == []
    assert [(await world.read(each)).status for each in (flying, lost)] == [Status.SENDING] * 2
    world.lane.bound = True
    world.lane.take(world.lane.submitted[0])
    world.lane.tell(receipt(world.lane.submitted[1], None, reference=world.lane.submitted[1].reference))
    await world.settle()
    assert [(await world.read(each)).status for each in (flying, lost)] == [Status.SENT, Status.DELIVERED]
    assert (len(world.lane.submitted), other.submitted) == (2, [])


async def test_S_75_a_number_that_names_nobody_waits(world: World, other: HandLane) -> None:
    service = await world.service(NUMBER)
    await wish(world, "hand", Mode.PAUSED)
    await world.send(service, ANNA)
    await pass_time(world, 10)
    assert (await queue(world), world.lane.submitted, other.submitted) == (["hand/0"], [], [])
    await wish(world, "hand", Mode.ACTIVE)
    await world.until(lambda: len(world.lane.submitted) == 1)


async def test_S_75_a_routed_destination_takes_the_place_of_its_routes_carrier(
    world: World, uk: HandLane, other: HandLane
) -> None:
    service = await world.service(NUMBER)
    await wish(world, "uk", Mode.PAUSED)
    await world.send(service, BRITON)
    await world.until(lambda: len(other.submitted) == 1)
    assert (uk.submitted, world.lane.submitted) == ([], [])


async def test_S_76_a_carrier_has_its_messages_back_once_it_has_been_up_for_a_while(
    world: World, other: HandLane
) -> None:
    service = await may_go_through_other(world)
    world.lane.bound = False
    await world.switchboard.turn()
    await pass_time(world, 30)
    other.window = 0
    await world.send(service, ANNA, "one")
    assert await queue(world) == ["other/0"]
    world.lane.bound = True
    await pass_time(world, 10)
    assert await queue(world) == ["other/0"]
    await pass_time(world, 1)
    await world.send(service, ANNA, "two")
    await world.until(lambda: len(world.lane.submitted) == 2)
    assert (bodies(world.lane), other.submitted) == (["one", "two"], [])
    assert await world.mapping(service, ANNA) == NUMBER


async def test_S_77_a_paused_carrier_is_given_nothing_and_still_heard(world: World) -> None:
    service = await world.service(NUMBER)
    first = await world.send(service, ANNA)
    await wish(world, "hand", Mode.PAUSED)
    await world.send(service, BEN)
    (carrier_id,) = world.lane.take(world.lane.submitted[0])
    await world.settle()
    world.lane.tell(receipt(world.lane.submitted[0], carrier_id))
    await world.settle()
    assert (await world.read(first)).status is Status.DELIVERED
    assert len(world.lane.submitted) == 1
    await wish(world, "hand", Mode.ACTIVE)
    await world.until(lambda: len(world.lane.submitted) == 2)


async def test_S_77_a_draining_carrier_sends_what_it_had_and_nothing_later(world: World) -> None:
    service = await world.service(NUMBER)
    world.lane.window = 0
    await world.send(service, ANNA, "before")
    world.clock.advance(SECOND)
    await wish(world, "hand", Mode.DRAINING)
    world.clock.advance(SECOND)
    await world.send(service, BEN, "after")
    world.lane.window = 100
    world.dispatcher.on_room("hand/0")
    await world.until(lambda: len(world.lane.submitted) == 1)
    await pass_time(world, 10)
    assert bodies(world.lane) == ["before"]
    await wish(world, "hand", Mode.DRAINING)
    assert (await Carriers(world.database).wishes())["hand"].changed_at < world.clock.now() - 5 * SECOND
    await wish(world, "hand", Mode.ACTIVE)
    await world.until(lambda: bodies(world.lane) == ["before", "after"])


async def test_S_77_a_wish_holds_in_every_process_and_after_a_start(
    database: Database, clock: HandClock, world: World
) -> None:
    await wish(world, "hand", Mode.PAUSED)
    idle = HandLane("hand/0")
    async with open_world(database, clock, idle, "second", take_over=True, routes=ROUTES) as second:
        await second.switchboard.turn()
        service = await second.service(NUMBER)
        await second.send(service, ANNA)
        assert (idle.submitted, await queue(second)) == ([], ["hand/0"])


async def test_health_is_told_by_the_owner_and_read_by_all(world: World) -> None:
    service = await world.service(NUMBER)
    for n in range(6):
        await world.send(service, f"+1415555{n:04}")
    for submission in list(world.lane.submitted):
        (carrier_id,) = world.lane.take(submission)
        await world.settle()
        world.lane.tell(receipt(submission, carrier_id))
    world.lane.bound = False
    world.dispatcher.on_down("hand/0", "the peer closed the connection")
    await world.settle()
    since = world.clock.now()
    await world.switchboard.turn()
    await pass_time(world, 6)
    view = (await Carriers(world.database).lanes())["hand/0"]
    assert (view.pulse.bound, view.pulse.since, view.owner) == (False, since, "test")
    assert view.pulse.seen_at == world.clock.now() - SECOND
    assert view.report.last_error == "the peer closed the connection"
    assert (view.report.submits_per_s, view.report.receipts_per_s) == (pytest.approx(0.1), pytest.approx(0.1))


async def test_a_carriers_rate_is_kept_and_the_rest_waits(database: Database, clock: HandClock) -> None:
    async with open_world(database, clock, segments_per_s={"hand": 8.0}) as world:
        service = await world.service(NUMBER)
        for n in range(10):
            await world.send(service, f"+1415555{n:04}")
        assert len(world.lane.submitted) == 2, "a quarter of a second's worth at once"
        for total in (4, 6, 8, 10):
            world.clock.advance(SECOND / 4)
            world.dispatcher.on_room("hand/0")
            await world.until(lambda total=total: len(world.lane.submitted) == total)
