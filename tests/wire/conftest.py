"""A running `limpet dev`, and the official SDK pointed at it as its own page says: by one base URL."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from requests import Response
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.support.limpet_process import data_directory, limpet, limpet_dev
from tests.wire.openapi import contract

DEACTIVATED = ("+14155550190", "+14155550191")
DEACTIVATED_DAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
_numbers = count(100)


@dataclass
class Wire:
    """Where the server is and with which credentials; `complaints` is what Twilio's documents have against its answers."""

    ready: dict[str, Any]
    complaints: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    def client(self, *, key: bool = False) -> Client:
        """The SDK by account token, or by API key."""
        watching = TwilioHttpClient(request_hooks={"response": self._watch})
        account = self.ready["account_sid"]
        user = (self.ready["api_key_sid"], self.ready["api_key_secret"]) if key else (account, self.ready["auth_token"])
        client = Client(*user, account_sid=account, http_client=watching)
        client.api.base_url = client.messaging.base_url = client.events.base_url = self.url
        return client

    def new_number(self) -> str:
        """A number that no test has used."""
        return f"+1415556{next(_numbers):04}"

    def pool(self, numbers: int = 2, **settings: Any) -> str:
        """The SID of a new service with new numbers, all made by the SDK."""
        client = self.client()
        service = client.messaging.v1.services.create(friendly_name="Wire", **settings)
        for _ in range(numbers):
            number = client.incoming_phone_numbers.create(phone_number=self.new_number())
            service.phone_numbers.create(phone_number_sid=number.sid)
        return str(service.sid)

    def _watch(self, response: Response, *_: object, **__: object) -> None:
        oracle = contract()
        if oracle is not None and response.request.url:
            path, method = urlsplit(response.request.url).path, response.request.method or ""
            self.complaints += oracle.complaints(method, path, response.status_code, response.content)


@pytest.fixture(scope="session")
def wire_server() -> Iterator[dict[str, Any]]:
    """One server for all tests of this directory: they share no rows but those that are seeded, and a list of numbers that were
    deactivated on a day."""
    with data_directory() as data:
        _bring(data)
        with limpet_dev(data) as process:
            yield {**process.ready, "deactivated_day": DEACTIVATED_DAY}
            code, said = process.end(signal.SIGTERM)
            assert code == 0, said


def _bring(data: Path) -> None:
    """What an operator does before the server runs."""
    file = data.parent / "deactivated.txt"
    file.write_text("\n".join(DEACTIVATED))
    done = limpet("deactivations", "import", str(file), "--date", DEACTIVATED_DAY, "--data", str(data))
    assert done.returncode == 0, done.stderr


@pytest.fixture
def wire(wire_server: dict[str, Any]) -> Iterator[Wire]:
    """The server, and at the end of each test that its answers were as Twilio documents them."""
    made = Wire(wire_server)
    yield made
    assert made.complaints == []


@pytest.fixture
def client(wire: Wire) -> Client:
    """The SDK as the account."""
    return wire.client()
