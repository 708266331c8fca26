"""`limpet numbers set` and `what-if` against a real `limpet dev`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limpet.commands.door import call, find_door
from tests.support.limpet_process import LimpetProcess, limpet, one_sentence

PERSON = "+14155550166"


def test_S_101_a_number_is_set_and_told(running: LimpetProcess, data: Path) -> None:
    number, where = running.ready["numbers"][0], ("--service", running.ready["service_sid"], "--data", str(data))
    said = limpet("numbers", "set", number, "--weight", "3", "--state", "drain", "--daily-contacts", "7", *where)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == (
        f"{number} is drain: weight 3, at most 7 new people a day. "
        "Its people keep it for 3 days, and while they are in contact.\n"
    )
    said = limpet("numbers", "set", number, "--state", "disabled", "--replace", *where)
    assert said.stdout.endswith(" Its people get other numbers for good.\n")
    told = json.loads(
        limpet("numbers", "set", number, "--state", "active", "--daily-contacts", "", *where, "--json").stdout
    )
    assert (told["state"], told["weight"], told["daily_contacts"]) == ("active", 3, None)


def test_S_104_who_would_change_is_a_table(running: LimpetProcess, data: Path) -> None:
    service, where = running.ready["service_sid"], ("--data", str(data))
    number, form = running.ready["numbers"][0], {"To": PERSON, "MessagingServiceSid": service, "Body": "Hello"}
    messages = f"/2010-04-01/Accounts/{running.ready['account_sid']}/Messages.json"
    call(find_door(data, {}), "POST", messages, form={**form, "From": number})
    said = limpet("numbers", "what-if", number, "--service", service, *where)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith(f"1 people hear from {number}.\n")
    told = json.loads(limpet("numbers", "what-if", number, "--service", service, *where, "--json").stdout)
    assert (told["people"], told["estimated"]) == (1, False)
    assert number not in {one["phone_number"] for one in told["to"]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("set", "+12125550199", "--weight", "2"), "+12125550199 is not in "),
        (("set", "+12125550199"), "Give --weight, --state, --drain-days, --replace or --daily-contacts."),
        (("set", "+12125550199", "--weight", "101"), "--weight"),
        (("what-if", "+12125550199"), "+12125550199 is not in "),
        (("what-if", "PN" + "0" * 32), " is not in "),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    running: LimpetProcess, data: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    ended = limpet("numbers", *arguments, "--service", running.ready["service_sid"], "--data", str(data))
    assert ended.stdout == ""
    assert sentence in one_sentence(ended)
