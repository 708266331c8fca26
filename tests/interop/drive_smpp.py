"""A lane against Kannel's drive_smpp, both in a network namespace of their own: `python -m tests.interop.drive_smpp DIR`.

drive_smpp listens on every address, and wants a bearerbox beside it at the port of its smsboxes: here somebody listens there and
says nothing. It knows no bind_transceiver, so the lane binds a pair. As soon as the receiver is bound it delivers TEXTS
messages, each with an enquire_link, and it ends with the first connection that does. Prints what the lane heard, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path

from limpet.carrier.port import Receipt, Submitted
from limpet.carrier.smpp import SmppLane
from limpet.carrier.smpp_config import Binds, SmppConfig
from limpet.smpp.commands import Bind
from tests.support.smsc import Recorder, config, submission
from tests.support.wait import until

DRIVE_SMPP = Path("/usr/lib/kannel/test/drive_smpp")
HERE, PORT, BEARERBOX_PORT = "127.0.0.1", 2345, 13001
TEXTS = 5


class OldConfig(SmppConfig):
    """A bind of SMPP 3.3: its texts come without TLVs, so that they are no receipts."""

    @property
    def bind(self) -> Bind:
        return super().bind._replace(interface_version=0x33)


def lane_config(version: str) -> SmppConfig:
    """That of a lane that binds a pair, as SMPP 3.4 or 3.3."""
    pair = config(PORT, binds=Binds.PAIR)
    if version == "3.4":
        return pair
    return OldConfig(pair.host, pair.port, pair.system_id, pair.password, binds=Binds.PAIR)


async def converse(version: str, bodies: list[str]) -> dict[str, object]:
    """Send the bodies and hear what drive_smpp has to say."""
    heard = Recorder()
    lane = heard.lane = SmppLane("kannel/0", lane_config(version), heard, random.Random(1))
    await lane.start()
    await heard.until(lambda: heard.rooms)
    lane.submit([submission(number, body) for number, body in enumerate(bodies, 1)])
    await heard.until(lambda: len(heard.results) == len(bodies) and len(heard.deliveries) == TEXTS)
    await lane.stop(1.0)
    return {
        "taken": [len(each.carrier_message_ids) for each in heard.results if isinstance(each, Submitted)],
        "texts": sorted(text.body for text in heard.inbound),
        "addresses": sorted({(each.sender, each.recipient) for each in heard.deliveries}),
        "receipts": [each.carrier_message_id for each in heard.deliveries if isinstance(each, Receipt)],
    }


def listens() -> bool:
    """Whether drive_smpp is there; a connection would be a customer's, so the kernel's list is read."""
    sockets = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{PORT:04X}") for line in sockets)


async def main(directory: Path, version: str, bodies: list[str]) -> dict[str, object]:
    """All of it, drive_smpp included; `kannel` is what it has written down."""
    beside = await asyncio.start_server(lambda _reader, _writer: None, HERE, BEARERBOX_PORT)
    log = directory / "drive_smpp.log"
    process = await asyncio.create_subprocess_exec(
        str(DRIVE_SMPP), "-p", str(PORT), "-m", str(TEXTS), "-l", str(log),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(listens, 10.0)
        said = await converse(version, bodies)
        await asyncio.wait_for(process.wait(), 10.0)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        beside.close()
    return {**said, "kannel": log.read_text("latin-1")}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))))
