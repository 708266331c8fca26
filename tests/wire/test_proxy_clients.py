"""Programs that nobody changed, led to Limpet by nothing but the environment that `limpet dev --proxy` prints.

`make clients` installs the Node clients; PHP and Ruby are the system's. Where one is not there it is said here.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.limpet_process import LimpetProcess, data_directory, limpet, limpet_dev
from tests.wire.test_clients import CLIENTS, NOT_HERE

PROGRAMS = Path(__file__).parent / "clients"
TO = "+14155550199"
TIMEOUT_S = 60


@dataclass
class Led:
    """A server with its proxy; `environment` is what it says a program needs, and nothing else of this process's."""

    running: LimpetProcess
    data: Path

    @property
    def environment(self) -> dict[str, str]:
        variables: dict[str, str] = self.running.ready["proxy_environment"]
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.data.parent), **variables}

    def run(self, *command: str, **more: str) -> str:
        done = subprocess.run(
            command, env={**self.environment, **more}, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def led() -> Iterator[Led]:
    with data_directory() as data, limpet_dev(data, "--proxy") as running:
        yield Led(running, data)


@pytest.mark.parametrize("major", ["ours", "python-7", "python-8", "python-9"])
def test_the_python_client_sends_lists_and_pages(led: Led, major: str) -> None:
    if major != "ours" and not (CLIENTS / major).is_dir():
        pytest.skip(NOT_HERE)
    said = json.loads(led.run(sys.executable, str(PROGRAMS / "unchanged.py"), TO, PYTHONPATH=str(CLIENTS / major)))
    assert said["body"] in said["bodies"]
    assert said["services"] >= 4
    assert said["url"].startswith("https://messaging.twilio.com/v1/Services/MG")
    assert said["by_edge"] == said["sid"]
    assert said["elsewhere"] == [404, 20404]


@pytest.mark.parametrize("major", ["node-4", "node-5", "node-6"])
def test_the_node_client_sends_and_lists(led: Led, major: str) -> None:
    if not (CLIENTS / major).is_dir():
        pytest.skip(NOT_HERE)
    modules = str(CLIENTS / major / "node_modules")
    said = json.loads(led.run("node", str(PROGRAMS / "unchanged.cjs"), TO, NODE_PATH=modules))
    assert said["body"] in said["bodies"]


def test_the_command_line_sends_and_lists(led: Led) -> None:
    program = CLIENTS / "cli" / "node_modules" / ".bin" / "twilio"
    if not program.exists():
        pytest.skip(NOT_HERE)
    number = led.running.ready["numbers"][0]
    words = ("--from", number, "--to", TO, "--body", "By the command line")
    made = json.loads(led.run(str(program), "api:core:messages:create", *words, "-o", "json"))
    listed = json.loads(led.run(str(program), "api:core:messages:list", "--to", TO, "-o", "json"))
    assert made[0]["sid"] in [each["sid"] for each in listed]
    services = json.loads(led.run(str(program), "api:messaging:v1:services:list", "-o", "json"))
    assert led.running.ready["service_sid"] in [each["sid"] for each in services]


@pytest.mark.parametrize("program", ["php", "ruby"])
def test_a_language_finds_proxy_and_certificate_in_the_environment(led: Led, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    path = PROGRAMS / f"unchanged.{'php' if program == 'php' else 'rb'}"
    if "no curl" in (said := led.run(program, str(path))):
        pytest.skip("PHP has no curl here")
    assert json.loads(said)["account_sid"] == led.running.ready["account_sid"]


def test_a_program_is_run_with_the_environment(led: Led) -> None:
    code = "import os; print(os.environ['HTTPS_PROXY'], os.environ['OWN'])"
    done = limpet("proxy", "run", "--data", str(led.data), sys.executable, "-c", code, OWN="kept")
    assert (done.returncode, done.stdout) == (0, f"{led.running.ready['proxy']} kept\n"), done.stderr


def test_a_shell_takes_the_environment(led: Led) -> None:
    words = limpet("proxy", "env", "--data", str(led.data)).stdout
    done = subprocess.run(
        ["sh", "-c", words + '\nprintf %s "$NODE_EXTRA_CA_CERTS"'], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert Path(done.stdout).read_text().startswith("-----BEGIN CERTIFICATE-----")
    as_json = json.loads(limpet("proxy", "env", "--format", "json", "--data", str(led.data)).stdout)
    assert as_json == led.running.ready["proxy_environment"]


def test_keys_are_in_the_data_directory_alone(led: Led) -> None:
    folder = led.data / "proxy"
    shown = [path for path in folder.rglob("*") if path.is_file() and b"PRIVATE" in path.read_bytes()]
    assert [(path.name, path.stat().st_mode & 0o777) for path in shown] == [("ca.key", 0o600)]
    assert "PRIVATE" not in json.dumps(led.running.ready)


def test_a_server_stops_at_once_whoever_is_connected_to_its_proxy() -> None:
    with data_directory() as data, limpet_dev(data, "--proxy") as running:
        place = urlsplit(running.ready["proxy"])
        held = [socket.create_connection((place.hostname or "", place.port or 0)) for _ in range(20)]
        for each in held[10:]:
            each.sendall(b"CONNECT api.twilio.com:443 HTTP/1.1\r\n\r\n")
            assert each.recv(1000).startswith(b"HTTP/1.1 200")
        code, said = running.end(signal.SIGTERM)
        assert (code, said) == (0, "")
        for each in held:
            each.close()
