"""How a number fares, and what a service calls unhealthy, as JSON, as an event and as a form. All of it is ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from limpet.core.health import Complaint, Counts, Health, Policy, Windows, health
from limpet.twilio.dates import iso8601, iso8601_ms
from limpet.twilio.event_types import NUMBER_HEALTH
from limpet.twilio.events import Event
from limpet.twilio.forms import Form, boolean, filled, integer, invalid
from limpet.twilio.resources import Json

MESSAGES_MIN_MAX: Final = 1_000_000_000
_RATES: Final = {
    "DeliveryRateMin": "delivery_rate_min",
    "FilteredRateMax": "filtered_rate_max",
    "OptOutRateMax": "opt_out_rate_max",
}
_DIGITS: Final = 4


def parse_policy(form: Form, before: Policy) -> Policy:
    """Read `POST …/HealthPolicy`: what is not given stays. Rates are from 0 to 1."""
    changes: dict[str, object] = {}
    if (avoid := boolean(form, "AvoidUnhealthy")) is not None:
        changes["avoid_unhealthy"] = avoid
    for parameter, name in _RATES.items():
        if (value := filled(form, parameter)) is not None:
            changes[name] = _rate(parameter, value)
    if (least := integer(form, "MessagesMin", 1, MESSAGES_MIN_MAX)) is not None:
        changes["messages_min"] = least
    return replace(before, **changes)  # type: ignore[arg-type]


def _rate(parameter: str, value: str) -> float:
    digits = value.replace(".", "", 1)
    rate = float(value) if digits.isascii() and digits.isdigit() else -1.0
    if not 0 <= rate <= 1:
        raise invalid(parameter, "not a share from 0 to 1")
    return rate


def policy_resource(policy: Policy, account_sid: str, service_sid: str, root: str) -> Json:
    """`/v1/Services/{MG}/HealthPolicy`."""
    return {
        "account_sid": account_sid,
        **{name: getattr(policy, name) for name in Policy.__slots__},
        "service_sid": service_sid,
        "url": f"{root}/Services/{service_sid}/HealthPolicy",
    }


def health_of(seen: Windows, policy: Policy, failing_since: datetime | None) -> Json:
    """What is known of a number: `unhealthy_since` is null while it is not; rates are null while nothing is known."""
    return {
        "avoided": failing_since is not None and policy.avoid_unhealthy,
        "day": _window(seen.day),
        "hour": _window(seen.hour),
        "status": health(seen, policy, failing_since),
        "unhealthy_since": None if failing_since is None else iso8601(failing_since),
    }


def health_resource(
    known: Json, account_sid: str, service_sid: str, sender_sid: str, phone_number: str, root: str
) -> Json:
    """`/v1/Services/{MG}/PhoneNumbers/{PN}/Health`, around `health_of`."""
    return {
        "account_sid": account_sid,
        **known,
        "phone_number": phone_number,
        "service_sid": service_sid,
        "sid": sender_sid,
        "url": f"{root}/Services/{service_sid}/PhoneNumbers/{sender_sid}/Health",
    }


def health_event(
    new: Health, why: Complaint | None, seen: Windows, *, account_sid: str, service_sid: str, sender_sid: str,
    phone_number: str, at: datetime,
) -> Event:  # fmt: skip
    """A number has become unhealthy, with the threshold that it has passed, or is well again."""
    data = {
        "accountSid": account_sid,
        "messagingServiceSid": service_sid,
        "phoneNumber": phone_number,
        "phoneNumberSid": sender_sid,
        "status": str(new),
        **({} if why is None else {"reason": str(why)}),
        "hour": _window(seen.hour),
        "day": _window(seen.day),
        "timestamp": iso8601_ms(at),
    }
    return Event(NUMBER_HEALTH[new], sender_sid, at, data)


def _window(counts: Counts) -> Json:
    return {
        "delivered": round(counts.delivered),
        "delivery_rate": _rounded(counts.delivery_rate),
        "filtered": round(counts.filtered),
        "filtered_rate": _rounded(counts.filtered_rate),
        "opt_out_rate": _rounded(counts.opt_out_rate),
        "opted_out": round(counts.opted_out),
        "undelivered": round(counts.undelivered),
    }


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, _DIGITS)
