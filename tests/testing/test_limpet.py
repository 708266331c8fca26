"""What a test does with the fixture `limpet`, done here with a real server: phones, time, the carrier, and beginning anew."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

from limpet.testing.door import LimpetError
from limpet.testing.limpet import Limpet

ANNA, BEN = "+14155550199", "+12125550198"


def send(limpet: Limpet, body: str, to: str = ANNA, **more: object) -> str:
    made = limpet.client.messages.create(to=to, messaging_service_sid=limpet.service_sid, body=body, **more)
    return str(made.sid)


def test_a_phone_gets_what_was_sent(limpet: Limpet) -> None:
    sid = send(limpet, "Your code is 123-456")
    got = limpet.phone(ANNA).expect("Your code is 123-456")
    assert (got.sid, got.codes, got.segments, got.has_arrived) == (sid, ("123-456",), 1, True)
    assert got.from_ in limpet.numbers


def test_a_text_is_expected_whole_by_expression_or_by_function(limpet: Limpet) -> None:
    for body in ("one 1", "two 2", "three 3"):
        send(limpet, body)
    phone = limpet.phone(ANNA)
    assert phone.expect(lambda text: text.startswith("three")).body == "three 3"
    found = phone.expect(re.compile(r"two (\d)"))
    assert found.match is not None
    assert found.match[1] == "2"
    assert phone.expect(from_=found.from_).body == "one 1"
    phone.expect_nothing()


def test_each_expectation_is_about_another_message(limpet: Limpet) -> None:
    send(limpet, "again")
    phone = limpet.phone(ANNA)
    phone.expect("again")
    with pytest.raises(AssertionError, match=r"(?s)did not get the text 'again' within 0\.1 s.*got nothing more"):
        phone.expect("again", within=0.1)
    send(limpet, "again")
    phone.expect("again")


def test_what_came_instead_is_told(limpet: Limpet) -> None:
    send(limpet, "Hello")
    limpet.settle()
    with pytest.raises(AssertionError) as failed:
        limpet.phone(ANNA).expect("Hullo", within=0.1)
    number = limpet.messages[0].from_
    assert str(failed.value) == (
        f"{ANNA} did not get the text 'Hullo' within 0.1 s.\nIt got:\n  {number} → {ANNA}  delivered  'Hello'"
    )
    with pytest.raises(AssertionError, match=r"It got nothing\.$"):
        limpet.phone(BEN).expect(re.compile("x"), within=0.1)
    with pytest.raises(AssertionError, match="was to get nothing, and got"):
        limpet.phone(ANNA).expect_nothing()


def test_a_message_that_will_not_come_is_not_waited_for(limpet: Limpet) -> None:
    limpet.carrier.refuse(ANNA, 30005)
    send(limpet, "Hello")
    began = datetime.now(UTC)
    with pytest.raises(AssertionError, match=r"(?s)will not get the text 'Hello'.*failed 30005"):
        limpet.phone(ANNA).expect("Hello", within=60)
    assert datetime.now(UTC) - began < timedelta(seconds=50)


def test_a_person_who_writes_stop_hears_nothing_more(limpet: Limpet) -> None:
    send(limpet, "Hello")
    phone = limpet.phone(ANNA)
    hello = phone.expect("Hello")
    written = phone.reply("STOP")
    assert (written.to, written.is_from_phone) == (hello.from_, True)
    phone.expect(re.compile("no more messages"))
    send(limpet, "Are you there?")
    phone.expect_nothing()
    assert limpet.settle()[-1].error_code == 21610
    assert [message.body for message in phone.messages][:2] == ["Hello", "STOP"]


def test_a_webhook_on_this_machine_hears_what_people_write_and_answers(limpet: Limpet) -> None:
    with listening(b"<Response><Message>Thank you</Message></Response>") as (url, heard):
        service = limpet.client.messaging.v1.services.create(friendly_name="Answers", inbound_request_url=url)
        number = limpet.client.incoming_phone_numbers.create(phone_number="+12025550177")
        service.phone_numbers.create(phone_number_sid=number.sid)
        limpet.phone(ANNA).reply("Hello", to=number.phone_number)
        assert limpet.phone(ANNA).expect("Thank you").from_ == number.phone_number
    assert [form["Body"] for form in heard] == [["Hello"]]


@contextmanager
def listening(answer: bytes) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """An application's URL that says the same to everything, and what it was told."""
    heard: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/sms", heard
        finally:
            server.shutdown()


def test_the_next_test_knows_nothing_of_it(limpet: Limpet) -> None:
    assert limpet.messages == []
    limpet.travel(days=366)
    send(limpet, "Hello")
    limpet.phone(ANNA).expect("Hello")
    limpet.clear()
    assert limpet.outbox == []
    assert limpet.travel() - datetime.now(UTC) < timedelta(minutes=1)
    send(limpet, "Hello")
    limpet.phone(ANNA).expect("Hello")


def test_the_outbox_is_what_phones_have_got_in_order(limpet: Limpet) -> None:
    limpet.carrier.undeliver(BEN, 30006)
    for number, to in enumerate((ANNA, BEN, ANNA)):
        send(limpet, f"Text {number}", to)
    assert [(one.to, one.body, one.status) for one in limpet.outbox] == [
        (ANNA, "Text 0", "delivered"),
        (ANNA, "Text 2", "delivered"),
    ]
    assert [one.error_code for one in limpet.messages] == [None, 30006, None]


def test_media_come_and_go(limpet: Limpet) -> None:
    url = "https://example.com/shell.png"
    limpet.client.messages.create(to=ANNA, from_=limpet.numbers[-1], body="Look", media_url=[url])
    assert limpet.phone(ANNA).expect("Look", media=1).media == (url,)
    limpet.phone(ANNA).reply("Nice", media=[url])
    assert limpet.phone(ANNA).messages[-1].media


def test_a_year_passes_and_a_mapping_with_it(limpet: Limpet) -> None:
    send(limpet, "Hello")
    limpet.settle()
    service = f"/v1/Services/{limpet.service_sid}/StickyMappings"
    assert len(limpet.api("GET", service)["sticky_mappings"]) == 1
    before = limpet.travel()
    assert limpet.travel(days=366) - before >= timedelta(days=366)
    send(limpet, "Hello again")
    events = limpet.api("GET", f"/v1/Services/{limpet.service_sid}/StickyEvents")["sticky_events"]
    assert len(events) == 2
    with pytest.raises(ValueError, match="never back"):
        limpet.travel(timedelta(seconds=-1))


def test_the_carrier_loses_is_slow_and_behaves_again(limpet: Limpet) -> None:
    limpet.carrier.lose(ANNA)
    limpet.carrier.delay(0.05, receipts=0.05)
    send(limpet, "Lost")
    send(limpet, "Late", BEN)
    assert [(one.to, one.status) for one in limpet.settle()] == [(ANNA, "sent"), (BEN, "delivered")]
    limpet.carrier.deliver(ANNA)
    limpet.carrier.delay()
    send(limpet, "Not lost")
    assert limpet.settle()[-1].status == "delivered"
    limpet.carrier.throttle(0.5)
    limpet.carrier.lose(0.25)
    behaviour = limpet.carrier.behaviour
    assert (behaviour["throttle"], behaviour["lose"]) == (0.5, 0.25)
    limpet.carrier.reset()
    assert limpet.carrier.behaviour["lose"] == 0.0


def test_what_cannot_be_is_said_in_a_sentence(limpet: Limpet) -> None:
    with pytest.raises(LimpetError, match=r"The codes that there are: .*30005"):
        limpet.carrier.refuse(ANNA, 21610)
    with pytest.raises(LimpetError, match="not a phone number"):
        limpet.phone("nobody").reply("Hello")
    with pytest.raises(LimpetError, match="too far in the future"):
        limpet.travel(days=366 * 60)
    with pytest.raises(LimpetError, match=r"\(404\)"):
        limpet.api("GET", "/v1/Services/MG00000000000000000000000000000000")
    with pytest.raises(LimpetError, match="does not answer"):
        Limpet({**ready_of(limpet), "url": "http://127.0.0.1:9"}).clear()


def ready_of(limpet: Limpet) -> dict[str, object]:
    names = ("account_sid", "auth_token", "api_key_sid", "api_key_secret", "service_sid", "numbers")
    return {name: getattr(limpet, name) for name in names}


def test_what_is_still_on_its_way_is_named(limpet: Limpet) -> None:
    limpet.carrier.delay(3)
    send(limpet, "Slow")
    with pytest.raises(LimpetError, match=r"(?s)still on its way.*'Slow'"):
        limpet.settle(within=0.1)


def test_code_that_makes_its_own_client_is_led_here(limpet_proxy: Limpet) -> None:
    from twilio.rest import Client

    made = Client().messages.create(to=ANNA, messaging_service_sid=limpet_proxy.service_sid, body="Unchanged")
    assert limpet_proxy.phone(ANNA).expect("Unchanged").sid == made.sid
    assert os.environ["TWILIO_ACCOUNT_SID"] == limpet_proxy.account_sid


def test_without_twilio_only_the_client_is_missing(limpet: Limpet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "twilio.rest", None)
    fresh = Limpet({**ready_of(limpet), "url": limpet.url})
    assert fresh.messages == []
    with pytest.raises(LimpetError, match="pip install twilio"):
        assert fresh.client


def test_the_plugin_costs_nothing_where_it_is_not_used() -> None:
    code = "import json, sys, limpet.pytest_plugin; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert not {"asyncpg", "aiohttp", "starlette", "twilio", "limpet.testing"} & set(loaded)
