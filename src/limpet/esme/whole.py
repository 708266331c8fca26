"""The door for SMPP customers put together, and run for as long as a server does."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from limpet.clock import Clock
from limpet.config_smpp_server import SmppServerConfig
from limpet.esme.admission import Admission
from limpet.esme.door import EsmeDoor
from limpet.esme.long_messages import LongMessages
from limpet.esme.outbox import Outbox
from limpet.esme.requests import Requests
from limpet.flow.whole import Flow
from limpet.flow.worker import supervise
from limpet.store.database import Database, Installation
from limpet.store.smpp_credentials import SmppCredentials


@asynccontextmanager
async def open_esme_door(
    config: SmppServerConfig, listening: socket.socket, flow: Flow, outbox: Outbox, database: Database,
    installation: Installation, credentials: SmppCredentials, clock: Clock, new_id: Callable[[datetime], int],
    grace_s: float,
) -> AsyncIterator[EsmeDoor]:  # fmt: skip
    """Take customers on a socket; at the end what they asked is answered, and every bind is over."""
    long_messages = LongMessages(database, credentials, installation, clock, new_id)
    requests = Requests(
        flow.accept, flow.messages, credentials, long_messages, installation, clock, config.messages_per_s
    )
    admission = Admission(credentials, clock, config.bind_failures_max)
    door = EsmeDoor(config, credentials, admission, requests, outbox)
    await door.start(listening, _tls(config.tls_certificate_file, config.tls_key_file))
    running = [
        asyncio.create_task(supervise(outbox.run)),
        asyncio.create_task(supervise(lambda: long_messages.run(requests.make))),
    ]
    try:
        yield door
    finally:
        await door.stop(grace_s)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await long_messages.idle()
        await outbox.stop()


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """A server's context of TLS 1.2 or later; None without a certificate."""
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context
