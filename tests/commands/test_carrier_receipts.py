"""`limpet carriers receipts|relearn`: receipts of nobody and learned spellings, straight from the database."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from limpet.cli import cli
from limpet.core.ids import id_floor
from limpet.store import receipts
from limpet.store.database import Database
from limpet.store.receipts import Told

CARRIER = '[[carriers]]\nname = "up"\nhost = "127.0.0.1"\nport = 2775\nsystem_id = "sys"\npassword = "pw"\n'
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path, database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMPET_SECRET_KEY", "07" * 32)
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "limpet.toml"
    path.write_text(f'[database]\nurl = "{database_dsn}"\n{CARRIER}')
    return path


def asked(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["carriers", *arguments, "--config", str(config)])


def fill(dsn: str) -> None:
    async def work() -> None:
        database = await Database.connect(dsn)
        async with database.pool.acquire() as connection:
            await receipts.learn_spelling(connection, "up", "hexadecimal:8:upper", AT)
            await receipts.keep(
                connection,
                [
                    Told(
                        1,
                        id_floor(AT),
                        "up/0",
                        "+14155550199",
                        "+12125550100",
                        "77",
                        "delivered",
                        None,
                        None,
                        None,
                        None,
                    )
                ],
            )
        await database.close()

    asyncio.run(work())


def test_nothing_is_said_to_be_nothing(config: Path) -> None:
    assert asked(config, "receipts").output == "There are no such receipts.\n"
    nothing = asked(config, "relearn", "up")
    assert (nothing.exit_code, nothing.output) == (1, "Error: Nothing has been learned of the carrier up.\n")


def test_receipts_of_nobody_are_listed(config: Path, database_dsn: str) -> None:
    fill(database_dsn)
    (one,) = json.loads(asked(config, "receipts", "--json").output)
    assert one == {
        "received_at": "2026-03-02T12:00:00Z", "lane": "up/0", "to": "+14155550199", "from_": "+12125550100",
        "carrier_message_id": "77", "state": "delivered",
    }  # fmt: skip
    assert "+14155550199" in asked(config, "receipts", "--carrier", "up").output
    assert asked(config, "receipts", "--carrier", "other").output == "There are no such receipts.\n"


def test_a_spelling_is_forgotten_once(config: Path, database_dsn: str) -> None:
    fill(database_dsn)
    assert asked(config, "relearn", "up").output == "up was known for hexadecimal:8:upper; that is forgotten.\n"
    assert asked(config, "relearn", "up").exit_code == 1
