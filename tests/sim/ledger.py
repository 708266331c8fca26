"""Both sides of a history: a customer who remembers what was accepted, and a judge who reads the carrier's ledger."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import aiohttp

from limpet.clock import SystemClock
from limpet.core.model import Account, Capability, SenderKind, Service
from limpet.devtools.simulator import Simulator
from limpet.store.accounts import Accounts
from limpet.store.database import Database
from limpet.store.secrets import Vault
from limpet.store.senders import NewSender, Senders
from limpet.store.services import Services, ServiceSettings
from tests.support.process import SECRET_KEY, WINDOW, ServeProcess

PEOPLE = 5000


@dataclass
class Customer:
    """Sends texts, each with a body of its own, for as long as it is let; remembers which were accepted."""

    server: ServeProcess
    account: Account
    token: str
    service: Service
    accepted: dict[str, str] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    asked: int = 0

    async def send(self, until_told: asyncio.Event) -> None:
        headers = {"Authorization": aiohttp.encode_basic_auth(self.account.sid, self.token)}
        url = f"{self.server.url}/2010-04-01/Accounts/{self.account.sid}/Messages.json"
        async with aiohttp.ClientSession(headers=headers) as session:
            while not until_told.is_set():
                self.asked += 1
                body = f"text {self.asked}"
                form = {
                    "To": f"+1415555{self.asked % PEOPLE:04}",
                    "MessagingServiceSid": self.service.sid,
                    "Body": body,
                }
                try:
                    async with session.post(url, data=form) as answer:
                        assert answer.status in (201, 503), await answer.text()
                        if answer.status == 201:
                            self.accepted[body] = (await answer.json())["sid"]
                        else:
                            self.unanswered.add(body)
                            await asyncio.sleep(0.01)
                except (aiohttp.ClientError, TimeoutError):
                    self.unanswered.add(body)
                    await asyncio.sleep(0.01)


async def tenant(database: Database, server: ServeProcess) -> Customer:
    now, vault = SystemClock().now(), Vault(bytes.fromhex(SECRET_KEY))
    account, token = await Accounts(database, vault).create("test", now)
    services, senders = Services(database), Senders(database)
    service = await services.create(account.id, ServiceSettings(friendly_name="test"), now)
    for n in range(5):
        sender = await senders.create(
            account.id,
            NewSender(
                address=f"+1212555010{n}", country="US", kind=SenderKind.LONG_CODE, capabilities=frozenset({Capability.SMS}),
                friendly_name="", carrier="carrier",
            ),
            now,
        )  # fmt: skip
        assert sender is not None
        await services.add_member(service, sender, now)
    return Customer(server, account, token, service)


async def drained(database: Database, *, receipts: bool) -> bool:
    await asyncio.sleep(0.05)
    waiting = "SELECT count(*) FROM message WHERE status <> ALL ('{delivered,sent}') OR status = 'sent' AND $1"
    return not await database.pool.fetchval(waiting, receipts)


def judge(customer: Customer, carrier: Simulator) -> None:
    ledger = _ledger(customer, carrier)
    assert [body for body, times in ledger.items() if times > 1] == []


def judge_without_receipts(customer: Customer, carrier: Simulator, flagged: set[str], kills: int) -> None:
    """Nobody can know what became of what was in flight: it is sent again, and every message that was says so."""
    twice = {body for body, times in _ledger(customer, carrier).items() if times > 1}
    print(f"{len(customer.accepted)} accepted, {kills} kills, {len(twice)} sent twice, {len(flagged)} flagged")
    assert twice <= flagged, twice - flagged
    assert len(twice) <= kills * WINDOW


def _ledger(customer: Customer, carrier: Simulator) -> Counter[str]:
    """How often each text came to the carrier: none is lost, none made up, and everybody heard from one number."""
    ledger = Counter(text.body for text in carrier.messages)
    lost = [body for body in customer.accepted if body not in ledger]
    unasked = [body for body in ledger if body not in customer.accepted and body not in customer.unanswered]
    assert (lost, unasked) == ([], [])
    assert customer.accepted
    heard: dict[str, set[str]] = defaultdict(set)
    for text in carrier.messages:
        heard[text.recipient].add(text.sender)
    assert {len(senders) for senders in heard.values()} == {1}
    return ledger
