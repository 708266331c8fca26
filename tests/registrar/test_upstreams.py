"""Registrars over an account at Twilio or Telnyx: what is asked there, once for each thing, and what each answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from limpet.config_http import TelnyxConfig, TwilioConfig
from limpet.config_registration import RegistrationConfig
from limpet.flow.registrars import registrar_of
from limpet.registrar.port import Answer, Approved, Pending, Registrar, Rejected, Request, Subject, Trouble, Unknown
from limpet.registrar.twilio import messaging_url
from tests.support.clock import HandClock
from tests.support.registries import (
    ACCOUNT,
    CAMPAIGN,
    PUBLIC_KEY,
    SERVICE,
    TOKEN,
    TelnyxRegistry,
    TwilioRegistry,
    at,
    basic,
    played,
)

PHONE, SID = "+14155550101", "PN" + "a" * 32
OURS = "MG" + "1" * 32
NUMBER = Request(
    "6f0c" * 8, Subject.NUMBER, "PN" + "0" * 32, ACCOUNT, {"phone_number": PHONE, "messaging_service_sid": OURS}
)
REMOVAL = replace(NUMBER, key="7f" * 16, subject=Subject.NUMBER_REMOVAL)
CAMPAIGN_ASKED = replace(NUMBER, subject=Subject.CAMPAIGN, details={"messaging_service_sid": OURS})


def twilio_at(
    registry: TwilioRegistry, clock: HandClock, campaigns: tuple[tuple[str, str], ...] = ((OURS, SERVICE),), **more: Any
) -> Registrar:
    carrier = TwilioConfig(
        kind="twilio", name="up", base_url=registry.url, account_sid=ACCOUNT, auth_token=TOKEN, **more
    )
    config = RegistrationConfig("twilio", carrier="up", campaigns=campaigns, timeout_s=2.0)
    return registrar_of(config, clock, [carrier])


def telnyx_at(registry: TelnyxRegistry, clock: HandClock) -> Registrar:
    carrier = TelnyxConfig(kind="telnyx", name="up", base_url=registry.url, api_key=TOKEN, public_key=PUBLIC_KEY)
    config = RegistrationConfig("telnyx", carrier="up", campaigns=(("default", CAMPAIGN),), timeout_s=2.0)
    return registrar_of(config, clock, [carrier])


@pytest_asyncio.fixture
async def twilio() -> AsyncIterator[TwilioRegistry]:
    registry = TwilioRegistry(owned={PHONE: SID})
    async with played(registry):
        yield registry


@pytest_asyncio.fixture
async def telnyx() -> AsyncIterator[TelnyxRegistry]:
    registry = TelnyxRegistry()
    async with played(registry):
        yield registry


async def said(registrar: Registrar, request: Request, *, submit: bool = False) -> Answer:
    answer = await (registrar.submit(request) if submit else registrar.status(request))
    await registrar.close()
    return answer


# ── Twilio ──


async def test_a_number_joins_the_service_at_twilio_and_counts_once_it_has_settled(
    twilio: TwilioRegistry, clock: HandClock
) -> None:
    clock.advance(at("2026-03-02T11:59:59Z") - clock.now())
    registrar = twilio_at(twilio, clock)
    assert await registrar.status(NUMBER) == Unknown()
    assert await registrar.submit(NUMBER) == Pending(SID)
    assert twilio.posts() == [("POST", f"/v1/Services/{SERVICE}/PhoneNumbers")]
    assert twilio.authorization == {basic(ACCOUNT, TOKEN)}
    clock.advance(timedelta(seconds=1))
    assert await registrar.status(replace(NUMBER, reference=SID)) == Approved(SID)
    twilio.campaign = {"campaign_status": "IN_PROGRESS"}
    assert await registrar.status(NUMBER) == Pending(SID), "its campaign comes first"
    await registrar.close()


async def test_an_api_key_of_the_carrier_is_used_where_there_is_one(twilio: TwilioRegistry, clock: HandClock) -> None:
    key = "SK" + "0" * 32
    await said(twilio_at(twilio, clock, api_key_sid=key, api_key_secret="s"), NUMBER)
    assert twilio.authorization == {basic(key, "s")}


async def test_a_number_leaves_the_service_at_twilio(twilio: TwilioRegistry, clock: HandClock) -> None:
    twilio.members[SID] = "2026-03-01T00:00:00Z"
    registrar = twilio_at(twilio, clock)
    assert await registrar.status(REMOVAL) == Unknown()
    assert await registrar.submit(REMOVAL) == Approved(SID)
    assert twilio.members == {}
    assert await registrar.submit(REMOVAL) == Approved(SID), "what is gone is gone"
    assert await registrar.status(REMOVAL) == Approved(SID)
    await registrar.close()


async def test_a_number_that_the_account_at_twilio_has_not_is_rejected_and_need_not_leave(
    twilio: TwilioRegistry, clock: HandClock
) -> None:
    twilio.owned.clear()
    assert await said(twilio_at(twilio, clock), NUMBER, submit=True) == Rejected(
        "The account at Twilio has no such number"
    )
    assert isinstance(await said(twilio_at(twilio, clock), REMOVAL, submit=True), Approved)


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        ((409, 21712), Rejected("no room", 21712, SID)),
        ((412, 21714), Rejected("no room", 21714, SID)),
        ((404, 20404), Trouble),
        ((429, 20429), Trouble),
        ((401, 20003), Trouble),
        ((503, 20503), Trouble),
    ],
)
async def test_what_twilio_refuses_is_rejected_with_its_code_unless_it_may_be_otherwise_later(
    refused: tuple[int, int], expected: object, twilio: TwilioRegistry, clock: HandClock
) -> None:
    twilio.refuses = refused
    answer = await said(twilio_at(twilio, clock), NUMBER, submit=True)
    assert answer == expected or type(answer) is expected


@pytest.mark.parametrize(
    ("campaign", "expected"),
    [
        ({"campaign_status": "VERIFIED", "brand_registration_sid": "BN1"}, Approved("QE1", {"tcr_id": "C1", "score": 62})),
        ({"campaign_status": "VERIFIED", "brand_registration_sid": None}, Approved("QE1", {"tcr_id": "C1"})),
        ({"campaign_status": "IN_PROGRESS"}, Pending("QE1")),
        ({"campaign_status": "FAILED", "errors": [{"error_code": 30897, "description": "vague", "fields": ["DESCRIPTION"]}]},
         Rejected("vague", 30897, "QE1", ("DESCRIPTION",))),
        ({"campaign_status": "SUSPENDED"}, Rejected("The campaign is SUSPENDED at Twilio", None, "QE1")),
        (None, Pending(SERVICE)),
    ],
)  # fmt: skip
async def test_a_campaign_is_what_it_is_at_twilio(
    campaign: dict[str, Any] | None, expected: Answer, twilio: TwilioRegistry, clock: HandClock
) -> None:
    twilio.campaign = None if campaign is None else {"sid": "QE1", "campaign_id": "C1", **campaign}
    assert await said(twilio_at(twilio, clock), CAMPAIGN_ASKED, submit=True) == expected
    assert twilio.posts() == [], "nothing is made there"


def test_messaging_services_are_asked_about_beside_the_api() -> None:
    assert messaging_url("https://api.twilio.com") == "https://messaging.twilio.com"
    assert messaging_url("https://api.dublin.ie1.twilio.com") == "https://messaging.dublin.ie1.twilio.com"
    assert messaging_url("http://127.0.0.1:8080") == "http://127.0.0.1:8080"


# ── Telnyx ──


@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_number_is_assigned_at_telnyx_and_taken_out_again(
    wrapped: bool, telnyx: TelnyxRegistry, clock: HandClock
) -> None:
    telnyx.wrapped, registrar = wrapped, telnyx_at(telnyx, clock)
    assert await registrar.status(NUMBER) == Unknown()
    assert await registrar.submit(NUMBER) == Pending(PHONE)
    assert await registrar.submit(NUMBER) == Pending(PHONE)
    assert len(telnyx.posts()) == 1, "what is under way is not asked for again"
    telnyx.set(PHONE, "ASSIGNED")
    assert await registrar.status(NUMBER) == Approved(PHONE)
    assert await registrar.status(REMOVAL) == Unknown()
    assert await registrar.submit(REMOVAL) == Pending(PHONE)
    assert isinstance(await registrar.status(NUMBER), Trouble), "it waits until it is out"
    del telnyx.numbers[PHONE]
    assert await registrar.status(REMOVAL) == Approved(PHONE)
    assert [method for method, _ in telnyx.posts()] == ["POST", "DELETE"]
    assert telnyx.authorization == {f"Bearer {TOKEN}"}
    await registrar.close()


async def test_what_failed_at_telnyx_is_told_and_can_be_asked_for_again(
    telnyx: TelnyxRegistry, clock: HandClock
) -> None:
    registrar = telnyx_at(telnyx, clock)
    telnyx.set(PHONE, "FAILED_ASSIGNMENT", "the campaign is full")
    assert await registrar.status(NUMBER) == Rejected("the campaign is full", None, PHONE)
    assert await registrar.submit(NUMBER) == Pending(PHONE)
    telnyx.set(PHONE, "FAILED_UNASSIGNMENT", "stuck")
    assert await registrar.status(REMOVAL) == Rejected("stuck", None, PHONE)
    assert await registrar.submit(REMOVAL) == Pending(PHONE)
    await registrar.close()


async def test_a_number_of_another_campaign_at_telnyx_is_left_alone(telnyx: TelnyxRegistry, clock: HandClock) -> None:
    telnyx.set(PHONE, "ASSIGNED", campaign="another")
    refused = await said(telnyx_at(telnyx, clock), NUMBER, submit=True)
    assert refused == Rejected("The number is in another campaign at Telnyx", None, PHONE)
    assert await said(telnyx_at(telnyx, clock), REMOVAL, submit=True) == Approved(PHONE)
    assert telnyx.posts() == []


async def test_a_number_that_telnyx_does_not_take_is_rejected_with_its_words(
    telnyx: TelnyxRegistry, clock: HandClock
) -> None:
    telnyx.refuses = 422
    assert await said(telnyx_at(telnyx, clock), NUMBER, submit=True) == Rejected("not yours")
    telnyx.refuses = 429
    assert isinstance(await said(telnyx_at(telnyx, clock), NUMBER, submit=True), Trouble)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("MNO_PROVISIONED", Approved(CAMPAIGN, {"tcr_id": "CTCR1"})),
        ("MNO_ACCEPTED", Pending(CAMPAIGN)),
        ("TCR_PENDING", Pending(CAMPAIGN)),
        ("MNO_REJECTED", Rejected("vague", None, CAMPAIGN)),
    ],
)
async def test_a_campaign_is_what_it_is_at_telnyx(
    status: str, expected: Answer, telnyx: TelnyxRegistry, clock: HandClock
) -> None:
    telnyx.status = status
    assert await said(telnyx_at(telnyx, clock), CAMPAIGN_ASKED, submit=True) == expected


# ── both ──


@pytest.mark.parametrize("status", [401, 403, 500, 302])
@pytest.mark.parametrize("request_", [NUMBER, REMOVAL, CAMPAIGN_ASKED])
async def test_an_upstream_that_cannot_answer_is_trouble_and_its_secret_stays_one(
    status: int, request_: Request, twilio: TwilioRegistry, telnyx: TelnyxRegistry, clock: HandClock
) -> None:
    async def say() -> web.StreamResponse:
        return web.json_response({"code": 20003, "message": TOKEN}, status=status)

    twilio.says = telnyx.says = say
    for registrar in (twilio_at(twilio, clock), telnyx_at(telnyx, clock)):
        for answer in (await registrar.submit(request_), await registrar.status(request_)):
            assert isinstance(answer, Trouble), answer
            assert TOKEN not in answer.why
        await registrar.close()


async def test_a_service_without_a_campaign_upstream_is_told_so(twilio: TwilioRegistry, clock: HandClock) -> None:
    other = replace(NUMBER, details={"phone_number": PHONE, "messaging_service_sid": "MG" + "2" * 32})
    answer = await said(twilio_at(twilio, clock), other, submit=True)
    assert isinstance(answer, Rejected)
    assert "named no campaign" in answer.reason
    assert twilio.asked == []


@pytest.mark.parametrize(
    ("subject", "expected"),
    [(Subject.BRAND, Approved), (Subject.CAMPAIGN_REMOVAL, Approved), (Subject.TOLLFREE, Pending)],
)
async def test_what_the_upstreams_owner_sees_to_is_a_record_here(
    subject: Subject, expected: type[Answer], twilio: TwilioRegistry, telnyx: TelnyxRegistry, clock: HandClock
) -> None:
    for registrar in (twilio_at(twilio, clock), telnyx_at(telnyx, clock)):
        assert isinstance(await said(registrar, replace(NUMBER, subject=subject), submit=True), expected)
    assert twilio.asked + telnyx.asked == []
