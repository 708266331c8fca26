"""HTTP on the socket, bounded: a header that grows or dawdles ends its connection before anything is made of it.

uvicorn's protocol over httptools does the rest. Bodies are bounded by `limpet.web.body`.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_BYTES_MAX = 32 * 1024
HEADER_TIMEOUT_S = 10.0
_ERROR = '{"code":20001,"message":"%s","more_info":"https://www.twilio.com/docs/errors/20001","status":%d}'


class BoundedProtocol(HttpToolsProtocol):
    """A connection. A header that comes at once may be as long as one read; one that comes in pieces is counted."""

    _in_header = False
    _header_bytes = 0
    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come; its first header is awaited."""
        super().connection_made(transport)
        self._await_header()

    def data_received(self, data: bytes) -> None:
        """Read on, unless the header has become too large by now."""
        began_before = self._in_header
        super().data_received(data)
        if self._in_header:
            self._header_bytes += len(data)
            if began_before and self._header_bytes > HEADER_BYTES_MAX:
                self._refuse("431 Request Header Fields Too Large", "The request's header is too large")

    def on_message_begin(self) -> None:
        """The first octets of a request."""
        super().on_message_begin()
        self._in_header, self._header_bytes = True, 0
        if self._header_timer is None:
            self._await_header()

    def on_headers_complete(self) -> None:
        """The header is whole: the request begins."""
        self._header_done()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._header_done()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse("400 Bad Request", msg)

    def _await_header(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_TIMEOUT_S, self._too_slow)

    def _header_done(self) -> None:
        self._in_header = False
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _too_slow(self) -> None:
        self._refuse("408 Request Timeout", "The request's header took too long")

    def _refuse(self, status: str, message: str) -> None:
        """Say why in Twilio's shape, and end the connection."""
        self._header_done()
        if self.transport.is_closing():
            return
        body = (_ERROR % (message, int(status[:3]))).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()
