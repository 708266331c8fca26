"""Requests to one carrier over HTTP: sent once, under time limits, and what came of it as a value.

The URLs are the operator's own, so no guard stands before them. What is not known is told apart from what did not happen: bytes
that may have left are another thing than a connection that never was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from limpet.carrier.http_values import HttpReply, HttpRequest

REPLY_BYTES_MAX = 64 * 1024
MEDIUM_BYTES_MAX = 5 * 1024 * 1024
"""Twilio's limit for a picture, the largest that a person can send."""
RETRY_AFTER_MAX_S = 60.0
IDLE_S = 4.0  # below the five seconds after which common servers close an idle connection
REDIRECTS_MAX = 3


@dataclass(frozen=True, slots=True)
class NotConnected:
    """Nothing has left: there was no connection."""

    why: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request may have arrived, and no whole answer came back."""

    why: str


@dataclass(frozen=True, slots=True)
class Medium:
    """A medium as its carrier keeps it."""

    content_type: str
    content: bytes


class HttpClient:
    """Connections to one carrier, kept while they are used. To be made inside a running event loop, and closed."""

    def __init__(self, connections_max: int, connect_timeout_s: float, response_timeout_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=connect_timeout_s + response_timeout_s, sock_connect=connect_timeout_s, sock_read=response_timeout_s
        )
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections_max, keepalive_timeout=IDLE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            trust_env=False,
            headers={"User-Agent": "limpet"},
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def send(self, request: HttpRequest) -> HttpReply | NotConnected | NoAnswer:
        """Send a request once; no redirect is followed."""
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
            ) as answer:
                body = await _at_most(answer, REPLY_BYTES_MAX)
                return HttpReply(answer.status, body or b"", _retry_after_s(answer.headers))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NotConnected(type(error).__name__)
        except (aiohttp.InvalidURL, ValueError) as error:
            return NotConnected(f"{type(error).__name__}: the URL cannot be asked")
        except (aiohttp.ClientError, TimeoutError) as error:
            return NoAnswer(type(error).__name__)

    async def fetch(self, url: str, headers: Mapping[str, str]) -> Medium | None:
        """A medium behind the carrier's credentials, which go nowhere else; None where it is not to be had."""
        origin, where = URL(url).origin(), URL(url)
        try:
            for _ in range(REDIRECTS_MAX):
                mine = headers if where.origin() == origin else {}
                async with self._session.get(where, headers=mine, allow_redirects=False) as answer:
                    if answer.status in (301, 302, 303, 307, 308) and where.origin() == origin:
                        where = where.join(URL(answer.headers.get("Location", "")))
                        continue
                    body = await _at_most(answer, MEDIUM_BYTES_MAX) if answer.status == 200 else None
                    return None if body is None else Medium(answer.content_type, body)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
        return None


async def _at_most(answer: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body, whole; None when it is longer."""
    body = bytearray()
    while chunk := await answer.content.readany():
        body += chunk
        if len(body) > most:
            answer.close()
            return None
    return bytes(body)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds (RFC 9110 §10.2.3); a date is read as nothing, since nobody sends one with 429."""
    said = headers.get("Retry-After", "").strip()
    return min(float(said), RETRY_AFTER_MAX_S) if said.isascii() and said.isdecimal() and len(said) < 10 else None
