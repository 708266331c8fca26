"""A request's body as a form or as JSON, bounded in size and time. It knows no parameters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

from starlette.types import Receive

from limpet.core.errors import ApiError
from limpet.twilio.forms import Form, parse_form

BODY_BYTES_MAX = 1 << 20
BODY_TIMEOUT_S = 30.0
FORM_TYPE = b"application/x-www-form-urlencoded"
JSON_TYPE = b"application/json"


class ClientGone(Exception):
    """The client hung up before its request was whole."""


async def read_form(headers: Mapping[bytes, bytes], receive: Receive) -> Form:
    """The form that a request carries; without a body, or an empty one, the empty form.

    20001 as 413 beyond BODY_BYTES_MAX (nothing more is kept, and nothing is read when the length is announced), as 415 for
    anything but a form, as 408 when it does not come within BODY_TIMEOUT_S.
    """
    return parse_form(await _body(headers, receive, FORM_TYPE))


async def _body(headers: Mapping[bytes, bytes], receive: Receive, kind: bytes | None) -> bytes:
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > BODY_BYTES_MAX:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _read(receive)
    except TimeoutError:
        raise ApiError(20001, status=408, parameter="body", why="it did not arrive in time") from None
    if body and kind is not None:
        _check_type(headers, kind)
    return body


async def read_raw(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """The bytes that a request carries, of whatever type, under the same limits."""
    return await _body(headers, receive, None)


async def read_json(headers: Mapping[bytes, bytes], receive: Receive) -> object:
    """The JSON value that a request carries, under the same limits; 20001 for anything else."""
    body = await _body(headers, receive, JSON_TYPE)
    try:
        value: object = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise ApiError(20001, parameter="body", why="not JSON") from None
    return value


async def read_stream(headers: Mapping[bytes, bytes], receive: Receive) -> AsyncIterator[bytes]:
    """What a request carries, as it comes. 20001 as 415 for what is compressed, as 408 when nothing comes for BODY_TIMEOUT_S;
    ClientGone when the client hangs up."""
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise ApiError(20001, status=415, parameter="body", why="it is compressed")
    more = True
    while more:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                message = await receive()
        except TimeoutError:
            raise ApiError(20001, status=408, parameter="body", why="it did not arrive in time") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        yield message.get("body", b"")


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    chunks: list[bytes] = []
    size = 0
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body, more = message.get("body", b""), message.get("more_body", False)
        size += len(body)
        if size > BODY_BYTES_MAX:
            raise _too_large()
        chunks.append(body)
    return body if len(chunks) == 1 else b"".join(chunks)


def _check_type(headers: Mapping[bytes, bytes], wanted: bytes) -> None:
    kind = headers.get(b"content-type", wanted)
    if kind.partition(b";")[0].strip().lower() != wanted:
        raise ApiError(20001, status=415, parameter="body", why=f"its type is not {wanted.decode()}")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise ApiError(20001, status=415, parameter="body", why="it is compressed")


def _too_large() -> ApiError:
    return ApiError(20001, status=413, parameter="body", why=f"larger than {BODY_BYTES_MAX} bytes")
