"""The log of tries to reach customers' URLs, and what is posted once more from it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limpet.core.page import PageRequest
from limpet.core.retry import CALLBACK_SCHEDULE_S
from limpet.store import deliveries
from limpet.store.deliveries import KEPT_DAYS, Deliveries, Delivery
from limpet.store.dispatch import Key
from tests.flow.test_callback import Process, customer, process  # noqa: F401 - fixtures
from tests.support.customer import Answer, Customer

ACCOUNT = 7


async def log_of(process: Process, outcome: str | None = None) -> list[Delivery]:  # noqa: F811
    """What is logged, oldest first."""
    page = await Deliveries(process.database).page(ACCOUNT, outcome, PageRequest(size=1000))
    return list(reversed(page.items))


async def test_failures_and_what_followed_them_are_logged(process: Process, customer: Customer) -> None:  # noqa: F811
    customer.plan(Answer(503), Answer(503))
    await process.commit(process.owed(customer.url()))
    await process.until_rows((1, 1))
    process.clock.advance(timedelta(seconds=6))
    process.callbacks.nudge()
    await process.until_rows()
    first, second = await log_of(process)
    assert (first.attempt, first.outcome, first.http_status) == (1, "postponed", 503)
    assert first.failure
    assert (second.attempt, second.outcome, second.http_status, second.failure) == (2, "taken", 200, None)
    assert {first.callback, second.callback} == {Key(3, 1)}
    assert first.payload == customer.requests[0].body


async def test_what_is_taken_at_once_is_logged_only_when_all_is(process: Process, customer: Customer) -> None:  # noqa: F811
    await process.commit(process.owed(customer.url(), message=1))
    await process.until_rows()
    assert await log_of(process) == []
    process.callbacks._log_all = True
    await process.commit(process.owed(customer.url(), message=2))
    await process.until_rows()
    assert [(one.message_id, one.outcome) for one in await log_of(process)] == [(2, "taken")]


async def test_the_log_has_what_may_be_kept_and_the_customer_what_was_owed(
    process: Process, customer: Customer  # noqa: F811
) -> None:  # fmt: skip
    customer.plan(Answer(503), Answer(503))
    owed = process.owed(customer.url())
    kept = owed.payload.replace("5550101", "555XXXX")
    await process.commit(owed._replace(payload_kept=kept))
    await process.until_rows((1, 1))
    process.clock.advance(timedelta(seconds=6))
    process.callbacks.nudge()
    await process.until_rows()
    assert {request.body for request in customer.requests} == {owed.payload}
    assert [one.payload for one in await log_of(process)] == [kept, kept]


async def test_no_answer_has_no_status_but_a_cause(process: Process, customer: Customer) -> None:  # noqa: F811
    customer.always(Answer(raw=b"not HTTP\r\n\r\n"))
    await process.commit(process.owed(customer.url()))
    await process.until_rows((1, 1))
    [one] = await log_of(process)
    assert one.http_status is None
    assert one.failure is not None
    assert "127.0.0.1" in one.failure


async def test_what_was_given_up_is_posted_again_under_its_token(process: Process, customer: Customer) -> None:  # noqa: F811
    customer.plan(Answer(410))
    await process.commit(process.owed(customer.url()))
    await process.until_rows()
    [given_up] = await log_of(process, "given_up")
    store = Deliveries(process.database)
    await store.replay(given_up, process.clock.now())
    process.callbacks.nudge()
    await process.until_rows()
    first, again = await customer.wait_for(2)
    assert again.body == first.body
    assert again.headers["I-Twilio-Idempotency-Token"] == first.headers["I-Twilio-Idempotency-Token"]


async def test_what_is_still_owed_is_brought_forward_with_its_whole_schedule(
    process: Process, customer: Customer  # noqa: F811
) -> None:  # fmt: skip
    customer.plan(*[Answer(500)] * 3)
    await process.commit(process.owed(customer.url()))
    await process.until_rows((1, 1))
    process.clock.advance(timedelta(seconds=CALLBACK_SCHEDULE_S[0] * 1.2))
    process.callbacks.nudge()
    await process.until_rows((1, 2))
    [*_, last] = await log_of(process)
    await Deliveries(process.database).replay(last, process.clock.now())
    assert await process.rows() == [(1, 0)]
    process.callbacks.nudge()
    await process.until_rows()
    assert [one.outcome for one in await log_of(process)] == ["postponed", "postponed"], (
        "a first try that is taken is no news"
    )


@pytest.mark.parametrize(("days", "left"), [(KEPT_DAYS - 0.01, 1), (KEPT_DAYS + 0.01, 0)])
async def test_the_log_is_kept_for_its_days(process: Process, customer: Customer, days: float, left: int) -> None:  # noqa: F811
    customer.plan(Answer(410))
    await process.commit(process.owed(customer.url()))
    await process.until_rows()
    await deliveries.purge(process.database, process.clock.now() + timedelta(days=days))
    assert len(await log_of(process)) == left
