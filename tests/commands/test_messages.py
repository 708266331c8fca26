"""`limpet messages` and `limpet carriers` against a real server whose carrier takes messages and does not answer."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path

from limpet.clock import SystemClock
from limpet.devtools.behaviour import Behaviour
from limpet.devtools.simulator import Simulator
from limpet.store.database import Database
from tests.sim.ledger import Customer, tenant
from tests.support.limpet_process import limpet
from tests.support.process import SECRET_KEY, ServeProcess
from tests.support.wait import until


async def test_a_message_in_doubt_is_listed_shown_and_released(
    database: Database, database_dsn: str, tmp_path: Path
) -> None:
    carrier = Simulator(accounts={"limpet": "secret"}, chance=random.Random(1), behaviour=Behaviour(mute=True))
    await carrier.start()
    await database.ensure_partitions(SystemClock().now())
    server = ServeProcess(tmp_path, database_dsn, carrier.port, settings="response_timeout_s = 1\n")
    customer = await tenant(database, server)
    await database.pool.execute("UPDATE service SET in_doubt = 'hold', generation = generation + 1")
    try:
        await server.start()
        enough = asyncio.Event()
        sending = asyncio.create_task(customer.send(enough))
        await until(lambda: bool(customer.accepted), 30.0)
        enough.set()
        await sending
        (sid, *others) = customer.accepted.values()
        await until(lambda: _all_in_doubt(database, 1 + len(others)), 30.0)
        await _walk(customer, server, sid, 1 + len(others))
        carrier.behaviour = Behaviour()
        assert f"{sid} is sent again." in (await _cli(customer, "messages", "doubt", "resend", sid)).stdout
        await until(lambda: bool(carrier.messages), 30.0)
        for other in others[:1]:
            assert f"{other} is given up." in (await _cli(customer, "messages", "doubt", "fail", other)).stdout
    finally:
        await server.end()
        await carrier.stop()


async def _all_in_doubt(database: Database, many: int) -> bool:
    await asyncio.sleep(0.05)
    return await database.pool.fetchval("SELECT count(*) FROM message WHERE in_doubt_at IS NOT NULL") == many


async def _walk(customer: Customer, server: ServeProcess, sid: str, many: int) -> None:
    listed = json.loads((await _cli(customer, "messages", "doubt", "list", "--json")).stdout)
    assert len(listed) == many
    assert sid in {one["message_sid"] for one in listed}
    assert sid in (await _cli(customer, "messages", "doubt", "list", COLUMNS="200")).stdout
    shown = (await _cli(customer, "messages", "submission", sid)).stdout
    assert "carrier/0" in shown
    one = json.loads((await _cli(customer, "messages", "submission", sid, "--json")).stdout)
    assert one["in_doubt_since"] is not None
    unknown = await _cli(customer, "messages", "submission", "SM" + "0" * 32)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    found = json.loads((await _cli(customer, "carriers", "list", "--json", "--config", str(server._config()))).stdout)
    assert [(lane["lane"], lane["state"]) for carrier in found for lane in carrier["lanes"]] == [("carrier/0", "bound")]


async def _cli(customer: Customer, *arguments: str, **more: str):
    return await asyncio.to_thread(
        limpet, *arguments,
        **{
            **os.environ, "LIMPET_URL": customer.server.url, "LIMPET_ACCOUNT_SID": customer.account.sid,
            "LIMPET_AUTH_TOKEN": customer.token, "LIMPET_SECRET_KEY": SECRET_KEY, **more,
        },
    )  # fmt: skip
