"""Rule S-2 under fire: processes that bind the same people's first messages at the same time agree on every sender."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict

from limpet.store.database import Database
from tests.store.race import person
from tests.support.clock import NOW
from tests.support.world import POOL, add_number, make_account, make_service

PROCESSES, PEOPLE, AT_ONCE = 4, 500, 64


async def test_S_2_64_first_messages_to_each_of_500_people_from_4_processes_give_500_pairs(
    database: Database, database_dsn: str
) -> None:
    account = await make_account(database, NOW)
    service = await make_service(database, account, NOW)
    for number in POOL:
        await add_number(database, service, number, NOW)
    pairs: dict[str, set[str]] = defaultdict(set)
    answers = 0
    for told in await asyncio.gather(*(_race(database_dsn, service.id, seed) for seed in range(PROCESSES))):
        for recipient, senders in told.items():
            pairs[recipient] |= set(senders)
            answers += len(senders)
    assert answers == PEOPLE * AT_ONCE
    deadlocks = await database.pool.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    assert deadlocks == 0, "batches must lock mappings in one order"
    assert set(pairs) == {person(index) for index in range(PEOPLE)}
    assert sum(map(len, pairs.values())) == PEOPLE, {r: s for r, s in pairs.items() if len(s) > 1}
    stored = await database.pool.fetch(
        "SELECT m.recipient, n.address FROM sticky_mapping m "
        "JOIN pool_member p ON p.id = m.member_id JOIN sender n ON n.id = p.sender_id"
    )
    assert {row["recipient"]: {row["address"]} for row in stored} == pairs
    events = await database.pool.fetch("SELECT recipient, kind FROM sticky_event")
    assert sorted(row["recipient"] for row in events) == sorted(pairs)
    assert {row["kind"] for row in events} == {"created"}
    used = {sender for senders in pairs.values() for sender in senders}
    assert used == set(POOL)


async def _race(dsn: str, service_id: int, seed: int) -> dict[str, list[str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.store.race", dsn, str(service_id), str(PEOPLE), str(AT_ONCE // PROCESSES), str(seed),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    told: dict[str, list[str]] = json.loads(out)
    return told
