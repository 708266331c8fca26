"""The official Python SDK works with services, pools, numbers, accounts and keys, unmodified but for its base URL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.wire.conftest import Wire


def code_of(refused: pytest.ExceptionInfo[TwilioRestException]) -> tuple[int, int | None]:
    return refused.value.status, refused.value.code


def test_a_service_is_created_fetched_changed_and_deleted(client: Client) -> None:
    made = client.messaging.v1.services.create(
        friendly_name="Sales", sticky_sender=True, area_code_geomatch=False, validity_period=600, usecase="marketing",
        status_callback="https://example.com/cb", inbound_method="GET", use_inbound_webhook_on_number=True,
    )  # fmt: skip
    assert (made.friendly_name, made.sticky_sender, made.area_code_geomatch) == ("Sales", True, False)
    assert (made.validity_period, made.usecase, made.inbound_method) == (600, "marketing", "GET")
    assert isinstance(made.date_created, datetime)
    assert abs(made.date_created - datetime.now(UTC)) < timedelta(minutes=1)
    changed = made.update(friendly_name="Support", sticky_sender=False)
    assert (changed.friendly_name, changed.sticky_sender, changed.validity_period) == ("Support", False, 600)
    assert client.messaging.v1.services(made.sid).fetch().friendly_name == "Support"
    assert made.delete() is True
    with pytest.raises(TwilioRestException) as gone:
        client.messaging.v1.services(made.sid).fetch()
    assert code_of(gone) == (404, 20404)


@pytest.mark.parametrize("key", [False, True])
def test_services_are_walked_over_three_pages(wire: Wire, key: bool) -> None:
    client = wire.client(key=key)
    made = [client.messaging.v1.services.create(friendly_name=f"S{n}").sid for n in range(7)]
    found = [service.sid for service in client.messaging.v1.services.list(page_size=3, limit=7)]
    assert found == made[::-1]
    second = client.messaging.v1.services.page(page_size=3).next_page()
    assert second is not None
    third = second.next_page()
    assert third is not None
    back = third.previous_page()
    assert back is not None
    assert [service.sid for service in back] == made[3:0:-1]


def test_numbers_join_and_leave_a_pool(wire: Wire, client: Client) -> None:
    service = client.messaging.v1.services.create(friendly_name="Pool")
    numbers = [client.incoming_phone_numbers.create(phone_number=wire.new_number()) for _ in range(5)]
    for number in numbers:
        joined = service.phone_numbers.create(phone_number_sid=number.sid)
        assert (joined.phone_number, joined.country_code, joined.capabilities) == (number.phone_number, "US", ["SMS"])
    listed = service.phone_numbers.list(page_size=2)
    assert [member.sid for member in listed] == [number.sid for number in numbers[::-1]]
    with pytest.raises(TwilioRestException) as twice:
        service.phone_numbers.create(phone_number_sid=numbers[0].sid)
    assert code_of(twice) == (409, 21710)
    other = client.messaging.v1.services.create(friendly_name="Other")
    with pytest.raises(TwilioRestException) as elsewhere:
        other.phone_numbers.create(phone_number_sid=numbers[0].sid)
    assert code_of(elsewhere) == (409, 21712)
    assert service.phone_numbers(numbers[0].sid).fetch().sid == numbers[0].sid
    assert service.phone_numbers(numbers[0].sid).delete() is True
    assert other.phone_numbers.create(phone_number_sid=numbers[0].sid).service_sid == other.sid


def test_a_number_is_brought_set_up_found_and_given_up(wire: Wire, client: Client) -> None:
    address = wire.new_number()
    made = client.incoming_phone_numbers.create(phone_number=address, sms_url="https://example.com/in")
    assert made.capabilities == {"sms": True, "mms": False, "voice": False, "fax": False}
    assert isinstance(made.date_created, datetime)
    changed = made.update(friendly_name="Desk", sms_method="GET")
    assert (changed.friendly_name, changed.sms_method, changed.sms_url) == ("Desk", "GET", "https://example.com/in")
    found = client.incoming_phone_numbers.list(phone_number=address[:-4] + "*", friendly_name="Desk")
    assert made.sid in [number.sid for number in found]
    assert client.incoming_phone_numbers(made.sid).fetch().phone_number == address
    assert made.delete() is True
    assert client.incoming_phone_numbers.list(phone_number=address) == []


def test_the_account_is_fetched_and_named(wire: Wire, client: Client) -> None:
    account = client.api.v2010.accounts(wire.ready["account_sid"]).fetch()
    assert (account.status, account.auth_token, account.type) == ("active", wire.ready["auth_token"], "Full")
    assert account.sid in [each.sid for each in client.api.v2010.accounts.list()]
    assert account.update(friendly_name="Renamed").friendly_name == "Renamed"


def test_keys_are_made_used_and_ended(wire: Wire, client: Client) -> None:
    made = client.new_keys.create(friendly_name="Deploy")
    holder = Client(made.sid, made.secret, wire.ready["account_sid"])
    holder.api.base_url = holder.messaging.base_url = wire.url
    assert holder.messages.list(limit=1) is not None
    assert client.keys(made.sid).fetch().friendly_name == "Deploy"
    assert client.keys(made.sid).update(friendly_name="Other").friendly_name == "Other"
    assert made.sid in [key.sid for key in client.keys.list(page_size=1)]
    assert made.sid in [key.sid for key in client.signing_keys.list()]
    assert client.keys(made.sid).delete() is True
    with pytest.raises(TwilioRestException) as ended:
        holder.messages("SM" + "0" * 32).fetch()
    assert code_of(ended) == (401, 20003)
