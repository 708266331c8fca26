"""Mappings in files on the command line, and the page on moving from Twilio, walked command by command. S-120, S-121, S-123."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from limpet.commands.door import call, find_door
from tests.support.limpet_process import LimpetProcess, limpet, limpet_dev

ROOT = Path(__file__).parents[2]
LOG = ROOT / "tests" / "data" / "twilio-messages.json"
CONSOLE = ROOT / "tests" / "data" / "twilio-console.csv"
PAGE = ROOT / "docs" / "howto" / "migrate-from-twilio.md"
ACCOUNT, TOKEN = "AC" + "5" * 32, "a-token"
RECORDED = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When the log was recorded: the server's clock is set to that."""
PER_PAGE = 3
KEEP = {
    "+14155550141": "+14155550107",
    "+14155550142": "+12125550103",
    "+14155550143": "+13055550104",
    "+14155550145": "+16175550109",
    "+14155550146": "+14045550106",
    "+442079460146": "+15125550108",
}
"""Who heard last from which number that the pool has too."""


class _Twilio(BaseHTTPRequestHandler):
    """Twilio's message list, from the recording; it is busy once, and refuses strangers."""

    asked: list[str]
    messages: list[dict[str, Any]]
    broken_at: int | None

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.headers["Authorization"] != "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode():
            return self._answer(401, {})
        if len(self.asked) == 1:
            return self._answer(429, {}, {"Retry-After": "0"})
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        number = int(query.get("Page", 0))
        if number == self.broken_at:
            return self._answer(403, {})
        start = number * PER_PAGE
        more = start + PER_PAGE < len(self.messages)
        following = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?Page={number + 1}" if more else None
        return self._answer(200, {"messages": self.messages[start : start + PER_PAGE], "next_page_uri": following})

    def _answer(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def twilio(broken_at: int | None = None) -> Iterator[tuple[str, type[_Twilio]]]:
    """A Twilio on this machine: its URL, and what it was asked."""
    messages = json.loads(LOG.read_text())["messages"]
    handler = type("Played", (_Twilio,), {"asked": [], "messages": messages, "broken_at": broken_at})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[LimpetProcess]:
    days = (RECORDED - datetime.now(UTC)).days
    with limpet_dev(data, "--clock", f"{days:+}d") as process:
        yield process


@pytest.fixture
def service(running: LimpetProcess, data: Path) -> Iterator[str]:
    """The service with the numbers, without a mapping afterwards."""
    sid = running.ready["service_sid"]
    yield sid
    place = f"/v1/Services/{sid}/StickyMappings/Import"
    for one in call(find_door(data, {}), "GET", place)["imports"]:
        if one["state"] == "done":
            call(find_door(data, {}), "DELETE", f"{place}/{one['sid']}")


def sticky(data: Path, *arguments: object) -> CompletedProcess[str]:
    return limpet("sticky", *map(str, arguments), "--data", str(data))


def mapped(data: Path, service: str) -> dict[str, str]:
    """Everybody who has a number."""
    out = sticky(data, "export", "--service", service)
    assert out.returncode == 0, out.stderr
    return {one["to"]: one["from"] for one in map(json.loads, out.stdout.splitlines())}


def commands_of_page() -> list[list[str]]:
    """The commands of the page, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines() if line.startswith("limpet ")]


def test_the_page_leads_to_a_limpet_where_nobody_s_number_changes(
    data: Path, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done: list[str] = []
    last = ""
    with twilio() as (url, played):
        for words in commands_of_page():
            what = words[1]
            arguments = [{"MG…": service, "LI…": last}.get(word, word) for word in words]
            arguments += ["--url", url] if what == "fetch-log" else ["--data", str(data)]
            ended = limpet(*arguments, **os.environ, TWILIO_ACCOUNT_SID=ACCOUNT, TWILIO_AUTH_TOKEN=TOKEN)
            dry = "--dry-run" in words
            assert ended.returncode == (3 if what == "import" else 0), ended.stderr
            if what == "import":
                last = ended.stdout.split(":")[0]
                assert "7  could be taken" in ended.stdout if dry else "could be" not in ended.stdout
                assert "line 6 names a number that is not in the pool" in ended.stderr
                assert mapped(data, service) == ({} if dry else KEEP)
            if what == "import" and len(done) == 2:
                assert _who_writes(data, service) == KEEP, "the day of the move"
            done.append(what)
        assert any("PageSize=1000" in path and "DateSent%3E=" in path for path in played.asked)
    assert done == ["fetch-log", "import", "import", "show", "fetch-log", "import", "undo", "export", "export"]
    told = [json.loads(line) for line in Path("not-taken.ndjson").read_text().splitlines()]
    assert [(one["line"], one["why"]) for one in told] == [(6, "unknown_sender")]
    fetched = Path("twilio.ndjson").read_text()
    assert "order" not in fetched, "no text leaves Twilio"
    assert len(Path("mappings.csv").read_text().splitlines()) == 1 + len(KEEP)


def _who_writes(data: Path, service: str) -> dict[str, str]:
    """From which numbers people hear when they are written to."""
    door = find_door(data, {})
    place = f"/2010-04-01/Accounts/{door.user}/Messages"
    heard = {}
    for to in KEEP:
        sent = call(door, "POST", f"{place}.json", form={"To": to, "MessagingServiceSid": service, "Body": "Hello"})
        while heard.get(to) is None:
            heard[to] = call(door, "GET", f"{place}/{sent['sid']}.json")["from"]
    return heard


@pytest.mark.parametrize("packed", [False, True])
def test_the_console_s_export_says_the_same(data: Path, service: str, tmp_path: Path, packed: bool) -> None:
    file = tmp_path / "log"
    file.write_bytes(gzip.compress(CONSOLE.read_bytes()) if packed else CONSOLE.read_bytes())
    ended = sticky(data, "import", file, "--service", service, "--json")
    assert ended.returncode == 3
    told = json.loads(ended.stdout)
    counts = {name: count for name, count in told["lines"].items() if count}
    passed = {"inbound": 1, "never_left": 2, "too_old": 1}
    assert counts == {"lines": 12, "made": 6, "superseded": 1, "reported": 1, "passed": passed}
    assert mapped(data, service) == KEEP


def test_a_fetch_that_broke_carries_on(tmp_path: Path) -> None:
    file, who = tmp_path / "log", {**os.environ, "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN}
    with twilio(broken_at=2) as (url, _):
        broken = limpet("sticky", "fetch-log", str(file), "--url", url, **who)
        assert (broken.returncode, "carries on" in broken.stderr) == (1, True)
    with file.open("ab") as damaged:
        damaged.write(b'{"half of a li')
    with twilio() as (url, played):
        assert limpet("sticky", "fetch-log", str(file), "--url", url, **who).returncode == 0
        assert all("Page=0" not in path for path in played.asked)
        again = limpet("sticky", "fetch-log", str(file), "--url", url, **who)
        assert (again.returncode, "whole" in again.stderr) == (1, True)
    assert len([json.loads(line) for line in file.read_text().splitlines()]) == 12


def test_whoever_has_no_credentials_or_wrong_ones_is_told(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TWILIO")}
    ended = limpet("sticky", "fetch-log", str(tmp_path / "log"), **bare)
    assert (ended.returncode, "TWILIO_ACCOUNT_SID" in ended.stderr) == (1, True)
    with twilio() as (url, _):
        who = {**bare, "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "wrong"}
        ended = limpet("sticky", "fetch-log", str(tmp_path / "log"), "--url", url, **who)
    assert (ended.returncode, "401" in ended.stderr) == (1, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,number\n", "does not name the columns"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_one_sentence(
    data: Path, service: str, tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)
    ended = sticky(data, "import", file, "--service", service)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert said in ended.stderr


def test_a_service_or_an_import_that_is_not_there_is_said(data: Path, service: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("to,from\n")
    nowhere = "MG" + "0" * 32
    for arguments in (["import", file], ["export"], ["undo", "LI" + "0" * 32]):
        ended = sticky(data, *arguments, "--service", nowhere)
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert sticky(data, "import", file, "--service", service).returncode == 0
