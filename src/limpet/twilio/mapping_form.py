"""Mappings on the wire, ours: what is asked of them, how they look, and the events of their changes.

It knows no services and no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from limpet.core.address import parse_sender
from limpet.core.errors import ApiError
from limpet.core.page import PageRequest
from limpet.core.sticky import EventKind, Origin, Pin
from limpet.twilio.dates import iso8601_ms, parse_date
from limpet.twilio.forms import Form, boolean, choice, filled, integer, invalid, missing, person_of, text
from limpet.twilio.lists import PAGE_NUMBER_MAX, parse_page

Json = dict[str, object]

REASON_LENGTH_MAX: Final = 200
_PINS: Final[Mapping[str, tuple[Pin, ...]]] = {
    Pin.NONE: (Pin.NONE,),
    Pin.PLAIN: (Pin.PLAIN, Pin.STRICT),
    Pin.STRICT: (Pin.STRICT,),
}
"""What `Pinned` of a list finds: a strict pin is one too."""


@dataclass(frozen=True, slots=True)
class MappingQuery:
    """Which mappings; `sender` normalised."""

    sender: str | None
    pins: tuple[Pin, ...] | None
    used_before: date | None
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class ByHand:
    """What is wanted of a mapping; what was not given is None."""

    sender: str | None
    pin: Pin | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Reset:
    """Whose mappings are to go: a person's, a number's, or with neither all of the service."""

    recipient: str | None
    sender: str | None
    reason: str | None


def parse_mapping_query(query: Form) -> MappingQuery:
    """Read the filters of `GET …/StickyMappings` beside `To`."""
    pinned, origin = choice(query, "Pinned", tuple(Pin)), choice(query, "Origin", tuple(Origin))
    return MappingQuery(
        _sender(query),
        _PINS[pinned] if pinned else None,
        _day(query, "LastUsedBefore"),
        Origin(origin) if origin else None,
    )


def parse_mapping_page(query: Form) -> PageRequest:
    """The page that is asked for, by its token; whether that is one is for the list to say (21481)."""
    token = filled(query, "PageToken")
    plain = {name: values for name, values in query.items() if name != "PageToken" and not (token and name == "Page")}
    page = parse_page(plain)
    number = integer(query, "Page", 0, PAGE_NUMBER_MAX) or 0
    return PageRequest(page.size, number, token=token)


def parse_by_hand(form: Form) -> ByHand:
    """Read what `POST …/StickyMappings` and `…/{LM}` want: `From`, `Pinned`, `Reason`. One of the first two must be there."""
    pin = choice(form, "Pinned", tuple(Pin))
    sender = _sender(form)
    if pin is None and sender is None:
        raise missing("From")
    return ByHand(sender, Pin(pin) if pin else None, parse_reason(form))


def parse_reset(query: Form) -> Reset:
    """Read `DELETE …/StickyMappings`: one of `To`, `From` and `All=true`."""
    to, sender, everything = filled(query, "To"), _sender(query), boolean(query, "All")
    given = [name for name, value in (("To", to), ("From", sender), ("All", everything)) if value]
    if not given:
        raise missing("To")
    if len(given) > 1:
        raise invalid(given[1], f"it does not go together with '{given[0]}'")
    return Reset(None if to is None else person_of(to).value, sender, parse_reason(query))


def parse_reason(query: Form) -> str | None:
    """Why something is done, in the words of who does it; at most REASON_LENGTH_MAX characters."""
    return text(query, "Reason", REASON_LENGTH_MAX) or None


def parse_event_query(query: Form) -> tuple[str | None, str | None, EventKind | None]:
    """Read the filters of `GET …/StickyEvents`: whose, of which number before or after, of which kind."""
    to, kind = filled(query, "To"), choice(query, "Kind", tuple(EventKind))
    return None if to is None else person_of(to).value, _sender(query), EventKind(kind) if kind else None


def event_resource(
    *, sid: str, account_sid: str, service_sid: str, kind: str, cause: str, before: str | None, after: str | None,
    to: str | None, message_sid: str | None, actor: str, reason: str | None, at: datetime,
) -> Json:  # fmt: skip
    """A StickyEvent: what changed, why, by whom. `to` is null for what concerns all people of a number or of the service; `from`
    is the number afterwards, null where there is none, and `message_sid` the message that caused it."""
    return {
        "account_sid": account_sid,
        "actor": actor,
        "cause": cause,
        "date_created": iso8601_ms(at),
        "from": after,
        "from_before": before,
        "kind": kind,
        "message_sid": message_sid,
        "reason": reason,
        "service_sid": service_sid,
        "sid": sid,
        "to": to,
    }


def mapping_resource(
    *, sid: str, account_sid: str, service_sid: str, recipient: str, sender: str, sender_sid: str, created_day: date,
    last_used_day: date, why_dead: str | None, established: bool, pin: Pin, origin: str, root: str,
) -> Json:  # fmt: skip
    """A StickyMapping: who hears from which number of a service, since when, and whether that still counts.

    Days are UTC. `why_dead` is null while it counts; `established` turns true with the first message that left, and is so at once
    where it was made by hand. `pinned` is as in the form: `false`, `true` or `strict`.
    """
    return {
        "account_sid": account_sid,
        "created_day": created_day.isoformat(),
        "established": established,
        "from": sender,
        "last_used_day": last_used_day.isoformat(),
        "live": why_dead is None,
        "origin": origin,
        "phone_number_sid": sender_sid,
        "pinned": pin.value,
        "service_sid": service_sid,
        "sid": sid,
        "to": recipient,
        "url": f"{root}/Services/{service_sid}/StickyMappings/{sid}",
        "why_dead": why_dead,
    }


def _sender(form: Form) -> str | None:
    """A sender in its normal form; 21212 for what is none."""
    value = filled(form, "From")
    sender = None if value is None else parse_sender(value)
    if value is not None and sender is None:
        raise ApiError(21212, value=value)
    return None if sender is None else sender.value


def _day(form: Form, name: str) -> date | None:
    value = filled(form, name)
    at = None if value is None else parse_date(value)
    if value is not None and at is None:
        raise invalid(name, "not a date")
    return at and at.date()
