"""`limpet send`, `limpet tail` and `limpet messages` against a running Limpet."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from tests.support.limpet_process import PROGRAM, LimpetProcess, limpet

PERSON = "+14155550141"


def said(*arguments: str) -> Any:
    """The JSON of a command that succeeds."""
    ended = limpet(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_message_is_sent_by_the_services_choice_and_keeps_its_number(
    running: LimpetProcess, here: tuple[str, ...]
) -> None:
    first = said("send", "--to", PERSON, "--wait", "20", *here, "Hello")
    assert (first["status"], first["messaging_service_sid"]) == ("delivered", running.ready["service_sid"])
    assert first["from"] in running.ready["numbers"]
    assert first["decision"]["sticky"] == "created"
    text = limpet("send", "--to", PERSON, *here, "Again")
    assert re.match(rf"SM\w{{32}} to \{PERSON} comes from \{first['from']}, sticky; it is ", text.stdout), text
    other = next(n for n in running.ready["numbers"] if n != first["from"] and n.startswith("+1"))
    named = said("send", "--to", PERSON, "--from", other, *here, "From another")
    assert (named["from"], named["messaging_service_sid"]) == (other, None)


def test_what_cannot_be_sent_is_a_sentence_and_an_exit_code(here: tuple[str, ...]) -> None:
    bad = limpet("send", "--to", "nobody", *here, "Hello")
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (1, "", 1)
    assert "(error 21211)" in bad.stderr
    empty = limpet("send", "--to", PERSON, *here)
    assert (empty.returncode, "(error 21619)" in empty.stderr) == (1, True), empty.stderr
    outside = limpet(
        "send", "--to", PERSON, "Hello", LIMPET_URL="http://127.0.0.1:1", LIMPET_ACCOUNT_SID="AC", LIMPET_AUTH_TOKEN="x"
    )
    assert (outside.returncode, outside.stderr) == (2, "limpet: Give --service or --from.\n")


def test_a_message_that_fails_ends_with_code_1(here: tuple[str, ...]) -> None:
    refused = "+14155550142"
    assert limpet("simulate", "refuse", refused, "RINVDSTADR", "--data", here[1]).returncode == 0
    ended = limpet("send", "--to", refused, "--wait", "20", *here, "Hello")
    assert ended.returncode == 1, ended
    assert re.search(r"it is (failed|undelivered)\.\nError 3\d{4}: ", ended.stdout)
    assert limpet("simulate", "reset", "--data", here[1]).returncode == 0


def test_tail_shows_what_was_and_what_comes(here: tuple[str, ...]) -> None:
    sent = said("send", "--to", "+14155550143", *here, "first\nline\x1b[31m")
    command = [PROGRAM, "tail", "--to", "+14155550143", "--every", "0.2", "--for", "60", "--json", *here]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        begun = json.loads(process.stdout.readline())
        assert begun["sid"] == sent["sid"]
        later = said("send", "--to", "+14155550143", *here, "second")
        seen = []
        while not seen or (seen[-1]["sid"], seen[-1]["status"]) != (later["sid"], "delivered"):
            seen.append(json.loads(process.stdout.readline()))
        process.terminate()
    states = [one["status"] for one in seen if one["sid"] == later["sid"]]
    assert len(states) == len(set(states)), "a status is shown once"
    lines = limpet("tail", "--to", "+14155550143", "--for", "0", "--last", "1", *here).stdout.splitlines()
    assert len(lines) == 1
    assert "second" in lines[0]
    whole = limpet("tail", "--to", "+14155550143", "--for", "0", *here).stdout
    assert "first line" in whole
    assert "\x1b" not in whole


def test_messages_are_listed_shown_redacted_and_deleted(here: tuple[str, ...]) -> None:
    person = "+14155550144"
    sent = said("send", "--to", person, "--wait", "20", *here, "secret")
    assert [one["sid"] for one in said("messages", "list", "--to", person, *here)] == [sent["sid"]]
    assert sent["sid"] in limpet("messages", "list", "--to", person, *here).stdout
    shown = said("messages", "show", sent["sid"], *here)
    assert (shown["body"], shown["reason"] is not None) == ("secret", True)
    assert said("messages", "redact", sent["sid"], *here)["body"] == ""
    assert limpet("messages", "cancel", sent["sid"], *here).returncode == 1
    assert said("messages", "delete", sent["sid"], "--yes", *here)["deleted"] is True
    gone = limpet("messages", "show", sent["sid"], *here)
    assert (gone.returncode, gone.stderr) == (1, f"limpet: The account has no message {sent['sid']}.\n")
    assert limpet("messages", "list", "--to", person, *here).stdout == "There is no such message.\n"


def test_a_scheduled_message_is_cancelled(here: tuple[str, ...]) -> None:
    from datetime import UTC, datetime, timedelta

    at = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    sent = said("send", "--to", PERSON, "--at", at, *here, "later")
    assert sent["status"] == "scheduled"
    assert said("messages", "cancel", sent["sid"], *here)["status"] == "canceled"
