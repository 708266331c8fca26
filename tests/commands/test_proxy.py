"""`limpet proxy`: what it writes for which shell, and what it says when there is nothing to write."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.limpet_process import limpet

VARIABLES = {"HTTPS_PROXY": "http://127.0.0.1:8081", "SSL_CERT_FILE": "/some where/o'clock/ca.pem"}


def write(place: Path, pid: int) -> None:
    (place / "dev.json").write_text(json.dumps({"pid": pid, "proxy_environment": VARIABLES}))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path, os.getpid())
    return tmp_path


@pytest.mark.parametrize(("form", "line"), [
    ("sh", """export SSL_CERT_FILE='/some where/o'"'"'clock/ca.pem'"""),
    ("fish", r"set -gx SSL_CERT_FILE '/some where/o\'clock/ca.pem'"),
    ("powershell", "$env:SSL_CERT_FILE = '/some where/o''clock/ca.pem'"),
    ("dotenv", "SSL_CERT_FILE=/some where/o'clock/ca.pem"),
    ("json", json.dumps(VARIABLES)),
])  # fmt: skip
def test_each_shell_has_its_words(data: Path, form: str, line: str) -> None:
    done = limpet("proxy", "env", "--format", form, "--data", str(data))
    assert done.stdout.splitlines()[-1] == line


def test_a_server_that_has_ended_leads_nowhere(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    write(tmp_path, ended.pid)
    done = limpet("proxy", "env", "--data", str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "does not run" in done.stderr


@pytest.mark.parametrize(
    "content",
    [None, "no json", "[]", "{}", '{"pid": 1, "proxy_environment": {}}', '{"pid": 1, "proxy_environment": 1}'],
)
@pytest.mark.parametrize("words", [("env",), ("run", "true")])
def test_without_a_proxy_it_says_so_in_one_sentence(
    tmp_path: Path, content: str | None, words: tuple[str, ...]
) -> None:
    if content is not None:
        (tmp_path / "dev.json").write_text(content)
    done = limpet("proxy", words[0], "--data", str(tmp_path), *words[1:])
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "--proxy" in done.stderr


def test_a_program_that_is_not_there_is_said_in_one_sentence(data: Path) -> None:
    done = limpet("proxy", "run", "--data", str(data), "no-such-program", "--data", "its own")
    assert (done.returncode, done.stderr.count("\n")) == (127, 1)


@pytest.mark.parametrize("port", ["65536", "-1", "x", "²"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    done = limpet("dev", "--port", "0", f"--proxy={port}", "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "data").exists()
