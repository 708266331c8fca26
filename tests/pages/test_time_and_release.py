"""Time that is moved on from the page, messages that are let go to a real carrier, and an end while pages listen."""

from __future__ import annotations

import asyncio
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from limpet.clock import SteppableClock, SystemClock
from limpet.config_sections import DispatchConfig
from limpet.devtools.simulator import Simulator
from limpet.pages.phones.whole import stepping
from limpet.store.database import Database
from tests.pages.conftest import Phones
from tests.pages.test_phones import events, listen
from tests.support.clock import HandClock
from tests.support.limpet_process import data_directory, limpet_dev
from tests.support.smsc import ACCOUNTS, simulator

FRIEND, STRANGER = "+14155550199", "+14155550188"
YEAR = timedelta(days=366)


async def test_a_clock_is_moved_on_and_there_is_room_for_what_is_written_then(database: Database) -> None:
    clock = SteppableClock()
    step = stepping(clock, database)
    assert step is not None
    await step(3 * YEAR)
    assert abs(clock.now() - datetime.now(UTC) - 3 * YEAR) < timedelta(minutes=1)
    assert clock.offset == 3 * YEAR
    year = clock.now().strftime("%Y")
    names = await database.pool.fetch("SELECT relname FROM pg_class WHERE relname LIKE 'message%'")
    assert any(year in row["relname"] for row in names)
    with pytest.raises(ValueError, match="never back"):
        clock.step(-timedelta(seconds=1))


def test_other_clocks_cannot_be_moved(database: Database) -> None:
    assert stepping(SystemClock(), database) is None
    assert stepping(HandClock(), database) is None


def test_a_scheduled_message_is_sent_when_its_day_has_come() -> None:
    with data_directory() as data, limpet_dev(data) as process:
        phones = Phones(process.ready)
        at = datetime.now(UTC) + timedelta(days=1)
        sent = phones.send(FRIEND, "tomorrow", schedule_type="fixed", send_at=at)
        assert (sent.status, phones.heard(FRIEND)[0]["status"]) == ("scheduled", "scheduled")
        for wrong in ({"By": "week"}, {"By": ""}, {}):
            assert phones.session.post(f"{phones.url}/phones/clock", json=wrong, timeout=10).status_code == 400
        moved = phones.session.post(f"{phones.url}/phones/clock", json={"By": "day"}, timeout=10)
        assert datetime.fromisoformat(moved.json()["now"]) > at
        (told,) = phones.heard(FRIEND, q="status:delivered")
        assert told["sid"] == sent.sid


def test_a_server_ends_at_once_while_pages_listen() -> None:
    with data_directory() as data, limpet_dev(data) as process:
        phones = Phones(process.ready)
        streams = [events(listen(phones, f"after={phones.messages()['after']}")) for _ in range(3)]
        phones.send(FRIEND)
        assert [next(stream)["event"] for stream in streams] == ["phones"] * 3
        began = time.monotonic()
        code, said = process.end(signal.SIGTERM)
        assert (code, said) == (0, "")
        assert time.monotonic() - began < DispatchConfig().stop_grace_s


def _configured(folder: Path, real: Simulator) -> Path:
    file = folder / "limpet.toml"
    file.write_text(
        f'[[carriers]]\nname = "real"\nhost = "127.0.0.1"\nport = {real.port}\nsystem_id = "limpet"\n'
        f'password = "{ACCOUNTS["limpet"]}"\n'
    )
    return file


def _released(data: Path, file: Path) -> tuple[str, str, str]:
    """What is said to releases: of a friend's message, of the same once more, and of a stranger's."""
    options = (
        "--release-to",
        "real",
        "--release-config",
        str(file),
        "--allow",
        FRIEND,
        "--release-from",
        "+14155550100",
    )
    with limpet_dev(data, *options) as process:
        phones = Phones(process.ready)
        said = []
        for person in (FRIEND, STRANGER):
            phones.send(person, "for real")
            sid = phones.heard(person, q="status:delivered")[0]["sid"]
            assert ("Release to real" in phones.get(f"/phones/messages/{sid}").text) == (person == FRIEND)
            for _ in range(2 if person == FRIEND else 1):
                said.append(phones.post(f"/phones/messages/{sid}/release", {"HX-Request": "true"}).text.strip())
        written = phones.writes(FRIEND, "no")
        assert written.status_code == 201
        sid = phones.heard(FRIEND, q="body:no")[0]["sid"]
        assert "has taken" in phones.post(f"/phones/messages/{sid}/release").text
    first, again, refused = said
    return first, again, refused


async def test_a_message_is_released_to_who_is_on_the_list(tmp_path: Path) -> None:
    with data_directory() as data:
        async with simulator() as real:
            first, again, refused = await asyncio.to_thread(_released, data, _configured(tmp_path, real))
            assert [(text.sender, text.recipient, text.body) for text in real.messages] == [
                ("+14155550100", FRIEND, "for real")
            ]
    assert first.startswith("real took it as")
    assert again == "It has been released before."
    assert "is not on the list" in refused


def test_without_a_carrier_nothing_can_be_released(phones: Phones) -> None:
    person = phones.person()
    phones.send(person)
    sid = phones.heard(person, q="status:delivered")[0]["sid"]
    assert "Release" not in phones.get(f"/phones/messages/{sid}").text
    refused = phones.post(f"/phones/messages/{sid}/release")
    assert (refused.status_code, "--release-to" in refused.text) == (404, True)
