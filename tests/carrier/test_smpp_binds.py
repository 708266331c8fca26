"""How lanes come up: one connection for each direction, being called by the carrier, refusals, a rate, and questions."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from limpet.carrier.port import UNASKED, Asked, Question, Receipt, ReceiptState, Submitted, Unanswered
from limpet.carrier.smpp import SmppLane
from limpet.carrier.smpp_bind import CALLERS_MAX
from limpet.carrier.smpp_config import Binds, Long, Outbinds, Wording
from limpet.carrier.smpp_link import Link
from limpet.devtools.behaviour import Behaviour, Receipts
from limpet.devtools.simulator import Simulator
from limpet.smpp.commands import Command, Outbind, Pdu
from limpet.smpp.pdu import encode
from limpet.smpp.receipt import MessageState
from limpet.smpp.session import Role, SessionConfig
from tests.support.process import free_port
from tests.support.smsc import ACCOUNTS, SENDER, Recorder, bench, config, simulator, submission
from tests.support.wait import until


async def test_a_pair_sends_on_one_connection_and_hears_on_the_other() -> None:
    async with bench(binds=Binds.PAIR) as at:
        assert at.simulator.binds == 2
        await at.feed([submission(number) for number in range(20)])
        await at.heard.until(lambda: len(at.heard.receipts) == 20)
        assert {type(result) for result in at.heard.results} == {Submitted}
        roles = {link.session._bind: desk.submits for link, desk in at.simulator._desks.items()}
        assert roles == {Command.BIND_TRANSMITTER: 20, Command.BIND_RECEIVER: 0}


@pytest.mark.parametrize("lost", [Command.BIND_TRANSMITTER, Command.BIND_RECEIVER])
async def test_a_pair_is_there_when_both_of_its_connections_are(lost: Command) -> None:
    async with bench(Behaviour(mute=True), binds=Binds.PAIR) as at:
        at.lane.submit([submission(1)])
        await at.heard.until(lambda: at.simulator.submits == 1)
        next(link for link in at.simulator._desks if link.session._bind is lost).cut("a test")
        await at.heard.until(lambda: at.heard.downs)
        assert (at.lane.bound, at.lane.room) == (False, 0)
        await at.heard.until(lambda: at.lane.bound)
        doubt = [Unanswered(submission(1).key, 1)] if lost is Command.BIND_TRANSMITTER else []
        assert at.heard.results == doubt


async def test_a_transmitter_sends_and_hears_nothing() -> None:
    async with bench(binds=Binds.TRANSMITTER) as at:
        await at.feed([submission(number) for number in range(3)])
        assert [type(result) for result in at.heard.results] == [Submitted] * 3
        await at.heard.until(lambda: at.simulator.outstanding == 3)
        assert at.heard.receipts == []


async def test_stopping_a_pair_leaves_no_connection() -> None:
    async with bench(binds=Binds.PAIR) as at:
        await at.lane.stop(1.0)
        assert at.simulator.binds == 0
        assert at.heard.downs == []


async def test_long_messages_go_whole_in_data_sm() -> None:
    async with bench(wording=Wording(long_messages=Long.PAYLOAD, data_sm=True)) as at:
        await at.feed([submission(1, "x" * 500)])
        (text,) = at.simulator.messages
        assert text.body == "x" * 500
        assert at.heard.results == [Submitted(submission(1).key, 1, text.message_ids)]
        assert len(text.message_ids) == 1
        await at.heard.until(lambda: at.heard.receipts)


async def test_a_refused_bind_is_an_alarm() -> None:
    heard = Recorder()
    async with simulator() as smsc:
        lane = SmppLane("simulated/0", config(smsc.port, password="wrong"), heard, random.Random(3))
        with capture_logs() as logs:
            await lane.start()
            await heard.until(lambda: len(heard.downs) >= 2)
            await lane.stop(0.0)
    alarms = [entry for entry in logs if entry["log_level"] == "error"]
    assert alarms[0] == {
        "event": "the carrier refuses the bind", "log_level": "error", "lane": "simulated/0", "status": "ESME_RBINDFAIL",
        "failures": 1, "next_try_within_s": 0.02,
    }  # fmt: skip
    assert "wrong" not in str(logs)


# ── a rate


async def test_a_lane_keeps_its_rate() -> None:
    async with bench(Behaviour(receipts=Receipts.NEVER), segments_per_s=100.0, window_size_max=100) as at:
        began = asyncio.get_running_loop().time()
        await at.feed([submission(number, "x" * 200) for number in range(15)])
        took_s = asyncio.get_running_loop().time() - began
        assert took_s >= (30 - 10) / 100
        assert [type(result) for result in at.heard.results] == [Submitted] * 15


# ── questions


async def test_the_carrier_is_asked_what_became_of_a_message() -> None:
    behaviour = Behaviour(receipts=Receipts.NEVER, state=MessageState.UNDELIVERABLE)
    async with bench(behaviour, query=True) as at:
        assert isinstance(at.lane, Asked)
        await at.feed([submission(1)])
        (result,) = at.heard.results
        assert isinstance(result, Submitted)
        known = Question(SENDER, submission(1).recipient, result.carrier_message_ids[0])
        assert (
            at.lane.ask([known, replace(known, carrier_message_id="nobody's"), replace(known, carrier_message_id="日")])
            == 3
        )
        await at.heard.until(lambda: at.heard.receipts)
        await at.feed([submission(2)])
        assert at.heard.receipts == [
            Receipt(
                UNASKED, SENDER, submission(1).recipient, known.carrier_message_id, ReceiptState.UNDELIVERED, 30003, None,
                None, None,
            )
        ]  # fmt: skip
        assert not at.lane._asked


async def test_a_carrier_that_does_not_know_query_sm_is_not_asked() -> None:
    async with bench() as at:
        assert at.lane.ask([Question(SENDER, "+1", "1")]) == 0


# ── being called


def _outbind(system_id: str, password: str) -> bytes:
    return encode(Pdu(Command.OUTBIND, 0, 1, Outbind(system_id, password)))


def _authenticates(*who: str) -> bool:
    return who == ("limpet", ACCOUNTS["limpet"])


async def _call(port: int, smsc: Simulator, said: bytes) -> Link:
    """A message centre connects to us: the simulator's side of a link, made by us instead of by its server."""
    config = SessionConfig("simulated", authenticate=_authenticates)
    transport, link = await asyncio.get_running_loop().create_connection(
        lambda: Link(Role.SMSC, config, smsc), "127.0.0.1", port
    )
    transport.write(said)
    return link


async def _listening(port: int) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


async def test_a_carrier_may_call_and_is_bound_to_when_it_says_who_it_is() -> None:
    heard, port = Recorder(), free_port()
    async with simulator() as smsc:
        outbinds = Outbinds("127.0.0.1", port, "acme", "s3cret")
        lane = SmppLane("simulated/0", config(1, outbinds=outbinds), heard, random.Random(3))
        heard.lane = lane
        await lane.start()
        await _listening(port)
        for wrong in (_outbind("acme", "no"), _outbind("other", "s3cret"), b"GET / HTTP/1.1\r\n\r\n"):
            stranger = await _call(port, smsc, wrong)
            async with asyncio.timeout(5):
                await stranger.lost.wait()
        assert not lane.bound
        await _call(port, smsc, _outbind("acme", "s3cret"))
        await heard.until(lambda: heard.rooms)
        second = await _call(port, smsc, _outbind("acme", "s3cret"))
        async with asyncio.timeout(5):
            await second.lost.wait()
        lane.submit([submission(1)])
        await heard.until(lambda: heard.receipts)
        smsc.cut_connections()
        await heard.until(lambda: not lane.bound)
        await _call(port, smsc, _outbind("acme", "s3cret"))
        await heard.until(lambda: lane.bound)
        await lane.stop(1.0)
        assert smsc.binds == 0


async def test_a_pair_calls_to_send_and_is_called_to_hear() -> None:
    heard, port = Recorder(), free_port()
    async with simulator() as smsc:
        outbinds = Outbinds("127.0.0.1", port, "acme", "s3cret")
        lane = SmppLane("simulated/0", config(smsc.port, binds=Binds.PAIR, outbinds=outbinds), heard, random.Random(3))
        heard.lane = lane
        await lane.start()
        await _listening(port)
        await _call(port, smsc, _outbind("acme", "s3cret"))
        await heard.until(lambda: lane.bound)
        lane.submit([submission(1)])
        await heard.until(lambda: heard.receipts)
        await lane.stop(1.0)


async def test_a_crowd_at_the_port_for_outbinds_is_bounded() -> None:
    heard, port = Recorder(), free_port()
    lane = SmppLane("x/0", config(1, outbinds=Outbinds("127.0.0.1", port, "a", "b")), heard, random.Random(3))
    await lane.start()
    await _listening(port)
    writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(20)]
    callers = lane._binds[0]._callers
    await until(lambda: len(callers) == CALLERS_MAX)
    assert len(callers) == CALLERS_MAX < len(writers)
    for writer in writers:
        writer.close()
    await lane.stop(0.0)
