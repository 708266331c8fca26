"""Numbers through the door: an account brings its own, sets them up, gives them up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limpet.twilio.dates import rfc2822
from tests.support.clock import HandClock
from tests.web.conftest import NUMBER, OTHER_NUMBER, Api

LIST = "/IncomingPhoneNumbers.json"
SETTINGS = {
    "FriendlyName": "Front desk", "SmsUrl": "https://example.com/in", "SmsMethod": "get",
    "SmsFallbackUrl": "https://example.com/fall", "SmsFallbackMethod": "GET", "SmsApplicationSid": "AP" + "1" * 32,
    "StatusCallback": "https://example.com/cb", "StatusCallbackMethod": "GET", "VoiceApplicationSid": "AP" + "2" * 32,
    "VoiceCallerIdLookup": "true", "VoiceFallbackMethod": "GET", "VoiceFallbackUrl": "https://example.com/vf",
    "VoiceMethod": "GET", "VoiceUrl": "https://example.com/v", "VoiceReceiveMode": "fax", "EmergencyStatus": "Active",
    "EmergencyAddressSid": "AD" + "3" * 32, "TrunkSid": "TK" + "4" * 32, "IdentitySid": "RI" + "5" * 32,
    "AddressSid": "AD" + "6" * 32, "BundleSid": "BU" + "7" * 32,
}  # fmt: skip


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


async def test_a_new_number_has_twilios_fields_and_no_settings(api: Api, clock: HandClock) -> None:
    answer = await api.client.post(LIST, PhoneNumber="+1 415 555 0101")
    assert answer.status == 201
    number = answer.json
    assert number["sid"].startswith("PN")
    shown = (
        "phone_number",
        "friendly_name",
        "capabilities",
        "type",
        "sms_url",
        "sms_method",
        "voice_url",
        "date_created",
    )
    assert {name: number[name] for name in shown} == {
        "phone_number": NUMBER, "friendly_name": "(415) 555-0101", "type": "local", "sms_url": "", "sms_method": "POST",
        "capabilities": {"sms": True, "mms": False, "voice": False, "fax": False}, "voice_url": None,
        "date_created": rfc2822(clock.now()),
    }  # fmt: skip
    assert number["uri"] == api.client.within(f"/IncomingPhoneNumbers/{number['sid']}.json")
    assert (await api.client.get(f"/IncomingPhoneNumbers/{number['sid']}.json")).json == number


@pytest.mark.parametrize(
    ("number", "kind", "name"),
    [("+18005550101", "tollfree", "(800) 555-0101"), ("+442079460018", "local", "+442079460018")],
)
async def test_kinds_and_names_follow_from_the_number(api: Api, number: str, kind: str, name: str) -> None:
    made = (await api.client.post(LIST, PhoneNumber=number)).json
    assert (made["type"], made["friendly_name"]) == (kind, name)


@pytest.mark.parametrize("at", ["create", "update"])
async def test_every_setting_can_be_given_and_is_shown(api: Api, at: str) -> None:
    if at == "create":
        number = (await api.client.post(LIST, {"PhoneNumber": NUMBER, **SETTINGS})).json
    else:
        number = (await api.client.post(f"/IncomingPhoneNumbers/{await api.number()}.json", SETTINGS)).json
    expected = {snake(name): value for name, value in SETTINGS.items()}
    expected |= {"sms_method": "GET", "voice_caller_id_lookup": True}
    assert {name: number[name] for name in expected} == expected


async def test_what_is_not_given_stays(api: Api, clock: HandClock) -> None:
    sid = (await api.client.post(LIST, {"PhoneNumber": NUMBER, **SETTINGS})).json["sid"]
    clock.advance(timedelta(minutes=1))
    changed = (await api.client.post(f"/IncomingPhoneNumbers/{sid}.json", VoiceUrl="", SmsUrl="", FriendlyName="")).json
    assert (changed["sms_url"], changed["voice_url"], changed["friendly_name"]) == ("", None, "Front desk")
    assert (changed["voice_fallback_url"], changed["sms_method"]) == ("https://example.com/vf", "GET")
    assert changed["date_updated"] == rfc2822(clock.now())


async def test_a_number_brought_twice_is_updated(api: Api) -> None:
    first = await api.number(NUMBER, SmsUrl="https://example.com/1")
    again = await api.client.post(
        LIST, PhoneNumber=NUMBER, FriendlyName="Again", Carrier="second", Capabilities="sms,mms"
    )
    assert (again.status, again.json["sid"], again.json["friendly_name"]) == (201, first, "Again")
    assert (again.json["sms_url"], again.json["capabilities"]["mms"]) == ("https://example.com/1", True)
    sender = await api.deps.senders.by_sid(api.account.id, first)
    assert sender is not None
    assert sender.carrier == "second"
    assert len((await api.client.get(LIST)).json["incoming_phone_numbers"]) == 1


async def test_a_number_of_another_account_cannot_be_had_until_it_is_given_up(api: Api) -> None:
    theirs = await api.number(NUMBER, api.stranger)
    assert (await api.client.post(LIST, PhoneNumber=NUMBER)).says == (400, 21422)
    assert (await api.stranger.delete(f"/IncomingPhoneNumbers/{theirs}.json")).status == 204
    assert await api.number(NUMBER) != theirs


async def test_a_number_goes_through_the_carrier_that_it_names(api: Api) -> None:
    for form, carrier in (({}, "hand"), ({"Carrier": "second"}, "second")):
        sid = await api.number(f"+141555501{len(form):02}", **form)
        sender = await api.deps.senders.by_sid(api.account.id, sid)
        assert sender is not None
        assert sender.carrier == carrier


async def test_a_number_given_up_leaves_its_pool(api: Api) -> None:
    service = await api.pool(NUMBER)
    place = f"/IncomingPhoneNumbers/{await api.number(NUMBER)}.json"
    assert (await api.client.delete(place)).status == 204
    assert (await api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"] == []
    for answer in (await api.client.get(place), await api.client.post(place), await api.client.delete(place)):
        assert answer.says == (404, 20404)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [OTHER_NUMBER, NUMBER, "+12125550103"]),
        ({"PhoneNumber": NUMBER}, [NUMBER]),
        ({"PhoneNumber": "(415) 555-0101"}, [NUMBER]),
        ({"PhoneNumber": "+1415*"}, [OTHER_NUMBER, NUMBER]),
        ({"PhoneNumber": "415*0101"}, [NUMBER]),
        ({"PhoneNumber": "5550103"}, ["+12125550103"]),
        ({"PhoneNumber": "%"}, []),
        ({"PhoneNumber": "nothing"}, []),
        ({"FriendlyName": "(212) 555-0103"}, ["+12125550103"]),
        ({"FriendlyName": "nobody"}, []),
        ({"Beta": "true", "Origin": "twilio"}, [OTHER_NUMBER, NUMBER, "+12125550103"]),
    ],
)
async def test_filters_choose(api: Api, query: dict[str, str], found: list[str]) -> None:
    for number in ("+12125550103", NUMBER, OTHER_NUMBER):
        await api.number(number)
    listed = (await api.client.get(LIST, query)).json["incoming_phone_numbers"]
    assert [number["phone_number"] for number in listed] == found


async def test_numbers_are_listed_page_by_page(api: Api) -> None:
    made = [await api.number(f"+141555501{n:02}") for n in range(5)]
    page = (await api.client.get(LIST, {"PageSize": 2, "PhoneNumber": "+1415*"})).json
    seen = [number["sid"] for number in page["incoming_phone_numbers"]]
    while page["next_page_uri"]:
        page = (await api.client.follow(page["next_page_uri"])).json
        seen += [number["sid"] for number in page["incoming_phone_numbers"]]
    assert seen == made[::-1]


async def test_nobody_sees_or_touches_the_numbers_of_others(api: Api) -> None:
    place = f"/IncomingPhoneNumbers/{await api.number(NUMBER)}.json"
    for answer in (
        await api.stranger.get(place),
        await api.stranger.post(place, FriendlyName="x"),
        await api.stranger.delete(place),
        await api.stranger.get(api.client.within(LIST)),
        await api.stranger.post(api.client.within(LIST), PhoneNumber=OTHER_NUMBER),
    ):
        assert answer.says == (404, 20404)
    assert (await api.stranger.get(LIST)).json["incoming_phone_numbers"] == []
