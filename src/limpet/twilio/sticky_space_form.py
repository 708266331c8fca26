"""Forms and JSON of sticky spaces, all of it ours: several services that share their mappings. It knows no rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from limpet.core.ttl import DAYS_MAX, HOURS_MAX, Ttl, parse_ttl
from limpet.twilio.dates import iso8601
from limpet.twilio.forms import FRIENDLY_NAME_LENGTH_MAX, Form, boolean, filled, invalid, missing, text
from limpet.twilio.resources import Json

PARAMETERS: Final = ("FriendlyName", "AllServices", "StickyTtl")
"""All that a space can be told."""


def parse_space(form: Form) -> dict[str, Any]:
    """Read `POST /v1/StickySpaces`: what a space is made with; `friendly_name`, and `of_all` and `ttl` if they were given."""
    if filled(form, "FriendlyName") is None:
        raise missing("FriendlyName")
    return parse_space_changes(form)


def parse_space_changes(form: Form) -> dict[str, Any]:
    """Read `POST /v1/StickySpaces/{LS}`: only what is to change."""
    name, of_all, ttl = text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX), boolean(form, "AllServices"), ttl_of(form)
    if name == "":
        raise invalid("FriendlyName", "it cannot be empty")
    found = {"friendly_name": name, "of_all": of_all, "ttl": ttl}
    return {name: value for name, value in found.items() if value is not None}


def ttl_of(form: Form) -> Ttl | None:
    """`StickyTtl`: for how long an unused mapping counts."""
    value = filled(form, "StickyTtl")
    ttl = None if value is None else parse_ttl(value)
    if value is not None and ttl is None:
        raise invalid("StickyTtl", f"not 1h to {HOURS_MAX}h, 1d to {DAYS_MAX}d, or never")
    return ttl


def space_resource(
    *, sid: str, account_sid: str, friendly_name: str, of_all: bool, ttl: Ttl, services: tuple[str, ...],
    created_at: datetime, updated_at: datetime, root: str,
) -> Json:  # fmt: skip
    """A StickySpace with the SIDs of its services, the oldest first."""
    return {
        "account_sid": account_sid,
        "all_services": of_all,
        "date_created": iso8601(created_at),
        "date_updated": iso8601(updated_at),
        "friendly_name": friendly_name,
        "services": list(services),
        "sid": sid,
        "sticky_ttl": str(ttl),
        "url": f"{root}/StickySpaces/{sid}",
    }
