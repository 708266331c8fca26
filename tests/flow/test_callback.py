"""Status callbacks from the table to a real customer and back, with a clock moved by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random

import pytest
from twilio.request_validator import RequestValidator

from limpet.core.destination import UrlPolicy
from limpet.core.ids import IdSource
from limpet.core.retry import CALLBACK_SCHEDULE_S
from limpet.core.status import Status
from limpet.flow import callback, turns
from limpet.flow.callback import Callbacks
from limpet.flow.owed import LEASE
from limpet.store.callbacks import OwedCallback, insert
from limpet.store.database import Database
from limpet.twilio.callback import status_callback_form
from limpet.webhook import Webhooks
from tests.support.clock import HandClock
from tests.support.customer import PATIENCE_S, Answer, Customer, recording_customer

TOKENS = {7: "0123456789abcdef0123456789abcdef", 8: "another account's"}


class Process:
    """One Limpet process as far as callbacks go: what it would do on `commit`, and on being killed."""

    def __init__(self, database: Database, clock: HandClock, webhooks: Webhooks) -> None:
        self.database = database
        self.clock = clock
        self.tokens_asked: list[int] = []
        ids, chance = IdSource(), Random(2)
        self.callbacks = Callbacks(
            database,
            webhooks,
            self.token_of,
            clock,
            Random(1).random,
            lambda now: ids.next(now, chance.getrandbits(21)),
        )
        self.running = asyncio.create_task(self.callbacks.run())
        self._number = 0

    async def token_of(self, account_id: int) -> str:
        self.tokens_asked.append(account_id)
        return TOKENS[account_id]

    def owed(self, url: str, message: int = 1, account: int = 7, status: Status = Status.SENT) -> OwedCallback:
        self._number += 1
        form = status_callback_form(
            message_sid=f"SM{message:032x}",
            account_sid=f"AC{account:032x}",
            status=status,
            to="+14155550101",
            from_="+14155550100",
        )
        return OwedCallback(3, self._number, account, message, url, form, self.clock.now() + LEASE)

    async def write(self, *owed: OwedCallback) -> None:
        await self.database.transaction(lambda connection: insert(connection, owed))

    async def commit(self, *owed: OwedCallback) -> None:
        await self.write(*owed)
        self.callbacks.post_now(owed)

    async def rows(self) -> list[tuple[int, int]]:
        found = await self.database.pool.fetch("SELECT id, attempt FROM status_callback ORDER BY id")
        return [(row["id"], row["attempt"]) for row in found]

    async def until_rows(self, *expected: tuple[int, int]) -> None:
        """Wait until exactly these `(id, attempt)` are owed."""
        await until(self.rows, list(expected))

    async def kill(self) -> None:
        """As kill -9 leaves it: nothing more is posted or written."""
        self.running.cancel()
        for worker in self.callbacks._workers:
            worker.cancel()
        await asyncio.gather(self.running, *self.callbacks._workers, return_exceptions=True)


async def until(look: Callable, expected: object) -> None:
    """Wait until `look` answers what is expected; the test fails with the difference when it does not."""
    found = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (found := await look()) != expected:  # noqa: ASYNC110 - what is waited for is a row
                await asyncio.sleep(0.002)
    except TimeoutError:
        assert found == expected


@pytest.fixture
async def customer() -> AsyncIterator[Customer]:
    async with recording_customer() as made:
        yield made


@asynccontextmanager
async def started(database: Database, clock: HandClock, policy: UrlPolicy) -> AsyncIterator[Process]:
    webhooks = Webhooks(policy)
    process = Process(database, clock, webhooks)
    try:
        yield process
    finally:
        await process.callbacks.stop(0)
        await asyncio.gather(process.running, return_exceptions=True)
        await webhooks.close()


@pytest.fixture
async def process(database: Database, clock: HandClock) -> AsyncIterator[Process]:
    async with started(database, clock, UrlPolicy(allow_loopback=True)) as made:
        yield made


async def test_a_callback_is_posted_at_once_signed_and_forgotten(process: Process, customer: Customer):
    url = customer.url("/cb?name=O'Neil&x=%20")
    await process.commit(process.owed(url + "#rc=2&ct=3000"))
    [request] = await customer.wait_for(1)
    assert request.url == url
    assert request.form["MessageStatus"] == "sent"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert request.headers["User-Agent"].startswith("Limpet/")
    assert request.headers["I-Twilio-Idempotency-Token"] == "0003-0000000000000001"
    assert RequestValidator(TOKENS[7]).validate(request.url, request.form, request.headers["X-Twilio-Signature"])
    await process.until_rows()


@pytest.mark.parametrize("ending", ["", "?x=1", "/é?q=ü", "/a%2fb//c/../d", "/?#rp=all"])
async def test_the_signature_is_that_of_the_url_which_the_customer_sees(
    process: Process, customer: Customer, ending: str
):
    await process.commit(process.owed(f"http://127.0.0.1:{customer.port}{ending}"))
    [request] = await customer.wait_for(1)
    assert RequestValidator(TOKENS[7]).validate(request.url, request.form, request.headers["X-Twilio-Signature"])


async def test_each_account_signs_with_its_own_token_which_is_remembered_for_a_minute(
    process: Process, customer: Customer
):
    for count, account in enumerate((7, 8, 7, 8), start=1):
        await process.commit(process.owed(customer.url(), message=count, account=account))
        request = (await customer.wait_for(count))[-1]
        assert RequestValidator(TOKENS[account]).validate(
            request.url, request.form, request.headers["X-Twilio-Signature"]
        )
    assert process.tokens_asked == [7, 8]
    process.clock.advance(timedelta(seconds=callback.TOKEN_REMEMBERED_S))
    await process.commit(process.owed(customer.url()))
    await customer.wait_for(5)
    assert process.tokens_asked == [7, 8, 7]


async def test_events_of_a_message_arrive_in_order_and_one_at_a_time(process: Process, customer: Customer):
    customer.plan(Answer(hang=True))
    states = [Status.QUEUED, Status.SENT, Status.DELIVERED]
    await process.commit(*(process.owed(customer.url(), status=status) for status in states))
    await process.commit(process.owed(customer.url(), message=2))
    await customer.wait_for(2)
    customer.release()
    seen = [request.form for request in await customer.wait_for(4)]
    assert [form["MessageStatus"] for form in seen if form["MessageSid"] == f"SM{1:032x}"] == states
    await process.until_rows()


async def test_a_hanging_endpoint_does_not_hold_another(process: Process, customer: Customer):
    async with recording_customer() as hanging:
        hanging.always(Answer(hang=True))
        await process.commit(*(process.owed(hanging.url(), message=number) for number in range(1, 41)))
        await hanging.wait_for(turns.ENDPOINT_AT_ONCE_MAX)
        await process.commit(*(process.owed(customer.url(), message=number) for number in range(41, 81)))
        assert len(await customer.wait_for(40)) == 40
        assert len(hanging.requests) == turns.ENDPOINT_AT_ONCE_MAX
        hanging.always(Answer())
        hanging.release()
        await process.until_rows()


async def test_an_endpoint_that_does_not_answer_gets_one_at_a_time_until_it_does(process: Process, customer: Customer):
    customer.plan(Answer(hang=True))
    await process.commit(process.owed(customer.url("/cb#rc=0&rt=100")))
    await process.until_rows((1, 1))
    customer.plan(Answer(hang=True))
    await process.commit(*(process.owed(customer.url(), message=number) for number in range(2, 30)))
    async with recording_customer() as another:
        await process.commit(*(process.owed(another.url(), message=number) for number in range(30, 60)))
        await another.wait_for(30)
    assert len(customer.requests) == 2
    customer.plan(*[Answer(hang=True)] * turns.ENDPOINT_AT_ONCE_MAX)
    customer.release()
    async with asyncio.timeout(callback.POLL_S / 2):
        await customer.wait_for(2 + turns.ENDPOINT_AT_ONCE_MAX)
    customer.release()
    await process.until_rows((1, 1))


async def test_a_failure_is_repeated_at_once_then_by_the_schedule_under_one_token(process: Process, customer: Customer):
    customer.always(Answer(500))
    await process.commit(process.owed(customer.url()))
    await process.until_rows((1, 1))
    assert len(customer.requests) == 2, "one immediate retry is Twilio's default"
    process.callbacks.nudge()
    for attempt, delay_s in enumerate(CALLBACK_SCHEDULE_S, start=1):
        process.clock.advance(timedelta(seconds=delay_s - 1))
        process.callbacks.nudge()
        process.clock.advance(timedelta(seconds=delay_s * 0.1 + 1))
        process.callbacks.nudge()
        await process.until_rows(*([(1, attempt + 1)] if attempt < len(CALLBACK_SCHEDULE_S) else []))
        assert len(customer.requests) == 2 + attempt
    assert {request.headers["I-Twilio-Idempotency-Token"] for request in customer.requests} == {"0003-0000000000000001"}
    assert len({request.body for request in customer.requests}) == 1


async def test_a_retry_waits_for_its_time(process: Process, customer: Customer):
    customer.plan(Answer(500), Answer(500))
    await process.commit(process.owed(customer.url()))
    await process.until_rows((1, 1))
    assert not await process.callbacks._take_over()
    process.clock.advance(timedelta(seconds=4.9))
    assert not await process.callbacks._take_over()
    assert len(customer.requests) == 2
    process.clock.advance(timedelta(seconds=0.7))
    process.callbacks.nudge()
    await process.until_rows()
    assert len(customer.requests) == 3


@pytest.mark.parametrize(
    ("fragment", "status", "posts"),
    [("#rc=0", 500, 1), ("#rc=3", 500, 4), ("#rc=3&rp=4xx", 500, 1), ("#rc=3&rp=4xx", 404, 4), ("#rc=5&rp=ct", 503, 1)],
)
async def test_the_fragment_says_how_often_and_after_what(
    process: Process, customer: Customer, fragment, status, posts
):
    customer.always(Answer(status))
    await process.commit(process.owed(customer.url() + fragment))
    await process.until_rows((1, 1))
    assert len(customer.requests) == posts


async def test_the_total_time_covers_the_immediate_retries(process: Process, customer: Customer):
    customer.always(Answer(hang=True))
    slow = process.owed(customer.url() + "#rc=5&rt=100&tt=1000")
    await process.write(slow)
    process.clock.advance(timedelta(0))
    original = process.callbacks._webhooks.post

    async def post(*arguments):
        outcome = await original(*arguments)
        process.clock.advance(timedelta(seconds=0.6))
        return outcome

    process.callbacks._webhooks.post = post
    process.callbacks.post_now([slow])
    await process.until_rows((1, 1))
    assert len(customer.requests) == 2


async def test_a_404_is_tried_again_later(process: Process, customer: Customer):
    customer.plan(Answer(404), Answer(404))
    await process.commit(process.owed(customer.url()))
    await process.until_rows((1, 1))
    process.clock.advance(timedelta(seconds=6))
    process.callbacks.nudge()
    await process.until_rows()


async def test_a_410_is_given_up_at_once(process: Process, customer: Customer):
    customer.always(Answer(410))
    await process.commit(process.owed(customer.url()))
    await process.until_rows()
    assert len(customer.requests) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/cb", "http://localhost:{port}/cb", "not a URL", "ftp://x/"])
async def test_a_url_that_may_not_be_called_is_given_up(
    database: Database, clock: HandClock, customer: Customer, url: str
):
    async with started(database, clock, UrlPolicy()) as guarded:
        await guarded.commit(guarded.owed(url.format(port=customer.port)))
        await guarded.until_rows()
    assert customer.requests == []


async def test_a_later_event_goes_once_the_first_try_of_the_earlier_has_failed(process: Process, customer: Customer):
    customer.plan(Answer(500), Answer(500))
    await process.commit(
        process.owed(customer.url(), status=Status.SENT), process.owed(customer.url(), status=Status.DELIVERED)
    )
    await process.until_rows((1, 1))
    process.clock.advance(timedelta(seconds=6))
    process.callbacks.nudge()
    await process.until_rows()
    assert [request.form["MessageStatus"] for request in customer.requests] == ["sent", "sent", "delivered", "sent"]


async def test_what_a_killed_process_left_is_delivered_by_another_after_the_lease(
    process: Process, database: Database, clock: HandClock, customer: Customer
):
    customer.plan(Answer(hang=True))
    await process.commit(process.owed(customer.url()), process.owed(customer.url(), status=Status.DELIVERED))
    await customer.wait_for(1)
    await process.kill()
    async with started(database, clock, UrlPolicy(allow_loopback=True)) as second:
        assert not await second.callbacks._take_over()
        assert await second.rows() == [(1, 0), (2, 0)]
        clock.advance(LEASE)
        second.callbacks.nudge()
        await second.until_rows()
    first, again, after = customer.requests
    assert (first.body, first.headers["I-Twilio-Idempotency-Token"]) == (
        again.body,
        again.headers["I-Twilio-Idempotency-Token"],
    )
    assert after.form["MessageStatus"] == "delivered"


async def test_a_crash_between_commit_and_post_loses_nothing(process: Process, clock: HandClock, customer: Customer):
    await process.write(*(process.owed(customer.url(), message=number) for number in range(1, 1201)))
    clock.advance(LEASE)
    process.callbacks.nudge()
    await process.until_rows()
    assert len({request.form["MessageSid"] for request in customer.requests}) == len(customer.requests) == 1200


async def test_one_who_has_waited_too_long_is_left_to_the_table(process: Process, clock: HandClock, customer: Customer):
    one = process.owed(customer.url())
    await process.write(one)
    clock.advance(LEASE - callback.LEASE_NEEDED + timedelta(milliseconds=1))
    process.callbacks.post_now([one])
    assert not await process.callbacks._take_over()
    assert customer.requests == []
    clock.advance(LEASE)
    process.callbacks.nudge()
    await process.until_rows()
    assert len(customer.requests) == 1


async def test_what_this_process_holds_is_not_posted_again_when_its_lease_is_over(process: Process, customer: Customer):
    customer.plan(Answer(hang=True))
    await process.commit(process.owed(customer.url()))
    await customer.wait_for(1)
    process.clock.advance(LEASE)
    assert not await process.callbacks._take_over()
    customer.release()
    await process.until_rows()
    assert len(customer.requests) == 1


async def test_what_finds_no_room_comes_from_the_table(
    process: Process, customer: Customer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(turns, "HELD_MAX", 5)
    customer.plan(*[Answer(hang=True)] * 5)
    await process.commit(*(process.owed(customer.url(), message=number) for number in range(1, 21)))
    await customer.wait_for(5)
    customer.release()
    await process.until_rows(*((number, 0) for number in range(6, 21)))
    process.clock.advance(LEASE)
    process.callbacks.nudge()
    async with asyncio.timeout(callback.POLL_S / 2):
        await process.until_rows()
    assert len(customer.requests) == 20


async def test_stopping_waits_for_posts_under_way_and_hands_over_the_rest(
    process: Process, database, clock, customer: Customer
):
    customer.plan(*[Answer(hang=True)] * 10)
    await process.commit(*(process.owed(customer.url(), message=number) for number in range(1, 31)))
    await customer.wait_for(10)
    stopping = asyncio.create_task(process.callbacks.stop(PATIENCE_S))
    await until(lambda: asyncio.sleep(0, process.callbacks._stopping), True)
    customer.release()
    await stopping
    assert await process.rows() == [(number, 0) for number in range(11, 31)]
    assert len(customer.requests) == 10
    process.callbacks.post_now([process.owed(customer.url())])
    async with started(database, clock, UrlPolicy(allow_loopback=True)) as second:
        await second.until_rows()
    assert len(customer.requests) == 30, "what was handed over is due at once"


async def test_what_was_posted_while_stopping_is_written_before_it_has_stopped(process: Process, customer: Customer):
    customer.plan(Answer(hang=True))
    await process.commit(process.owed(customer.url()))
    await customer.wait_for(1)
    stopping = asyncio.create_task(process.callbacks.stop(PATIENCE_S))
    customer.release()
    await stopping
    assert await process.rows() == []


async def test_stopping_does_not_wait_for_ever(process: Process, customer: Customer):
    customer.always(Answer(hang=True))
    await process.commit(process.owed(customer.url()))
    await customer.wait_for(1)
    async with asyncio.timeout(PATIENCE_S / 2):
        await process.callbacks.stop(0.01)
    assert await process.rows() == [(1, 0)]


async def test_trouble_with_one_account_does_not_stop_another(process: Process, customer: Customer):
    await process.commit(process.owed(customer.url(), account=99), process.owed(customer.url(), message=2, account=8))
    await process.until_rows((1, 0))
    assert len(customer.requests) == 1


async def test_an_absent_database_is_survived(process: Process, customer: Customer):
    await process.database.pool.execute("ALTER TABLE status_callback RENAME TO away")
    process.callbacks.post_now([process.owed(customer.url())])
    await customer.wait_for(1)
    await until(lambda: asyncio.sleep(0, process.callbacks._turns.room), turns.HELD_MAX)
    await process.database.pool.execute("ALTER TABLE away RENAME TO status_callback")
    await process.commit(process.owed(customer.url(), message=2))
    await customer.wait_for(2)
    await process.until_rows()
