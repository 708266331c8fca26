"""A customer who speaks SMPP, and Limpet's door for them over a whole flow: real sockets, a real database, a hand clock."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from limpet.carrier.smpp_link import Link
from limpet.config_smpp_server import SmppServerConfig
from limpet.core.ids import IdSource
from limpet.core.model import Service
from limpet.esme.door import EsmeDoor
from limpet.esme.outbox import Outbox
from limpet.esme.whole import open_esme_door
from limpet.smpp.commands import NO_TLVS, Bind, Body, Command, Message, MessageId, Pdu, Tlvs
from limpet.smpp.events import Answered, BindRefused, Bound, Event, Requested
from limpet.smpp.receipt import Report, read_report
from limpet.smpp.session import Role, SessionConfig
from limpet.smpp.status import Status
from limpet.store.database import Database, Installation
from limpet.store.smpp_credentials import NewCredential, SmppCredentials
from tests.support.clock import HandClock
from tests.support.tenants import vault
from tests.support.wait import until
from tests.support.world import BUCKET_KEY, SID_KEY, World, open_world

NUMBER, PERSON = "14155550100", "14155550199"


def text(body: str | bytes = "Hello", *, source: str = "", to: str = PERSON, **fields: object) -> Message:
    """A submit_sm; receipts are asked for unless said otherwise."""
    octets = body if isinstance(body, bytes) else body.encode("ascii")
    return Message(
        source_addr_ton=1 if source.isdecimal() else 5 if source else 0, source_addr=source, dest_addr_ton=1,
        dest_addr_npi=1, destination_addr=to, short_message=octets, **{"registered_delivery": 1, **fields},
    )  # type: ignore[arg-type]  # fmt: skip


@dataclass
class Esme:
    """One connection of a customer. What comes is acknowledged with `acknowledges`, or not at all when that is None."""

    acknowledges: int | None = Status.ROK
    came: list[Pdu] = field(default_factory=list)
    refused: int | None = None
    why: str = ""
    link: Link | None = None
    _answers: dict[int, asyncio.Future[Pdu]] = field(default_factory=dict)

    def on_connected(self, link: Link) -> None:
        self.link = link

    def on_events(self, link: Link, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case Requested(pdu):
                    self.came.append(pdu)
                    if self.acknowledges is not None:
                        link.session.respond(pdu, self.acknowledges)
                case Answered(pdu):
                    self._answers.pop(pdu.sequence).set_result(pdu)
                case BindRefused(status):
                    self.refused = status
                case Bound():
                    continue

    def before_write(self, link: Link) -> None:
        """Nothing waits."""

    def on_lost(self, link: Link, why: str) -> None:
        self.why = why
        for answer in self._answers.values():
            answer.cancel()

    @property
    def bound(self) -> bool:
        return self.link is not None and self.link.session.bound and not self.link.over

    @property
    def receipts(self) -> list[Report]:
        return [report for pdu in self.came if (report := read_report(pdu)) is not None]

    @property
    def texts(self) -> list[Message]:
        return [pdu.body for pdu in self.came if read_report(pdu) is None and isinstance(pdu.body, Message)]

    def ask(self, command: Command, body: Body, tlvs: Tlvs = NO_TLVS) -> asyncio.Future[Pdu]:
        """Send a request; its answer."""
        assert self.link is not None
        loop = asyncio.get_running_loop()
        sequence = self.link.session.request(command, body, tlvs, loop.time())
        assert sequence is not None, "there is room"
        answer: asyncio.Future[Pdu] = loop.create_future()
        self._answers[sequence] = answer
        self.link.flush_soon()
        return answer

    async def submit(self, message: Message, tlvs: Tlvs = NO_TLVS) -> tuple[int, str]:
        """Status and message id of the answer to a submit_sm."""
        return said(await self.ask(Command.SUBMIT_SM, message, tlvs))

    async def leave(self) -> None:
        """Cut the connection, as a crash does."""
        assert self.link is not None
        self.link.cut("the customer is gone")
        await self.link.lost.wait()


def said(answer: Pdu) -> tuple[int, str]:
    """Status and message id of an answer."""
    return answer.status, answer.body.message_id if isinstance(answer.body, MessageId) else ""


async def connect(
    port: int, bind: Bind, command: Command = Command.BIND_TRANSCEIVER, tls: ssl.SSLContext | None = None, **settings: object
) -> Esme:  # fmt: skip
    """A customer who has said their bind and heard the answer, whatever it was."""
    esme = Esme(**settings)  # type: ignore[arg-type]
    loop = asyncio.get_running_loop()
    config = SessionConfig("customer", 1000)
    _, link = await loop.create_connection(lambda: Link(Role.ESME, config, esme), "127.0.0.1", port, ssl=tls)
    link.session.bind(bind, loop.time(), command)
    link.flush()
    await until(lambda: esme.bound or link.over)
    return esme


@dataclass
class Smsc:
    """Limpet as a message centre: a service, a credential for it, and where to bind."""

    world: World
    door: EsmeDoor
    outbox: Outbox
    credentials: SmppCredentials
    service: Service
    port: int
    system_id: str
    password: str
    esmes: list[Esme] = field(default_factory=list)

    async def bind(self, command: Command = Command.BIND_TRANSCEIVER, **settings: object) -> Esme:
        """The customer, bound once more."""
        system_type = str(settings.pop("system_type", ""))
        return await self.bind_as(self.system_id, self.password, command, system_type, **settings)

    async def bind_as(
        self, name: str, password: str, command: Command = Command.BIND_TRANSCEIVER, system_type: str = "", **settings: object
    ) -> Esme:  # fmt: skip
        esme = await connect(self.port, Bind(name, password, system_type), command, **settings)
        self.esmes.append(esme)
        return esme

    async def credential(self, **changes: object) -> tuple[str, str]:
        """A further credential of the account: its system_id and password."""
        asked = {"friendly_name": "more", "service_id": None, "networks": (), "inbound": False, **changes}
        made, password = await self.credentials.create(
            self.world.account.id, NewCredential(**asked), self.world.clock.now()  # type: ignore[arg-type]
        )  # fmt: skip
        return made.system_id, password

    async def waiting(self) -> int:
        """Deliveries that nobody has acknowledged."""
        return int(await self.world.database.pool.fetchval("SELECT count(*) FROM smpp_delivery"))

    async def until(self, condition: Callable[[], bool]) -> None:
        await until(condition)

    async def until_waiting(self, count: int) -> None:
        async def reached() -> bool:
            return await self.waiting() == count

        await until(reached)


@asynccontextmanager
async def open_smsc(database: Database, clock: HandClock, **settings: object) -> AsyncIterator[Smsc]:
    """A running door; `settings` are those of `[smpp_server]`."""
    chance, ids = random.Random(3), IdSource()
    outbox = Outbox(database, clock, chance.random, SID_KEY)
    credentials = SmppCredentials(database, vault())
    config = SmppServerConfig(port=0, **settings)  # type: ignore[arg-type]
    async with open_world(database, clock, on_owed=outbox.nudge) as world:
        service = await world.service(f"+{NUMBER}")
        listening = socket.create_server(("127.0.0.1", 0))
        async with open_esme_door(
            config, listening, world.flow, outbox, database, Installation(BUCKET_KEY, SID_KEY), credentials, clock,
            lambda now: ids.next(now, chance.getrandbits(21)), 1.0,
        ) as door:  # fmt: skip
            asked = NewCredential("test", service.id, (), inbound=True)
            made, password = await credentials.create(world.account.id, asked, clock.now())
            port = listening.getsockname()[1]
            smsc = Smsc(world, door, outbox, credentials, service, port, made.system_id, password)
            yield smsc
            for esme in smsc.esmes:
                if esme.link is not None and not esme.link.over:
                    await esme.leave()
