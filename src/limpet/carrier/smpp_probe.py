"""Asks an SMPP carrier, step by step, whether it can be used: name, connection, TLS, bind, enquire_link, unbind.

For an operator who looks for what is wrong. It submits nothing; what the carrier delivers meanwhile is declined, so that it is
delivered again later to whoever serves.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from limpet.smpp.commands import RESPONSE, Bind, Command, Malformed, Nothing, Pdu
from limpet.smpp.pdu import Splitter, encode, encode_answer
from limpet.smpp.status import Status, meaning

READ_OCTETS = 65_536
NOBODY = Bind("", "")


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one step; `until` is when a certificate ends."""

    name: str
    good: bool
    detail: str
    until: datetime | None = None


async def probe(
    host: str, port: int, tls: ssl.SSLContext | None, bind: Bind | None, timeout_s: float
) -> AsyncIterator[Step]:
    """The steps, each as it is done; the first that is not good is the last. None takes longer than `timeout_s`. Without a `bind`
    the connection is the last one: what is behind it may speak something else."""
    step = await _step("name", _resolve(host, port), timeout_s)
    yield step
    if not step.good:
        return
    connection = _Connection(host, port, tls, bind or NOBODY)
    spoken = (("bind", connection.bound), ("enquire_link", connection.asked), ("unbind", connection.unbound))
    try:
        for name, work in (("connection", connection.connect), *(spoken if bind else ())):
            step = await _step(name, work(), timeout_s)
            yield step
            if not step.good:
                return
            if name == "connection" and tls is not None:
                yield connection.certificate()
    finally:
        connection.close()


async def _step(name: str, work: object, timeout_s: float) -> Step:
    try:
        async with asyncio.timeout(timeout_s):
            return Step(name, True, await work)  # type: ignore[misc]
    except TimeoutError:
        return Step(name, False, f"nothing came within {timeout_s:g} s")
    except ssl.SSLCertVerificationError as error:
        return Step("TLS", False, f"the certificate is not good: {error.verify_message}")
    except ssl.SSLError as error:
        return Step("TLS", False, f"no TLS comes about: {error.reason or error}")
    except socket.gaierror as error:
        return Step(name, False, f"it does not resolve: {error.strerror}")
    except OSError as error:
        return Step(name, False, error.strerror or str(error))
    except (ValueError, EOFError) as error:
        return Step(name, False, str(error))


async def _resolve(host: str, port: int) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return ", ".join(sorted({str(address[4][0]) for address in found}))


class _Connection:
    """One connection, on which requests are answered before the next is made."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, bind: Bind) -> None:
        self._host, self._port, self._tls, self._bind = host, port, tls, bind
        self._splitter = Splitter()
        self._pending: list[Pdu | Malformed] = []
        self._sequence = 0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> str:
        """TCP, and TLS where it is asked for."""
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        return f"connected to port {self._port}" + (" by TLS" if self._tls else "")

    def certificate(self) -> Step:
        """Until when the carrier's certificate is good."""
        assert self._writer is not None
        end = (self._writer.get_extra_info("peercert") or {}).get("notAfter")
        until = None if end is None else datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC)
        return Step("TLS", True, f"the certificate is good until {until:%Y-%m-%d}" if until else "encrypted", until)

    async def bound(self) -> str:
        """A bind as transceiver, as a lane makes it."""
        answer = await self._request(Command.BIND_TRANSCEIVER, self._bind)
        if answer.status != Status.ROK:
            raise ValueError(f"it was refused with {meaning(answer.status).name}")
        return f"bound as {self._bind.system_id}"

    async def asked(self) -> str:
        """Whether the other side is there."""
        await self._request(Command.ENQUIRE_LINK, Nothing())
        return "answered"

    async def unbound(self) -> str:
        """A good-bye."""
        await self._request(Command.UNBIND, Nothing())
        return "answered"

    def close(self) -> None:
        """Cut it."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def _request(self, command: Command, body: Bind | Nothing) -> Pdu:
        assert self._writer is not None
        self._sequence += 1
        self._writer.write(encode(Pdu(command, 0, self._sequence, body)))
        while True:
            pdu = await self._next()
            if pdu.command & RESPONSE and pdu.sequence == self._sequence:
                return pdu
            self._decline(pdu)

    async def _next(self) -> Pdu:
        assert self._reader is not None
        while not self._pending:
            data = await self._reader.read(READ_OCTETS)
            if not data:
                raise EOFError("the carrier closed the connection")
            self._pending = list(self._splitter.feed(data))
        pdu = self._pending.pop(0)
        if isinstance(pdu, Malformed):
            raise ValueError("what answers does not speak SMPP 3.4")
        return pdu

    def _decline(self, pdu: Pdu) -> None:
        """A delivery is for whoever serves; whether we are there may be asked."""
        assert self._writer is not None
        if pdu.command is Command.ENQUIRE_LINK:
            self._writer.write(encode_answer(Command.ENQUIRE_LINK_RESP, 0, pdu.sequence))
        elif pdu.command in (Command.DELIVER_SM, Command.DATA_SM):
            self._writer.write(encode_answer(Command(pdu.command | RESPONSE), Status.RX_T_APPN, pdu.sequence))
