"""Receipts and texts reach a customer by any of their binds, wait where there is none, and are forgotten once acknowledged."""

from __future__ import annotations

from datetime import timedelta

from limpet.carrier.port import Inbound, ReceiptState
from limpet.carrier.smpp_values import text_of
from limpet.core.esme import ALWAYS, ON_FAILURE, ON_SUCCESS
from limpet.esme.outbox import KEPT, LEASE
from limpet.smpp.commands import Command, Tag
from limpet.smpp.receipt import MessageState
from limpet.smpp.status import Status
from tests.support.esme import NUMBER, PERSON, Esme, Smsc, text
from tests.support.lane import receipt


async def _sent(smsc: Smsc, esme: Esme, **fields: object) -> str:
    """The SID of a message that the carrier took."""
    _, sid = await esme.submit(text(**fields))  # type: ignore[arg-type]
    smsc.world.lane.take(smsc.world.lane.submitted[-1])
    await smsc.world.settle()
    return sid


def _tell(smsc: Smsc, state: ReceiptState = ReceiptState.DELIVERED, **more: object) -> None:
    """The carrier's receipt for the latest message."""
    submission = smsc.world.lane.submitted[-1]
    carrier_id = str(999 + len(smsc.world.lane.submitted))
    smsc.world.lane.tell(receipt(submission, carrier_id, state, **more))  # type: ignore[arg-type]


def _write(smsc: Smsc, body: str) -> None:
    smsc.world.lane.tell(Inbound(1, f"+{PERSON}", f"+{NUMBER}", body))


async def test_a_receipt_says_all_that_clients_look_for(smsc: Smsc) -> None:
    esme = await smsc.bind()
    sid = await _sent(smsc, esme)
    _tell(smsc, done_at=smsc.world.clock.now() + timedelta(minutes=2))
    await smsc.until(lambda: bool(esme.came))
    (report,), (pdu,) = esme.receipts, esme.came
    body = pdu.body
    assert (report.message_id, report.state, report.error_code) == (sid, MessageState.DELIVERED, None)
    assert (body.source_addr, body.destination_addr, body.esm_class) == (PERSON, NUMBER, 4)  # type: ignore[union-attr]
    assert body.short_message == (  # type: ignore[union-attr]
        f"id:{sid} sub:001 dlvrd:001 submit date:2603021200 done date:2603021202 stat:DELIVRD err:000 text:".encode()
    )
    await smsc.until_waiting(0)


async def test_what_went_wrong_is_told_by_state_and_code(smsc: Smsc) -> None:
    esme = await smsc.bind()
    await _sent(smsc, esme)
    _tell(smsc, ReceiptState.UNDELIVERED, error_code=30005)
    await smsc.until(lambda: bool(esme.came))
    assert (esme.receipts[0].state, esme.receipts[0].error_code) == (MessageState.UNDELIVERABLE, 30005)
    assert set(esme.came[0].tlvs) == {Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE}


async def test_only_what_was_asked_for_is_told(smsc: Smsc) -> None:
    esme = await smsc.bind()
    told: list[tuple[int, ReceiptState]] = []
    for registered in (0, ALWAYS, ON_FAILURE, ON_SUCCESS):
        for state in (ReceiptState.DELIVERED, ReceiptState.UNDELIVERED):
            sid = await _sent(smsc, esme, registered_delivery=registered)
            _tell(smsc, state, error_code=30003 if state is ReceiptState.UNDELIVERED else None)
            await smsc.world.settle()
            await smsc.until_waiting(0)
            if any(report.message_id == sid for report in esme.receipts):
                told.append((registered, state))
    good, bad = ReceiptState.DELIVERED, ReceiptState.UNDELIVERED
    assert told == [(ALWAYS, good), (ALWAYS, bad), (ON_FAILURE, bad), (ON_SUCCESS, good)]


async def test_a_message_that_never_leaves_has_a_receipt_too(smsc: Smsc) -> None:
    esme = await smsc.bind()
    _, sid = await esme.submit(text())
    smsc.world.lane.refuse(smsc.world.lane.submitted[0], code=30007)
    await smsc.until(lambda: bool(esme.receipts))
    assert (esme.receipts[0].message_id, esme.receipts[0].state) == (sid, MessageState.REJECTED)


async def test_what_nobody_is_bound_for_waits_for_the_next_bind(smsc: Smsc) -> None:
    sender = await smsc.bind(Command.BIND_TRANSMITTER)
    sid = await _sent(smsc, sender)
    _tell(smsc)
    _write(smsc, "Anybody there?")
    await smsc.until_waiting(2)
    assert sender.came == []
    receiver = await smsc.bind(Command.BIND_RECEIVER)
    await smsc.until(lambda: len(receiver.came) == 2)
    assert [report.message_id for report in receiver.receipts] == [sid]
    assert [body.short_message for body in receiver.texts] == [b"Anybody there?"]
    await smsc.until_waiting(0)


async def test_a_text_comes_as_it_was_written(smsc: Smsc) -> None:
    esme = await smsc.bind()
    long, wide = "0123456789" * 20, "Привет 🐚"
    _write(smsc, long)
    _write(smsc, wide)
    await smsc.until(lambda: len(esme.came) == 3)
    assert text_of(esme.came[0]) + text_of(esme.came[1]) == long
    assert text_of(esme.came[2]) == wide
    assert [pdu.tlvs for pdu in esme.came] == [{}] * 3
    assert {(b.source_addr, b.destination_addr, b.registered_delivery) for b in esme.texts} == {(PERSON, NUMBER, 0)}
    await smsc.until_waiting(0)


async def test_texts_go_to_the_credentials_that_want_them(smsc: Smsc) -> None:
    everything = await smsc.bind_as(*await smsc.credential(inbound=True))
    nothing = await smsc.bind_as(*await smsc.credential(inbound=False))
    other = await smsc.world.service("+12125550107")
    elsewhere = await smsc.bind_as(*await smsc.credential(inbound=True, service_id=other.id))
    mine = await smsc.bind()
    _write(smsc, "Hello")
    await smsc.until(lambda: bool(everything.came and mine.came))
    await smsc.until_waiting(0)
    assert (nothing.came, elsewhere.came) == ([], [])


async def test_a_service_without_a_url_takes_texts_for_its_smpp_customer(smsc: Smsc) -> None:
    await smsc.world.set(smsc.service, "use_inbound_webhook_on_number", False)
    _write(smsc, "Hello")
    await smsc.until_waiting(1)
    assert await smsc.world.database.pool.fetchval("SELECT body FROM message WHERE direction = 'inbound'") == "Hello"


async def test_what_is_not_acknowledged_comes_again_by_another_bind(smsc: Smsc) -> None:
    silent = await smsc.bind(acknowledges=None)
    _write(smsc, "Hello")
    await smsc.until(lambda: len(silent.came) == 1)
    other = await smsc.bind()
    assert await smsc.waiting() == 1
    await silent.leave()
    await smsc.until(lambda: len(other.came) == 1)
    assert silent.came[0].body == other.came[0].body
    await smsc.until_waiting(0)


async def test_what_is_not_acknowledged_waits_when_the_last_bind_is_gone(smsc: Smsc) -> None:
    silent = await smsc.bind(acknowledges=None)
    _write(smsc, "Hello")
    await smsc.until(lambda: len(silent.came) == 1)
    await silent.leave()
    other = await smsc.bind()
    await smsc.until(lambda: len(other.came) == 1)
    await smsc.until_waiting(0)


async def test_more_than_a_window_flows_through_it(smsc: Smsc) -> None:
    for number in range(150):
        _write(smsc, f"Text {number}")
    await smsc.until_waiting(150)
    one, two = await smsc.bind(), await smsc.bind(Command.BIND_RECEIVER)
    await smsc.until_waiting(0)
    bodies = [body.short_message for esme in (one, two) for body in esme.texts]
    assert sorted(bodies) == sorted(f"Text {number}".encode() for number in range(150))


async def test_a_customer_who_is_busy_gets_it_later(smsc: Smsc) -> None:
    esme = await smsc.bind(acknowledges=Status.RMSGQFUL)
    _write(smsc, "Hello")
    await smsc.until(lambda: len(esme.came) == 1)

    async def put_off() -> bool:
        return await smsc.world.database.pool.fetchval("SELECT attempt FROM smpp_delivery") == 1

    from tests.support.wait import until

    await until(put_off)
    esme.acknowledges = Status.ROK
    smsc.world.clock.advance(timedelta(seconds=6))
    smsc.outbox.nudge()
    await smsc.until(lambda: len(esme.came) == 2)
    await smsc.until_waiting(0)


async def test_a_text_that_is_refused_for_good_is_not_sent_again(smsc: Smsc) -> None:
    esme = await smsc.bind(acknowledges=Status.RX_P_APPN)
    _write(smsc, "Hello")
    await smsc.until(lambda: len(esme.came) == 1)
    await smsc.until_waiting(0)


async def test_what_a_dead_process_had_taken_comes_after_its_lease(smsc: Smsc) -> None:
    _write(smsc, "Hello")
    await smsc.until_waiting(1)
    now = smsc.world.clock.now()
    await smsc.world.database.pool.execute("UPDATE smpp_delivery SET due_at = $1", now + LEASE)
    esme = await smsc.bind()
    smsc.world.clock.advance(LEASE - timedelta(seconds=1))
    smsc.outbox.nudge()
    await smsc.world.settle()
    assert esme.came == []
    smsc.world.clock.advance(timedelta(seconds=1))
    smsc.outbox.nudge()
    await smsc.until(lambda: len(esme.came) == 1)


async def test_what_nobody_comes_for_is_given_up(smsc: Smsc) -> None:
    _write(smsc, "Hello")
    await smsc.until_waiting(1)
    smsc.world.clock.advance(KEPT - timedelta(minutes=1))
    smsc.outbox.nudge()
    await smsc.world.settle()
    assert await smsc.waiting() == 1
    smsc.world.clock.advance(timedelta(hours=1))
    smsc.outbox.nudge()
    await smsc.until_waiting(0)
