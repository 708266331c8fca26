"""What accounts, services and members of pools may, and what they have used of it today, as JSON. All of it is ours."""

from __future__ import annotations

from limpet.core.ids import day_date
from limpet.core.model import Account, PoolMember, Service
from limpet.core.removal import Removal
from limpet.twilio.resources import Json, account_uri


def account_limits(account: Account, scheduled_max: int, scheduled: int) -> Json:
    """`…/Limits.json` of an account; `segments_per_second` is null where the server's own limit holds."""
    return {
        "account_sid": account.sid,
        "scheduled": scheduled,
        "scheduled_max": scheduled_max,
        "segments_per_second": account.segments_per_s,
        "trial": account.trial,
        "uri": f"{account_uri(account.sid)}/Limits.json",
        "verified_numbers": sorted(account.verified),
    }


def service_limits(service: Service, segments_today: int, account_sid: str, root: str) -> Json:
    """`/v1/Services/{MG}/Limits`; null is no limit. Segments are counted while there is a limit."""
    return {
        "account_sid": account_sid,
        "daily_segments": service.daily_segments,
        "paused": service.paused,
        "segments_per_second": service.segments_per_s,
        "segments_today": segments_today,
        "service_sid": service.sid,
        "sticky_overflow": service.sticky_overflow,
        "url": f"{root}/Services/{service.sid}/Limits",
    }


def member_limits(member: PoolMember, contacts_today: int, account_sid: str, service_sid: str, root: str) -> Json:
    """`/v1/Services/{MG}/PhoneNumbers/{PN}/Limits`; null is no limit. New people are counted while there is a limit. Weight and
    state say what it gets of new people beside the others, the rest what becomes of its own when it drains or is disabled."""
    return {
        "account_sid": account_sid,
        "contacts_today": contacts_today,
        "daily_contacts": member.daily_contacts,
        "drain_days": member.drain_days,
        "drains_since": None if member.drain_day is None else day_date(member.drain_day).isoformat(),
        "phone_number": member.sender.address,
        "replace": member.replaces,
        "service_sid": service_sid,
        "sid": member.sender.sid,
        "state": member.state,
        "weight": member.weight,
        "url": f"{root}/Services/{service_sid}/PhoneNumbers/{member.sender.sid}/Limits",
    }


def removal_resource(member: PoolMember, found: Removal, account_sid: str, service_sid: str, root: str) -> Json:
    """`/v1/Services/{MG}/PhoneNumbers/{PN}/Removal`: people by expectation, rounded; `nobody` are those that no other number of
    the pool can write to, `unknown` those of whose numbers only a pseudonym is kept."""
    return {
        "account_sid": account_sid,
        "estimated": found.estimated,
        "nobody": round(found.nobody),
        "people": round(found.people),
        "phone_number": member.sender.address,
        "service_sid": service_sid,
        "sid": member.sender.sid,
        "to": [
            {"people": round(people), "phone_number": c.sender.address, "sid": c.sender.sid} for c, people in found.to
        ],
        "unknown": round(found.unknown),
        "url": f"{root}/Services/{service_sid}/PhoneNumbers/{member.sender.sid}/Removal",
    }
