"""Other people's clients bind to Limpet unchanged: short, long and Unicode texts, receipts, and what people write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest
from twilio.rest import Client

from tests.interop.conftest import ENVIRONMENT, has_perl_module, has_program, need
from tests.support.limpet_process import LimpetProcess, limpet

CLIENTS = os.path.join(os.path.dirname(__file__), "clients")
SHORT, UNICODE, LONG = "Hello", "Привет 🐚", "The tide comes in and the tide goes out again. " * 7
WRITTEN, WRITTEN_WIDE = "The rock is where it was. " * 8, "Ракушка 🐚"
TIMEOUT_S = 60


@dataclass(frozen=True)
class Stack:
    """How one client is started, and what it needs."""

    name: str
    command: list[str]
    there: bool
    how: str
    person: str
    environment: dict[str, str] = field(default_factory=dict)


def _python(name: str, person: str) -> Stack:
    there = (ENVIRONMENT / "python" / name).is_dir()
    command = [sys.executable, f"{CLIENTS}/esme_{name}.py"]
    return Stack(name, command, there, "run `make interop`", person, {"PYTHONPATH": str(ENVIRONMENT / "python")})


STACKS = [
    _python("smpplib", "14155550171"),
    _python("aiosmpplib", "14155550172"),
    Stack(
        "smpp of npm", ["node", f"{CLIENTS}/esme_node.cjs"],
        has_program("node") and (ENVIRONMENT / "node" / "node_modules" / "smpp").is_dir(), "run `make interop`",
        "14155550173", {"NODE_SMPP": str(ENVIRONMENT / "node")},
    ),
    Stack(
        "Net::SMPP", ["perl", f"{CLIENTS}/esme_perl.pl"], has_perl_module("Net::SMPP"),
        "on Debian: apt-get install libnet-smpp-perl", "14155550174",
    ),
]  # fmt: skip


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_a_client_sends_and_hears(limpet_server: LimpetProcess, stack: Stack) -> None:
    need(stack.name, stack.there, stack.how)
    ready = limpet_server.ready
    host, _, port = ready["smpp"].rpartition(":")
    said = [host, port, ready["smpp_system_id"], ready["smpp_password"], stack.person, SHORT, UNICODE, LONG]
    process = subprocess.Popen(
        [*stack.command, *said], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **stack.environment},
    )  # fmt: skip
    try:
        _walk(process, ready, stack)
    finally:
        process.kill()
        process.communicate()


def _walk(process: subprocess.Popen[str], ready: dict[str, Any], stack: Stack) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first, process.communicate(timeout=TIMEOUT_S)[1]
    ids: list[list[str]] = json.loads(first)
    messages = _messages(ready, stack.person)
    assert [message.body for message in messages] == [SHORT, UNICODE, LONG]
    assert len({message.from_ for message in messages}) == 1, "one person, one number"
    for body in (WRITTEN, WRITTEN_WIDE):
        wrote = limpet("text", "--from", f"+{stack.person}", "--to", messages[0].from_, "--data", ready["data"], body)
        assert wrote.returncode == 0, wrote.stderr
    units = (
        len((WRITTEN + WRITTEN_WIDE).encode("utf-16-le")) // 2 if "npm" in stack.name else len(WRITTEN + WRITTEN_WIDE)
    )
    out, err = process.communicate(json.dumps(units) + "\n", timeout=TIMEOUT_S)
    assert process.returncode == 0, err
    heard = json.loads(out)
    wanted = {each for parts in ids for each in parts}
    assert {sid: state for sid, state in heard["receipts"].items() if sid in wanted} == dict.fromkeys(wanted, "DELIVRD")
    assert "".join(heard["texts"]) == WRITTEN + WRITTEN_WIDE


def _messages(ready: dict[str, Any], person: str) -> list[Any]:
    """What was sent to a person, oldest first."""
    client = Client(ready["account_sid"], ready["auth_token"])
    client.api.base_url = ready["url"]
    return client.messages.list(to=f"+{person}")[::-1]
