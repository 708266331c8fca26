"""What a customer asks to send. What is wrong with a form is in `tests/web/test_bad_input.py`, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.errors import ApiError
from limpet.twilio.message_form import MessageChange, parse_message, parse_message_change

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SERVICE = "MG" + "a" * 32
GOOD = {"To": ["+14155550199"], "MessagingServiceSid": [SERVICE], "Body": ["Hello"]}
IGNORED = {
    "ProvideFeedback": "true", "Attempt": "3", "MaxPrice": "0.05", "ForceDelivery": "false", "ContentRetention": "retain",
    "AddressRetention": "retain", "RiskCheck": "disable", "TrafficType": "free",
    "PersistentAction": "geo:1,2", "SendAsMms": "false", "ShortenUrls": "false", "FallbackFrom": "+14155550101",
    "Tags": '{"campaign":"spring"}', "ContentVariables": "", "MessageIntent": "otp", "ContentSid": "", "ApplicationSid": "",
}  # fmt: skip
PARAMETERS = {
    "To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod", "ScheduleType", "SendAt", "MediaUrl",
    "SmartEncoded",
    *IGNORED,
}  # fmt: skip
"""Twilio's 25, and two of its guides (Tags, MessageIntent)."""


def status_of(form: dict[str, list[str]]) -> int:
    """What the API would answer to a form."""
    try:
        parse_message(form, NOW)
    except ApiError as error:
        return error.status
    return 201


def test_what_limpet_acts_on_is_read() -> None:
    asked = parse_message(
        {
            **GOOD,
            "From": ["(415) 555-0101"],
            "StatusCallback": ["https://example.com/cb"],
            "StatusCallbackEvents": ["Final"],
            "ValidityPeriod": ["60"],
            "SmartEncoded": ["true"],
            "ScheduleType": ["fixed"],
            "SendAt": ["2026-03-02T14:00:00+01:00"],
        },
        NOW,
    )
    assert (asked.recipient.value, asked.sender, asked.service_sid, asked.body) == (
        "+14155550199", "+14155550101", SERVICE, "Hello",
    )  # fmt: skip
    assert (asked.status_callback, asked.callback_events) == ("https://example.com/cb", "final")
    assert (asked.validity_period_s, asked.send_at) == (60, NOW + timedelta(hours=1))
    assert asked.smart_encoded is True
    assert asked.send_at is not None
    assert asked.send_at.tzinfo is UTC


def test_what_is_not_given_is_none() -> None:
    asked = parse_message(GOOD, NOW)
    assert (asked.sender, asked.status_callback, asked.callback_events) == (None, None, None)
    assert (asked.validity_period_s, asked.send_at) == (None, None)


def test_parameters_that_change_nothing_change_nothing() -> None:
    assert len(PARAMETERS) == 27
    assert parse_message({**GOOD, **{name: [value] for name, value in IGNORED.items()}}, NOW) == parse_message(
        GOOD, NOW
    )


@pytest.mark.parametrize("sender", ["12345", "ACME Corp", "+442079460018"])
def test_senders_of_every_kind_are_read(sender: str) -> None:
    assert parse_message({"To": GOOD["To"], "Body": ["x"], "From": [sender]}, NOW).sender == sender


@pytest.mark.parametrize("form", [{"From": [SERVICE]}, {"From": [SERVICE], "MessagingServiceSid": [SERVICE]}])
def test_a_service_in_from_is_the_service(form: dict[str, list[str]]) -> None:
    asked = parse_message({"To": GOOD["To"], "Body": ["x"], **form}, NOW)
    assert (asked.sender, asked.service_sid) == (None, SERVICE)


@pytest.mark.parametrize("ahead", [timedelta(seconds=300), timedelta(days=35)])
def test_the_edges_of_the_schedule_are_in_it(ahead: timedelta) -> None:
    at = (NOW + ahead).isoformat()
    assert parse_message({**GOOD, "ScheduleType": ["fixed"], "SendAt": [at]}, NOW).send_at == NOW + ahead


def test_a_body_has_1600_characters() -> None:
    assert len(parse_message({**GOOD, "Body": ["👍" * 1600]}, NOW).body) == 1600


@given(st.dictionaries(st.sampled_from(sorted(PARAMETERS)), st.lists(st.text(max_size=40), min_size=1, max_size=2)))
def test_any_form_is_a_message_or_refused(form: dict[str, list[str]]) -> None:
    for fields in (form, {**GOOD, **form}):
        assert status_of(fields) in (201, 400)


@pytest.mark.parametrize(
    ("form", "change"), [({"Body": [""]}, MessageChange.REDACT), ({"Status": ["canceled"]}, MessageChange.CANCEL)]
)
def test_a_message_is_redacted_or_canceled(form: dict[str, list[str]], change: MessageChange) -> None:
    assert parse_message_change(form) is change


@pytest.mark.parametrize(
    "form",
    [{}, {"Body": ["x"]}, {"Status": [""]}, {"Status": ["sent"]},
     {"Body": [""], "Status": ["canceled"]}, {"Body": ["x"], "Status": ["canceled"]}],
)  # fmt: skip
def test_nothing_else_can_be_done_to_a_message(form: dict[str, list[str]]) -> None:
    with pytest.raises(ApiError, match=r"'(Body|Status)'") as caught:
        parse_message_change(form)
    assert caught.value.code == 20001
