"""A person who is to be forgotten: all that there is of them is found and erased, wherever it is, and their STOP holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest_asyncio

from limpet.carrier.port import Inbound, Receipt, ReceiptState
from limpet.core.ids import id_floor
from limpet.core.model import Message, Service
from limpet.core.people import Kind
from limpet.core.retention import Mark, Pseudonyms
from limpet.core.selection import Refusal
from limpet.core.status import Status
from limpet.flow.draft import Media, Rejected
from limpet.flow.explain import Supposed
from limpet.flow.obfuscated import SETTLE
from limpet.flow.repeat import Idempotency
from limpet.flow.sweep import ORPHAN_DAYS
from limpet.store import deliveries
from limpet.store.database import Database
from limpet.store.deliveries import Delivery
from limpet.store.people import CHUNK
from tests.support.clock import NOW, HandClock
from tests.support.lane import HandLane, receipt
from tests.support.world import POOL, PSEUDONYM_KEY, World, bucket, open_world

ANNA, BEN = "+14155550101", "+14155550102"
HASH = Pseudonyms(PSEUDONYM_KEY).nameless(ANNA)
NAMING = {
    "message", "sticky_mapping", "sticky_event", "opt_out", "receipt_orphan", "status_callback", "webhook_delivery",
    "smpp_delivery", "smpp_part", "inbound_text", "account", "feedback", "message_media", "message_mms", "message_link",
    "media_link", "short_link", "idempotency_key", "sticky_staged", "sticky_import_problem", "sticky_import_before",
    "sticky_rebalance_move", "swap_notice",
}  # fmt: skip
"""What names a person, or hangs on what does."""
NAMING_NOBODY = {
    **dict.fromkeys(("installation", "schema_migration", "event_generation", "event_change", "carrier_spelling",
                     "carrier_clock", "carrier_mode", "lane", "lane_health", "tally", "member_hour",
                     "service_health", "member_refused"),
                    "of the installation, its carriers and its counts"),
    "sticky_import": "of an account: who brought which file, and how much of it was taken",
    **dict.fromkeys(("sticky_rebalance", "sticky_rebalance_quota"), "how many people go from which number to which"),
    **dict.fromkeys(("api_key", "service", "sender", "pool_member", "content", "opt_out_settings", "link_config",
                     "smpp_credential", "event_sink", "event_subscription", "event_subscribed", "sticky_space"),
                    "what a customer has and wants, not to whom they write"),
    **dict.fromkeys(("brand", "campaign", "tollfree_verification", "number_registration", "number_registration_step",
                     "registration_job", "number_swap"), "who the customer is, and their own numbers"),
    **dict.fromkeys(("message_due", "claim"), "places of messages that are on their way: then nobody is erased"),
    "inbound_seen": "a carrier's id of a text, by which a repetition is known: it would come again",
    "erased_receipt": "carriers' ids of what was erased: their receipts would be kept",
    "person_request": "who asked for it and when",
    "deactivation": "the operator's list of numbers out of service, which says nothing of what anybody did",
    "deactivation_day": "the days of those lists",
}  # fmt: skip
tokens = count(1)


@pytest_asyncio.fixture
async def world(database: Database, clock: HandClock) -> AsyncIterator[World]:
    async with open_world(database, clock, HandLane(mms=True)) as opened:
        yield opened


async def tables(world: World) -> set[str]:
    found = await world.database.pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
        "AND NOT relispartition"
    )
    return {row["relname"] for row in found}


async def holding(world: World, number: str) -> set[str]:
    """The tables in which a number is found: as text anywhere in a row, and as octets."""
    digits = number.removeprefix("+")
    return {
        name
        for name in await tables(world)
        if await world.database.pool.fetchval(
            f"SELECT EXISTS (SELECT FROM {name} t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0)",
            digits, digits.encode().hex(),
        )
    }  # fmt: skip


async def counts(world: World) -> dict[str, int]:
    return {name: await world.database.pool.fetchval(f"SELECT count(*) FROM {name}") for name in await tables(world)}


async def hiding(world: World) -> Service:
    """A service that may have mappings under pseudonyms."""
    service = await world.service(*POOL)
    await world.set(service, "hides_since", world.clock.now() - SETTLE)
    await world.database.pool.execute("UPDATE sender SET capabilities = '{sms,mms}'")
    return await world.reread(service)


async def sent(world: World, service: Service | None, to: str, **more: object) -> Message:
    """A message that has arrived."""
    before = len(world.lane.submitted)
    message = await world.send(service, to, **more)  # type: ignore[arg-type]
    if len(world.lane.submitted) > before:
        submission = world.lane.submitted[-1]
        for carrier_id in world.lane.take(submission):
            await world.settle()
            world.lane.tell(receipt(submission, carrier_id))
        await world.settle()
    return message


async def heard(world: World, person: str, body: str, to: str = POOL[0], **more: object) -> None:
    token = next(tokens)
    world.lane.tell(Inbound(token, person, to, body, **more))  # type: ignore[arg-type]
    await world.until(lambda: token in world.lane.acknowledged)
    await world.settle()
    await delivered(world)


async def delivered(world: World) -> None:
    """Let everything that goes out arrive."""

    async def over() -> bool:
        for submission in list(world.lane.open.values()):
            for carrier_id in world.lane.take(submission):
                await world.settle()
                world.lane.tell(receipt(submission, carrier_id, token=next(tokens)))
            await world.settle()
        return not await world.database.pool.fetchval(
            "SELECT EXISTS (SELECT FROM message WHERE status IN ('queued', 'sending'))"
        )

    await world.until(over)


async def fill(world: World, service: Service, person: str) -> Message:
    """A row of this person in each table that can have one; what the flow writes by itself, by the flow."""
    name = person[-4:]
    media = Media((f"https://example.com/{person}.png",))
    message = await sent(world, service, person, media=media)
    await sent(world, service, person, idempotency=Idempotency(f"for {person}", b"h" * 16))
    await sent(
        world, service, person, body="See http://x/abc", marks=Mark.LINKED, links={f"c{name}": f"https://e/{person}"}
    )
    await sent(world, service, person, marks=Mark.OBFUSCATE)
    await sent(world, service, f"whatsapp:{person}", sender=POOL[0])
    await world.database.pool.execute("UPDATE sender SET sms_url = 'http://127.0.0.1:9/in'")
    await heard(world, person, f"I am {person}", carrier_message_id=f"in-{name}")
    world.lane.tell(
        Receipt(next(tokens), POOL[0], person, f"stranger-{name}", ReceiptState.DELIVERED, None, None, None, None)
    )
    await world.settle()
    await _by_hand(world, person, message)
    await heard(world, person, "STOP")
    return message


async def _by_hand(world: World, person: str, message: Message) -> None:
    """What other processes and clients write: tries, parts, feedback, a trial account's friends."""
    pool, where, row_id = world.database.pool, bucket(person), message.id + 1
    mine = (where, row_id, world.account.id)
    form = f"To=%2B{person[1:]}&Body=x"
    tries = (
        "INSERT INTO webhook_delivery VALUES ($1, $2, $3, $4, 1, 'status', 'POST', 'u', $5, NULL, 'POST', 1, 'taken', "
        "200, NULL)"
    )
    await pool.execute(tries, *mine, message.id, form)
    await pool.execute(tries, where, row_id + 1, world.account.id, 4711, f'{{"to":"{person}"}}')
    owed = (
        "INSERT INTO status_callback (bucket, id, account_id, message_id, url, payload, due_at) "
        "VALUES ($1, $2, $3, 4711, 'u', $4, $5)"
    )
    await pool.execute(owed, *mine, form, NOW + timedelta(days=1))
    smpp = "INSERT INTO smpp_delivery VALUES ($1, $2, $3, $4, 'esme', '', 'status', $5, 0, $6)"
    await pool.execute(smpp, *mine, message.id, form, NOW)
    await pool.execute(smpp, where, row_id + 1, world.account.id, 4711, form, NOW)
    await pool.execute(
        "INSERT INTO smpp_part VALUES ($1, $2, $3, 'esme', $4, 'x', 1, 2, 1, NULL, $5)", *mine, person, person.encode()
    )
    text = (
        "INSERT INTO inbound_text (bucket, recipient, sender, carrier, name, lane, due_at) "
        "VALUES ($1, $2, $3, 'hand', 'x', 'hand/0', $4)"
    )
    await pool.execute(text, where, person, POOL[0], NOW + timedelta(days=1))
    await pool.execute("INSERT INTO feedback VALUES ($1, $2, 'confirmed', $3, $3)", where, message.id, NOW)
    await pool.execute("INSERT INTO message_mms VALUES ($1, $2, true, NULL) ON CONFLICT DO NOTHING", where, message.id)
    link = "INSERT INTO media_link (bucket, code, message_bucket, message_id) VALUES (9, $1, $2, $3)"
    await pool.execute(link, person[-4:], where, message.id)
    await _brought(world, person, message)
    await pool.execute("UPDATE account SET verified = verified || $2 WHERE id = $1", world.account.id, [person])


async def _brought(world: World, person: str, message: Message) -> None:
    """An import that is under way: a line that is staged, one that was not taken, and what another one replaced."""
    pool, where = world.database.pool, bucket(person)
    import_id = await pool.fetchval(
        "INSERT INTO sticky_import (sid, service_id, actor, credential, mode, dry_run, state, counts, first_event_id, "
        "last_event_id, created_at, updated_at) "
        "VALUES ($1, $2, 'import:x', 'AC', 'skip', false, 'merging', '{}', 0, 0, $3, $3) RETURNING id",
        f"LI{person[-4:]:0>32}",
        message.service_id,
        NOW,
    )
    staged = "INSERT INTO sticky_staged VALUES (1, 1, $1, 1, 1, $2, 1, 0, $3, NULL)"
    await pool.execute(staged, import_id, where, person)
    problem = "INSERT INTO sticky_import_problem VALUES (0, $1, 1, 0, 'why', $2)"
    await pool.execute(problem, import_id, f'{{"to":"{person}"}}')
    await pool.execute("INSERT INTO sticky_import_before VALUES ($1, $2, 1, 1, 1, 0, $3)", where, import_id, person)
    await _moved(world, person, message)


async def _moved(world: World, person: str, message: Message) -> None:
    """A rebalance that moved them, and a swap of which they are still to be told."""
    pool, where = world.database.pool, bucket(person)
    rebalance_id = await pool.fetchval(
        "INSERT INTO sticky_rebalance (sid, service_id, credential, idle_days, max_moves, per_second, state, people, estimated, "
        "members, planned, paced_until, created_at, updated_at) "
        "VALUES ($1, $2, 'api:x', 30, 1, 1, 'done', 1, false, '[]', 1, $3, $3, $3) RETURNING id",
        f"LR{person[-4:]:0>32}",
        message.service_id,
        NOW,
    )
    await pool.execute("INSERT INTO sticky_rebalance_move VALUES ($1, $2, $3, 1, 2, 3)", where, rebalance_id, person)
    swap_id = await pool.fetchval(
        "INSERT INTO number_swap (account_id, service_id, old_member_id, new_member_id, state, actor, created_at, updated_at) "
        "SELECT $1, $2, m.id, m.id, 'telling', 'api:x', $3, $3 FROM pool_member m WHERE m.service_id = $2 LIMIT 1 RETURNING id",
        world.account.id,
        message.service_id,
        NOW,
    )
    await pool.execute("INSERT INTO swap_notice VALUES ($1, $2, $3, NULL)", where, swap_id, person)


async def erase(world: World, person: str = ANNA) -> Counter[str]:
    erased = await world.people.erase(world.account.id, person, world.clock.now())
    assert erased.on_their_way == []
    return Counter(erased.counts)


async def test_of_every_table_it_is_known_whether_it_can_name_a_person(world: World) -> None:
    assert NAMING & set(NAMING_NOBODY) == set()
    assert NAMING | set(NAMING_NOBODY) == await tables(world)


async def test_S_110_all_that_there_is_of_a_person_is_counted_and_erased_and_of_nobody_else(world: World) -> None:
    service = await hiding(world)
    empty = await counts(world)
    await fill(world, service, BEN)
    only_ben, of_ben = await counts(world), await holding(world, BEN)
    await fill(world, service, ANNA)
    filled = await counts(world)
    assert {name for name in NAMING - {"account"} if filled[name] == only_ben[name]} == set()
    assert {name for name in NAMING - {"account"} if only_ben[name] == empty[name]} == set()
    there = Counter([str(kind) async for kind, _ in world.people.lines(world.account.id, ANNA)])
    assert set(there) == set(Kind)
    assert await erase(world) == there
    assert await holding(world, ANNA) == set()
    left = await counts(world)
    assert {name: left[name] for name in NAMING - {"opt_out"}} == {
        name: only_ben[name] for name in NAMING - {"opt_out"}
    }
    assert await holding(world, BEN) == of_ben
    assert await erase(world) == Counter()


async def test_the_page_names_every_table_that_can_name_a_person() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "privacy.md").read_text()
    assert {name for name in NAMING if f"`{name}`" not in page} == set()


async def test_a_try_that_is_written_down_after_the_erasure_is_not_kept(world: World) -> None:
    message = await sent(world, await world.service(*POOL), ANNA)
    late = Delivery(
        message.bucket, message.id + 1, world.account.id, message.id, message.id + 2, "status", "POST", "u",
        f"To=%2B{ANNA[1:]}", None, "POST", 1, "postponed", 503, "x",
    )  # fmt: skip
    async with world.database.pool.acquire() as connection:
        await deliveries.insert(connection, [late])
        assert "webhook_delivery" in await holding(world, ANNA)
        await erase(world)
        await deliveries.insert(connection, [late])
    assert await holding(world, ANNA) == set()


async def test_S_111_a_message_on_its_way_keeps_its_person_and_is_named(world: World) -> None:
    service = await world.service(*POOL)
    await sent(world, service, ANNA)
    waiting = await world.send(service, ANNA, send_at=NOW + timedelta(hours=1))
    before = await counts(world)
    erased = await world.people.erase(world.account.id, ANNA, NOW)
    assert ([row["id"] for row in erased.on_their_way], erased.counts) == ([waiting.id], {})
    assert await counts(world) == before
    await world.accept.cancel(world.account, waiting.bucket, waiting.id)
    assert (await erase(world))["message"] == 2


async def test_S_112_a_stop_holds_after_the_person_is_forgotten_and_names_nobody(world: World) -> None:
    service = await world.service(*POOL)
    await world.database.pool.execute("UPDATE sender SET sms_url = 'http://127.0.0.1:9/in'")
    await sent(world, service, ANNA)
    await heard(world, ANNA, "STOP")
    await erase(world)
    assert await holding(world, ANNA) == set()
    assert [row["recipient"] for row in await world.database.pool.fetch("SELECT recipient FROM opt_out")] == [HASH]
    for marks in ({}, {"marks": Mark.OBFUSCATE}):
        refused = await world.send(service, ANNA, **marks)
        assert (refused.status, refused.error_code) == (Status.FAILED, 21610)
    plain = await world.accept.submit(world.new(None, ANNA, sender=POOL[0]))
    assert isinstance(plain, Rejected)
    assert plain.code == 21610
    supposed = Supposed(world.account, service.sid, world.new(service, ANNA).recipient, world.clock.now())
    foreseen = await world.accept.explain(supposed)
    assert foreseen is not None
    assert foreseen.answer == Refusal(21610)
    assert (await world.send(service, BEN)).status is not Status.FAILED
    assert await world.mapping(service, ANNA) is None
    before = len(world.lane.submitted)
    await heard(world, ANNA, "STOP")
    assert len(world.lane.submitted) == before, "it was answered before"
    await heard(world, ANNA, "START")
    assert len(world.lane.submitted) == before + 1
    assert (await world.send(service, ANNA)).status is not Status.FAILED


async def test_S_112_a_stop_to_a_number_that_is_in_no_service_holds_too(world: World) -> None:
    service = await world.service(*POOL)
    await world.database.pool.execute("UPDATE sender SET sms_url = 'http://127.0.0.1:9/in'")
    await world.remove(service, POOL[0])
    await heard(world, ANNA, "STOP")
    await erase(world)
    plain = await world.accept.submit(world.new(None, ANNA, sender=POOL[0]))
    assert isinstance(plain, Rejected)
    assert plain.code == 21610
    assert (await world.send(service, ANNA)).status is not Status.FAILED


async def test_S_113_the_person_gets_a_number_anew_as_a_stranger(world: World) -> None:
    service = await world.service(*POOL)
    await sent(world, service, ANNA)
    await erase(world)
    assert await world.mapping(service, ANNA) is None
    assert await world.kinds(service, ANNA) == []
    await sent(world, service, ANNA)
    assert await world.kinds(service, ANNA) == ["created:first_message"]


async def test_S_114_receipts_that_come_after_the_erasure_are_taken_and_not_kept(world: World) -> None:
    service = await world.service(*POOL)
    await world.send(service, ANNA)
    submission = world.lane.submitted[-1]
    (carrier_id,) = world.lane.take(submission)
    await world.settle()
    await erase(world)
    for token, name in ((90, carrier_id), (91, carrier_id)):
        world.lane.tell(receipt(submission, name, token=token))
    await world.settle()
    assert {90, 91} <= set(world.lane.acknowledged)
    assert await holding(world, ANNA) == set()
    world.lane.tell(receipt(submission, "another", token=92))
    await world.settle()
    assert await holding(world, ANNA) == {"receipt_orphan"}
    world.clock.advance(timedelta(days=ORPHAN_DAYS, seconds=1))
    await world.sweeps.housekeep()
    assert await world.database.pool.fetchval("SELECT count(*) FROM erased_receipt") == 0


async def test_S_115_what_another_account_has_of_the_person_stays(world: World, database: Database) -> None:
    await sent(world, await world.service(*POOL), ANNA)
    stranger = await database.pool.fetchval(
        "INSERT INTO account (sid, friendly_name, auth_token_sealed, created_at, updated_at) VALUES ('AC1', 'x', '', $1, $1) "
        "RETURNING id",
        NOW,
    )
    before = await counts(world)
    erased = await world.people.erase(stranger, ANNA, NOW)
    assert (erased.counts, await counts(world)) == ({}, before)


async def test_a_person_with_more_than_a_transaction_takes_is_erased_whole(world: World) -> None:
    await world.database.pool.execute(
        "INSERT INTO message (bucket, id, account_id, direction, status, recipient, body, num_segments, expires_at, updated_at) "
        "SELECT $1, $2::bigint + n, $3, 'inbound', 'received', $4, 'x', 1, $5, $5 FROM generate_series(1, $6::integer) n",
        bucket(ANNA), id_floor(NOW), world.account.id, ANNA, NOW, 2 * CHUNK + 1,
    )  # fmt: skip
    assert await erase(world) == Counter(message=2 * CHUNK + 1)
    assert await holding(world, ANNA) == set()
