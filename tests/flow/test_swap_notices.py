"""People whom a swap moved are told once, at a pace, and nobody twice however often the process dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound
from limpet.core.model import Service
from limpet.flow.accept import Accept
from limpet.flow.draft import Overloaded
from limpet.flow.swap_notices import KEY_COUNTS
from limpet.store import swaps
from limpet.store.database import Database
from limpet.store.swaps import Notice, Swap, SwapState
from tests.flow.test_swap import NEW, OLD, PEOPLE, begun, froms, reread, swapping
from tests.support.clock import HandClock
from tests.support.registry import A2p
from tests.support.world import open_world

BODY = "Please note our new number"
FAST = Notice(BODY, per_second=100)


@pytest_asyncio.fixture
async def a2p(database: Database, clock: HandClock) -> AsyncIterator[A2p]:
    async with open_world(database, clock) as world:
        yield A2p(world)


async def texts(a2p: A2p) -> Counter[tuple[str, str, int | None]]:
    """The notices that there are: to whom, from which number, with which error."""
    rows = await a2p.world.database.pool.fetch(
        "SELECT recipient, sender, error_code FROM message WHERE body = $1", BODY
    )
    return Counter((row["recipient"], row["sender"], row["error_code"]) for row in rows)


async def moved(a2p: A2p, notice: Notice) -> tuple[Service, Swap]:
    """A swap whose people hear from the new number, and are still to be told."""
    service = await a2p.service(campaign=False)
    old = await a2p.add(service, OLD)
    await froms(a2p, service)
    swap = await begun(a2p, service, old, notice)
    while (await reread(a2p, swap)).state is not SwapState.TELLING:
        assert await swapping(a2p).step(swap.id)
    return service, swap


async def told(a2p: A2p, swap: Swap) -> Swap:
    """The swap once it is over."""
    while (found := await reread(a2p, swap)).state is SwapState.TELLING:
        await swapping(a2p).turn()
        a2p.world.clock.advance(timedelta(seconds=1))
    return found


async def test_S_108_each_who_was_moved_is_told_once_from_the_new_number(a2p: A2p) -> None:
    service, swap = await moved(a2p, FAST)
    assert await texts(a2p) == {}
    done = await told(a2p, swap)
    assert (done.state, done.to_tell, done.told, done.untold) == (SwapState.DONE, 12, 12, 0)
    assert await texts(a2p) == dict.fromkeys(((person, NEW, None) for person in PEOPLE), 1)
    assert await a2p.world.kinds(service, PEOPLE[0]) == ["created:first_message", "replaced:swapped"]
    assert await a2p.world.database.pool.fetchval("SELECT count(*) FROM swap_notice") == 0


async def test_S_108_who_was_not_in_contact_lately_is_not_told_and_a_stop_holds(a2p: A2p) -> None:
    service = await a2p.service(campaign=False)
    old = await a2p.add(service, OLD)
    await froms(a2p, service, PEOPLE[:6])
    a2p.world.clock.advance(timedelta(days=31))
    await froms(a2p, service, PEOPLE[6:])
    a2p.world.lane.tell(Inbound(1, PEOPLE[6], OLD, "STOP"))
    await a2p.world.settle()
    done = await told(a2p, await over(a2p, await begun(a2p, service, old, FAST)))
    assert (done.moved, done.to_tell, done.told) == (12, 6, 6)
    found = await texts(a2p)
    assert {to: code for to, _, code in found} == {
        person: 21610 if person == PEOPLE[6] else None for person in PEOPLE[6:]
    }


async def over(a2p: A2p, swap: Swap) -> Swap:
    """A swap all of whose people are moved."""
    while (await reread(a2p, swap)).state is not SwapState.TELLING:
        assert await swapping(a2p).step(swap.id)
    return swap


async def dies_before_it_is_noted(a2p: A2p, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn whose messages are made, and that does not get to note it."""

    async def dies(*_: object) -> None:
        raise RuntimeError("dies")

    with monkeypatch.context() as patch:
        patch.setattr(swaps, "note_told", dies)
        with pytest.raises(RuntimeError, match="dies"):
            await swapping(a2p).turn()


@pytest.mark.parametrize("waits", [timedelta(), timedelta(hours=23)])
async def test_S_108_nobody_is_told_twice_when_the_process_dies_before_it_is_noted(
    a2p: A2p, monkeypatch: pytest.MonkeyPatch, waits: timedelta
) -> None:
    _, swap = await moved(a2p, Notice(BODY, per_second=5))
    for _ in range(3):
        await dies_before_it_is_noted(a2p, monkeypatch)
        a2p.world.clock.advance(timedelta(seconds=2) + waits)
        await a2p.world.sweeps.housekeep()
        if waits:
            break
    done = await told(a2p, swap)
    assert (done.state, done.told, done.untold) == (SwapState.DONE, 12, 0)
    assert await texts(a2p) == dict.fromkeys(((person, NEW, None) for person in PEOPLE), 1)


async def test_S_108_when_it_is_not_known_any_more_whether_people_were_told_they_are_not(
    a2p: A2p, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, swap = await moved(a2p, FAST)
    await dies_before_it_is_noted(a2p, monkeypatch)
    tried = (await texts(a2p)).total()
    a2p.world.clock.advance(KEY_COUNTS + timedelta(seconds=1))
    done = await told(a2p, swap)
    assert tried > 0
    assert (done.told, done.untold) == (12 - tried, tried)
    assert (await texts(a2p)).total() == 12


async def test_S_108_people_are_told_at_a_pace_and_not_while_the_server_is_overloaded(
    a2p: A2p, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, swap = await moved(a2p, Notice(BODY, per_second=2))

    async def full(*_: object) -> Overloaded:
        return Overloaded()

    with monkeypatch.context() as patch:
        patch.setattr(Accept, "submit", full)
        await swapping(a2p).turn()
    assert (await reread(a2p, swap)).told == 0
    seen = []
    for _ in range(20):
        a2p.world.clock.advance(timedelta(seconds=1))
        before = (await reread(a2p, swap)).told
        await swapping(a2p).turn()
        seen.append((await reread(a2p, swap)).told - before)
    assert max(seen) <= 2
    assert sum(seen) == 12
    assert (await texts(a2p)).total() == 12


async def test_S_108_who_cannot_be_written_to_is_counted_and_a_suspended_account_waits(a2p: A2p) -> None:
    service, swap = await moved(a2p, FAST)
    account = "UPDATE account SET status = $1"
    await a2p.world.database.pool.execute(account, "suspended")
    a2p.world.clock.advance(timedelta(seconds=6))
    await swapping(a2p).turn()
    assert (await reread(a2p, swap)).told == 0
    await a2p.world.database.pool.execute(account, "active")
    a2p.world.clock.advance(timedelta(seconds=6))
    await a2p.services.delete(a2p.world.account.id, service.sid, a2p.now)
    done = await told(a2p, swap)
    assert (done.state, done.told, done.untold) == (SwapState.DONE, 0, 12)
