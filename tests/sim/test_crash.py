"""kill -9 at any moment: what was accepted is sent, and sent once; judged by a ledger at the carrier, which is never killed.

`LIMPET_KILLS` makes the loop longer than a suite can wait for: 500 kills take about half an hour for each way of matching.
"""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from limpet.clock import SystemClock
from limpet.devtools.behaviour import Behaviour, Receipts
from limpet.devtools.simulator import Simulator
from limpet.store.database import Database
from tests.sim.ledger import Customer, drained, judge, judge_without_receipts, tenant
from tests.support.process import ServeProcess
from tests.support.wait import until

KILLS = int(os.environ.get("LIMPET_KILLS", "5"))
WORKERS = 24
MESSAGES_A_KILL_MAX = 400 if KILLS < 50 else 80
DRAIN_S = 60.0
KILLS_A_PAUSE = 25
"""After so many kills the server has time to finish: people whose message is in doubt get nothing else meanwhile."""
TIMEOUT_S = 300 + 20 * KILLS
MIXED = Behaviour(throttle_share=0.03, early_share=0.1, receipt_delay_s=0.3)
WAYS = {
    "reference echoed": MIXED,
    "matched by submit date": replace(MIXED, echo_reference=False),
    "receipts before the response": replace(MIXED, early_share=0.97),
    "receipts before the response, matched by submit date": replace(MIXED, early_share=0.97, echo_reference=False),
}
PATIENCE_S = 15
"""Longer than a receipt can take while it is waited for, however busy the machine is."""


async def empty(database: Database, *, receipts: bool) -> None:
    """Wait until nothing is on its way; AssertionError with what is, when that takes too long."""
    try:
        await until(lambda: drained(database, receipts=receipts), DRAIN_S)
    except TimeoutError:
        left = await database.pool.fetch(
            "SELECT status, attempt, in_doubt_at IS NOT NULL AS in_doubt, count(*) FROM message "
            "WHERE status <> 'delivered' GROUP BY 1, 2, 3"
        )
        kept = await database.pool.fetchval("SELECT count(*) FROM receipt_orphan")
        raise AssertionError(f"left: {[tuple(row) for row in left]}; receipts kept: {kept}") from None


async def history(
    database: Database, dsn: str, directory: Path, carrier: Simulator, chance: random.Random, *, receipts: bool = True
) -> Customer:
    """Customers send, the server is killed, again and again; then it comes back and has time to finish."""
    await carrier.start()
    server = ServeProcess(directory, dsn, carrier.port, in_doubt_wait_s=PATIENCE_S if receipts else 2)
    await database.ensure_partitions(SystemClock().now())
    customer = await tenant(database, server)
    try:
        for n in range(1, KILLS + 1):
            await server.start()
            if n % KILLS_A_PAUSE == 0:
                await empty(database, receipts=receipts)
            enough, before = asyncio.Event(), len(customer.accepted)
            sending = [asyncio.create_task(customer.send(enough)) for _ in range(WORKERS)]
            goal = before + chance.randrange(1, MESSAGES_A_KILL_MAX)
            await until(lambda goal=goal: len(customer.accepted) >= goal, 30.0)
            await server.kill()
            enough.set()
            await asyncio.gather(*sending)
        await server.start()
        await empty(database, receipts=receipts)
        assert await server.stop() == 0
    finally:
        await server.end()
        await carrier.stop()
    return customer


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("behaviour", WAYS.values(), ids=WAYS)
async def test_nothing_accepted_is_lost_or_sent_twice(
    database: Database, database_dsn: str, tmp_path: Path, behaviour: Behaviour
) -> None:
    chance = random.Random(20261123)
    carrier = Simulator(accounts={"limpet": "secret"}, chance=chance, behaviour=behaviour)
    customer = await history(database, database_dsn, tmp_path, carrier, chance)
    judge(customer, carrier)
    rows = await database.pool.fetch("SELECT status, count(*) FROM message GROUP BY status")
    assert {row["status"] for row in rows} == {"delivered"}


@pytest.mark.timeout(TIMEOUT_S)
async def test_without_receipts_what_is_sent_twice_is_flagged_and_at_most_a_window_a_kill(
    database: Database, database_dsn: str, tmp_path: Path
) -> None:
    chance = random.Random(20261125)
    carrier = Simulator(accounts={"limpet": "secret"}, chance=chance, behaviour=Behaviour(receipts=Receipts.NEVER))
    customer = await history(database, database_dsn, tmp_path, carrier, chance, receipts=False)
    rows = await database.pool.fetch("SELECT body FROM message WHERE attempt > 1")
    judge_without_receipts(customer, carrier, {row["body"] for row in rows}, KILLS)
