"""kill -9 at any moment: what was accepted is sent, and sent once; judged by a ledger at the carrier, which is never killed."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from limpet.clock import SystemClock
from limpet.devtools.behaviour import Behaviour
from limpet.devtools.simulator import Simulator
from limpet.store.database import Database
from tests.sim.ledger import drained, judge, tenant
from tests.support.process import ServeProcess
from tests.support.wait import until

KILLS, WORKERS = 5, 24
DRAIN_S = 60.0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("echo", [True, False], ids=["reference echoed", "matched by submit date"])
async def test_nothing_accepted_is_lost_or_sent_twice(
    database: Database, database_dsn: str, tmp_path: Path, echo: bool
) -> None:
    chance = random.Random(20261123)
    carrier = Simulator(
        accounts={"limpet": "secret"},
        chance=chance,
        behaviour=Behaviour(throttle_share=0.002, receipt_delay_s=0.05, echo_reference=echo),
    )
    await carrier.start()
    await database.ensure_partitions(SystemClock().now())
    server = ServeProcess(tmp_path, database_dsn, carrier.port)
    customer = await tenant(database, server)
    try:
        for _ in range(KILLS):
            await server.start()
            enough, before = asyncio.Event(), len(customer.accepted)
            sending = [asyncio.create_task(customer.send(enough)) for _ in range(WORKERS)]
            goal = before + chance.randrange(1, 400)
            await until(lambda goal=goal: len(customer.accepted) >= goal, 30.0)
            await server.kill()
            enough.set()
            await asyncio.gather(*sending)
        await server.start()
        await until(lambda: drained(database), DRAIN_S)
        assert await server.stop() == 0
    finally:
        await server.end()
        await carrier.stop()
    judge(customer, carrier)
    rows = await database.pool.fetch("SELECT status, count(*) FROM message GROUP BY status")
    assert {row["status"] for row in rows} == {"delivered"}
