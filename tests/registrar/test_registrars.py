"""One suite over every registrar: the seam's promises, with those over HTTP against upstreams that are played."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from limpet.config_registration import RegistrationConfig
from limpet.flow.registrars import registrar_of
from limpet.registrar.http import BODY_BYTES_MAX, HttpRegistrar
from limpet.registrar.port import Answer, Approved, Pending, Registrar, Rejected, Request, Subject, Trouble, Unknown
from limpet.registrar.simulated import Script, SimulatedRegistrar
from tests.registrar.test_upstreams import OURS, telnyx_at, twilio_at
from tests.support.clock import HandClock
from tests.support.registries import TelnyxRegistry, TwilioRegistry, played

KEY = "6f0c" * 8
NUMBER = Request(
    KEY,
    Subject.NUMBER,
    "PN" + "0" * 32,
    "AC" + "0" * 32,
    {"phone_number": "+14155550101", "campaign_sid": "QE1", "messaging_service_sid": OURS},
)
TOKEN = "secret-of-the-registry"


@dataclass
class Upstream:
    """A registry behind HTTP that keeps what it took by key; `says` replaces its next answers."""

    url: str = ""
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    decided: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    says: Callable[[], Awaitable[web.StreamResponse]] | None = None

    async def post(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        if self.says is not None:
            return await self.says()
        body = await request.json()
        assert request.headers["Idempotency-Key"] == body["key"]
        self.posts[body["key"]] += 1
        self.taken.setdefault(body["key"], body)
        return self._answer(body["key"])

    async def get(self, request: web.Request) -> web.StreamResponse:
        if self.says is not None:
            return await self.says()
        key = request.match_info["key"]
        return self._answer(key) if key in self.taken else web.json_response({"error": "unknown"}, status=404)

    def _answer(self, key: str) -> web.StreamResponse:
        return web.json_response(self.decided.get(key, {"status": "pending", "reference": f"U-{key[:4]}"}))


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    made, app = Upstream(), web.Application()
    app.router.add_post("/a2p/registrations", made.post)
    app.router.add_get("/a2p/registrations/{key}", made.get)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}/a2p/"
    yield made
    await runner.cleanup()


def configured(kind: str, upstream: Upstream, clock: HandClock) -> Registrar:
    config = RegistrationConfig(kind, delay_s=5.0)
    if kind == "http":
        config = replace(config, url=upstream.url, token=TOKEN, timeout_s=2.0)
    return registrar_of(config, clock)


@asynccontextmanager
async def opened(kind: str, upstream: Upstream, clock: HandClock) -> AsyncIterator[Registrar]:
    """A registrar of any kind, with whatever stands behind it."""
    async with AsyncExitStack() as stack:
        if kind == "twilio":
            owned = {str(NUMBER.details["phone_number"]): "PN" + "a" * 32}
            twilio = TwilioRegistry(owned=owned, joins_at=clock.now().isoformat())
            await stack.enter_async_context(played(twilio))
            registrar = twilio_at(twilio, clock)
        elif kind == "telnyx":
            telnyx = TelnyxRegistry()
            await stack.enter_async_context(played(telnyx))
            registrar = telnyx_at(telnyx, clock)
        else:
            registrar = configured(kind, upstream, clock)
        yield registrar
        await registrar.close()


@pytest.mark.parametrize("kind", ["none", "manual", "simulated", "http", "twilio", "telnyx"])
async def test_a_request_is_taken_once_and_its_state_can_be_asked(
    kind: str, upstream: Upstream, clock: HandClock
) -> None:
    async with opened(kind, upstream, clock) as registrar:
        await _is_taken_once(registrar, kind)


async def _is_taken_once(registrar: Registrar, kind: str) -> None:
    first = await registrar.submit(NUMBER)
    assert isinstance(first, Approved if kind == "none" else Pending)
    assert first.reference
    assert await registrar.submit(NUMBER) == first, "the same key again is the same request"
    assert await registrar.status(NUMBER) == first
    other = replace(NUMBER, key="f" * 32, subject=Subject.NUMBER_REMOVAL)
    taken = await registrar.submit(other)
    assert isinstance(taken, Approved if kind == "twilio" else type(first)), "a number leaves Twilio's service at once"
    assert await registrar.status(other) == taken


@pytest.mark.parametrize("kind", ["simulated", "http", "twilio", "telnyx"])
async def test_what_was_never_taken_is_unknown(kind: str, upstream: Upstream, clock: HandClock) -> None:
    async with opened(kind, upstream, clock) as registrar:
        assert await registrar.status(NUMBER) == Unknown()


@pytest.mark.parametrize("kind", ["none", "manual", "simulated", "http", "twilio", "telnyx"])
@pytest.mark.parametrize("subject", list(Subject))
async def test_every_subject_is_answered_and_never_as_unknown_when_it_is_new(
    kind: str, subject: Subject, upstream: Upstream, clock: HandClock
) -> None:
    async with opened(kind, upstream, clock) as registrar:
        answer = await registrar.submit(replace(NUMBER, subject=subject))
        assert isinstance(answer, Approved | Pending), answer


async def test_http_says_who_asks_and_for_what_and_hears_each_decision(upstream: Upstream, clock: HandClock) -> None:
    registrar = configured("http", upstream, clock)
    await registrar.submit(NUMBER)
    assert upstream.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert upstream.taken[KEY] == {
        "key": KEY, "subject": "number", "sid": NUMBER.sid, "account_sid": NUMBER.account_sid, "details": dict(NUMBER.details),
    }  # fmt: skip
    upstream.decided[KEY] = {"status": "approved", "reference": "U1", "details": {"tcr_id": "C1"}}
    assert await registrar.status(NUMBER) == Approved("U1", {"tcr_id": "C1"})
    upstream.decided[KEY] = {"status": "rejected", "error_code": 30125, "reason": "no", "fields": ["A", 1]}
    assert await registrar.status(NUMBER) == Rejected("no", 30125, None, ("A", "1"))
    upstream.decided[KEY] = {"status": "rejected", "error_code": "soon"}
    assert await registrar.status(NUMBER) == Rejected("The registrar gave no reason")
    await registrar.close()


def _response(status: int, body: bytes) -> Callable[[], Awaitable[web.StreamResponse]]:
    async def say() -> web.StreamResponse:
        return web.Response(status=status, body=body)

    return say


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"), (429, b"{}"), (401, b'{"status":"approved"}'), (302, b""), (200, b"nonsense"), (200, b"[]"),
        (200, b"{}"), (200, b'{"status":"done"}'), (200, b'{"status":"approved","x":"' + b"x" * BODY_BYTES_MAX + b'"}'),
    ],
)  # fmt: skip
async def test_http_takes_what_it_does_not_understand_for_trouble(
    status: int, body: bytes, upstream: Upstream, clock: HandClock
) -> None:
    registrar, upstream.says = configured("http", upstream, clock), _response(status, body)
    for answer in (await registrar.submit(NUMBER), await registrar.status(NUMBER)):
        assert isinstance(answer, Trouble), answer
        assert TOKEN not in answer.why
    await registrar.close()


async def test_http_without_anybody_there_is_trouble_and_so_is_a_404_to_a_new_request(
    upstream: Upstream, clock: HandClock
) -> None:
    upstream.says = _response(404, json.dumps({"status": "approved"}).encode())
    registrar = configured("http", upstream, clock)
    assert isinstance(await registrar.submit(NUMBER), Trouble)
    await registrar.close()
    nowhere = HttpRegistrar("http://127.0.0.1:9", "", 1.0)
    assert isinstance(await nowhere.submit(NUMBER), Trouble)
    await nowhere.close()


@pytest.mark.parametrize(
    ("subject", "number", "expected"),
    [
        (Subject.NUMBER, "+14155550101", Approved),
        (Subject.NUMBER, "+14155559911", Rejected),
        (Subject.NUMBER, "+14155559912", Pending),
        (Subject.NUMBER, "+14155559913", Approved),
        (Subject.NUMBER_REMOVAL, "+14155559913", Rejected),
        (Subject.NUMBER_REMOVAL, "+14155559911", Approved),
    ],
)
async def test_the_simulated_one_decides_after_its_delay_by_magic_numbers(
    subject: Subject, number: str, expected: type[Answer], clock: HandClock
) -> None:
    registrar = SimulatedRegistrar(clock.now, Script(timedelta(seconds=30)))
    request = replace(NUMBER, subject=subject, details={"phone_number": number})
    assert isinstance(await registrar.submit(request), Pending)
    clock.advance(timedelta(seconds=29))
    assert isinstance(await registrar.status(request), Pending)
    clock.advance(timedelta(seconds=1))
    assert isinstance(await registrar.status(request), expected)


async def test_the_simulated_one_goes_wrong_as_its_script_says(clock: HandClock) -> None:
    fates = {(Subject.NUMBER, NUMBER.sid): Rejected("scripted", 30125)}
    registrar = SimulatedRegistrar(clock.now, Script(fates=fates))
    assert await registrar.submit(NUMBER) == Rejected("scripted", 30125)
    troubled = replace(NUMBER, key="t" * 32, sid="PN" + "1" * 32, details={"phone_number": "+14155559914"})
    found = [type(await registrar.submit(troubled)) for _ in range(3)]
    assert found == [Trouble, Trouble, Approved]
    campaign = replace(
        NUMBER, key="c" * 32, subject=Subject.CAMPAIGN, sid="QE1", details={"description": "REJECT this"}
    )
    assert isinstance(await registrar.submit(campaign), Rejected)
