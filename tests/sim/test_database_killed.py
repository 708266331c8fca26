"""kill -9 of PostgreSQL under load: Limpet answers 503 while it is away, goes on when it is back, and has forgotten nothing."""

from __future__ import annotations

import asyncio
import random
import shutil
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from limpet.clock import SystemClock
from limpet.devtools.behaviour import Behaviour
from limpet.devtools.simulator import Simulator
from limpet.store.database import Database
from limpet.store.embedded import CLUSTER_NAME, EmbeddedPostgres
from tests.sim.ledger import Customer, drained, judge, tenant
from tests.support.database import temporary_directory
from tests.support.process import ServeProcess
from tests.support.wait import until

KILLS, WORKERS = 3, 16
DRAIN_S = 60.0


def _killed(embedded: EmbeddedPostgres, data_dir: Path) -> str:
    """Kill the server and all that it started, and start it again; answers its URL."""
    postmaster = psutil.Process(int((data_dir / CLUSTER_NAME / "postmaster.pid").read_text().split()[0]))
    family = [postmaster, *postmaster.children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):  # without their postmaster the others go by themselves
            process.kill()
    psutil.wait_procs(family, timeout=10)
    embedded.stop()
    return embedded.start()


async def _opened(url: str) -> Database:
    database = await Database.connect(url, pool_size=2)
    await database.migrate(SystemClock().now())
    await database.ensure_partitions(SystemClock().now())
    return database


@pytest.mark.timeout(300)
async def test_nothing_accepted_is_lost_or_sent_twice(tmp_path: Path) -> None:
    data_dir = temporary_directory()
    embedded = EmbeddedPostgres(data_dir)
    url = await asyncio.to_thread(embedded.start)
    carrier = Simulator(
        accounts={"limpet": "secret"}, chance=random.Random(7), behaviour=Behaviour(receipt_delay_s=0.05)
    )
    await carrier.start()
    server = ServeProcess(tmp_path, url, carrier.port)
    database = await _opened(url)
    customer = await tenant(database, server)
    try:
        await server.start()
        enough = asyncio.Event()
        sending = [asyncio.create_task(customer.send(enough)) for _ in range(WORKERS)]
        for _ in range(KILLS):
            await _accepts(customer, 150)
            assert await asyncio.to_thread(_killed, embedded, data_dir) == url
        await _accepts(customer, 150)
        enough.set()
        await asyncio.gather(*sending)
        await until(lambda: drained(database, receipts=True), DRAIN_S)
        assert await server.stop() == 0
        judge(customer, carrier)
        assert customer.unanswered, "the kills were noticed by nobody: the test did not test"
    finally:
        await server.end()
        await carrier.stop()
        await database.close()
        await asyncio.to_thread(embedded.stop)
        shutil.rmtree(data_dir)


async def _accepts(customer: Customer, more: int) -> None:
    """Wait until so many more messages have been accepted."""
    goal = len(customer.accepted) + more
    await until(lambda: len(customer.accepted) >= goal, 60.0)
