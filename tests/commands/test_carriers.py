"""`limpet carriers` and `limpet numbers`: operators look and tell on the database, beside a running Limpet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from limpet.commands.door import call, find_door
from tests.support.limpet_process import LimpetProcess, limpet, one_sentence

PERSON = "+14155550177"
WAIT_S = 30.0


@pytest.fixture
def where(running: LimpetProcess, data: Path) -> tuple[str, ...]:
    return ("--data", str(data))


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it has not come about"
        time.sleep(0.05)


def shown(where: tuple[str, ...]) -> dict[str, Any]:
    return dict(json.loads(limpet("carriers", "show", "simulated", *where, "--json").stdout))


def test_a_carrier_is_listed_paused_and_resumed_while_limpet_runs(
    running: LimpetProcess, data: Path, where: tuple[str, ...]
) -> None:
    until(lambda: [lane["state"] for lane in shown(where)["lanes"]] == ["bound"])
    assert "1 of 1 bound" in limpet("carriers", "list", *where).stdout
    paused = limpet("carriers", "pause", "simulated", *where)
    assert (paused.returncode, paused.stderr) == (0, "")
    assert paused.stdout.startswith("simulated is paused; 0 messages are in flight on it and 0 wait for it.")
    door, account = find_door(data, {}), running.ready["account_sid"]
    messages = f"/2010-04-01/Accounts/{account}/Messages"
    form = {"To": PERSON, "MessagingServiceSid": running.ready["service_sid"], "Body": "Hello"}

    def queued() -> bool:
        """A process hears of the pause within a second; messages before that have left."""
        call(door, "POST", f"{messages}.json", form=form)
        return bool(shown(where)["lanes"][0]["waiting"])

    until(queued)
    waiting = call(door, "POST", f"{messages}.json", form=form)["sid"]
    assert call(door, "GET", f"{messages}/{waiting}.json")["status"] == "queued"
    assert json.loads(limpet("carriers", "resume", "simulated", *where, "--json").stdout)["mode"] == "active"
    until(lambda: call(door, "GET", f"{messages}/{waiting}.json")["status"] == "delivered")
    until(lambda: shown(where)["lanes"][0]["submits_per_s"] > 0)


def test_draining_is_told_with_its_time(where: tuple[str, ...]) -> None:
    drained = json.loads(limpet("carriers", "drain", "simulated", *where, "--json").stdout)
    assert (drained["mode"], drained["mode_since"] is None) == ("draining", False)
    assert "simulated is draining since" in limpet("carriers", "show", "simulated", *where).stdout
    assert limpet("carriers", "resume", "simulated", *where).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("carriers", "pause", "nobody"), "limpet: There is no carrier nobody; known are simulated, simulated-mms.\n"),
        (("carriers", "show", "nobody"), "limpet: There is no carrier nobody; known are simulated, simulated-mms.\n"),
        (("numbers", "clear", "+14155550100"), "limpet: No carrier refuses +14155550100.\n"),
        (("carriers", "list", "--config", "/nowhere.toml"), "limpet: Give either --config or --data.\n"),
    ],
)
def test_what_cannot_be_is_one_sentence(where: tuple[str, ...], arguments: tuple[str, ...], said: str) -> None:
    ended = limpet(*arguments, *where)
    assert (one_sentence(ended), ended.stdout) == (said, "")


def test_a_place_without_a_limpet_is_told(tmp_path: Path) -> None:
    ended = limpet("carriers", "list", "--data", str(tmp_path / "none"))
    assert ended.returncode == 1
    assert ended.stderr.startswith("limpet: There is no ")


def test_refused_senders_are_listed_and_cleared(running: LimpetProcess, data: Path, where: tuple[str, ...]) -> None:
    assert "No carrier refuses any sender." in limpet("numbers", "refused", *where).stdout
    assert json.loads(limpet("numbers", "refused", *where, "--json").stdout) == []
