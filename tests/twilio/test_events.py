"""Events as values: CloudEvents with Twilio's data, in the version that is asked for."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from twilio.request_validator import RequestValidator

from limpet.core.ids import BUCKETS
from limpet.core.optout import OptOutType
from limpet.core.status import Status
from limpet.twilio.callback import signature
from limpet.twilio.deactivations import LINK_HOLDS, linked_day, list_link
from limpet.twilio.event_types import EVENT_TYPES, INBOUND_RECEIVED, MESSAGE_EVENTS, SCHEMAS
from limpet.twilio.events import (
    Event,
    NumberState,
    batch,
    cloud_event,
    event_message,
    event_type,
    inbound_event,
    is_batch,
    joined,
    message_event,
    number_event,
    sink_test,
)
from limpet.twilio.forms import parse_form
from limpet.twilio.sid import event_sid, is_sid
from limpet.twilio.webhook_request import form_request, json_request

AT = datetime(2026, 11, 23, 7, 0, 0, 123_456, tzinfo=UTC)
AC, SM, MG, PN, CM = (f"{prefix}{'0' * 32}" for prefix in ("AC", "SM", "MG", "PN", "CM"))
ANNA, OURS, KEY = "+14155550123", "+12125550100", b"k" * 32


def delivered(**changes: object) -> Event:
    usual = {
        "status": Status.DELIVERED, "message_sid": SM, "account_sid": AC, "messaging_service_sid": MG, "to": ANNA, "from_": OURS,
        "status_callback": None, "num_segments": 2, "error_code": None, "done_at": AT, "at": AT, "message": (3, 4),
    }  # fmt: skip
    return message_event(**{**usual, **changes})  # type: ignore[arg-type]


def test_a_message_event_is_a_cloud_event_with_the_fields_of_twilios_schema() -> None:
    assert json.loads(cloud_event(delivered(), "EZ1", 8)) == {
        "specversion": "1.0",
        "type": "com.twilio.messaging.message.delivered",
        "source": f"/2010-04-01/Accounts/{AC}/Messages/{SM}.json",
        "id": "EZ1",
        "dataschema": "https://events-schemas.twilio.com/Messaging.MessageStatus/8",
        "datacontenttype": "application/json",
        "time": "2026-11-23T07:00:00.123Z",
        "data": {
            "messageSid": SM,
            "timestamp": "2026-11-23T07:00:00.123Z",
            "accountSid": AC,
            "eventName": "com.twilio.messaging.message.delivered",
            "apiVersion": "2010-04-01",
            "from": OURS,
            "to": ANNA,
            "messageStatus": "DELIVERED",
            "messagingServiceSid": MG,
            "rawDlrDoneDate": "2611230700",
            "numberOfSegments": 2,
            "dateUpdated": "2026-11-23T07:00:00.123Z",
        },
    }


@pytest.mark.parametrize(
    ("version", "without"),
    [
        (8, set()),
        (6, set()),
        (5, {"numberOfSegments", "dateUpdated"}),
        (4, {"rawDlrDoneDate", "numberOfSegments", "dateUpdated"}),
    ],
)
def test_an_older_version_has_none_of_what_came_later(version: int, without: set[str]) -> None:
    told = json.loads(cloud_event(delivered(), "EZ1", version))
    assert delivered().data.keys() - told["data"].keys() == without
    assert told["dataschema"].endswith(f"/{version}")


def test_what_failed_tells_why_and_is_from_nobody_when_no_sender_was_chosen() -> None:
    event = delivered(
        status=Status.FAILED, from_=None, error_code=21703, done_at=None, status_callback="https://x.example/cb"
    )
    assert (event.data["from"], event.data["errorCode"], event.data["messageStatus"]) == ("", 21703, "FAILED")
    assert event.data["statusCallBackUrl"] == "https://x.example/cb"
    assert "rawDlrDoneDate" not in event.data


def test_every_status_of_a_callback_but_canceled_has_an_event() -> None:
    assert set(MESSAGE_EVENTS) == {
        Status.QUEUED, Status.SENT, Status.DELIVERED, Status.FAILED, Status.UNDELIVERED, Status.READ,
    }  # fmt: skip
    assert {delivered(status=status).type for status in MESSAGE_EVENTS} == set(MESSAGE_EVENTS.values())


def test_an_inbound_event_has_the_text_and_the_places() -> None:
    event = inbound_event(
        message_sid=SM, account_sid=AC, messaging_service_sid=None, person=ANNA, sender=OURS, body="Grüße \N{SNAIL}",
        num_segments=1, opt_out_type=OptOutType.STOP, at=AT, message=(3, 4),
    )  # fmt: skip
    told = json.loads(cloud_event(event, "EZ1", 6))
    assert told["type"] == INBOUND_RECEIVED
    assert told["dataschema"] == "https://events-schemas.twilio.com/Messaging.InboundMessageV1/6"
    assert told["data"] == {
        "messageSid": SM, "timestamp": "2026-11-23T07:00:00.123Z", "accountSid": AC, "eventName": INBOUND_RECEIVED, "from": ANNA,
        "to": OURS, "numMedia": 0, "body": "Grüße \N{SNAIL}", "toCountry": "US", "toState": "NY", "fromCountry": "US",
        "fromState": "CA", "recipients": [], "numSegments": 1, "optOutType": "STOP",
    }  # fmt: skip
    assert "optOutType" not in json.loads(cloud_event(event, "EZ1", 5))["data"]


@pytest.mark.parametrize(
    ("registering", "state", "external", "schema"),
    [
        (True, NumberState.PENDING, "pending_registration", "A2P.NumberRegistrationPending"),
        (True, NumberState.SUCCESSFUL, "registered", "A2P.NumberRegistrationSuccessful"),
        (True, NumberState.FAILED, "failure", "A2P.NumberRegistrationFailed"),
        (False, NumberState.PENDING, "pending_deregistration", "A2P.NumberDeregistrationPending"),
        (False, NumberState.SUCCESSFUL, "unregistered", "A2P.NumberDeregistrationSuccessful"),
        (False, NumberState.FAILED, "failure", "A2P.NumberDeregistrationFailed"),
    ],
)
def test_a_numbers_registration_is_told_in_lower_case(
    registering: bool, state: NumberState, external: str, schema: str
) -> None:
    event = number_event(
        registering=registering, state=state, event_id="e-1", phone_number=OURS, phone_number_sid=PN, account_sid=AC,
        campaign_sid=CM, messaging_service_sid=MG, at=AT, updated_at=AT - timedelta(seconds=1),
        failure_reason="https://www.twilio.com/docs/errors/30126" if state is NumberState.FAILED else None,
    )  # fmt: skip
    process = "registration" if registering else "deregistration"
    assert event.type == f"com.twilio.messaging.compliance.number-{process}.{state}"
    told = json.loads(cloud_event(event, "EZ1", 2))
    assert told["dataschema"] == f"https://events-schemas.twilio.com/{schema}/2"
    reason = {"failurereason": "https://www.twilio.com/docs/errors/30126"} if state is NumberState.FAILED else {}
    assert told["data"] == {
        "id": "e-1", "phonenumber": OURS, "phonenumbersid": PN, "accountsid": AC, "campaignsid": CM, "messagingservicesid": MG,
        "externalstatus": external, "timestamp": 1795417200123, "updateddate": 1795417199123, **reason,
    }  # fmt: skip
    assert "messagingservicesid" not in json.loads(cloud_event(event, "EZ1", 1))["data"]
    assert event.message is None


def test_every_type_has_a_schema_and_every_schema_a_type() -> None:
    assert len(EVENT_TYPES) == 16
    assert {one.schema.id for one in EVENT_TYPES.values()} == set(SCHEMAS)
    assert all(max(one.since.values(), default=1) <= one.latest for one in SCHEMAS.values())


def test_batches_are_joined() -> None:
    one, two = cloud_event(delivered(), "EZ1", 8), cloud_event(delivered(status=Status.SENT), "EZ2", 8)
    together = joined([batch(one), batch(two)])
    assert [each["id"] for each in json.loads(together)] == ["EZ1", "EZ2"]
    assert (is_batch(together), is_batch(batch(one)), is_batch(one)) == (True, True, False)
    for payload in (one, batch(one)):
        assert (event_type(payload), event_message(payload)) == ("com.twilio.messaging.message.delivered", SM)
    assert event_message(sink_test(AC, "t-1", AT)) is None


def test_the_id_of_an_event_is_that_of_its_place() -> None:
    assert is_sid("EZ", event_sid(BUCKETS - 1, 2**63 - 1, sid_key=KEY))
    assert event_sid(1, 2, sid_key=KEY) == event_sid(1, 2, sid_key=KEY)
    assert len({event_sid(1, 2, sid_key=KEY), event_sid(1, 3, sid_key=KEY), event_sid(2, 2, sid_key=KEY)}) == 3


@pytest.mark.parametrize("url", ["https://x.example/in", "https://x.example:8443/in?a=1&b=%20"])
def test_json_is_signed_by_its_hash_in_the_url(url: str) -> None:
    body = '[{"body":"Grüße"}]'
    request = json_request(url, body)
    assert request.url == f"{url}{'&' if '?' in url else '?'}bodySHA256={sha256(body.encode()).hexdigest()}"
    signed = signature("token", request.url, request.signed_form)
    assert RequestValidator("token").validate(request.url, body, signed)
    assert not RequestValidator("token").validate(request.url, body + " ", signed)


def test_a_form_is_signed_itself_or_as_part_of_the_url() -> None:
    assert form_request("https://x.example/", "a=1", post=True)[:2] == ("https://x.example/", "a=1")
    assert form_request("https://x.example/?b=2", "a=1", post=False) == ("https://x.example/?b=2&a=1", None, None, "")


def test_a_link_to_a_list_holds_for_its_time_its_day_and_its_key() -> None:
    day = date(2026, 11, 23)
    path, _, query = list_link(day, AT, KEY).partition("?")
    form = parse_form(query.encode())
    assert linked_day(path, form, AT, KEY) == day
    assert linked_day(path, form, AT + LINK_HOLDS - timedelta(seconds=1), KEY) == day
    assert linked_day(path, form, AT + LINK_HOLDS, KEY) is None
    assert linked_day(path.replace("23", "24"), form, AT, KEY) is None
    assert linked_day(path, form, AT, b"x" * 32) is None
    later = {**form, "Expires": [str(int(form["Expires"][0]) + 1)]}
    assert linked_day(path, later, AT, KEY) is None
    for bad in ({}, {"Expires": form["Expires"]}, {**form, "Expires": ["x"]}, {**form, "Signature": ["é"]}):
        assert linked_day(path, bad, AT, KEY) is None
    for elsewhere in (
        "/deactivations/x.txt",
        "/deactivations/",
        "/deactivations/2026-11-23.txt/../x",
        "/deactivations/2026-11-3",
    ):
        assert linked_day(elsewhere, form, AT, KEY) is None
