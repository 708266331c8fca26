"""The command line as a person meets it: real processes, real answers, one sentence for whatever goes wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from twilio.rest import Client

from limpet.store.embedded import CLUSTER_NAME
from limpet.store.postmaster import read_postmaster, servers_of
from tests.support.limpet_process import PROGRAM, LimpetProcess, data_directory, limpet, limpet_dev

PERSON = "+14155550199"


@pytest.fixture
def running(data: Path) -> Iterator[LimpetProcess]:
    with limpet_dev(data) as process:
        yield process
        process.end(signal.SIGTERM)


def _client(ready: dict[str, str]) -> Client:
    client = Client(ready["account_sid"], ready["auth_token"])
    client.api.base_url = client.messaging.base_url = ready["url"]
    return client


def _send(ready: dict[str, str], body: str = "Hello") -> str:
    sent = _client(ready).messages.create(to=PERSON, messaging_service_sid=ready["service_sid"], body=body)
    assert sent.sid is not None
    return sent.sid


REFUSED = [
    (["nope"], r"limpet: There is no command 'nope'\."),
    (["dev", "--port", "65536"], r"limpet: Invalid value for '--port'"),
    (["dev", "--port", "x"], r"limpet: Invalid value for '--port'"),
    (["dev", "--host", "example.com"], r"limpet: --host must be an IP address"),
    (["dev", "--host", "0.0.0.0"], r"limpet: Listening on 0\.0\.0\.0 needs TLS"),
    (["dev", "--clock", "366d"], r"limpet: .*'366d' is not an offset such as \+366d"),
    (["dev", "--clock", "+1y"], r"limpet: .*'\+1y' is not an offset"),
    (["dev", "--clock", "+999999d"], r"limpet: .*'\+999999d' is not an offset"),
    (["dev", "--allow", "+14155550199"], r"limpet: --allow, --release-config and --release-from need --release-to"),
    (["dev", "--release-to", "up"], r"limpet: --release-to needs --release-config"),
    (
        ["dev", "--release-to", "up", "--release-config", "/nowhere", "--allow", "+14155550199"],
        r"limpet: /nowhere cannot be read",
    ),
    (["dev", "--data", "/dev/null"], r"limpet: The data directory /dev/null is a file"),
    (["dev", "--data", "/dev/null/x"], r"limpet: The data directory /dev/null/x cannot be made"),
    (["serve"], r"limpet: Missing option '--config'"),
    (["serve", "--config", "/nowhere.toml"], r"limpet: /nowhere\.toml cannot be read: No such file or directory\."),
    (["migrate"], r"limpet: Give either --config or --database\."),
    (["migrate", "--database", "mysql://x"], r"limpet: --database must be a URL such as"),
    (["migrate", "--database", "postgresql://nobody@127.0.0.1:1/x"], r"limpet: The database cannot be reached: "),
    (["sticky", "show", "--to", PERSON], r"limpet: Missing option '--service'"),
    (
        ["sticky", "show", "--service", "MG", "--to", PERSON, "--data", "/nowhere"],
        r"limpet: There is no /nowhere/dev\.json",
    ),
]


NOT_UNDERSTOOD = r"limpet: (There is no command|Invalid value|Missing option|Give either)"


@pytest.mark.parametrize(
    ("arguments", "sentence"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_what_goes_wrong_is_one_sentence(arguments: list[str], sentence: str) -> None:
    ended = limpet(*arguments)
    assert re.match(sentence, ended.stderr + ended.stdout), ended.stderr
    assert "Traceback" not in ended.stderr
    assert (ended.stdout, ended.stderr.count("\n")) == ("", 1)
    assert ended.returncode == (2 if re.match(NOT_UNDERSTOOD, ended.stderr) else 1)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["dev", "--help"], ["sticky"]])
def test_help_is_given(arguments: list[str]) -> None:
    ended = limpet(*arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Usage: limpet")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"LIMPET_URL": "http://127.0.0.1:1"}, "Credentials are missing"),
        ({"LIMPET_URL": "http://127.0.0.1:1", "LIMPET_ACCOUNT_SID": "AC"}, "Credentials are missing"),
        (
            {"LIMPET_URL": "http://127.0.0.1:1", "LIMPET_API_KEY_SID": "SK", "LIMPET_AUTH_TOKEN": "x"},
            "Credentials are missing",
        ),
        (
            {"LIMPET_URL": "http://127.0.0.1:1", "LIMPET_ACCOUNT_SID": "AC", "LIMPET_AUTH_TOKEN": "x"},
            "No Limpet answers at",
        ),
        ({"LIMPET_URL": "file:///etc", "LIMPET_ACCOUNT_SID": "AC", "LIMPET_AUTH_TOKEN": "x"}, "is not a URL such as"),
    ],
)
def test_a_limpet_that_is_not_there_is_said(environment: dict[str, str], sentence: str) -> None:
    ended = limpet("sticky", "show", "--service", "MG", "--to", PERSON, **environment)
    assert ended.stderr.startswith("limpet: ")
    assert sentence in ended.stderr
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)


def test_the_version_is_told_at_once() -> None:
    started = time.monotonic()
    assert re.fullmatch(r"limpet \d+\.\d+\.\d+\n", limpet("--version").stdout)
    assert time.monotonic() - started < 5
    loaded = "import sys, limpet.cli; print(*sys.modules)"
    modules = subprocess.check_output([str(Path(PROGRAM).with_name("python")), "-c", loaded], text=True).split()
    assert not {"asyncpg", "aiohttp", "uvicorn", "rich", "cryptography", "psutil"} & set(modules)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_is_ready_serves_and_stops_with_its_database(data: Path, how: signal.Signals) -> None:
    with limpet_dev(data) as running:
        ready = running.ready
        assert set(ready) == {
            "url", "pid", "account_sid", "auth_token", "api_key_sid", "api_key_secret", "service_sid", "numbers", "smpp",
            "smpp_system_id", "smpp_password", "proxy", "proxy_environment",
        }  # fmt: skip
        assert (ready["pid"], len(ready["numbers"])) == (running.process.pid, 10)
        assert _send(ready).startswith("SM")
        assert running.end(how) == (0, "")
    assert list(servers_of(data / CLUSTER_NAME)) == []


def test_a_second_start_keeps_everything(data: Path) -> None:
    with limpet_dev(data) as first:
        sid = _send(first.ready, "kept")
        first.end(signal.SIGTERM)
    with limpet_dev(data) as second:
        changing = {"url": 0, "pid": 0, "smpp": 0}
        assert {**second.ready, **changing} == {**first.ready, **changing}
        assert _client(second.ready).messages(sid).fetch().body == "kept"
        second.end(signal.SIGTERM)


def test_after_a_kill_the_database_is_found_running(data: Path) -> None:
    with limpet_dev(data) as killed:
        sid = _send(killed.ready, "accepted")
        killed.end(signal.SIGKILL)
    left = read_postmaster(data / CLUSTER_NAME)
    with limpet_dev(data) as again:
        assert read_postmaster(data / CLUSTER_NAME) == left
        assert _client(again.ready).messages(sid).fetch().body == "accepted"
        assert again.end(signal.SIGTERM)[0] == 0


def test_a_second_limpet_on_the_same_directory_is_refused(running: LimpetProcess, data: Path) -> None:
    ended = limpet("dev", "--port", "0", "--data", str(data))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"limpet: Another Limpet (process {running.process.pid}) uses {data}")


def test_a_port_that_is_taken_is_said(running: LimpetProcess) -> None:
    port = running.ready["url"].rsplit(":", 1)[1]
    with data_directory() as other:
        ended = limpet("dev", "--port", port, "--data", str(other))
    assert ended.returncode == 1
    assert re.fullmatch(rf"limpet: Port {port} of 127.0.0.1 cannot be used: .*\n", ended.stderr)


def test_the_credentials_are_kept_for_their_owner_alone(running: LimpetProcess, data: Path) -> None:
    path = data / "dev.json"
    assert path.stat().st_mode & 0o777 == 0o600
    kept = json.loads(path.read_text())
    assert (kept["url"], kept["auth_token"]) == (running.ready["url"], running.ready["auth_token"])


def test_a_mapping_is_shown_and_reset(running: LimpetProcess, data: Path) -> None:
    ready = running.ready
    where = ("--service", ready["service_sid"], "--to", PERSON, "--data", str(data))
    limpet("sticky", "reset", *where)
    missing = limpet("sticky", "show", *where)
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert "has no mapping in" in missing.stderr
    sid = _send(ready)
    shown = json.loads(limpet("sticky", "show", *where, "--json").stdout)
    assert (shown["to"], shown["live"]) == (PERSON, True)
    assert _client(ready).messages(sid).fetch().from_ == shown["from"]
    text = limpet("sticky", "show", *where).stdout
    assert re.search(rf"^from +{re.escape(shown['from'])}$", text, re.MULTILINE)
    assert re.search(r"^live +yes$", text, re.MULTILINE)
    assert json.loads(limpet("sticky", "reset", *where, "--json").stdout)["reset"] is True
    assert limpet("sticky", "reset", *where).returncode == 1


def test_the_environment_names_another_limpet(running: LimpetProcess) -> None:
    ready = running.ready
    _send(ready)
    key = {"LIMPET_API_KEY_SID": ready["api_key_sid"], "LIMPET_API_KEY_SECRET": ready["api_key_secret"]}
    where = ("sticky", "show", "--service", ready["service_sid"], "--to", PERSON)
    proxied = {"http_proxy": "http://127.0.0.1:1"}  # never asked about this machine
    assert limpet(*where, LIMPET_URL=ready["url"], **key, **proxied).returncode == 0
    wrong = limpet(*where, LIMPET_URL=ready["url"], **{**key, "LIMPET_API_KEY_SECRET": "wrong"})
    assert re.fullmatch(r"limpet: .* \(error 20003\)\.\n", wrong.stderr)
    bad = limpet(*where[:-1], "nobody", LIMPET_URL=ready["url"], **key)
    assert re.fullmatch(r"limpet: .* \(error 21211\)\.\n", bad.stderr)


def test_with_the_clock_moved_a_year_and_a_day_a_mapping_is_dead(data: Path) -> None:
    with limpet_dev(data) as today:
        _send(today.ready)
        today.end(signal.SIGTERM)
    with limpet_dev(data, "--clock", "+366d") as later:
        where = ("--service", later.ready["service_sid"], "--to", PERSON, "--data", str(data), "--json")
        shown = json.loads(limpet("sticky", "show", *where).stdout)
        assert (shown["live"], shown["why_dead"] is None) == (False, False)
        _send(later.ready)
        again = json.loads(limpet("sticky", "show", *where).stdout)
        assert again["live"] is True
        assert date.fromisoformat(again["created_day"]) - date.fromisoformat(shown["last_used_day"]) == timedelta(
            days=366
        )
        later.end(signal.SIGTERM)


def test_a_person_is_told_how_to_point_a_client_at_it(data: Path) -> None:
    command = [PROGRAM, "dev", "--port", "0", "--data", str(data)]
    environment = {**os.environ, "COLUMNS": "40"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line
            said += line
        kept = json.loads((data / "dev.json").read_text())
        process.terminate()
        process.wait(30)
    for line in (
        f'client = Client("{kept["account_sid"]}", "{kept["auth_token"]}")\n',
        f'client.api.base_url = client.messaging.base_url = "{kept["url"]}"\n',
        f'client.api.baseUrl = client.messaging.baseUrl = "{kept["url"]}";\n',
        f"curl -u {kept['account_sid']}:{kept['auth_token']} {kept['url']}/2010-04-01/Accounts/{kept['account_sid']}/",
    ):
        assert line in said, "no line may be broken: it is there to be copied"


def test_migrating_twice_changes_nothing(database_server: object, database_dsn: str) -> None:
    ended = limpet("migrate", "--database", database_dsn)
    assert (ended.returncode, ended.stdout) == (0, "The schema is up to date.\n")


def test_an_empty_database_gets_every_step(database_server: object, tmp_path: Path) -> None:
    with data_directory() as data:
        config = tmp_path / "limpet.toml"
        config.write_text(
            f'[database]\ndata_dir = "{data}"\n[[carriers]]\nname = "a"\nhost = "127.0.0.1"\nport = 1\n'
            'system_id = "a"\npassword = "a"\n'
        )
        first = limpet("migrate", "--config", str(config))
        assert first.stdout.startswith("applied 0001 initial\n"), first.stderr
        assert limpet("migrate", "--config", str(config)).stdout == "The schema is up to date.\n"
        assert list(servers_of(data / CLUSTER_NAME)) == []
