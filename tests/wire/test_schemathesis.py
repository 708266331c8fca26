"""Schemathesis against a running server, with Twilio's documents as the law: it makes requests that no client would, from a seed.

Its checks say what holds for every answer: no 5xx, a documented status, Twilio's body to the letter, its content type, no way in
without the credential, and 405 for methods that are not there. Bounded in time; without the documents it is said and not run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.wire.conftest import Wire
from tests.wire.openapi import NOT_HERE
from tests.wire.served_document import Aim, prepared

PROGRAM = Path(sys.executable).with_name("schemathesis")
SEED = "20261125"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth,"
    "unsupported_method"
)
BUDGET_S = 150
SPOILED_S = 45
STOP_S = 60
CASES_MIN = 500
"""A run that made fewer has said too little, whatever it said."""
EXAMPLES_MAX = "12"
PERSON = "+14155550199"
BALANCE = "/2010-04-01/Accounts/{AccountSid}/Balance.json"
KEYS, GEO = "/2010-04-01/Accounts/{AccountSid}/Keys.json", "/2010-04-01/Accounts/{AccountSid}/GeoPermissions.json"
USECASES = "/v1/Services/Usecases"
SEEN = (
    "Response violates schema", "Undocumented status code", "Undocumented Content-Type", "Wrong response to undeclared method",
    "API accepts requests without authentication",
)  # fmt: skip


def what_there_is(wire: Wire) -> Aim:
    """A service with its pool, messages, a key and whatever else a path can name; of each some that may be deleted."""
    client = wire.client()
    service, spare_service = wire.pool(3), wire.pool(1)
    numbers = [member.sid for member in client.messaging.v1.services(service).phone_numbers.list()]
    loose = [client.incoming_phone_numbers.create(phone_number=wire.new_number()) for _ in range(4)]
    texts = [
        client.messages.create(
            to=PERSON, messaging_service_sid=service, body="x", media_url=["https://example.com/a.png"]
        )
        for _ in range(6)
    ]
    keys = [client.new_keys.create(friendly_name="x").sid for _ in range(4)]
    account = wire.ready["account_sid"]
    kept = {
        "Accounts": [account], "Services": [service], "PhoneNumbers": numbers[:2], "Messages": [text.sid for text in texts[:3]],
        "IncomingPhoneNumbers": [number.sid for number in loose[:2]], "Keys": keys[:2], "SigningKeys": keys[:2],
        "AvailablePhoneNumbers": ["US", "GB"], "Media": ["ME" + "0" * 32], "ShortCodes": ["SC" + "0" * 32],
        "AlphaSenders": ["AI" + "0" * 32], "DestinationAlphaSenders": ["AI" + "0" * 32], "ChannelSenders": ["XE" + "0" * 32],
    }  # fmt: skip
    spare = {
        **kept, "Services": [spare_service], "PhoneNumbers": numbers[2:], "Messages": [text.sid for text in texts[3:]],
        "IncomingPhoneNumbers": [number.sid for number in loose[2:]], "Keys": keys[2:], "SigningKeys": keys[2:],
    }  # fmt: skip
    values = {
        "To": [PERSON], "From": [loose[0].phone_number], "MessagingServiceSid": [service], "Body": ["x", ""],
        "PhoneNumberSid": [number.sid for number in loose], "PhoneNumber": [wire.new_number() for _ in range(20)],
        "AlphaSender": ["ACME"], "Status": ["canceled"], "FriendlyName": ["x"], "Outcome": ["confirmed"],
    }  # fmt: skip
    return Aim(kept, spare, values)


def fuzzed(wire: Wire, document: Mapping[str, Any], directory: Path, budget_s: int) -> subprocess.CompletedProcess[str]:
    """Run the fuzzer over a document to the end of its budget."""
    (directory / "served.json").write_text(json.dumps(document))
    credential = f"{wire.ready['account_sid']}:{wire.ready['auth_token']}"
    command = [
        str(PROGRAM), "run", "served.json", "--url", wire.url, "--auth", credential, "--checks", CHECKS, "--seed", SEED,
        "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES_MAX, "--max-time", str(budget_s), "--workers", "1",
        "--continue-on-failure", "--no-shrink", "--generation-database", "none", "--request-timeout", "20", "--warnings", "off",
        "--no-color", "--suppress-health-check", "all",
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=directory, capture_output=True, text=True, check=False, timeout=budget_s + STOP_S
    )


@pytest.mark.timeout(BUDGET_S + 2 * STOP_S)
def test_every_served_operation_answers_as_documented_whatever_is_asked(wire: Wire, tmp_path: Path) -> None:
    document = prepared(what_there_is(wire))
    if document is None:
        pytest.skip(NOT_HERE)
    assert sum(len(operations) for operations in document["paths"].values()) > 70
    ran = fuzzed(wire, document, tmp_path, BUDGET_S)
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2000:]
    made = re.search(r"(\d+) generated, \1 passed", ran.stdout)
    assert made, ran.stdout
    assert int(made[1]) > CASES_MIN


@pytest.mark.timeout(4 * STOP_S)
def test_the_fuzzer_sees_what_is_wrong(wire: Wire, tmp_path: Path) -> None:
    """One bad example for each check that can have one: what is documented is spoiled, since the server is as it is."""
    document = prepared(Aim({"Accounts": [wire.ready["account_sid"]]}, {}))
    if document is None:
        pytest.skip(NOT_HERE)
    balance, keys, usecases = (document["paths"][path]["get"] for path in (BALANCE, KEYS, USECASES))
    schema = balance["responses"]["200"]["content"]["application/json"]["schema"]
    schema["required"].append("more")
    keys["responses"]["202"] = keys["responses"].pop("200")
    usecases["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    bare = {"responses": {"200": {"description": ""}}}
    spoiled = {
        "/health": {"get": bare},
        BALANCE: {"get": balance},
        KEYS: {"get": {**keys, "parameters": keys["parameters"][:1]}},
        USECASES: {"get": usecases},
        GEO: {"get": {**bare, "parameters": balance["parameters"]}},
    }
    components = {"securitySchemes": document["components"]["securitySchemes"]}
    ran = fuzzed(wire, {**document, "paths": spoiled, "components": components}, tmp_path, SPOILED_S)
    assert ran.returncode == 1, ran.stdout
    unseen = [said for said in SEEN if said not in ran.stdout]
    assert not unseen, ran.stdout
