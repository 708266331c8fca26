"""The door on its sockets: HTTP as uvicorn speaks it, directly and by the proxy of `limpet dev`.

It opens and closes; what is asked at the door is for `limpet.web`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from limpet.clock import SystemClock
from limpet.config import Config, Ready
from limpet.devtools.proxy.authority import open_authority
from limpet.devtools.proxy.environment import environment
from limpet.devtools.proxy.tunnel import open_proxy
from limpet.web.products import AsTwilio
from limpet.web.protocol import BoundedProtocol

LOOPBACK = "127.0.0.1"
KEEP_ALIVE_S = 60
BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn, saying when it is up, and without its own ideas about signals: this file stops it in its turn."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def web(
    config: Config, app: Any, listening: socket.socket
) -> AsyncIterator[tuple[asyncio.Task[None], ServerState]]:
    """The door, open; closed by letting requests under way finish. Answers its task, and what its connections share."""
    server = _Server(
        _http(
            config, app, ssl_certfile=_text(config.server.tls_certificate_file),
            ssl_keyfile=_text(config.server.tls_key_file),
        )
    )  # fmt: skip
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await server.up.wait()
    try:
        yield serving, server.server_state
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def proxy(
    config: Config, app: Any, state: ServerState, tunnelling: socket.socket, ready: Ready
) -> AsyncIterator[Ready]:
    """The same door by the proxy, open; answers what to say when ready."""
    authority = open_authority(config.database.data_dir, SystemClock().now)  # clients judge by the machine's time
    async with open_proxy(tunnelling, authority, _http(config, AsTwilio(app)), state):
        url = f"http://{place(tunnelling)}"
        variables = environment(url, authority, ready.account_sid, ready.auth_token, ready.service_sid)
        yield replace(ready, proxy=url, proxy_environment=variables)


def _http(config: Config, app: Any, **more: Any) -> uvicorn.Config:
    """How connections to the door are spoken with."""
    return uvicorn.Config(
        app, http=BoundedProtocol, ws="none", lifespan="off", loop="none", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(config.dispatch.stop_grace_s), backlog=BACKLOG, **more,
    )  # fmt: skip


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def place(listening: socket.socket) -> str:
    """Where a socket listens, as a URL has it."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
