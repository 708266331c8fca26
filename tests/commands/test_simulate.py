"""`limpet simulate` and `limpet smpp-credentials` against a running Limpet."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from tests.support.limpet_process import data_directory, limpet, limpet_dev, one_sentence


@pytest.fixture(scope="module")
def data() -> Iterator[str]:
    with data_directory() as directory, limpet_dev(directory) as process:
        yield str(directory)
        code, said = process.end(signal.SIGTERM)
        assert code == 0, said


def asked(data: str, *words: str) -> object:
    done = limpet(*words, "--json", "--data", data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_word_changes_what_it_says(data: str) -> None:
    usual = asked(data, "simulate", "show")
    for words, changes in (
        (("throttle", "50%"), {"throttle": 0.5}),
        (("lose", "0.1"), {"lose": 0.1}),
        (("delay", "0.25"), {"submit_delay": 0.25}),
        (("receipts", "twice", "--late", "5"), {"receipts": "twice", "receipt_delay": 5.0}),
        (("receipts", "--state", "expired"), {"receipts": "on-time", "state": "expired"}),
        (("refuse", "+12125550101"), {"refuse": {"+12125550101": "RINVDSTADR"}}),
        (("refuse", "+12125550101", "none"), {"refuse": {}}),
        (("fate", "+12125550101", "lost"), {"fates": {"+12125550101": "lost"}}),
        (("fate", "+12125550101", "none"), {"fates": {}}),
        (("fate", "25%", "undelivered-30003"), {"fate": "undelivered-30003", "fate_share": 0.25}),
        (("fate", "25%", "none"), {"fate_share": 0.0}),
        (("disconnect", "--down", "0.1"), {}),
        (("seed", "7"), {}),
    ):  # fmt: skip
        assert isinstance(usual, dict)
        now = asked(data, "simulate", *words)
        assert isinstance(now, dict)
        assert {name: now[name] for name in changes} == changes
    assert asked(data, "simulate", "reset") == usual
    shown = limpet("simulate", "show", "--data", data)
    assert "throttle       0.0" in shown.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("throttle", "200%"),
        ("delay", "1e9"),
        ("refuse", "nobody at all"),
        ("receipts", "soon"),
        ("fate", "10%", "late"),
    ],
)
def test_what_cannot_be_is_one_sentence(data: str, words: tuple[str, ...]) -> None:
    assert one_sentence(limpet("simulate", *words, "--data", data))


def test_a_credential_is_made_listed_and_taken_away(data: str) -> None:
    made = asked(data, "smpp-credentials", "create", "--name", "Kannel", "--network", "192.0.2.0/24")
    assert isinstance(made, dict)
    listed = asked(data, "smpp-credentials", "list")
    assert isinstance(listed, list)
    assert [one["friendly_name"] for one in listed] == ["Kannel", "Limpet dev"]
    assert "password" not in listed[0]
    asked(data, "smpp-credentials", "delete", made["sid"])
    again = limpet("smpp-credentials", "delete", made["sid"], "--data", data)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    table = limpet("smpp-credentials", "list", "--data", data)
    assert "Limpet dev" in table.stdout
