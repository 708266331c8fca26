"""Kannel binds to Limpet as to any carrier: long and Unicode texts leave by it, receipts and people's texts come back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.interop.conftest import need
from tests.interop.kannel import BEARERBOX, Kannel, kannel
from tests.interop.test_esmes import LONG, SHORT, UNICODE, WRITTEN, WRITTEN_WIDE, _messages
from tests.support.customer import Customer, recording_customer
from tests.support.limpet_process import LimpetProcess, limpet

PERSON = "14155550175"
WAIT_S = 60
DELIVERED = "1"


async def test_kannel_sends_and_hears(limpet_server: LimpetProcess, tmp_path: Path) -> None:
    need("Kannel", BEARERBOX.exists(), "on Debian: apt-get install kannel")
    ready = limpet_server.ready
    number = ready["numbers"][0]
    async with recording_customer() as customer:
        with kannel(
            tmp_path, ready["smpp"], ready["smpp_system_id"], ready["smpp_password"], customer.url("")
        ) as boxes:
            await _send(boxes, number, SHORT)
            await _send(boxes, number, UNICODE, wide=True)
            await _send(boxes, number, LONG)
            await customer.until(lambda: _delivered(customer) == 3, WAIT_S)
            messages = await asyncio.to_thread(_messages, ready, PERSON)
            assert sorted(message.body for message in messages) == sorted([SHORT, UNICODE, LONG])
            for body in (WRITTEN, WRITTEN_WIDE):
                wrote = await asyncio.to_thread(
                    limpet, "text", "--from", f"+{PERSON}", "--to", number, "--data", ready["data"], body
                )
                assert wrote.returncode == 0, wrote.stderr
            await customer.until(lambda: _heard(customer) == WRITTEN + WRITTEN_WIDE, WAIT_S)


async def _send(boxes: Kannel, number: str, body: str, *, wide: bool = False) -> None:
    """As soon as smsbox is there."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                await asyncio.to_thread(lambda: boxes.send(number, f"+{PERSON}", body, wide=wide))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return


def _said(customer: Customer, path: str) -> list[dict[str, list[str]]]:
    """What Kannel has asked the customer's path for."""
    requests = [urlsplit(request.url) for request in customer.requests]
    return [parse_qs(request.query, encoding="latin-1") for request in requests if request.path == path]


def _delivered(customer: Customer) -> int:
    return sum(query["state"] == [DELIVERED] for query in _said(customer, "/receipt"))


def _heard(customer: Customer) -> str:
    """The texts in order, each in the alphabet in which Kannel hands it on."""
    texts = [query for query in _said(customer, "/text") if query["from"] == [f"+{PERSON}"]]
    return "".join(query["text"][0].encode("latin-1").decode(query["charset"][0]) for query in texts)
