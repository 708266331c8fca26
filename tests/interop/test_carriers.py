"""The other direction: Limpet as the customer of message centres that other people wrote.

Kannel's drive_smpp is none: it answers no bind_transceiver, and tests a bearerbox that it wants to find beside it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from limpet.carrier.port import ReceiptState, Submitted
from limpet.carrier.smpp import SmppLane
from tests.interop.conftest import ENVIRONMENT, has_program, need
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
