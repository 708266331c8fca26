"""The API over a real database and the real flow, with two tenants and a carrier that a test plays by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest_asyncio

from limpet.core.inventory import Inventory, offer_of
from limpet.core.model import Account, Service
from limpet.flow.directory import Directory
from limpet.store.accounts import Accounts
from limpet.store.content import Contents
from limpet.store.database import Database, Installation
from limpet.store.deactivations import Deactivations
from limpet.store.deliveries import Deliveries
from limpet.store.event_streams import EventStreams
from limpet.store.links import LinkConfigs
from limpet.store.media import MediaStore
from limpet.store.registrations import RegistrationBook
from limpet.store.senders import Senders
from limpet.store.services import Services
from limpet.store.smpp_credentials import SmppCredentials
from limpet.web.app import App, create_app
from limpet.web.deps import Deps, compliance
from tests.support.clock import HandClock
from tests.support.imports import importer
from tests.support.tenants import vault
from tests.support.world import BUCKET_KEY, PSEUDONYM_KEY, SID_KEY, World, open_world
from tests.web.client import Client

_FINGERPRINT = "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {} t"
FOR_SALE = (
    "+12125550120,sms+mms",
    "+12125550121,sms",
    "+12125550122,sms+voice",
    "+14165550120,sms",
    "+18005550120,sms+mms",
    "+442079460120,sms",
    "+447700900120,sms,mobile",
    "+447700900121,sms+mms,mobile",
)
NUMBER, OTHER_NUMBER, PERSON = "+14155550101", "+14155550102", "+14155550199"


@dataclass
class Api:
    """The application and who calls it: an account by its token and by a key, and another account."""

    app: App
    deps: Deps
    world: World
    account: Account
    client: Client
    key: Client
    stranger: Client

    async def service(self, **form: object) -> str:
        """The SID of a new service."""
        answer = await self.client.post("/v1/Services", {"FriendlyName": "Sales", **form})
        assert answer.status == 201, answer.body
        return str(answer.json["sid"])

    async def number(self, number: str = NUMBER, client: Client | None = None, **form: object) -> str:
        """The SID of a new number."""
        answer = await (client or self.client).post("/IncomingPhoneNumbers.json", {"PhoneNumber": number, **form})
        assert answer.status == 201, answer.body
        return str(answer.json["sid"])

    async def pool(self, *numbers: str, **form: object) -> str:
        """The SID of a new service with new numbers in its pool."""
        service_sid = await self.service(**form)
        for number in numbers:
            number_sid = await self.number(number)
            joined = await self.client.post(f"/v1/Services/{service_sid}/PhoneNumbers", PhoneNumberSid=number_sid)
            assert joined.status == 201, joined.body
        return service_sid

    async def message(self, service_sid: str, to: str = PERSON, **form: object) -> Mapping[str, Any]:
        """A new message of a service, as it was answered."""
        form = {"To": to, "MessagingServiceSid": service_sid, "Body": "Hello", **form}
        answer = await self.client.post("/Messages.json", form)
        assert answer.status == 201, answer.body
        return dict(answer.json)

    async def service_value(self, sid: str) -> Service:
        """A service as the store has it, with the settings that Twilio does not know."""
        found = await self.deps.services.by_sid(self.account.id, sid)
        assert found is not None
        return found

    async def rows(self) -> dict[str, str]:
        """What each table holds, as a count and a hash: a refused request leaves it as it was."""
        async with self.world.database.pool.acquire() as connection:
            names = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
                "AND NOT relispartition ORDER BY relname"
            )
            return {name["relname"]: await connection.fetchval(_FINGERPRINT.format(name["relname"])) for name in names}


@pytest_asyncio.fixture
async def api(database: Database, clock: HandClock) -> AsyncIterator[Api]:
    """A fresh Limpet; its clock is `clock`, its one carrier is called `hand`."""
    accounts = Accounts(database, vault())
    account, token = await accounts.create("Tenant", clock.now())
    key, secret = await accounts.create_key(account.id, "Key", clock.now())
    other, other_token = await accounts.create("Other", clock.now())
    async with open_world(database, clock) as world:
        deps = Deps(
            accounts,
            Services(database),
            Senders(database),
            world.flow.messages,
            world.flow.sticky,
            world.flow.opt_outs,
            Contents(database),
            MediaStore(database, BUCKET_KEY),
            Deliveries(database),
            EventStreams(database),
            world.flow.events,
            Deactivations(database, BUCKET_KEY),
            Directory(database),
            world.flow.accept,
            world.flow.clicks,
            LinkConfigs(database),
            world.flow.releases,
            Installation(BUCKET_KEY, SID_KEY, PSEUDONYM_KEY),
            clock,
            ("hand", "second"),
            compliance=compliance(database, RegistrationBook()),
            people=world.flow.people,
            sticky_imports=importer(database, clock),
            rebalances=world.rebalances,
            inventory=Inventory(offer for line in FOR_SALE if (offer := offer_of(line, "second"))),
            smpp_credentials=SmppCredentials(database, vault()),
        )
        app = create_app(deps)
        yield Api(
            app,
            deps,
            world,
            account,
            Client(app, account.sid, token, account.sid),
            Client(app, key.sid, secret, account.sid),
            Client(app, other.sid, other_token, other.sid),
        )
