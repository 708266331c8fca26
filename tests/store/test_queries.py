"""Every statement, held to what a cluster can do: by its text, and by the plan that PostgreSQL makes over hash partitions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from limpet.store.database import Database
from limpet.store.queries import QUERIES, Query, Reach, parse
from tests.support.clock import NOW
from tests.support.database import HASH_PARTITIONS
from tests.support.sql_rules import distributed_tables, offences

BUCKET = 7
HOT = sorted(name for name, query in QUERIES.items() if query.reach is Reach.HOT)
SAMPLES: dict[str, Any] = {
    "int2": BUCKET,
    "int4": 1,
    "int8": 1,
    "text": "+12025550100",
    "timestamptz": NOW,
    "date": NOW.date(),
    "interval": timedelta(seconds=1),
    "bool": True,
    "bytea": b"x",
}
"""A value of each type that parameters have. Every smallint is one bucket, so a plan that needs more than one asks too much."""


def test_what_grows_is_what_the_design_says() -> None:
    assert {
        "message",
        "sticky_mapping",
        "sticky_event",
        "status_callback",
        "claim",
        "message_due",
    } <= distributed_tables()
    assert not distributed_tables() & {"account", "service", "sender", "pool_member", "lane"}


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_statement_keeps_the_rules_of_the_cluster(name: str) -> None:
    assert offences(QUERIES[name]) == []


BAD = [
    ("hot", "SELECT * FROM message WHERE id = $1 FOR UPDATE SKIP LOCKED", "R1"),
    ("fan-out", "SELECT id FROM message_due WHERE lane = $1 LIMIT 5 FOR UPDATE SKIP LOCKED", "R1"),
    ("fan-out", "WITH d AS (SELECT id FROM message_due FOR UPDATE) SELECT * FROM d", "R1"),
    (
        "hot",
        "INSERT INTO sticky_mapping (bucket, service_id, recipient) VALUES ($1, $2, $3) ON CONFLICT (bucket, service_id, "
        "recipient) DO UPDATE SET member_id = 1 WHERE EXISTS (SELECT FROM pool_member)",
        "R2",
    ),
    ("hot", "UPDATE message SET body = random()::text WHERE bucket = $1", "R3"),
    ("hot", "UPDATE message SET updated_at = clock_timestamp() WHERE bucket = $1", "R3"),
    ("hot", "UPDATE message SET body = gen_random_uuid()::text WHERE bucket = $1", "R3"),
    ("hot", "UPDATE message SET updated_at = now() WHERE bucket = $1", "R3"),
    ("hot", "DELETE FROM message WHERE bucket = $1 AND updated_at < current_timestamp", "R3"),
    ("hot", "SELECT * FROM message WHERE bucket = $1 AND updated_at < now()", "R3"),
    ("fan-out", "DELETE FROM message WHERE random() < 0.5", "R3"),
    ("hot", "UPDATE message SET bucket = $1 WHERE bucket = $1", "R4"),
    ("hot", "UPDATE message SET (bucket, id) = ($1, $2) WHERE bucket = $1", "R4"),
    (
        "hot",
        "INSERT INTO claim (bucket, id) VALUES ($1, $2) ON CONFLICT (bucket, id) DO UPDATE SET bucket = excluded.bucket",
        "R4",
    ),
    ("hot", "SELECT * FROM message WHERE id = $1", "R5"),
    ("hot", "SELECT * FROM message WHERE bucket = $1 OR id = $2", "R5"),
    ("hot", "SELECT * FROM message WHERE NOT bucket = $1", "R5"),
    ("hot", "SELECT * FROM message WHERE bucket > $1", "R5"),
    ("hot", "SELECT * FROM message m JOIN claim c ON c.bucket = m.bucket WHERE m.bucket = $1", "R5"),
    ("hot", "SELECT * FROM message m JOIN unnest($1::smallint[]) AS k (bucket) ON m.bucket = k.bucket", "R5"),
    ("hot", "SELECT * FROM message WHERE bucket = $1 AND EXISTS (SELECT FROM claim WHERE id = $2)", "R5"),
    ("hot", "WITH m AS (SELECT * FROM message) SELECT * FROM m", "R5"),
    (
        "hot",
        "UPDATE message AS m SET body = '' FROM unnest($1::smallint[]) AS k (bucket) WHERE m.bucket = k.bucket",
        "R5",
    ),
    ("hot", "DELETE FROM message USING claim WHERE message.bucket = $1 AND claim.id = message.id", "R5"),
    ("hot", "SELECT * FROM message WHERE bucket IN (SELECT bucket FROM claim WHERE bucket = $1)", "R5"),
    ("hot", "INSERT INTO message (id) VALUES ($1)", "R5"),
    ("hot", "INSERT INTO claim (bucket, id) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", "R5"),
    ("hot", "INSERT INTO claim (bucket, id) SELECT bucket, id FROM message WHERE id = $1", "R5"),
    ("hot", "SELECT * FROM account", "nothing in it grows"),
    ("reference", "SELECT * FROM message WHERE bucket = $1", "called reference"),
]


@pytest.mark.parametrize(("reach", "text", "rule"), BAD)
def test_a_statement_that_breaks_a_rule_is_caught(reach: str, text: str, rule: str) -> None:
    assert any(rule in offence for offence in offences(Query("bad", Reach(reach), "", text)))


GOOD = [
    "SELECT * FROM message WHERE bucket = $1 FOR UPDATE SKIP LOCKED",
    "SELECT * FROM message WHERE bucket = ANY ($1::smallint[]) AND (id = $2 OR id = $3)",
    "SELECT * FROM message WHERE bucket IN ($1, $2)",
    "SELECT * FROM message m JOIN claim c ON c.bucket = $1 AND c.id = m.id WHERE m.bucket = $1",
    "UPDATE message SET body = '' WHERE bucket = $1",
    "INSERT INTO claim (bucket, id) VALUES ($1, $2) ON CONFLICT (bucket, id) DO UPDATE SET id = excluded.id",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_statement_that_keeps_them_is_let_through(text: str) -> None:
    assert offences(Query("good", Reach.HOT, "", text)) == []


async def _partitions(database: Database, statement: str) -> dict[str, set[int]]:
    """For each distributed table the numbers of the partitions that a statement's plan touches."""
    async with database.pool.acquire() as connection:
        prepared = await connection.prepare(statement)
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *map(_sample, prepared.get_parameters()))
    touched: dict[str, set[int]] = {}
    for node in _nodes(json.loads(plan)[0]["Plan"]):
        if match := re.fullmatch(r"(\w+?)_(\d+)", node.get("Relation Name", "")):
            touched.setdefault(match[1], set()).add(int(match[2]))
        assert node.get("Subplans Removed", 0) == 0, "partitions must be known when the statement is planned"
    return touched


def _sample(kind: asyncpg.Type) -> Any:
    return [SAMPLES[kind.name.removesuffix("[]")]] if kind.kind == "array" else SAMPLES[kind.name]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_statement_touches_one_partition(sharded_database: Database, name: str) -> None:
    touched = await _partitions(sharded_database, QUERIES[name].text)
    assert all(len(numbers) == 1 for numbers in touched.values()), touched
    assert len({number for numbers in touched.values() for number in numbers}) <= 1, (
        "what is one person's lies together"
    )


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM message WHERE id = $1",
        "SELECT * FROM message m JOIN unnest($1::smallint[]) AS k (bucket) ON m.bucket = k.bucket",
        "UPDATE message AS m SET body = '' FROM unnest($1::smallint[]) AS k (bucket) WHERE m.bucket = k.bucket",
        "DELETE FROM sticky_mapping WHERE recipient = $1",
        "SELECT * FROM message m WHERE bucket = $1 AND EXISTS (SELECT FROM claim c WHERE c.id = m.id)",
    ],
)
async def test_a_statement_that_asks_all_partitions_is_seen_to(sharded_database: Database, text: str) -> None:
    touched = await _partitions(sharded_database, text)
    assert max(map(len, touched.values())) == HASH_PARTITIONS


def test_two_statements_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="two statements are called one"):
        parse("-- name: one (hot)\nSELECT 1;\n-- name: one (hot)\nSELECT 2;\n")


def test_a_reach_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="lukewarm"):
        parse("-- name: one (lukewarm)\nSELECT 1;\n")
