"""`limpet sticky` against a running Limpet: listed, shown, pinned, moved, reset, and what was told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twilio.rest import Client

from tests.support.limpet_process import LimpetProcess, limpet, one_sentence

PERSON, OTHER = "+14155550177", "+14155550178"


@pytest.fixture
def numbers(running: LimpetProcess) -> list[str]:
    """The numbers of the pool that are long codes of the United States."""
    client = Client(running.ready["account_sid"], running.ready["auth_token"])
    client.messaging.base_url = running.ready["url"]
    found = client.messaging.v1.services(running.ready["service_sid"]).phone_numbers.list()
    return [str(one.phone_number) for one in found if str(one.phone_number).startswith("+1")]


def said(*arguments: str) -> Any:
    """The JSON of a command that succeeds."""
    ended = limpet("sticky", *arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def refused(*arguments: str) -> str:
    """The one sentence of a command that does not."""
    return one_sentence(limpet("sticky", *arguments))


def test_a_person_is_moved_pinned_listed_and_reset(where: tuple[str, ...], numbers: list[str]) -> None:
    first, second = numbers[:2]
    made = said("move", *where, "--to", PERSON, "--from", first, "--reason", "their wish")
    assert (made["from"], made["pinned"], made["origin"]) == (first, "false", "api")
    pinned = said("pin", *where, "--to", made["sid"], "--from", second, "--strict")
    assert (pinned["from"], pinned["pinned"]) == (second, "strict")
    assert "hears only from" in limpet("sticky", "pin", *where, "--to", PERSON, "--strict").stdout
    assert said("show", *where, "--to", made["sid"]) == said("show", *where, "--to", PERSON) == pinned
    said("move", *where, "--to", OTHER, "--from", first)
    listed = said("list", *where)
    assert {one["to"]: one["from"] for one in listed} == {PERSON: second, OTHER: first}
    assert [one["to"] for one in said("list", *where, "--from", second, "--pinned", "strict", "--origin", "api")] == [
        PERSON
    ]
    assert len(said("list", *where, "--limit", "1")) == 1
    table = limpet("sticky", "list", *where).stdout
    assert all(word in table for word in (PERSON, OTHER, "strict", "api", "yes"))
    assert said("pin", *where, "--to", PERSON, "--off")["pinned"] == "false"
    assert said("reset", *where, "--to", made["sid"], "--reason", "gone")["reset"] is True
    assert "has no mapping in" in refused("show", *where, "--to", PERSON)
    told = said("events", *where, "--to", PERSON)
    assert [(e["kind"], e["cause"]) for e in told] == [
        ("reset", "reset"), ("pinned", "unpinned"), ("moved", "pinned_strictly"), ("created", "by_hand"),
    ]  # fmt: skip
    assert (told[0]["reason"], told[-1]["reason"]) == ("gone", "their wish")
    shown = limpet("sticky", "events", *where, "--kind", "reset").stdout
    assert "gone" in shown
    assert "by_hand" not in shown


def test_all_of_a_number_and_all_of_the_service_are_reset_when_it_is_confirmed(
    where: tuple[str, ...], numbers: list[str]
) -> None:
    first, second = numbers[:2]
    for to, number in ((PERSON, first), (OTHER, second)):
        said("move", *where, "--to", to, "--from", number)
    unanswered = limpet("sticky", "reset", *where, "--from", first)
    assert unanswered.returncode != 0
    assert said("show", *where, "--to", PERSON)["live"] is True
    assert said("reset", *where, "--from", first, "--yes")["from"] == first
    assert [said("show", *where, "--to", to)["why_dead"] for to in (PERSON, OTHER)] == ["reset", None]
    assert "no: reset" in limpet("sticky", "list", *where).stdout
    assert "everybody in" in limpet("sticky", "reset", *where, "--all", "--yes").stdout
    assert said("show", *where, "--to", OTHER)["why_dead"] == "reset"
    assert "everybody" in limpet("sticky", "events", *where, "--kind", "reset", "--from", first).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("reset",), "Give one of --to, --from and --all"),
        (("reset", "--to", PERSON, "--all"), "Give one of --to, --from and --all"),
        (("pin", "--to", PERSON, "--strict", "--off"), "Give either --strict or --off"),
        (("move", "--to", PERSON, "--from", "+14155550999"), "error 21711"),
        (("move", "--to", "nobody", "--from", "+14155550999"), "error 21211"),
        (("reset", "--from", "+14155550999", "--yes"), "is not in the pool"),
        (("list", "--last-used-before", "x"), "error 20001"),
        (("pin", "--to", "LM" + "0" * 32), "has no mapping in"),
    ],
)
def test_what_cannot_be_is_one_sentence(where: tuple[str, ...], arguments: tuple[str, ...], sentence: str) -> None:
    command, *rest = arguments
    assert sentence in refused(command, *where, *rest)


def test_each_command_says_what_it_is_for() -> None:
    for command in ("list", "show", "pin", "move", "reset", "events"):
        told = limpet("sticky", command, "--help").stdout
        assert "--service" in told
        assert "--json" in told
