"""S-54 and S-55: what a campaign, and its brand at T-Mobile, may send to the United States, on a real database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from limpet.core.limits import carriers_day
from limpet.core.model import SenderKind, Service
from limpet.core.rate import Queue
from limpet.core.status import Status
from limpet.registrar.port import Approved
from limpet.store.database import Database
from limpet.store.tallies import Tally
from tests.support.clock import HandClock
from tests.support.lane import HandLane
from tests.support.registry import A2p
from tests.support.world import POOL, World, open_world

PEOPLE = [f"+1415555{n:04}" for n in range(40)]
TMOBILE = [f"+1206555{n:04}" for n in range(10)]
LYON, TORONTO = "+33612345678", "+14165550101"
OK = Approved("ok", {"score": 80})


@pytest_asyncio.fixture
async def a2p(database: Database, clock: HandClock) -> AsyncIterator[A2p]:
    async with open_world(database, clock, tmobile=("+1206555",)) as world:
        yield A2p(world)


async def limited(a2p: A2p, *numbers: str, **limits: object) -> Service:
    """A service whose campaign is verified, its numbers registered, and its limits these."""
    service = await a2p.service(*numbers)
    await a2p.answered_by(OK)
    await limit(a2p, service, **limits)
    return service


async def limit(a2p: A2p, service: Service, **limits: object) -> None:
    pool = a2p.world.database.pool
    await pool.execute("UPDATE campaign SET limits = limits || $2 WHERE service_id = $1", service.id, limits)
    await a2p.world.set(service, "updated_at", a2p.now)


async def codes(world: World, service: Service | None, people: list[str], **more: object) -> list[int | None]:
    return [(await world.send(service, person, **more)).error_code for person in people]


@contextmanager
def statements(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is fetched meanwhile that has to do with counts."""
    seen: list[str] = []
    fetch = asyncpg.Connection.fetch

    async def noting(self: Any, sql: str, *arguments: Any, **more: Any) -> Any:
        seen.extend([sql] if "tally" in sql else [])
        return await fetch(self, sql, *arguments, **more)

    with patch.context() as patched:
        patched.setattr(asyncpg.Connection, "fetch", noting)
        yield seen


async def test_S_54_a_campaign_sends_no_more_segments_in_a_day_than_it_may(a2p: A2p, clock: HandClock) -> None:
    service = await limited(a2p, *POOL[:2], att_class="W")
    await a2p.world.database.pool.execute("UPDATE tally SET value = 0")
    day = carriers_day(clock.now())
    campaign = await a2p.campaign_row(service)
    await a2p.world.database.pool.execute("INSERT INTO tally VALUES ('campaign', $1, $2, 2995)", campaign, day)
    answers = await asyncio.gather(*(a2p.world.send(service, person, "x" * 200) for person in PEOPLE[:4]))
    assert Counter(answer.error_code for answer in answers) == {None: 2, 30023: 2}
    refused = next(answer for answer in answers if answer.error_code)
    assert (refused.status, refused.sender, a2p.world.statuses(refused)) == (Status.FAILED, None, ["failed"])
    assert await a2p.world.mapping(service, refused.recipient) is None
    assert await codes(a2p.world, service, PEOPLE[5:7]) == [None, 30023], "a short one still fits, and then none"
    assert await a2p.world.tally("campaign") == 3000
    clock.advance(timedelta(days=1))
    assert await codes(a2p.world, service, [refused.recipient]) == [None]


async def test_S_54_a_mapped_person_keeps_the_number_over_a_day_that_is_used_up(a2p: A2p, clock: HandClock) -> None:
    service = await limited(a2p, *POOL[:2], att_class="W")
    first = await a2p.world.send(service, PEOPLE[0])
    await a2p.world.database.pool.execute("UPDATE tally SET value = 3000 WHERE kind = 'campaign'")
    a2p.world.accept._campaigns._known.clear()
    assert await codes(a2p.world, service, [PEOPLE[0]]) == [30023]
    assert await a2p.world.mapping(service, PEOPLE[0]) == first.sender
    clock.advance(timedelta(days=1))
    assert (await a2p.world.send(service, PEOPLE[0])).sender == first.sender


async def test_S_54_all_campaigns_of_a_brand_share_its_day_with_t_mobile(a2p: A2p, clock: HandClock) -> None:
    service, other = [await limited(a2p, POOL[n], daily_segments=3) for n in range(2)]
    await a2p.world.database.pool.execute("UPDATE campaign SET brand_id = (SELECT min(id) FROM brand)")
    for each in (service, other):
        await a2p.world.set(each, "updated_at", a2p.now)
    assert await codes(a2p.world, service, TMOBILE[:2]) == [None, None]
    assert await codes(a2p.world, other, TMOBILE[2:4]) == [None, 30027]
    assert await codes(a2p.world, service, [TMOBILE[0], PEOPLE[0]]) == [30027, None], "others are not concerned"
    assert (await a2p.world.tally("tmobile"), await a2p.world.tally("campaign")) == (3, 0)
    clock.advance(timedelta(days=1))
    assert await codes(a2p.world, other, TMOBILE[3:4]) == [None]


async def test_S_54_only_ten_digit_numbers_to_the_united_states_are_counted(a2p: A2p) -> None:
    service = await limited(a2p, POOL[0], att_class="W")
    await a2p.add(service, "+18335550123", kind=SenderKind.TOLL_FREE)
    await a2p.add(service, "+447700900123", country="GB")
    await codes(a2p.world, service, [LYON, TORONTO], sender=POOL[0])
    for sender in ("+18335550123", "+447700900123"):
        await codes(a2p.world, service, [PEOPLE[0]], sender=sender)
    assert await a2p.world.tally("campaign") == 0
    await codes(a2p.world, service, [PEOPLE[0]], sender=POOL[0])
    assert await a2p.world.tally("campaign") == 1


async def test_S_54_a_number_named_without_its_service_is_of_its_campaign_all_the_same(a2p: A2p) -> None:
    service = await limited(a2p, POOL[0], daily_segments=2)
    assert await codes(a2p.world, None, TMOBILE[:3], sender=POOL[0]) == [None, None, 30027]
    assert await codes(a2p.world, service, TMOBILE[:1]) == [30027]
    assert await codes(a2p.world, None, [LYON], sender=POOL[0]) == [None]


async def test_S_54_scheduled_messages_count_when_they_are_due(a2p: A2p, clock: HandClock) -> None:
    service = await limited(a2p, POOL[0], daily_segments=1)
    made = [await a2p.world.send(service, p, send_at=a2p.now + timedelta(hours=1)) for p in TMOBILE[:2]]
    assert await a2p.world.tally("tmobile") == 0
    clock.advance(timedelta(hours=1))
    assert await a2p.world.due.turn() == 2
    found = [(await a2p.world.read(one)).error_code for one in made]
    assert Counter(found) == {None: 1, 30027: 1}


async def test_S_54_what_becomes_shorter_counts_as_what_it_became(a2p: A2p) -> None:
    service = await limited(a2p, POOL[0], att_class="W")
    assert (await a2p.world.send(service, PEOPLE[0], "“" * 100)).num_segments == 1
    assert await a2p.world.tally("campaign") == 1


@pytest.mark.parametrize("cap", [7, 25])
async def test_S_54_two_processes_at_once_do_not_pass_the_cap(database: Database, clock: HandClock, cap: int) -> None:
    lanes = HandLane("hand/0"), HandLane("hand/1")
    async with (
        open_world(database, clock, lanes[0], "a", tmobile=("+1",)) as one,
        open_world(database, clock, lanes[1], "b", tmobile=("+1",)) as two,
    ):
        service = await limited(A2p(one), *POOL[:3], daily_segments=cap)
        worlds = [one, two]
        answers = await asyncio.gather(*(worlds[n % 2].send(service, person) for n, person in enumerate(PEOPLE)))
        assert Counter(answer.error_code for answer in answers) == {None: cap, 30027: len(PEOPLE) - cap}
        assert await one.tally("tmobile") == cap


async def test_S_54_what_a_process_remembers_refuses_nobody(a2p: A2p, clock: HandClock) -> None:
    """It may be too much: it may come from a transaction that was undone."""
    service = await limited(a2p, POOL[0], daily_segments=2)
    brand = await a2p.world.database.pool.fetchval("SELECT brand_id FROM campaign WHERE service_id = $1", service.id)
    a2p.world.accept._campaigns.remember((Tally.TMOBILE, brand), carriers_day(clock.now()), 2)
    assert await codes(a2p.world, service, TMOBILE[:3]) == [None, None, 30027]


async def test_S_54_a_limit_that_is_raised_counts_from_the_next_message_on(a2p: A2p) -> None:
    service = await limited(a2p, POOL[0], daily_segments=1)
    assert await codes(a2p.world, service, TMOBILE[:2]) == [None, 30027]
    await limit(a2p, service, daily_segments=2)
    assert await codes(a2p.world, service, TMOBILE[:2]) == [None, 30027]


async def test_S_54_a_service_without_a_campaign_is_asked_nothing(a2p: A2p, monkeypatch: pytest.MonkeyPatch) -> None:
    free, service = await a2p.service(POOL[1], campaign=False), await limited(a2p, POOL[0], att_class="W")
    with statements(monkeypatch) as seen:
        await codes(a2p.world, free, PEOPLE[:3])
        assert seen == []
        await codes(a2p.world, service, PEOPLE[:3])
    assert len(seen) == 4, "one reading to begin with, and one count a batch"


async def test_S_55_a_campaigns_numbers_share_its_rate_and_others_do_not(a2p: A2p) -> None:
    service = await limited(a2p, *POOL[:2], segments_per_s=0.5)
    for person in (PEOPLE[0], PEOPLE[1], LYON):
        await a2p.world.send(service, person)
    await a2p.world.send(None, PEOPLE[2], sender=POOL[0])
    due = await a2p.world.database.pool.fetch("SELECT due_at FROM message_due ORDER BY due_at")
    assert [row["due_at"] - a2p.now for row in due] == [timedelta(seconds=2), timedelta(seconds=4)]


async def test_S_55_what_comes_too_fast_for_ten_hours_fails_with_the_campaigns_code(a2p: A2p, clock: HandClock) -> None:
    service = await limited(a2p, POOL[0], segments_per_s=1.0, att_class="W")
    name = f"campaign:{await a2p.campaign_row(service)}"
    a2p.world.dispatcher.fleet.pacer.wait_s(None, (Queue(name, 1.0),), 36_000, clock.monotonic())
    failed = await a2p.world.send(service, PEOPLE[0])
    assert (failed.status, failed.error_code) == (Status.FAILED, 30022)
    assert await codes(a2p.world, None, [PEOPLE[0]], sender=POOL[0]) == [30022]
    assert await codes(a2p.world, service, [LYON]) == [None]
    assert await a2p.world.tally("campaign") == 0, "what does not leave does not count"
    clock.advance(timedelta(seconds=1))
    assert await codes(a2p.world, service, [PEOPLE[0]]) == [None]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-01-15T07:59:59", "2026-01-15T08:00:00"),
        ("2026-07-15T06:59:59", "2026-07-15T07:00:00"),
        ("2026-03-08T07:59:59", "2026-03-08T08:00:00"),
        ("2026-03-09T06:59:59", "2026-03-09T07:00:00"),
        ("2026-11-01T06:59:59", "2026-11-01T07:00:00"),
        ("2026-11-02T07:59:59", "2026-11-02T08:00:00"),
    ],
)
def test_S_54_a_day_begins_at_midnight_in_los_angeles(before: str, after: str) -> None:
    days = [carriers_day(datetime.fromisoformat(at).replace(tzinfo=UTC)) for at in (before, after)]
    assert days[1] == days[0] + 1
    assert days[1] == (datetime.fromisoformat(after[:10]) - datetime(2000, 1, 1)).days  # noqa: DTZ001
