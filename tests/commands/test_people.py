"""`limpet people` against a running Limpet: a person is written to a file, counted, and forgotten."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from tests.support.limpet_process import LimpetProcess, limpet

PERSON = "+14155550177"


def post(running: LimpetProcess, path: str, **form: str) -> dict[str, str]:
    ready = running.ready
    uri = f"{ready['url']}/2010-04-01/Accounts/{ready['account_sid']}{path}.json"
    answer = requests.post(uri, data=form, auth=(ready["account_sid"], ready["auth_token"]), timeout=20)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


def test_a_person_is_written_to_a_file_counted_and_forgotten(
    running: LimpetProcess, data: Path, tmp_path: Path
) -> None:
    where = ("--data", str(data), "--to", PERSON)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    scheduled = post(running, "/Messages", To=PERSON, MessagingServiceSid=running.ready["service_sid"], Body="x",
                     SendAt=later, ScheduleType="fixed")  # fmt: skip
    refused = limpet("people", "erase", *where, "--yes")
    assert refused.returncode == 1
    assert scheduled["sid"] in refused.stderr
    assert "Cancel those that are scheduled" in refused.stderr
    post(running, f"/Messages/{scheduled['sid']}", Status="canceled")
    target = tmp_path / "person.ndjson"
    written = limpet("people", "export", *where, str(target))
    assert (written.returncode, written.stderr) == (0, "1 lines written.\n")
    assert json.loads(target.read_text())["sid"] == scheduled["sid"]
    counted = json.loads(limpet("people", "erase", *where, "--dry-run", "--json").stdout)
    assert (counted["counts"], counted["dry_run"]) == ({"message": 1}, True)
    assert limpet("people", "erase", *where).returncode != 0, "nobody said yes"
    erased = limpet("people", "erase", *where, "--yes")
    assert (erased.returncode, erased.stdout.splitlines()[-1]) == (0, f"{PERSON} is forgotten.")
    assert limpet("people", "export", *where).stdout == ""
    log = json.loads(limpet("people", "log", "--data", str(data), "--json").stdout)
    assert [one["act"] for one in log] == ["export", "erase", "export"]
    assert "erase" in limpet("people", "log", "--data", str(data)).stdout


def test_what_is_no_number_is_one_sentence(running: LimpetProcess, data: Path) -> None:
    for command in (("export",), ("erase", "--dry-run")):
        said = limpet("people", *command, "--data", str(data), "--to", "nobody")
        assert (said.returncode, said.stderr.count("\n")) == (1, 1), said.stderr
