"""Who is let in, and what strangers can do: nothing to others, and little for themselves."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from limpet.esme.admission import FAILURES_WINDOW_S
from limpet.esme.door import UNBOUND_PER_PEER_MAX, UNWRITTEN_OCTETS_MAX
from limpet.smpp.commands import Bind, Command, Nothing, Pdu
from limpet.smpp.pdu import Splitter, encode
from limpet.smpp.status import Status
from limpet.store.database import Database
from tests.esme.raw import bind_pdu, raw
from tests.support.certificate import make_pem
from tests.support.clock import HandClock
from tests.support.esme import Smsc, connect, open_smsc, text
from tests.support.wait import until


async def test_a_password_opens_and_nothing_else_does(smsc: Smsc) -> None:
    assert (await smsc.bind()).bound
    refused = [
        await smsc.bind_as(smsc.system_id, "wrong"),
        await smsc.bind_as("nobody", smsc.password),
        await smsc.bind_as("", ""),
    ]
    assert [(esme.bound, esme.refused) for esme in refused] == [(False, Status.RBINDFAIL)] * 3


async def test_a_credential_may_be_held_to_networks(smsc: Smsc) -> None:
    elsewhere = await smsc.credential(networks=(ip_network("192.0.2.0/24"),))
    here = await smsc.credential(networks=(ip_network("192.0.2.0/24"), ip_network("127.0.0.0/8")))
    assert (await smsc.bind_as(*elsewhere)).refused == Status.RBINDFAIL
    assert (await smsc.bind_as(*here)).bound


async def test_guessing_is_stopped_and_locks_nobody_out(database: Database, clock: HandClock) -> None:
    async with open_smsc(database, clock, bind_failures_max=3) as smsc:
        fresh = await smsc.credential()
        assert (await smsc.bind()).bound
        for number in range(3):
            assert (await smsc.bind_as(smsc.system_id, f"guess{number}")).refused == Status.RBINDFAIL
        assert (await smsc.bind_as(*fresh)).refused == Status.RBINDFAIL, "right, but from where too much was guessed"
        assert (await smsc.bind()).bound, "it was good before"
        clock.advance(timedelta(seconds=FAILURES_WINDOW_S))
        assert (await smsc.bind_as(*fresh)).bound


async def test_a_customer_has_so_many_binds(database: Database, clock: HandClock) -> None:
    async with open_smsc(database, clock, customer_sessions_max=2) as smsc:
        first, second, third = [await smsc.bind() for _ in range(3)]
        assert (first.bound, second.bound, third.refused) == (True, True, Status.RBINDFAIL)
        await first.leave()
        await until(lambda: smsc.door.bound == 1)
        assert (await smsc.bind()).bound


async def test_who_loses_their_credential_is_asked_to_leave(smsc: Smsc) -> None:
    system_id, password = await smsc.credential()
    gone, stays = await smsc.bind_as(system_id, password), await smsc.bind()
    await smsc.world.database.pool.execute("DELETE FROM smpp_credential WHERE system_id = $1", system_id)
    await smsc.door.refresh()
    await smsc.until(lambda: not gone.bound)
    assert stays.bound
    assert (await smsc.bind_as(system_id, password)).refused == Status.RBINDFAIL


async def test_stopping_says_good_bye(database: Database, clock: HandClock) -> None:
    async with open_smsc(database, clock) as smsc:
        esme = await smsc.bind()
        smsc.esmes.clear()
    await until(lambda: esme.why == "the peer unbound")


HOSTILE = {
    "4 GiB": struct.pack(">IIII", 0xFFFFFFFF, 9, 0, 1),
    "too short": struct.pack(">IIII", 3, 9, 0, 1),
    "no length": bytes(16),
    "one more than allowed": struct.pack(">IIII", 65_537, 4, 0, 1),
    "web": b"GET / HTTP/1.1\r\nHost: limpet\r\n\r\n",
    "a name that does not end": struct.pack(">IIII", 216, 9, 0, 1) + b"x" * 200,
    "a bind that ends in its name": struct.pack(">IIII", 20, 9, 0, 1) + b"limp",
    "a wrong password": bind_pdu("limpet", "x"),
}


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_stranger_is_cut_and_nobody_else(database: Database, clock: HandClock, octets: bytes) -> None:
    async with open_smsc(database, clock, response_timeout_s=0.2) as smsc:
        esme = await smsc.bind()
        async with raw(smsc.port) as stranger:
            stranger.writer.write(octets)
            async with asyncio.timeout(5):
                await stranger.reader.read(-1)
            assert stranger.reader.at_eof()
        assert (await esme.submit(text()))[0] == Status.ROK


async def test_slow_bytes_get_no_further_than_the_time_to_bind(database: Database, clock: HandClock) -> None:
    async with open_smsc(database, clock, response_timeout_s=0.2) as smsc, raw(smsc.port) as slow:
        await until(lambda: smsc.door.connected == 1)
        octets = iter(bind_pdu(smsc.system_id, smsc.password))
        while smsc.door.connected:
            slow.writer.write(bytes((next(octets),)))
            await asyncio.sleep(0.02)
        assert next(octets, None) is not None, "it was cut before its bind was whole"


async def test_a_flood_of_connections_is_held_small_and_a_customer_still_gets_in(smsc: Smsc) -> None:
    flood = [await asyncio.open_connection("127.0.0.1", smsc.port) for _ in range(UNBOUND_PER_PEER_MAX * 3)]
    await until(lambda: smsc.door.connected <= UNBOUND_PER_PEER_MAX)
    assert (await smsc.bind()).bound
    for _, writer in flood:
        writer.close()


async def test_a_sequence_number_used_again_is_answered_again(smsc: Smsc) -> None:
    async with raw(smsc.port) as esme:
        esme.writer.write(bind_pdu(smsc.system_id, smsc.password))
        await esme.read()
        esme.writer.write(encode(Pdu(Command.SUBMIT_SM, 0, 5, text())) * 3)
        answers = [await esme.read() for _ in range(3)]
        assert [(pdu.sequence, pdu.status) for pdu in answers] == [(5, Status.ROK)] * 3
        esme.writer.write(encode(Pdu(Command.BIND_TRANSCEIVER, 0, 6, Bind("x", "y"))))
        assert (await esme.read()).status == Status.RALYBND
        esme.writer.write(struct.pack(">IIII", 16, 0x21, 0, 7))
        nack = await esme.read()
        assert (nack.command, nack.status, nack.sequence) == (Command.GENERIC_NACK, Status.RINVCMDID, 7)


async def test_requests_before_the_bind_are_told_so(smsc: Smsc) -> None:
    async with raw(smsc.port) as stranger:
        assert (await stranger.ask(Command.SUBMIT_SM, text())).status == Status.RINVBNDSTS
        assert (await stranger.ask(Command.ENQUIRE_LINK, Nothing())).status == Status.ROK


async def test_who_does_not_read_is_cut_before_much_has_piled_up(smsc: Smsc) -> None:
    """What it may leave unread is what the network holds and a quarter of a megabyte."""
    deaf = socket.socket()
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        deaf.setsockopt(socket.SOL_SOCKET, buffer, 4096)
    deaf.connect(("127.0.0.1", smsc.port))
    deaf.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(deaf, bind_pdu(smsc.system_id, smsc.password))
    await until(lambda: smsc.door.bound == 1)
    asked, sent = encode(Pdu(Command.ENQUIRE_LINK, 0, 9, Nothing())) * 1000, 0
    with suppress(ConnectionError):
        async with asyncio.timeout(20):
            while smsc.door.connected:
                await loop.sock_sendall(deaf, asked)
                sent += len(asked)
    deaf.close()
    await until(lambda: smsc.door.connected == 0)
    assert UNWRITTEN_OCTETS_MAX < sent < 4 * UNWRITTEN_OCTETS_MAX


async def test_an_unknown_name_is_looked_up_like_a_known_one(smsc: Smsc) -> None:
    """Both end in one comparison of a hash, and say the same."""
    compared: list[str] = []

    class Watched(type(smsc.credentials)):  # type: ignore[misc]
        def pretend(self, password: str) -> None:
            compared.append(password)
            super().pretend(password)

    smsc.credentials.__class__ = Watched
    assert (await smsc.bind_as("nobody", "guess")).refused == Status.RBINDFAIL
    assert compared == ["guess"]


async def test_over_tls_a_customer_binds_and_a_plain_one_does_not(
    database: Database, clock: HandClock, tmp_path: Path
) -> None:
    pem = make_pem(tmp_path)
    async with open_smsc(database, clock, tls_certificate_file=pem, tls_key_file=pem, response_timeout_s=0.5) as smsc:
        bind = Bind(smsc.system_id, smsc.password)
        esme = await connect(smsc.port, bind, tls=ssl.create_default_context(cafile=str(pem)))
        assert (await esme.submit(text()))[0] == Status.ROK
        async with raw(smsc.port) as plain:
            plain.writer.write(bind_pdu(smsc.system_id, smsc.password))
            with suppress(ConnectionError):
                assert Status.ROK not in [pdu.status for pdu in Splitter().feed(await plain.reader.read(-1))]
        assert smsc.door.bound == 1
        await esme.leave()
