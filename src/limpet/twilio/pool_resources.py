"""The members of a service's pool as JSON, each kind with all its fields. It knows no rows and no HTTP.

Source: Twilio's OpenAPI document `twilio_messaging_v1`.
"""

from __future__ import annotations

from limpet.core.model import Capability, PoolMember, SenderKind
from limpet.twilio.dates import iso8601

Json = dict[str, object]

_CAPABILITY_NAMES = {Capability.MMS: "MMS", Capability.SMS: "SMS", Capability.VOICE: "Voice"}
_CHANNEL_NAMES = {SenderKind.WHATSAPP: "WhatsApp", SenderKind.RCS: "RCS"}


def pool_member_resource(member: PoolMember, account_sid: str, service_sid: str, root: str) -> Json:
    """A PhoneNumber of a service (9 fields). Source: twilio.com/docs/messaging/api/phonenumber-resource."""
    return {
        **_common(member, account_sid, service_sid, root, "PhoneNumbers"),
        "country_code": member.sender.country,
        "phone_number": member.sender.address,
    }


def short_code_member_resource(member: PoolMember, account_sid: str, service_sid: str, root: str) -> Json:
    """A ShortCode of a service (9 fields)."""
    return {
        **_common(member, account_sid, service_sid, root, "ShortCodes"),
        "country_code": member.sender.country,
        "short_code": member.sender.address,
    }


def alpha_sender_resource(member: PoolMember, account_sid: str, service_sid: str, root: str) -> Json:
    """An AlphaSender (8 fields). Source: twilio.com/docs/messaging/api/alphasender-resource."""
    return {
        **_common(member, account_sid, service_sid, root, "AlphaSenders"),
        "alpha_sender": member.sender.address,
    }


def destination_alpha_sender_resource(member: PoolMember, account_sid: str, service_sid: str, root: str) -> Json:
    """A DestinationAlphaSender (9 fields); an empty country code is the one for all countries."""
    return {
        **_common(member, account_sid, service_sid, root, "DestinationAlphaSenders"),
        "alpha_sender": member.sender.address,
        "iso_country_code": member.sender.country,
    }


def channel_sender_resource(member: PoolMember, account_sid: str, service_sid: str, root: str) -> Json:
    """A ChannelSender (9 fields)."""
    common = _common(member, account_sid, service_sid, root, "ChannelSenders")
    del common["capabilities"], common["service_sid"]
    return {
        **common,
        "country_code": member.sender.country or None,
        "messaging_service_sid": service_sid,
        "sender": member.sender.address,
        "sender_type": _CHANNEL_NAMES[member.sender.kind],
    }


def _common(member: PoolMember, account_sid: str, service_sid: str, root: str, part: str) -> Json:
    sender = member.sender
    return {
        "account_sid": account_sid,
        "capabilities": [name for one, name in _CAPABILITY_NAMES.items() if one in sender.capabilities],
        "date_created": iso8601(member.added_at),
        "date_updated": iso8601(member.added_at),
        "service_sid": service_sid,
        "sid": sender.sid,
        "url": f"{root}/Services/{service_sid}/{part}/{sender.sid}",
    }
