"""Each upstream's description: whose notices are believed, what replies mean, and what is passed over."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from limpet.carrier.http_values import HttpReply, LockedOut, Notice, Unreadable, Unsigned, Untrusted, Upstream, address
from limpet.carrier.plivo import signature_v3
from limpet.carrier.port import Inbound, Receipt, ReceiptState, Refused, Retry, Submitted
from limpet.carrier.upstreams import upstream_of
from tests.support.dialects import DIALECTS, NOW, URL, Arrived
from tests.support.smsc import SENDER, submission

PERSON = "+12125550100"
ARRIVED = Arrived(SENDER, PERSON, "hello", (), "1", f"{URL}?ref=1", {})


def described(kind: str, **changes: Any) -> Upstream:
    return upstream_of(DIALECTS[kind].config("https://up.example", **changes))


def judged(kind: str, status: int, body: object = None, **changes: Any) -> object:
    content = b"" if body is None else json.dumps(body).encode()
    return described(kind, **changes).reply(submission(1), HttpReply(status, content))


def notices() -> list[Any]:
    made = []
    for kind, dialect in DIALECTS.items():
        made.append(pytest.param(kind, dialect.receipt(ARRIVED, "id-1"), id=f"{kind}-receipt"))
        made.append(pytest.param(kind, dialect.inbound(PERSON, SENDER, "hi", "in-1"), id=f"{kind}-inbound"))
    return made


@pytest.mark.parametrize(("kind", "notice"), notices())
def test_a_notice_is_believed_as_it_was_signed_and_not_otherwise(kind: str, notice: Notice) -> None:
    upstream = described(kind)
    said = upstream.read(notice, NOW)
    assert isinstance(said, list)
    assert len(said) == 1
    assert isinstance(upstream.read(replace(notice, headers={}), NOW), Unsigned if kind == "vonage" else Untrusted)
    for forged in (replace(notice, headers={n: "x"}) for n in notice.headers):
        assert isinstance(upstream.read(forged, NOW), Untrusted)
    if kind != "bandwidth":  # whose notices carry credentials and no signature
        assert isinstance(upstream.read(replace(notice, body=notice.body + b"&x=1"), NOW), Untrusted)
    if kind in ("twilio", "plivo"):
        assert isinstance(upstream.read(replace(notice, url=notice.url + "0"), NOW), Untrusted)


@pytest.mark.parametrize("late", [301, -301])
@pytest.mark.parametrize("kind", ["telnyx", "vonage"])
def test_a_notice_of_another_hour_is_not_believed(kind: str, late: int) -> None:
    notice = DIALECTS[kind].receipt(ARRIVED, "id-1")
    assert isinstance(described(kind).read(notice, NOW + late), Untrusted)
    assert not isinstance(described(kind).read(notice, NOW + late - (1 if late > 0 else -1)), Untrusted)


def test_a_jwt_of_another_algorithm_is_not_believed() -> None:
    notice = DIALECTS["vonage"].receipt(ARRIVED, "id-1")
    head, _, rest = notice.headers["authorization"].partition(".")
    none = b64encode(b'{"typ":"JWT","alg":"none"}').decode().rstrip("=")
    forged = replace(notice, headers={"authorization": f"Bearer {none}.{rest}"})
    assert isinstance(described("vonage").read(forged, NOW), Untrusted)
    assert head.startswith("Bearer ")


@pytest.mark.parametrize("kind", ["twilio", "telnyx", "plivo", "vonage"])
def test_the_receipt_names_its_message_where_the_carriers_id_is_not_known_yet(kind: str) -> None:
    (receipt,) = described(kind).read(DIALECTS[kind].receipt(ARRIVED, "id-1"), NOW)  # type: ignore[misc]
    assert isinstance(receipt, Receipt)
    assert (receipt.carrier_message_id, receipt.reference) == ("id-1", 1)
    assert (receipt.sender, receipt.recipient) == (SENDER, PERSON)


@pytest.mark.parametrize(
    ("kind", "status", "body", "retry", "code"),
    [
        ("twilio", 429, {"code": 20429}, Retry.SLOWER, 20429),
        ("twilio", 400, {"code": 21611}, Retry.LATER, 21611),
        ("twilio", 400, {"code": 21211}, Retry.NEVER, 21211),
        ("twilio", 400, {"code": 99999}, Retry.NEVER, 30008),
        ("twilio", 503, {"code": 20503}, Retry.LATER, 20503),
        ("twilio", 500, None, Retry.LATER, 30008),
        ("telnyx", 429, {"errors": [{"code": "10011"}]}, Retry.SLOWER, 30008),
        ("telnyx", 400, {"errors": [{"code": "40318"}]}, Retry.SLOWER, 30001),
        ("telnyx", 400, {"errors": [{"code": "40310"}]}, Retry.NEVER, 30005),
        ("telnyx", 400, {"errors": [{"code": "40017"}]}, Retry.NEVER, 30007),
        ("telnyx", 400, {"errors": [{"code": "40018"}]}, Retry.SLOWER, 30008),
        ("bandwidth", 429, {"type": "too-many-requests"}, Retry.SLOWER, 30008),
        ("bandwidth", 415, {}, Retry.NEVER, 30008),
        ("plivo", 429, {"error": "rate"}, Retry.SLOWER, 30008),
        ("plivo", 408, None, Retry.LATER, 30008),
        ("vonage", 429, {"type": "https://x/y#1000"}, Retry.SLOWER, 30008),
        ("vonage", 422, {"type": "https://x/y#1170"}, Retry.NEVER, 30005),
        ("vonage", 422, {"type": "https://x/y#1240"}, Retry.NEVER, 21610),
        ("vonage", 500, {"type": "https://x/y#1030"}, Retry.LATER, 30008),
        ("http", 409, {"error": {"code": "gone"}}, Retry.NEVER, 30005),
        ("http", 304, None, Retry.NEVER, 30008),
    ],
)
def test_what_a_refusal_asks_for(kind: str, status: int, body: object, retry: Retry, code: int) -> None:
    refused = judged(kind, status, body)
    assert isinstance(refused, Refused)
    assert (refused.retry, refused.error_code) == (retry, code)


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        *((kind, 401, None) for kind in DIALECTS),
        ("twilio", 403, {"code": 20005}),
        ("telnyx", 403, {"errors": [{"code": "40333"}]}),
        ("telnyx", 403, {"errors": [{"code": "20100"}]}),
        ("bandwidth", 403, {"type": "forbidden"}),
        ("vonage", 402, {"type": "https://x/y#1070"}),
    ],
)
def test_what_is_the_accounts_fault_is_no_messages(kind: str, status: int, body: object) -> None:
    assert isinstance(judged(kind, status, body), LockedOut)


@pytest.mark.parametrize("kind", DIALECTS)
@pytest.mark.parametrize("body", [None, [], {"data": 1}, "text", {"sid": {}, "id": True}])
def test_an_answer_without_an_id_was_taken_all_the_same(kind: str, body: object) -> None:
    assert judged(kind, 200, body) == Submitted(submission(1).key, 1, ())


@pytest.mark.parametrize("kind", ["telnyx", "bandwidth", "vonage", "http"])
def test_what_says_nothing_is_unreadable(kind: str) -> None:
    dialect: Any = DIALECTS[kind]
    makers = {
        "telnyx": lambda: dialect._signed(URL, "message.received", {"text": "x"}),
        "bandwidth": lambda: dialect._notice({"type": "message-received"}),
        "vonage": lambda: dialect._signed(URL, {"text": "x"}),
        "http": lambda: dialect._signed("just words"),
    }
    assert isinstance(described(kind).read(makers[kind](), NOW), Unreadable)


def test_what_does_not_matter_is_passed_over() -> None:
    twilio: Any = DIALECTS["twilio"]
    telnyx: Any = DIALECTS["telnyx"]
    vonage: Any = DIALECTS["vonage"]
    bandwidth: Any = DIALECTS["bandwidth"]
    form = {"MessageSid": "SM1", "MessageStatus": "queued", "From": SENDER, "To": PERSON}
    assert described("twilio").read(twilio._signed(URL, form), NOW) == []
    assert described("telnyx").read(telnyx._signed(URL, "10dlc.brand.update", {}), NOW) == []
    assert described("vonage").read(vonage._signed(URL, {"status": "accepted"}), NOW) == []
    assert described("bandwidth").read(bandwidth._notice([{"type": "message-read"}, 1, None]), NOW) == []


def test_sent_is_no_end() -> None:
    twilio: Any = DIALECTS["twilio"]
    form = {"MessageSid": "SM1", "MessageStatus": "sent", "From": SENDER, "To": PERSON}
    (receipt,) = described("twilio").read(twilio._signed(URL, form), NOW)  # type: ignore[misc]
    assert isinstance(receipt, Receipt)
    assert receipt.state is ReceiptState.ENROUTE


def test_plivos_signature_over_what_it_signs() -> None:
    """URL, query sorted, a dot where both are there, form sorted, the nonce: GET and POST."""

    def over(text: str) -> str:
        return b64encode(hmac.digest(b"t", text.encode(), "sha256")).decode()

    assert signature_v3("t", "POST", "https://a/b", "N", [("B", "2"), ("A", "1")]) == over("https://a/b?A1B2.N")
    assert signature_v3("t", "POST", "https://a/b?z=1&y=2", "N", [("A", "1")]) == over("https://a/b?y=2&z=1.A1.N")
    assert signature_v3("t", "GET", "https://a/b?z=1&y=2", "N", []) == over("https://a/b?y=2&z=1.N")
    assert signature_v3("t", "POST", "https://a/b", "N", []) == over("https://a/b.N")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("14155550100", "+14155550100"),
        ("+14155550100", "+14155550100"),
        (14155550100, "+14155550100"),
        ("73546", "73546"),
        ("ACME", "ACME"),
        ("", None),
        (None, None),
        (True, None),
        ("x" * 300, None),
        ("a\nb", None),
    ],
)
def test_addresses_get_the_spelling_that_messages_have(said: object, meant: str | None) -> None:
    assert address(said) == meant


# ── the described one


def test_a_described_request_takes_the_place_of_words_once() -> None:
    template = {
        "url": "https://up.example/{person_digits}/{text}",
        "method": "PUT",
        "headers": {"X-Key": "{secret}"},
        "form": {"from": "{number_digits}", "body": "{text}", "pic": "{media}", "cb": "{notices_url}"},
    }
    text = "{secret} & {text} Ω"
    made = described("http", request=template).request(submission(1, text, PERSON), "https://l/n")
    assert made.url == "https://up.example/12125550100/%7Bsecret%7D%20%26%20%7Btext%7D%20%CE%A9"
    assert (made.method, made.headers["X-Key"]) == ("PUT", "hush")
    assert made.body == b"from=14155550100&body=%7Bsecret%7D+%26+%7Btext%7D+%CE%A9&cb=https%3A%2F%2Fl%2Fn"
    assert "hush" not in repr(made)


def test_a_described_api_may_say_no_with_200() -> None:
    reply = {"id": "id", "when": {"status": "0"}, "error": "status", "throttled": ["1"], "temporary": [5, "slow"]}
    assert judged("http", 200, {"status": 0, "id": 7}, reply=reply) == Submitted(submission(1).key, 1, ("7",))
    for status, retry in ((1, Retry.SLOWER), (5, Retry.LATER), ("slow", Retry.LATER), (9, Retry.NEVER)):
        refused = judged("http", 200, {"status": status}, reply=reply)
        assert isinstance(refused, Refused)
        assert refused.retry is retry


def test_a_described_api_may_answer_an_id_and_nothing_else() -> None:
    answer = described("http", reply={"id": "text"}).reply(submission(1), HttpReply(200, b" abc-1\n"))
    assert answer == Submitted(submission(1).key, 1, ("abc-1",))


@pytest.mark.parametrize(
    ("verify", "headers"),
    [
        ({"header": "X-Key", "hmac": "none"}, {"x-key": "theirs"}),
        ({"header": "Authorization", "hmac": "none", "prefix": "Bearer "}, {"authorization": "Bearer theirs"}),
        ({"header": "X-S", "encoding": "base64", "over": "{url}|{body}"}, {"x-s": "{b64:sha256:{url}|{body}}"}),
        (
            {"header": "X-S", "hmac": "sha1", "over": "{timestamp}.{body}", "timestamp_header": "X-T"},
            {"x-s": "{hex:sha1:{t}.{body}}", "x-t": str(NOW)},
        ),
    ],
)
def test_a_described_notice_is_verified_in_one_of_several_ways(verify: dict[str, str], headers: dict[str, str]) -> None:
    body = b"type=text&id=1&from=12125550100&to=14155550100&text=hi"
    proofs = {
        "{b64:sha256:{url}|{body}}": b64encode(
            hmac.digest(b"theirs", URL.encode() + b"|" + body, "sha256")
        ).decode(),
        "{hex:sha1:{t}.{body}}": hmac.digest(b"theirs", f"{NOW}.".encode() + body, "sha1").hex(),
    }  # fmt: skip
    notice = Notice("POST", URL, {name: proofs.get(value, value) for name, value in headers.items()}, body)
    upstream = described("http", verify=verify)
    (text,) = upstream.read(notice, NOW)  # type: ignore[misc]
    assert text == Inbound(0, PERSON, SENDER, "hi", (), "1")
    name = next(iter(headers))
    wrong = replace(notice, headers={**notice.headers, name: notice.headers[name][:-1]})
    assert isinstance(upstream.read(wrong, NOW), Untrusted)
    if "timestamp_header" in verify:
        assert isinstance(upstream.read(notice, NOW + 301), Untrusted)
        assert isinstance(upstream.read(replace(notice, headers={**notice.headers, "x-t": "soon"}), NOW), Untrusted)
