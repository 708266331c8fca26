"""A whole Limpet without its doors: the real flow over a real database, a lane played by hand, and a clock that is stepped."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from limpet.carrier.port import Listener, Submission
from limpet.core.address import parse_recipient
from limpet.core.ids import IdSource, bucket_of
from limpet.core.model import Account, AccountStatus, Message, Service
from limpet.core.status import Status
from limpet.flow.draft import NewMessage
from limpet.flow.whole import Flow, Pace, assemble
from limpet.store import pools
from limpet.store.callbacks import OwedCallback
from limpet.store.database import Database, Installation
from limpet.store.queries import query
from tests.support.clock import HandClock
from tests.support.lane import HandLane
from tests.support.wait import until

BUCKET_KEY = b"b" * 32
SID_KEY = b"s" * 32
PSEUDONYM_KEY = b"p" * 32
LEASE = timedelta(seconds=15)
PATIENCE_S = 90.0
POOL = tuple(f"+1212555010{n}" for n in range(5))


@dataclass
class World:
    """Everything that one server process has, for tests to push."""

    database: Database
    clock: HandClock
    lane: HandLane
    account: Account
    flow: Flow
    owed: list[OwedCallback]

    def __getattr__(self, name: str) -> Any:
        """The parts of the flow, by their names."""
        return getattr(self.flow, name)

    async def service(self, *numbers: str, **settings: object) -> Service:
        """A new service with these numbers in its pool."""
        made = await make_service(self.database, self.account, self.clock.now(), **settings)
        for number in numbers:
            await self.add(made, number)
        return await self.reread(made)

    async def add(self, service: Service, number: str, country: str = "US", carrier: str = "hand") -> int:
        return await add_number(self.database, service, number, self.clock.now(), country, carrier)

    async def remove(self, service: Service, number: str) -> None:
        await remove_number(self.database, service, number, self.clock.now())

    async def set(self, service: Service, column: str, value: object) -> None:
        await self.database.pool.execute(
            f"UPDATE service SET {column} = $2, generation = generation + 1 WHERE id = $1", service.id, value
        )

    async def cap(self, service: Service, number: str, daily_contacts: int | None) -> None:
        """Let a number of a pool have so many new people a day."""
        async with self.database.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "UPDATE pool_member SET daily_contacts = $3 WHERE service_id = $1 AND removed_at IS NULL "
                "AND sender_id IN (SELECT id FROM sender WHERE address = $2)",
                service.id,
                number,
                daily_contacts,
            )
            await connection.execute(query("pool_changed"), service.id)

    async def tally(self, kind: str) -> int:
        """All that is counted of a kind, whoever it is of."""
        found: int = await self.database.pool.fetchval(
            "SELECT coalesce(sum(value), 0) FROM tally WHERE kind = $1", kind
        )
        return found

    async def reread(self, service: Service) -> Service:
        async with self.database.pool.acquire() as connection:
            loaded = await pools.load(connection, service.id)
        assert loaded is not None
        return loaded.service

    async def send(self, service: Service | None, to: str, body: str = "Hello", **more: object) -> Message:
        """Submit one message and read it back as the store has it after its commit, and once it has left where nothing holds it
        back: a lane that is busy with its queue gets it a moment later."""
        answer = await self.accept.submit(self.new(service, to, body, **more))
        assert isinstance(answer, Message), answer
        found = await self.read(answer)
        if found.status is Status.QUEUED:
            await self.until(lambda: self._is_held_back(found))
            found = await self.read(answer)
        return found

    async def _is_held_back(self, message: Message) -> bool:
        """Whether a message waits for more than the next turn of its lane; so does one that has left."""
        lane = await self.database.pool.fetchval(
            "SELECT lane FROM message_due WHERE bucket = $1 AND id = $2 AND due_at <= $3",
            message.bucket,
            message.id,
            self.clock.now(),
        )
        running = self.dispatcher.fleet.running.get(lane)
        return running is None or running.room == 0

    def new(self, service: Service | None, to: str, body: str = "Hello", **more: object) -> NewMessage:
        recipient = parse_recipient(to)
        assert recipient is not None
        plain = NewMessage(
            self.account,
            service.sid if service else None,
            None,
            recipient,
            body,
            "http://127.0.0.1:9/cb",
            None,
            None,
            None,
        )
        return replace(plain, **more)  # type: ignore[arg-type]

    async def read(self, message: Message) -> Message:
        found = await self.messages.fetch(self.account.id, message.bucket, message.id)
        assert found is not None
        return found

    async def mapping(self, service: Service, to: str) -> str | None:
        """The number that a person's live mapping points at."""
        view = await self.sticky.lookup(service, to, self.clock.now())
        return view.sender if view is not None and view.live else None

    async def kinds(self, service: Service, to: str) -> list[str]:
        return [f"{e.kind}:{e.cause}" for e in await self.sticky.events(service, to)]

    async def submission_of(self, message: Message) -> Submission:
        """What left of a message last, once it has left: a lane that has a backlog is given it by its own loop."""
        mine = (message.bucket, message.id)
        await self.until(lambda: any(one.key == mine for one in self.lane.submitted))
        return next(one for one in reversed(self.lane.submitted) if one.key == mine)

    def statuses(self, message: Message) -> list[str]:
        """The statuses of the callbacks that a message has owed, in order."""
        mine = [owed for owed in self.owed if owed.message_id == message.id]
        return [owed.payload.split("MessageStatus=")[1].split("&")[0] for owed in mine]

    async def settle(self) -> None:
        """Wait until nothing is under way in this process."""
        for _ in range(3):
            await self.flow.idle()

    async def until(self, condition: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
        """Wait for a condition that loops of this process will bring about."""
        await until(condition)


async def make_account(database: Database, now: datetime, sid: str = "AC" + "0" * 32) -> Account:
    found = await database.pool.fetchval(
        "INSERT INTO account (sid, friendly_name, auth_token_sealed, created_at, updated_at) VALUES ($1, 'test', '', $2, $2) "
        "ON CONFLICT (sid) DO UPDATE SET friendly_name = 'test' RETURNING id",
        sid,
        now,
    )
    return Account(found, sid, "test", AccountStatus.ACTIVE, now, now)


async def make_service(database: Database, account: Account, now: datetime, **settings: object) -> Service:
    sid = f"MG{uuid4().hex}"
    names = {
        "sid": sid, "account_id": account.id, "friendly_name": "test", "inbound_method": "POST", "fallback_method": "POST",
        "sticky_sender": True, "mms_converter": True, "smart_encoding": True, "scan_message_content": "inherit",
        "fallback_to_long_code": True, "area_code_geomatch": False, "synchronous_validation": False, "validity_period": 36000,
        "usecase": "undeclared", "us_app_to_person_registered": False, "use_inbound_webhook_on_number": True,
        "created_at": now, "updated_at": now, **settings,
    }  # fmt: skip
    columns, places = ", ".join(names), ", ".join(f"${n}" for n in range(1, len(names) + 1))
    service_id = await database.pool.fetchval(
        f"INSERT INTO service ({columns}) VALUES ({places}) RETURNING id", *names.values()
    )
    async with database.pool.acquire() as connection:
        loaded = await pools.load(connection, service_id)
    assert loaded is not None
    return loaded.service


async def add_number(
    database: Database, service: Service, number: str, now: datetime, country: str = "US", carrier: str = "hand"
) -> int:
    """Put a number into a service's pool (making it if need be); its membership's id."""
    async with database.pool.acquire() as connection, connection.transaction():
        sender_id = await connection.fetchval(
            "INSERT INTO sender (sid, account_id, kind, address, country, capabilities, friendly_name, carrier, created_at, "
            "updated_at) VALUES ($1, $2, 'long_code', $3, $4, '{sms,voice}', $3, $5, $6, $6) "
            "ON CONFLICT (address) WHERE released_at IS NULL AND kind NOT IN ('alphanumeric', 'destination_alpha') "
            "DO UPDATE SET friendly_name = sender.friendly_name RETURNING id",
            f"PN{uuid4().hex}", service.account_id, number, country, carrier, now,
        )  # fmt: skip
        member: int = await connection.fetchval(
            "INSERT INTO pool_member (service_id, sender_id, added_at) VALUES ($1, $2, $3) RETURNING id",
            service.id,
            sender_id,
            now,
        )
        await connection.execute(query("pool_changed"), service.id)
    return member


async def remove_number(database: Database, service: Service, number: str, now: datetime) -> None:
    async with database.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "UPDATE pool_member SET removed_at = $3 WHERE service_id = $1 AND removed_at IS NULL "
            "AND sender_id IN (SELECT id FROM sender WHERE address = $2)",
            service.id,
            number,
            now,
        )
        await connection.execute(query("pool_changed"), service.id)


@asynccontextmanager
async def open_world(
    database: Database,
    clock: HandClock,
    lane: HandLane | None = None,
    owner: str = "test",
    *,
    take_over: bool = True,
    rated: bool = False,
    pending_max: int = 20_000,
    on_owed: Callable[[], None] = lambda: None,
    seed: int = 7,
    further: Sequence[HandLane] = (),
    **more: Any,
) -> AsyncIterator[World]:
    """A process over a database, its lane leased and its loop running; `further` lanes beside it, and `more` of its `Pace`.
    `on_owed` hears of each commit that owed something."""
    lane = lane or HandLane()
    chance, ids = random.Random(seed), IdSource()

    def new_id(now: datetime) -> int:
        return ids.next(now, chance.getrandbits(21))

    def lanes(listener: Listener) -> list[HandLane]:
        for each in (lane, *further):
            each.listener = listener
        return [lane, *further]

    posted: list[OwedCallback] = []

    def post(owed: Sequence[OwedCallback]) -> None:
        posted.extend(owed)
        on_owed()

    pace = Pace(LEASE, PATIENCE_S, 1_000_000, take_over, rated, pending_max, **more)
    keys = Installation(BUCKET_KEY, SID_KEY, PSEUDONYM_KEY)
    flow = assemble(database, keys, owner, clock, pace, lanes, post, new_id, chance.random)
    world = World(database, clock, lane, await make_account(database, clock.now()), flow, posted)
    dispatcher, all_running = flow.dispatcher, list(flow.dispatcher.fleet.running.values())
    loops = [asyncio.create_task(dispatcher.run_lane(running.lane.name, LEASE)) for running in all_running]
    try:
        for running in all_running:
            await world.until(lambda r=running: r.fence is not None and not (r.lane.bound and r.backlog))
        yield world
        await world.settle()
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


def bucket(to: str) -> int:
    """Where a person's rows are in these worlds."""
    return bucket_of(to, BUCKET_KEY)
