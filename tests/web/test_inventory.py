"""Numbers to buy through the door: found, bought, gone from the list, given up, back again."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

from limpet.web.app import create_app
from tests.web.conftest import NUMBER, Api

LOCAL = "/AvailablePhoneNumbers/US/Local.json"
BUY = "/IncomingPhoneNumbers.json"


async def on_offer(api: Api, path: str = LOCAL, **query: object) -> list[str]:
    answer = await api.client.get(path, query)
    assert answer.status == 200, answer.body
    return [each["phone_number"] for each in answer.json["available_phone_numbers"]]


async def test_countries_name_their_lists(api: Api) -> None:
    listed = (await api.client.get("/AvailablePhoneNumbers.json")).json
    assert [each["country_code"] for each in listed["countries"]] == ["CA", "GB", "US"]
    britain = (await api.client.get("/AvailablePhoneNumbers/GB.json")).json
    assert britain == listed["countries"][1]
    assert britain["country"] == "United Kingdom"
    for uri in britain["subresource_uris"].values():
        assert (await api.client.get(uri)).json["available_phone_numbers"]
    for path in ("/AvailablePhoneNumbers/FR.json", "/AvailablePhoneNumbers/FR/Local.json"):
        assert (await api.client.get(path)).says == (404, 20404)


async def test_filters(api: Api) -> None:
    assert await on_offer(api) == ["+12125550120", "+12125550121", "+12125550122"]
    assert await on_offer(api, AreaCode="212", MmsEnabled="true") == ["+12125550120"]
    assert await on_offer(api, MmsEnabled="false", VoiceEnabled="false") == ["+12125550121"]
    assert await on_offer(api, Contains="0122", SmsEnabled="true") == ["+12125550122"]
    assert await on_offer(api, InRegion="ny") == await on_offer(api)
    assert await on_offer(api, InRegion="CA") == []
    assert await on_offer(api, "/AvailablePhoneNumbers/US/TollFree.json") == ["+18005550120"]
    assert await on_offer(api, "/AvailablePhoneNumbers/GB/Mobile.json") == ["+447700900120", "+447700900121"]
    assert await on_offer(api, "/AvailablePhoneNumbers/us/Mobile.json") == []


async def test_pages_there_and_back(api: Api) -> None:
    first = (await api.client.get(LOCAL, {"PageSize": 2})).json
    second = (await api.client.follow(first["next_page_uri"])).json
    assert [each["phone_number"] for each in second["available_phone_numbers"]] == ["+12125550122"]
    assert second["next_page_uri"] is None
    back = (await api.client.follow(second["previous_page_uri"])).json
    assert back["available_phone_numbers"] == first["available_phone_numbers"]
    assert first["previous_page_uri"] is None


async def test_a_number_is_bought_as_it_was_offered_and_leaves_the_list(api: Api) -> None:
    bought = await api.client.post(BUY, PhoneNumber="+12125550120", FriendlyName="Front desk")
    assert (bought.status, bought.json["friendly_name"]) == (201, "Front desk")
    assert bought.json["capabilities"] == {"sms": True, "mms": True, "voice": False, "fax": False}
    owned = await api.deps.senders.by_address(api.account.id, "+12125550120")
    assert owned is not None
    assert owned.carrier == "second"
    assert await on_offer(api) == ["+12125550121", "+12125550122"]
    assert (await api.stranger.post(BUY, PhoneNumber="+12125550120")).says == (400, 21422)
    assert (await api.client.delete(f"/IncomingPhoneNumbers/{bought.json['sid']}.json")).status == 204
    assert "+12125550120" in await on_offer(api)


async def test_an_area_code_buys_one_after_the_other_until_there_are_none(api: Api) -> None:
    bought = [(await api.client.post(BUY, AreaCode="212")).json["phone_number"] for _ in range(3)]
    assert bought == ["+12125550120", "+12125550121", "+12125550122"]
    assert (await api.client.post(BUY, AreaCode="212")).says == (400, 21452)
    assert (await api.client.post(BUY, AreaCode="416")).json["phone_number"] == "+14165550120"


async def test_buyers_at_the_same_time_get_different_numbers(api: Api) -> None:
    answers = await asyncio.gather(
        *(client.post(BUY, AreaCode="212") for client in (api.client, api.stranger) for _ in range(3))
    )
    bought = Counter(answer.json["phone_number"] for answer in answers if answer.status == 201)
    assert bought == {"+12125550120": 1, "+12125550121": 1, "+12125550122": 1}
    assert [answer.says for answer in answers if answer.status != 201] == [(400, 21452)] * 3


async def test_a_number_of_ones_own_can_be_brought_unless_the_operator_forbids_it(api: Api) -> None:
    assert (await api.client.post(BUY, PhoneNumber=NUMBER)).status == 201
    closed = create_app(replace(api.deps, bring_your_own=False))
    client, stranger = (replace(each, app=closed) for each in (api.client, api.stranger))
    assert (await stranger.post(BUY, PhoneNumber="+14155550177")).says == (400, 21422)
    assert (await stranger.post(BUY, PhoneNumber=NUMBER)).says == (400, 21422)
    assert (await stranger.post(BUY, PhoneNumber="+12125550121")).status == 201
    assert (await client.post(BUY, PhoneNumber=NUMBER, FriendlyName="Mine")).json["friendly_name"] == "Mine"


async def test_lists_and_purchases_of_one_type(api: Api) -> None:
    for kind, number in (("Local", "+12125550120"), ("TollFree", "+18005550120"), ("Mobile", "+447700900120")):
        place = f"/IncomingPhoneNumbers/{kind}.json"
        made = await api.client.post(place, PhoneNumber=number)
        assert (made.status, "type" in made.json) == (201, False)
        assert (await api.client.get(place)).json["incoming_phone_numbers"] == [made.json]
        assert (await api.client.post(place, PhoneNumber="+33612345678")).status == (201 if kind == "Mobile" else 400)
    assert (await api.client.post("/IncomingPhoneNumbers/Local.json", AreaCode="212")).says == (400, 20001)
    assert len((await api.client.get(BUY)).json["incoming_phone_numbers"]) == 4


async def test_a_type_is_paged_past_the_others(api: Api) -> None:
    for n in range(6):
        await api.client.post(BUY, PhoneNumber=f"+1{800 if n % 2 else 415}555016{n}")
    first = (await api.client.get("/IncomingPhoneNumbers/TollFree.json", {"PageSize": 2})).json
    second = (await api.client.follow(first["next_page_uri"])).json
    back = (await api.client.follow(second["previous_page_uri"])).json
    pages = [[each["phone_number"][-1] for each in page["incoming_phone_numbers"]] for page in (first, second, back)]
    assert pages == [["5", "3"], ["1"], ["5", "3"]]
    assert (second["next_page_uri"], back["previous_page_uri"]) == (None, None)
