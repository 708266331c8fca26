"""An ESME by aiosmpplib: a short text, one in Unicode, one in parts by header and TLVs; then receipts and texts."""

from __future__ import annotations

import asyncio
import json
import sys

from aiosmpplib import ESME, PhoneNumber, SubmitSm
from aiosmpplib.hook import AbstractHook
from aiosmpplib.protocol import DeliverSm, SubmitSmResp


class Hook(AbstractHook):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.receipts: dict[str, str] = {}
        self.texts: list[str] = []
        self.changed = asyncio.Event()

    async def sending(self, smpp_message: object, pdu: bytes, client_id: str) -> None:
        """Nothing to see."""

    async def received(self, smpp_message: object, pdu: bytes, client_id: str) -> None:
        if isinstance(smpp_message, SubmitSmResp) and not isinstance(smpp_message, DeliverSm):
            self.ids[smpp_message.log_id] = smpp_message.message_id
        elif isinstance(smpp_message, DeliverSm) and smpp_message.is_receipt():
            receipt = smpp_message.parse_receipt()
            self.receipts[receipt["id"]] = receipt["stat"]
        elif isinstance(smpp_message, DeliverSm):
            self.texts.append(smpp_message.short_message)
        self.changed.set()

    async def send_error(self, smpp_message: object, error: Exception, client_id: str) -> None:
        raise error

    async def until(self, condition: object) -> None:
        while not condition():
            self.changed.clear()
            await self.changed.wait()


async def main() -> None:
    host, port, system_id, password, person, *bodies = sys.argv[1:]
    hook = Hook()
    esme = ESME(host, int(port), system_id, password, hook=hook, log_level="ERROR")
    for number, body in enumerate(bodies):
        long = len(body) > 160
        await esme.broker.enqueue(
            SubmitSm(
                short_message=body, source=PhoneNumber(""), destination=PhoneNumber(person), log_id=str(number),
                registered_delivery=1, encoding="gsm0338" if body.isascii() else "ucs2", auto_message_payload=not long,
                esm_class=0x40 if long else 0,
            )
        )  # fmt: skip
    running = asyncio.create_task(esme.start())
    await hook.until(lambda: len(hook.ids) == len(bodies))
    print(json.dumps([[hook.ids[str(number)]] for number in range(len(bodies))]), flush=True)
    wanted = json.loads(await asyncio.to_thread(sys.stdin.readline))
    await hook.until(lambda: set(hook.ids.values()) <= set(hook.receipts) and len("".join(hook.texts)) >= wanted)
    await esme.stop()
    running.cancel()
    print(json.dumps({"receipts": hook.receipts, "texts": hook.texts}), flush=True)


asyncio.run(main())
