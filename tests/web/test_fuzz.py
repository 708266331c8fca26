"""Every documented operation that is served, asked with what no client would send: always an answer, and one as documented.

The client holds each answer to Twilio's documents (`tests/web/client.py`); here the requests are made, from a seed, with the
parameters that the documents name. Without the documents it is said and nothing is asked.
"""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest

from limpet.web.app import served
from tests.web.client import encoded
from tests.web.conftest import NUMBER, PERSON, Api
from tests.wire.openapi import DOCUMENTS, NOT_HERE

BESIDE = Path(__file__).parents[3] / "shared" / "twilio-oai"
SEED = 20_261_124
REQUESTS = 12
"""For each operation; each has some of its parameters."""
NASTY = (
    "", " ", "x", "0", "-1", "1", "99999999999999999999", "1e9", "true", "false", "TRUE", "null", "POST", "get", "*", "%", "'",
    "()", "+", "+1", NUMBER, PERSON, " 14155550199", "+14155550120", "12345", "ACME", "whatsapp:+14155550199", "2026-11-24",
    "2026-11-24T10:00:00Z", "-30days", "http://example.com/x", "ftp://x", "http://[", "javascript:x", "é😀\u202e", "x" * 5000,
    "{}", "[]", '{"1":"x"}', "PA1", "PB0", "PA99999999999999999999", "415", "active", "closed", "fixed", "canceled", "MG", "AC1",
)  # fmt: skip


def shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def documented() -> list[tuple[str, str, list[str], list[str]]]:
    """Method, path, query and body parameters of each operation that is served; nothing without the documents."""
    directory = Path(os.environ.get("LIMPET_TWILIO_OAI") or BESIDE)
    if not all((directory / name).is_file() for name in DOCUMENTS):
        return []
    here = {(method, shape(path)) for method, path in served()}
    return [
        (method.upper(), path, *parameters(operation))
        for name in DOCUMENTS
        for path, methods in json.loads((directory / name).read_text())["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "delete") and (method.upper(), shape(path)) in here
    ]


def parameters(operation: dict[str, Any]) -> tuple[list[str], list[str]]:
    query = [each["name"] for each in operation.get("parameters", []) if each.get("in") == "query"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
    return query, list(content.get("schema", {}).get("properties", {}))


async def sids(api: Api) -> dict[str, str]:
    """What there is to be named in a path, by how its part ends."""
    service_sid = await api.pool(NUMBER)
    message = await api.message(service_sid)
    await api.world.settle()
    number = (await api.client.get("/IncomingPhoneNumbers.json")).json["incoming_phone_numbers"][0]["sid"]
    return {
        "IncomingPhoneNumbers": number, "PhoneNumbers": number, "Messages": message["sid"], "Services": service_sid,
        "Keys": api.key.sid, "AvailablePhoneNumbers": "US", "Accounts": api.account.sid,
    }  # fmt: skip


def placed(template: str, names: dict[str, str], chance: random.Random, api: Api) -> str:
    """A path with its parts filled, mostly by what there is."""
    parts = template.split("/")
    for at, part in enumerate(parts):
        if part.startswith("{"):
            good = api.account.sid if "AccountSid" in part else names.get(parts[at - 1], "XX" + "0" * 32)
            bad = chance.choice(("x", good[:2] + "f" * 32, good + "0", "é", "%2e%2e"))
            tail = ".json" if part.endswith(".json") else ""
            parts[at] = (good if chance.random() < 0.75 else bad) + tail
    return "/".join(parts)


def values(names: list[str], good: list[str], chance: random.Random) -> list[tuple[str, str]]:
    chosen = [name for name in names if chance.random() < 0.4]
    return [(name, chance.choice(good if chance.random() < 0.2 else NASTY)) for name in chosen]


@pytest.mark.timeout(240)
async def test_whatever_is_asked_is_answered_as_documented(api: Api) -> None:
    operations = documented()
    if not operations:
        pytest.skip(NOT_HERE)
    assert len(operations) > 50
    chance, names = random.Random(SEED), await sids(api)
    wrong, good = [], 0
    for method, template, query, body in operations:
        for _ in range(REQUESTS):
            path = placed(template, names, chance, api)
            form, asked = values(body, list(names.values()), chance), values(query, list(names.values()), chance)
            if method == "DELETE":
                path = path.replace(names["Keys"], "SK" + "f" * 32).replace(names["Services"], "MG" + "f" * 32)
            try:
                answer = await api.client.call(method, path, query=asked, body=encoded(form))
            except AssertionError as error:
                wrong.append(f"{method} {path} {asked} {form}: {error}")
                continue
            good += answer.status < 300
            if answer.status >= 500:
                wrong.append(f"{method} {path} {asked} {form}: {answer.status} {answer.body!r}")
    assert good > len(operations)  # most of what is asked is refused, but not all
    assert not wrong, "\n".join(w[:600] for w in wrong[:20])


async def test_nothing_is_answered_to_who_has_no_credential(api: Api) -> None:
    operations = documented()
    if not operations:
        pytest.skip(NOT_HERE)
    chance, names = random.Random(SEED), await sids(api)
    nobody = api.client.with_headers(authorization="")
    for method, template, _, _ in operations:
        assert (await nobody.call(method, placed(template, names, chance, api))).says == (401, 20003), template
