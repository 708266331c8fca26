"""Forms of the Service resource: Twilio's sixteen settings, and ours.

Source: twilio.com/docs/messaging/api/service-resource. What is read is a mapping from the settings' names in snake case,
which are also the columns of a service; what is absent from it stays as it was. It knows no services.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from limpet.core.model import InDoubtPolicy, StickyInbound, StickyOverflow
from limpet.core.ttl import DAYS_MAX
from limpet.twilio.forms import (
    FRIENDLY_NAME_LENGTH_MAX,
    Form,
    boolean,
    callback_events,
    choice,
    decimal,
    filled,
    given,
    integer,
    invalid,
    method,
    missing,
    text,
    url,
)
from limpet.twilio.sid import is_sid
from limpet.twilio.sticky_space_form import ttl_of

VALIDITY_PERIOD_MAX_S: Final = 36_000
SEGMENTS_PER_S_MAX: Final = 1_000_000
DAILY_MAX: Final = 1_000_000_000
USECASES: Final = ("notifications", "marketing", "verification", "discussion", "poll", "undeclared")

Changes = dict[str, Any]


def _in_doubt(form: Form, name: str) -> InDoubtPolicy | None:
    value = choice(form, name, tuple(InDoubtPolicy))
    return None if value is None else InDoubtPolicy(value)


def _sticky_inbound(form: Form, name: str) -> StickyInbound | None:
    value = choice(form, name, tuple(StickyInbound))
    return None if value is None else StickyInbound(value)


def _sticky_overflow(form: Form, name: str) -> StickyOverflow | None:
    value = choice(form, name, tuple(StickyOverflow))
    return None if value is None else StickyOverflow(value)


_URLS: Mapping[str, str] = {
    "InboundRequestUrl": "inbound_request_url",
    "FallbackUrl": "fallback_url",
    "StatusCallback": "status_callback",
}
_SETTINGS: Mapping[str, tuple[str, Callable[[Form, str], object]]] = {
    "InboundMethod": ("inbound_method", method),
    "FallbackMethod": ("fallback_method", method),
    "StickySender": ("sticky_sender", boolean),
    "MmsConverter": ("mms_converter", boolean),
    "SmartEncoding": ("smart_encoding", boolean),
    "ScanMessageContent": ("scan_message_content", partial(choice, options=("inherit", "enable", "disable"))),
    "FallbackToLongCode": ("fallback_to_long_code", boolean),
    "AreaCodeGeomatch": ("area_code_geomatch", boolean),
    "ValidityPeriod": ("validity_period", partial(integer, least=1, most=VALIDITY_PERIOD_MAX_S)),
    "SynchronousValidation": ("synchronous_validation", boolean),
    "Usecase": ("usecase", partial(choice, options=USECASES)),
    "UseInboundWebhookOnNumber": ("use_inbound_webhook_on_number", boolean),
    "StatusCallbackEvents": ("status_callback_events", lambda form, _: callback_events(form)),
    "InDoubt": ("in_doubt", _in_doubt),
    "ExplicitFromSticks": ("explicit_from_sticks", boolean),
    "StickyInbound": ("sticky_inbound", _sticky_inbound),
    "RequireA2p": ("require_a2p", boolean),
    "StickyOverflow": ("sticky_overflow", _sticky_overflow),
    "StickyTtlDays": ("sticky_ttl_days", partial(integer, least=1, most=DAYS_MAX)),
}
_LIMITS: Mapping[str, tuple[str, Callable[[Form, str], object]]] = {
    "SegmentsPerSecond": ("segments_per_s", partial(decimal, most=SEGMENTS_PER_S_MAX)),
    "DailySegments": ("daily_segments", partial(integer, least=0, most=DAILY_MAX)),
}
"""An empty value takes a limit away."""
PARAMETERS: Final = ("FriendlyName", *_URLS, *_SETTINGS, *_LIMITS, "StickyTtl")
"""All that a service can be told of itself."""
SPACE: Final = "StickySpaceSid"
"""The space that it is in."""


def parse_service(form: Form) -> Changes:
    """Read `POST /v1/Services`: `friendly_name` and whatever else was given."""
    if filled(form, "FriendlyName") is None:
        raise missing("FriendlyName")
    return parse_service_changes(form)


def parse_service_changes(form: Form) -> Changes:
    """Read `POST /v1/Services/{MG}`: only what is to change. An empty URL takes the URL away."""
    changes: Changes = {}
    name = text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX)
    if name == "":
        raise invalid("FriendlyName", "it cannot be empty")
    if name is not None:
        changes["friendly_name"] = name
    for parameter, column in _URLS.items():
        if (value := url(form, parameter)) is not None:
            changes[column] = value or None
    for parameter, (column, read) in _SETTINGS.items():
        if (setting := read(form, parameter)) is not None:
            changes[column] = setting
    for parameter, (column, read) in _LIMITS.items():
        if given(form, parameter) is not None:
            changes[column] = read(form, parameter)
    return changes | _ttl(form, changes)


def _ttl(form: Form, changes: Changes) -> Changes:
    """For how long mappings count, by either of two parameters: whole days, or days, hours or never."""
    ttl, in_days = ttl_of(form), changes.get("sticky_ttl_days")
    if ttl is not None and in_days is not None:
        raise invalid("StickyTtl", "it does not go together with 'StickyTtlDays'")
    if ttl is None:
        return {} if in_days is None else {"sticky_ttl_hours": None}
    return {"sticky_ttl_days": ttl.days, "sticky_ttl_hours": ttl.hours}


def parse_space_of(form: Form) -> str | None:
    """Read `StickySpaceSid` of a service: the space that it joins, empty to leave, None where it stays where it is."""
    value = given(form, SPACE)
    if value and not is_sid("LS", value):
        raise invalid(SPACE, "not the SID of a space (LS…)")
    return value
