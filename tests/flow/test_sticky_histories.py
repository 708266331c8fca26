"""Long random histories: every change of who a person hears from has exactly one event, which names its cause (rule S-17).

After each step the events since are replayed, and what they say must be what is stored, person by person. A step that changes
something without an event, or with two, is seen at once; mutants show that it is.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from limpet.core import rebalance
from limpet.core.model import MemberState, Message, Service
from limpet.core.rebalance import Rebalance
from limpet.core.sticky import Pin
from limpet.flow import assign
from limpet.flow import rebalance as flow_rebalance
from limpet.flow.rebalance import NotNow
from limpet.store import rebalances, sticky, sticky_by_hand
from limpet.store import services as services_store
from limpet.store.database import Database
from limpet.store.rebalances import OtherOpen
from limpet.store.services import Services
from limpet.store.sticky import MappingKey, StickyStore
from limpet.store.sticky_by_hand import Wish
from tests.support.clock import HandClock
from tests.support.world import POOL, World, bucket, open_world

PEOPLE = tuple(f"+1415555020{n}" for n in range(6))
STEPS, MUTANT_STEPS = 400, 1500
NUMBERS = POOL[:4]
CHANGES_NOTHING = {"bypassed", "pinned"}
SEEDS_MIN, SEEDS_MAX = 2, 7
SEEN = {
    "created:first_message", "created:by_hand", "created:pinned", "replaced:number_removed", "replaced:expired",
    "replaced:reset", "bypassed:explicit_from", "reset:reset", "unsent:no_message_left", "expired:expired",
    "pinned:pinned", "pinned:unpinned", "pinned:pinned_strictly", "moved:by_hand", "moved:pinned",
    "removed:number_removed", "removed:service_deleted", "moved:rebalance", "moved:rebalance_undone",
    "replaced:number_drained", "replaced:number_disabled",
}  # fmt: skip
"""What happens in histories that are long enough."""
Step = Callable[[], Awaitable[None]]


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock) as opened:
        yield opened


@dataclass(frozen=True)
class Row:
    """A mapping as it is stored: its number, and whether that membership goes on. Age does not count: time writes nothing."""

    number: str
    lives: bool


@dataclass
class History:
    """One service, what has been done to it, and whom its events say that each person hears from."""

    world: World
    service: Service
    chance: random.Random
    told: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(PEOPLE))
    rows: dict[str, Row] = field(default_factory=dict)
    seen: int = 0
    kinds: set[str] = field(default_factory=set)
    spreads: list[Rebalance] = field(default_factory=list)
    purges: int = 5
    removals: int = 1
    """How often dead mappings are purged and numbers leave, beside everything else that is done."""

    @property
    def services(self) -> Services:
        return Services(self.world.database)

    async def play(self, steps: int) -> None:
        acts: list[tuple[Step, int]] = [
            (self.send, 12), (self.send_from, 3), (self.reset, 2), (self.put, 6), (self.toggle, 1), (self.days, 3),
            (self.remove, self.removals), (self.add, 2 * self.removals), (self.purge, self.purges), (self.reset_number, 1),
            (self.reset_service, 1), (self.pause, 1), (self.state, 2), (self.spread, 3), (self.spread_back, 2),
        ]  # fmt: skip
        for _ in range(steps):
            (act,) = self.chance.choices([a for a, _ in acts], [weight for _, weight in acts])
            self.world.clock.advance(timedelta(seconds=1))
            await self.turn()
            await act()
            await self.check(act.__name__)

    async def turn(self) -> None:
        """Before each step: which service it is about."""

    async def pool(self) -> list[str]:
        return [member.sender.address for member in await self.services.pool(self.service.id)]

    async def send(self, sender: str | None = None) -> None:
        """A message, and what the carrier says of all that it has been given."""
        person = self.chance.choice(PEOPLE)
        answer = await self.world.accept.submit(self.world.new(self.service, person, sender=sender))
        await self.check("bind")
        sent = await self.world.read(answer) if isinstance(answer, Message) else None
        if sent is not None and sent.sticky in ("created", "used", "replaced"):
            assert self.told[person] == sent.sender, "a message comes from another number than the events say"
        for submission in list(self.world.lane.open.values()):
            (self.world.lane.refuse if self.chance.random() < 0.3 else self.world.lane.take)(submission)
            await self.world.settle()
            await self.check("answer")

    async def send_from(self) -> None:
        if pool := await self.pool():
            await self.send(self.chance.choice(pool))

    async def reset(self) -> None:
        person = self.chance.choice(PEOPLE)
        await self.world.sticky.reset(self.service, person, "test", self.world.clock.now(), "asked for")

    async def put(self) -> None:
        """Make, move or pin a mapping."""
        members = await self.services.pool(self.service.id)
        member = self.chance.choice([None, *(m.id for m in members)])
        pin = self.chance.choice([None, *Pin]) if member is not None else self.chance.choice(list(Pin))
        key = self.world.sticky.key(self.service, self.chance.choice(PEOPLE))
        wish = Wish(member, pin, "test", "wished for")
        await sticky_by_hand.put(self.world.sticky, self.service, key, wish, self.world.clock.now())

    async def remove(self) -> None:
        if members := await self.services.pool(self.service.id):
            sid = self.chance.choice(members).sender.sid
            await self.services.remove_member(self.service.id, sid, self.world.clock.now(), "test")

    @property
    def numbers(self) -> tuple[str, ...]:
        return NUMBERS

    async def add(self) -> None:
        if away := sorted(set(self.numbers) - set(await self.pool())):
            await self.world.add(self.service, self.chance.choice(away))

    async def toggle(self) -> None:
        now = await self.world.reread(self.service)
        await self.world.set(self.service, "sticky_sender", not now.sticky_sender)

    async def pause(self) -> None:
        """A moment in which nothing is sent: a message is refused, and nobody's number changes."""
        await self.world.set(self.service, "paused", True)
        await self.send()
        await self.world.set(self.service, "paused", False)

    async def state(self) -> None:
        """A number drains, is disabled, for good or for now, or is as before."""
        if members := await self.services.pool(self.service.id):
            wanted = self.chance.choice(list(MemberState))
            changes = {
                "state": wanted,
                "drain_days": self.chance.choice((0, 3)),
                "replaces": self.chance.random() < 0.5,
            }
            sid = self.chance.choice(members).sender.sid
            await self.services.update_member(self.service.id, sid, changes, self.world.clock.now())

    async def spread(self) -> None:
        """A rebalance, to its end; one that waits while Sticky Sender is off comes first."""
        wish, moving = rebalance.Wish(self.chance.choice((0, 1, 30)), per_second=2000), self.world.rebalances
        await moving.turn()
        with suppress(NotNow, OtherOpen):
            self.spreads.append(await moving.plan(self.service, wish, "test"))
            await moving.change(self.spreads[-1], "running")
            await moving.turn()

    async def spread_back(self) -> None:
        """The last rebalance of the service is taken back."""
        mine = [one.sid for one in self.spreads if one.service_id == self.service.id]
        one = await rebalances.by_sid(self.world.database, self.service, mine[-1]) if mine else None
        if one is not None:
            with suppress(NotNow, OtherOpen):
                await self.world.rebalances.change(one, "undone")
                await self.world.rebalances.turn()

    async def days(self) -> None:
        self.world.clock.advance(timedelta(days=self.chance.choice((1, 2, 4, 4, 30, 365, 366))))
        await self.world.database.ensure_partitions(self.world.clock.now())

    async def purge(self) -> None:
        for at in sorted({bucket(person) for person in PEOPLE}):
            await self.world.sticky.purge_bucket_step(at, (0, ""), self.world.clock.now())

    async def reset_number(self) -> None:
        number, now = self.chance.choice(self.numbers), self.world.clock.now()
        await sticky_by_hand.reset_number(self.world.sticky, self.service, number, "test", None, now)

    async def reset_service(self) -> None:
        if self.chance.random() < 0.5:
            await sticky_by_hand.reset_service(self.world.sticky, self.service, "test", None, self.world.clock.now())

    async def stored(self) -> dict[str, Row]:
        rows = await self.world.database.pool.fetch(
            "SELECT m.recipient, n.address, p.removed_at IS NULL AS lives FROM sticky_mapping m "
            "JOIN pool_member p ON p.id = m.member_id JOIN sender n ON n.id = p.sender_id WHERE m.service_id = $1",
            self.service.scope.id,
        )
        return {row["recipient"]: Row(row["address"], row["lives"]) for row in rows}

    async def check(self, what: str) -> None:
        """Replay what has been told since; it must lead from what was stored to what is."""
        events = await self.world.database.pool.fetch(
            "SELECT * FROM sticky_event WHERE id > $1 AND service_id = $2 ORDER BY id", self.seen, self.service.scope.id
        )
        before, self.rows = self.rows, await self.stored()
        changes = dict.fromkeys(PEOPLE, 0)
        for event in events:
            self.seen = event["id"]
            self.kinds.add(f"{event['kind']}:{event['cause']}")
            self.replay(event, before, changes)
        for person in PEOPLE:
            row, was = self.rows.get(person), before.get(person)
            hears = row.number if row and row.lives else None
            heard = was.number if was and was.lives else None
            assert self.told[person] == hears, (what, person, self.told[person], hears, list(map(dict, events)))
            assert changes[person] == int(hears != heard), (what, person, heard, hears, list(map(dict, events)))

    def replay(self, event: Any, before: dict[str, Row], changes: dict[str, int]) -> None:
        assert event["cause"], "an event names its cause"
        assert event["actor"], "and who did it"
        if not event["recipient"]:
            for person in PEOPLE:
                if self.told[person] is not None and event["sender_before"] in (None, self.told[person]):
                    self.told[person] = None
                    changes[person] += 1
            return
        person, was = event["recipient"], before.get(event["recipient"])
        assert event["sender_before"] == (was.number if was else None), dict(event)
        assert event["cause"] != "number_removed" or (was is not None and not was.lives), dict(event)
        if event["kind"] in CHANGES_NOTHING:
            return
        if event["sender_after"] != (was.number if was and was.lives else None):
            changes[person] += 1
        self.told[person] = event["sender_after"]


async def history(world: World, seed: int, steps: int) -> History:
    service = await world.service(*NUMBERS)
    played = History(world, service, random.Random(seed))
    await played.play(steps)
    world.clock.advance(timedelta(seconds=1))
    await played.services.delete(world.account.id, service.sid, world.clock.now(), "test")
    await played.check("delete")
    return played


@pytest.mark.timeout(300)
async def test_S_17_every_change_in_a_long_history_has_one_event_that_names_its_cause(world: World) -> None:
    kinds: set[str] = set()
    for seed in range(SEEDS_MAX):
        kinds |= (await history(world, seed, STEPS)).kinds
        if seed >= SEEDS_MIN and kinds >= SEEN:
            break
    assert kinds >= SEEN


async def _nothing(*_: object, **__: object) -> None:
    """In the place of what writes an event."""


async def _twice(connection: Any, events: Any) -> None:
    events = list(events)
    await _insert(connection, events)
    await _insert(connection, [e.__class__(e.key, e.id + 1, *(getattr(e, n) for n in e.__slots__[2:])) for e in events])


async def _quiet_reset(self: StickyStore, service: Service, at: MappingKey, *_: object) -> None:
    await self.database.pool.execute("DELETE FROM sticky_mapping WHERE recipient = $1", at.recipient)


async def _quiet_move(*arguments: Any) -> set[str]:
    await _move(*arguments)
    return set()


_insert, _move = sticky.insert_events, rebalances.move
MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a removal that is not told": lambda p: p.setattr(services_store, "tell_of_all", _nothing),
    "a reset of all that is not told": lambda p: p.setattr(sticky_by_hand.sticky, "tell_of_all", _nothing),
    "an expiry that is not told": lambda p: p.setattr(StickyStore, "_tell_expired", _nothing),
    "a change by hand that is not told": lambda p: p.setattr(sticky_by_hand.sticky, "insert_events", _nothing),
    "a message's change told twice": lambda p: p.setattr(assign.sticky, "insert_events", _twice),
    "a reset that is not told": lambda p: p.setattr(StickyStore, "reset_at", _quiet_reset),
    "a rebalance that is not told": lambda p: p.setattr(flow_rebalance.rebalances, "move", _quiet_move),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", MUTANTS)
async def test_the_check_sees_a_change_without_its_event(
    world: World, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    MUTANTS[mutant](monkeypatch)
    with pytest.raises(AssertionError):
        await history(world, 11, MUTANT_STEPS)
