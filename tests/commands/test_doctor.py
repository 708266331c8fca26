"""`limpet doctor` on real databases and carriers: what is good is ok, and what is wrong is named with what to do."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from limpet.cli import cli
from limpet.store.database import Database, migrations
from tests.support.certificate import make_certificate
from tests.support.limpet_process import data_directory, limpet
from tests.support.smsc import simulator

Findings = dict[tuple[str, str], tuple[str, str, str]]


def configuration(folder: Path, database: str, port: int, carrier: str = "", more: str = "") -> Path:
    """A limpet.toml whose one carrier is the simulated one of these tests."""
    host = "" if "host" in carrier else 'host = "127.0.0.1"\n'
    password = "" if "password" in carrier else 'password = "secret"\n'
    path = folder / "limpet.toml"
    path.write_text(
        f'{more}\n[database]\n{database}\n[[carriers]]\nname = "up"\n{host}port = {port}\n'
        f'system_id = "limpet"\n{password}{carrier}\n'
    )
    return path


async def doctor(path: Path, *options: str, seconds: str = "3") -> Result:
    arguments = ["doctor", "--config", str(path), "--timeout", seconds, *options]
    ended = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert "Traceback" not in ended.output
    return ended


async def findings(path: Path, **more: str) -> tuple[int, Findings]:
    ended = await doctor(path, "--json", **more)
    said: dict[str, Any] = json.loads(ended.output)
    assert said["healthy"] is (ended.exit_code == 0)
    found = {(o["area"], o["check"]): (o["verdict"], o["detail"], o["advice"]) for o in said["findings"]}
    assert all(advice for verdict, _, advice in found.values() if verdict == "warn")
    return ended.exit_code, found


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMPET_SECRET_KEY", "ab" * 32)


@asynccontextmanager
async def silent(answer: bytes = b"") -> AsyncIterator[int]:
    """A server that takes a connection and says nothing, or always the same."""
    ends: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        await reader.read(1)
        writer.write(answer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for writer in ends:
            writer.close()
        server.close()


async def test_a_healthy_installation_is_ok_from_end_to_end(tmp_path: Path) -> None:
    with data_directory() as data:
        async with simulator() as smsc:
            path = configuration(tmp_path, f'data_dir = "{data}"', smsc.port)
            assert (await asyncio.to_thread(limpet, "migrate", "--config", str(path))).returncode == 0
            code, found = await findings(path, seconds="10")
            assert smsc.binds == 0, "it has unbound"
            table = await doctor(path, seconds="10")
    wrong = {place: it for place, it in found.items() if it[0] == "fail"}
    assert (code, wrong) == (0, {})
    assert [found["carrier up", step][0] for step in ("name", "connection", "bind", "enquire_link", "unbind")] == [
        "ok"
    ] * 5
    assert found["database", "schema"] == ("ok", f"step {migrations()[-1].number}", "")
    assert found["database", "durability"][0] == "ok"
    assert ("database", "disk") in found
    assert "bound as limpet" in table.output
    assert "secret" not in table.output


async def test_the_databases_faults_are_named(key: None, tmp_path: Path, database: Database, database_dsn: str) -> None:
    last = migrations()[-1].number
    await database.pool.execute("DELETE FROM schema_migration WHERE number = $1", last)
    before = migrations()[-2].number
    async with simulator() as smsc:
        path = configuration(tmp_path, f'url = "{database_dsn}"\nconnections = 1000', smsc.port)
        code, found = await findings(path)
    assert code == 1
    assert found["database", "schema"] == (
        "fail", f"step {before} of {last}", "Run `limpet migrate` before the servers start.",
    )  # fmt: skip
    assert found["database", "durability"][:2] == ("fail", "fsync, full_page_writes, synchronous_commit off")
    assert found["database", "connections"][0] == "warn"
    assert found["database", "clock"][0] == "ok"
    assert found["carrier up", "bind"][0] == "ok"


async def test_a_database_that_is_away_does_not_keep_the_rest_from_being_looked_at(key: None, tmp_path: Path) -> None:
    async with simulator() as smsc, silent() as port:
        path = configuration(tmp_path, f'url = "postgresql://nobody@127.0.0.1:{port}/none"', smsc.port)
        code, found = await findings(path, seconds="1")
        assert (code, found["database", "reachable"][0], found["carrier up", "bind"][0]) == (1, "fail", "ok")
    path = configuration(tmp_path, 'url = "postgresql://nobody@127.0.0.1:1/none"', 1)
    _, found = await findings(path)
    assert found["database", "reachable"][1].startswith("The database cannot be reached: ")
    assert found["carrier up", "connection"][0] == "fail"


@pytest.mark.parametrize(
    ("carrier", "step", "detail"),
    [
        ('password = "wrong"', "bind", "it was refused with ESME_"),
        ('host = "nowhere.invalid"', "name", ""),
        ("tls = true", "TLS", ""),
    ],
)
async def test_the_first_step_that_a_carrier_fails_is_named(
    key: None, tmp_path: Path, database_dsn: str, carrier: str, step: str, detail: str
) -> None:
    async with simulator() as smsc:
        path = configuration(tmp_path, f'url = "{database_dsn}"', smsc.port, carrier)
        code, found = await findings(path)
    verdict, said, advice = found["carrier up", step]
    assert (code, verdict, detail in said, bool(advice)) == (1, "fail", True, True)
    later = [check for area, check in found if area == "carrier up"]
    assert later[-1] == step, "nothing is asked after it"


@pytest.mark.parametrize(
    ("answer", "detail"),
    [(b"", "nothing came within 0.5 s"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers does not speak SMPP 3.4")],
)
async def test_a_carrier_that_is_none_is_told(
    key: None, tmp_path: Path, database_dsn: str, answer: bytes, detail: str
) -> None:
    async with silent(answer) as port:
        path = configuration(tmp_path, f'url = "{database_dsn}"', port)
        _, found = await findings(path, seconds="0.5")
    assert found["carrier up", "bind"][:2] == ("fail", detail)


async def test_a_carrier_over_http_is_reached_and_nothing_is_asked_of_it(
    key: None, tmp_path: Path, database_dsn: str
) -> None:
    path = tmp_path / "limpet.toml"
    async with silent() as port:
        path.write_text(
            f'[server]\npublic_url = "http://127.0.0.1:1"\n[database]\nurl = "{database_dsn}"\n[[carriers]]\nname = "up"\n'
            f'kind = "vonage"\nbase_url = "http://127.0.0.1:{port}"\napi_key = "k"\napi_secret = "s"\nsignature_secret = "s"\n'
        )
        _, found = await findings(path, seconds="0.5")
    steps = {check: found["carrier up", check][0] for area, check in found if area == "carrier up"}
    assert steps == {"name": "ok", "connection": "ok"}


@pytest.mark.parametrize(("days", "verdict"), [(10, "warn"), (200, "ok")])
async def test_a_carriers_certificate_is_looked_at(
    key: None, tmp_path: Path, database_dsn: str, days: int, verdict: str
) -> None:
    certificate, private = make_certificate(tmp_path, "carrier", timedelta(days=days, hours=1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    async with simulator(tls=context) as smsc:
        trusting = f'tls = true\ntls_ca_file = "{certificate}"'
        _, found = await findings(configuration(tmp_path, f'url = "{database_dsn}"', smsc.port, trusting))
        assert found["carrier up", "TLS"][0] == verdict
        assert found["carrier up", "unbind"][0] == "ok"
        _, found = await findings(configuration(tmp_path, f'url = "{database_dsn}"', smsc.port, "tls = true"))
        assert found["carrier up", "TLS"][0] == "fail"
        assert "certificate" in found["carrier up", "TLS"][1]


async def test_a_carrier_that_a_running_limpet_is_bound_to_is_left_alone(
    key: None, tmp_path: Path, database: Database, database_dsn: str
) -> None:
    await database.pool.execute(
        "INSERT INTO lane_health VALUES ('up/0', true, now(), now(), 'host/1/abcd', 0, 10, 0, 0, 0, NULL, NULL)"
    )
    async with simulator() as smsc:
        _, found = await findings(configuration(tmp_path, f'url = "{database_dsn}"', smsc.port))
        assert smsc.submits == 0
    assert found["carrier up", "bind"][1].startswith("a running Limpet (host/1/abcd) is bound since ")
    assert ("carrier up", "connection") not in found


async def test_the_servers_own_certificate_and_key_must_fit(key: None, tmp_path: Path, database_dsn: str) -> None:
    certificate, private = make_certificate(tmp_path, "server", timedelta(days=200))
    _, other = make_certificate(tmp_path, "other", timedelta(days=200))
    over, over_key = make_certificate(tmp_path, "over", timedelta(days=-1))
    for one, its_key, verdict in ((certificate, private, "ok"), (certificate, other, "fail"), (over, over_key, "fail")):
        server = f'[server]\ntls_certificate_file = "{one}"\ntls_key_file = "{its_key}"'
        _, found = await findings(configuration(tmp_path, f'url = "{database_dsn}"', 1, more=server))
        assert found["server", "TLS"][0] == verdict, one
    (tmp_path / "bad.pem").write_text("no certificate")
    server = f'[server]\ntls_certificate_file = "{tmp_path / "bad.pem"}"\ntls_key_file = "{private}"'
    _, found = await findings(configuration(tmp_path, f'url = "{database_dsn}"', 1, more=server))
    assert found["server", "TLS"][0] == "fail"


async def test_the_public_url_is_asked(key: None, tmp_path: Path, database_dsn: str) -> None:
    for answer, verdict in (
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "ok"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "fail"),
        (b"", "warn"),
    ):
        async with silent(answer) as port:
            more = f'[server]\npublic_url = "http://127.0.0.1:{port}"'
            _, found = await findings(configuration(tmp_path, f'url = "{database_dsn}"', 1, more=more), seconds="0.5")
        assert found["server", "public_url"][0] == verdict


@pytest.mark.parametrize(
    ("said", "verdict"),
    [("", "ok"), ('allow_networks = ["10.1.0.0/16"]', "warn"), ("allow_loopback = true", "warn"),
     ('allow_networks = ["0.0.0.0/0"]', "fail")],
)  # fmt: skip
async def test_where_webhooks_may_go_is_judged(
    key: None, tmp_path: Path, database_dsn: str, said: str, verdict: str
) -> None:
    path = configuration(tmp_path, f'url = "{database_dsn}"', 1, more=f"[webhooks]\n{said}")
    _, found = await findings(path)
    assert found["webhooks", "allow-lists"][0] == verdict


async def test_few_open_files_are_a_warning(key: None, tmp_path: Path, database_dsn: str) -> None:
    path = configuration(tmp_path, f'url = "{database_dsn}"', 1)
    command = f"ulimit -n 256 && exec {Path(sys.executable).with_name('limpet')} doctor --json --config {path}"
    ended = await asyncio.create_subprocess_exec("/bin/sh", "-c", command, stdout=asyncio.subprocess.PIPE)
    said, _ = await ended.communicate()
    found = {(one["area"], one["check"]): one["verdict"] for one in json.loads(said)["findings"]}
    assert (ended.returncode, found["limpet", "open files"]) == (1, "warn")


def test_a_configuration_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    ended = limpet("doctor", "--config", str(tmp_path / "none.toml"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"limpet: {tmp_path / 'none.toml'} cannot be read: No such file or directory.\n"
