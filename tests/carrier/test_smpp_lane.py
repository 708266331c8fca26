"""The lane against the simulated carrier, over a real socket."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine

import pytest

from limpet.carrier.port import Part, ReceiptState, Refused, Retry, Submission, Submitted, Unanswered, Unsent
from limpet.carrier.smpp import SmppLane
from limpet.core.alphabet import Alphabet
from limpet.devtools.behaviour import Behaviour, Receipts
from limpet.smpp.receipt import MessageState
from limpet.smpp.session import Role, Session, SessionConfig
from limpet.smpp.status import Status
from tests.support.smsc import SENDER, Bench, Recorder, bench, config, simulator, submission


def _kinds(heard: Recorder) -> Counter[str]:
    return Counter(type(result).__name__ for result in heard.results)


async def test_thousand_messages_are_answered_once_each_and_receipted() -> None:
    async with bench() as at:
        messages = [submission(number) for number in range(1000)]
        await at.feed(messages)
        assert Counter(result.key for result in at.heard.results) == Counter(message.key for message in messages)
        assert _kinds(at.heard) == {"Submitted": 1000}
        assert [text.body for text in at.simulator.messages] == ["hello"] * 1000
        await at.heard.until(lambda: len(at.heard.receipts) == 1000)
        ids = {
            result.key.id: result.carrier_message_ids for result in at.heard.results if isinstance(result, Submitted)
        }
        for receipt in at.heard.receipts:
            assert receipt.reference is not None
            assert (receipt.carrier_message_id,) == ids[receipt.reference]
            assert (receipt.sender, receipt.recipient) == (SENDER, messages[receipt.reference].recipient)
            assert receipt.state is ReceiptState.DELIVERED
        assert at.lane.room == 10


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_lane_runs_on_either_loop(loop: str) -> None:
    async def conversation() -> None:
        async with bench(Behaviour(throttle_share=0.05), throttle_pause_s=0.001) as at:
            await at.feed([submission(number, "x" * 200) for number in range(50)])
            await at.heard.until(lambda: len(at.heard.receipts) == 100)
            at.simulator.cut_connections()
            await at.heard.until(lambda: at.heard.rooms > 1)
            await at.lane.stop(1.0)

    run: Callable[[Coroutine[None, None, None]], None] = pytest.importorskip(loop).run
    run(conversation())


async def test_answers_of_one_read_are_one_batch() -> None:
    async with bench(window_size_max=100) as at:
        at.lane.submit([submission(number) for number in range(100)])
        await at.heard.until(lambda: len(at.heard.results) == 100)
        assert len(at.heard.batches) < 20


async def test_long_messages_arrive_whole() -> None:
    bodies = ["short", "é" * 161, "a€" * 100, "日本語" * 40, "😀" * 100, "x" * 1600]
    async with bench() as at:
        await at.feed([submission(number, body) for number, body in enumerate(bodies)])
        texts = {text.references[0]: text for text in at.simulator.messages}
        assert [texts[number].body for number in range(len(bodies))] == bodies
        for result in at.heard.results:
            assert isinstance(result, Submitted)
            assert result.carrier_message_ids == texts[result.key.id].message_ids
            assert len(set(texts[result.key.id].references)) == 1
        await at.heard.until(lambda: len(at.heard.receipts) == sum(len(text.message_ids) for text in texts.values()))


async def test_messages_to_one_recipient_go_one_after_the_other() -> None:
    async with bench(Behaviour(submit_delay_s=0.001)) as at:
        await at.feed([submission(number, f"{number}", "+12125550100") for number in range(20)])
        assert [text.body for text in at.simulator.messages] == [f"{number}" for number in range(20)]
        assert at.heard.batches == [1] * 20


async def test_window_counts_pdus() -> None:
    async with bench(Behaviour(mute=True), window_size_max=3) as at:
        at.lane.submit([submission(number, "x" * 400) for number in range(3)])
        assert at.lane.room == 0
        at.lane.submit([submission(number) for number in range(3, 6)])
        await at.heard.until(lambda: at.simulator.submits == 3)
        assert at.lane.room == 0


async def test_what_is_too_much_is_given_back() -> None:
    async with bench(Behaviour(mute=True), window_size_max=3) as at:
        at.lane.submit([submission(number) for number in range(8)])
        await at.heard.until(lambda: at.heard.results)
        assert at.heard.results == [Unsent(submission(number).key, 1) for number in (6, 7)]


async def test_refusals_say_why() -> None:
    unknown, sender = submission(1), submission(2, sender="ACME")
    refuse = {unknown.recipient: Status.RINVDSTADR, "ACME": Status.RINVSRCADR}
    async with bench(Behaviour(refuse=refuse)) as at:
        await at.feed([unknown, sender, submission(3)])
        refusals = {result.key.id: result for result in at.heard.results if isinstance(result, Refused)}
        assert refusals == {
            1: Refused(unknown.key, 1, 30005, Retry.NEVER, "ESME_RINVDSTADR"),
            2: Refused(sender.key, 1, 30034, Retry.NEVER, "ESME_RINVSRCADR"),
        }
        assert len(at.simulator.messages) == 1


async def test_throttled_messages_all_arrive_once() -> None:
    async with bench(Behaviour(throttle_share=0.2), throttle_pause_s=0.002) as at:
        await at.feed([submission(number) for number in range(100)])
        assert _kinds(at.heard) == {"Submitted": 100}
        assert len({text.recipient for text in at.simulator.messages}) == len(at.simulator.messages) == 100
        assert at.simulator.submits > 100


async def test_message_that_no_pdu_can_carry_fails_alone() -> None:
    async with bench() as at:
        bad = {1: "+" + "1" * 30, 3: "\0", 4: "Ω"}
        at.lane.submit([submission(number, sender=bad.get(number, SENDER)) for number in range(1, 5)])
        await at.heard.until(lambda: len(at.heard.results) == 4)
        kinds = {result.key.id: result for result in at.heard.results}
        assert isinstance(kinds[2], Submitted)
        for number in bad:
            refused = kinds[number]
            assert isinstance(refused, Refused)
            assert (refused.error_code, refused.retry) == (30008, Retry.NEVER)


# ── the connection


async def test_lost_connection_parts_doubt_from_unsent_and_comes_back() -> None:
    async with bench(Behaviour(mute=True), window_size_max=4) as at:
        at.lane.submit([submission(number) for number in range(4)] + [submission(4, recipient=submission(0).recipient)])
        await at.heard.until(lambda: at.simulator.submits == 4)
        at.lane.submit([submission(5)])
        at.simulator.behaviour = Behaviour()
        at.simulator.cut_connections()
        await at.heard.until(lambda: at.heard.downs)
        assert at.heard.log.index("results") < at.heard.log.index("down")
        doubt = {result.key.id for result in at.heard.results if isinstance(result, Unanswered)}
        unsent = {result.key.id for result in at.heard.results if isinstance(result, Unsent)}
        assert (doubt, unsent) == ({0, 1, 2, 3}, {4, 5})
        assert (at.lane.bound, at.lane.room) == (False, 0)
        await at.heard.until(lambda: at.heard.rooms == 2)
        await at.feed([submission(number) for number in range(6, 30)])
        assert _kinds(at.heard)["Submitted"] == 24


def _idle_after(at: Bench, results: int) -> Callable[[], bool]:
    return lambda: len(at.heard.results) > results and not at.lane._queue.held


@pytest.mark.parametrize("taken", [True, False])
async def test_drops_in_mid_flight_lose_and_double_nothing(taken: bool) -> None:
    """Unsent is sent again at once; of what is in doubt, the receipts tell whether it was taken."""
    async with bench(Behaviour(drop_after=7, drop_takes=taken)) as at:
        waiting = {submission(number).key: submission(number) for number in range(100)}
        doubt: set[Submission] = set()
        while waiting:
            before = len(at.heard.results)
            await at.heard.until(lambda: at.lane.room)
            at.lane.submit([message for message, _ in zip(waiting.values(), range(at.lane.room), strict=False)])
            await at.heard.until(_idle_after(at, before))
            for result in at.heard.results[before:]:
                if isinstance(result, Unanswered):
                    doubt.add(waiting[result.key])
                if not isinstance(result, Unsent):
                    del waiting[result.key]
        assert doubt
        assert len(at.heard.results) - _kinds(at.heard)["Unsent"] == 100
        arrived = Counter(text.recipient for text in at.simulator.messages)
        assert max(arrived.values()) == 1
        assert 100 - len(arrived) <= len(doubt)
        at.simulator.behaviour = Behaviour()
        await at.heard.until(lambda: len(at.heard.receipts) >= len(arrived))
        assert {receipt.recipient for receipt in at.heard.receipts} == set(arrived)


async def test_half_sent_long_message_is_in_doubt() -> None:
    async with bench(Behaviour(drop_after=2)) as at:
        at.lane.submit([submission(1, "x" * 400)])
        await at.heard.until(lambda: at.heard.results)
        (result,) = at.heard.results
        assert isinstance(result, Unanswered)
        assert [bool(carrier_id) for carrier_id in result.carrier_message_ids] == [True, False, False]


async def test_response_time_out_closes_and_leaves_doubt() -> None:
    async with bench(Behaviour(mute=True), response_timeout_s=0.05) as at:
        at.lane.submit([submission(1)])
        await at.heard.until(lambda: at.heard.downs)
        assert at.heard.results == [Unanswered(submission(1).key, 1)]
        assert at.heard.downs == ["no answer within 0.05 s"]


async def test_idle_carrier_that_answers_enquire_link_is_kept() -> None:
    """The receipt comes many enquiries later, on the same bind."""
    async with bench(Behaviour(receipt_delay_s=0.2), enquire_link_s=0.01, response_timeout_s=0.1) as at:
        at.lane.submit([submission(1)])
        await at.heard.until(lambda: at.heard.receipts)
        assert (at.heard.downs, at.heard.rooms) == ([], 1)


async def test_carrier_that_no_longer_answers_is_left() -> None:
    """A centre that answers the bind and then nothing more, not even enquire_link."""

    async def bind_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(Role.SMSC, SessionConfig("x", authenticate=lambda *_: True), 0.0)
        session.receive(await reader.read(1000), 0.0)
        writer.write(session.bytes_to_send())
        await reader.read(-1)
        writer.close()

    heard = Recorder()
    server = await asyncio.start_server(bind_only, "127.0.0.1", 0)
    async with server:
        lane = _lane(server.sockets[0].getsockname()[1], heard, enquire_link_s=0.01, response_timeout_s=0.05)
        await lane.start()
        await heard.until(lambda: heard.downs)
        assert heard.rooms == 1
        assert heard.downs == ["no answer within 0.05 s"]
        await lane.stop(0.0)


def _lane(port: int, heard: Recorder, **changes: object) -> SmppLane:
    return SmppLane("simulated/0", config(port, **changes), heard, random.Random(3))


async def test_carrier_that_is_not_there_is_tried_again() -> None:
    heard = Recorder()
    async with simulator() as smsc:
        port = smsc.port
    lane = _lane(port, heard)
    await lane.start()
    await heard.until(lambda: len(heard.downs) >= 3)
    lane.submit([submission(1)])
    await heard.until(lambda: heard.results)
    assert heard.results == [Unsent(submission(1).key, 1)]
    async with simulator(port=port):
        await heard.until(lambda: heard.rooms)
        assert lane.bound
        await lane.stop(0.0)


async def test_refused_bind_is_told_and_tried_again() -> None:
    heard = Recorder()
    async with simulator() as smsc:
        lane = _lane(smsc.port, heard, password="wrong")
        await lane.start()
        await heard.until(lambda: len(heard.downs) >= 2)
        assert set(heard.downs) == {"the bind was refused with ESME_RBINDFAIL"}
        assert heard.rooms == 0
        await lane.stop(0.0)


async def test_room_is_told_when_it_comes_back() -> None:
    async with bench(Behaviour(receipts=Receipts.NEVER), window_size_max=2) as at:
        assert at.heard.rooms == 1
        at.lane.submit([submission(1)])
        await at.heard.until(lambda: at.heard.results)
        assert at.heard.rooms == 1
        at.lane.submit([submission(2), submission(3)])
        assert at.lane.room == 0
        await at.heard.until(lambda: len(at.heard.results) == 3)
        assert at.heard.rooms == 2


# ── deliveries


@pytest.mark.parametrize("receipts", [Receipts.BEFORE_RESPONSE, Receipts.ON_TIME, Receipts.TWICE])
async def test_receipts_come_when_they_come(receipts: Receipts) -> None:
    async with bench(Behaviour(receipts=receipts)) as at:
        at.lane.submit([submission(1)])
        number = 2 if receipts is Receipts.TWICE else 1
        await at.heard.until(lambda: len(at.heard.receipts) == number and at.heard.results)
        (result,) = at.heard.results
        assert isinstance(result, Submitted)
        assert {receipt.carrier_message_id for receipt in at.heard.receipts} == set(result.carrier_message_ids)
        assert len({receipt.token for receipt in at.heard.receipts}) == number


async def test_receipt_of_bad_news() -> None:
    behaviour = Behaviour(state=MessageState.UNDELIVERABLE, err="001", echo_reference=False, receipt_tlvs=False)
    async with bench(behaviour) as at:
        await at.feed([submission(1)])
        await at.heard.until(lambda: at.heard.receipts)
        receipt = at.heard.receipts[0]
        assert (receipt.state, receipt.error_code, receipt.reference) == (ReceiptState.UNDELIVERED, 30005, None)
        assert receipt.submitted_at is not None


async def test_declined_and_lost_deliveries_come_again() -> None:
    async with bench(Behaviour(redeliver_s=0.001)) as at:
        at.heard.acknowledges = False
        at.simulator.inject_inbound("+12125550100", SENDER, "one")
        await at.heard.until(lambda: len(at.heard.inbound) == 1)
        at.simulator.cut_connections()
        await at.heard.until(lambda: len(at.heard.inbound) == 2)
        at.lane.acknowledge([at.heard.inbound[0].token])
        at.simulator.behaviour = Behaviour(redeliver_s=0.001, receipts=Receipts.NEVER)
        await at.feed([submission(1)])
        assert at.simulator.outstanding == 1, "a token of a lost connection is passed over"
        at.lane.decline([at.heard.inbound[1].token])
        await at.heard.until(lambda: len(at.heard.inbound) == 3)
        at.lane.acknowledge([at.heard.inbound[2].token])
        await at.feed([submission(2)])
        assert at.simulator.outstanding == 0
        assert [inbound.body for inbound in at.heard.inbound] == ["one"] * 3


async def test_inbound_texts_in_every_alphabet_and_in_parts() -> None:
    async with bench() as at:
        at.simulator.inject_inbound("+12125550100", "12345", "Grüße € @")
        at.simulator.inject_inbound("+12125550100", SENDER, "日本")
        at.simulator.inject_inbound("+12125550100", SENDER, "y" * 300)
        await at.heard.until(lambda: len(at.heard.inbound) == 4)
        whole, parts = at.heard.inbound[:2], at.heard.inbound[2:]
        assert [(text.recipient, text.body, text.part) for text in whole] == [
            ("12345", "Grüße € @", None), (SENDER, "日本", None),
        ]  # fmt: skip
        assert [text.part for text in parts] == [
            Part("udh8:3:2", 2, 1, Alphabet.GSM7, b"y" * 153), Part("udh8:3:2", 2, 2, Alphabet.GSM7, b"y" * 147),
        ]  # fmt: skip
        assert {text.sender for text in at.heard.inbound} == {"+12125550100"}


# ── the end


async def test_stop_waits_for_what_is_in_flight() -> None:
    async with bench(Behaviour(submit_delay_s=0.05), window_size_max=2) as at:
        same = submission(0).recipient
        at.lane.submit([submission(0, "x" * 400), submission(1), submission(2, recipient=same), submission(3)])
        await at.heard.until(lambda: at.simulator.submits == 2)
        await at.lane.stop(5.0)
        results = {result.key.id: type(result) for result in at.heard.results}
        assert results == {0: Submitted, 1: Submitted, 2: Unsent, 3: Unsent}
        assert at.simulator.binds == 0
        assert at.heard.downs == []
        assert (at.lane.bound, at.lane.room) == (False, 0)


async def test_stop_does_not_wait_longer_than_its_grace() -> None:
    async with bench(Behaviour(mute=True)) as at:
        at.lane.submit([submission(0)])
        await at.heard.until(lambda: at.simulator.submits == 1)
        await at.lane.stop(0.01)
        assert at.heard.results == [Unanswered(submission(0).key, 1)]
        at.lane.submit([submission(1)])
        await at.heard.until(lambda: len(at.heard.results) == 2)
        assert at.heard.results[1] == Unsent(submission(1).key, 1)


async def test_stopped_lane_can_be_started_again() -> None:
    async with bench() as at:
        await at.lane.stop(0.0)
        await at.lane.stop(0.0)
        await at.lane.start()
        await at.lane.start()
        await at.heard.until(lambda: at.heard.rooms == 2)
        await at.feed([submission(1)])
        assert at.simulator.binds == 1


async def test_carrier_that_unbinds_is_left_and_bound_again() -> None:
    async with bench() as at:
        (link,) = at.simulator._desks
        link.session.unbind(asyncio.get_running_loop().time())
        link.flush()
        await at.heard.until(lambda: at.heard.downs and at.heard.rooms == 2)
        assert at.heard.downs == ["the peer unbound"]


async def test_peer_that_speaks_no_smpp_is_left() -> None:
    heard = Recorder()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        lane = _lane(server.sockets[0].getsockname()[1], heard)
        await lane.start()
        await heard.until(lambda: heard.downs)
        assert heard.downs[0] == "the stream has no PDU boundaries"
        await lane.stop(0.0)
