"""What a restore holds: what may have left is sent by nobody, receipts settle what did, and an operator decides the rest."""

from __future__ import annotations

from datetime import timedelta

from limpet.core.model import Message
from limpet.core.status import Status
from limpet.store import held
from limpet.store.database import Database
from limpet.store.held import Held
from tests.support.clock import HandClock
from tests.support.lane import HandLane, receipt
from tests.support.world import POOL, World, open_world

ANN, BOB, CAT, DAN, EVE = (f"+1415555018{n}" for n in range(5))


async def interrupted(database: Database, clock: HandClock) -> dict[str, Message]:
    """What a database holds of which a backup was taken: one sent, one submitted without an answer, one that waits for its lane,
    one that is due for a sender, and one whose time is yet to come."""
    async with open_world(database, clock, HandLane(window=2)) as world:
        service = await world.service(*POOL)
        found = {ANN: await world.send(service, ANN), BOB: await world.send(service, BOB)}
        await world.until(lambda: len(world.lane.submitted) == 2)
        world.lane.take(world.lane.submitted[0])
        await world.settle()
        world.lane.window = 0
        found[CAT] = await world.send(service, CAT)
        found[DAN] = await world.send(service, DAN, send_at=clock.now() + timedelta(minutes=20))
        found[EVE] = await world.send(service, EVE, send_at=clock.now() + timedelta(days=2))
    clock.advance(timedelta(hours=1))
    return found


async def held_world(database: Database, clock: HandClock, found: dict[str, Message], world: World) -> dict[str, str]:
    """What each message's status is after an hour of loops."""
    await world.switchboard.turn()
    await world.sweeps.bind_due()
    await world.sweeps.expire()
    for _ in range(4):
        clock.advance(timedelta(minutes=15))
        await world.sweeps.end_doubts()
    await world.settle()
    return {person: (await world.read(message)).status for person, message in found.items()}


async def test_what_may_have_left_is_sent_by_nobody_and_what_cannot_have_left_goes_on(
    database: Database, clock: HandClock
) -> None:
    found = await interrupted(database, clock)
    assert await held.hold(database, clock.now()) == Held(2, 1)
    async with open_world(database, clock, owner="restored") as world:
        now = await held_world(database, clock, found, world)
        assert world.lane.submitted == []
        assert now == {
            ANN: Status.SENT, BOB: Status.SENDING, CAT: Status.SENDING, DAN: Status.SCHEDULED, EVE: Status.SCHEDULED,
        }  # fmt: skip
        assert await held.look(database) == Held(2, 1, 1)
        clock.advance(timedelta(days=2))
        await world.sweeps.bind_due()
        await world.until(lambda: [one.recipient for one in world.lane.submitted] == [EVE])
        world.lane.take(world.lane.submitted[0])


async def test_without_a_hold_everything_that_waited_goes_out(database: Database, clock: HandClock) -> None:
    await interrupted(database, clock)
    async with open_world(database, clock, owner="restored") as world:
        await world.sweeps.bind_due()
        await world.until(lambda: {CAT, DAN} <= {one.recipient for one in world.lane.submitted})


async def test_new_messages_to_a_person_wait_for_nothing_that_is_held(database: Database, clock: HandClock) -> None:
    await interrupted(database, clock)
    await held.hold(database, clock.now())
    async with open_world(database, clock, owner="restored") as world:
        service = await world.service("+12125550190")
        await world.send(service, CAT)
        await world.until(lambda: len(world.lane.submitted) == 1)


async def test_a_receipt_says_what_became_of_a_message_that_is_held(database: Database, clock: HandClock) -> None:
    found = await interrupted(database, clock)
    await held.hold(database, clock.now())
    async with open_world(database, clock, owner="restored") as world:
        sender = (await world.read(found[CAT])).sender
        told = receipt(Told(sender or "", CAT), "77", submitted_at=clock.now() - timedelta(minutes=50))  # type: ignore[arg-type]
        world.lane.tell(told)
        await world.settle()
        assert (await world.read(found[CAT])).status == Status.DELIVERED
        assert await held.look(database) == Held(1, 1, 1)
        await held.let_go(database, clock.now(), send=True)
        assert (await world.read(found[CAT])).status == Status.DELIVERED


async def test_an_operator_has_all_that_is_held_sent_from_the_numbers_that_it_had(
    database: Database, clock: HandClock
) -> None:
    found = await interrupted(database, clock)
    before = await database.pool.fetch("SELECT id, sender FROM message WHERE sender IS NOT NULL ORDER BY id")
    await held.hold(database, clock.now())
    clock.advance(timedelta(days=3))
    assert await held.let_go(database, clock.now(), send=True) == Held(2, 1)
    async with open_world(database, clock, owner="restored") as world:
        await world.sweeps.bind_due()
        await world.sweeps.expire()
        await world.until(lambda: {one.recipient for one in world.lane.submitted} >= {BOB, CAT, DAN})
        for one in list(world.lane.open.values()):
            world.lane.take(one)
        await world.settle()
        assert {(await world.read(found[person])).status for person in (BOB, CAT, DAN)} == {Status.SENT}
        ids = [row["id"] for row in before]
        now = await database.pool.fetch("SELECT id, sender FROM message WHERE id = ANY ($1) ORDER BY id", ids)
        assert now == before
        assert await held.look(database) == Held(0, 0, 0)


async def test_what_got_its_sender_after_a_hold_waits_for_room_like_any_other(
    database: Database, clock: HandClock
) -> None:
    await interrupted(database, clock)
    await held.hold(database, clock.now())
    clock.advance(timedelta(days=1))
    await held.let_go(database, clock.now(), send=True)
    async with open_world(database, clock, HandLane(bound=False), owner="restored") as world:
        await world.sweeps.bind_due()
        await world.sweeps.expire()
        assert world.lane.submitted == []
        world.lane.bound = True
        world.dispatcher.on_room(world.lane.name)
        await world.until(lambda: {one.recipient for one in world.lane.submitted} >= {BOB, CAT, DAN})


async def test_an_operator_gives_all_that_is_held_up_and_customers_hear_of_it(
    database: Database, clock: HandClock
) -> None:
    found = await interrupted(database, clock)
    await held.hold(database, clock.now())
    async with open_world(database, clock, owner="restored") as world:
        assert await held.let_go(database, clock.now(), send=False) == Held(2, 1)
        await world.sweeps.bind_due()
        await world.sweeps.expire()
        read = {person: await world.read(found[person]) for person in (BOB, CAT, DAN)}
        assert {(one.status, one.error_code) for one in read.values()} == {(Status.FAILED, 30036)}
        assert [world.statuses(found[person]) for person in (BOB, CAT, DAN)] == [["failed"]] * 3
        assert world.lane.submitted == []


async def test_to_hold_twice_changes_nothing(database: Database, clock: HandClock) -> None:
    await interrupted(database, clock)
    await held.hold(database, clock.now())
    before = await held.look(database)
    await held.hold(database, clock.now())
    assert await held.look(database) == before


class Told:
    """The numbers of a message that left in another life."""

    def __init__(self, sender: str, recipient: str) -> None:
        self.sender, self.recipient = sender, recipient
