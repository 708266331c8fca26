"""The proxy itself: CONNECT to one of Twilio's host names ends here, in TLS of our own, and what comes through it is the API's.

A connection is a client of Limpet's own door: the same bounds on headers and time hold for it, and no second hop is made.
Every other host is refused with 403 and one sentence in the log, so that nothing of a test leaves the machine by this way.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn

from limpet.devtools.proxy.authority import Authority
from limpet.web.products import DOMAIN, product_of
from limpet.web.protocol import BoundedProtocol

PORT = 443
HEAD_BYTES_MAX = 8 * 1024
HEAD_TIMEOUT_S = 10.0
HANDSHAKE_TIMEOUT_S = 10.0
FAREWELL_TIMEOUT_S = 0.5
"""Clients that keep a connection for later do not answer when it is closed: a server that stops does not wait for them."""
CONNECTIONS_MAX = 256
EARLY_BYTES_MAX = 64 * 1024
"""So much may come through a tunnel before the door has taken it over: one TLS record and what is read with it."""
TOLD_MAX = 1000
"""So many hosts that were refused are remembered, each of which the log names once."""
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
"""To the letter: PHP's client looks for these words."""
_CONNECT = re.compile(rb"CONNECT ([A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5}) HTTP/1\.[01]")
_log = structlog.get_logger()


@asynccontextmanager
async def open_proxy(
    listening: socket.socket, authority: Authority, config: uvicorn.Config, state: Any
) -> AsyncIterator[Proxy]:
    """A proxy on a socket. `config` and `state` are uvicorn's: what the door's own connections are made of.

    At the end whoever has no tunnel yet is cut; tunnels are the door's to close, as all its connections.
    """
    proxy = Proxy(authority, config, state)
    server = await asyncio.get_running_loop().create_server(lambda: _Caller(proxy), sock=listening)
    try:
        yield proxy
    finally:
        server.close()
        proxy.closing = True
        for caller in list(proxy.open):
            caller.cut()


class Proxy:
    """What all connections to one proxy share; `open` are those that there are, with a tunnel or without."""

    def __init__(self, authority: Authority, config: uvicorn.Config, state: Any) -> None:
        self.authority = authority
        self.open: set[_Caller] = set()
        self.closing = False
        self._config = config
        self._state = state
        self._told: set[str] = set()

    def new_tunnel(self, host: str, on_closed: Callable[[], None]) -> _Tunnel:
        """The door's side of a tunnel."""
        return _Tunnel(self, host, on_closed, config=self._config, server_state=self._state, app_state={})

    def tell(self, about: str, sentence: str) -> None:
        """Log a sentence, once for each host."""
        if about not in self._told and len(self._told) < TOLD_MAX:
            self._told.add(about)
            _log.warning(sentence)

    def tell_silent(self, host: str) -> None:
        """Log that a client left as those do who trust no certificate of ours: some say so, others just go."""
        if not self.closing:
            self.tell(
                f"{host} silent",
                f"A client came for {host} and left before it asked for anything. If it does not trust the proxy's "
                "certificate: `limpet proxy env` says what it needs.",
            )


class _Tunnel(BoundedProtocol):
    """A connection of the door's that came through a tunnel."""

    def __init__(self, proxy: Proxy, host: str, on_closed: Callable[[], None], **parts: Any) -> None:
        super().__init__(**parts)
        self._proxy = proxy
        self._host = host
        self._on_closed = on_closed
        self._silent = True

    def data_received(self, data: bytes) -> None:
        """What the client asks."""
        self._silent = False
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        super().connection_lost(exc)
        self._on_closed()
        if self._silent:
            self._proxy.tell_silent(self._host)


class _Early(asyncio.Protocol):
    """Keeps what comes through a tunnel between the handshake and the moment when the door takes over."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.lost = False
        self.heir: _Tunnel | None = None
        """Who has taken over: a loop may have called for us before, and reach us only now."""

    def data_received(self, data: bytes) -> None:
        if self.heir is not None:
            self.heir.data_received(data)
        elif len(self.data) + len(data) <= EARLY_BYTES_MAX:
            self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self.heir is not None:
            self.heir.connection_lost(exc)


class _Caller(asyncio.Protocol):
    """A connection to the proxy, until it says where it wants to go."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._head = bytearray()
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._leading: asyncio.Task[None] | None = None
        self._led = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if len(self._proxy.open) >= CONNECTIONS_MAX:
            self._refuse(b"503 Service Unavailable", f"More than {CONNECTIONS_MAX} connections to the proxy at once.")
            return
        self._proxy.open.add(self)
        self._timer = asyncio.get_running_loop().call_later(HEAD_TIMEOUT_S, self._too_late)

    def data_received(self, data: bytes) -> None:
        self._head += data
        head, end, more = self._head.partition(b"\r\n\r\n")
        if len(head) > HEAD_BYTES_MAX:
            self._refuse(b"431 Request Header Fields Too Large", "The request's header is too large.")
        elif end:
            self._asked(bytes(head.partition(b"\r\n")[0]), bool(more))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._stop_timer()
        if self._leading is None:
            self._gone()

    def cut(self) -> None:
        """End it, unless the door has taken over."""
        if not self._led:
            self._stop_timer()
            self._transport.abort()

    def _asked(self, line: bytes, hasty: bool) -> None:
        found = _CONNECT.fullmatch(line)
        if found is None:
            self._refuse_elsewhere("a request without CONNECT")
            return
        host, port = found[1].decode().lower(), int(found[2])
        if product_of(host) is None or port != PORT:
            self._refuse_elsewhere(f"{host}:{port}")
        elif hasty:
            self._refuse(b"400 Bad Request", "Wait for the answer to CONNECT.")
        else:
            self._stop_timer()
            self._transport.pause_reading()
            self._transport.write(ESTABLISHED)
            self._leading = asyncio.create_task(self._lead(host))

    async def _lead(self, host: str) -> None:
        """Speak TLS as that host, and let the door take over."""
        early, loop = _Early(), asyncio.get_running_loop()
        try:
            transport: Any = await loop.start_tls(
                self._transport, early, self._proxy.authority.context(host), server_side=True,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S, ssl_shutdown_timeout=FAREWELL_TIMEOUT_S,
            )  # fmt: skip
        except OSError as error:
            self._not_led(host, error)
            return
        if (
            transport is None or early.lost or transport.is_closing()
        ):  # cut meanwhile, which not every loop says by an error
            self._gone()
            if not early.data:
                self._proxy.tell_silent(host)
            return
        self._led = True
        tunnel = early.heir = self._proxy.new_tunnel(host, self._gone)
        transport.set_protocol(tunnel)
        tunnel.connection_made(transport)
        if early.data:
            tunnel.data_received(bytes(early.data))

    def _not_led(self, host: str, error: OSError) -> None:
        self._transport.abort()
        self._gone()
        if isinstance(error, ssl.SSLError | ConnectionError):
            self._proxy.tell_silent(host)
        else:
            self._proxy.tell(f"{host} failed", f"The proxy cannot speak for {host}: {error.strerror}.")

    def _too_late(self) -> None:
        self._refuse(b"408 Request Timeout", "The request's header took too long.")

    def _refuse_elsewhere(self, what: str) -> None:
        why = f"it leads to {DOMAIN} by https and nowhere else"
        self._refuse(b"403 Forbidden", f"Limpet's proxy refused {what}: {why}.")
        self._proxy.tell(what, f"The proxy refused {what}: {why}.")

    def _refuse(self, status: bytes, why: str) -> None:
        self._stop_timer()
        body = f"{why}\n".encode()
        head = b"HTTP/1.1 %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        self._transport.write(head % (status, len(body)) + body)
        self._transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _gone(self) -> None:
        self._proxy.open.discard(self)
