"""What fails to reach a customer is told as events of Twilio's error log; a sink that takes nothing for hours has failed."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from limpet.core.event_streams import Sink, SinkStatus
from limpet.core.page import PageRequest
from limpet.core.retry import EVENT_SCHEDULE_S
from limpet.flow.error_log import SINK_TOLD_EVERY_S
from limpet.flow.sinks import SinkWatch
from limpet.flow.streams import Streams
from limpet.flow.tried import Tried
from limpet.store.accounts import Accounts
from limpet.store.callbacks import EVENT, OwedCallback
from limpet.store.database import Database
from limpet.store.deliveries import Deliveries
from limpet.twilio.event_types import ERROR_LOGGED
from limpet.webhook import Posted
from tests.support.clock import HandClock
from tests.support.customer import Answer
from tests.support.streaming import STATUSES, Streaming, delivered, open_streaming
from tests.support.tenants import vault

ERRORS, SENT = {ERROR_LOGGED: 2}, {f"{STATUSES}sent": 8}
ONCE = "#rc=0"


@pytest_asyncio.fixture
async def streaming(database: Database, clock: HandClock) -> AsyncIterator[Streaming]:
    async with open_streaming(database, clock) as opened:
        yield opened


async def send(streaming: Streaming, callback: str | None = None) -> str:
    """A message that the carrier takes: what it owes is posted. Its SID's place is its id."""
    world = streaming.world
    sent = await world.send(await streaming.service(), "+14155550101", status_callback=callback)
    world.lane.take(world.lane.submitted[-1])
    await world.settle()
    streaming.post()
    return f"{sent.id:016x}"


async def errors(streaming: Streaming, count: int, path: str = "/errors") -> list[dict[str, Any]]:
    """The events that one sink has got, once there are so many."""

    def got() -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in streaming.customer.requests if f"{path}?" in one.url]

    await streaming.customer.until(lambda: len(got()) >= count)
    return got()


async def again(streaming: Streaming, seconds: float) -> None:
    """Time goes on, and what is due is tried."""
    await streaming.settled()
    streaming.world.clock.advance(timedelta(seconds=seconds))
    streaming.callbacks.nudge()


async def state(streaming: Streaming, sink: Sink) -> tuple[SinkStatus, bool]:
    """A sink's status, and whether it is known to take nothing."""
    found = await streaming.streams.sink(sink.account_id, sink.sid)
    assert found is not None
    return found.status, streaming.world.events.streams.is_failing(sink.account_id, sink.destination)


async def attempts(streaming: Streaming) -> list[int]:
    return [row["attempt"] for row in await streaming.rows()]


async def test_a_webhook_that_fails_is_told_in_twilios_fields(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink("/errors"), ERRORS)
    streaming.customer.always(Answer(500), "/cb")
    url = streaming.customer.url("/cb?x=1")
    place = await send(streaming, url.replace("http://", "http://user:secret@") + ONCE)
    told = (await errors(streaming, 1))[0]
    world, data = streaming.world, told["data"]
    assert (told["type"], told["dataschema"][-18:]) == (ERROR_LOGGED, "/ErrorLogs.Error/2")
    assert told["id"] == data["sid"] == told["source"]
    assert data["sid"].startswith("NO")
    assert len(data["sid"]) == 34
    assert data["date_created"] == told["time"]
    assert (data["account_sid"], data["master_account_sid"]) == (world.account.sid, world.account.sid)
    assert (data["level"], data["error_code"], data["product_name"]) == ("ERROR", "11200", "Programmable Messaging")
    payload = json.loads(data["payload"])
    service = await streaming.service()
    assert place in payload["resource_sid"]
    assert payload["service_sid"] == data["service_sid"] == service.sid
    assert payload["webhook"]["request"] == {"url": url, "method": "POST"}
    assert payload["webhook"]["response"] == {"status_code": 500}
    assert "secret" not in told["data"]["payload"]
    kept = await Deliveries(world.database).page(world.account.id, None, PageRequest(9))
    assert kept.items[0].http_status == 500


async def test_an_error_is_told_for_a_sub_account_with_its_main_account(streaming: Streaming) -> None:
    world, accounts = streaming.world, Accounts(streaming.world.database, vault())
    owner, _ = await accounts.create("Owner", world.clock.now())
    await world.database.pool.execute("UPDATE account SET owner_sid = $1 WHERE id = $2", owner.sid, world.account.id)
    await streaming.subscribe(await streaming.sink("/errors"), ERRORS)
    streaming.customer.always(Answer(404), "/cb")
    await send(streaming, streaming.customer.url("/cb") + ONCE)
    data = (await errors(streaming, 1))[0]["data"]
    assert (data["account_sid"], data["master_account_sid"]) == (world.account.sid, owner.sid)


def closed_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{found.getsockname()[1]}/cb"


@pytest.mark.parametrize(
    ("answer", "url", "code"),
    [
        (Answer(404), None, "11200"), (Answer(410), None, "11200"), (Answer(302), None, "11200"),
        (Answer(raw=b"nonsense\r\n\r\n"), None, "11205"), (None, "closed", "11205"), (None, "http://10.0.0.1/", "11205"),
        (None, "http://[/", "11100"),
    ],
)  # fmt: skip
async def test_each_way_to_fail_has_twilios_code(
    streaming: Streaming, answer: Answer | None, url: str | None, code: str
) -> None:
    await streaming.subscribe(await streaming.sink("/errors"), ERRORS)
    if answer is not None:
        streaming.customer.always(answer, "/cb")
    await send(streaming, (closed_port() if url == "closed" else url or streaming.customer.url("/cb")) + ONCE)
    data = (await errors(streaming, 1))[0]["data"]
    assert data["error_code"] == code
    status = json.loads(data["payload"])["webhook"]["response"].get("status_code")
    assert status == (answer.status if answer is not None and answer.raw is None else None)


async def test_each_failed_try_is_told_and_a_taken_one_is_not(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink("/errors"), ERRORS)
    streaming.customer.plan(Answer(503), Answer(200), Answer(502), path="/cb")  # queued twice: 503, then the repetition
    await send(streaming, streaming.customer.url("/cb"))
    await streaming.customer.until(lambda: len(streaming.customer.requests) >= 3)
    streaming.customer.always(Answer(500), "/cb")
    await send(streaming, streaming.customer.url("/cb") + ONCE)
    told = await errors(streaming, 2)
    codes = [json.loads(one["data"]["payload"])["webhook"]["response"]["status_code"] for one in told]
    assert codes == [500, 500]


async def test_a_failure_for_which_the_fallback_stood_in_is_told(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink("/errors"), ERRORS)
    streaming.customer.always(Answer(500), "/in")
    world, now = streaming.world, streaming.world.clock.now()
    url, other = streaming.customer.url("/in"), streaming.customer.url("/other")
    owed = OwedCallback(
        3, 99, world.account.id, 99, url + ONCE, "Body=x&MessageSid=SM1", now + timedelta(seconds=60), kind="inbound",
        fallback_url=other,
    )  # fmt: skip
    streaming.callbacks.post_now([owed])
    told = await errors(streaming, 1)
    assert json.loads(told[0]["data"]["payload"])["webhook"]["request"]["url"] == url
    assert "ErrorCode=11200" in next(one.body for one in streaming.customer.requests if one.url == other)
    assert len(told) == 1


async def test_a_sink_that_fails_is_told_to_others_and_the_error_log_never_tells_of_itself(
    streaming: Streaming,
) -> None:
    both = {**SENT, **ERRORS}
    failing, other = await streaming.sink("/failing" + ONCE), await streaming.sink("/errors" + ONCE)
    await streaming.subscribe(failing, both)
    await streaming.subscribe(other, both)
    streaming.customer.always(Answer(503), "/failing")
    streaming.customer.plan(
        Answer(200), path="/errors"
    )  # the message's event is taken, what tells of the other's is not
    streaming.customer.always(Answer(500), "/errors")
    await send(streaming)
    told = (await errors(streaming, 2))[1]
    assert (told["data"]["error_code"], told["data"]["product_name"]) == ("91306", "Event Streams")
    assert json.loads(told["data"]["payload"])["webhook"]["request"]["url"] == streaming.customer.url("/failing")

    async def tried() -> bool:
        return await attempts(streaming) == [1, 1]

    await streaming.world.until(tried)
    assert {row["url"] for row in await streaming.rows()} == {failing.destination, other.destination}
    assert len(streaming.customer.requests) == 3


async def test_failures_of_a_sink_are_told_in_groups(streaming: Streaming) -> None:
    failing = await streaming.sink("/failing" + ONCE)
    await streaming.subscribe(failing, SENT)
    await streaming.subscribe(await streaming.sink("/errors"), ERRORS)
    streaming.customer.always(Answer(500), "/failing")
    for count in range(1, 12):
        await send(streaming)
        await streaming.customer.until(
            lambda n=count: sum("/failing" in one.url for one in streaming.customer.requests) == n
        )  # type: ignore[misc]
    assert len(await errors(streaming, 2)) == 2

    async def settled() -> bool:
        return await attempts(streaming) == [1] * 11

    await streaming.world.until(settled)
    assert len(await errors(streaming, 2)) == 2, "of eleven the first and the tenth"
    await again(streaming, SINK_TOLD_EVERY_S)
    assert len(await errors(streaming, 3)) >= 3


async def fail_for_hours(streaming: Streaming, already: int = 0) -> None:
    """Let an event that has failed so often be tried until it is given up."""
    for attempt, pause in enumerate(EVENT_SCHEDULE_S, start=1):

        async def there(wanted: int = attempt) -> bool:
            return await attempts(streaming) == [wanted]

        await streaming.world.until(there)
        await again(streaming, pause * 1.1 + 1)
    await streaming.quiet()


async def test_a_sink_that_takes_nothing_for_hours_has_failed_until_it_takes_its_test(streaming: Streaming) -> None:
    sink = await streaming.sink("/failing" + ONCE)
    await streaming.subscribe(sink, SENT)
    streaming.customer.always(Answer(500), "/failing")
    began = streaming.world.clock.now()
    await send(streaming)
    assert await state(streaming, sink) == (SinkStatus.ACTIVE, False)
    await fail_for_hours(streaming)
    assert streaming.world.clock.now() - began < timedelta(hours=4, minutes=5)

    async def failed() -> bool:
        return await state(streaming, sink) == (SinkStatus.FAILED, True)

    await streaming.world.until(failed)
    listed = await streaming.streams.sinks(sink.account_id, SinkStatus.FAILED, None, PageRequest(9))
    assert [one.sid for one in listed.items] == [sink.sid]
    await send(streaming)
    assert await streaming.rows() == []
    streaming.customer.always(Answer(200), "/failing")
    await streaming.world.events.test(sink, streaming.world.account.sid, "t", streaming.world.clock.now())
    streaming.callbacks.nudge()

    async def active() -> bool:
        return await state(streaming, sink) == (SinkStatus.ACTIVE, False)

    await streaming.world.until(active)
    await send(streaming)
    await streaming.quiet()
    assert json.loads(streaming.customer.requests[-1].body)["type"] == f"{STATUSES}sent"


async def test_a_sink_that_takes_other_events_has_not_failed_whichever_process_they_went_through(
    streaming: Streaming,
) -> None:
    world = streaming.world
    sink = await streaming.sink("/failing" + ONCE)
    await streaming.subscribe(sink, SENT)
    elsewhere = Streams(world.database)
    second = SinkWatch(world.database, elsewhere, world.clock)
    streaming.customer.always(Answer(500), "/failing")
    await send(streaming)
    for attempt, pause in enumerate(EVENT_SCHEDULE_S, start=1):

        async def there(wanted: int = attempt) -> bool:
            return await attempts(streaming) == [wanted]

        await world.until(there)

        async def known(wanted: bool = attempt > 1) -> bool:
            await elsewhere.refresh()
            return elsewhere.is_failing(sink.account_id, sink.destination) == wanted

        await world.until(known)
        taken = OwedCallback(1, 1, sink.account_id, 1, sink.destination, "{}", world.clock.now(), kind=EVENT)
        await second.note([Tried(taken, None, Posted(200))])
        await world.events.streams.refresh()
        assert await state(streaming, sink) == (SinkStatus.ACTIVE, False)
        await again(streaming, pause * 1.1 + 1)
    await streaming.quiet()
    await streaming.settled()
    assert (await state(streaming, sink))[0] is SinkStatus.ACTIVE


@pytest.mark.parametrize("gone", [True, False])
async def test_a_sink_that_is_gone_or_must_not_be_called_has_failed_at_once(streaming: Streaming, gone: bool) -> None:
    sink = await streaming.sink("/gone", url=None if gone else "http://10.0.0.1/")
    await streaming.subscribe(sink, SENT)
    streaming.customer.always(Answer(410), "/gone")
    await send(streaming)

    async def failed() -> bool:
        return (await state(streaming, sink))[0] is SinkStatus.FAILED

    await streaming.world.until(failed)
    assert await streaming.rows() == []


async def test_a_sink_that_takes_what_it_gets_costs_nothing(streaming: Streaming) -> None:
    await streaming.subscribe(await streaming.sink(), SENT)
    before = await streaming.world.database.pool.fetchval("SELECT generation FROM event_generation")
    await delivered(streaming)
    streaming.post()
    await streaming.quiet()
    assert await streaming.world.database.pool.fetchval("SELECT generation FROM event_generation") == before
