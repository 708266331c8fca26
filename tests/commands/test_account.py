"""`limpet account create`: the way in to a server on which nothing is seeded."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from limpet.cli import cli
from limpet.store.accounts import Accounts, Credential
from limpet.store.database import Database
from limpet.store.secrets import KEY_BYTES, Vault

KEY = b"k" * KEY_BYTES
CARRIER = '[[carriers]]\nname = "up"\nhost = "127.0.0.1"\nport = 2775\nsystem_id = "sys"\npassword = "pw"\n'


@pytest.fixture
def config(tmp_path: Path, database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMPET_SECRET_KEY", KEY.hex())
    path = tmp_path / "limpet.toml"
    path.write_text(f'[database]\nurl = "{database_dsn}"\n{CARRIER}')
    return path


def created(config: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["account", "create", "--config", str(config), *options], catch_exceptions=False)


async def credential(dsn: str, sid: str) -> Credential | None:
    database = await Database.connect(dsn)
    try:
        return await Accounts(database, Vault(KEY)).credentials(sid)
    finally:
        await database.close()


def test_what_is_shown_is_what_opens_the_account(config: Path, database_dsn: str):
    shown = json.loads(created(config, "--name", "Acme", "--json").output)
    found = asyncio.run(credential(database_dsn, shown["account_sid"]))
    assert found is not None
    assert found.account.friendly_name == shown["friendly_name"] == "Acme"
    assert found.secret_matches(shown["auth_token"])
    assert not found.secret_matches(shown["auth_token"][::-1])


def test_each_call_makes_another_account(config: Path):
    assert created(config).output != created(config).output


def test_a_person_gets_lines(config: Path):
    lines = dict(line.split(maxsplit=1) for line in created(config, "--name", "Acme & Sons").output.splitlines())
    assert lines["friendly_name"] == "Acme & Sons"
    assert lines["account_sid"].startswith("AC")


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines"])
def test_a_name_that_cannot_be_shown_is_refused(config: Path, name: str):
    with pytest.raises(Exception, match="--name must be a text of 1 to 64 characters"):
        created(config, "--name", name)
