"""Imports over a real database: each line, carried on with, taken back, exported again. S-120, S-121, S-122, S-123."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from limpet.core.model import Service
from limpet.core.sticky_import import Import, State, Wish, accounted
from limpet.core.sticky_records import UnknownFormat
from limpet.flow import sticky_import
from limpet.flow.sticky_import import NotNow, NotTheSame, StickyImports
from limpet.store import sticky_bulk
from limpet.store.database import Database
from limpet.store.sticky_bulk import OtherHand
from tests.support.clock import HandClock
from tests.support.database import Server, copied
from tests.support.imports import bring, exported, importer, new_sid, pieces, problems
from tests.support.world import POOL, World, make_account, make_service, open_world

A, B, C = POOL[:3]
PERSON, OTHER = "+14155550123", "+14155550124"


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


@pytest.fixture
def imports(database: Database, clock: HandClock) -> StickyImports:
    return importer(database, clock)


def own(to: str = PERSON, sender: str = A, **more: object) -> str:
    return json.dumps({"to": to, "from": sender, **more}) + "\n"


def people(count: int) -> list[str]:
    return [f"+1415556{n:04}" for n in range(count)]


async def froms(world: World, service: Service, *who: str) -> list[str | None]:
    return [await world.mapping(service, one) for one in who]


async def test_people_are_mapped_with_an_event_each_and_messages_come_from_there(
    world: World, imports: StickyImports
) -> None:
    service = await world.service(*POOL)
    done = await bring(imports, service, own() + own(OTHER, B, last_used_day="2026-02-01", created_day="2025-12-24"))
    assert (done.state, done.counts.lines, done.counts.made) == (State.DONE, 2, 2)
    assert await froms(world, service, PERSON, OTHER) == [A, B]
    assert await world.kinds(service, PERSON) == ["imported:import"]
    (event,) = await world.sticky.events(service, OTHER)
    assert (event.sender_before, event.sender_after, event.actor) == (None, B, f"import:{done.sid}")
    view = await world.sticky.lookup(service, OTHER, world.clock.now())
    assert view is not None
    assert (str(view.created_day), str(view.last_used_day), view.established) == ("2025-12-24", "2026-02-01", True)
    assert (await world.send(service, OTHER)).sender == B


@pytest.mark.parametrize(
    ("mode", "day", "sender", "count"),
    [
        ("skip", "2026-03-02", A, "kept"),
        ("newer", "2026-02-01", A, "kept"),
        ("newer", "2026-03-02", B, "replaced"),
        ("overwrite", "2026-02-01", B, "replaced"),
    ],
)
async def test_the_mode_says_what_becomes_of_who_has_a_number(
    world: World, imports: StickyImports, mode: str, day: str, sender: str, count: str
) -> None:
    service = await world.service(*POOL)
    await bring(imports, service, own(last_used_day="2026-02-15"))
    done = await bring(imports, service, own(sender=B, last_used_day=day), mode=mode)
    assert getattr(done.counts, count) == 1
    assert await world.mapping(service, PERSON) == sender
    assert len(await world.kinds(service, PERSON)) == (1 if sender == A else 2)


async def test_a_dead_mapping_gives_way_in_every_mode(world: World, imports: StickyImports) -> None:
    service = await world.service(A, B)
    await bring(imports, service, own() + own(OTHER, A))
    await world.remove(service, A)
    done = await bring(imports, service, own(sender=B, last_used_day="2026-01-01"))
    assert done.counts.replaced == 1
    assert await world.mapping(service, PERSON) == B
    (_, event) = await world.sticky.events(service, PERSON)
    assert (event.sender_before, event.sender_after) == (A, B)
    world.clock.advance(timedelta(days=330))
    again = await bring(imports, service, own(sender=B))
    assert (again.counts.replaced, await world.mapping(service, PERSON)) == (1, B)  # it had aged out


async def test_the_same_number_is_no_change_and_days_only_grow(world: World, imports: StickyImports) -> None:
    service = await world.service(*POOL)
    await bring(imports, service, own(last_used_day="2026-02-15", created_day="2026-02-01"))
    same = await bring(imports, service, own(last_used_day="2026-02-15", created_day="2026-02-01"), mode="overwrite")
    later = await bring(imports, service, own(last_used_day="2026-02-20", created_day="2026-02-10"), mode="newer")
    earlier = await bring(imports, service, own(last_used_day="2026-01-20", pinned=True), mode="overwrite")
    assert (same.counts.unchanged, later.counts.refreshed, earlier.counts.refreshed) == (1, 1, 1)
    view = await world.sticky.lookup(service, PERSON, world.clock.now())
    assert view is not None
    assert (str(view.created_day), str(view.last_used_day)) == ("2026-01-20", "2026-02-20")
    assert await world.kinds(service, PERSON) == ["imported:import"]
    assert '"pinned":true' in await exported(world.database, service, world.clock.now())


async def test_a_pin_gives_way_to_overwriting_only(world: World, imports: StickyImports) -> None:
    service = await world.service(*POOL)
    await bring(imports, service, own(last_used_day="2024-01-01", pinned=True) + own(OTHER, strict=True))
    newer = await bring(imports, service, own(sender=B) + own(OTHER, B), mode="newer")
    assert newer.counts.kept == 2
    await world.remove(service, A)
    dead = await bring(imports, service, own(sender=B) + own(OTHER, B))
    assert (dead.counts.replaced, dead.counts.kept) == (1, 1)  # a strict pin waits for its number
    over = await bring(imports, service, own(OTHER, B), mode="overwrite")
    assert over.counts.replaced == 1


async def test_of_a_person_s_lines_the_newest_counts(world: World, imports: StickyImports) -> None:
    service = await world.service(*POOL)
    log = "From,To,Body,Status,SentDate,Direction\n" + "".join(
        f"{sender},{to},Hi,{status},{when},{direction}\n"
        for sender, to, status, when, direction in [
            (A, PERSON, "delivered", "2026-02-20T10:00:00Z", "outbound-api"),
            (B, PERSON, "delivered", "2026-02-20T10:00:01Z", "outbound-reply"),
            (C, PERSON, "delivered", "2026-02-20T09:00:00Z", "outbound-api"),
            (C, PERSON, "failed", "2026-02-21T10:00:00Z", "outbound-api"),
            (PERSON, C, "received", "2026-02-22T10:00:00Z", "inbound"),
            (C, OTHER, "sent", "2025-02-20T10:00:00Z", "outbound-api"),
            ("+19995550100", OTHER, "sent", "2026-02-20T10:00:00Z", "outbound-api"),
        ]
    )
    done = await bring(imports, service, log)
    assert (done.counts.made, done.counts.superseded, done.counts.reported) == (1, 2, 1)
    assert done.counts.passed == Counter(never_left=1, inbound=1, too_old=1)
    assert await froms(world, service, PERSON, OTHER) == [B, None]
    assert [(p.line, p.why) for p in await problems(world.database, done)] == [(8, "unknown_sender")]


async def test_of_a_log_one_service_can_be_asked_for(world: World, imports: StickyImports) -> None:
    service = await world.service(*POOL)
    log = [
        {"to": to, "from": A, "date_sent": "2026-02-20", "direction": "outbound-api", "status": "sent",
         "messaging_service_sid": sid} for to, sid in [(PERSON, "MG1"), (OTHER, "MG2")]
    ]  # fmt: skip
    done = await bring(imports, service, json.dumps({"messages": log}), log_service="MG2")
    assert done.counts.passed == Counter(other_service=1)
    assert await froms(world, service, PERSON, OTHER) == [None, A]


async def test_who_opted_out_is_mapped_all_the_same(world: World, imports: StickyImports) -> None:
    from limpet.store.opt_outs import Origin

    service = await world.service(*POOL)
    await world.opt_outs.add(service, [PERSON], Origin.API, world.clock.now())
    await bring(imports, service, own())
    assert await world.mapping(service, PERSON) == A
    assert (await world.send(service, PERSON)).error_code == 21610


async def test_a_dry_run_counts_and_changes_nothing(world: World, imports: StickyImports) -> None:
    service = await world.service(*POOL)
    done = await bring(imports, service, own() + own(OTHER, "+19995550100"), dry_run=True)
    assert (done.state, done.counts.staged, done.counts.reported) == (State.DONE, 1, 1)
    assert await froms(world, service, PERSON) == [None]
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_staged") == 0


async def test_a_file_that_is_none_changes_nothing_and_is_over(world: World, imports: StickyImports) -> None:
    service, sid = await world.service(*POOL), new_sid()
    with pytest.raises(UnknownFormat):
        await bring(imports, service, "hello\n", sid)
    failed = await sticky_bulk.by_sid(world.database, service, sid)
    assert failed is not None
    assert failed.state is State.FAILED
    with pytest.raises(NotNow, match="failed"):
        await imports.begin(service, sid, Wish(), "test")


async def test_a_file_of_nothing_but_mistakes_is_given_up(
    world: World, imports: StickyImports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sticky_import, "PROBLEMS_MAX", 5)
    monkeypatch.setattr(sticky_import, "BLOCK_BYTES", 64)
    service = await world.service(*POOL)
    done = await bring(imports, service, own() + "x\n" * 200)
    assert (done.state, await world.mapping(service, PERSON)) == (State.FAILED, None)


class Broke(Exception):
    """The connection that brought the file is gone."""


async def _until(data: bytes, at: int) -> AsyncIterator[bytes]:
    yield data[:at]
    raise Broke


async def broken_at(imports: StickyImports, service: Service, data: bytes, at: int, sid: str) -> Import:
    """An import of which only so much came."""
    one = await imports.begin(service, sid, Wish(), "test")
    with pytest.raises(Broke):
        await imports.run(one, service, _until(data, at))
    return one


def many(count: int = 300) -> bytes:
    lines = [own(to, POOL[n % 5]) for n, to in enumerate(people(count))]
    lines[50:50] = ["broken\n"]
    lines[200:200] = [own("nobody")]
    return "".join(lines).encode()


@pytest.mark.parametrize("at", [0, 999, 5000, 17_000])
async def test_an_import_that_broke_is_carried_on_with(
    world: World, imports: StickyImports, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(sticky_import, "BLOCK_BYTES", 1000)
    service, sid, data = await world.service(*POOL), new_sid(), many()
    await broken_at(imports, service, data, at, sid)
    assert await froms(world, service, *people(3)) == [None] * 3, "nothing is half imported"
    if at > 1000:  # otherwise nothing of it is known that could differ
        with pytest.raises(NotTheSame):
            await bring(imports, service, data.replace(b"+1415556", b"+1415557"), sid)
    done = await bring(imports, service, data, sid)
    assert (done.state, done.counts.lines, done.counts.made, done.counts.reported) == (State.DONE, 302, 300, 2)
    assert [(p.line, p.why) for p in await problems(world.database, done)] == [(51, "unreadable"), (201, "no_person")]
    assert await froms(world, service, *people(300)) == [POOL[n % 5] for n in range(300)]


async def test_what_a_crash_of_the_database_takes_is_read_again(
    world: World, imports: StickyImports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sticky_import, "BLOCK_BYTES", 1000)
    service, sid, data = await world.service(*POOL), new_sid(), many()
    await broken_at(imports, service, data, 12_000, sid)
    await world.database.pool.execute("TRUNCATE sticky_staged")  # unlogged: so it is found after a crash
    done = await bring(imports, service, data, sid)
    assert (done.counts.lines, done.counts.made, done.counts.reported) == (302, 300, 2)


async def test_a_crash_in_the_middle_of_the_merge_loses_and_doubles_nothing(
    world: World, imports: StickyImports, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, sid, data = await world.service(*POOL), new_sid(), many()

    def stop(one: Import) -> None:
        if one.merged_buckets >= 512:
            raise Broke

    one = await imports.begin(service, sid, Wish(), "test")
    with pytest.raises(Broke):
        await imports.run(one, service, pieces(data), stop)
    half = sum(each is not None for each in await froms(world, service, *people(300)))
    assert 50 < half < 250
    await world.database.pool.execute("TRUNCATE sticky_staged")
    done = await bring(imports, service, data, sid)
    assert (done.state, done.counts.made, done.counts.lines) == (State.DONE, 300, 302)
    assert accounted(done.counts) == done.counts.lines
    assert {len(await world.kinds(service, one)) for one in people(300)} == {1}


async def test_two_that_carry_on_with_the_same_import_do_not_mix(world: World, imports: StickyImports) -> None:
    service, sid = await world.service(*POOL), new_sid()
    one = await imports.begin(service, sid, Wish(), "test")
    await imports.run(one, service, pieces(many()))
    with pytest.raises(OtherHand):
        await sticky_bulk.note(world.database, one, replace(one, blocks=1), world.clock.now())
    with pytest.raises(NotNow, match="done"):
        await imports.begin(service, sid, Wish(), "test")


async def test_an_import_is_taken_back_but_for_what_changed_since(world: World, imports: StickyImports) -> None:
    service = await world.service(*POOL)
    who = people(6)
    await bring(imports, service, own(who[0], C, last_used_day="2026-01-05") + own(who[1], C, pinned=True))
    done = await bring(imports, service, "".join(own(one, A) for one in who), mode="overwrite")
    assert (done.counts.made, done.counts.replaced) == (4, 2)
    await world.sticky.reset(service, who[5], "test", world.clock.now())
    assert (await world.send(service, who[5])).sender is not None
    await bring(imports, service, own(who[4], B), mode="overwrite")
    undone = await imports.undo(done)
    assert (undone.state, undone.counts.undone) == (State.UNDONE, 4 if await world.mapping(service, who[5]) != A else 5)
    assert await froms(world, service, *who[:5]) == [C, C, None, None, B]
    assert await world.kinds(service, who[0]) == ["imported:import", "imported:import", "replaced:import_undone"]
    assert await world.kinds(service, who[2]) == ["imported:import", "reset:import_undone"]
    said = await exported(world.database, service, world.clock.now())
    assert f'"to":"{who[0]}","from":"{C}","last_used_day":"2026-01-05"' in said
    assert f'"to":"{who[1]}","from":"{C}"' in said
    assert '"pinned":true' in said
    with pytest.raises(NotNow, match="undone"):
        await imports.undo(undone)


async def test_half_an_import_is_taken_back_too(world: World, imports: StickyImports) -> None:
    service, sid = await world.service(*POOL), new_sid()

    def stop(one: Import) -> None:
        if one.merged_buckets >= 512:
            raise Broke

    one = await imports.begin(service, sid, Wish(), "test")
    with pytest.raises(Broke):
        await imports.run(one, service, pieces(many()), stop)
    half = await sticky_bulk.by_sid(world.database, service, sid)
    assert half is not None
    await imports.undo(half)
    assert set(await froms(world, service, *people(300))) == {None}
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_staged") == 0


async def test_a_person_whose_number_is_not_kept_has_one_mapping(world: World, imports: StickyImports) -> None:
    service = await world.service(*POOL)
    await world.set(service, "hides_since", world.clock.now() - timedelta(days=1))
    service = await world.reread(service)
    hidden = (await world.send(service, PERSON, marks=2)).sender
    other = next(number for number in POOL if number != hidden)
    done = await bring(imports, service, own(sender=other) + own(OTHER, other))
    assert (done.counts.kept, done.counts.made) == (1, 1)
    over = await bring(imports, service, own(sender=other), mode="overwrite")
    assert over.counts.replaced == 1
    assert (await world.send(service, PERSON)).sender == other
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_mapping") == 2
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_mapping WHERE member_id = 0") == 0


async def test_whoever_writes_while_an_import_merges_gets_one_number(world: World, imports: StickyImports) -> None:
    """First messages and the merge meet at the primary key: what a person hears from first is what they keep hearing from."""
    service, who = await world.service(*POOL), people(40)
    data = "".join(own(one, A) for one in who)
    sent, _ = await asyncio.gather(
        asyncio.gather(*(world.send(service, one) for one in who)), bring(imports, service, data)
    )
    assert [message.sender for message in sent] == await froms(world, service, *who)
    for one in who:
        assert len(await world.kinds(service, one)) == 1


def junk(chance: random.Random, to: str) -> str:
    """A line that cannot be taken."""
    cut = own(to)[: chance.randrange(5, 30)] + "\n"
    return chance.choice(
        [own("nobody"), own(to, "+19995550100"), own(to, last_used_day="x"), "{\n", '"\n', "\x00\xff\n", cut, "[]x\n"]
    )


async def test_damage_loses_nothing(world: World, imports: StickyImports) -> None:
    """Whatever is in a file, each line is taken or told, the sums are right, and every good line has its effect."""
    service, chance = await world.service(*POOL), random.Random(11)
    for _ in range(12):
        lines, bad, good = list[str](), set[int](), dict[str, str]()
        for to in chance.sample(people(2000), 60):
            if lines and chance.random() < 0.3:
                lines.append(junk(chance, to))
                bad.add(len(lines))
            else:
                good[to] = chance.choice(POOL)
                lines.append(own(to, good[to]))
        done = await bring(imports, service, "".join(lines), mode="overwrite")
        assert accounted(done.counts) == done.counts.lines == 60
        assert {problem.line for problem in await problems(world.database, done)} == bad
        assert await froms(world, service, *good) == list(good.values())


async def _fill(world: World, imports: StickyImports) -> Service:
    service = await world.service(*POOL)
    data = "".join(
        own(to, POOL[n % 5], last_used_day=f"2026-02-{1 + n % 28:02}", created_day="2025-10-01", pinned=n % 7 == 0,
            strict=n % 14 == 0, established=n % 3 != 0)
        for n, to in enumerate(people(200))
    )  # fmt: skip
    await bring(
        imports, service, data + own("+442079460123", A) + own(OTHER, B, last_used_day="2024-01-01", pinned=True)
    )
    await world.send(service, PERSON)
    return service


@pytest.mark.parametrize("as_csv", [False, True])
async def test_what_is_exported_and_imported_elsewhere_is_exported_the_same(
    world: World, imports: StickyImports, database_server: Server, as_csv: bool
) -> None:
    service, now = await _fill(world, imports), world.clock.now()
    first = await exported(world.database, service, now, as_csv=as_csv)
    assert len(first.splitlines()) == 203 + as_csv
    for key in (b"b" * 32, b"c" * 32):
        async with copied(database_server, database_server.plain) as url:
            empty = await Database.connect(url)
            elsewhere = await make_service(empty, await make_account(empty, now), now)
            async with open_world(empty, world.clock) as other:
                for number in POOL:
                    await other.add(elsewhere, number)
                done = await bring(importer(empty, world.clock, key), elsewhere, first)
                assert (done.counts.made, done.counts.reported) == (203, 0)
                again = await exported(empty, elsewhere, now, as_csv=as_csv)
            await empty.close()
        assert sorted(again.splitlines()) == sorted(first.splitlines())
        assert again == first or key != b"b" * 32, "where people are placed alike, octet for octet"


async def test_what_does_not_count_is_not_exported(world: World, imports: StickyImports) -> None:
    service = await world.service(A, B)
    await bring(imports, service, own() + own(OTHER, B))
    await world.remove(service, A)
    assert OTHER in (said := await exported(world.database, service, world.clock.now()))
    assert PERSON not in said
    world.clock.advance(timedelta(days=366))
    assert await exported(world.database, service, world.clock.now()) == ""


async def test_what_nobody_carries_on_with_is_forgotten(world: World, imports: StickyImports) -> None:
    service, sid = await world.service(*POOL), new_sid()
    await broken_at(imports, service, many() * 100, 1_500_000, sid)
    done = await bring(imports, service, own())
    world.clock.advance(timedelta(days=31))
    await world.flow.sweeps.housekeep()
    assert await world.database.pool.fetchval("SELECT count(*) FROM sticky_staged") == 0
    found = [await sticky_bulk.by_sid(world.database, service, each) for each in (sid, done.sid)]
    states = [one.state for one in found if one is not None]
    assert states == [State.FAILED, State.SETTLED]
