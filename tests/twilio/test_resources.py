"""Every field of every resource, accounted for by name, and the types that official clients insist on."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from limpet.core.errors import ApiError
from limpet.core.model import (
    Account,
    AccountStatus,
    ApiKey,
    Capability,
    Direction,
    InDoubtPolicy,
    Message,
    PoolMember,
    Sender,
    SenderKind,
    Service,
    StickyInbound,
)
from limpet.core.status import Status
from limpet.core.sticky import Pin
from limpet.twilio import pool_resources, resources
from limpet.twilio.mapping_form import mapping_resource
from limpet.twilio.resources import Json

AC, MG, PN = ("".join((prefix, "a" * 32)) for prefix in ("AC", "MG", "PN"))
AT = datetime(2026, 11, 23, 7, 0, 5, 999_000, tzinfo=UTC)
RFC, ISO = "Mon, 23 Nov 2026 07:00:05 +0000", "2026-11-23T07:00:05Z"
ROOT = "http://h/v1"

SENDER = Sender(
    7, PN, 1, SenderKind.LONG_CODE, "+14155550101", "US", frozenset({Capability.SMS, Capability.VOICE}), "Desk", "main",
    "https://e/in", "POST", "", "GET", "https://e/cb", {"voice_url": "https://e/v", "voice_caller_id_lookup": "true"}, AT, AT,
)  # fmt: skip
SERVICE = Service(
    3, MG, 1, "Sales", None, "POST", None, "POST", "https://e/cb", True, True, True, "inherit", True, True, False, 36000,
    "undeclared", False, False, "all", InDoubtPolicy.RESEND, True, 365, StickyInbound.OFF, 1, AT, AT,
)  # fmt: skip


def message(**changes: object) -> Json:
    fields = {
        "bucket": 5, "id": 77, "account_id": 1, "service_id": 3, "direction": Direction.OUTBOUND_API, "status": Status.SENT,
        "recipient": "+14155550199", "sender": "+14155550101", "body": "Hi", "num_segments": 2, "num_media": 0,
        "error_code": None, "reason": None, "sticky": None, "created_at": AT, "updated_at": AT, "sent_at": AT, **changes,
    }  # fmt: skip
    made = Message(**{name: fields[name] for name in fields if name in Message.__slots__})  # type: ignore[arg-type]
    return resources.message_resource(made, AC, MG, b"k" * 32)


FIELDS: list[tuple[Json, str, int]] = [
    (message(), "account_sid api_version body date_created date_sent date_updated direction error_code error_message from "
     "messaging_service_sid num_media num_segments price price_unit sid status subresource_uris to uri", 20),
    (resources.account_resource(Account(1, AC, "x", AccountStatus.ACTIVE, AT, AT), "token"),
     "auth_token date_created date_updated friendly_name owner_account_sid sid status subresource_uris type uri", 10),
    (resources.key_resource(ApiKey(1, "SK", 1, "x", AT, AT)), "sid friendly_name date_created date_updated", 4),
    (resources.key_resource(ApiKey(1, "SK", 1, "x", AT, AT), "s"), "sid friendly_name date_created date_updated secret", 5),
    (resources.number_resource(SENDER, AC),
     "account_sid address_sid address_requirements api_version beta capabilities date_created date_updated friendly_name "
     "identity_sid phone_number origin sid sms_application_sid sms_fallback_method sms_fallback_url sms_method sms_url "
     "status_callback status_callback_method trunk_sid uri voice_receive_mode voice_application_sid voice_caller_id_lookup "
     "voice_fallback_method voice_fallback_url voice_method voice_url emergency_status emergency_address_sid "
     "emergency_address_status bundle_sid status type", 35),
    (resources.service_resource(SERVICE, AC, ROOT),
     "sid account_sid friendly_name date_created date_updated inbound_request_url inbound_method fallback_url fallback_method "
     "status_callback sticky_sender mms_converter smart_encoding scan_message_content fallback_to_long_code area_code_geomatch "
     "synchronous_validation validity_period url links usecase us_app_to_person_registered use_inbound_webhook_on_number", 23),
    (pool_resources.pool_member_resource(PoolMember(9, 3, SENDER, AT), AC, MG, ROOT),
     "sid account_sid service_sid date_created date_updated phone_number country_code capabilities url", 9),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "names", "count"), FIELDS)
def test_every_field_is_there_and_no_other(resource: Json, names: str, count: int) -> None:
    assert set(resource) == set(names.split())
    assert len(resource) == count


@pytest.mark.parametrize(("resource", "names", "count"), FIELDS)
def test_dates_have_the_style_of_their_api(resource: Json, names: str, count: int) -> None:
    dates = {value for name, value in resource.items() if name.startswith("date_")}
    assert dates == {ISO if str(resource.get("url", "")).startswith("http") else RFC}


def test_a_message_has_counts_as_texts_and_codes_as_numbers() -> None:
    failed = message(status=Status.FAILED, error_code=30003, sent_at=None)
    assert (failed["num_segments"], failed["num_media"], failed["error_code"]) == ("2", "0", 30003)
    assert failed["date_sent"] is None
    assert "cannot be reached" in str(failed["error_message"])
    assert message(error_code=39999)["error_message"] is None


@pytest.mark.parametrize(
    ("changes", "from_", "to"),
    [
        ({}, "+14155550101", "+14155550199"),
        ({"sender": None}, None, "+14155550199"),
        ({"direction": Direction.INBOUND}, "+14155550199", "+14155550101"),
    ],
)
def test_a_message_goes_from_one_to_the_other(changes: dict[str, object], from_: str | None, to: str) -> None:
    shown = message(**changes)
    assert (shown["from"], shown["to"]) == (from_, to)


def test_media_shows_in_the_sid_and_paths_lead_to_it() -> None:
    shown = message(num_media=1)
    uri = f"/2010-04-01/Accounts/{AC}/Messages/{shown['sid']}"
    assert str(shown["sid"]).startswith("MM")
    assert (shown["uri"], shown["num_media"]) == (uri + ".json", "1")
    assert shown["subresource_uris"] == {"media": uri + "/Media.json", "feedback": uri + "/Feedback.json"}


def test_a_number_shows_what_was_set_and_what_is_usual_where_nothing_was() -> None:
    shown = resources.number_resource(SENDER, AC)
    assert shown["capabilities"] == {"sms": True, "mms": False, "voice": True, "fax": False}
    assert (shown["voice_url"], shown["voice_caller_id_lookup"], shown["sms_url"]) == (
        "https://e/v",
        True,
        "https://e/in",
    )
    assert (shown["voice_fallback_url"], shown["status_callback_method"], shown["voice_receive_mode"]) == (
        None,
        "POST",
        "voice",
    )


def test_a_member_shows_capabilities_as_a_list() -> None:
    shown = pool_resources.pool_member_resource(PoolMember(9, 3, SENDER, AT), AC, MG, ROOT)
    assert (shown["capabilities"], shown["url"]) == (["SMS", "Voice"], f"{ROOT}/Services/{MG}/PhoneNumbers/{PN}")


def test_a_mapping_shows_whether_it_counts() -> None:
    day = date(2026, 11, 23)
    shown = mapping_resource(
        sid="LM1", account_sid=AC, service_sid=MG, recipient="+14155550199", sender="+14155550101", sender_sid=PN,
        created_day=day, last_used_day=day, why_dead="expired", established=True, pin=Pin.STRICT, origin="api", root=ROOT,
    )  # fmt: skip
    assert (shown["live"], shown["why_dead"], shown["last_used_day"]) == (False, "expired", "2026-11-23")
    assert (shown["pinned"], shown["url"]) == ("strict", f"{ROOT}/Services/{MG}/StickyMappings/LM1")


def test_an_error_has_twilios_body() -> None:
    plain = resources.error_resource(ApiError(21704))
    assert plain == {
        "code": 21704,
        "message": "The Messaging Service has no senders",
        "more_info": "https://www.twilio.com/docs/errors/21704",
        "status": 400,
    }
    assert resources.error_resource(ApiError(21704, details={"a": 1})) == {**plain, "details": {"a": 1}}
