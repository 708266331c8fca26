"""An inbound text on Twilio's wire: the parameters with which a customer is told of it, and those of its fallback.

Source: twilio.com/docs/messaging/guides/webhook-request. It knows neither who is told nor how.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from limpet.core import nanp
from limpet.core.address import area_code, parse_recipient
from limpet.core.optout import OptOutType
from limpet.twilio.callback import API_VERSION

HTTP_RETRIEVAL_FAILURE = 11200


def inbound_form(
    *,
    message_sid: str,
    account_sid: str,
    messaging_service_sid: str | None,
    person: str,
    sender: str,
    body: str,
    num_segments: int,
    media: Sequence[tuple[str, str]] = (),
    opt_out_type: OptOutType | None = None,
) -> str:
    """The form of the request. `media` are URLs with their content types; places are as far as the numbering plan tells them."""
    fields = {
        "ToCountry": country_of(sender),
        "ToState": state_of(sender),
        "SmsMessageSid": message_sid,
        "NumMedia": str(len(media)),
        "ToCity": "",
        "FromZip": "",
        "SmsSid": message_sid,
        "FromState": state_of(person),
        "SmsStatus": "received",
        "FromCity": "",
        "Body": body,
        "FromCountry": country_of(person),
        "To": sender,
        "ToZip": "",
        "NumSegments": str(num_segments),
        "MessageSid": message_sid,
        "AccountSid": account_sid,
        "From": person,
        "ApiVersion": API_VERSION,
    }
    if messaging_service_sid is not None:
        fields["MessagingServiceSid"] = messaging_service_sid
    if opt_out_type is not None:
        fields["OptOutType"] = opt_out_type
    for number, (url, content_type) in enumerate(media):
        fields[f"MediaUrl{number}"], fields[f"MediaContentType{number}"] = url, content_type
    return urlencode(fields)


def fallback_form(form: str, error_code: int, error_url: str) -> str:
    """The same request for the fallback URL, which is told what went wrong and where."""
    return f"{form}&{urlencode({'ErrorCode': error_code, 'ErrorUrl': error_url.partition('#')[0]})}"


def country_of(address: str) -> str:
    """The country of an address, by its two letters; empty where it shows none."""
    parsed = parse_recipient(address)
    return (parsed.country if parsed else None) or ""


def state_of(address: str) -> str:
    """The state or province of a North American number, where its area code has one."""
    code = area_code(address)
    place = nanp.location(code) if code else None
    return (place or "").partition("/")[0]
