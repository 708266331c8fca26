"""Forms of the IncomingPhoneNumber resource: a number that is put into the local inventory, and what may be set on it.

Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource. Settings for calls are kept and shown, and nothing acts
on them. It knows no carriers and no inventory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from limpet.core.address import Address, AddressKind, parse_sender
from limpet.core.errors import ApiError
from limpet.core.model import Capability
from limpet.twilio.forms import (
    FRIENDLY_NAME_LENGTH_MAX,
    Form,
    boolean,
    choice,
    filled,
    invalid,
    method,
    missing,
    sid,
    text,
    url,
)

PATTERN_LENGTH_MAX: Final = 64
_AREA_CODE: Final = re.compile(r"[2-9][0-9]{2}")


@dataclass(frozen=True, slots=True)
class NumberChanges:
    """What is to be set: columns of a sender by name, and the settings that are only kept, in snake case."""

    columns: Mapping[str, str]
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NumberRequest:
    """A number that an account brings or buys, or the area code of one to buy.

    `carrier` None means that of the offer, or the first one; `capabilities` None means those of the offer, or SMS.
    """

    address: Address | None
    area_code: str | None
    carrier: str | None
    capabilities: frozenset[Capability] | None
    changes: NumberChanges


def _flag(form: Form, name: str) -> str | None:
    value = boolean(form, name)
    return None if value is None else str(value).lower()


_COLUMNS: Mapping[str, tuple[str, Callable[[Form, str], str | None]]] = {
    "SmsUrl": ("sms_url", url),
    "SmsMethod": ("sms_method", method),
    "SmsFallbackUrl": ("sms_fallback_url", url),
    "SmsFallbackMethod": ("sms_fallback_method", method),
    "StatusCallback": ("status_callback", url),
}
_KEPT: Mapping[str, tuple[str, Callable[[Form, str], str | None]]] = {
    "SmsApplicationSid": ("sms_application_sid", partial(sid, prefix="AP")),
    "StatusCallbackMethod": ("status_callback_method", method),
    "VoiceApplicationSid": ("voice_application_sid", partial(sid, prefix="AP")),
    "VoiceCallerIdLookup": ("voice_caller_id_lookup", _flag),
    "VoiceFallbackMethod": ("voice_fallback_method", method),
    "VoiceFallbackUrl": ("voice_fallback_url", url),
    "VoiceMethod": ("voice_method", method),
    "VoiceUrl": ("voice_url", url),
    "VoiceReceiveMode": ("voice_receive_mode", partial(choice, options=("voice", "fax"))),
    "EmergencyStatus": ("emergency_status", partial(choice, options=("Active", "Inactive"))),
    "EmergencyAddressSid": ("emergency_address_sid", partial(sid, prefix="AD")),
    "TrunkSid": ("trunk_sid", partial(sid, prefix="TK")),
    "IdentitySid": ("identity_sid", partial(sid, prefix="RI")),
    "AddressSid": ("address_sid", partial(sid, prefix="AD")),
    "BundleSid": ("bundle_sid", partial(sid, prefix="BU")),
}
PARAMETERS: Final = ("FriendlyName", "Carrier", "Capabilities", *_COLUMNS, *_KEPT)
"""All that a number can be told, beside what it is."""


def parse_number(form: Form) -> NumberRequest:
    """Read `POST …/IncomingPhoneNumbers.json`. `Carrier` and `Capabilities` are ours."""
    value = filled(form, "PhoneNumber")
    address = None if value is None else parse_sender(value)
    if value is not None and (address is None or address.kind is not AddressKind.PHONE):
        raise ApiError(21421, parameter="PhoneNumber", value=value)
    area_code = parse_area_code(form) if address is None else None
    if address is None and area_code is None:
        raise missing("PhoneNumber")
    return NumberRequest(address, area_code, filled(form, "Carrier"), _capabilities(form), parse_number_changes(form))


def parse_number_changes(form: Form) -> NumberChanges:
    """Read `POST …/IncomingPhoneNumbers/{PN}.json`: only what is to change. An empty URL takes the URL away."""
    columns = _read(form, _COLUMNS)
    if name := text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX):
        columns["friendly_name"] = name
    choice(form, "ApiVersion", ("2010-04-01", "2008-08-01"))
    return NumberChanges(columns, _read(form, _KEPT))


def parse_transfer(form: Form, account_sid: str) -> None:
    """Numbers do not move between accounts here: `AccountSid` may only say whose the number is already."""
    asked = sid(form, "AccountSid", "AC")
    if asked is not None and asked != account_sid:
        raise invalid("AccountSid", "a number cannot be transferred to another account")


def friendly_name(address: Address) -> str:
    """What Twilio calls a number that has no name: `(415) 555-0123` in North America, E.164 elsewhere."""
    digits = address.value[2:]
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if address.area_code else address.value


def parse_area_code(form: Form) -> str | None:
    """`AreaCode`, three digits of the North American plan."""
    value = filled(form, "AreaCode")
    if value is not None and not _AREA_CODE.fullmatch(value):
        raise invalid("AreaCode", "not the three digits of an area code")
    return value


def _capabilities(form: Form) -> frozenset[Capability] | None:
    value = filled(form, "Capabilities")
    if value is None:
        return None
    words = [word.strip().lower() for word in value.split(",")]
    if any(word not in tuple(Capability) for word in words):
        raise invalid("Capabilities", f"not a list of {', '.join(Capability)}")
    return frozenset(map(Capability, words))


def _read(form: Form, table: Mapping[str, tuple[str, Callable[[Form, str], str | None]]]) -> dict[str, str]:
    found = ((name, read(form, parameter)) for parameter, (name, read) in table.items())
    return {name: value for name, value in found if value is not None}
