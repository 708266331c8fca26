"""Several services share their mappings: a person hears from one number, whichever of them writes (rules S-130 to S-137)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count

import pytest
import pytest_asyncio

from limpet.carrier.port import Inbound
from limpet.core.address import parse_recipient
from limpet.core.ids import day_number
from limpet.core.model import MemberState, Message, Service, StickyInbound
from limpet.core.optout import OPTED_OUT
from limpet.core.page import PageRequest
from limpet.core.pool import WhyNot
from limpet.core.retention import Mark
from limpet.core.sticky import Binding, Pin, Standing
from limpet.core.ttl import Ttl
from limpet.flow.explain import Explained, Supposed
from limpet.flow.obfuscated import SETTLE
from limpet.store import sticky_bulk, sticky_by_hand, sticky_lists
from limpet.store.database import Database
from limpet.store.services import Services, ServiceSettings
from limpet.store.sticky_by_hand import Wish
from limpet.store.sticky_lists import EventFilter, MappingFilter, Place
from limpet.store.sticky_spaces import SpaceRefusal, SpaceRefused, Spaces
from tests.support.clock import HandClock
from tests.support.imports import bring, exported, importer
from tests.support.spaces import make_space, move, spaced
from tests.support.world import POOL, World, open_world

ANNA, BEN, LONDON = "+14155550101", "+14155550102", "+447700900999"
PEOPLE = [f"+1415555{n:04}" for n in range(24)]
FIRST, SECOND = POOL[:2], POOL[2:4]
tokens = count(1)


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def pair(world: World) -> tuple[Service, Service]:
    one, other = await spaced(world, await world.service(*FIRST), await world.service(*SECOND))
    return one, other


async def write(world: World, person: str, number: str, body: str) -> None:
    """The person writes to a number, and that is taken."""
    token = next(tokens)
    world.lane.tell(Inbound(token, person, number, body))
    await world.until(lambda: token in world.lane.acknowledged)
    await world.settle()


async def sender(world: World, service: Service, to: str, **more: object) -> str | None:
    return (await world.send(service, to, **more)).sender


async def test_S_130_a_person_hears_from_one_number_whichever_service_writes(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    first = {person: await sender(world, (one, other)[n % 2], person) for n, person in enumerate(PEOPLE)}
    assert set(first.values()) == set(FIRST + SECOND)
    for service in (other, one):
        assert {person: await sender(world, service, person) for person in PEOPLE} == first
    assert {await world.mapping(one, p) for p in PEOPLE} == {await world.mapping(other, p) for p in PEOPLE}
    for number, person in enumerate(PEOPLE):
        assert first[person] in (FIRST, SECOND)[number % 2], "new people come from the pool of who writes"
        assert await world.kinds(one, person) == await world.kinds(other, person) == ["created:first_message"]


async def test_S_2_S_130_first_messages_of_both_services_at_once_leave_one_mapping(
    world: World, pair: tuple[Service, Service]
) -> None:
    wanted = [world.new(service, person) for person in PEOPLE[:8] for service in pair * 4]
    answers = await asyncio.gather(*map(world.accept.submit, wanted))
    found: dict[str, set[str | None]] = {}
    for answer in answers:
        assert isinstance(answer, Message)
        found.setdefault(answer.recipient, set()).add((await world.read(answer)).sender)
    assert {len(senders) for senders in found.values()} == {1}, found
    assert {one.sender for one in await _all(world, pair[0])} == {only for (only,) in found.values()}
    events = await world.database.pool.fetch("SELECT service_id, recipient FROM sticky_event")
    assert sorted(e["recipient"] for e in events) == sorted(found)
    assert {e["service_id"] for e in events} == {pair[0].scope.id}


async def test_S_2_S_131_both_services_at_once_put_one_number_in_the_place_of_one_that_left(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    for person in PEOPLE:
        await world.send(one, person, sender=FIRST[0])
    await world.remove(one, FIRST[0])
    wanted = [world.new(service, person) for person in PEOPLE for service in (one, other) * 2]
    found: dict[str, set[str | None]] = {}
    for answer in await asyncio.gather(*map(world.accept.submit, wanted)):
        assert isinstance(answer, Message)
        found.setdefault(answer.recipient, set()).add((await world.read(answer)).sender)
    assert {len(senders) for senders in found.values()} == {1}, found
    for person in PEOPLE:
        assert await world.kinds(one, person) == ["created:first_message", "replaced:number_removed"]


async def _all(world: World, service: Service) -> tuple[sticky_lists.MappingView, ...]:
    page = await sticky_lists.page(world.sticky, service, MappingFilter(), 1000, Place(), world.clock.now())
    return page.items


async def test_S_131_who_is_mapped_elsewhere_is_chosen_anew_when_that_number_leaves(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    number = await sender(world, one, ANNA)
    await world.remove(one, str(number))
    again = await sender(world, other, ANNA)
    assert again in SECOND
    assert await sender(world, one, ANNA) == again
    assert await world.kinds(other, ANNA) == ["created:first_message", "replaced:number_removed"]


@pytest.mark.parametrize("state", [MemberState.DISABLED, MemberState.DRAIN])
async def test_S_131_what_an_operator_says_of_a_number_counts_for_all_services(
    world: World, pair: tuple[Service, Service], state: MemberState
) -> None:
    one, other = pair
    number = str(await sender(world, one, ANNA))
    services = Services(world.database)
    (member,) = [m for m in await services.pool(one.id) if m.sender.address == number]
    await services.update_member(one.id, member.sender.sid, {"state": state}, world.clock.now())
    passed = await sender(world, other, ANNA)
    assert (passed == number) is (state is MemberState.DRAIN)
    assert await world.mapping(other, ANNA) == number
    await services.update_member(one.id, member.sender.sid, {"state": MemberState.ACTIVE}, world.clock.now())
    assert await sender(world, other, ANNA) == number


async def test_S_12_S_131_a_number_of_the_persons_country_is_that_of_who_sends(world: World) -> None:
    british = await world.service()
    await world.add(british, "+447700900111", "GB")
    one, other = await spaced(world, await world.service(*FIRST), british)
    foreign = await sender(world, one, LONDON)
    assert foreign in FIRST
    assert await sender(world, other, LONDON) == "+447700900111"
    assert await sender(world, one, LONDON) == "+447700900111"


async def test_S_14_S_131_a_from_must_be_of_the_services_own_pool(world: World, pair: tuple[Service, Service]) -> None:
    one, other = pair
    refused = await world.accept.submit(world.new(other, ANNA, sender=FIRST[0]))
    assert getattr(refused, "code", None) == 21711
    assert await sender(world, one, ANNA, sender=FIRST[1]) == FIRST[1]
    assert await sender(world, other, ANNA) == FIRST[1]


async def test_S_133_mappings_of_before_are_kept_and_count_again_afterwards(world: World) -> None:
    one, other = await world.service(*FIRST), await world.service(*SECOND)
    alone = await sender(world, one, ANNA), await sender(world, other, ANNA)
    space = await make_space(world, one, other)
    shared = await sender(world, other, ANNA)
    assert await sender(world, one, ANNA) == shared
    left = await move(world, one, None)
    assert await sender(world, left, ANNA) == alone[0]
    (here,) = await _all(world, left)
    assert here.sender == alone[0]
    assert await sender(world, other, ANNA) == shared
    await move(world, one, space)
    assert await sender(world, one, ANNA) == shared


async def test_S_133_numbers_of_a_service_that_left_are_nobodys_in_the_space(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    number = await sender(world, one, ANNA)
    await move(world, one, None)
    view = await world.sticky.lookup(other, ANNA, world.clock.now())
    assert view is not None
    assert view.why_dead is Standing.REMOVED
    assert [e async for e in sticky_bulk.export(world.database, other, world.clock.now())] == []
    assert await world.sticky.purge(world.clock.now()) == 0, "it counts again if the service comes back"
    assert await sender(world, other, ANNA) in SECOND
    assert await sender(world, one, BEN) in FIRST
    assert number in FIRST


async def test_S_40_S_134_an_opt_out_is_of_one_service(world: World, pair: tuple[Service, Service]) -> None:
    one, other = pair
    number = str(await sender(world, one, ANNA))
    await write(world, ANNA, number, "STOP")
    assert (await world.send(one, ANNA)).error_code == OPTED_OUT
    assert await sender(world, other, ANNA) == number


async def test_S_135_one_page_of_mappings_and_events_whichever_service_is_asked(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    for service, person in ((one, ANNA), (other, BEN)):
        await world.send(service, person)
    assert [v.recipient for v in await _all(world, one)] == [v.recipient for v in await _all(world, other)]
    assert {v.recipient for v in await _all(world, one)} == {ANNA, BEN}
    for service in pair:
        page = await sticky_lists.events(world.sticky, service, EventFilter(), PageRequest(10))
        assert {e.event.key.recipient for e in page.items} == {ANNA, BEN}
    number = await world.mapping(one, ANNA)
    wanted = MappingFilter(sender=number)
    page = await sticky_lists.page(world.sticky, other, wanted, 10, Place(), world.clock.now())
    assert [v.recipient for v in page.items] == [ANNA]


async def test_S_80_S_135_by_hand_by_any_service_to_any_number_of_the_space(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    now = world.clock.now()
    (member,) = [m for m in await Services(world.database).pool(one.id) if m.sender.address == FIRST[0]]
    wish = Wish(member.id, Pin.STRICT, "test")
    await sticky_by_hand.put(world.sticky, other, world.sticky.key(other, ANNA), wish, now)
    assert await sender(world, one, ANNA) == await sender(world, other, ANNA) == FIRST[0]
    refused = await world.send(other, ANNA, sender=SECOND[0])
    assert (refused.error_code, dict(refused.rejections)) == (21703, {SECOND[0]: "pinned_to_another"})
    assert await world.sticky.reset(other, ANNA, "test", now) is not None
    assert await sender(world, one, ANNA) in FIRST
    assert await world.kinds(one, ANNA) == ["created:pinned_strictly", "reset:reset", "created:first_message"]


async def test_S_82_S_131_a_strict_pin_to_a_sister_that_cannot_says_why(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    services = Services(world.database)
    (member,) = [m for m in await services.pool(one.id) if m.sender.address == FIRST[0]]
    key, wish = world.sticky.key(other, ANNA), Wish(member.id, Pin.STRICT, "test")
    await sticky_by_hand.put(world.sticky, other, key, wish, world.clock.now())
    await services.update_member(one.id, member.sender.sid, {"state": MemberState.DISABLED}, world.clock.now())
    refused = await world.send(other, ANNA)
    assert refused.error_code == 21703
    assert refused.rejections == dict.fromkeys(SECOND, "pinned_to_another") | {FIRST[0]: "disabled"}


async def test_S_86_S_135_all_of_a_number_and_all_of_a_space_are_reset_at_once(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    numbers = {p: await sender(world, (one, other)[n % 2], p) for n, p in enumerate(PEOPLE)}
    now = world.clock.now()
    assert await sticky_by_hand.reset_number(world.sticky, other, FIRST[0], "test", None, now)
    gone = {p for p in PEOPLE if await world.mapping(one, p) is None}
    assert gone == {p for p, number in numbers.items() if number == FIRST[0]} != set()
    assert await sticky_by_hand.reset_service(world.sticky, one, "test", None, now)
    assert {await world.mapping(other, p) for p in PEOPLE} == {None}
    assert await sender(world, other, PEOPLE[0]) in SECOND
    assert (await world.kinds(other, PEOPLE[0]))[-1] == "replaced:reset"


async def test_S_90_explaining_a_choice_is_the_choice(world: World, pair: tuple[Service, Service]) -> None:
    one, other = pair
    number = await sender(world, one, ANNA)
    recipient = parse_recipient(ANNA)
    assert recipient is not None
    found = await world.accept.explain(Supposed(world.account, other.sid, recipient, world.clock.now()))
    assert isinstance(found, Explained)
    assert isinstance(found.answer, Binding)
    assert found.answer.candidate.sender.address == number
    assert found.standing is Standing.LIVE
    assert {p.candidate.sender.address: p.why for p in found.passed} == dict.fromkeys(SECOND, WhyNot.MAPPED_ELSEWHERE)


async def test_S_9_a_mapping_of_which_no_message_of_any_service_left_goes(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    first = await world.send(one, ANNA)
    second = await world.send(other, ANNA)
    assert second.sender == first.sender
    world.lane.refuse(await world.submission_of(first))
    await world.settle()
    assert await world.mapping(other, ANNA) == first.sender, "the other service's message is on its way"
    world.lane.refuse(await world.submission_of(second))
    await world.settle()
    assert await world.mapping(one, ANNA) is None
    event = await world.database.pool.fetchrow("SELECT * FROM sticky_event WHERE kind = 'unsent'")
    assert event is not None
    assert (event["service_id"], event["message_id"]) == (one.scope.id, second.id)


async def test_S_21_S_26_what_a_person_writes_counts_in_the_space(world: World, pair: tuple[Service, Service]) -> None:
    one, other = pair
    number = str(await sender(world, one, ANNA))
    await world.settle()
    world.clock.advance(timedelta(days=9))
    await write(world, ANNA, number, "Hello")
    used = "SELECT service_id, last_used_day FROM sticky_mapping"
    row = await world.database.pool.fetchrow(used)
    assert row is not None
    assert tuple(row) == (one.scope.id, day_number(world.clock.now()))
    await world.set(other, "sticky_inbound", StickyInbound.FOLLOW)
    await write(world, ANNA, SECOND[1], "Hello")
    assert await sender(world, one, ANNA) == SECOND[1]
    assert (await world.kinds(one, ANNA))[-1] == "replaced:inbound"


async def test_S_29_S_130_one_mapping_whether_or_not_a_service_keeps_the_number(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    hide = {"marks": Mark.OBFUSCATE}
    await world.accept.submit(world.new(one, BEN, **hide))
    world.clock.advance(SETTLE)
    first = await sender(world, one, ANNA, **hide)
    assert await sender(world, other, ANNA) == first, "it is looked for under the pseudonym by the other service"
    assert await sender(world, one, ANNA, **hide) == first
    rows = await world.database.pool.fetch("SELECT recipient FROM sticky_mapping WHERE recipient = $1", ANNA)
    assert len(rows) == 1
    at_once = [world.new(s, p, **(hide if n % 2 else {})) for p in PEOPLE[:6] for n, s in enumerate((one, other) * 2)]
    found: dict[str, set[str | None]] = {}
    for wanted, answer in zip(at_once, await asyncio.gather(*map(world.accept.submit, at_once)), strict=True):
        assert isinstance(answer, Message)
        found.setdefault(wanted.recipient.value, set()).add((await world.read(answer)).sender)
    assert {len(senders) for senders in found.values()} == {1}, found


async def test_S_23_S_136_mappings_of_a_space_age_by_its_own_days(world: World) -> None:
    short = await world.service(*FIRST, sticky_ttl_days=1)
    one, other = await spaced(world, short, await world.service(*SECOND), ttl=Ttl(8))
    number = await sender(world, one, ANNA)
    await world.database.pool.execute("UPDATE sticky_mapping SET flags = flags | 1")
    world.clock.advance(timedelta(days=8))
    assert await sender(world, other, BEN) in SECOND
    assert await world.mapping(one, ANNA) == number
    assert await world.sticky.purge(world.clock.now()) == 0
    world.clock.advance(timedelta(days=1))
    assert await world.mapping(one, ANNA) is None
    await world.set(one, "sticky_sender", False)
    await world.set(other, "sticky_sender", False)
    assert await world.sticky.purge(world.clock.now()) == 0, "nobody looks at them"
    await world.set(other, "sticky_sender", True)
    assert await world.sticky.purge(world.clock.now()) == 1
    assert (await world.kinds(other, ANNA))[-1] == "expired:expired"


async def test_S_110_who_is_erased_leaves_nothing_in_a_space(world: World, pair: tuple[Service, Service]) -> None:
    one, other = pair
    message = await world.send(one, ANNA)
    await world.send(other, BEN)
    world.lane.refuse(await world.submission_of(message))
    await world.settle()
    await sender(world, other, ANNA)
    await world.database.pool.execute("UPDATE message SET status = 'delivered'")
    kinds = {kind async for kind, _ in world.people.lines(world.account.id, ANNA)}
    assert {"mapping", "sticky_event"} <= {str(kind) for kind in kinds}
    await world.people.erase(world.account.id, ANNA, world.clock.now())
    for table in ("sticky_mapping", "sticky_event"):
        rows = await world.database.pool.fetch(f"SELECT recipient FROM {table}")
        assert {row["recipient"] for row in rows} == {BEN}, table


async def test_S_123_S_135_an_export_of_a_space_can_be_brought_to_it(
    world: World, pair: tuple[Service, Service]
) -> None:
    one, other = pair
    numbers = {p: await sender(world, (one, other)[n % 2], p) for n, p in enumerate(PEOPLE)}
    lines = await exported(world.database, one, world.clock.now())
    await world.database.pool.execute("DELETE FROM sticky_mapping")
    imports = importer(world.database, world.clock)
    done = await bring(imports, other, lines)
    assert (done.counts.made, done.counts.reported) == (len(PEOPLE), 0)
    assert {p: await world.mapping(one, p) for p in PEOPLE} == numbers
    await imports.undo(done)
    assert {await world.mapping(one, p) for p in PEOPLE} == {None}


async def test_S_137_every_service_of_an_account_is_in_the_space_of_all(world: World) -> None:
    one = await world.service(*FIRST)
    space = await make_space(world, of_all=True)
    made = await Services(world.database).create(world.account.id, ServiceSettings("later"), world.clock.now())
    assert (await world.reread(one)).scope.id == made.scope.id == space.id
    for refused, why in (
        (move(world, one, None), SpaceRefusal.OF_ALL),
        (make_space(world, of_all=True), SpaceRefusal.SECOND),
        (Spaces(world.database).delete(space, world.clock.now()), SpaceRefusal.NOT_EMPTY),
    ):
        with pytest.raises(SpaceRefused) as error:
            await refused
        assert error.value.why is why
    await Spaces(world.database).update(space, {"of_all": False}, world.clock.now())
    for service in (one, made):
        assert (await move(world, service, None)).space is None
    await Spaces(world.database).delete(space, world.clock.now())
    assert await Spaces(world.database).by_sid(world.account.id, space.sid) is None
