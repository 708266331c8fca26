"""A connection that does not behave: it is cut, and its owner told once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from limpet.carrier import smpp_link
from limpet.carrier.smpp_link import Link
from limpet.smpp.commands import Bind, Command, Nothing, Pdu
from limpet.smpp.events import Bound, Event
from limpet.smpp.pdu import encode
from limpet.smpp.session import Role, SessionConfig

CONFIG = SessionConfig("x", response_timeout_s=0.05, authenticate=lambda *_: True)


class Owner:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lost: list[str] = []
        self.writes = 0

    def on_connected(self, link: Link) -> None:
        pass

    def on_events(self, link: Link, events: Sequence[Event]) -> None:
        self.events += events

    def before_write(self, link: Link) -> None:
        self.writes += 1

    def on_lost(self, link: Link, why: str) -> None:
        self.lost.append(why)


@asynccontextmanager
async def peer(owner: Owner) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, asyncio.Future[Link]]]:
    """A raw client of a message centre's link."""
    made: asyncio.Future[Link] = asyncio.get_running_loop().create_future()

    def accept() -> Link:
        made.set_result(Link(Role.SMSC, CONFIG, owner))
        return made.result()

    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
    async with server:
        client = socket.create_connection(server.sockets[0].getsockname())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader, writer = await asyncio.open_connection(sock=client, limit=4096)
        yield reader, writer, made
        writer.close()


async def test_who_never_binds_is_shown_out() -> None:
    owner = Owner()
    async with peer(owner) as (reader, _, made):
        assert await asyncio.wait_for(reader.read(), 5) == b""
        link = await made
        assert link.over
        assert owner.lost == ["no bind within 0.05 s"]


async def test_who_goes_is_told_once() -> None:
    owner = Owner()
    async with peer(owner) as (_, writer, made):
        writer.write(encode(Pdu(Command.BIND_TRANSCEIVER, 0, 1, Bind("a", "b"))))
        writer.write_eof()
        link = await made
        await asyncio.wait_for(link.lost.wait(), 5)
        link.close("again")
        link.cut("and again")
        link.flush()
        assert owner.lost == ["the peer closed the connection"]
        assert owner.events == [Bound(Command.BIND_TRANSCEIVER, "a")]


async def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smpp_link, "UNWRITTEN_OCTETS_MAX", 50_000)
    owner = Owner()
    async with peer(owner) as (_, writer, made):
        link = await made
        enquiries = encode(Pdu(Command.ENQUIRE_LINK, 0, 1, Nothing())) * 1000
        writer.write(encode(Pdu(Command.BIND_TRANSCEIVER, 0, 1, Bind("a", "b"))))
        while not link.over:
            writer.write(enquiries)
            await asyncio.wait((asyncio.ensure_future(link.lost.wait()),), timeout=0.001)
        assert owner.lost == ["the peer does not read"]


async def test_many_wishes_to_write_in_one_turn_are_one_write() -> None:
    owner = Owner()
    async with peer(owner) as (reader, writer, made):
        link = await made
        writer.write(encode(Pdu(Command.BIND_TRANSCEIVER, 0, 1, Bind("a", "b"))))
        await reader.readexactly(16)
        before = owner.writes
        for _ in range(5):
            link.flush_soon()
        assert owner.writes == before
        turn = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await turn
        assert owner.writes == before + 1
