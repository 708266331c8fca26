"""What the registrars over an upstream account share: requests under its credentials, and which campaign there is whose.

A campaign upstream is made and looked after there. Here it is named for each service (`registration.campaigns`), and what is
asked is its status and which numbers it has.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from limpet.registrar.port import Answer, Approved, Pending, Rejected, Request, Subject, Trouble

BODY_BYTES_MAX = 64 * 1024
TEXT_LENGTH_MAX = 500
FIELDS_MAX = 50
CONNECTIONS_MAX = 8
EXCHANGE_MAX_S = 45.0
"""How long all the requests of one question may take: less than the claim of a job lasts."""
DEFAULT = "default"
"""The name of the campaign for services that have none of their own."""
NOT_FOUND = 404
OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the upstream that is neither its fault nor ours: 2xx, or a 4xx about what was asked."""

    status: int
    value: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked."""
        return self.status in OK


class UpstreamApi:
    """Connections to one upstream. To be made inside a running event loop, and closed."""

    def __init__(self, who: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self._who = who
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "limpet", "Accept": "application/json", **headers},
            trust_env=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def ask(self, method: str, url: str, **more: Any) -> Reply | Trouble:
        """One request, `more` being what aiohttp makes of its body and its query. Trouble for whatever may be otherwise later:
        no answer, too many requests, credentials, 5xx, and what is no JSON."""
        try:
            async with self._session.request(method, url, allow_redirects=False, **more) as answer:
                return self._understood(answer.status, await read_to_end(answer))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Trouble(f"no answer from {self._who}: {type(error).__name__}")

    def _understood(self, status: int, content: bytes) -> Reply | Trouble:
        about_the_question = status in OK or (400 <= status < 500 and status not in (401, 403, 408, 425, 429))
        if not about_the_question:
            return Trouble(f"{self._who} answered {status}")
        try:
            value = json.loads(content or b"{}") if len(content) <= BODY_BYTES_MAX else None
        except ValueError:
            value = None
        if isinstance(value, dict):
            return Reply(status, value)
        return Reply(status, {}) if status not in OK else Trouble(f"the answer of {self._who} is not a JSON object")


async def read_to_end(answer: aiohttp.ClientResponse) -> bytes:
    """At most BODY_BYTES_MAX and one octet: more is no answer."""
    body = bytearray()
    while len(body) <= BODY_BYTES_MAX and (chunk := await answer.content.read(BODY_BYTES_MAX + 1 - len(body))):
        body += chunk
    return bytes(body)


async def in_time(who: str, asked: Awaitable[Answer]) -> Answer:
    """What a question of several requests comes to, or Trouble when it takes too long."""
    try:
        async with asyncio.timeout(EXCHANGE_MAX_S):
            return await asked
    except TimeoutError:
        return Trouble(f"{who} took too long")


class Campaigns:
    """Which campaign upstream is which service's, from pairs of a service's SID, or DEFAULT, and the upstream's name for it."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._named = dict(pairs)

    def of(self, request: Request) -> str | Rejected:
        """The upstream's name for the campaign that a request is about."""
        service = str(request.details.get("messaging_service_sid", ""))
        named = self._named.get(service) or self._named.get(DEFAULT)
        return named or Rejected(f"The operator has named no campaign of the upstream for the service {service}")


def recorded(request: Request) -> Answer | None:
    """What is a record here, because the upstream's owner sees to it there: a brand, and that a campaign ends. A toll-free
    verification waits for the operator's word. None for what the upstream is asked about."""
    if request.subject in (Subject.BRAND, Subject.CAMPAIGN_REMOVAL):
        return Approved(request.key)
    return Pending(request.key) if request.subject is Subject.TOLLFREE else None


def text(value: object) -> str | None:
    """A text of the upstream's, bounded; None where there is none."""
    return value[:TEXT_LENGTH_MAX].replace("\0", "") if isinstance(value, str) and value else None


def code(value: object) -> int | None:
    """One of Twilio's error codes; None for anything else."""
    return value if type(value) is int and 10_000 <= value <= 99_999 else None
