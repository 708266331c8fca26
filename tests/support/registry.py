"""A registry that a test plays by hand: it outlives the process that asks it, and it takes, loses and decides as it is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from limpet.core.model import PoolMember, Sender, SenderKind, Service
from limpet.core.registration import Stage, Told
from limpet.flow.register import LEASE, Registering
from limpet.registrar.port import Answer, Approved, Pending, Rejected, Request, Subject, Trouble, Unknown
from limpet.store import registration_jobs as jobs
from limpet.store.brands import Brands, NewBrand
from limpet.store.campaigns import Campaigns, NewCampaign
from limpet.store.database import Connection
from limpet.store.queries import query
from limpet.store.registration_jobs import Order
from limpet.store.registration_views import RegistrationViews
from limpet.store.registrations import RegistrationBook
from limpet.store.senders import NewSender, Senders
from limpet.store.services import Services, ServiceSettings
from tests.support.tenants import SMS
from tests.support.world import World

FIELDS: Mapping[str, object] = {"description": "Notices about parcels that are under way"}
PATIENCE = timedelta(days=14)


class Died(Exception):
    """The process ended at this point."""


@dataclass
class HandRegistry:
    """Implements `limpet.registrar.port.Registrar`. `fault` is what befalls the next submission: away, lost, dies, or dies
    before."""

    taken: dict[str, Request] = field(default_factory=dict)
    decided: dict[str, Answer] = field(default_factory=dict)
    posts: Counter[str] = field(default_factory=Counter)
    repeated: list[str] = field(default_factory=list)
    registered: set[tuple[str, str]] = field(default_factory=set)
    """Numbers with their campaigns, as carriers have them."""
    fault: str | None = None
    always: Answer | None = None
    """What everything is answered with at once."""

    async def submit(self, request: Request) -> Answer:
        fault, self.fault = self.fault, None
        if fault == "away":
            return Trouble("away")
        if fault == "dies before":
            raise Died
        self.posts[request.key] += 1
        if request.key in self.taken:
            self.repeated.append(request.key)
        self.taken.setdefault(request.key, request)
        if self.always is not None:
            self.decide(request.key, self.always)
        if fault == "dies":
            raise Died
        return Trouble("the answer was lost") if fault == "lost" else await self.status(request)

    async def status(self, request: Request) -> Answer:
        await asyncio.sleep(0)
        if request.key not in self.taken:
            return Unknown()
        return self.decided.get(request.key, Pending(f"R-{request.key[:6]}"))

    async def close(self) -> None:
        pass

    def decide(self, key: str, answer: Answer) -> None:
        """Decide for good; what is done is done at the carriers."""
        request = self.taken[key]
        if key in self.decided:
            return
        self.decided[key] = answer
        if isinstance(answer, Approved) and request.subject in (Subject.NUMBER, Subject.NUMBER_REMOVAL):
            place = (str(request.details["phone_number"]), str(request.details["campaign_sid"]))
            (self.registered.add if request.subject is Subject.NUMBER else self.registered.discard)(place)
            if request.subject is Subject.NUMBER_REMOVAL:
                self._call_off(place)

    def _call_off(self, place: tuple[str, str]) -> None:
        """A number that is taken out is not put in any more, as the seam demands."""
        for key in self.undecided():
            details = self.taken[key].details
            if self.taken[key].subject is Subject.NUMBER and place == (
                details["phone_number"],
                details["campaign_sid"],
            ):
                self.decided[key] = Rejected("taken out")

    def undecided(self) -> list[str]:
        return [key for key in self.taken if key not in self.decided]

    def approve(self, number: str) -> None:
        """Decide what is asked about one number."""
        for key in self.undecided():
            if self.taken[key].details.get("phone_number") == number:
                self.decide(key, Approved("ok"))

    def approve_all(self) -> None:
        for key in self.undecided():
            self.decide(key, Approved("ok", {"score": 80}))

    def reject_all(self, reason: str = "no", code: int | None = 30125) -> None:
        for key in self.undecided():
            self.decide(key, Rejected(reason, code))


@dataclass
class A2p:
    """A world with a registry, and what customers and operators do in it."""

    world: World
    registry: HandRegistry = field(default_factory=HandRegistry)
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.book = RegistrationBook(self._owe)
        database = self.world.database
        self.services, self.senders = Services(database, book=self.book), Senders(database, self.book)
        self.campaigns, self.brands = Campaigns(database, self.book), Brands(database)
        self.views = RegistrationViews(database)
        self.restart()

    async def _owe(self, _connection: Connection, account_id: int, events: Sequence[Told], _now: datetime) -> None:
        assert account_id == self.world.account.id
        self.told += events

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def restart(self) -> None:
        """Another process takes over: it remembers nothing."""
        self.registering = Registering(
            self.world.database, self.registry, self.book, self.world.clock, PATIENCE
        )  # fmt: skip

    async def turn(self, seconds: float = 1.0) -> None:
        """Let time pass and the loop go round; a process that dies in it is followed by another."""
        self.world.clock.advance(timedelta(seconds=seconds))
        try:
            await self.registering.sweep()
            await self.registering.turn()
        except Died:
            self.restart()

    async def settle(self) -> None:
        """Let everything that is decided be heard, however long its pauses are."""
        for _ in range(8):
            await self.turn(LEASE.total_seconds() + 900)

    async def service(self, *numbers: str, campaign: bool = True, **settings: object) -> Service:
        """A service with numbers, and unless it is not to have one with a campaign that is verified; its numbers wait."""
        asked = ServiceSettings("test", area_code_geomatch=False, use_inbound_webhook_on_number=True, **settings)  # type: ignore[arg-type]
        made = await self.services.create(self.world.account.id, asked, self.now)
        if campaign:
            await self.verified(made)
        for number in numbers:
            await self.add(made, number)
        return await self.world.reread(made)

    async def brand(self) -> str:
        new = NewBrand("BU" + "1" * 32, "BU" + "2" * 32, "STANDARD", mock=False, skip_vetting=False)
        made = await self.brands.create(self.world.account.id, new, self.now)
        await self.answered_at_once(Approved("ok", {"score": 80}))
        return made.sid

    async def campaign(self, service: Service) -> str:
        """A campaign, asked for and not decided."""
        new = NewCampaign(await self.brand(), "MIXED", FIELDS)
        made = await self.campaigns.create(service, new, self.now)
        assert not isinstance(made, str), made
        return made.sid

    async def verified(self, service: Service) -> str:
        sid = await self.campaign(service)
        await self.answered_at_once(Approved("ok"))
        return sid

    async def answered_at_once(self, answer: Answer) -> None:
        """What is due to be asked is asked, and decided at once; what that brings about is not."""
        self.registry.always, before = answer, self.registry.always
        await self.turn(0.0)
        self.registry.always = before

    async def answered_by(self, answer: Answer) -> None:
        """Whatever is open is submitted, decided at once, and heard."""
        self.registry.always, before = answer, self.registry.always
        for key in self.registry.undecided():
            self.registry.decide(key, answer)
        await self.turn()
        await self.turn(LEASE.total_seconds())
        self.registry.always = before

    async def sender(self, number: str, country: str = "US", kind: SenderKind = SenderKind.LONG_CODE) -> Sender:
        account_id = self.world.account.id
        found = await self.senders.by_address(account_id, number)
        new = NewSender(number, country, kind, SMS, number, "hand")
        made = found or await self.senders.create(account_id, new, self.now)
        assert made is not None
        return made

    async def add(self, service: Service, number: str, **more: object) -> PoolMember:
        joined = await self.services.add_member(service, await self.sender(number, **more), self.now)  # type: ignore[arg-type]
        assert isinstance(joined, PoolMember), joined
        return joined

    async def remove(self, service: Service, number: str) -> bool:
        return await self.services.remove_member(service.id, (await self.sender(number)).sid, self.now)

    async def stage(self, service: Service, number: str) -> Stage | None:
        view = await self.views.of_number(service.id, (await self.sender(number)).sid)
        return None if view is None else view.stage

    async def order(self, what: Order, subject_id: int, reason: str = "because") -> None:
        async with self.world.database.pool.acquire() as connection:
            await jobs.order(connection, what, subject_id, self.world.account.id, reason, None, self.now)

    async def campaign_row(self, service: Service) -> int | None:
        row = await self.world.database.pool.fetchrow(query("campaign_of_service"), service.id)
        return None if row is None else int(row["id"])
