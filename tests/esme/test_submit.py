"""A submit_sm goes the way of every message: the same senders, stickiness, limits and opt-outs, and Twilio's codes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limpet.core.model import Message as StoredMessage
from limpet.core.status import Status as MessageStatus
from limpet.smpp.commands import Cancel, Command, Data, Query, QueryAnswer, Replace, Tag
from limpet.smpp.receipt import MessageState
from limpet.smpp.status import Status
from limpet.store.database import Database
from limpet.store.opt_outs import Origin
from limpet.twilio.sid import message_sid, parse_message_sid
from tests.esme.test_statuses import CAUSES
from tests.support.clock import HandClock
from tests.support.esme import NUMBER, PERSON, Smsc, open_smsc, said, text
from tests.support.world import SID_KEY


async def stored(smsc: Smsc, sid: str) -> StoredMessage:
    """The message with a SID, as the store has it."""
    place = parse_message_sid(sid, SID_KEY)
    assert place is not None
    found = await smsc.world.messages.fetch(smsc.world.account.id, *place)
    assert found is not None
    return found


async def test_the_service_chooses_and_the_person_sticks(smsc: Smsc) -> None:
    await smsc.world.add(smsc.service, "+12125550107")
    esme = await smsc.bind()
    sids = [(await esme.submit(text()))[1] for _ in range(5)]
    messages = [await stored(smsc, sid) for sid in sids]
    assert len({message.sender for message in messages}) == 1
    assert await smsc.world.mapping(smsc.service, f"+{PERSON}") == messages[0].sender
    assert [(m.body, m.recipient, m.service_id) for m in messages] == [("Hello", f"+{PERSON}", smsc.service.id)] * 5


async def test_a_source_address_is_a_from(smsc: Smsc) -> None:
    esme = await smsc.bind()
    status, sid = await esme.submit(text(source=NUMBER))
    assert (status, (await stored(smsc, sid)).sender) == (Status.ROK, f"+{NUMBER}")
    assert await esme.submit(text(source="14155550777")) == (Status.RINVSRCADR, "")


async def test_without_a_service_it_is_a_plain_from_and_touches_no_mapping(smsc: Smsc) -> None:
    esme = await smsc.bind_as(*await smsc.credential())
    status, sid = await esme.submit(text(source=NUMBER))
    message = await stored(smsc, sid)
    assert (status, message.service_id, message.sender) == (Status.ROK, None, f"+{NUMBER}")
    assert await smsc.world.mapping(smsc.service, f"+{PERSON}") is None
    assert await esme.submit(text()) == (Status.RINVSRCADR, "")


@pytest.mark.parametrize("by", ["system_type", "name", "sid", "name in a TLV"])
async def test_a_service_is_named_by_sid_or_by_name(smsc: Smsc, by: str) -> None:
    other = await smsc.world.service("+12125550107", friendly_name="Alerts")
    named = other.sid if by == "sid" else "Alerts"
    in_bind = "Alerts" if by == "system_type" else ""
    esme = await smsc.bind(system_type=in_bind)
    tlvs = {} if in_bind else {0x1400: named.encode() + b"\0"}
    _, sid = await esme.submit(text(), tlvs)
    assert (await stored(smsc, sid)).service_id == other.id


async def test_a_system_type_that_names_nothing_counts_for_nothing(smsc: Smsc) -> None:
    esme = await smsc.bind(system_type="VMA")
    _, sid = await esme.submit(text())
    assert (await stored(smsc, sid)).service_id == smsc.service.id
    assert await esme.submit(text(), {0x1400: b"Nobody\0"}) == (Status.RINVSYSTYP, "")


async def test_an_api_key_binds_with_its_whole_secret(smsc: Smsc) -> None:
    from limpet.store.accounts import Accounts
    from tests.support.tenants import vault

    key, secret = await Accounts(smsc.world.database, vault()).create_key(
        smsc.world.account.id, "", smsc.world.clock.now()
    )
    from tests.esme.raw import raw_bind

    async with raw_bind(smsc.port, key.sid, secret, smsc.service.sid) as esme:
        answer = await esme.ask(Command.SUBMIT_SM, text())
        assert (await stored(smsc, said(answer)[1])).service_id == smsc.service.id


@pytest.mark.parametrize(("octets", "coding", "body"), [
    (b"\x00 \x1b\x65", 0, "@ €"),
    (b"plain", 1, "plain"),
    ("Grüße".encode("latin-1"), 3, "Grüße"),
    ("Привет 🐚".encode("utf-16-be"), 8, "Привет 🐚"),
])  # fmt: skip
async def test_texts_are_read_in_their_alphabet(smsc: Smsc, octets: bytes, coding: int, body: str) -> None:
    esme = await smsc.bind()
    _, sid = await esme.submit(text(octets, data_coding=coding))
    assert (await stored(smsc, sid)).body == body


async def test_data_sm_and_message_payload_are_messages_too(smsc: Smsc) -> None:
    esme = await smsc.bind()
    payload = {Tag.MESSAGE_PAYLOAD.value: b"x" * 1000}
    data = Data(dest_addr_ton=1, destination_addr=PERSON)
    sids = [(await esme.submit(text(b""), payload))[1], said(await esme.ask(Command.DATA_SM, data, payload))[1]]
    assert [(await stored(smsc, sid)).body for sid in sids] == ["x" * 1000] * 2


@pytest.mark.parametrize(("changes", "tlvs", "status"), CAUSES)
async def test_what_is_wrong_has_its_status(
    smsc: Smsc, changes: dict[str, object], tlvs: dict[int, bytes], status: Status
) -> None:
    esme = await smsc.bind()
    assert await esme.submit(text(**{"body": "Hello", **changes}), tlvs) == (status, "")  # type: ignore[arg-type]
    assert await smsc.world.database.pool.fetchval("SELECT count(*) FROM message") == 0


async def test_who_opted_out_is_not_written_to(smsc: Smsc) -> None:
    await smsc.world.opt_outs.add(smsc.service, [f"+{PERSON}"], Origin.API, smsc.world.clock.now())
    esme = await smsc.bind()
    status, sid = await esme.submit(text())
    message = await stored(smsc, sid)
    assert (status, message.status, message.error_code) == (Status.ROK, MessageStatus.FAILED, 21610)
    plain = await smsc.bind_as(*await smsc.credential())
    assert await plain.submit(text(source=NUMBER)) == (Status.RX_R_APPN, "")


async def test_validity_and_schedule_are_kept(smsc: Smsc) -> None:
    esme, now = await smsc.bind(), smsc.world.clock.now()
    _, soon = await esme.submit(text(validity_period="000000000500000R"))
    _, later = await esme.submit(text(schedule_delivery_time="260302131500000+"))
    _, days = await esme.submit(text(validity_period="000003000000000R"))
    rows = await smsc.world.database.pool.fetch("SELECT id, expires_at, send_at FROM message")
    found = {row["id"]: (row["expires_at"] - now, row["send_at"]) for row in rows}
    places = [parse_message_sid(sid, SID_KEY) for sid in (soon, later, days)]
    assert [found[place[1]][0] for place in places if place] == [
        timedelta(minutes=5), timedelta(hours=11, minutes=15), timedelta(hours=10),
    ]  # fmt: skip
    assert (await stored(smsc, later)).status is MessageStatus.SCHEDULED


async def test_a_scheduled_message_is_canceled_and_a_sent_one_is_not(smsc: Smsc) -> None:
    esme = await smsc.bind()
    _, later = await esme.submit(text(schedule_delivery_time="000000010000000R"))
    _, gone = await esme.submit(text())
    answers = [(await esme.ask(Command.CANCEL_SM, Cancel(message_id=sid))).status for sid in (later, gone, "7", later)]
    assert answers == [Status.ROK, Status.RCANCELFAIL, Status.RCANCELFAIL, Status.RCANCELFAIL]
    assert (await stored(smsc, later)).status is MessageStatus.CANCELED
    assert (await esme.ask(Command.REPLACE_SM, Replace(gone))).status == Status.RREPLACEFAIL


async def test_a_message_can_be_asked_about_and_only_by_its_account(smsc: Smsc) -> None:
    esme = await smsc.bind()
    _, sid = await esme.submit(text())
    answer = await esme.ask(Command.QUERY_SM, Query(sid))
    assert answer.body == QueryAnswer(sid, "", MessageState.ENROUTE, 0)
    smsc.world.lane.refuse(smsc.world.lane.submitted[0], code=30007)
    await smsc.world.settle()
    answer = await esme.ask(Command.QUERY_SM, Query(sid))
    assert answer.body == QueryAnswer(sid, "260302120000000+", MessageState.REJECTED, 7)
    for unknown in ("no-sid", message_sid(1, 1, media=False, sid_key=SID_KEY)):
        assert (await esme.ask(Command.QUERY_SM, Query(unknown))).status == Status.RQUERYFAIL


async def test_a_receiver_cannot_submit(smsc: Smsc) -> None:
    esme = await smsc.bind(Command.BIND_RECEIVER)
    assert esme.bound
    assert esme.link is not None
    assert esme.link.session.room == 0


async def test_a_suspended_account_is_told_so(smsc: Smsc) -> None:
    esme = await smsc.bind()
    await smsc.world.database.pool.execute("UPDATE account SET status = 'suspended'")
    await smsc.door.refresh()
    assert await esme.submit(text()) == (Status.RX_P_APPN, "")


async def test_who_sends_more_than_the_account_may_is_throttled(database: Database, clock: HandClock) -> None:
    async with open_smsc(database, clock, messages_per_s=3) as smsc:
        esme = await smsc.bind()
        assert [(await esme.submit(text()))[0] for _ in range(4)] == [0, 0, 0, Status.RTHROTTLED]
        clock.advance(timedelta(seconds=1))
        assert (await esme.submit(text()))[0] == Status.ROK


async def test_more_than_a_window_at_once_is_throttled(database: Database, clock: HandClock) -> None:
    async with open_smsc(database, clock, window_size_max=5) as smsc:
        esme = await smsc.bind()
        answers = [esme.ask(Command.SUBMIT_SM, text(str(number))) for number in range(12)]
        statuses = [(await answer).status for answer in answers]
        assert statuses == [Status.ROK] * 5 + [Status.RTHROTTLED] * 7
