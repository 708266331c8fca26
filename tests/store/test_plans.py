"""On a fresh database, where tables look empty to the planner, every hot statement already looks its rows up by key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from limpet.store.database import Database
from limpet.store.queries import QUERIES, Query, Reach

HOT = [query for query in QUERIES.values() if query.reach is Reach.HOT]
GROWING = re.compile(
    "("
    "sticky_mapping|sticky_event|message|message_due|claim|receipt_orphan|status_callback|opt_out|feedback|idempotency_key"
    "|message_media|media_link|message_mms|message_link|short_link|inbound_seen|inbound_text"
    "|webhook_delivery|deactivation|erased_receipt|smpp_delivery|smpp_part|sticky_rebalance_move|swap_notice"
    r")(_\d{4}_\d\d)?"
)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)


async def _plan(connection: asyncpg.Connection[asyncpg.Record], text: str) -> dict[str, Any]:
    """The plan that a prepared statement gets, whatever its parameters will be."""
    places = max(map(int, re.findall(r"\$(\d+)", text)))
    await connection.execute(f"PREPARE hot AS {text}")
    explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE hot({', '.join(['NULL'] * places)})")
    await connection.execute("DEALLOCATE hot")
    found: dict[str, Any] = json.loads(explained)[0]["Plan"]
    return found


def _reads_more_than_its_keys(plan: dict[str, Any]) -> list[str]:
    """Scans of tables that grow which do not start from a bucket, and what keeps a whole scan for every key."""
    return [
        f"{node['Node Type']} {node.get('Relation Name', '')}"
        for node in _nodes(plan)
        if node["Node Type"] == "Materialize"
        or (
            node["Node Type"].endswith(("Scan", "Scan Backward"))
            and GROWING.fullmatch(node.get("Relation Name", ""))
            and "bucket =" not in node.get("Index Cond", node.get("Recheck Cond", ""))
        )
    ]


@pytest.mark.parametrize("query", HOT, ids=lambda query: query.name)
async def test_hot_statements_start_from_keys_on_a_fresh_database(database: Database, query: Query) -> None:
    async with database.pool.acquire() as connection:
        assert _reads_more_than_its_keys(await _plan(connection, query.local)) == []


async def test_the_check_sees_a_statement_that_reads_a_table_whole(database: Database) -> None:
    async with database.pool.acquire() as connection:
        plan = await _plan(connection, "SELECT * FROM sticky_mapping WHERE last_used_day = $1")
        assert _reads_more_than_its_keys(plan) != []
        joined = (
            "SELECT m.* FROM unnest($1::smallint[], $2::text[]) AS k (bucket, recipient) "
            "JOIN message m ON m.bucket = k.bucket AND m.recipient = k.recipient AND m.id >= $3 AND m.status = 'sending'"
        )
        assert _reads_more_than_its_keys(await _plan(connection, joined)) != []
