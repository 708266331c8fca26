"""`limpet serve` as operators watch it: what its log may not hold, metrics at a port of their own, and how it goes away."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from limpet.devtools.behaviour import Behaviour
from limpet.devtools.simulator import Simulator
from limpet.store.database import Database
from tests.support.customer import Answer, Customer, recording_customer
from tests.support.limpet_process import limpet
from tests.support.process import SECRET_KEY, ServeProcess, free_port
from tests.support.smsc import simulator
from tests.support.wait import until
from tests.web.client import basic

NUMBER = "+14155550142"
PEOPLE = ("+14155550177", "+14155559902", "+14155559901", "+447700900177", "+14155559923")
BODY, HEARD, FATAL = "Zanzibar parcels", "Quixotic question", "Forbidden Montezuma"
PLANTED = ("Zanzibar", "Quixotic", "Montezuma", "Ouagadougou", "secret")
LOGGED = ("carrier refused", "request failed", "inbound texts not written", "TwiML with errors", "nobody owns")
TOKEN = "a token of sixteen characters"
WAIT_S = 45.0


@dataclass
class Watched:
    """A server with its account, its carrier and its customer."""

    server: ServeProcess
    smsc: Simulator
    customer: Customer
    database: Database
    metrics_port: int
    account: str
    session: aiohttp.ClientSession
    service: str = ""

    async def post(self, path: str, **form: str) -> tuple[int, Any]:
        if not path.startswith("/v1"):
            path = f"/2010-04-01/Accounts/{self.account}{path}.json"
        async with self.session.post(self.server.url + path, data=form) as answer:
            return answer.status, await answer.json()

    async def send(self, to: str, body: str = BODY, **more: str) -> int:
        return (await self.post("/Messages", To=to, Body=body, MessagingServiceSid=self.service, **more))[0]

    async def get(self, path: str, port: int | None = None, authorization: str = "") -> tuple[int, str]:
        url = f"http://127.0.0.1:{port or self.server.port}{path}"
        async with self.session.get(url, headers={"Authorization": authorization}) as answer:
            return answer.status, await answer.text()

    async def number(self, name: str) -> float:
        """The sum of a metric's samples."""
        _, said = await self.get("/metrics", self.metrics_port, authorization=f"Bearer {TOKEN}")
        families = text_string_to_metric_families(said)
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)


@pytest_asyncio.fixture
async def watched(tmp_path: Path, database: Database, database_dsn: str) -> AsyncIterator[Watched]:
    port, magic = free_port(), Behaviour(magic=True)
    (tmp_path / "token").write_text(TOKEN)
    async with simulator(magic) as smsc, recording_customer() as customer:
        settings = f'[log]\nlevel = "debug"\n[metrics]\nport = {port}\ntoken_file = "token"\n'
        server = ServeProcess(tmp_path, database_dsn, smsc.port, settings=settings, dispatch="drain_s = 3")
        await server.start()
        place = ("accounts", "create", "--config", str(tmp_path / "limpet.toml"), "--json")
        made = json.loads((await asyncio.to_thread(limpet, *place, LIMPET_SECRET_KEY=SECRET_KEY)).stdout)
        session = aiohttp.ClientSession(headers={"Authorization": basic(made["account_sid"], made["auth_token"])})
        found = Watched(server, smsc, customer, database, port, made["account_sid"], session)
        try:
            _, service = await found.post(
                "/v1/Services",
                FriendlyName="Sales",
                StatusCallback=customer.url(),
                InboundRequestUrl=customer.url("/sms"),
            )
            _, number = await found.post("/IncomingPhoneNumbers", PhoneNumber=NUMBER)
            found.service = service["sid"]
            await found.post(f"/v1/Services/{found.service}/PhoneNumbers", PhoneNumberSid=number["sid"])
            yield found
        finally:
            await session.close()
            await server.end()


def missing(said: str, expected: Sequence[str]) -> list[str]:
    """What a log does not tell of."""
    return [each for each in expected if each not in said]


@pytest.mark.timeout(240)
async def test_a_log_holds_no_number_and_no_text_whatever_happens(watched: Watched, tmp_path: Path) -> None:
    constraint = f"ALTER TABLE message ADD CONSTRAINT never CHECK (body <> '{FATAL}') NOT VALID"
    await watched.database.pool.execute(constraint)
    twiml = "<Response><Message>Ouagadougou</Message><Nonsense/></Response>"
    watched.customer.always(Answer(headers={"Content-Type": "text/xml"}, body=twiml.encode()), path="/sms")
    watched.customer.always(Answer(500, body=b"Ouagadougou"), path="/cb")
    for person in PEOPLE:
        assert await watched.send(person) == 201
    assert await watched.send(PEOPLE[0], FATAL) == 500
    assert await watched.send("+1415555", BODY) == 400
    assert await watched.send(PEOPLE[0], BODY, StatusCallback="http://127.0.0.1:9/" + PEOPLE[0]) == 201
    watched.smsc.inject_inbound(PEOPLE[0], NUMBER, HEARD)
    watched.smsc.inject_inbound(PEOPLE[0], NUMBER, FATAL)
    watched.smsc.inject_inbound(PEOPLE[0], "+14155550199", HEARD)
    watched.smsc.inject_inbound(PEOPLE[0], NUMBER, "STOP")
    await until(lambda: len(watched.smsc.messages) >= 5, WAIT_S)

    async def all_tried() -> bool:
        return await watched.number("limpet_callback_tries_total") >= 10

    await until(all_tried, WAIT_S)
    log = tmp_path / "log"
    await until(lambda: not missing(log.read_text(), LOGGED), WAIT_S)
    watched.smsc.cut_connections()
    await until(lambda: "lane down" in log.read_text(), WAIT_S)
    assert await watched.server.stop() == 0
    said = log.read_text()
    assert [line for line in said.splitlines() if any(planted in line for planted in PLANTED)] == []
    digits = {person[-10:] for person in (*PEOPLE, NUMBER, "+14155550199")}
    assert [line for line in said.splitlines() if any(each in line for each in digits)] == []
    assert all(json.loads(line)["level"] for line in said.splitlines() if line.startswith("{"))


@pytest.mark.timeout(240)
async def test_metrics_have_their_port_and_a_server_that_stops_is_first_not_ready(watched: Watched) -> None:
    assert (await watched.get("/metrics"))[0] == 404
    assert (await watched.get("/metrics", watched.metrics_port))[0] == 401
    assert (await watched.get("/elsewhere", watched.metrics_port))[0] == 404
    assert await watched.send(PEOPLE[0]) == 201

    async def delivered() -> bool:
        return await watched.number("limpet_deliveries_total") >= 1 and await watched.number("limpet_lane_bound") == 1

    await until(delivered, WAIT_S)
    assert await watched.number("limpet_messages_accepted_total") == 1
    assert await watched.number("limpet_transaction_seconds_count") > 0
    assert await watched.number("process_resident_memory_bytes") > 1e7
    for port in (None, watched.metrics_port):
        status, said = await watched.get("/ready", port)
        assert (status, json.loads(said)["status"]) == (200, "ready")
    process = watched.server.process
    assert process is not None
    process.send_signal(signal.SIGTERM)

    async def leaving() -> bool:
        return (await watched.get("/ready"))[0] == 503

    await until(leaving, WAIT_S)
    assert re.search("stopping", (await watched.get("/ready", watched.metrics_port))[1])
    assert await watched.send(PEOPLE[0], "while it drains") == 201
    assert await watched.number("limpet_draining") == 1
    assert await process.wait() == 0
    assert "while it drains" in {text.body for text in watched.smsc.messages}
