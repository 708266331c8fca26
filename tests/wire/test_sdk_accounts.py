"""Sub-accounts, numbers to buy and usage, by the official SDK."""

from __future__ import annotations

from decimal import Decimal

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.wire.conftest import Wire


def test_numbers_are_found_bought_and_given_up(client: Client) -> None:
    assert {each.country_code for each in client.available_phone_numbers.list()} >= {"US", "GB", "CA"}
    offered = client.available_phone_numbers("US").local.list(area_code=415, mms_enabled=True)
    assert [each.phone_number for each in offered] == ["+14155550120", "+14155550121"]
    assert (offered[0].region, offered[0].latitude) == ("CA", None)
    bought = client.incoming_phone_numbers.create(phone_number=offered[0].phone_number)
    left = client.available_phone_numbers("US").local.list(area_code=415, mms_enabled=True)
    assert [each.phone_number for each in left] == ["+14155550121"]
    assert bought.sid in {each.sid for each in client.incoming_phone_numbers.local.list()}
    assert bought.delete()
    before = {
        each.sid for each in client.incoming_phone_numbers.toll_free.list()
    }  # other tests of the server have theirs
    toll_free = client.incoming_phone_numbers.toll_free.create(phone_number="+18005550120")
    assert {each.sid for each in client.incoming_phone_numbers.toll_free.list()} - before == {toll_free.sid}
    assert toll_free.sid
    assert client.incoming_phone_numbers(toll_free.sid).delete()


def test_a_main_account_makes_uses_and_closes_a_sub_account(wire: Wire, client: Client) -> None:
    made = client.api.accounts.create(friendly_name="Customer")
    assert (made.owner_account_sid, made.status) == (wire.ready["account_sid"], "active")
    acting = wire.client()
    number = acting.api.accounts(made.sid).incoming_phone_numbers.create(phone_number=wire.new_number())
    assert number.account_sid == made.sid
    assert made.update(status="closed").status == "closed"
    with pytest.raises(TwilioRestException) as refused:
        acting.api.accounts(made.sid).messages.create(to="+14155550199", from_=number.phone_number, body="x")
    assert (refused.value.status, refused.value.code) == (403, 20005)


def test_usage_and_balance(client: Client) -> None:
    (record,) = client.usage.records.today.list(category="sms")
    assert (record.price, record.count_unit) == (Decimal(0), "messages")
    assert len(client.usage.records.list(limit=3, page_size=2)) == 3
    assert client.balance.fetch().balance == "0"
