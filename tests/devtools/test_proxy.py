"""The proxy on a socket: what it lets through, what it refuses and says, and that nobody's slowness is another's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from limpet.devtools.proxy import tunnel
from limpet.devtools.proxy.authority import CERTIFICATE_FILE, open_authority
from limpet.devtools.proxy.tunnel import HEAD_BYTES_MAX, Proxy, open_proxy
from limpet.web.products import AsTwilio
from limpet.web.protocol import BoundedProtocol
from tests.support.wait import until

ASKED = b"GET /2010-04-01/%s HTTP/1.1\r\nHost: api.twilio.com\r\n\r\n"


@dataclass
class Line:
    """A proxy with a small application behind it; `port` is the proxy's."""

    proxy: Proxy
    port: int
    certificate: Path
    state: ServerState

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def answered(self, sent: bytes) -> bytes:
        """All that the proxy says before it ends the connection."""
        reader, writer = await self.connect()
        writer.write(sent)
        said = await reader.read()
        writer.close()
        return said

    async def led(self, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that has its tunnel, before TLS."""
        reader, writer = await self.connect()
        writer.write(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
        return reader, writer

    async def inside(self, host: str = "api.twilio.com") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection through its tunnel, in TLS by a client that trusts the authority."""
        reader, writer = await self.led(host)
        await writer.start_tls(ssl.create_default_context(cafile=str(self.certificate)), server_hostname=host)
        return reader, writer


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Says what it was asked for."""
    headers = dict(scope["headers"])
    said = f"{scope['scheme']} {headers[b'host'].decode()} {scope['path']}".encode()
    length = (b"content-length", b"%d" % len(said))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": said})


@asynccontextmanager
async def line(data: Path) -> AsyncIterator[Line]:
    config = uvicorn.Config(AsTwilio(application), http=BoundedProtocol, ws="none", lifespan="off", log_config=None)
    authority = open_authority(data, lambda: datetime.now(UTC))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        state = ServerState()
        async with open_proxy(listening, authority, config, state) as proxy:
            yield Line(proxy, listening.getsockname()[1], authority.folder / CERTIFICATE_FILE, state)
        for connection in list(state.connections):
            connection.shutdown()


async def test_a_request_keeps_its_host_and_comes_by_https(tmp_path: Path) -> None:
    async with line(tmp_path) as on:
        reader, writer = await on.inside()
        for path in (b"one", b"two"):
            writer.write(ASKED % path)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            said = b"https api.twilio.com /2010-04-01/" + path
            assert await reader.readexactly(len(said)) == said
        writer.close()
        await until(lambda: not on.proxy.open)


async def test_what_comes_with_the_end_of_the_handshake_is_not_lost(tmp_path: Path) -> None:
    """A client of TLS 1.3 may send its request in the same packet as its last word of the handshake."""
    async with line(tmp_path) as on:
        for _ in range(20):
            reader, writer = await on.led("api.twilio.com")
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            context = ssl.create_default_context(cafile=str(on.certificate))
            client = context.wrap_bio(incoming, outgoing, server_hostname="api.twilio.com")
            with pytest.raises(ssl.SSLWantReadError):
                client.do_handshake()
            writer.write(outgoing.read())
            while True:
                incoming.write(await reader.read(65536))
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    continue
            client.write(ASKED % b"early")
            writer.write(outgoing.read())  # Finished and request at once
            said = b""
            while b"early" not in said:
                incoming.write(await reader.read(65536))
                with suppress(ssl.SSLWantReadError):
                    while True:
                        said += client.read()
            writer.close()


@pytest.mark.parametrize(("sent", "status", "told"), [
    (b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", 403, "example.com:443"),
    (b"CONNECT api.twilio.com:80 HTTP/1.1\r\n\r\n", 403, "api.twilio.com:80"),
    (b"CONNECT api.twilio.com.example.com:443 HTTP/1.1\r\n\r\n", 403, "api.twilio.com.example.com:443"),
    (b"CONNECT [::1]:443 HTTP/1.1\r\n\r\n", 403, "[::1]:443"),
    (b"CONNECT api.twilio.com HTTP/1.1\r\n\r\n", 403, "a request without CONNECT"),
    (b"GET http://api.twilio.com/ HTTP/1.1\r\n\r\n", 403, "a request without CONNECT"),
    (b"\x16\x03\x01 no HTTP at all\r\n\r\n", 403, "a request without CONNECT"),
])  # fmt: skip
async def test_all_else_is_refused_with_one_sentence(tmp_path: Path, sent: bytes, status: int, told: str) -> None:
    async with line(tmp_path) as on:
        with capture_logs() as logs:
            said = [await on.answered(sent) for _ in range(2)]
        assert [each.split()[1] for each in said] == [str(status).encode()] * 2
        assert [log["event"] for log in logs] == [
            f"The proxy refused {told}: it leads to twilio.com by https and nowhere else."
        ]
        assert not on.proxy.open


@pytest.mark.parametrize(("sent", "status"), [
    (b"CONNECT api.twilio.com:443 HTTP/1.1\r\nX: " + b"x" * HEAD_BYTES_MAX, b"431"),
    (b"CONNECT api.twilio.com:443 HTTP/1.1\r\n\r\n\x16\x03\x01", b"400"),
])  # fmt: skip
async def test_what_is_too_large_or_too_hasty_is_refused(tmp_path: Path, sent: bytes, status: bytes) -> None:
    async with line(tmp_path) as on:
        assert (await on.answered(sent)).split()[1] == status
        assert not on.proxy.open


async def test_the_slow_are_cut_and_disturb_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "HEAD_TIMEOUT_S", 0.05)
    monkeypatch.setattr(tunnel, "HANDSHAKE_TIMEOUT_S", 0.5)
    async with line(tmp_path) as on:
        slow, slow_writer = await on.connect()
        silent, silent_writer = await on.led("api.twilio.com")
        reader, writer = await on.inside()
        writer.write(ASKED % b"other")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert (await slow.read()).startswith(b"HTTP/1.1 408")
        assert await silent.read() == b""
        for each in (slow_writer, silent_writer, writer):
            each.close()
        await until(lambda: not on.proxy.open)


async def test_connections_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "CONNECTIONS_MAX", 3)
    async with line(tmp_path) as on:
        _, first = await on.connect()
        _, second = await on.inside()
        _, third = await on.led("api.twilio.com")
        await until(lambda: len(on.proxy.open) == 3)
        assert (await on.answered(b"")).startswith(b"HTTP/1.1 503")
        for writer in (first, second, third):
            writer.close()
        await until(lambda: not on.proxy.open)
        _, writer = await on.inside()
        writer.close()


@pytest.mark.parametrize("trusting", [False, True])
async def test_who_leaves_in_silence_is_told_what_may_be_missing(tmp_path: Path, trusting: bool) -> None:
    """Some clients refuse a certificate within the handshake, others look at it afterwards and go."""
    async with line(tmp_path) as on:
        with capture_logs() as logs:
            for _ in range(2):
                if trusting:
                    _, writer = await on.inside()
                    writer.close()
                else:
                    _, writer = await on.led("api.twilio.com")
                    with pytest.raises(ssl.SSLCertVerificationError):
                        await writer.start_tls(ssl.create_default_context(), server_hostname="api.twilio.com")
            await until(lambda: not on.proxy.open)
        assert ["limpet proxy env" in log["event"] for log in logs] == [True]


async def test_a_server_that_stops_does_not_wait_for_clients_that_keep_their_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "FAREWELL_TIMEOUT_S", 0.1)
    async with line(tmp_path) as on:
        kept = await asyncio.to_thread(_keep, on.port, on.certificate)
        await until(lambda: len(on.state.connections) == 1)
        for connection in list(on.state.connections):
            connection.shutdown()
        await until(lambda: not on.state.connections)
        kept.close()


def _keep(port: int, certificate: Path) -> ssl.SSLSocket:
    """A connection through a tunnel, of a client that looks at it again when it needs it."""
    plain = socket.create_connection(("127.0.0.1", port))
    plain.sendall(b"CONNECT api.twilio.com:443 HTTP/1.1\r\n\r\n")
    assert plain.recv(1000).startswith(b"HTTP/1.1 200")
    context = ssl.create_default_context(cafile=str(certificate))
    return context.wrap_socket(plain, server_hostname="api.twilio.com")


async def test_a_host_has_only_what_is_its_own(tmp_path: Path) -> None:
    async with line(tmp_path) as on:
        reader, writer = await on.inside("conversations.twilio.com")
        writer.write(b"GET /v1/Services HTTP/1.1\r\nHost: conversations.twilio.com\r\n\r\n")
        said = await reader.readuntil(b"}")
        assert said.startswith(b"HTTP/1.1 404")
        assert b'"code":20404' in said
        writer.close()


async def test_a_header_inside_the_tunnel_is_bounded_as_at_the_door(tmp_path: Path) -> None:
    async with line(tmp_path) as on:
        reader, writer = await on.inside()
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        said = asyncio.create_task(reader.readline())
        while not said.done():
            writer.write(b"x" * 1000)
            await asyncio.sleep(0.001)
        assert (await said).startswith(b"HTTP/1.1 431")
        writer.close()
