"""The described carrier of `docs/howto/http-carriers.md` as it stands on the page, its other side played as the page says."""

from __future__ import annotations

import hmac
import json
import random
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

from limpet.carrier.http import HttpCarrier
from limpet.carrier.http_notices import Taken
from limpet.carrier.http_values import Notice
from limpet.carrier.port import InboundMedium, ReceiptState, Refused, Retry, Submission, Submitted
from limpet.config import read_config
from limpet.config_http import HttpCarrierConfig
from limpet.core.encoding import segment
from tests.support.clock import HandClock
from tests.support.customer import Answer, recording_customer
from tests.support.smsc import SENDER, Recorder, submission

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "http-carriers.md"
URL = "https://sms.example.com/carriers/acme/notices"
PERSON, PICTURE = "+12125550100", "https://example.com/a.png"
KEYS = {"ACME_KEY": "hush", "ACME_NOTICE_KEY": "theirs"}


def examples() -> list[dict[str, Any]]:
    return [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)]


def test_every_example_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "twilio.token").write_text("t")
    found = examples()
    assert [one["carriers"][0]["kind"] for one in found] == ["twilio", "http"]
    for one in found:
        read_config({**one, "server": {"public_url": "https://sms.example.com"}}, tmp_path, KEYS)


def notice(clock: HandClock, *events: object) -> Notice:
    body, stamp = json.dumps({"events": events}).encode(), str(int(clock.now().timestamp()))
    proof = "sha256=" + hmac.digest(b"theirs", f"{stamp}.".encode() + body, "sha256").hex()
    return Notice("POST", URL, {"x-acme-signature": proof, "x-acme-timestamp": stamp}, body)


async def test_the_described_carrier_works_as_the_page_says(tmp_path: Path) -> None:
    async with recording_customer() as acme:
        table = examples()[1]
        request = table["carriers"][0]["request"]
        request["url"] = request["url"].replace("https://api.acme.example", acme.url(""))
        table["server"] = {"public_url": "https://sms.example.com"}
        (config,) = read_config(table, tmp_path, KEYS).carriers
        assert isinstance(config, HttpCarrierConfig)
        heard, clock = Recorder(), HandClock()
        carrier = HttpCarrier(config, URL, heard, clock, random.Random(1))
        heard.lane = carrier.lanes[0]  # type: ignore[assignment]
        await carrier.lanes[0].start()
        try:
            await heard.until(lambda: heard.rooms)
            acme.plan(Answer(201, body=b'{"message": {"id": 77}}'), path="/v1/messages")
            acme.plan(Answer(400, body=b'{"error": {"code": "opted_out"}}'), path="/v1/messages")
            acme.plan(Answer(400, body=b'{"error": {"code": "too_fast"}}'), path="/v1/messages")
            plain = submission(1, "Look", PERSON)
            media = Submission(plain.key, 1, SENDER, PERSON, segment("Look"), 1, (PICTURE,), as_mms=True)
            for one in (media, submission(2), submission(3)):
                before = len(heard.results)
                carrier.lanes[0].submit([one])
                await heard.until(lambda before=before: len(heard.results) > before)  # type: ignore[misc]
            first, second, third = heard.results
            assert first == Submitted(plain.key, 1, ("77",))
            assert isinstance(second, Refused)
            assert (second.error_code, second.retry) == (21610, Retry.NEVER)
            assert isinstance(third, Refused)
            assert third.retry is Retry.SLOWER
            sent = acme.requests[0]
            assert json.loads(sent.body) == {
                "from": SENDER, "to": PERSON, "text": "Look", "media_urls": [PICTURE], "reference": "1", "callback": URL,
            }  # fmt: skip
            assert sent.headers["Authorization"] == "Bearer hush"
            assert sent.headers["Idempotency-Key"] == "0001-0000000000000001"
            assert "media_urls" not in json.loads(acme.requests[1].body)
            status = {"type": "status", "message_id": 77, "from": SENDER, "to": PERSON, "reference": "1"}
            status |= {"state": "failed", "reason": "spam", "at": "2026-03-02T12:00:00Z"}
            text = {
                "type": "text",
                "message_id": "in-1",
                "from": PERSON,
                "to": SENDER,
                "text": "hi",
                "media": [PICTURE],
            }
            assert await carrier.desk.take(notice(clock, status, text)) is Taken.YES
            (receipt,), (came,) = heard.receipts, heard.inbound
            assert (receipt.carrier_message_id, receipt.state, receipt.error_code, receipt.reference) == (
                "77", ReceiptState.UNDELIVERED, 30007, 1,
            )  # fmt: skip
            assert receipt.done_at == clock.now()
            assert (came.body, came.media, came.carrier_message_id) == ("hi", (InboundMedium(PICTURE, ""),), "in-1")
            old = notice(clock, text)
            clock.advance(timedelta(minutes=6))
            assert await carrier.desk.take(old) is Taken.UNTRUSTED
        finally:
            await carrier.lanes[0].stop(0.0)
            await carrier.close()
