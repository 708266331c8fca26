"""Long messages in parts: one message whatever the order, an id for each part, and nothing lost that was acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from limpet.core.esme import ON_FAILURE
from limpet.esme.long_messages import PARTS_MAX, LongMessages
from limpet.esme.requests import Requests
from limpet.smpp.commands import Message, Tag
from limpet.smpp.receipt import MessageState
from limpet.smpp.status import Status
from limpet.store.database import DATABASE_AWAY, Installation
from tests.esme.test_submit import stored
from tests.support.esme import NUMBER, Esme, Smsc, text
from tests.support.lane import receipt
from tests.support.world import BUCKET_KEY, SID_KEY

PIECES = ("One, ", "two, ", "three.")


def part(number: int, total: int = 3, octets: bytes = b"", wide: bool = False, **fields: object) -> Message:
    """A part with a header whose reference has 8 bits, or 16."""
    piece = octets or PIECES[number - 1].encode()
    header = bytes((6, 8, 4, 1, 1, total, number)) if wide else bytes((5, 0, 3, 7, total, number))
    return text(header + piece, esm_class=0x40, **fields)  # type: ignore[arg-type]


async def count(smsc: Smsc, table: str) -> int:
    return int(await smsc.world.database.pool.fetchval(f"SELECT count(*) FROM {table}"))


def long_messages(smsc: Smsc) -> tuple[LongMessages, Requests]:
    """What another process on the same database has."""
    installation, world = Installation(BUCKET_KEY, SID_KEY), smsc.world
    ids = iter(range(10**6))
    made = LongMessages(world.database, smsc.credentials, installation, world.clock, lambda _: next(ids))
    return made, Requests(world.accept, world.messages, smsc.credentials, made, installation, world.clock, None)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
async def test_parts_in_any_order_are_one_message(smsc: Smsc, order: Sequence[int], wide: bool) -> None:
    esme = await smsc.bind()
    answers = [await esme.submit(part(number, wide=wide)) for number in order]
    assert [status for status, _ in answers] == [Status.ROK] * 3
    assert len({sid for _, sid in answers}) == 3
    assert (await stored(smsc, answers[-1][1])).body == "One, two, three."
    assert (await count(smsc, "message"), await count(smsc, "smpp_part")) == (1, 0)


async def test_parts_by_tlvs_and_all_at_once(smsc: Smsc) -> None:
    esme = await smsc.bind()

    def tlvs(number: int) -> dict[int, bytes]:
        return {
            Tag.SAR_MSG_REF_NUM.value: b"\1\2",
            Tag.SAR_TOTAL_SEGMENTS.value: b"\3",
            Tag.SAR_SEGMENT_SEQNUM.value: bytes((number,)),
        }

    from limpet.smpp.commands import Command

    answers = [esme.ask(Command.SUBMIT_SM, text(PIECES[n - 1]), tlvs(n)) for n in (1, 2, 3)]
    assert {(await answer).status for answer in answers} == {Status.ROK}
    assert await smsc.world.database.pool.fetch("SELECT body FROM message") == [("One, two, three.",)]


async def test_a_character_may_lie_across_two_parts(smsc: Smsc) -> None:
    octets = "Shell 🐚!".encode("utf-16-be")
    esme = await smsc.bind()
    await esme.submit(part(1, 2, octets[:14], data_coding=8))
    _, sid = await esme.submit(part(2, 2, octets[14:], data_coding=8))
    assert (await stored(smsc, sid)).body == "Shell 🐚!"


async def test_messages_of_several_people_do_not_mix(smsc: Smsc) -> None:
    esme = await smsc.bind()
    people = ["14155550191", "14155550192"]
    for number in (1, 2):
        for person in people:
            await esme.submit(part(number, 2, to=person))
    rows = await smsc.world.database.pool.fetch("SELECT recipient, body FROM message ORDER BY recipient")
    assert [tuple(row) for row in rows] == [(f"+{person}", "One, two, ") for person in people]


async def _deliver(smsc: Smsc) -> None:
    (submission,) = smsc.world.lane.submitted
    (carrier_id,) = smsc.world.lane.take(submission)
    await smsc.world.settle()
    smsc.world.lane.tell(receipt(submission, carrier_id))


@pytest.mark.parametrize("quiet", [0, ON_FAILURE])
async def test_receipts_go_for_the_ids_that_asked(smsc: Smsc, quiet: int) -> None:
    esme = await smsc.bind()
    sids = [
        (await esme.submit(part(n, registered_delivery=registered)))[1]
        for n, registered in ((1, 1), (2, quiet), (3, 1))
    ]
    await _deliver(smsc)
    await smsc.until(lambda: len(esme.receipts) >= 2)
    await smsc.until_waiting(0)
    assert len(esme.receipts) == 2
    assert {(r.message_id, r.state) for r in esme.receipts} == {
        (sid, MessageState.DELIVERED) for sid in (sids[0], sids[2])
    }


async def test_what_stays_incomplete_is_given_up_with_receipts(smsc: Smsc) -> None:
    esme = await smsc.bind()
    _, asked = await esme.submit(part(1))
    await esme.submit(part(2, registered_delivery=0))
    parts, requests = long_messages(smsc)
    smsc.world.clock.advance(timedelta(seconds=59))
    await parts.sweep(requests.make)
    assert await count(smsc, "smpp_part") == 2
    smsc.world.clock.advance(timedelta(seconds=2))
    await parts.sweep(requests.make)
    smsc.outbox.nudge()
    await smsc.until(lambda: bool(esme.receipts))
    assert [(r.message_id, r.state) for r in esme.receipts] == [(asked, MessageState.EXPIRED)]
    assert (await count(smsc, "message"), await count(smsc, "smpp_part")) == (0, 0)


async def test_a_message_that_is_refused_is_refused_for_all_its_parts(smsc: Smsc) -> None:
    esme = await smsc.bind()
    _, first = await esme.submit(part(1, 2, source="12125550777"))
    assert await esme.submit(part(2, 2, source="12125550777")) == (Status.RINVSRCADR, "")
    smsc.outbox.nudge()
    await smsc.until(lambda: bool(esme.receipts))
    assert [(r.message_id, r.state) for r in esme.receipts] == [(first, MessageState.UNDELIVERABLE)]
    assert await count(smsc, "smpp_part") == 0


async def test_after_a_crash_a_whole_message_is_made_once(smsc: Smsc, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped between the message's commit and the parts' end, twice; and once more before the message."""

    async def crash(*_: object) -> None:
        raise DATABASE_AWAY[1]("the process is gone")

    esme: Esme = await smsc.bind()
    with monkeypatch.context() as broken:
        broken.setattr("limpet.store.esmes.take_parts", crash)
        for number in (1, 2, 3):
            assert (await esme.submit(part(number)))[0] == Status.ROK
        parts, requests = long_messages(smsc)
        smsc.world.clock.advance(timedelta(seconds=61))
        await parts.sweep(requests.make)
    assert await count(smsc, "smpp_part") == 3
    await parts.sweep(requests.make)
    assert (await count(smsc, "message"), await count(smsc, "smpp_part")) == (1, 0)


async def test_parts_survive_the_end_of_the_process_that_acknowledged_them(smsc: Smsc) -> None:
    first = await smsc.bind()
    for number in (1, 2):
        await first.submit(part(number))
    await first.leave()
    second = await smsc.bind()
    _, sid = await second.submit(part(3))
    assert (await stored(smsc, sid)).body == "One, two, three."


async def test_what_is_no_part_of_anything_possible_is_refused_at_once(smsc: Smsc) -> None:
    esme = await smsc.bind()
    assert await esme.submit(part(1, PARTS_MAX + 1)) == (Status.RINVMSGLEN, "")
    assert await esme.submit(part(1, to="12")) == (Status.RINVDSTADR, "")
    _, sid = await esme.submit(part(1, 1, source=NUMBER))
    assert (await stored(smsc, sid)).body == "One, "
