"""The oracle is itself held to bad answers: each must be seen. Without Twilio's documents this is where it is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.wire.openapi import NOT_HERE, Contract, contract

AC = "AC" + "0" * 32
MESSAGES = f"/2010-04-01/Accounts/{AC}/Messages.json"
KEY = f"/2010-04-01/Accounts/{AC}/Keys/SK{'0' * 32}.json"
NEW_KEY = {
    "sid": "SK" + "0" * 32,
    "friendly_name": "mine",
    "date_created": "Mon, 23 Nov 2026 07:00:00 +0000",
    "date_updated": "Mon, 23 Nov 2026 07:00:00 +0000",
}
MAPPED = {
    "account_sid": AC,
    "capabilities": ["SMS"],
    "country_code": "US",
    "date_created": "2026-11-23T07:00:00Z",
    "date_updated": "2026-11-23T07:00:00Z",
    "phone_number": "+14155550123",
    "service_sid": "MG" + "0" * 32,
    "sid": "PN" + "0" * 32,
    "url": "http://127.0.0.1:8080/v1/Services/MG/PhoneNumbers/PN",
}
MEMBER = f"/v1/Services/MG{'0' * 32}/PhoneNumbers/PN{'0' * 32}"
ERROR = {"code": 20404, "message": "not found", "more_info": "https://www.twilio.com/docs/errors/20404", "status": 404}


@pytest.fixture(name="oracle")
def _oracle() -> Contract:
    found = contract()
    if found is None:
        pytest.skip(NOT_HERE)
    return found


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda good: {key: value for key, value in good.items() if key != name}


def with_(**changes: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda good: {**good, **changes}


@pytest.mark.parametrize(
    ("method", "path", "status", "good"),
    [
        ("GET", KEY, 200, NEW_KEY),
        ("GET", MEMBER, 200, MAPPED),
        ("GET", f"/messaging{MEMBER}", 200, MAPPED),
        ("GET", KEY, 404, ERROR),
    ],
)
def test_a_good_answer_passes(oracle: Contract, method: str, path: str, status: int, good: dict[str, Any]) -> None:
    assert oracle.knows(method, path)
    assert oracle.complaints(method, path, status, json.dumps(good).encode()) == []


@pytest.mark.parametrize(
    ("path", "status", "good", "spoil"),
    [
        (KEY, 200, NEW_KEY, without("date_updated")),
        (KEY, 200, NEW_KEY, with_(secret="x")),
        (KEY, 200, NEW_KEY, with_(date_created="2026-11-23T07:00:00Z")),
        (KEY, 200, NEW_KEY, with_(sid="XX" + "0" * 32)),
        (KEY, 200, NEW_KEY, with_(friendly_name=5)),
        (KEY, 201, NEW_KEY, with_()),
        (MEMBER, 200, MAPPED, with_(date_created="2026-11-23T07:00:00.123Z")),
        (MEMBER, 200, MAPPED, with_(date_created="2026-11-23T07:00:00+00:00")),
        (MEMBER, 200, MAPPED, with_(capabilities={"sms": True})),
        (MEMBER, 200, MAPPED, with_(phone_number="(415) 555-0123")),
        (MEMBER, 200, MAPPED, with_(url="http://127.0.0.1/a b")),
        (KEY, 404, ERROR, without("code")),
        (KEY, 404, ERROR, with_(title="Not found")),
        (KEY, 404, ERROR, with_(code="20404")),
    ],
)
def test_a_bad_answer_is_seen(
    oracle: Contract, path: str, status: int, good: dict[str, Any], spoil: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    assert oracle.complaints("GET", path, status, json.dumps(spoil(good)).encode())


@pytest.mark.parametrize(("status", "body"), [(204, b"{}"), (200, b""), (404, b"<html>")])
def test_a_body_of_the_wrong_kind_is_seen(oracle: Contract, status: int, body: bytes) -> None:
    assert oracle.complaints("DELETE", KEY, status, body)


def test_what_twilio_does_not_have_is_not_judged(oracle: Contract) -> None:
    assert not oracle.knows("GET", "/v1/Services/MG/StickyMappings")
    assert oracle.complaints("GET", "/v1/Services/MG/StickyMappings", 200, b"[]") == []
