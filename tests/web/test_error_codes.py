"""Every code that the API answers with or a message carries, each with what causes it and Twilio's HTTP status.

Codes of requests are asked for here; those of messages are shown where the message comes to its end (`ELSEWHERE` names the test).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from limpet.core.errors import ERRORS
from limpet.store.services import Services
from limpet.twilio.event_types import INBOUND_RECEIVED
from limpet.web.app import create_app
from tests.support.clock import NOW
from tests.web.client import Client, Response
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api
from tests.web.test_compliance import BRANDS, BUNDLES, CAMPAIGN, asked, brand, place

ROOT = Path(__file__).parents[2]
LONDON, NOBODY = "+447700900123", "SM" + "0" * 32


async def send(api: Api, **form: object) -> Response:
    """A message, by default of a service with one number."""
    usual: dict[str, object] = {"To": PERSON, "Body": "x", "MessagingServiceSid": await api.pool(NUMBER)}
    return await api.client.post("/Messages.json", {name: v for name, v in {**usual, **form}.items() if v is not None})


async def add(api: Api, service: str, part: str, **form: str) -> Response:
    return await api.client.post(f"/v1/Services/{service}/{part}", form)


async def too_early(api: Api) -> Response:
    made = await send(api)
    return await api.client.delete(f"/Messages/{made.json['sid']}.json")


async def too_late(api: Api) -> Response:
    made = await send(api)
    return await api.client.post(f"/Messages/{made.json['sid']}.json", Status="canceled")


async def crowded(api: Api) -> Response:
    client = replace(api.client, app=create_app(replace(api.deps, concurrency_max=0)))
    return await client.get("/Messages.json")


async def suspended(api: Api) -> Response:
    made = (await api.client.call("POST", "/2010-04-01/Accounts.json", body=b"FriendlyName=Part")).json
    client = Client(api.app, made["sid"], made["auth_token"], made["sid"])
    await api.client.call("POST", f"/2010-04-01/Accounts/{made['sid']}.json", body=b"Status=suspended")
    return await client.post("/Messages.json", To=PERSON, From=NUMBER, Body="x")


async def rehearsed(api: Api, path: str = "/Messages.json", **form: str) -> Response:
    made = (await api.client.get("/TestCredentials.json")).json
    sid = made["test_account_sid"]
    client = replace(api.client, sid=sid, secret=made["test_auth_token"], account_sid=sid)
    return await (client.post(path, form) if form else client.get(path))


async def opted_out(api: Api) -> Response:
    sid = await api.pool(NUMBER)
    await add(api, sid, "OptOuts", To=PERSON)
    return await api.client.post("/Messages.json", From=NUMBER, To=PERSON, Body="x")


async def forbidden_country(api: Api) -> Response:
    await api.client.post("/GeoPermissions.json", Countries="US")
    return await send(api, To=LONDON)


async def plain(api: Api, sender: str, to: str = PERSON, **number: str) -> Response:
    if number:
        await api.client.post("/IncomingPhoneNumbers.json", {"PhoneNumber": sender, **number})
    return await api.client.post("/Messages.json", From=sender, To=to, Body="x")


async def link_config(api: Api, **form: str) -> Response:
    sid = (await api.client.get("/v1/LinkShortening/Domains")).json["domains"][0]["domain_sid"]
    return await api.client.post(f"/v1/LinkShortening/Domains/{sid}/Config", form)


async def short_code_abroad(api: Api) -> Response:
    await api.client.post("/SMS/ShortCodes.json", ShortCode="73546", Country="US")
    return await plain(api, "73546", LONDON)


async def name_at_home(api: Api) -> Response:
    await add(api, await api.service(), "AlphaSenders", AlphaSender="ACME")
    return await plain(api, "ACME", PERSON)


async def joined_twice(api: Api, *, elsewhere: bool) -> Response:
    service, number = await api.service(), await api.number()
    await add(api, service, "PhoneNumbers", PhoneNumberSid=number)
    return await add(api, await api.service() if elsewhere else service, "PhoneNumbers", PhoneNumberSid=number)


async def full(api: Api) -> Response:
    small = replace(api.deps, services=Services(api.world.database, 1))
    client = replace(api.client, app=create_app(small))
    service = await api.pool(NUMBER)
    return await client.post(f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=await api.number(OTHER_NUMBER))


async def mute(api: Api) -> Response:
    return await add(api, await api.service(), "PhoneNumbers", PhoneNumberSid=await api.number(Capabilities="voice"))


async def picture_from(api: Api, capabilities: str) -> Response:
    """From a number whose carrier takes no media."""
    await api.number(Capabilities=capabilities)
    return await api.client.post("/Messages.json", From=NUMBER, To=PERSON, MediaUrl="https://example.com/a.png")


async def taken(api: Api) -> Response:
    await api.number(client=api.stranger)
    return await api.client.post("/IncomingPhoneNumbers.json", PhoneNumber=NUMBER)


async def sink_in_use(api: Api) -> Response:
    configuration = '{"destination": "https://customer.example/events"}'
    form = {"Description": "x", "SinkType": "webhook", "SinkConfiguration": configuration}
    sink = (await api.client.post("/v1/Sinks", form)).json["sid"]
    types = f'{{"type": "{INBOUND_RECEIVED}"}}'
    await api.client.post("/v1/Subscriptions", Description="x", SinkSid=sink, Types=types)
    return await api.client.delete(f"/v1/Sinks/{sink}")


async def through(api: Api, service: str, **form: str) -> Response:
    """A message of a service that is there."""
    form = {"To": PERSON, "Body": "x", "MessagingServiceSid": service, **form}
    return await api.client.post("/Messages.json", form)


async def limited(api: Api, **limits: object) -> None:
    """The account under other limits than the server's own."""
    await api.deps.accounts.set_limits(replace(api.account, **limits), NOW)  # type: ignore[arg-type]


async def on_trial(api: Api) -> Response:
    await limited(api, trial=True, verified=frozenset({OTHER_NUMBER}))
    sid = await api.pool(NUMBER)
    await api.message(sid, OTHER_NUMBER)
    return await through(api, sid)


async def full_schedule(api: Api) -> Response:
    await limited(api, scheduled_max=1)
    sid, schedule = await api.pool(NUMBER), {"ScheduleType": "fixed", "SendAt": "2026-03-03T12:00:00Z"}
    await api.message(sid, **schedule)
    return await through(api, sid, **schedule)


async def paused(api: Api) -> Response:
    sid = await api.pool(NUMBER)
    await api.deps.services.pause(sid, True, NOW)
    return await through(api, sid)


async def of_another_region(api: Api) -> Response:
    here = replace(api.client, app=create_app(replace(api.deps, elsewhere=frozenset({"hand"}))))
    return await here.post(f"/v1/Services/{await api.service()}/PhoneNumbers", PhoneNumberSid=await api.number())


async def campaign_with(api: Api, service: str | None = None, **form: object) -> Response:
    """A campaign whose brand is registered, but for what is wrong with it."""
    form = {**CAMPAIGN, "BrandRegistrationSid": await brand(api), **form}
    return await api.client.post(place(service or await api.service()), form)


async def use_case_of_another_kind(api: Api) -> Response:
    service = await api.service(Usecase="notifications")
    return await campaign_with(api, service, UsAppToPersonUsecase="MARKETING")


async def through_empty(api: Api) -> Response:
    return await through(api, await api.service())


async def registered_brand_again(api: Api) -> Response:
    made = (await api.client.post(BRANDS, BUNDLES)).json
    await asked(api)
    return await api.client.post(f"{BRANDS}/{made['sid']}")


async def template_with(api: Api, variables: str) -> Response:
    body = {"language": "en", "variables": {"1": "x"}, "types": {"twilio/text": {"body": "Hi {{1}}"}}}
    client = api.client.with_headers(content_type="application/json")
    made = await client.call("POST", "/v1/Content", body=json.dumps(body).encode())
    return await send(api, Body=None, ContentSid=made.json["sid"], ContentVariables=variables)


CASES: dict[int, tuple[int, Callable[[Api], Awaitable[Response]]]] = {
    20001: (400, lambda api: send(api, SmartEncoded="perhaps")),
    20003: (401, lambda api: replace(api.client, secret="wrong").get("/Messages.json")),
    20004: (405, lambda api: api.client.delete("/Messages.json")),
    20005: (403, suspended),
    20008: (403, lambda api: rehearsed(api, "/Messages.json")),
    20009: (409, too_early),
    20404: (404, lambda api: api.client.get(f"/Messages/{NOBODY}.json")),
    20429: (429, crowded),
    21211: (400, lambda api: send(api, To="nobody")),
    21212: (400, lambda api: send(api, From="!!")),
    21408: (400, forbidden_country),
    21421: (400, lambda api: api.client.post("/IncomingPhoneNumbers.json", PhoneNumber="12345")),
    21422: (400, taken),
    21452: (400, lambda api: api.client.post("/IncomingPhoneNumbers.json", AreaCode="999")),
    21481: (400, lambda api: api.client.get("/Messages.json", {"PageToken": "x"})),
    21601: (400, lambda api: plain(api, NUMBER, Capabilities="voice")),
    21602: (400, lambda api: send(api, Body="")),
    21603: (400, lambda api: send(api, MessagingServiceSid=None)),
    21604: (400, lambda api: send(api, To="")),
    21606: (400, lambda api: plain(api, "+14155550188")),
    21608: (400, on_trial),
    21609: (400, lambda api: send(api, StatusCallback="ftp://x")),
    21610: (400, opted_out),
    21611: (400, lambda api: rehearsed(api, From="+15005550008", To=PERSON, Body="x")),
    21612: (400, name_at_home),
    21614: (400, lambda api: rehearsed(api, From="+15005550006", To="+15005550009", Body="x")),
    21617: (400, lambda api: send(api, Body="x" * 1601)),
    21619: (400, lambda api: send(api, Body=None)),
    21620: (400, lambda api: send(api, MediaUrl="ftp://x")),
    21621: (400, lambda api: picture_from(api, "sms")),
    21622: (400, lambda api: picture_from(api, "sms,mms")),
    21623: (400, lambda api: send(api, MediaUrl=["https://example.com/a.png"] * 11)),
    21624: (400, lambda api: send(api, ValidityPeriod="0")),
    21626: (400, lambda api: send(api, StatusCallbackEvents="sometimes")),
    21627: (400, lambda api: send(api, MaxPrice="much")),
    21654: (400, lambda api: send(api, ContentVariables="{}")),
    21655: (400, lambda api: send(api, ContentSid="HX" + "0" * 32)),
    21656: (400, lambda api: template_with(api, "[]")),
    21659: (400, short_code_abroad),
    21669: (400, of_another_region),
    21701: (400, lambda api: send(api, MessagingServiceSid="MG" + "0" * 32)),
    21702: (400, paused),
    21704: (400, through_empty),
    21705: (400, lambda api: send(api, MessagingServiceSid="nothing")),
    21709: (400, lambda api: add_name(api, "123")),
    21710: (409, lambda api: joined_twice(api, elsewhere=False)),
    21711: (400, lambda api: send(api, From="+14155550188")),
    21712: (409, lambda api: joined_twice(api, elsewhere=True)),
    21714: (412, full),
    21715: (400, mute),
    21717: (400, lambda api: campaign_with(api, BrandRegistrationSid="BN" + "0" * 32)),
    21719: (400, use_case_of_another_kind),
    21720: (400, lambda api: campaign_with(api, UsAppToPersonUsecase="FUN")),
    21725: (400, registered_brand_again),
    21727: (400, lambda api: campaign_with(api, Description="")),
    21728: (400, lambda api: campaign_with(api, Description="x" * 39)),
    30029: (400, lambda api: send(api, ContentRetention="x")),
    30030: (400, lambda api: send(api, AddressRetention="x")),
    30100: (404, lambda api: api.client.get(f"/v1/LinkShortening/Domains/DN{'0' * 32}/Config")),
    30109: (400, lambda api: link_config(api, CallbackUrl="ftp://x")),
    30122: (400, lambda api: link_config(api, FallbackUrl="ftp://x")),
    30124: (400, lambda api: send(api, MessagingServiceSid=None, From=NUMBER, ShortenUrls="true")),
    30409: (400, too_late),
    35111: (400, lambda api: send(api, ScheduleType="fixed")),
    35114: (400, lambda api: send(api, ScheduleType="fixed", SendAt="soon")),
    35115: (400, lambda api: send(api, ScheduleType="fixed", SendAt="2026-05-03T12:00:00Z")),
    35117: (400, lambda api: send(api, ScheduleType="fixed", SendAt="2026-03-01T12:00:00Z")),
    35118: (
        400,
        lambda api: send(
            api, ScheduleType="fixed", SendAt="2026-03-03T12:00:00Z", MessagingServiceSid=None, From=NUMBER
        ),
    ),
    35119: (400, lambda api: send(api, SendAt="2026-03-03T12:00:00Z")),
    35125: (400, full_schedule),
    35126: (400, lambda api: send(api, ScheduleType="sometime")),
    91007: (400, sink_in_use),
}


async def add_name(api: Api, name: str) -> Response:
    return await add(api, await api.service(), "AlphaSenders", AlphaSender=name)


ELSEWHERE = {
    20500: "web/test_door.py",
    20503: "web/test_messages.py",
    21703: "web/test_senders.py",
    30034: "flow/test_registration.py",
    30001: "flow/test_sending.py",
    30002: "flow/test_stopped.py",
    30020: "flow/test_stopped.py",
    30021: "flow/test_stopped.py",
    30022: "flow/test_campaign_share.py",
    30023: "flow/test_limits.py",
    30027: "flow/test_campaign_share.py",
    30036: "flow/test_sending.py",
}
"""Codes that another test asks for."""
BY_CARRIER = {
    30003, 30004, 30005, 30006, 30007, 30008, 30011, 30019, 30032, 30037, 30038, 30041,
}  # fmt: skip
"""What carriers' refusals and receipts say, by the usual tables (tests/smpp) or by the carrier's own (`error_codes`)."""
CARRIERS_TESTS = ("devtools/test_simulator.py", "smpp/test_status.py")
DEBUGGER = {23003, 23004, 23006}
"""Warnings in Twilio's debugger, about settings that do not go together: no request is answered with them, nor is a message."""


TWILIOS: dict[int, tuple[int, ...]] = {
    400: (
        20001, 21211, 21212, 21408, 21421, 21601, 21602, 21603, 21604, 21606, 21608, 21609, 21610, 21611, 21612, 21614, 21617,
        21619, 21620, 21621, 21622, 21623, 21624, 21659, 21669, 21701, 21702, 21704, 21705, 21709, 21711, 21715, 21717, 21719,
        21720, 21727, 21728, 30409, 35111, 35114, 35115, 35117, 35118, 35119, 35125, 35126,
    ),
    401: (20003,), 404: (20404,), 405: (20004,), 409: (20009, 21710, 21712), 412: (21714,), 429: (20429,),
}  # fmt: skip
"""Twilio's codes for requests to a Messaging Service and its messages, by their HTTP status."""
TWILIOS_LATER = {
    21610, 21612, 21614, 21703, 30001, 30002, 30003, 30004, 30005, 30006, 30007, 30008, 30011, 30019, 30020, 30021, 30032,
    30034, 30036, 30037, 30038, 30041,
}  # fmt: skip
"""Twilio's codes of a message that had been taken."""


@pytest.mark.parametrize("code", sorted(CASES))
async def test_a_code_is_reached_with_its_status_and_twilios_body(api: Api, code: int) -> None:
    status, ask = CASES[code]
    answer = await ask(api)
    assert answer.says == (status, code)
    assert answer.json["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert answer.json["status"] == status
    assert answer.json["message"]


def test_every_code_is_accounted_for() -> None:
    assert set(ERRORS) == set(CASES) | set(ELSEWHERE) | BY_CARRIER | DEBUGGER
    for code, path in ELSEWHERE.items():
        assert str(code) in (ROOT / "tests" / path).read_text(), (code, path)
    by_carriers = "".join((ROOT / "tests" / path).read_text() for path in CARRIERS_TESTS)
    assert all(str(code) in by_carriers for code in BY_CARRIER)


def test_twilios_codes_have_twilios_status_and_a_request_that_shows_it() -> None:
    statuses = {code: status for code, (status, _) in CASES.items()}
    for status, codes in TWILIOS.items():
        assert {code: statuses.get(code) for code in codes} == dict.fromkeys(codes, status)
    assert set(CASES) | set(ELSEWHERE) | BY_CARRIER >= TWILIOS_LATER
