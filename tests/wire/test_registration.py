"""The walk of A2P 10DLC with the official SDK: from a brand to the first text, to a number that left and came back."""

from __future__ import annotations

import asyncio
from typing import Any

import requests
from twilio.rest import Client

from tests.support.wait import until
from tests.wire.conftest import Wire

BUNDLE = "BU" + "1" * 32
PERSON = "+14155550177"
WAIT_S = 60.0


def registration(wire: Wire, service: str, number: str) -> dict[str, Any]:
    """What Twilio shows nowhere: where one number stands."""
    url = f"{wire.url}/v1/Services/{service}/PhoneNumbers/{number}/Registration"
    answer = requests.get(url, auth=(wire.ready["account_sid"], wire.ready["auth_token"]), timeout=10)
    assert answer.status_code == 200
    return dict(answer.json())


def mapped(wire: Wire, service: str) -> bool:
    """Whether the person has a number that counts."""
    url = f"{wire.url}/v1/Services/{service}/StickyMappings"
    credentials = (wire.ready["account_sid"], wire.ready["auth_token"])
    answer = requests.get(url, params={"To": PERSON}, auth=credentials, timeout=10)
    return answer.status_code == 200 and bool(answer.json()["sticky_mappings"][0]["live"])


async def sent(client: Client, service: str) -> tuple[str | None, int | None]:
    """Who a text came from, or why it failed, once that is known."""
    made = client.messages.create(to=PERSON, messaging_service_sid=service, body="Hello")

    async def over() -> bool:
        found = await asyncio.to_thread(client.messages(made.sid).fetch)
        return found.status in ("delivered", "failed")

    await until(over, WAIT_S)
    found = client.messages(made.sid).fetch()
    return (found.from_, None) if found.status == "delivered" else (None, found.error_code)


async def test_the_walk_from_a_brand_to_a_number_that_comes_back(wire: Wire, client: Client) -> None:
    v1 = client.messaging.v1
    brand = v1.brand_registrations.create(customer_profile_bundle_sid=BUNDLE, a2p_profile_bundle_sid=BUNDLE)
    assert brand.status == "PENDING"

    async def approved() -> bool:
        return (await asyncio.to_thread(v1.brand_registrations(brand.sid).fetch)).status == "APPROVED"

    await until(approved, WAIT_S)
    assert brand.sid in [one.sid for one in v1.brand_registrations.list()]
    service = v1.services.create(friendly_name="Campaign")
    first = client.incoming_phone_numbers.create(phone_number=wire.new_number())
    service.phone_numbers.create(phone_number_sid=first.sid)
    assert await sent(client, service.sid) == (first.phone_number, None)

    campaign = service.us_app_to_person.create(
        brand_registration_sid=brand.sid, us_app_to_person_usecase="MIXED", has_embedded_links=True, has_embedded_phone=False,
        description="Notices about parcels that are under way", message_flow="People tick a box when they order parcels.",
        message_samples=["Your parcel leaves today.", "It has arrived. Thank you!"],
    )  # fmt: skip
    assert (campaign.campaign_status, campaign.mock) == ("PENDING", False)
    assert await sent(client, service.sid) == (None, 30034)
    assert mapped(wire, service.sid)

    async def registered() -> bool:
        return (await asyncio.to_thread(registration, wire, service.sid, first.sid))["state"] == "REGISTERED"

    await until(registered, WAIT_S)
    assert v1.services(service.sid).us_app_to_person(campaign.sid).fetch().campaign_status == "VERIFIED"
    assert v1.services(service.sid).us_app_to_person.list()[0].sid == campaign.sid
    assert v1.services(service.sid).fetch().us_app_to_person_registered
    assert await sent(client, service.sid) == (first.phone_number, None)

    assert service.phone_numbers(first.sid).delete() is True
    assert not mapped(wire, service.sid)
    assert registration(wire, service.sid, first.sid)["state"] == "PENDING_DEREGISTRATION"

    async def out() -> bool:
        return (await asyncio.to_thread(registration, wire, service.sid, first.sid))["state"] == "UNREGISTERED"

    await until(out, WAIT_S)
    service.phone_numbers.create(phone_number_sid=first.sid)
    assert registration(wire, service.sid, first.sid)["state"] == "PENDING_REGISTRATION"
    assert await sent(client, service.sid) == (None, 30034)
    await until(registered, WAIT_S)
    states = [one["state"] for one in registration(wire, service.sid, first.sid)["history"]]
    assert states == [
        "PENDING_REGISTRATION", "REGISTERED", "PENDING_DEREGISTRATION", "UNREGISTERED", "PENDING_REGISTRATION", "REGISTERED",
    ]  # fmt: skip
    assert not mapped(wire, service.sid)
    assert await sent(client, service.sid) == (first.phone_number, None)
    codes = [
        one["code"] for one in v1.services(service.sid).us_app_to_person_usecases.fetch().us_app_to_person_usecases
    ]
    assert "MARKETING" in codes
    assert v1.services(service.sid).us_app_to_person(campaign.sid).delete() is True
    assert await sent(client, service.sid) == (None, 30034)


def test_a_tollfree_verification_is_made_read_and_deleted_by_the_sdk(client: Client) -> None:
    number = client.incoming_phone_numbers.create(phone_number="+18335550123")
    made = client.messaging.v1.tollfree_verifications.create(
        business_name="Acme", business_website="https://example.com", notification_email="desk@example.com",
        use_case_categories=["MARKETING"], use_case_summary="Offers", production_message_sample="Ten percent off",
        opt_in_image_urls=["https://example.com/a.png"], opt_in_type="WEB_FORM", message_volume="10",
        tollfree_phone_number_sid=number.sid,
    )  # fmt: skip
    assert made.tollfree_phone_number == "+18335550123"
    assert [
        one.sid for one in client.messaging.v1.tollfree_verifications.list(tollfree_phone_number_sid=number.sid)
    ] == [made.sid]
    assert client.messaging.v1.tollfree_verifications(made.sid).delete() is True
