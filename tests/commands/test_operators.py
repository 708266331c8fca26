"""`limpet operators`: who may sign in to the console, said on the database beside a running server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.support.limpet_process import PROGRAM, LimpetProcess, limpet, one_sentence

FIRST = "a password of mine"


def test_an_operator_is_made_listed_reset_and_disabled(running: LimpetProcess, data: Path) -> None:
    del running
    here = ("--data", str(data))
    made = json.loads(limpet("operators", "create", "anna", "--role", "admin", "--json", *here).stdout)
    assert made["uri"].startswith("otpauth://totp/Limpet%3Aanna?secret=")
    assert (len(made["password"]), len(set(made["recovery_codes"]))) == (23, 10)
    [one] = json.loads(limpet("operators", "list", "--json", *here).stdout)
    assert (one["name"], one["role"], one["second_factor"], one["recovery_codes"]) == ("anna", "admin", True, 10)
    shown = limpet("operators", "list", *here).stdout
    assert made["password"] not in shown
    assert "anna" in shown
    reset = limpet("operators", "reset", "anna", "--role", "viewer", "--no-second-factor", *here)
    assert "password       " in reset.stdout
    assert made["password"] not in reset.stdout
    assert "second factor" not in reset.stdout
    assert "Nobody can see this again" in reset.stderr
    assert limpet("operators", "disable", "anna", *here).stdout == "anna is shut out.\n"
    [one] = json.loads(limpet("operators", "list", "--json", *here).stdout)
    assert (one["role"], one["second_factor"], one["recovery_codes"]) == ("viewer", False, 0)
    assert one["disabled_at"]


def with_password(given: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, "operators", *arguments, "--password-stdin"]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)


def test_a_password_may_be_brought_and_is_not_shown(running: LimpetProcess, data: Path) -> None:
    del running
    done = with_password(f"{FIRST}\n", "create", "ben", "--json", "--data", str(data))
    assert done.returncode == 0, done.stderr
    assert FIRST not in done.stdout + done.stderr
    assert "password" not in json.loads(done.stdout)
    assert "12 to 200 characters" in one_sentence(with_password("short\n", "create", "cleo", "--data", str(data)))


def test_what_cannot_be_is_one_sentence(running: LimpetProcess, data: Path) -> None:
    del running
    here = ("--data", str(data))
    limpet("operators", "create", "dora", *here)
    assert "There is an operator dora" in one_sentence(limpet("operators", "create", "dora", *here))
    assert "NAME is 1 to 64 small letters" in one_sentence(limpet("operators", "create", "<script>", *here))
    assert "There is no operator nobody" in one_sentence(limpet("operators", "reset", "nobody", *here))
    assert "There is no operator nobody" in one_sentence(limpet("operators", "disable", "nobody", *here))
    assert "'owner' is not one of" in one_sentence(limpet("operators", "create", "e", "--role", "owner", *here))
