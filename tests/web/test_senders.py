"""Senders of every kind over HTTP: they come into an account, join pools, are looked at and leave."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import NUMBER, PERSON, Api

LONDON = "+447700900123"


async def short_code(api: Api, code: str = "73546", country: str = "US", **more: object) -> dict[str, Any]:
    made = await api.client.post("/SMS/ShortCodes.json", {"ShortCode": code, "Country": country, **more})
    assert made.status == 201, made.body
    return dict(made.json)


async def test_a_short_code_comes_in_is_changed_listed_and_given_up(api: Api) -> None:
    made = await short_code(api, SmsUrl="https://example.com/in")
    assert (made["sid"][:2], made["short_code"], made["sms_url"]) == ("SC", "73546", "https://example.com/in")
    changed = await api.client.post(f"/SMS/ShortCodes/{made['sid']}.json", FriendlyName="Votes", SmsMethod="GET")
    assert (changed.json["friendly_name"], changed.json["sms_method"]) == ("Votes", "GET")
    assert (await api.client.get(f"/SMS/ShortCodes/{made['sid']}.json")).json == changed.json
    await api.number()
    listed = await api.client.get("/SMS/ShortCodes.json", {"ShortCode": "735*"})
    assert listed.json["short_codes"] == [changed.json]
    assert [
        n["phone_number"] for n in (await api.client.get("/IncomingPhoneNumbers.json")).json["incoming_phone_numbers"]
    ] == [NUMBER]
    twice = await api.client.post("/SMS/ShortCodes.json", ShortCode="73546", Country="US")
    assert twice.says == (400, 21422)
    assert (await api.client.delete(f"/SMS/ShortCodes/{made['sid']}.json")).status == 204
    assert (await api.client.get(f"/SMS/ShortCodes/{made['sid']}.json")).says == (404, 20404)


async def test_a_short_code_joins_a_pool_and_writes_at_home_first(api: Api) -> None:
    sid = await api.pool(NUMBER)
    code = await short_code(api)
    joined = await api.client.post(f"/v1/Services/{sid}/ShortCodes", ShortCodeSid=code["sid"])
    assert joined.status == 201
    assert (joined.json["short_code"], joined.json["country_code"], joined.json["capabilities"]) == (
        "73546",
        "US",
        ["SMS"],
    )
    again = await api.client.post(f"/v1/Services/{sid}/ShortCodes", ShortCodeSid=code["sid"])
    assert again.says == (409, 21710)
    assert [c["sid"] for c in (await api.client.get(f"/v1/Services/{sid}/ShortCodes")).json["short_codes"]] == [
        code["sid"]
    ]
    assert len((await api.client.get(f"/v1/Services/{sid}/PhoneNumbers")).json["phone_numbers"]) == 1
    assert (await api.client.get(f"/v1/Services/{sid}/PhoneNumbers/{code['sid']}")).status == 404
    for to, sender, reason in ((PERSON, "73546", "short_code"), (LONDON, NUMBER, "us_fallback")):
        message = await api.message(sid, to)
        decision = (await api.client.get(f"/Messages/{message['sid']}/Decision.json")).json
        assert (decision["from"], decision["reason"]) == (sender, reason)
    assert (await api.client.delete(f"/v1/Services/{sid}/ShortCodes/{code['sid']}")).status == 204
    message = await api.message(sid)
    assert (await api.client.get(f"/Messages/{message['sid']}.json")).json["from"] == NUMBER


async def test_one_name_a_service_and_one_for_each_destination(api: Api) -> None:
    sid = await api.pool(NUMBER)
    place, destinations = f"/v1/Services/{sid}/AlphaSenders", f"/v1/Services/{sid}/DestinationAlphaSenders"
    name = await api.client.post(place, AlphaSender="ACME")
    assert (name.status, name.json["alpha_sender"], name.json["sid"][:2]) == (201, "ACME", "AI")
    assert (await api.client.post(place, AlphaSender="Other")).says == (412, 21714)
    french = await api.client.post(destinations, AlphaSender="ACME FR", IsoCountryCode="fr")
    anywhere = await api.client.post(destinations, AlphaSender="ACME INT")
    assert (french.json["iso_country_code"], anywhere.json["iso_country_code"]) == ("FR", "")
    assert (await api.client.post(destinations, AlphaSender="Again", IsoCountryCode="FR")).says == (409, 21710)
    listed = (await api.client.get(destinations, {"IsoCountryCode": "FR"})).json["alpha_senders"]
    assert listed == [french.json]
    assert len((await api.client.get(destinations)).json["alpha_senders"]) == 2
    assert [one["sid"] for one in (await api.client.get(place)).json["alpha_senders"]] == [name.json["sid"]]
    for to, sender in (("+33612345678", "ACME FR"), (LONDON, "ACME INT"), (PERSON, NUMBER)):
        message = await api.message(sid, to)
        assert (await api.client.get(f"/Messages/{message['sid']}.json")).json["from"] == sender
    assert (await api.client.delete(f"{destinations}/{name.json['sid']}")).status == 404
    assert (await api.client.delete(f"{place}/{name.json['sid']}")).status == 204
    assert (await api.client.get(f"{place}/{name.json['sid']}")).status == 404
    assert (await api.client.post(place, AlphaSender="ACME")).status == 201


async def test_the_same_name_may_be_many_services(api: Api) -> None:
    for client in (api.client, api.client, api.stranger):
        service = await client.post("/v1/Services", FriendlyName="Named")
        made = await client.post(f"/v1/Services/{service.json['sid']}/AlphaSenders", AlphaSender="ACME")
        assert made.status == 201


async def test_senders_of_other_channels_are_kept_and_wait_for_a_carrier(api: Api) -> None:
    sid = await api.pool(NUMBER)
    made = await api.client.post("/ChannelSenders.json", Sender="whatsapp:+1 415 555 0111")
    agent = await api.client.post("/ChannelSenders.json", Sender="rcs:acme", Country="US")
    assert (made.json["sender"], agent.json["sender"]) == ("whatsapp:+14155550111", "rcs:acme")
    place = f"/v1/Services/{sid}/ChannelSenders"
    for one, kind in ((made, "WhatsApp"), (agent, "RCS")):
        joined = await api.client.post(place, Sid=one.json["sid"])
        assert (joined.status, joined.json["sender_type"], joined.json["messaging_service_sid"]) == (201, kind, sid)
    assert len((await api.client.get(place)).json["senders"]) == 2
    message = await api.message(sid, f"whatsapp:{PERSON}")
    decision = (await api.client.get(f"/Messages/{message['sid']}/Decision.json")).json
    assert decision["rejections"]["whatsapp:+14155550111"] == "no_carrier"
    shown = (await api.client.get(f"/Messages/{message['sid']}.json")).json
    assert (shown["status"], shown["error_code"], shown["to"]) == ("failed", 21703, f"whatsapp:{PERSON}")
    message = await api.message(sid)
    assert (await api.client.get(f"/Messages/{message['sid']}.json")).json["from"] == NUMBER
    assert (await api.client.delete(f"/ChannelSenders/{made.json['sid']}.json")).status == 204
    assert len((await api.client.get(place)).json["senders"]) == 1


async def test_a_plain_from_may_be_a_short_code_or_a_name_where_it_can_write(api: Api) -> None:
    sid = await api.pool()
    await short_code(api)
    await api.client.post(f"/v1/Services/{sid}/AlphaSenders", AlphaSender="ACME")
    for sender, to, says in (
        ("73546", PERSON, (201, None)),
        ("73546", LONDON, (400, 21659)),
        ("ACME", LONDON, (201, None)),
        ("ACME", PERSON, (400, 21612)),
        ("Nobody", LONDON, (400, 21606)),
        ("99999", PERSON, (400, 21606)),
    ):
        assert (await api.client.post("/Messages.json", From=sender, To=to, Body="x")).says == says


@pytest.mark.parametrize(
    ("path", "form", "says"),
    [
        ("/SMS/ShortCodes.json", {"ShortCode": "12", "Country": "US"}, (400, 20001)),
        ("/SMS/ShortCodes.json", {"ShortCode": "12345"}, (400, 20001)),
        ("/SMS/ShortCodes.json", {"ShortCode": "12345", "Country": "XX"}, (400, 20001)),
        ("/SMS/ShortCodes.json", {"ShortCode": "12345", "Country": "US", "Carrier": "nobody"}, (400, 20001)),
        ("/SMS/ShortCodes.json", {"Country": "US"}, (400, 20001)),
        ("/ChannelSenders.json", {"Sender": "+14155550100"}, (400, 20001)),
        ("/ChannelSenders.json", {"Sender": "rcs:"}, (400, 20001)),
        ("/ChannelSenders.json", {}, (400, 20001)),
        ("/v1/Services/{}/AlphaSenders", {}, (400, 20001)),
        ("/v1/Services/{}/AlphaSenders", {"AlphaSender": "123456"}, (400, 21709)),
        ("/v1/Services/{}/AlphaSenders", {"AlphaSender": "TwelveLetter"}, (400, 21709)),
        ("/v1/Services/{}/AlphaSenders", {"AlphaSender": "a!b"}, (400, 21709)),
        ("/v1/Services/{}/DestinationAlphaSenders", {"AlphaSender": "ACME", "IsoCountryCode": "FRA"}, (400, 20001)),
        ("/v1/Services/{}/ShortCodes", {}, (400, 20001)),
        ("/v1/Services/{}/ShortCodes", {"ShortCodeSid": "PN" + "0" * 32}, (400, 20001)),
        ("/v1/Services/{}/ShortCodes", {"ShortCodeSid": "SC" + "0" * 32}, (404, 20404)),
        ("/v1/Services/{}/ChannelSenders", {"Sid": "XE" + "0" * 32}, (404, 20404)),
    ],
)
async def test_what_is_wrong_is_told_and_changes_nothing(
    api: Api, path: str, form: dict[str, object], says: tuple[int, int]
) -> None:
    place = path.format(await api.service())
    before = await api.rows()
    assert (await api.client.post(place, form)).says == says
    assert await api.rows() == before
