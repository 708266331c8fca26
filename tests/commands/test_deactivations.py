"""`limpet deactivations import`: a file becomes the list of a day."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from limpet.cli import cli
from limpet.store.database import Database
from limpet.store.deactivations import Deactivations

CARRIER = '[[carriers]]\nname = "up"\nhost = "127.0.0.1"\nport = 2775\nsystem_id = "sys"\npassword = "pw"\n'
DAY = date(2026, 3, 1)


@pytest.fixture
def config(tmp_path: Path, database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMPET_SECRET_KEY", "6b" * 32)
    path = tmp_path / "limpet.toml"
    path.write_text(f'[database]\nurl = "{database_dsn}"\n{CARRIER}')
    return path


def brought(config: Path, file: Path, *options: str, day: str = DAY.isoformat()) -> Result:
    arguments = ["deactivations", "import", str(file), "--date", day, "--config", str(config), *options]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


async def listed(dsn: str, day: date) -> list[str]:
    database = await Database.connect(dsn)
    try:
        store = Deactivations(database, b"")  # reading places nothing
        return sorted([number async for part in store.numbers(day) for number in part])
    finally:
        await database.close()


def test_a_file_becomes_the_list_of_its_day_and_bad_lines_are_named(
    config: Path, database_dsn: str, tmp_path: Path
) -> None:
    numbers = [f"+1415555{n:04}" for n in range(3000)]
    lines = [
        *numbers[:1000],
        "",
        "nobody",
        *(number[1:] for number in numbers[1000:2000]),
        "x" * 5000,
        *numbers[2000:],
        "12345",
    ]
    file = tmp_path / "list.txt"
    file.write_text("\r\n".join(lines))
    done = brought(config, file, "--json")
    assert json.loads(done.stdout) == {"date": "2026-03-01", "imported": 3000, "known": 0, "rejected": 3}
    assert done.stderr.splitlines() == [
        "line 1002: 'nobody' is no number",
        f"line 2003: '{'x' * 40}' is no number",
        "line 3004: '12345' is no number",
    ]
    assert asyncio.run(listed(database_dsn, DAY)) == numbers
    again = brought(config, file)
    assert again.stdout == "List of 2026-03-01: 0 new, 3000 known.\n"
    assert asyncio.run(listed(database_dsn, DAY)) == numbers
    assert asyncio.run(listed(database_dsn, DAY - timedelta(days=1))) == []


def test_of_many_bad_lines_only_the_first_are_named(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(b"\xff\n" * 25)
    said = brought(config, file).stderr.splitlines()
    assert len(said) == 21
    assert said[-1] == "… and 5 more lines"


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", (datetime.now(UTC).date() + timedelta(days=1)).isoformat()])
def test_a_day_that_cannot_be_is_refused(config: Path, tmp_path: Path, day: str) -> None:
    file = tmp_path / "list.txt"
    file.write_text("+14155550100\n")
    done = brought(config, file, day=day)
    assert done.exit_code == 2
    assert day in done.output


def test_the_database_must_be_named(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("+14155550100\n")
    done = CliRunner().invoke(cli, ["deactivations", "import", str(file), "--date", "2026-03-01"])
    assert done.exit_code == 2
    assert "Give either --config or --data." in done.output
