"""A backup while everything runs, and a restore into an empty place: all is there, stickiness too, and nothing is sent twice."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from twilio.rest import Client

from tests.support.limpet_process import LimpetProcess, data_directory, limpet, limpet_dev, one_sentence
from tests.support.wait import until

ANN, BOB, CAT = "+14155550177", "+14155550178", "+14155550179"
SLOW_S = "600"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Path]:
    """The data directory of a restore."""
    with data_directory() as made:
        yield made


def client(process: LimpetProcess) -> Client:
    made = Client(process.ready["account_sid"], process.ready["auth_token"])
    made.api.base_url = made.messaging.base_url = process.ready["url"]
    return made


def send(process: LimpetProcess, to: str, body: str) -> str:
    service = process.ready["service_sid"]
    return str(client(process).messages.create(to=to, messaging_service_sid=service, body=body).sid)


async def gone(process: LimpetProcess, sid: str, status: str) -> str:
    """The number that a message comes from, once it has this status."""
    await until(lambda: client(process).messages(sid).fetch().status == status, 30.0)
    return str(client(process).messages(sid).fetch().from_)


@pytest.mark.timeout(300)
async def test_what_was_backed_up_is_there_again_and_nothing_is_sent_twice(
    data: Path, elsewhere: Path, tmp_path: Path
) -> None:
    file = tmp_path / "b.limpet"
    with limpet_dev(data) as old:
        numbers = {to: await gone(old, send(old, to, "before"), "delivered") for to in (ANN, BOB)}
        assert limpet("simulate", "delay", SLOW_S, "--data", str(data)).returncode == 0
        waiting = send(old, CAT, "on its way")
        await gone(old, waiting, "sending")
        said = limpet("backup", str(file), "--data", str(data))
        assert (said.returncode, said.stderr) == (0, "")
        assert "no use without the secret key" in said.stdout
        assert "is there already" in one_sentence(limpet("backup", str(file), "--data", str(data)))
        after = send(old, ANN, "after the backup")
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as archive:
        key = (data / "secret.key").read_text().strip()
        assert all(key.encode() not in archive.read(name) for name in archive.namelist())
        assert archive.read("database.dump").startswith(b"PGDMP")
    refused(file, elsewhere, tmp_path)
    done = limpet("restore", str(file), "--data", str(elsewhere), "--secret-key", str(data / "secret.key"))
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "1 messages may have left since, and are held" in done.stdout
    assert "There is something in this database already" in one_sentence(
        limpet("restore", str(file), "--data", str(elsewhere))
    )
    os.link(data / "dev.json", elsewhere / "dev.json")
    with limpet_dev(elsewhere) as new:
        assert new.ready["account_sid"] == old.ready["account_sid"]
        for to, number in numbers.items():
            assert await gone(new, send(new, to, "after the restore"), "delivered") == number
        assert client(new).messages(waiting).fetch().status == "sending"
        missing = limpet("messages", "show", after, "--data", str(elsewhere))
        assert "no message" in missing.stderr
        listed = json.loads(limpet("messages", "doubt", "list", "--json", "--data", str(elsewhere)).stdout)
        assert [one["message_sid"] for one in listed] == [waiting]
        found = json.loads(limpet("held", "list", "--json", "--data", str(elsewhere)).stdout)
        assert found == {"in_doubt": 1, "unbound": 0, "accounts": 1}
        assert limpet("held", "send", "--yes", "--data", str(elsewhere)).returncode == 0
        await gone(new, waiting, "delivered")
        assert limpet("held", "list", "--data", str(elsewhere)).stdout == "Nothing is held.\n"


def refused(file: Path, place: Path, folder: Path) -> None:
    """What a restore does not begin with."""
    (folder / "other.key").write_text("ab" * 32 + "\n")
    (folder / "other.key").chmod(0o600)
    torn = folder / "torn.limpet"
    torn.write_bytes(file.read_bytes()[:-200])
    where = ("--data", str(place))
    assert "needs the secret key" in one_sentence(limpet("restore", str(file), *where))
    wrong = one_sentence(limpet("restore", str(file), *where, "--secret-key", str(folder / "other.key")))
    assert "and not" in wrong
    assert "is not a whole backup" in one_sentence(limpet("restore", str(torn), *where))
    assert "cannot be read" in one_sentence(limpet("restore", str(folder / "nothing"), *where))
    assert "There is no database in" in one_sentence(limpet("backup", str(folder / "x"), *where))
    assert not place.exists()
