"""A running `limpet dev` with its page of phones, asked as a browser without scripts would."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import count
from typing import Any

import pytest
import requests
from twilio.rest import Client

from tests.support.limpet_process import data_directory, limpet_dev

TIMEOUT_S = 40
_people = count(1000)


@dataclass
class Phones:
    """The server, and one browser's cookies."""

    ready: dict[str, Any]
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def service(self) -> str:
        return str(self.ready["service_sid"])

    @property
    def client(self) -> Client:
        client = Client(self.ready["account_sid"], self.ready["auth_token"])
        client.api.base_url = client.messaging.base_url = self.url
        return client

    def person(self) -> str:
        """A number that no test has used."""
        return f"+1415557{next(_people):04}"

    def send(self, to: str, body: str = "Hello", **more: Any) -> Any:
        return self.client.messages.create(to=to, messaging_service_sid=self.service, body=body, **more)

    def get(self, path: str = "/phones", **headers: str) -> requests.Response:
        return self.session.get(self.url + path, headers=headers, timeout=TIMEOUT_S)

    def post(self, path: str, headers: dict[str, str] | None = None, **form: Any) -> requests.Response:
        """Post a form of the page with its token; what it leads to is not followed."""
        form.setdefault("csrf", self.token())
        return self.session.post(
            self.url + path, data=form, headers=headers or {}, timeout=TIMEOUT_S, allow_redirects=False
        )

    def token(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get().text)
        assert found
        return found[1]

    def messages(self, **query: Any) -> dict[str, Any]:
        answer = self.session.get(f"{self.url}/phones/messages.json", params=query, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def heard(self, person: str, *, wait: float = 20, q: str = "") -> list[dict[str, Any]]:
        """What a person's phone has, once the search finds something on it."""
        return list(self.messages(to=person, wait=wait, q=q)["messages"])

    def writes(self, person: str, body: str, **more: Any) -> requests.Response:
        return self.session.post(
            f"{self.url}/phones/inbound", json={"From": person, "Body": body, **more}, timeout=TIMEOUT_S
        )


class _Texts(HTMLParser):
    """The texts of bubbles, as a browser would read them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.running: list[tuple[str, str]] = []
        """What a browser that knew no policy would run or lay out by: attributes, and elements without a source."""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.running += [(tag, name) for name, value in attrs if name == "style" or name.startswith("on")]
        self.running += [(tag, name) for name, value in attrs if (value or "").lower().startswith("javascript:")]
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.running.append((tag, ""))
        if ("class", "text") in attrs:
            self.found.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "p"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data


def running(html: str) -> list[tuple[str, str]]:
    """What in a page would run or lay out by itself."""
    reader = _Texts()
    reader.feed(html)
    return reader.running


def texts(html: str) -> list[str]:
    """The texts of the bubbles on a page."""
    reader = _Texts()
    reader.feed(html)
    return reader.found


@pytest.fixture(scope="session")
def phones_server() -> Iterator[dict[str, Any]]:
    """One server for all tests of this folder that do not move its clock: they share no person."""
    with data_directory() as data, limpet_dev(data) as process:
        yield process.ready
        code, said = process.end(signal.SIGTERM)
        assert code == 0, said


@pytest.fixture
def phones(phones_server: dict[str, Any]) -> Phones:
    return Phones(phones_server)
