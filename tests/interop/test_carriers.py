"""The other direction: Limpet as the customer of message centres that other people wrote."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from limpet.carrier.port import ReceiptState, Submitted
from limpet.carrier.smpp import SmppLane
from tests.interop.conftest import ENVIRONMENT, has_program, need
from tests.interop.drive_smpp import DRIVE_SMPP, TEXTS
from tests.interop.test_esmes import CLIENTS, LONG, UNICODE
from tests.support.smsc import Recorder, config, submission

HERE = "127.0.0.1"


@contextmanager
def node_smsc() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """npm's smpp as a message centre, and its port."""
    process = subprocess.Popen(
        ["node", f"{CLIENTS}/smsc_node.cjs"], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "NODE_SMPP": str(ENVIRONMENT / "node")},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["port"]
    finally:
        process.kill()
        process.communicate()


async def test_the_message_centre_of_npms_smpp_takes_tells_and_writes() -> None:
    there = has_program("node") and (ENVIRONMENT / "node" / "node_modules" / "smpp").is_dir()
    need("smpp of npm", there, "run `make interop`")
    heard = Recorder()
    with node_smsc() as (process, port):
        lane = heard.lane = SmppLane("npm/0", config(port), heard, random.Random(1))
        await lane.start()
        await heard.until(lambda: heard.rooms)
        bodies = ["Hello", UNICODE, LONG]
        lane.submit([submission(number, body) for number, body in enumerate(bodies, 1)])
        await heard.until(lambda: len(heard.results) == 3 and len(heard.deliveries) == 6)
        await lane.stop(1.0)
        assert process.stdout is not None
        taken = [json.loads(process.stdout.readline()) for _ in range(5)]
    ids = [each for result in heard.results if isinstance(result, Submitted) for each in result.carrier_message_ids]
    assert sorted(ids) == ["001", "002", "003", "004", "005"]
    assert "".join(each["text"] for each in taken) == "".join(bodies)
    assert sorted(receipt.carrier_message_id or "" for receipt in heard.receipts) == sorted(ids)
    assert {receipt.state for receipt in heard.receipts} == {ReceiptState.DELIVERED}
    assert [(text.body, text.recipient) for text in heard.inbound] == [("Ракушка 🐚", "+14155550100")]


ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
"""A command behind this runs in a network of its own, in which there is only loopback."""


def drive_smpp(directory: Path, version: str, bodies: list[str]) -> dict[str, object]:
    """What a lane and drive_smpp have said to each other."""
    need("Kannel's drive_smpp", DRIVE_SMPP.exists(), "on Debian: apt-get install kannel-extras")
    need("a network of its own for drive_smpp", _can_be_alone(), "it takes unshare, ip, and the right to use them")
    command = [sys.executable, "-m", "tests.interop.drive_smpp", str(directory), version, json.dumps(bodies)]
    done = subprocess.run([*ALONE, *command], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _can_be_alone() -> bool:
    if not (has_program("unshare") and has_program("ip")):
        return False
    return subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("version", ["3.4", "3.3"])
def test_kannels_drive_smpp_takes_tells_and_writes(tmp_path: Path, version: str) -> None:
    """It gives no ids and shows of a text what precedes the first NUL; of its deliveries those to a bind of 3.4 are receipts."""
    said = drive_smpp(tmp_path, version, ["Hello", UNICODE, LONG])
    log = str(said["kannel"])
    assert said["taken"] == [1, 1, 3]
    assert "short_message = <Hello>" in log
    assert f"short_message = <{'Привет'.encode('utf-16-be').decode('latin-1')}>" in log
    assert log.count("short_message = <\x05>") == 3
    handled = {name: log.count(f"PDU of type {name}\n") for name in ("enquire_link_resp", "deliver_sm_resp", "unbind")}
    assert handled == {"enquire_link_resp": TEXTS, "deliver_sm_resp": TEXTS, "unbind": 2}
    assert "Number of messages sent to SMSC: 5" in log
    assert said["addresses"] == [["123", "456"] if version == "3.4" else ["456", "123"]]
    texts, receipts = [str(number) for number in range(1, TEXTS + 1)], ["receipted_message_id"] * TEXTS
    assert (said["texts"], said["receipts"]) == (([], receipts) if version == "3.4" else (texts, []))
