"""A registrar behind an HTTP API, described in docs/howto/a2p-10dlc.md: one POST under a key, then a GET until it is decided.

    POST {url}/registrations          Idempotency-Key: {key}    {"key", "subject", "sid", "account_sid", "details"}
    GET  {url}/registrations/{key}

Both answer `{"status": "pending" | "approved" | "rejected", "reference", "error_code", "reason", "fields", "details"}`, the GET
404 for a key that was never taken. Anything else is trouble, and is asked again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from limpet.registrar.port import Answer, Approved, Pending, Rejected, Request, Trouble, Unknown
from limpet.registrar.upstream import BODY_BYTES_MAX, CONNECTIONS_MAX, FIELDS_MAX, code, read_to_end, text

_NOT_FOUND, _OK = 404, range(200, 300)


class HttpRegistrar:
    """Implements `Registrar`. To be made inside a running event loop. `token` is sent as a bearer's, unless it is empty."""

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        self._url = f"{url.rstrip('/')}/registrations"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Authorization": f"Bearer {token}"} if token else {},
            trust_env=False,
        )

    async def submit(self, request: Request) -> Answer:
        """Post a request under its key."""
        body = {
            "key": request.key, "subject": str(request.subject), "sid": request.sid, "account_sid": request.account_sid,
            "details": dict(request.details),
        }  # fmt: skip
        answer = await self._ask("POST", self._url, body, {"Idempotency-Key": request.key})
        return Trouble("the registrar answered 404 to a new request") if isinstance(answer, Unknown) else answer

    async def status(self, request: Request) -> Answer:
        """Ask what became of a key."""
        return await self._ask("GET", f"{self._url}/{quote(request.key, safe='')}", None, {})

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _ask(self, method: str, url: str, body: object, headers: Mapping[str, str]) -> Answer:
        try:
            async with self._session.request(
                method, url, json=body, headers=headers, allow_redirects=False
            ) as answer:  # fmt: skip
                content = await read_to_end(answer)
                return _understood(answer.status, content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Trouble(f"no answer from the registrar: {type(error).__name__}")


def _understood(status: int, content: bytes) -> Answer:
    if status == _NOT_FOUND:
        return Unknown()
    if status not in _OK:
        return Trouble(f"the registrar answered {status}")
    try:
        said = json.loads(content) if len(content) <= BODY_BYTES_MAX else None
    except ValueError:
        said = None
    return _answer(said) if isinstance(said, dict) else Trouble("the registrar's answer is not a JSON object")


def _answer(said: Mapping[str, Any]) -> Answer:
    reference = text(said.get("reference"))
    match said.get("status"):
        case "pending":
            return Pending(reference)
        case "approved":
            details = said.get("details")
            return Approved(reference, details if isinstance(details, dict) else {})
        case "rejected":
            reason = text(said.get("reason")) or "The registrar gave no reason"
            fields = tuple(map(str, said["fields"][:FIELDS_MAX])) if isinstance(said.get("fields"), list) else ()
            return Rejected(reason, code(said.get("error_code")), reference, fields)
    return Trouble("the registrar's answer has no status")
