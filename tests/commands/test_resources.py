"""`limpet services`, `numbers`, `keys`, `campaigns` and `accounts` against a running Limpet."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.limpet_process import LimpetProcess, limpet


def said(*arguments: str) -> Any:
    """The JSON of a command that succeeds."""
    ended = limpet(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_service_is_made_given_numbers_changed_and_deleted(running: LimpetProcess, here: tuple[str, ...]) -> None:
    made = said("services", "create", "--name", "Shop", "--set", "StickySender=false", *here)
    sid = made["sid"]
    assert (made["friendly_name"], made["sticky_sender"]) == ("Shop", False)
    assert said("services", "change", sid, "--set", "StickySender=true", *here)["sticky_sender"] is True
    assert {one["sid"] for one in said("services", "list", *here)} == {sid, running.ready["service_sid"]}
    bought = said("numbers", "buy", "+12125550187", "--name", "Shop's", *here)
    assert limpet("services", "pool", sid, *here).stdout == f"The pool of {sid} has no number.\n"
    assert said("services", "add", sid, "+12125550187", *here)["sid"] == bought["sid"]
    assert [one["phone_number"] for one in said("services", "pool", sid, *here)] == ["+12125550187"]
    assert said("services", "remove", sid, "+12125550187", "--yes", *here)["removed"] is True
    assert said("services", "pool", sid, *here) == []
    assert said("numbers", "release", "+12125550187", "--yes", *here)["released"] is True
    assert said("services", "delete", sid, "--yes", *here)["deleted"] is True
    assert limpet("services", "show", sid, *here).stderr == f"limpet: The account has no service {sid}.\n"


def test_numbers_are_listed_shown_and_found(running: LimpetProcess, here: tuple[str, ...]) -> None:
    listed = said("numbers", "list", *here)
    assert {one["phone_number"] for one in listed} >= {n for n in running.ready["numbers"] if n.startswith("+")}
    one = next(each for each in listed if each["phone_number"].startswith("+1"))
    assert said("numbers", "show", one["phone_number"], *here) == said("numbers", "show", one["sid"], *here)
    assert "sms" in limpet("numbers", "list", "--number", one["phone_number"], *here).stdout
    assert limpet("numbers", "show", "+12125550199", *here).returncode == 1
    free = limpet("numbers", "free", "--country", "US", "--limit", "3", *here)
    assert (free.returncode, free.stderr) == (0, "")


def test_a_key_opens_until_it_is_taken_away(running: LimpetProcess, here: tuple[str, ...]) -> None:
    made = said("keys", "create", "--name", "ci", *here)
    with_key = {
        "LIMPET_URL": running.ready["url"], "LIMPET_API_KEY_SID": made["sid"], "LIMPET_API_KEY_SECRET": made["secret"],
        "LIMPET_ACCOUNT_SID": running.ready["account_sid"],
    }  # fmt: skip
    assert limpet("services", "list", **with_key).returncode == 0
    assert limpet("messages", "list", **with_key).returncode == 0
    nameless = limpet("messages", "list", **{**with_key, "LIMPET_ACCOUNT_SID": ""})
    assert (nameless.returncode, "LIMPET_ACCOUNT_SID" in nameless.stderr) == (1, True)
    assert made["sid"] in limpet("keys", "list", *here).stdout
    assert said("keys", "delete", made["sid"], *here)["deleted"] is True
    assert "error 20003" in limpet("services", "list", **with_key).stderr
    assert limpet("keys", "delete", made["sid"], *here).returncode == 1


def test_campaigns_tell_how_numbers_stand(running: LimpetProcess, here: tuple[str, ...]) -> None:
    service = running.ready["service_sid"]
    assert limpet("campaigns", "list", *here).stdout == f"{service} has no campaign.\n"
    assert limpet("campaigns", "brands", *here).stdout == "The account has no brand.\n"
    assert {one["state"] for one in said("campaigns", "numbers", *here)} == {"UNREGISTERED"}
    table = limpet("campaigns", "numbers", *here).stdout
    assert "UNREGISTERED" in table
    assert all(number in table for number in running.ready["numbers"])


def test_an_operator_sees_all_accounts(running: LimpetProcess, here: tuple[str, ...]) -> None:
    assert running.ready["account_sid"] in [one["account_sid"] for one in said("accounts", "list", *here)]
    assert running.ready["account_sid"] in limpet("accounts", "list", *here).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("services", "change", "MG" + "0" * 32), 2, "Give --set NAME=VALUE"),
        (("services", "change", "MG" + "0" * 32, "--set", "x"), 2, "'x' is not NAME=VALUE."),
        (("services", "show", "MG" + "0" * 32), 1, "The account has no service"),
        (("services", "add", "MG" + "0" * 32, "+12125550123"), 1, "The account has no number +12125550123."),
        (("numbers", "buy", "12"), 1, "(error 21"),
        (("campaigns", "show", "QE" + "0" * 32), 1, "has no campaign"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    here: tuple[str, ...], arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    ended = limpet(*arguments, *here)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (code, "", 1)
    assert sentence in ended.stderr
