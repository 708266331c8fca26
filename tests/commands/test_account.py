"""`limpet accounts create`: the way in to a server on which nothing is seeded."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from limpet.cli import cli
from limpet.store.accounts import Accounts, Credential
from limpet.store.database import Database
from limpet.store.secrets import KEY_BYTES, Vault
from limpet.store.services import Services, ServiceSettings
from tests.support.clock import NOW

KEY = b"k" * KEY_BYTES
CARRIER = '[[carriers]]\nname = "up"\nhost = "127.0.0.1"\nport = 2775\nsystem_id = "sys"\npassword = "pw"\n'


@pytest.fixture
def config(tmp_path: Path, database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMPET_SECRET_KEY", KEY.hex())
    path = tmp_path / "limpet.toml"
    path.write_text(f'[database]\nurl = "{database_dsn}"\n{CARRIER}')
    return path


def created(config: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["accounts", "create", "--config", str(config), *options], catch_exceptions=False)


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


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--config", str(config)])


def test_an_account_has_limits_that_its_operator_sets(config: Path):
    sid = json.loads(created(config, "--json").output)["account_sid"]
    usual = {
        "account_sid": sid,
        "segments_per_second": None,
        "scheduled_max": None,
        "trial": False,
        "verified_numbers": [],
    }
    assert json.loads(run(config, "accounts", "limits", "--sid", sid).output) == usual
    changed = run(
        config, "accounts", "limits", "--sid", sid, "--segments-per-second", "2.5", "--scheduled-max", "0", "--trial",
        "--verify", "+1 415 555 0101", "--verify", "+14155550102",
    )  # fmt: skip
    assert json.loads(changed.output) == {
        "account_sid": sid, "segments_per_second": 2.5, "scheduled_max": 0, "trial": True,
        "verified_numbers": ["+14155550101", "+14155550102"],
    }  # fmt: skip
    back = run(
        config, "accounts", "limits", "--sid", sid, "--segments-per-second", "0", "--scheduled-max", "-1", "--no-trial",
        "--unverify", "+14155550101", "--unverify", "+14155550102",
    )  # fmt: skip
    assert json.loads(back.output) == usual


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("accounts", "limits", "--sid", "AC" + "0" * 32), "There is no account"),
        (("accounts", "limits", "--sid", "AC" + "0" * 32, "--verify", "nobody"), "nobody is not a phone number."),
        (("services", "pause", "--sid", "MG" + "0" * 32), "There is no service"),
        (("services", "resume", "--sid", "MG" + "0" * 32), "There is no service"),
    ],
)
def test_what_is_not_there_is_told(config: Path, arguments: tuple[str, ...], said: str):
    answer = run(config, *arguments)
    assert answer.exit_code == 1
    assert said in answer.output


async def service_of(dsn: str, account_sid: str) -> str:
    database = await Database.connect(dsn)
    try:
        account = await Accounts(database, Vault(KEY)).by_sid(account_sid)
        assert account is not None
        return (await Services(database).create(account.id, ServiceSettings("x"), NOW)).sid
    finally:
        await database.close()


def test_a_service_is_paused_and_resumed(config: Path, database_dsn: str):
    sid = asyncio.run(service_of(database_dsn, json.loads(created(config, "--json").output)["account_sid"]))
    assert run(config, "services", "pause", "--sid", sid).output == f"{sid} sends nothing until it is resumed.\n"
    assert run(config, "services", "resume", "--sid", sid).output == f"{sid} sends.\n"
