"""Twilio's resources as JSON values: every field of each, none left out, dates in the style of its API.

Sources: Twilio's OpenAPI documents `twilio_api_v2010` and `twilio_messaging_v1`. A field of which Limpet knows nothing is null,
or what Twilio shows where it is unused. The resources of `2010-04-01` name each other by absolute paths, those of `v1` by
absolute URLs under a root that the caller gives. It knows no rows and no HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from limpet.core.errors import ERRORS, ApiError, more_info
from limpet.core.model import Account, ApiKey, Capability, Message, Sender, SenderKind, Service
from limpet.twilio.dates import iso8601, rfc2822
from limpet.twilio.sid import message_sid

Json = dict[str, object]

API_VERSION: Final = "2010-04-01"
_ACCOUNT_PARTS = {
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "keys": "Keys",
    "messages": "Messages",
    "signing_keys": "SigningKeys",
}
_SERVICE_PARTS = {
    "phone_numbers": "PhoneNumbers",
    "short_codes": "ShortCodes",
    "alpha_senders": "AlphaSenders",
    "messages": "Messages",
    "us_app_to_person": "Compliance/Usa2p",
    "us_app_to_person_usecases": "Compliance/Usa2p/Usecases",
    "channel_senders": "ChannelSenders",
    "destination_alpha_senders": "DestinationAlphaSenders",
}
_SERVICE_SETTINGS = (
    "friendly_name", "inbound_request_url", "inbound_method", "fallback_url", "fallback_method", "status_callback",
    "sticky_sender", "mms_converter", "smart_encoding", "scan_message_content", "fallback_to_long_code",
    "area_code_geomatch", "synchronous_validation", "validity_period", "usecase", "us_app_to_person_registered",
    "use_inbound_webhook_on_number",
)  # fmt: skip
_NUMBER_TYPES = {SenderKind.LONG_CODE: "local", SenderKind.TOLL_FREE: "tollfree"}
_NUMBER_UNUSED: Mapping[str, object] = {
    "address_sid": None,
    "bundle_sid": None,
    "emergency_address_sid": None,
    "emergency_status": "Inactive",
    "identity_sid": None,
    "sms_application_sid": None,
    "status_callback_method": "POST",
    "trunk_sid": None,
    "voice_application_sid": None,
    "voice_caller_id_lookup": False,
    "voice_fallback_method": "POST",
    "voice_fallback_url": None,
    "voice_method": "POST",
    "voice_receive_mode": "voice",
    "voice_url": None,
}
"""What a number shows for the settings on which nothing acts here, until they are set."""


def account_uri(account_sid: str) -> str:
    """The path of an account, without `.json`."""
    return f"/{API_VERSION}/Accounts/{account_sid}"


def message_resource(message: Message, account_sid: str, service_sid: str | None, sid_key: bytes) -> Json:
    """A Message (20 fields). Source: twilio.com/docs/messaging/api/message-resource."""
    sid = message_sid(message.bucket, message.id, media=message.num_media > 0, sid_key=sid_key)
    uri = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{sid}"
    error = None if message.error_code is None else ERRORS.get(message.error_code)
    return {
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": rfc2822(message.created_at),
        "date_sent": rfc2822(message.sent_at) if message.sent_at else None,
        "date_updated": rfc2822(message.updated_at),
        "direction": message.direction,
        "error_code": message.error_code,
        "error_message": error and error.message,
        "from": message.from_,
        "messaging_service_sid": service_sid,
        "num_media": str(message.num_media),
        "num_segments": str(message.num_segments),
        "price": None,
        "price_unit": None,
        "sid": sid,
        "status": message.status,
        "subresource_uris": {"media": uri + "/Media.json", "feedback": uri + "/Feedback.json"},
        "to": message.to,
        "uri": uri + ".json",
    }


def decision_resource(message: Message, account_sid: str, service_sid: str | None, sid_key: bytes) -> Json:
    """Why a message comes from its sender (ours; Twilio shows no such thing).

    `reason` is the rung that chose the sender (`sticky`, `explicit`, `area_code`, …), `sticky` what the mapping had to do with
    it (`created`, `used`, `replaced`, `bypassed`, `off`); both null while none is chosen. `rejections` names each candidate
    with its why-not where none could be.
    """
    sid = message_sid(message.bucket, message.id, media=message.num_media > 0, sid_key=sid_key)
    return {
        "account_sid": account_sid,
        "from": message.from_,
        "message_sid": sid,
        "messaging_service_sid": service_sid,
        "reason": message.reason,
        "rejections": dict(message.rejections),
        "sticky": message.sticky,
        "to": message.to,
        "uri": f"/{API_VERSION}/Accounts/{account_sid}/Messages/{sid}/Decision.json",
    }


def feedback_resource(
    account_sid: str, message_sid: str, outcome: str, created_at: datetime, updated_at: datetime
) -> Json:
    """A Feedback (6 fields). Source: twilio.com/docs/messaging/api/message-feedback-resource."""
    return {
        "account_sid": account_sid,
        "date_created": rfc2822(created_at),
        "date_updated": rfc2822(updated_at),
        "message_sid": message_sid,
        "outcome": outcome,
        "uri": f"{account_uri(account_sid)}/Messages/{message_sid}/Feedback.json",
    }


def account_resource(account: Account, auth_token: str | None) -> Json:
    """An Account (10 fields); its token is shown only to who has it. Source: twilio.com/docs/iam/api/account."""
    uri = account_uri(account.sid)
    return {
        "auth_token": auth_token,
        "date_created": rfc2822(account.created_at),
        "date_updated": rfc2822(account.updated_at),
        "friendly_name": account.friendly_name,
        "owner_account_sid": account.owner_sid or account.sid,
        "sid": account.sid,
        "status": account.status,
        "subresource_uris": {name: f"{uri}/{part}.json" for name, part in _ACCOUNT_PARTS.items()},
        "type": "Full",
        "uri": uri + ".json",
    }


def key_resource(key: ApiKey, secret: str | None = None) -> Json:
    """A Key or SigningKey (4 fields, and the secret once, when it is made). Source: twilio.com/docs/iam/api-keys."""
    shown: Json = {
        "sid": key.sid,
        "friendly_name": key.friendly_name,
        "date_created": rfc2822(key.created_at),
        "date_updated": rfc2822(key.updated_at),
    }
    return shown if secret is None else {**shown, "secret": secret}


def number_resource(sender: Sender, account_sid: str) -> Json:
    """An IncomingPhoneNumber (35 fields). Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource."""
    kept: Json = {name: sender.settings.get(name) or unused for name, unused in _NUMBER_UNUSED.items()}
    return {
        **kept,
        "account_sid": account_sid,
        "address_requirements": "none",
        "api_version": API_VERSION,
        "beta": False,
        "capabilities": {**{str(one): one in sender.capabilities for one in Capability}, "fax": False},
        "date_created": rfc2822(sender.created_at),
        "date_updated": rfc2822(sender.updated_at),
        "emergency_address_status": "unregistered",
        "friendly_name": sender.friendly_name,
        "origin": "hosted",
        "phone_number": sender.address,
        "sid": sender.sid,
        "sms_fallback_method": sender.sms_fallback_method,
        "sms_fallback_url": sender.sms_fallback_url,
        "sms_method": sender.sms_method,
        "sms_url": sender.sms_url,
        "status": "in-use",
        "status_callback": sender.status_callback,
        "type": _NUMBER_TYPES[sender.kind],
        "uri": f"{account_uri(account_sid)}/IncomingPhoneNumbers/{sender.sid}.json",
        "voice_caller_id_lookup": sender.settings.get("voice_caller_id_lookup") == "true",
    }


def typed_number_resource(sender: Sender, account_sid: str) -> Json:
    """A number as the lists of one type show it (34 fields): the type is not among them."""
    shown = number_resource(sender, account_sid)
    del shown["type"]
    return shown


def service_resource(service: Service, account_sid: str, root: str) -> Json:
    """A Service (23 fields); `root` is the URL that ends in `/v1`. Source: twilio.com/docs/messaging/api/service-resource.

    Ours are not among them: a client that checks fields would trip over more.
    """
    url = f"{root}/Services/{service.sid}"
    return {
        **{name: getattr(service, name) for name in _SERVICE_SETTINGS},
        "account_sid": account_sid,
        "date_created": iso8601(service.created_at),
        "date_updated": iso8601(service.updated_at),
        "links": {name: f"{url}/{part}" for name, part in _SERVICE_PARTS.items()},
        "sid": service.sid,
        "url": url,
    }


def error_body(code: int, message: str, status: int, details: Mapping[str, object] | None = None) -> Json:
    """Twilio's error body, for both APIs. Source: twilio.com/docs/usage/twilios-response#response-formats-exceptions."""
    shown: Json = {"code": code, "message": message, "more_info": more_info(code), "status": status}
    return shown if details is None else {**shown, "details": details}


def error_resource(error: ApiError) -> Json:
    """The body that tells of a refusal."""
    return error_body(error.code, error.message, error.status, error.details)
