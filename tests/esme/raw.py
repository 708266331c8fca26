"""A customer whose bind has longer fields than SMPP's, as no session of ours would send it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from limpet.smpp.commands import NO_TLVS, Body, Command, Pdu, Tlvs
from limpet.smpp.pdu import Splitter, encode


@dataclass
class Raw:
    """Bytes to and fro."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sequence: int = 1

    async def read(self) -> Pdu:
        (length,) = struct.unpack(">I", head := await self.reader.readexactly(4))
        (pdu,) = Splitter().feed(head + await self.reader.readexactly(length - 4))
        assert isinstance(pdu, Pdu)
        return pdu

    async def ask(self, command: Command, body: Body, tlvs: Tlvs = NO_TLVS) -> Pdu:
        self.sequence += 1
        self.writer.write(encode(Pdu(command, 0, self.sequence, body, tlvs)))
        return await self.read()


def bind_pdu(system_id: str, password: str, system_type: str = "", command: int = 9) -> bytes:
    """A bind with fields of any length."""
    body = f"{system_id}\0{password}\0{system_type}\0".encode("latin-1") + b"\x34\0\0\0"
    return struct.pack(">IIII", 16 + len(body), command, 0, 1) + body


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[Raw]:
    """A connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def raw_bind(port: int, system_id: str, password: str, system_type: str = "") -> AsyncIterator[Raw]:
    """A connection that is bound."""
    async with raw(port) as connection:
        connection.writer.write(bind_pdu(system_id, password, system_type))
        assert (await connection.read()).status == 0
        yield connection
