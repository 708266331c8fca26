"""`limpet explain` and `limpet numbers health` against a real `limpet dev`."""

from __future__ import annotations

import json
from pathlib import Path

from limpet.commands.door import call, find_door
from tests.support.limpet_process import LimpetProcess, limpet

PERSON = "+14155550177"


def test_S_90_the_next_message_comes_from_the_number_that_was_explained(running: LimpetProcess, data: Path) -> None:
    service, where = running.ready["service_sid"], ("--data", str(data))
    asked = ("explain", "--service", service, "--to", PERSON, *where)
    told = json.loads(limpet(*asked, "--json").stdout)
    said = limpet(*asked)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith(f"A message to {PERSON} comes from {told['from']}: ")
    assert "The mapping would be made (first message)." in said.stdout
    assert said.stdout.count("chosen") == 1
    messages = f"/2010-04-01/Accounts/{running.ready['account_sid']}/Messages"
    form = {"To": PERSON, "MessagingServiceSid": service, "Body": "Hello"}
    door = find_door(data, {})
    sid = call(door, "POST", f"{messages}.json", form=form)["sid"]
    decided = call(door, "GET", f"{messages}/{sid}/Decision.json")
    assert (decided["from"], decided["reason"], decided["sticky"]) == (told["from"], told["reason"], told["sticky"])
    again = limpet(*asked).stdout
    assert "It is the number that the person hears from." in again
    assert "mapped elsewhere" in again
    later = json.loads(limpet(*asked, "--at", "2099-01-01", "--json").stdout)
    assert later["mapping"]["standing"] == "expired"


def test_S_90_what_cannot_be_asked_is_said_in_a_sentence(running: LimpetProcess, data: Path) -> None:
    where = ("--data", str(data))
    gone = limpet("explain", "--service", "MG" + "0" * 32, "--to", PERSON, *where)
    assert (gone.returncode, gone.stderr) == (1, f"limpet: The account has no service MG{'0' * 32}.\n")
    nobody = limpet("explain", "--service", running.ready["service_sid"], "--to", "nobody", *where)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "21211" in nobody.stderr


def test_S_91_the_health_of_numbers_is_a_table(running: LimpetProcess, data: Path) -> None:
    where = ("--data", str(data))
    table = limpet("numbers", "health", *where)
    assert (table.returncode, table.stderr) == (0, "")
    assert running.ready["numbers"][0] in table.stdout
    assert "unknown" in table.stdout
    shown = json.loads(limpet("numbers", "health", "--service", running.ready["service_sid"], *where, "--json").stdout)
    assert {one["phone_number"] for one in shown} <= set(running.ready["numbers"])
    assert shown
    assert shown[0]["status"] == "unknown"
    assert json.loads(limpet("numbers", "health", "--service", "MG1", *where, "--json").stdout) == []
