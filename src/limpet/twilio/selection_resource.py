"""`…/SenderSelection` (ours): a message that is only asked about, and who it would come from. It knows no pools.

Twilio tells neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from limpet.core.address import Address, parse_sender
from limpet.core.errors import ApiError
from limpet.twilio.dates import iso8601
from limpet.twilio.forms import Form, filled, invalid, required_person
from limpet.twilio.message_form import media_urls
from limpet.twilio.resources import Json


@dataclass(frozen=True, slots=True)
class SelectionRequest:
    """Whom it would go to, when, with media or without, and From which number, where one is named."""

    recipient: Address
    at: datetime
    media: bool
    sender: str | None


def parse_selection(form: Form, now: datetime) -> SelectionRequest:
    """Read `POST …/SenderSelection`: `To`, and if need be `MediaUrl`, `From`, and `At`, a time of ISO 8601 that is not over."""
    return SelectionRequest(required_person(form), _at(form, now), bool(media_urls(form)), _sender(form))


def _sender(form: Form) -> str | None:
    value = filled(form, "From")
    if value is None:
        return None
    address = parse_sender(value)
    if address is None:
        raise ApiError(21212, value=value)
    return address.value


def _at(form: Form, now: datetime) -> datetime:
    value = filled(form, "At")
    if value is None:
        return now
    try:
        given = datetime.fromisoformat(value)
        at = given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise invalid("At", "not a time of ISO 8601") from None
    if at < now.replace(microsecond=0):
        raise invalid("At", "a time that is over")
    return at


@dataclass(frozen=True, slots=True)
class ShownCandidate:
    """A member of the pool: the chosen one, or why not; and the rung that it is on. `why_not` None: nobody was asked."""

    sender: str
    sid: str
    chosen: bool
    why_not: str | None
    rung: str | None


@dataclass(frozen=True, slots=True)
class ShownMapping:
    """The person's mapping as it is: to whom, since when, and what it is worth."""

    sender: str | None
    last_used_day: date
    standing: str | None


def selection_resource(
    request: SelectionRequest, candidates: Sequence[ShownCandidate], mapping: ShownMapping | None,
    decided: Mapping[str, object], account_sid: str, service_sid: str, root: str,
) -> Json:  # fmt: skip
    """Who a message would come from. `decided` has `reason`, `sticky`, `cause`, `error_code` and `as_link`, as far as they are
    there; the names are those of a message's Decision."""
    chosen = next((one for one in candidates if one.chosen), None)
    return {
        "account_sid": account_sid,
        "as_link": False,
        "at": iso8601(request.at),
        "candidates": [
            {"chosen": c.chosen, "from": c.sender, "rung": c.rung, "sid": c.sid, "why_not": c.why_not} for c in candidates
        ],
        "cause": None,
        "error_code": None,
        "from": chosen and chosen.sender,
        "mapping": mapping
        and {
            "from": mapping.sender,
            "last_used_day": mapping.last_used_day.isoformat(),
            "standing": mapping.standing,
        },
        "reason": None,
        "sender_sid": chosen and chosen.sid,
        "service_sid": service_sid,
        "sticky": None,
        "to": request.recipient.value,
        "url": f"{root}/Services/{service_sid}/SenderSelection",
        **decided,
    }  # fmt: skip
