"""`limpet apply` on a real database: what a file says becomes true, all of it or nothing, and a second time nothing is done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from click.testing import CliRunner, Result

from limpet.cli import cli
from limpet.store.database import Database

T = TypeVar("T")
KEY = "ab" * 32
TOKEN = "s3cr3t-" + "t" * 32
CARRIERS = "".join(
    f'[[carriers]]\nname = "{name}"\nhost = "127.0.0.1"\nport = 2775\nsystem_id = "sys"\npassword = "pw"\n'
    for name in ("up", "other")
)
FILE = """
[[accounts]]
name = "Acme"
auth_token_env = "ACME_TOKEN"
countries = ["US", "GB"]

[[accounts.numbers]]
number = "+1 (415) 555-0100"
carrier = "other"
also_through = ["up"]
capabilities = ["sms", "mms"]
sms_url = "https://user:hush@example.com/texts"

[[accounts.numbers]]
number = "+18005550100"

[[accounts.numbers]]
number = "24680"
country = "US"

[[accounts.numbers]]
number = "whatsapp:+14155550100"

[[accounts.numbers]]
number = "rcs:acme"
country = "US"

[[accounts.services]]
name = "Parcels"
sticky_ttl_days = 30
sticky_sender = true
area_code_geomatch = false
status_callback = "https://example.com/status"
numbers = ["+14155550100", "24680", "whatsapp:+14155550100", "rcs:acme"]
names = ["ACME", { name = "ACME GB", country = "GB", carrier = "other" }]

[accounts.services.opt_out]
advanced = true

[[accounts.services.opt_out.sets]]
country = "DE"
stop_keywords = ["HALT", "WEG"]
stop_message = "Gut."

[[accounts.services]]
name = "Idle"

[[accounts.accounts]]
name = "Acme Europe"

[[accounts.accounts.numbers]]
number = "+447700900120"

[[accounts.accounts.services]]
name = "Parcels"
numbers = ["+447700900120"]
"""


class Bench:
    """A configuration, a file, and the database behind them."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.config, self.file, self.dsn = folder / "limpet.toml", folder / "tenants.toml", dsn
        self.config.write_text(f'[database]\nurl = "{dsn}"\n{CARRIERS}')

    def run(self, text: str, *options: str, **more: Any) -> Result:
        self.file.write_text(text)
        arguments = ["apply", "--config", str(self.config), str(self.file), *options]
        return CliRunner().invoke(cli, arguments, standalone_mode=False, **more)

    def apply(self, text: str, *options: str) -> dict[str, Any]:
        ended = self.run(text, "--json", "--yes", *options)
        assert ended.exception is None, ended.exception
        return dict(json.loads(ended.output))

    def changes(self, text: str, *options: str) -> list[tuple[str, str, str]]:
        return [(one["verb"], one["what"], one["name"]) for one in self.apply(text, *options)["changes"]]

    def refusal(self, text: str, *options: str) -> str:
        """Why a file is refused; nothing of it has happened."""
        before = self.tables()
        ended = self.run(text, "--yes", *options)
        assert ended.exception is not None, ended.output
        assert self.tables() == before
        said = getattr(ended.exception, "message", str(ended.exception))
        assert "\n" not in said
        return str(said)

    def rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        async def read(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:  # type: ignore[type-arg]
            return [tuple(row) for row in await connection.fetch(sql, *arguments)]

        return self._with(read)

    def execute(self, sql: str, *arguments: object) -> None:
        self._with(lambda connection: connection.execute(sql, *arguments))

    def tables(self) -> list[list[tuple[Any, ...]]]:
        names = ("account", "sender", "service", "pool_member", "opt_out_settings")
        return [self.rows(f"SELECT * FROM {name} ORDER BY 1") for name in names]

    def _with(self, work: Callable[[Any], Awaitable[T]]) -> T:
        async def go() -> T:
            connection = await asyncpg.connect(self.dsn)
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(go())


@pytest.fixture
def bench(tmp_path: Path, database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("LIMPET_SECRET_KEY", KEY)
    monkeypatch.setenv("ACME_TOKEN", TOKEN)
    return Bench(tmp_path, database_dsn)


def test_a_file_is_made_true_and_a_second_time_there_is_nothing_to_do(bench: Bench) -> None:
    first = bench.apply(FILE)
    assert first["applied"] is True
    assert {(one["verb"]) for one in first["changes"]} == {"create", "change"}
    assert all(one["sid"] for one in first["changes"])
    before = bench.tables()
    assert bench.apply(FILE) == {"applied": False, "changes": [], "left": []}
    assert bench.run(FILE).output == "There is nothing to do.\n"
    assert bench.tables() == before
    senders = bench.rows(
        "SELECT address, kind, country, carrier, also_through, capabilities FROM sender ORDER BY address"
    )
    assert senders == [
        ("+14155550100", "long_code", "US", "other", ["up"], ["mms", "sms"]),
        ("+18005550100", "toll_free", "US", "up", None, ["sms"]),
        ("+447700900120", "long_code", "GB", "up", None, ["sms"]),
        ("24680", "short_code", "US", "up", None, ["sms"]),
        ("ACME", "alphanumeric", "", "up", None, ["sms"]),
        ("ACME GB", "destination_alpha", "GB", "other", None, ["sms"]),
        ("rcs:acme", "rcs", "US", "", None, []),
        ("whatsapp:+14155550100", "whatsapp", "US", "", None, []),
    ]
    (parcels, idle, below) = bench.rows(
        "SELECT friendly_name, sticky_ttl_days, area_code_geomatch, validity_period FROM service ORDER BY id"
    )
    assert parcels == ("Parcels", 30, False, 36000)
    assert (idle[0], below[0]) == ("Idle", "Parcels")
    assert bench.rows("SELECT count(*) FROM pool_member WHERE removed_at IS NULL") == [(7,)]
    owners = bench.rows("SELECT friendly_name, owner_sid IS NULL, countries FROM account ORDER BY id")
    assert owners == [("Acme", True, ["GB", "US"]), ("Acme Europe", False, None)]


def test_secrets_open_the_account_and_are_never_printed(bench: Bench) -> None:
    from limpet.store.accounts import Accounts
    from limpet.store.secrets import Vault

    said = bench.run(FILE, "--yes").output + bench.run(FILE.replace("ACME_TOKEN", "ACME_TOKEN"), "--json").output
    assert TOKEN not in said
    assert "hush" not in said
    ((sid,),) = bench.rows("SELECT sid FROM account WHERE owner_sid IS NULL")

    async def opens() -> bool:
        database = await Database.connect(bench.dsn)
        try:
            credential = await Accounts(database, Vault(bytes.fromhex(KEY))).credentials(sid)
            return credential is not None and credential.secret_matches(TOKEN)
        finally:
            await database.close()

    assert asyncio.run(opens())


def test_a_dry_run_tells_the_same_and_does_nothing(bench: Bench) -> None:
    before = bench.tables()
    planned = bench.apply(FILE, "--dry-run")
    assert (planned["applied"], bench.tables()) == (False, before)
    assert {one["sid"] for one in planned["changes"]} == {""}
    done = bench.apply(FILE)
    assert [{**one, "sid": ""} for one in done["changes"]] == planned["changes"]
    table = bench.run(FILE.replace("sticky_ttl_days = 30", "sticky_ttl_days = 31"), "--dry-run").output
    assert "sticky_ttl_days 30 → 31" in table
    assert table.rstrip().endswith("Nothing was done.")


def test_what_changes_is_changed_and_what_is_not_given_is_as_by_default(bench: Bench) -> None:
    bench.apply(FILE)
    changed = FILE.replace("sticky_ttl_days = 30\n", "").replace('carrier = "other"\nalso', "also")
    changed = changed.replace('countries = ["US", "GB"]\n', "").replace('"WEG"', '"FORT"')
    assert bench.changes(changed) == [
        ("change", "account", "Acme"),
        ("change", "number", "+14155550100"),
        ("change", "service", "Parcels"),
        ("change", "opt-out settings", "Parcels"),
    ]
    assert bench.rows("SELECT sticky_ttl_days FROM service ORDER BY id LIMIT 1") == [(365,)]
    assert bench.changes(changed) == []


def test_nothing_is_removed_without_prune_and_a_removed_member_loses_its_mappings_at_once(bench: Bench) -> None:
    bench.apply(FILE)
    (service, generation) = bench.rows("SELECT id, generation FROM service ORDER BY id LIMIT 1")[0]
    less = FILE.replace('numbers = ["+14155550100", "24680",', 'numbers = ["24680",').replace(
        '[[accounts.services]]\nname = "Idle"\n', ""
    )
    less = less.replace('[[accounts.numbers]]\nnumber = "+18005550100"\n', "").replace('names = ["ACME", ', "names = [")
    kept = bench.apply(less)
    assert (kept["applied"], kept["changes"]) == (False, [])
    assert kept["left"] == [
        "member +14155550100 of Parcels",
        "member ACME of Parcels",
        "service Idle",
        "number +18005550100",
    ]
    assert "Not in the file" in bench.run(less, "--yes").output
    assert bench.changes(less, "--prune") == [
        ("remove", "member", "+14155550100 of Parcels"),
        ("remove", "member", "ACME of Parcels"),
        ("remove", "service", "Idle"),
        ("remove", "number", "+18005550100"),
    ]
    gone = bench.rows(
        "SELECT n.address FROM pool_member m JOIN sender n ON n.id = m.sender_id WHERE m.removed_at IS NOT NULL ORDER BY 1"
    )
    assert gone == [("+14155550100",), ("ACME",)]
    assert bench.rows("SELECT generation > $2 FROM service WHERE id = $1", service, generation) == [(True,)]
    assert bench.apply(less, "--prune") == {"applied": False, "changes": [], "left": []}


def test_a_number_moves_between_services_and_accounts_with_prune_only(bench: Bench) -> None:
    bench.apply(FILE)
    moved = FILE.replace('numbers = ["+14155550100", "24680",', 'numbers = ["24680",').replace(
        'name = "Idle"\n', 'name = "Idle"\nnumbers = ["+14155550100"]\n'
    )
    assert "21712" in bench.refusal(moved)
    assert bench.changes(moved, "--prune")[-1] == ("create", "member", "+14155550100 of Idle")
    number = '[[accounts.numbers]]\nnumber = "+18005550100"\n'
    given = FILE.replace(number, "").replace(
        "[[accounts.accounts.numbers]]\n",
        '[[accounts.accounts.numbers]]\nnumber = "+18005550100"\n[[accounts.accounts.numbers]]\n',
    )
    assert "error 21422" in bench.refusal(given)
    assert ("create", "number", "+18005550100") in bench.changes(given, "--prune")


def test_names_are_exchanged_with_prune_only(bench: Bench) -> None:
    bench.apply(FILE)
    other = FILE.replace('["ACME", ', '["ACMECORP", ')
    assert "accounts[0].services[0].names[0]: the pool has" in bench.refusal(other)
    assert bench.changes(other, "--prune") == [
        ("remove", "member", "ACME of Parcels"),
        ("create", "member", "ACMECORP of Parcels"),
    ]


def test_a_token_is_exchanged_and_a_status_set(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.apply(FILE)
    monkeypatch.setenv("ACME_TOKEN", "another-" + "u" * 32)
    (change,) = bench.apply(FILE)["changes"]
    assert (change["name"], change["detail"]) == ("Acme", "auth token")
    suspended = FILE.replace('name = "Acme Europe"\n', 'name = "Acme Europe"\nstatus = "suspended"\n')
    assert bench.apply(suspended)["changes"][0]["detail"] == "status active → suspended"
    closed = (
        FILE[: FILE.index("[[accounts.accounts]]")] + '[[accounts.accounts]]\nname = "Acme Europe"\nstatus = "closed"\n'
    )
    assert bench.apply(closed)["changes"][0]["detail"] == "status suspended → closed"
    assert bench.changes(closed) == []
    assert bench.rows("SELECT count(*) FROM sender WHERE address = '+447700900120' AND released_at IS NULL") == [(0,)]


def test_a_change_in_between_is_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody does the same by hand while the plan is being looked at: what was agreed to is not what would happen."""
    bench.apply(FILE)
    changed = FILE.replace("sticky_ttl_days = 30", "sticky_ttl_days = 31")

    def somebody_else(_plan: object, _as_json: bool) -> None:
        bench.execute("UPDATE service SET sticky_ttl_days = 29")

    monkeypatch.setattr("limpet.commands.apply._ask", somebody_else)
    ended = bench.run(changed)
    assert "meanwhile" in str(getattr(ended.exception, "message", ended.exception))
    assert bench.rows("SELECT DISTINCT sticky_ttl_days FROM service") == [(29,)]


def test_without_yes_and_nobody_to_ask_nothing_is_done(bench: Bench) -> None:
    before = bench.tables()
    ended = bench.run(FILE)
    assert "give --yes" in str(getattr(ended.exception, "message", ended.exception))
    assert bench.tables() == before


def test_accounts_and_services_are_told_apart_by_sid(bench: Bench) -> None:
    bench.apply(FILE)
    bench.execute(
        "INSERT INTO account (sid, friendly_name, auth_token_sealed, created_at, updated_at) "
        "SELECT 'AC' || repeat('7', 32), friendly_name, auth_token_sealed, created_at, updated_at FROM account LIMIT 1"
    )
    assert "give the sid of the one meant" in bench.refusal(FILE)
    ((sid,),) = bench.rows("SELECT sid FROM account WHERE owner_sid IS NULL AND sid NOT LIKE 'AC7777%'")
    named = FILE.replace('name = "Acme"\n', f'name = "Acme Inc"\nsid = "{sid}"\n', 1)
    assert bench.apply(named)["changes"][0]["detail"] == "name Acme → Acme Inc"
    wrong = FILE.replace('name = "Acme"\n', f'name = "Acme"\nsid = "AC{"9" * 32}"\n', 1)
    assert "there is no such account" in bench.refusal(wrong)
