"""`limpet registrations`: an operator sees what is open and answers, against the operator's database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from limpet.cli import cli
from limpet.registrar.manual import ManualRegistrar
from limpet.store.database import Database
from tests.support.clock import HandClock
from tests.support.registry import A2p
from tests.support.world import POOL, open_world

CARRIER = '[[carriers]]\nname = "up"\nhost = "127.0.0.1"\nport = 2775\nsystem_id = "sys"\npassword = "pw"\n'


@pytest.fixture
def config(tmp_path: Path, database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMPET_SECRET_KEY", "00" * 32)
    path = tmp_path / "limpet.toml"
    path.write_text(f'[database]\nurl = "{database_dsn}"\n{CARRIER}')
    return path


def run(config: Path, *arguments: str) -> str:
    made = CliRunner().invoke(cli, ["registrations", *arguments, "--config", str(config)], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    return made.output


def listed(config: Path, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(config, "list", "--json", *more))
    return found


def with_a2p(dsn: str, work: Callable[[A2p], Awaitable[Any]]) -> Any:
    """Let a Limpet whose registrar is an operator do something."""

    async def go() -> Any:
        database = await Database.connect(dsn)
        try:
            async with open_world(database, HandClock(datetime.now(UTC))) as world:
                a2p = A2p(world)
                a2p.registering._registrar = ManualRegistrar()
                return await work(a2p)
        finally:
            await database.close()

    return asyncio.run(go())


async def turns(a2p: A2p) -> dict[str, str | None]:
    for _ in range(3):
        await a2p.turn(600.0)
    rows = await a2p.world.database.pool.fetch("SELECT address, stage FROM number_registration ORDER BY id")
    return {row["address"]: row["stage"] for row in rows}


def test_an_operator_takes_a_campaign_and_its_numbers_through_their_whole_way(config: Path, database_dsn: str) -> None:
    async def begin(a2p: A2p) -> str:
        service = await a2p.service(POOL[0], POOL[1], campaign=False)
        a2p.restart()
        return await a2p.campaign(service)

    campaign = with_a2p(database_dsn, begin)
    assert [(one["subject"], one["asked"]) for one in listed(config)] == [(campaign, "campaign")]
    assert "will be told" in run(config, "approve", campaign)
    assert with_a2p(database_dsn, turns) == {POOL[0]: "pending", POOL[1]: "pending"}
    assert {one["subject"] for one in listed(config)} == {POOL[0], POOL[1]}
    run(config, "approve", POOL[0])
    run(config, "reject", POOL[1], "--reason", "not yours", "--code", "30125")
    assert with_a2p(database_dsn, turns) == {POOL[0]: "registered", POOL[1]: "failed"}
    assert listed(config) == []
    assert {one["subject"]: one["reason"] for one in listed(config, "--failed")}[POOL[1]] == "not yours"
    run(config, "retry", POOL[1])
    run(config, "reject", POOL[0], "--reason", "complaints")
    assert with_a2p(database_dsn, turns) == {POOL[0]: "failed", POOL[1]: "pending"}
    run(config, "suspend", campaign, "--reason", "audit")

    async def status(a2p: A2p) -> str:
        await turns(a2p)
        return str(await a2p.world.database.pool.fetchval("SELECT status FROM campaign"))

    assert with_a2p(database_dsn, status) == "SUSPENDED"
    run(config, "resume", campaign)
    assert with_a2p(database_dsn, status) == "VERIFIED"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("approve", "+12125550100"), "Nothing about"),
        (("suspend", "QE" + "0" * 32, "--reason", "x"), "There is no campaign"),
        (("reject", "PN1", "--reason", "two\nlines"), "--reason must be one line"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(config: Path, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(Exception, match=said):
        CliRunner().invoke(
            cli, ["registrations", *arguments, "--config", str(config)], catch_exceptions=False, standalone_mode=False
        )


def test_one_place_is_named(config: Path, tmp_path: Path) -> None:
    both = ["registrations", "list", "--config", str(config), "--data", str(tmp_path)]
    assert CliRunner().invoke(cli, both).exit_code == 2
