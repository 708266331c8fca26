"""Services, their pools and their mappings through the door."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limpet.core.model import InDoubtPolicy, StickyInbound
from limpet.twilio.dates import iso8601
from tests.support.clock import HandClock
from tests.web.client import HOST
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api

ROOT = f"http://{HOST}/v1/Services"
EVERYTHING = {
    "FriendlyName": "All", "InboundRequestUrl": "https://example.com/in", "InboundMethod": "GET",
    "FallbackUrl": "https://example.com/fall", "FallbackMethod": "GET", "StatusCallback": "https://example.com/cb#rc=2",
    "StickySender": "false", "MmsConverter": "false", "SmartEncoding": "false", "ScanMessageContent": "disable",
    "FallbackToLongCode": "false", "AreaCodeGeomatch": "false", "ValidityPeriod": "600", "SynchronousValidation": "true",
    "Usecase": "marketing", "UseInboundWebhookOnNumber": "true",
}  # fmt: skip
OURS = {
    "StatusCallbackEvents": "Final",
    "InDoubt": "hold",
    "ExplicitFromSticks": "false",
    "StickyTtlDays": "8",
    "StickyInbound": "first",
}


def shown(value: str) -> object:
    """A form's value as the resource has it."""
    return {"true": True, "false": False}.get(value, int(value) if value.isdigit() else value)


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


async def test_a_service_with_a_name_only_has_twilios_defaults(api: Api, clock: HandClock) -> None:
    answer = await api.client.post("/v1/Services", FriendlyName="Sales")
    assert answer.status == 201
    service = answer.json
    assert service["sid"].startswith("MG")
    assert (service["account_sid"], service["date_created"]) == (api.account.sid, iso8601(clock.now()))
    assert service["url"] == f"{ROOT}/{service['sid']}"
    assert service["links"]["phone_numbers"] == f"{ROOT}/{service['sid']}/PhoneNumbers"
    for name in ("sid", "account_sid", "url", "links", "date_created", "date_updated"):
        del service[name]
    assert service == {
        "friendly_name": "Sales", "inbound_request_url": None, "inbound_method": "POST", "fallback_url": None,
        "fallback_method": "POST", "status_callback": None, "sticky_sender": True, "mms_converter": True,
        "smart_encoding": True, "scan_message_content": "inherit", "fallback_to_long_code": True, "area_code_geomatch": True,
        "synchronous_validation": False, "validity_period": 36000, "usecase": "undeclared",
        "us_app_to_person_registered": False, "use_inbound_webhook_on_number": False,
    }  # fmt: skip


@pytest.mark.parametrize("at", ["create", "update"])
async def test_every_setting_can_be_given(api: Api, at: str) -> None:
    if at == "create":
        service = (await api.client.post("/v1/Services", {**EVERYTHING, **OURS})).json
    else:
        service = (await api.client.post(f"/v1/Services/{await api.service()}", {**EVERYTHING, **OURS})).json
    assert {snake(name): service[snake(name)] for name in EVERYTHING} == {
        snake(name): shown(value) for name, value in EVERYTHING.items()
    }
    assert (await api.client.get(f"/v1/Services/{service['sid']}")).json == service
    kept = await api.service_value(service["sid"])
    assert (kept.status_callback_events, kept.in_doubt) == ("final", InDoubtPolicy.HOLD)
    assert (kept.explicit_from_sticks, kept.sticky_ttl_days, kept.sticky_inbound) == (False, 8, StickyInbound.FIRST)


async def test_what_is_not_given_stays_and_an_empty_url_goes(api: Api, clock: HandClock) -> None:
    sid = (await api.client.post("/v1/Services", EVERYTHING)).json["sid"]
    clock.advance(timedelta(minutes=1))
    changed = (await api.client.post(f"/v1/Services/{sid}", StatusCallback="", FriendlyName="New")).json
    assert (changed["status_callback"], changed["friendly_name"]) == (None, "New")
    assert (changed["fallback_url"], changed["validity_period"]) == ("https://example.com/fall", 600)
    assert changed["date_updated"] == iso8601(clock.now())
    assert (await api.client.post(f"/v1/Services/{sid}")).json["friendly_name"] == "New"


async def test_services_are_listed_page_by_page_there_and_back(api: Api) -> None:
    made = [await api.service(FriendlyName=f"S{n}") for n in range(5)]
    page = (await api.client.get("/v1/Services", {"PageSize": 2})).json
    seen = [service["sid"] for service in page["services"]]
    while (url := page["meta"]["next_page_url"]) is not None:
        assert url.startswith(f"{ROOT}?PageSize=2&Page=")
        page = (await api.client.follow(url)).json
        seen += [service["sid"] for service in page["services"]]
    assert seen == made[::-1]
    meta = page["meta"]
    assert (meta["page"], meta["page_size"], meta["key"]) == (2, 2, "services")
    back = (await api.client.follow(meta["previous_page_url"])).json
    assert [service["sid"] for service in back["services"]] == seen[2:4]
    assert (await api.client.follow(meta["url"])).json == page


async def test_a_deleted_service_is_gone_and_its_numbers_are_free(api: Api) -> None:
    service = await api.pool(NUMBER)
    assert (await api.client.delete(f"/v1/Services/{service}")).status == 204
    for answer in (
        await api.client.get(f"/v1/Services/{service}"),
        await api.client.post(f"/v1/Services/{service}", FriendlyName="x"),
        await api.client.delete(f"/v1/Services/{service}"),
        await api.client.get(f"/v1/Services/{service}/PhoneNumbers"),
    ):
        assert answer.says == (404, 20404)
    again = await api.service()
    joined = await api.client.post(f"/v1/Services/{again}/PhoneNumbers", PhoneNumberSid=await api.number(NUMBER))
    assert joined.status == 201
    sent = await api.client.post("/Messages.json", To=PERSON, MessagingServiceSid=service, Body="x")
    assert sent.says == (400, 21701)


async def test_both_roots_serve_the_same_and_lead_back_to_themselves(api: Api) -> None:
    sid = await api.service()
    plain, prefixed = await api.client.get(f"/v1/Services/{sid}"), await api.client.get(f"/messaging/v1/Services/{sid}")
    assert prefixed.json["friendly_name"] == plain.json["friendly_name"]
    assert prefixed.json["url"] == f"http://{HOST}/messaging/v1/Services/{sid}"
    assert prefixed.json["links"]["phone_numbers"].startswith(f"http://{HOST}/messaging/v1/")
    page = (await api.client.get("/messaging/v1/Services")).json
    assert page["meta"]["url"].startswith(f"http://{HOST}/messaging/v1/Services?")


async def test_numbers_join_a_pool_are_listed_and_leave(api: Api, clock: HandClock) -> None:
    service, number = await api.service(), await api.number(NUMBER, Capabilities="sms, mms, voice")
    joined = await api.client.post(f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=number)
    place = f"/v1/Services/{service}/PhoneNumbers/{number}"
    assert joined.status == 201
    assert joined.json == {
        "sid": number, "account_sid": api.account.sid, "service_sid": service, "phone_number": NUMBER, "country_code": "US",
        "capabilities": ["MMS", "SMS", "Voice"], "date_created": iso8601(clock.now()), "date_updated": iso8601(clock.now()),
        "url": f"http://{HOST}{place}",
    }  # fmt: skip
    assert (await api.client.get(place)).json == joined.json
    listed = (await api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json
    assert (listed["phone_numbers"], listed["meta"]["key"]) == ([joined.json], "phone_numbers")
    assert (await api.client.delete(place)).status == 204
    assert [answer.says for answer in (await api.client.get(place), await api.client.delete(place))] == [
        (404, 20404)
    ] * 2


async def test_a_number_is_in_one_pool_at_most(api: Api) -> None:
    service, other = await api.pool(NUMBER), await api.service()
    number = await api.number(NUMBER)
    here = await api.client.post(f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=number)
    there = await api.client.post(f"/v1/Services/{other}/PhoneNumbers", PhoneNumberSid=number)
    assert [here.says, there.says] == [(409, 21710), (409, 21712)]


async def test_a_number_that_cannot_text_does_not_join(api: Api) -> None:
    service, number = await api.service(), await api.number(NUMBER, Capabilities="voice")
    answer = await api.client.post(f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=number)
    assert answer.says == (400, 21715)


async def test_a_full_pool_says_so(api: Api) -> None:
    service = await api.service()
    async with api.world.database.pool.acquire() as connection:
        await connection.execute(
            "WITH made AS (INSERT INTO sender (sid, account_id, kind, address, country, capabilities, friendly_name, carrier, "
            "created_at, updated_at) SELECT 'PN' || lpad(n::text, 32, '0'), $1, 'long_code', "
            "'+1415444' || lpad(n::text, 4, '0'), 'US', '{sms}', 'x', 'hand', now(), now() "
            "FROM generate_series(1, 400) n RETURNING id) "
            "INSERT INTO pool_member (service_id, sender_id, added_at) "
            "SELECT (SELECT id FROM service WHERE sid = $2), id, now() FROM made",
            api.account.id,
            service,
        )
    answer = await api.client.post(f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=await api.number(NUMBER))
    assert answer.says == (412, 21714)


async def test_a_pool_without_numbers_cannot_send(api: Api) -> None:
    service = await api.service()
    answer = await api.client.post("/Messages.json", To=PERSON, MessagingServiceSid=service, Body="x")
    assert answer.says == (400, 21704)


async def test_a_mapping_is_seen_and_reset(api: Api, clock: HandClock) -> None:
    service = await api.pool(NUMBER)
    path, query = f"/v1/Services/{service}/StickyMappings", {"To": "(415) 555-0199"}
    assert (await api.client.get(path, query)).says == (404, 20404)
    await api.message(service)
    found = (await api.client.get(path, query)).json
    (mapping,) = found["sticky_mappings"]
    day = f"{clock.now():%Y-%m-%d}"
    assert mapping == {
        "account_sid": api.account.sid, "service_sid": service, "to": PERSON, "from": NUMBER,
        "phone_number_sid": await api.number(NUMBER), "created_day": day, "last_used_day": day, "live": True,
        "why_dead": None, "established": False, "pinned": "false", "origin": "send", "sid": mapping["sid"],
        "url": f"http://{HOST}{path}/{mapping['sid']}",
    }  # fmt: skip
    assert (found["meta"]["key"], found["meta"]["next_page_url"]) == ("sticky_mappings", None)
    assert (await api.client.delete(path, query)).status == 204
    assert [(await api.client.get(path, query)).says, (await api.client.delete(path, query)).says] == [(404, 20404)] * 2
    kinds = await api.deps.sticky.events(await api.service_value(service), PERSON)
    assert [(e.kind, e.actor) for e in kinds if e.kind == "reset"] == [("reset", f"api:{api.account.sid}")]


@pytest.mark.parametrize(("dead_by", "why"), [("removal", "number_removed"), ("age", "expired")])
async def test_a_dead_mapping_says_why(api: Api, clock: HandClock, dead_by: str, why: str) -> None:
    service = await api.pool(NUMBER)
    await api.message(service)
    if dead_by == "age":
        clock.advance(timedelta(days=366))
    else:
        await api.client.delete(f"/v1/Services/{service}/PhoneNumbers/{await api.number(NUMBER)}")
    (mapping,) = (await api.client.get(f"/v1/Services/{service}/StickyMappings", {"To": PERSON})).json[
        "sticky_mappings"
    ]
    assert (mapping["live"], mapping["why_dead"]) == (False, why)


async def test_nobody_sees_or_touches_the_services_of_others(api: Api) -> None:
    service, mine = await api.pool(NUMBER), await api.number(OTHER_NUMBER)
    await api.message(service)
    root, number = f"/v1/Services/{service}", await api.number(NUMBER)
    theirs = (await api.stranger.post("/v1/Services", FriendlyName="Theirs")).json["sid"]
    for answer in (
        await api.stranger.get(root),
        await api.stranger.post(root, FriendlyName="x"),
        await api.stranger.delete(root),
        await api.stranger.get(f"{root}/PhoneNumbers"),
        await api.stranger.post(f"{root}/PhoneNumbers", PhoneNumberSid=mine),
        await api.stranger.get(f"{root}/PhoneNumbers/{number}"),
        await api.stranger.delete(f"{root}/PhoneNumbers/{number}"),
        await api.stranger.get(f"{root}/StickyMappings", {"To": PERSON}),
        await api.stranger.delete(f"{root}/StickyMappings", {"To": PERSON}),
        await api.stranger.post(f"/v1/Services/{theirs}/PhoneNumbers", PhoneNumberSid=mine),
    ):
        assert answer.says == (404, 20404)
    assert [s["sid"] for s in (await api.stranger.get("/v1/Services")).json["services"]] == [theirs]
    sent = await api.stranger.post("/Messages.json", To=PERSON, MessagingServiceSid=service, Body="x")
    assert sent.says == (400, 21701)
