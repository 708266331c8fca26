"""The simulated carrier does what its behaviour says, and keeps a true log."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from limpet.carrier.port import Refused, Submitted
from limpet.carrier.smpp_codes import error_codes
from limpet.devtools import behaviour as behaviours
from limpet.devtools import texts as logs
from limpet.devtools.behaviour import ERROR_CODES, MAGIC, Behaviour, Fate, Receipts
from limpet.devtools.texts import Texts
from limpet.smpp.commands import Command, Message, Pdu, Tag
from limpet.smpp.receipt import MessageState
from limpet.smpp.status import Status
from tests.support.smsc import bench, submission

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


# ── fates


def test_chance_below_the_share_throttles() -> None:
    behaviour = Behaviour(throttle_share=0.25)
    assert behaviour.fate("a", "b", 0.2499).status == Status.RTHROTTLED
    assert behaviour.fate("a", "b", 0.25) == Fate()


def test_recipient_or_sender_is_refused() -> None:
    behaviour = Behaviour(refuse={"+1": Status.RINVDSTADR, "ACME": Status.RINVSRCADR})
    assert behaviour.fate("ACME", "+1", 0.5) == Fate(Status.RINVDSTADR)
    assert behaviour.fate("ACME", "+2", 0.5) == Fate(Status.RINVSRCADR)
    assert behaviour.fate("+2", "+3", 0.5) == Fate()


def test_magic_is_off_unless_it_is_on() -> None:
    assert Behaviour().fate("a", "+12125559902", 0.5) == Fate()
    assert Behaviour(magic=True).fate("a", "+12125559902", 0.5) == Fate(Status.RINVDSTADR)
    assert Behaviour(magic=True).fate("a", "+12125559900", 0.5) == Fate()


def test_every_magic_recipient_is_described() -> None:
    described = behaviours.__doc__ or ""
    assert all(f"| {digits} |" in described for digits in MAGIC)


async def test_magic_recipients_do_what_they_say() -> None:
    async with bench(Behaviour(magic=True), error_codes=error_codes(ERROR_CODES)) as at:
        await at.feed([submission(int(digits), recipient=f"+1212555{digits}") for digits in MAGIC])
        refused = {r.key.id: (r.error_code, str(r.retry)) for r in at.heard.results if isinstance(r, Refused)}
        expected = {9902: 30005, 9919: 30019, 9923: 30023, 9932: 30032, 9934: 30034, 9937: 30037}
        assert refused == {digits: (code, "never") for digits, code in expected.items()}
        await at.heard.until(lambda: len(at.heard.receipts) == 14)
        seen = sorted((receipt.recipient[-4:], str(receipt.state), receipt.error_code) for receipt in at.heard.receipts)
        assert seen == [
            ("9901", "undelivered", 30003),
            ("9903", "undelivered", 30007),
            ("9904", "undelivered", 30003),
            ("9906", "undelivered", 30005),
            ("9907", "delivered", None),
            ("9907", "delivered", None),
            ("9908", "delivered", None),
            ("9909", "undelivered", 30004),
            ("9910", "undelivered", 30006),
            ("9911", "undelivered", 30011),
            ("9920", "undelivered", 30020),
            ("9921", "undelivered", 30021),
            ("9938", "undelivered", 30038),
            ("9941", "undelivered", 30041),
        ]
        assert "deliveries" in at.heard.log[: at.heard.log.index("results") + 2]


# ── a running carrier


async def test_ids_are_decimal_and_never_repeat() -> None:
    async with bench() as at:
        await at.feed([submission(number, "x" * 400) for number in range(20)])
        ids = [i for r in at.heard.results if isinstance(r, Submitted) for i in r.carrier_message_ids]
        assert len(set(ids)) == len(ids) == 60
        assert all(i.isdecimal() for i in ids)


async def test_no_receipts_when_it_never_sends_any() -> None:
    async with bench(Behaviour(receipts=Receipts.NEVER)) as at:
        await at.feed([submission(1)])
        at.simulator.behaviour = Behaviour(state=MessageState.EXPIRED)
        await at.feed([submission(2)])
        await at.heard.until(lambda: at.heard.receipts)
        assert [(receipt.reference, receipt.error_code) for receipt in at.heard.receipts] == [(2, 30003)]


async def test_receipts_wait_for_a_bind() -> None:
    async with bench(Behaviour(receipt_delay_s=0.02)) as at:
        await at.feed([submission(1)])
        await at.lane.stop(0.0)
        at.simulator.inject_inbound("+12125550100", "+14155550100", "are you there?")
        assert at.heard.receipts == []
        await at.lane.start()
        await at.heard.until(lambda: at.heard.receipts and at.heard.inbound)
        assert at.simulator.binds == 1


async def test_receipt_dates_come_from_its_clock() -> None:
    async with bench() as at:

        class Fixed:
            def now(self) -> datetime:
                return NOW

            def monotonic(self) -> float:
                return 0.0

        at.simulator._clock = Fixed()
        await at.feed([submission(1)])
        await at.heard.until(lambda: at.heard.receipts)
        assert (at.heard.receipts[0].submitted_at, at.heard.receipts[0].done_at) == (NOW, NOW)
        assert at.simulator.messages[0].at == NOW


async def test_muted_and_refused_submits_are_not_in_the_log() -> None:
    refused = submission(1)
    async with bench(Behaviour(refuse={refused.recipient: Status.RSYSERR})) as at:
        await at.feed([refused])
        assert (at.simulator.submits, len(at.simulator.messages)) == (1, 0)


@pytest.mark.parametrize(("takes", "taken"), [(True, 2), (False, 1)])
async def test_dropped_connection_takes_nothing_more(takes: bool, taken: int) -> None:
    async with bench(Behaviour(drop_after=2, drop_takes=takes)) as at:
        at.lane.submit([submission(number) for number in range(5)])
        await at.heard.until(lambda: at.heard.downs)
        assert len(at.simulator.messages) == taken


async def test_listens_again_on_the_same_port() -> None:
    async with bench() as at:
        port = at.simulator.port
        await at.simulator.stop()
        await at.simulator.stop()
        await at.heard.until(lambda: at.heard.downs)
        await at.simulator.start()
        await at.heard.until(lambda: at.heard.rooms == 2)
        assert at.simulator.port == port


# ── the log


def _segment(header: bytes, text: str, recipient: str = "12125550100", reference: bytes = b"\0\7") -> Pdu:
    body = Message("", 1, 1, "14155550100", 1, 1, recipient, 0x40 if header else 0)
    octets = (bytes((len(header),)) + header if header else b"") + text.encode()
    return Pdu(Command.SUBMIT_SM, 0, 1, body._replace(short_message=octets), {Tag.USER_MESSAGE_REFERENCE: reference})


def _add(texts: Texts, pdu: Pdu, message_id: str) -> str | None:
    assert isinstance(pdu.body, Message)
    text = texts.add(pdu, pdu.body, message_id, NOW)
    return text.body if text else None


def test_parts_are_put_together_in_their_order() -> None:
    texts = Texts()
    assert _add(texts, _segment(b"\0\3\1\3\3", "c"), "1") is None
    assert _add(texts, _segment(b"\0\3\1\3\1", "a"), "2") is None
    assert _add(texts, _segment(b"\0\3\1\3\1", "x", recipient="12125550101"), "3") is None
    assert _add(texts, _segment(b"\0\3\1\3\1", "a"), "4") is None
    assert _add(texts, _segment(b"\0\3\1\3\2", "b"), "5") == "abc"
    assert texts.whole[0].message_ids == ("4", "5", "1")
    assert texts.whole[0].references == (7, 7, 7)
    assert _add(texts, _segment(b"", "alone"), "6") == "alone"


def test_incomplete_texts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "PARTIALS_MAX", 3)
    texts = Texts()
    for number in range(10):
        _add(texts, _segment(bytes((0, 3, number, 2, 1)), "a"), "1")
    assert len(texts._partial) == 3
    assert _add(texts, _segment(b"\0\3\x09\2\2", "b"), "2") == "ab"
    assert _add(texts, _segment(b"\0\3\0\2\2", "b"), "3") is None
