"""A person's text on its way to a real customer, and what the customer answers on its way back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from random import Random
from urllib.parse import parse_qsl

import pytest
import pytest_asyncio
from twilio.request_validator import RequestValidator

from limpet.carrier.port import Inbound
from limpet.core.destination import UrlPolicy
from limpet.core.ids import IdSource
from limpet.core.model import Account, Service
from limpet.core.optout import OptOutSettings
from limpet.flow.callback import Callbacks
from limpet.flow.reply import Replies
from limpet.store.database import Database
from limpet.webhook import Webhooks
from tests.support.clock import HandClock
from tests.support.customer import Answer, Customer, recording_customer
from tests.support.world import POOL, World, open_world

ANNA, TOKEN = "+14155550101", "0123456789abcdef0123456789abcdef"
XML = {"Content-Type": "text/xml"}
tokens = count(1)


class Line:
    """A world whose callbacks reach a customer, and whose replies come back."""

    def __init__(self, world: World, customer: Customer, callbacks: Callbacks) -> None:
        self.world = world
        self.customer = customer
        self.callbacks = callbacks

    async def service(self, *numbers: str, **settings: object) -> Service:
        usual = {"use_inbound_webhook_on_number": False, "inbound_request_url": self.customer.url("/in"), **settings}
        return await self.world.service(*numbers, **usual)

    async def say(self, body: str, to: str = POOL[0]) -> None:
        """Anna writes to one of our numbers, and it is on its way to the customer."""
        before, token = len(self.world.owed), next(tokens)
        self.world.lane.tell(Inbound(token, ANNA, to, body))
        await self.world.until(lambda: token in self.world.lane.acknowledged)
        await self.world.settle()
        self.callbacks.post_now(self.world.owed[before:])

    async def sent(self, many: int) -> list[tuple[str, str, str]]:
        """What has gone out by replies, once there is so much: sender, recipient, body, in order."""

        async def there() -> bool:
            return len(await self._replies()) >= many and await self._settled()

        await self.world.until(there)
        return await self._replies()

    def repeated(self, requests: int) -> bool:
        """Offer the last webhook again; whether the customer has had so many requests by now."""
        self.callbacks.post_now([self.world.owed[-1]])
        return len(self.customer.requests) >= requests

    async def quiet(self) -> None:
        """Wait until every webhook is settled."""
        await self.world.until(self._settled)

    async def _settled(self) -> bool:
        return bool(await self.world.database.pool.fetchval("SELECT NOT EXISTS (SELECT FROM status_callback)"))

    async def _replies(self) -> list[tuple[str, str, str]]:
        rows = await self.world.database.pool.fetch(
            "SELECT sender, recipient, body FROM message WHERE direction = 'outbound-reply' ORDER BY id"
        )
        return [tuple(row) for row in rows]


@pytest_asyncio.fixture
async def line(database: Database, clock: HandClock) -> AsyncIterator[Line]:
    async with open_world(database, clock) as world, recording_customer() as customer:
        webhooks = Webhooks(UrlPolicy(True, (), frozenset()))

        async def token_of(_: int) -> str:
            return TOKEN

        async def account_of(sid: str) -> Account | None:
            return world.account if sid == world.account.sid else None

        ids, chance = IdSource(), Random(2)
        callbacks = Callbacks(
            database, webhooks, token_of, clock, Random(1).random, lambda now: ids.next(now, chance.getrandbits(21))
        )
        callbacks.on_answered = Replies(world.accept, account_of).answered
        running = asyncio.create_task(callbacks.run())
        yield Line(world, customer, callbacks)
        await callbacks.stop(1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await webhooks.close()


def twiml(inside: str) -> Answer:
    return Answer(headers=XML, body=f"<Response>{inside}</Response>".encode())


async def test_the_customer_hears_all_of_it_under_a_good_signature(line: Line) -> None:
    service = await line.service(*POOL)
    await line.say("Grüße & co?")
    (request,) = await line.customer.wait_for(1)
    form = request.form
    assert RequestValidator(TOKEN).validate(request.url, form, request.headers["X-Twilio-Signature"])
    assert (form["From"], form["To"], form["Body"], form["NumSegments"]) == (ANNA, POOL[0], "Grüße & co?", "1")
    assert (form["AccountSid"], form["MessagingServiceSid"]) == (line.world.account.sid, service.sid)
    assert form["MessageSid"] == form["SmsSid"] == form["SmsMessageSid"]
    assert (form["FromCountry"], form["FromState"], form["ToState"], form["NumMedia"]) == ("US", "CA", "NY", "0")
    assert (form["SmsStatus"], form["ApiVersion"]) == ("received", "2010-04-01")
    assert "OptOutType" not in form
    await line.quiet()


async def test_by_get_the_parameters_are_in_the_query_and_signed(line: Line) -> None:
    await line.service(*POOL, inbound_request_url=line.customer.url("/in?a=1"), inbound_method="GET")
    await line.say("hello")
    (request,) = await line.customer.wait_for(1)
    assert request.method == "GET"
    assert request.body == ""
    assert RequestValidator(TOKEN).validate(request.url, {}, request.headers["X-Twilio-Signature"])
    assert dict(parse_qsl(request.url.partition("?")[2]))["Body"] == "hello"


@pytest.mark.parametrize(
    ("settings", "number", "path"),
    [
        ({}, "/number", "/in"),
        ({"use_inbound_webhook_on_number": True}, "/number", "/number"),
        ({"use_inbound_webhook_on_number": True}, "", None),
    ],
)
async def test_who_is_told(line: Line, settings: dict[str, object], number: str, path: str | None) -> None:
    await line.service(*POOL, **settings)
    await line.world.database.pool.execute("UPDATE sender SET sms_url = $1", number and line.customer.url(number))
    await line.say("hello")
    kept = await line.world.database.pool.fetchval("SELECT count(*) FROM message WHERE direction = 'inbound'")
    assert kept == 1
    if path is None:
        assert await line.world.database.pool.fetchval("SELECT count(*) FROM status_callback") == 0
        assert line.customer.requests == []
    else:
        (request,) = await line.customer.wait_for(1)
        assert request.url == line.customer.url(path)


async def test_a_service_without_a_url_takes_no_texts_but_hears_stop(line: Line) -> None:
    service = await line.service(*POOL, inbound_request_url=None)
    await line.say("hello")
    await line.say("STOP")
    assert await line.world.database.pool.fetchval("SELECT count(*) FROM message WHERE direction = 'inbound'") == 0
    assert (await line.world.send(service, ANNA)).error_code == 21610


async def test_replies_go_from_the_number_written_to_in_order(line: Line) -> None:
    await line.service(*POOL)
    line.customer.always(twiml("<Message>one</Message><Message to='+14155550102'>two</Message>"), "/in")
    await line.say("hello", POOL[1])
    assert await line.sent(2) == [(POOL[1], ANNA, "one"), (POOL[1], "+14155550102", "two")]
    assert [s.sender for s in line.world.lane.submitted] == [POOL[1], POOL[1]]


async def test_a_plain_text_is_a_reply_and_an_empty_answer_none(line: Line) -> None:
    await line.service(*POOL)
    line.customer.plan(Answer(headers={"Content-Type": "text/plain"}, body=b"Thanks!"), Answer(), path="/in")
    await line.say("hello")
    await line.say("again")
    await line.customer.wait_for(2)
    assert await line.sent(1) == [(POOL[0], ANNA, "Thanks!")]
    await line.quiet()


async def test_a_redirect_is_followed_and_a_circle_ends(line: Line) -> None:
    await line.service(*POOL)
    line.customer.always(twiml("<Message>first</Message><Redirect method='GET'>next</Redirect>"), "/in")
    line.customer.always(twiml("<Message>second</Message>"), "/next")
    await line.say("hello")
    assert [body for *_, body in await line.sent(2)] == ["first", "second"]
    assert [request.method for request in line.customer.requests] == ["POST", "GET"]
    line.customer.always(twiml("<Redirect>/in</Redirect>"), "/in")
    await line.say("round and round")
    await line.quiet()
    assert len(line.customer.requests) == 2 + 6


@pytest.mark.parametrize("bad", [Answer(500), Answer(headers=XML, body=b"<Response><Message>"), Answer(404)])
async def test_the_fallback_is_asked_with_what_went_wrong(line: Line, bad: Answer) -> None:
    await line.service(
        *POOL, inbound_request_url=line.customer.url("/in#rc=0"), fallback_url=line.customer.url("/fall")
    )
    line.customer.always(bad, "/in")
    line.customer.always(twiml("<Message>sorry</Message>"), "/fall")
    await line.say("hello")
    assert [body for *_, body in await line.sent(1)] == ["sorry"]
    asked = line.customer.requests[-1].form
    assert asked["ErrorCode"] == ("12100" if bad.status == 200 else "11200")
    assert asked["ErrorUrl"] == line.customer.url("/in")
    assert asked["Body"] == "hello"


async def test_a_webhook_that_is_answered_twice_replies_once(line: Line) -> None:
    await line.service(*POOL)
    line.customer.always(twiml("<Message>once</Message>"), "/in")
    await line.say("hello")
    await line.sent(1)
    line.customer.always(twiml("<Message>other words</Message>"), "/in")
    await line.world.until(lambda: line.repeated(2))
    await line.world.until(lambda: not line.callbacks._workers)
    assert [body for *_, body in await line.sent(1)] == ["once"]


async def test_replies_obey_the_rules_of_all_messages(line: Line) -> None:
    service = await line.service(*POOL)
    await line.world.flow.opt_outs.set(service, OptOutSettings(advanced=True), line.world.clock.now())
    line.customer.always(twiml("<Message>but wait</Message>"), "/in")
    await line.say("STOP")
    (request,) = await line.customer.wait_for(1)
    assert request.form["OptOutType"] == "STOP"
    await line.sent(2)
    blocked = await line.world.database.pool.fetch("SELECT error_code FROM message WHERE body = 'but wait'")
    assert [row["error_code"] for row in blocked] == [21610]


async def test_a_repeated_webhook_that_takes_another_way_replies_once(line: Line) -> None:
    fall = line.customer.url("/fall")
    await line.service(*POOL, inbound_request_url=line.customer.url("/in#rc=0"), fallback_url=fall)
    line.customer.always(twiml("<Message>sorry</Message>"), "/fall")
    line.customer.plan(twiml("<Message>once</Message>"), Answer(500), twiml("<Message"), path="/in")
    await line.say("hello")
    await line.sent(1)
    for requests in (3, 5):  # what is still held is not taken again, so it is offered until it is
        await line.world.until(lambda most=requests: line.repeated(most))
        await line.world.until(lambda: not line.callbacks._workers)
    assert [body for *_, body in await line.sent(1)] == ["once"]


async def test_the_last_redirect_is_answered_and_a_failed_one_asks_the_fallback(line: Line) -> None:
    await line.service(*POOL, fallback_url=line.customer.url("/fall"))
    for n in range(5):
        line.customer.always(twiml(f"<Redirect>/step{n + 1}</Redirect>"), f"/step{n}" if n else "/in")
    line.customer.always(twiml("<Message>there</Message>"), "/step5")
    await line.say("hello")
    assert [body for *_, body in await line.sent(1)] == ["there"]
    line.customer.always(Answer(404), "/step3")
    line.customer.always(twiml("<Message>sorry</Message>"), "/fall")
    await line.say("again")
    assert [body for *_, body in await line.sent(2)] == ["there", "sorry"]
    assert line.customer.requests[-1].form["ErrorUrl"] == line.customer.url("/step3")


@pytest.mark.parametrize("mode", ["off", "first", "follow"])
@pytest.mark.parametrize("person", ["BANK", "12345", ""])
async def test_S_26_a_text_from_a_name_or_a_code_is_taken_and_makes_no_mapping(
    line: Line, mode: str, person: str
) -> None:
    await line.service(*POOL, sticky_inbound=mode)
    token = next(tokens)
    line.world.lane.tell(Inbound(token, person, POOL[0], "your code is 1234"))
    await line.world.until(lambda: token in line.world.lane.acknowledged)
    kept = await line.world.database.pool.fetchval("SELECT recipient FROM message WHERE direction = 'inbound'")
    assert kept == person
    assert await line.world.database.pool.fetchval("SELECT count(*) FROM sticky_mapping") == 0


@pytest.mark.parametrize(
    ("mode", "before", "after", "events"),
    [
        ("off", None, None, []),
        ("off", POOL[0], POOL[0], ["created:first_message"]),
        ("first", None, POOL[2], ["created:inbound"]),
        ("first", POOL[0], POOL[0], ["created:first_message"]),
        ("follow", None, POOL[2], ["created:inbound"]),
        ("follow", POOL[0], POOL[2], ["created:first_message", "replaced:inbound"]),
        ("follow", POOL[2], POOL[2], ["created:first_message"]),
    ],
)
async def test_S_26_what_a_text_does_to_a_mapping(
    line: Line, mode: str, before: str | None, after: str | None, events: list[str]
) -> None:
    service = await line.service(*POOL, sticky_inbound=mode)
    if before is not None:
        await line.world.send(service, ANNA, sender=before)
    await line.say("hello", POOL[2])
    await line.say("hello again", POOL[2])
    assert await line.world.mapping(service, ANNA) == after
    assert await line.world.kinds(service, ANNA) == events
    await line.world.set(service, "sticky_sender", False)
    await line.say("and now", POOL[3])
    assert await line.world.kinds(service, ANNA) == events
