"""`limpet sticky rebalance` as a person meets it: a plan as a table, people moved there and back, refusals in a sentence."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from twilio.rest import Client

from tests.support.limpet_process import LimpetProcess, limpet

PEOPLE = [f"+1415555{n:04}" for n in range(3000, 3012)]
NOBODY = "LR" + "0" * 32


@pytest.fixture(scope="module")
def grown(running: LimpetProcess) -> str:
    """A service whose people hear from the first of two numbers."""
    client = Client(running.ready["account_sid"], running.ready["auth_token"])
    client.api.base_url = client.messaging.base_url = running.ready["url"]
    service = client.messaging.v1.services.create(friendly_name="Grown")
    for wanted in ("+12125550141", "+12125550142"):
        number = client.incoming_phone_numbers.create(phone_number=wanted)
        service.phone_numbers.create(phone_number_sid=str(number.sid))
    for person in PEOPLE:
        client.messages.create(to=person, messaging_service_sid=str(service.sid), from_="+12125550141", body="Hello")
    return str(service.sid)


def rebalance(data: Path, service: str, *arguments: str) -> tuple[int, str]:
    ended = limpet("sticky", "rebalance", "--service", service, *arguments, "--data", str(data))
    return ended.returncode, (ended.stdout + ended.stderr).strip()


def froms(data: Path, service: str) -> Counter[str]:
    listed = limpet("sticky", "list", "--service", service, "--data", str(data), "--json")
    return Counter(one["from"] for one in json.loads(listed.stdout))


def test_S_105_S_107_people_are_planned_moved_and_moved_back(grown: str, data: Path) -> None:
    code, said = rebalance(data, grown)
    assert (code, "nobody would move. Who was in contact within 30 days stays" in said) == (0, True), said
    code, said = rebalance(data, grown, "--idle-days", "0", "--percent", "50")
    lines = said.splitlines()
    assert (code, lines[-1].endswith("would move 6 of 12 people. Carry it out with --run " + lines[-1][:34] + ".")) == (
        0,
        True,
    )
    assert any(line.split() == ["+12125550141", "1", "12", "6"] for line in lines)
    assert any(line.split() == ["+12125550141", "+12125550142", "6", "0"] for line in lines)
    assert froms(data, grown) == {"+12125550141": 12}
    code, said = rebalance(
        data, grown, "--idle-days", "0", "--per-second", "4", "--reason", "a second number", "--apply", "--json"
    )
    told = json.loads(said)
    assert (code, told["status"], told["moved"], told["reason"]) == (0, "done", 6, "a second number")
    assert froms(data, grown) == {"+12125550141": 6, "+12125550142": 6}
    code, said = rebalance(data, grown, "--show", told["sid"])
    assert (code, said.splitlines()[-1]) == (
        0,
        f"{told['sid']}: 6 people moved. Take it back with --undo {told['sid']}.",
    )
    code, said = rebalance(data, grown, "--undo", told["sid"])
    assert (code, said) == (0, f"{told['sid']} is undone: 6 of 6 people are as before.")
    assert froms(data, grown) == {"+12125550141": 12}


def test_S_107_a_plan_is_run_later_paused_and_canceled(grown: str, data: Path) -> None:
    _, said = rebalance(data, grown, "--idle-days", "0", "--json")
    sid = json.loads(said)["sid"]
    code, said = rebalance(data, grown, "--cancel", sid)
    assert (code, said) == (0, f"{sid} is canceled: 0 of 6 people moved.")
    code, said = rebalance(data, grown, "--run", sid)
    assert (code, said) == (1, "limpet: Invalid parameter 'Status': it is canceled (error 20001).")
    code, said = rebalance(data, grown, "--pause", sid)
    assert (code, "it is canceled" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--run", NOBODY), f"The service has no rebalance {NOBODY}, or the account has no such service."),
        (("--run", NOBODY, "--undo", NOBODY), "Give one of --run, --show, --pause, --cancel and --undo alone"),
        (("--undo", NOBODY, "--percent", "3"), "Give one of --run, --show, --pause, --cancel and --undo alone"),
        (("--percent", "0"), "--percent"),
        (("--per-second", "x"), "--per-second"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    grown: str, data: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    code, said = rebalance(data, grown, *arguments)
    assert code == (1 if "has no rebalance" in sentence else 2)
    assert sentence in said
    assert said.startswith("limpet: ")


def test_a_service_that_is_not_there_is_said_in_a_sentence(grown: str, data: Path) -> None:
    code, said = rebalance(data, grown[:-4] + "0000")
    assert (code, said) == (1, f"limpet: The account has no service {grown[:-4]}0000.")
