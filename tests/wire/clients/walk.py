"""A walk over the API by whichever major of Twilio's Python SDK is on the path, unmodified but for its base URL.

    PYTHONPATH=the/SDK python walk.py '{"url": …, "account_sid": …, "auth_token": …, "area_code": …}'

Prints the SDK's version and the steps taken as JSON; a step that fails ends it with a traceback. It knows nothing of Limpet
but its address, so it runs where Limpet is not installed.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from itertools import count

import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

import twilio

NUMBERS = count(2_000_000)


def new_number():
    """A number of the area code that is this walk's own."""
    return f"+1{READY['area_code']}{next(NUMBERS)}"


def connect(ready, user=None, secret=None):
    client = Client(user or ready["account_sid"], secret or ready["auth_token"], ready["account_sid"])
    client.api.base_url = client.messaging.base_url = client.events.base_url = ready["url"]
    return client


def refused(call):
    """The status and the code with which a call is refused."""
    try:
        call()
    except TwilioRestException as error:
        return error.status, error.code
    raise AssertionError("it was not refused")


def account(client, ready):
    found = client.api.v2010.accounts(ready["account_sid"]).fetch()
    assert (found.status, found.type) == ("active", "Full")
    assert ready["account_sid"] in [each.sid for each in client.api.v2010.accounts.list()]


def keys(client, ready):
    made = client.new_keys.create(friendly_name="Walk")
    holder = connect(ready, made.sid, made.secret)
    assert holder.messages.list(limit=1) is not None
    assert client.keys(made.sid).update(friendly_name="Walked").friendly_name == "Walked"
    assert made.sid in [each.sid for each in client.keys.list()]
    assert client.keys(made.sid).delete() is True
    assert refused(lambda: holder.incoming_phone_numbers.create(phone_number=new_number())) == (401, 20003)


def numbers(client, _):
    address = new_number()
    made = client.incoming_phone_numbers.create(phone_number=address, sms_url="https://example.com/in")
    assert isinstance(made.date_created, datetime), made.date_created
    assert made.update(friendly_name="Desk").friendly_name == "Desk"
    assert [each.sid for each in client.incoming_phone_numbers.list(phone_number=address)] == [made.sid]
    assert made.delete() is True
    assert refused(lambda: client.incoming_phone_numbers(made.sid).fetch()) == (404, 20404)


def services(client, _):
    made = client.messaging.services.create(friendly_name="Walk", sticky_sender=True, validity_period=600)
    assert (made.sticky_sender, made.validity_period, made.smart_encoding) == (True, 600, True)
    assert isinstance(made.date_created, datetime), made.date_created
    assert made.update(friendly_name="Walked", sticky_sender=False).sticky_sender is False
    assert client.messaging.services(made.sid).fetch().friendly_name == "Walked"
    assert made.delete() is True
    assert refused(lambda: client.messaging.services(made.sid).fetch()) == (404, 20404)


def pools(client, _):
    service = client.messaging.services.create(friendly_name="Pool")
    mine = [client.incoming_phone_numbers.create(phone_number=new_number()) for _ in range(5)]
    for each in mine:
        joined = service.phone_numbers.create(phone_number_sid=each.sid)
        assert (joined.phone_number, joined.country_code) == (each.phone_number, "US")
    assert [each.sid for each in service.phone_numbers.list(page_size=2)] == [each.sid for each in mine[::-1]]
    assert refused(lambda: service.phone_numbers.create(phone_number_sid=mine[0].sid)) == (409, 21710)
    assert service.phone_numbers(mine[0].sid).delete() is True


def messages(client, ready):
    service = client.messaging.services.create(friendly_name="Sticky")
    mine = [client.incoming_phone_numbers.create(phone_number=new_number()) for _ in range(3)]
    for each in mine:
        service.phone_numbers.create(phone_number_sid=each.sid)
    to = new_number()
    first = client.messages.create(to=to, messaging_service_sid=service.sid, body="Grüße 1")
    assert (first.status, first.from_, first.num_segments, first.direction) == ("accepted", None, "0", "outbound-api")
    for n in range(2, 8):
        client.messages.create(to=to, messaging_service_sid=service.sid, body=f"Grüße {n}")
    heard = client.messages.list(to=to, page_size=3)
    assert [each.body for each in heard] == [f"Grüße {n}" for n in range(7, 0, -1)]
    assert len({each.from_ for each in heard}) == 1
    assert heard[0].from_ in [each.phone_number for each in mine]
    assert isinstance(heard[0].date_created, datetime)
    plain = client.messages.create(to=to, from_=mine[0].phone_number, body="plain")
    assert plain.status == "queued"
    assert plain.from_ == mine[0].phone_number


def scheduled(client, _):
    service = client.messaging.services.create(friendly_name="Later")
    number = client.incoming_phone_numbers.create(phone_number=new_number())
    service.phone_numbers.create(phone_number_sid=number.sid)
    at = datetime.now(UTC) + timedelta(hours=1)
    fields = {"ScheduleType": "fixed", "SendAt": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    path = f"/2010-04-01/Accounts/{client.account_sid}/Messages.json"
    data = {"To": new_number(), "MessagingServiceSid": service.sid, "Body": "later", **fields}
    made = json.loads(
        client.request("POST", client.api.base_url + path, data=data).text
    )  # older majors lack the fields
    assert made["status"] == "scheduled", made
    if int(twilio.__version__.split(".")[0]) >= 7:
        assert client.messages(made["sid"]).update(status="canceled").status == "canceled"


def short_codes(client, _):
    service = client.messaging.services.create(friendly_name="Codes")
    path = f"/2010-04-01/Accounts/{client.account_sid}/SMS/ShortCodes.json"  # bringing one is Limpet's own
    data = {"ShortCode": READY["area_code"] * 2, "Country": "US"}
    made = json.loads(client.request("POST", client.api.base_url + path, data=data).text)
    assert client.short_codes(made["sid"]).update(friendly_name="Votes").friendly_name == "Votes"
    assert made["sid"] in [each.sid for each in client.short_codes.list()]
    joined = service.short_codes.create(short_code_sid=made["sid"])
    assert (joined.short_code, joined.country_code) == (made["short_code"], "US")
    assert [each.sid for each in service.short_codes.list()] == [made["sid"]]
    assert service.short_codes(made["sid"]).delete() is True


def names(client, _):
    service = client.messaging.services.create(friendly_name="Names")
    made = service.alpha_senders.create(alpha_sender="ACME")
    assert (made.alpha_sender, made.capabilities) == ("ACME", ["SMS"])
    assert [each.sid for each in service.alpha_senders.list()] == [made.sid]
    assert refused(lambda: service.alpha_senders.create(alpha_sender="Other")) == (412, 21714)
    assert service.alpha_senders(made.sid).delete() is True
    if hasattr(service, "destination_alpha_senders"):  # younger than some majors
        there = service.destination_alpha_senders.create(alpha_sender="ACME FR", iso_country_code="FR")
        assert there.iso_country_code == "FR"
        assert [each.sid for each in service.destination_alpha_senders.list()] == [there.sid]


def feedback(client, _):
    number = client.incoming_phone_numbers.create(phone_number=new_number())
    sent = client.messages.create(to=new_number(), from_=number.phone_number, body="x", provide_feedback=True)
    assert client.messages(sent.sid).feedback.create(outcome="confirmed").outcome == "confirmed"


def subaccounts(client, _):
    made = client.api.v2010.accounts.create(friendly_name="Part")
    assert (made.status, made.owner_account_sid) == ("active", client.account_sid)
    assert client.api.v2010.accounts(made.sid).update(status="suspended").status == "suspended"
    assert made.sid in [each.sid for each in client.api.v2010.accounts.list(friendly_name="Part")]


def available_numbers(client, _):
    offered = client.available_phone_numbers("US").local.list(limit=2)
    assert len(offered) == 2
    bought = client.incoming_phone_numbers.create(phone_number=offered[0].phone_number)
    assert bought.phone_number == offered[0].phone_number
    still = client.available_phone_numbers("US").local.list(limit=1000)
    assert offered[0].phone_number not in [each.phone_number for each in still]
    assert bought.delete() is True


def event_streams(client, _):
    streams, sent = client.events.v1, "com.twilio.messaging.message.sent"
    place = {"destination": "https://example.com/events", "method": "POST", "batch_events": True}
    sink = streams.sinks.create(description="Ours", sink_configuration=place, sink_type="webhook")
    assert (sink.status, sink.sink_type, sink.sink_configuration) == ("active", "webhook", place)
    assert isinstance(sink.date_created, datetime), sink.date_created
    assert streams.sinks(sink.sid).update(description="Theirs").description == "Theirs"
    assert streams.sinks(sink.sid).sink_validate.create(test_id="any").result == "valid"
    types = [{"type": sent}, {"type": "com.twilio.messaging.message.failed", "schema_version": 2}]
    made = streams.subscriptions.create(description="Some", sink_sid=sink.sid, types=types)
    assert (made.sink_sid, made.description) == (sink.sid, "Some")
    asked = streams.subscriptions(made.sid).subscribed_events
    assert {one.type: one.schema_version for one in asked.list()} == {sent: 8, types[1]["type"]: 2}
    assert asked.create(type="com.twilio.messaging.inbound-message.received").schema_version == 6
    assert streams.subscriptions(made.sid).subscribed_events(sent).update(schema_version=7).schema_version == 7
    assert streams.subscriptions(made.sid).subscribed_events(sent).delete() is True
    assert [one.sid for one in streams.subscriptions.list(sink_sid=sink.sid)] == [made.sid]
    assert sink.sid in [one.sid for one in streams.sinks.list(in_use=True, page_size=2)]
    assert refused(lambda: streams.sinks(sink.sid).delete()) == (400, 91007)
    assert streams.subscriptions(made.sid).delete() is True
    assert streams.sinks(sink.sid).delete() is True
    kinds = {one.type: one.schema_id for one in streams.event_types.list(page_size=5)}
    assert kinds[sent] == "Messaging.MessageStatus"
    assert streams.event_types(sent).fetch().schema_id == kinds[sent]
    assert streams.schemas(kinds[sent]).fetch().latest_version == 8
    assert len(streams.schemas(kinds[sent]).versions.list()) == 8


def deactivations(client, ready):
    fetch = client.messaging.v1.deactivations().fetch
    assert fetch(date=ready["deactivated_day"]).redirect_to.startswith(ready["url"])
    assert refused(lambda: fetch(date="2020-01-01")) == (404, 20404)


def media(client, _):
    number = client.incoming_phone_numbers.create(phone_number=new_number())
    service = client.messaging.services.create(friendly_name="Media", mms_converter=True)
    service.phone_numbers.create(phone_number_sid=number.sid)
    place = {"messaging_service_sid": service.sid, "media_url": ["https://example.com/a.png"]}
    sent = client.messages.create(to=new_number(), body="look", **place)
    assert sent.num_media == "1"
    (found,) = client.messages(sent.sid).media.list()
    assert (found.parent_sid, found.sid[:2]) == (sent.sid, "ME")
    assert client.messages(sent.sid).media(found.sid).fetch().sid == found.sid
    assert client.messages(sent.sid).media(found.sid).delete() is True
    assert client.messages(sent.sid).media.list() == []


def content(client, _):
    """Templates are JSON, which the majors make in different ways: they are made here, and read and sent by the SDK."""
    template = {"friendly_name": "walk", "language": "en", "variables": {"1": "nobody"}}
    template["types"] = {"twilio/text": {"body": "Hello {{1}}"}}
    login = (READY["account_sid"], READY["auth_token"])
    made = requests.post(f"{READY['url']}/v1/Content", json=template, auth=login, timeout=10).json()
    if hasattr(client, "content"):  # younger than some majors
        client.content.base_url = READY["url"]
        assert client.content.v1.contents(made["sid"]).fetch().friendly_name == "walk"
        assert made["sid"] in [each.sid for each in client.content.v1.contents.list()]
    number = client.incoming_phone_numbers.create(phone_number=new_number())
    path = f"/2010-04-01/Accounts/{client.account_sid}/Messages.json"
    data = {
        "To": new_number(),
        "From": number.phone_number,
        "ContentSid": made["sid"],
        "ContentVariables": '{"1": "Ada"}',
    }
    sent = json.loads(client.request("POST", client.api.base_url + path, data=data).text)
    assert sent["body"] == "Hello Ada", sent
    if hasattr(client, "content"):
        assert client.content.v1.contents(made["sid"]).delete() is True


def compliance(client, _):
    v1 = client.messaging.v1
    brand = v1.brand_registrations.create("BU" + "1" * 32, "BU" + "2" * 32, mock=True)
    assert brand.mock is True
    assert v1.brand_registrations(brand.sid).fetch().sid == brand.sid
    assert brand.sid in [each.sid for each in v1.brand_registrations.list()]
    service = v1.services.create(friendly_name="Campaign")
    cases = v1.services(service.sid).us_app_to_person_usecases.fetch(brand_registration_sid=brand.sid)
    assert "MIXED" in [each["code"] for each in cases.us_app_to_person_usecases]
    assert v1.services(service.sid).us_app_to_person.list() == []
    if hasattr(v1, "tollfree_verifications"):
        assert v1.tollfree_verifications.list() is not None


def errors(client, _):
    create = client.messages.create
    service = client.messaging.services.create(friendly_name="Empty")
    assert refused(lambda: create(to="nobody", from_="+15005550006", body="x")) == (400, 21211)
    assert refused(lambda: create(to=new_number(), body="x")) == (400, 21603)
    assert refused(lambda: create(to=new_number(), messaging_service_sid=service.sid, body="x")) == (400, 21704)
    assert refused(lambda: client.messages("SM" + "0" * 32).fetch()) == (404, 20404)


STEPS = (
    account, keys, numbers, services, pools, messages, scheduled, short_codes, names, feedback, subaccounts,
    available_numbers, event_streams, deactivations, media, content, compliance, errors,
)  # fmt: skip


def walk(ready):
    client = connect(ready)
    for step in STEPS:
        step(client, ready)
    print(json.dumps({"version": twilio.__version__, "steps": [step.__name__ for step in STEPS]}))


if __name__ == "__main__":
    READY = json.loads(sys.argv[1])
    walk(READY)
