"""Short codes and senders of other channels on the wire: their forms in, their resources out. It knows no store.

Source: twilio.com/docs/messaging/api/short-code-resource. How they come into an account is ours: at Twilio a contract does it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from limpet.core.address import AddressKind, parse_sender
from limpet.core.model import Capability, Sender, SenderKind
from limpet.twilio.dates import rfc2822
from limpet.twilio.forms import FRIENDLY_NAME_LENGTH_MAX, Form, choice, filled, invalid, method, missing, text, url
from limpet.twilio.pool_form import country

Json = dict[str, object]

RCS_PREFIX: Final = "rcs:"
AGENT_LENGTH_MAX: Final = 100
_COLUMNS = {
    "SmsUrl": ("sms_url", url),
    "SmsMethod": ("sms_method", method),
    "SmsFallbackUrl": ("sms_fallback_url", url),
    "SmsFallbackMethod": ("sms_fallback_method", method),
}
PARAMETERS: Final = ("FriendlyName", "Country", "Carrier", "Capabilities", *_COLUMNS)
"""All that a short code can be told, beside what it is."""


@dataclass(frozen=True, slots=True)
class NewShared:
    """A short code or channel sender that an account brings; `columns` are what else is set on it, by a sender's field."""

    address: str
    kind: SenderKind
    country: str
    carrier: str | None
    capabilities: frozenset[Capability]
    columns: Mapping[str, str]


def parse_short_code(form: Form, carriers: Collection[str]) -> NewShared:
    """Read `POST …/SMS/ShortCodes.json` (ours): `ShortCode`, `Country`, and perhaps `Carrier` and `Capabilities`."""
    address = parse_sender(_required(form, "ShortCode"))
    if address is None or address.kind is not AddressKind.SHORT_CODE:
        raise invalid("ShortCode", "not three to six digits")
    where = country(form, "Country")
    if where is None:
        raise missing("Country")
    both = choice(form, "Capabilities", ("sms", "sms,mms")) == "sms,mms"
    can = frozenset({Capability.SMS, Capability.MMS} if both else {Capability.SMS})
    carrier = choice(form, "Carrier", tuple(carriers))
    return NewShared(address.value, SenderKind.SHORT_CODE, where, carrier, can, parse_short_code_changes(form))


def parse_short_code_changes(form: Form) -> dict[str, str]:
    """Read `POST …/SMS/ShortCodes/{SC}.json`: only what is to change."""
    found = {column: value for name, (column, read) in _COLUMNS.items() if (value := read(form, name)) is not None}
    if name := text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX):
        found["friendly_name"] = name
    return found


def parse_channel_sender(form: Form) -> NewShared:
    """Read `POST …/ChannelSenders.json` (ours): `Sender` as `whatsapp:+1…` or `rcs:agent`, and for an agent `Country`."""
    value = _required(form, "Sender")
    if value.startswith(RCS_PREFIX) and value != RCS_PREFIX and len(value) <= AGENT_LENGTH_MAX and value.isascii():
        return NewShared(value, SenderKind.RCS, country(form, "Country") or "", None, frozenset(), {})
    address = parse_sender(value)
    if address is None or address.kind is not AddressKind.WHATSAPP:
        raise invalid("Sender", "neither whatsapp: and a number nor rcs: and an agent")
    return NewShared(address.value, SenderKind.WHATSAPP, address.country or "", None, frozenset(), {})


def short_code_resource(sender: Sender, account_sid: str, api_version: str, uri: str) -> Json:
    """A ShortCode (12 fields)."""
    return {
        "account_sid": account_sid,
        "api_version": api_version,
        "date_created": rfc2822(sender.created_at),
        "date_updated": rfc2822(sender.updated_at),
        "friendly_name": sender.friendly_name,
        "short_code": sender.address,
        "sid": sender.sid,
        "sms_fallback_method": sender.sms_fallback_method,
        "sms_fallback_url": sender.sms_fallback_url or None,
        "sms_method": sender.sms_method,
        "sms_url": sender.sms_url or None,
        "uri": f"{uri}/SMS/ShortCodes/{sender.sid}.json",
    }


def own_channel_sender_resource(sender: Sender, account_sid: str, uri: str) -> Json:
    """A sender of another channel that an account has (ours)."""
    return {
        "account_sid": account_sid,
        "country_code": sender.country or None,
        "date_created": rfc2822(sender.created_at),
        "date_updated": rfc2822(sender.updated_at),
        "sender": sender.address,
        "sid": sender.sid,
        "uri": f"{uri}/ChannelSenders/{sender.sid}.json",
    }


def _required(form: Form, name: str) -> str:
    value = filled(form, name)
    if value is None:
        raise missing(name)
    return value
