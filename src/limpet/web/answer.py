"""What goes out: JSON in Twilio's shape, with the headers that its clients read.

It knows status lines and bytes, not resources.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.types import Send

from limpet.core.errors import ApiError
from limpet.twilio.resources import error_resource

Headers = tuple[tuple[bytes, bytes], ...]

_JSON_TYPE = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode
_HEADERS_OF_STATUS: Mapping[int, Headers] = {
    401: ((b"www-authenticate", b'Basic realm="Twilio API"'),),
    408: ((b"connection", b"close"),),
    429: ((b"retry-after", b"60"),),
    503: ((b"retry-after", b"1"),),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before it is sent. Without a body it has no content type. `parts` instead of a body are sent as they come."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    parts: AsyncIterator[bytes] | None = None


def json_answer(status: int, value: Any) -> Answer:
    """A value as JSON."""
    return Answer(status, _encode(value))


def created(resource: Mapping[str, object]) -> Answer:
    """201 with what was made."""
    return json_answer(201, resource)


def ok(resource: Mapping[str, object]) -> Answer:
    """200 with what was asked for."""
    return json_answer(200, resource)


NO_CONTENT = Answer(204)


def refusal(error: ApiError, headers: Headers = ()) -> Answer:
    """Twilio's error body, with the headers that its status asks for."""
    return Answer(error.status, _encode(error_resource(error)), headers + _HEADERS_OF_STATUS.get(error.status, ()))


async def send_answer(send: Send, answer: Answer, request_id: str, took_s: float) -> None:
    """Send a response, with `Twilio-Request-Id` and `Twilio-Request-Duration` (seconds)."""
    headers = [
        (b"twilio-request-id", request_id.encode()),
        (b"twilio-request-duration", b"%.3f" % took_s),
        *answer.headers,
    ]
    if answer.status != NO_CONTENT.status:
        if not any(name == b"content-type" for name, _ in answer.headers):
            headers.append(_JSON_TYPE)
        if answer.parts is None:
            headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.parts is not None:
        async for part in answer.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": answer.body})
