"""The socket's own bounds, met by clients that behave badly."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from limpet.web import protocol
from limpet.web.protocol import BoundedProtocol
from tests.support.wait import until

REQUEST = b"GET / HTTP/1.1\r\nHost: limpet.test\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter, uvicorn.Server]


@asynccontextmanager
async def connected() -> AsyncIterator[Streams]:
    """A connection to a server that answers everything with `ok`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            PlainTextResponse("ok"), http=BoundedProtocol, lifespan="off", log_config=None, ws="none"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([listening]))
        await until(lambda: server.started)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            yield reader, writer, server
        finally:
            writer.close()
            server.should_exit = True
            await serving


async def _refusal(reader: asyncio.StreamReader) -> tuple[int, int]:
    """HTTP status and error code of what came before the connection ended."""
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    error = json.loads(body)
    assert int(head.split()[1]) == error["status"]
    return error["status"], error["code"]


async def test_requests_one_after_the_other_are_answered_on_one_connection() -> None:
    async with connected() as (reader, writer, _):
        for _ in range(3):
            writer.write(REQUEST + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n")
            assert await reader.readuntil(b"ok")


async def test_a_header_that_grows_without_end_is_refused() -> None:
    async with connected() as (reader, writer, server):
        writer.write(REQUEST)
        read = len(REQUEST)
        while read <= protocol.HEADER_BYTES_MAX:
            (connection,) = server.server_state.connections
            assert isinstance(connection, BoundedProtocol)
            await until(lambda connection=connection, read=read: connection._header_bytes == read)
            writer.write(b"X-%d: %s\r\n" % (read, b"y" * 8000))
            read += len(b"X-%d: %s\r\n" % (read, b"y" * 8000))
        assert await _refusal(reader) == (431, 20001)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", REQUEST])
async def test_a_header_that_dawdles_is_refused(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADER_TIMEOUT_S", 0.05)
    async with connected() as (reader, writer, _):
        writer.write(sent)
        assert await _refusal(reader) == (408, 20001)


async def test_what_is_no_http_is_refused() -> None:
    async with connected() as (reader, writer, _):
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert await _refusal(reader) == (400, 20001)


async def test_a_slow_second_request_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected() as (reader, writer, _):
        writer.write(REQUEST + b"\r\n")
        assert await reader.readuntil(b"ok")
        monkeypatch.setattr(protocol, "HEADER_TIMEOUT_S", 0.05)
        writer.write(REQUEST)
        assert await _refusal(reader) == (408, 20001)
