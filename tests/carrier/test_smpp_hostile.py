"""A message centre that means ill or is broken: its connection ends or is answered, the others go on, and memory stays small."""

from __future__ import annotations

import asyncio
import random
import struct
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from limpet.carrier.port import Inbound, Submitted
from limpet.carrier.smpp import SmppLane
from limpet.smpp.codec import PDU_OCTETS_MAX
from limpet.smpp.commands import Alert, Command, Malformed, Message, Outbind, Pdu, Tag
from limpet.smpp.pdu import Splitter, encode
from limpet.smpp.session import Role, Session, SessionConfig
from limpet.smpp.status import Status
from tests.support.smsc import Recorder, bench, config, submission
from tests.support.wait import until

NO_BOUNDARIES = "the stream has no PDU boundaries"
HEADER = struct.Struct(">IIII")


@dataclass
class Centre:
    """One connection of a hostile centre: bound by the book, then on its own."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    splitter: Splitter = field(default_factory=Splitter)
    unread: list[Pdu] = field(default_factory=list)

    def say(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def hear(self, many: int) -> list[Pdu]:
        """So many PDUs of the lane, enquire_link left out."""
        async with asyncio.timeout(10):
            while len(self.unread) < many:
                data = await self.reader.read(65_536)
                assert data, "the lane has closed"
                pdus = self.splitter.feed(data)
                self.unread += [pdu for pdu in pdus if isinstance(pdu, Pdu) and pdu.command is not Command.ENQUIRE_LINK]
        heard, self.unread = self.unread[:many], self.unread[many:]
        return heard


Attack = Callable[[Centre], Awaitable[None]]


@asynccontextmanager
async def attacked(attack: Attack, **changes: object) -> AsyncIterator[tuple[SmppLane, Recorder]]:
    """A lane bound to a centre that attacks, once; beside it a good lane must go on all the while."""
    done: list[asyncio.Future[None]] = []
    bound = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(Role.SMSC, SessionConfig("x", authenticate=lambda *_: True), 0.0)
        while not session.bound:
            session.receive(await reader.read(1000), 0.0)
        writer.write(session.bytes_to_send())
        await bound.wait()
        if not done:
            done.append(asyncio.ensure_future(attack(Centre(reader, writer))))
            await asyncio.wait(done)
        await reader.read(-1)
        writer.close()

    heard = Recorder()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
    async with server, bench() as good:
        lane = SmppLane("bad/0", config(server.sockets[0].getsockname()[1], **changes), heard, random.Random(1))
        heard.lane = lane
        await lane.start()
        await heard.until(lambda: heard.rooms)
        bound.set()
        yield lane, heard
        for future in done:
            await future
        await good.feed([submission(number) for number in range(50)])
        assert {type(result) for result in good.heard.results} == {Submitted}
        assert good.heard.downs == []
        await lane.stop(0.0)


@pytest.mark.parametrize(
    "octets",
    [
        HEADER.pack(0xFFFFFFFF, Command.DELIVER_SM, 0, 1) + b"x" * 100,
        HEADER.pack(PDU_OCTETS_MAX + 1, Command.DELIVER_SM, 0, 1),
        HEADER.pack(15, Command.DELIVER_SM, 0, 1),
        HEADER.pack(0, Command.DELIVER_SM, 0, 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        random.Random(1).randbytes(100_000),
    ],
    ids=["4 GiB", "one too many", "15", "0", "http", "tls", "noise"],
)
async def test_a_length_that_none_can_have_ends_the_connection(octets: bytes) -> None:
    async def attack(centre: Centre) -> None:
        centre.say(octets)

    async with attacked(attack) as (_, heard):
        await heard.until(lambda: heard.downs)
        assert heard.downs[0] == NO_BOUNDARIES
        await heard.until(lambda: heard.rooms == 2)


async def test_slow_octets_end_in_a_time_out_although_the_peer_always_speaks() -> None:
    async def attack(centre: Centre) -> None:
        for octet in HEADER.pack(60_000, Command.DELIVER_SM, 0, 1) + b"x" * 200:
            if centre.writer.is_closing() or centre.reader.at_eof():
                return
            centre.say(bytes((octet,)))
            await asyncio.sleep(0.005)

    async with attacked(attack, enquire_link_s=0.05, response_timeout_s=0.1) as (_, heard):
        await heard.until(lambda: heard.downs)
        assert heard.downs[0] == "no answer within 0.1 s"


@pytest.mark.parametrize(
    ("command", "body", "status"),
    [
        (0x0000_0021, b"", Status.RINVCMDID),
        (0x0000_0FFF, b"x" * 60_000, Status.RINVCMDID),
        (Command.DELIVER_SM, b"", Status.RINVCMDLEN),
        (Command.DELIVER_SM, b"x" * 60_000, Status.RINVSERTYP),
        (Command.DELIVER_SM, b"\0" * 16 + b"\xff" + b"x" * 9, Status.RINVMSGLEN),
        (Command.DELIVER_SM, b"\0" * 17 + b"\x04\x24\xff\xff" + b"x" * 9, Status.RINVOPTPARSTREAM),
        (Command.SUBMIT_SM, b"\0" * 17, Status.RINVCMDID),
    ],
)
async def test_what_is_no_pdu_is_refused_and_the_connection_stays(command: int, body: bytes, status: int) -> None:
    answers: list[Pdu] = []

    async def attack(centre: Centre) -> None:
        good = encode(
            Pdu(Command.DELIVER_SM, 0, 9, Message("", 1, 1, "14155550199", 1, 1, "12125550100", short_message=b"hi"))
        )
        centre.say(HEADER.pack(HEADER.size + len(body), command, 0, 7) + body + good)
        answers.extend(await centre.hear(2))

    async with attacked(attack) as (lane, heard):
        await heard.until(lambda: heard.inbound)
        await until(lambda: len(answers) == 2)
        assert [(pdu.sequence, pdu.status) for pdu in answers] == [(7, status), (9, 0)]
        assert answers[0].command == (Command.GENERIC_NACK if command not in (4, 5) else command | 0x8000_0000)
        assert (lane.bound, heard.downs) == (True, [])


async def test_reused_sequence_numbers_and_answers_to_nothing_are_lived_with() -> None:
    """Each request gets its own answer; an answer that nobody waits for says nothing, and neither does a second one."""
    answers: list[Pdu] = []

    async def attack(centre: Centre) -> None:
        text = Message("", 1, 1, "14155550199", 1, 1, "12125550100", short_message=b"hi")
        alert, outbind = Alert(1, 1, "1"), Outbind("x", "y")
        centre.say(b"".join(encode(Pdu(Command.DELIVER_SM, 0, 3, text)) for _ in range(5)))
        for sequence in (0, 1, 2, 3, 0x7FFFFFFF, 0xFFFFFFFF):
            centre.say(HEADER.pack(HEADER.size + 3, Command.SUBMIT_SM_RESP, 0, sequence) + b"id\0")
            centre.say(HEADER.pack(HEADER.size, Command.GENERIC_NACK, 3, sequence))
        centre.say(encode(Pdu(Command.ALERT_NOTIFICATION, 0, 3, alert)) + encode(Pdu(Command.OUTBIND, 0, 3, outbind)))
        answers.extend(await centre.hear(5))
        submit = (await centre.hear(1))[0]
        answer = HEADER.pack(HEADER.size + 3, Command.SUBMIT_SM_RESP, 0, submit.sequence) + b"id\0"
        centre.say(answer * 3)

    async with attacked(attack) as (lane, heard):
        await heard.until(lambda: len(heard.inbound) == 5)
        lane.submit([submission(1)])
        await heard.until(lambda: heard.results)
        assert heard.results == [Submitted(submission(1).key, 1, ("id",))]
        assert [(pdu.command, pdu.sequence, pdu.status) for pdu in answers] == [(Command.DELIVER_SM_RESP, 3, 0)] * 5
        assert {type(one) for one in heard.deliveries} == {Inbound}
        assert heard.downs == []


async def test_a_flood_that_nobody_acknowledges_takes_bounded_memory() -> None:
    """More than so many open requests are refused for now; what is kept is kept once."""
    answers: list[Pdu] = []
    payload = {Tag.MESSAGE_PAYLOAD.value: b"x" * 2000}

    async def attack(centre: Centre) -> None:
        text = Message("", 1, 1, "14155550199", 1, 1, "12125550100")
        for sequence in range(1, 5001):
            centre.say(encode(Pdu(Command.DELIVER_SM, 0, sequence, text, payload)))
            if sequence % 100 == 0:
                await centre.writer.drain()
        answers.extend(await centre.hear(4000))

    tracemalloc.start()
    try:
        async with attacked(attack) as (lane, heard):
            heard.acknowledges = False
            await heard.until(lambda: len(heard.inbound) == 1000)
            await until(lambda: len(answers) == 4000)
            assert {pdu.status for pdu in answers} == {Status.RMSGQFUL}
            assert len(heard.inbound) == len(lane._open) == 1000
            _, peak = tracemalloc.get_traced_memory()
            assert peak < 30 * 2**20
    finally:
        tracemalloc.stop()


def test_a_stream_is_never_kept_beyond_one_pdu() -> None:
    splitter = Splitter()
    assert splitter.feed(HEADER.pack(PDU_OCTETS_MAX, Command.DELIVER_SM, 0, 1)) == []
    for _ in range(10):
        assert splitter.feed(b"x" * 6000) == []
        assert len(splitter._kept) <= PDU_OCTETS_MAX
    (malformed,) = splitter.feed(b"x" * 5520)
    assert isinstance(malformed, Malformed)
    assert len(splitter._kept) == 0
