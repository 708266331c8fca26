"""`limpet optouts` against a running Limpet: listed, added, removed, brought in files, written to files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.support.limpet_process import limpet, one_sentence

PERSON = "+14155550177"


def test_a_person_is_added_listed_and_removed(where: tuple[str, ...]) -> None:
    added = json.loads(limpet("optouts", "add", *where, "--to", PERSON, "--json").stdout)
    assert added["to"] == PERSON
    assert [one["to"] for one in json.loads(limpet("optouts", "list", *where, "--json").stdout)] == [PERSON]
    assert PERSON in limpet("optouts", "list", *where).stdout
    assert limpet("optouts", "remove", *where, "--to", PERSON).returncode == 0
    again = limpet("optouts", "remove", *where, "--to", PERSON)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "Nobody" in limpet("optouts", "list", *where).stdout


@pytest.mark.parametrize("shape", ["csv", "ndjson"])
def test_files_are_brought_and_written_and_bad_lines_are_named(
    where: tuple[str, ...], tmp_path: Path, shape: str
) -> None:
    people = [f"+1212555{n + (0 if shape == 'csv' else 5000):04}" for n in range(1200)]
    lines = (
        [json.dumps({"to": to}) for to in people] if shape == "ndjson" else ["name,To", *(f"x,{to}" for to in people)]
    )
    lines[700:700] = ["{}" if shape == "ndjson" else "x", ""]
    source = tmp_path / "people"
    source.write_text("\n".join([*lines, '{"to": "nobody"}' if shape == "ndjson" else "x,nobody"]) + "\n")
    brought = limpet("optouts", "import", *where, str(source), "--json")
    assert json.loads(brought.stdout) == {"imported": 1200, "known": 0, "rejected": 2}
    assert "line 701: there is no number in it" in brought.stderr
    assert f"line {len(lines) + 1}: nobody is no number" in brought.stderr
    target = tmp_path / "out"
    assert limpet("optouts", "export", *where, str(target), *(["--json"] if shape == "ndjson" else [])).returncode == 0
    with target.open() as file:
        written = [json.loads(line) for line in file] if shape == "ndjson" else list(csv.DictReader(file))
    assert set(people) <= {one["to"] for one in written}
    again = json.loads(limpet("optouts", "import", *where, str(target), "--json").stdout)
    assert (again["imported"], again["rejected"]) == (0, 0)
    assert again["known"] == len(written)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "nowhere.csv"], "nowhere.csv"),
        (["add", "--to", "nobody"], "21211"),
        (["remove", "--to", PERSON], "has not opted out"),
    ],
)
def test_what_is_wrong_is_one_sentence(where: tuple[str, ...], arguments: list[str], said: str) -> None:
    assert said in one_sentence(limpet("optouts", arguments[0], *where, *arguments[1:]))


def test_a_file_without_the_column_is_refused(where: tuple[str, ...], tmp_path: Path) -> None:
    source = tmp_path / "people.csv"
    source.write_text("number\n+14155550100\n")
    ended = limpet("optouts", "import", *where, str(source))
    assert ended.returncode == 1
    assert "no column 'to'" in ended.stderr
