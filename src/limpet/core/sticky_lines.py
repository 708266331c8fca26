"""What one line of an import says: a person, the number that they hear from, and since when; or why it counts for nothing.

Of a message log the messages count that left for a person within the time that mappings live. Rules S-120 and S-121. It knows no
pool: whether the number is in it is asked elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from limpet.core.address import parse_recipient
from limpet.core.ids import day_date, day_number
from limpet.core.retention import MASK, shown
from limpet.core.sticky_flags import ESTABLISHED, PINNED, STRICT

TEXT_LENGTH_MAX: Final = 64
"""Octets of what stands in a date or an address; more is none."""
DAY_S: Final = 86_400
AHEAD_DAYS_MAX: Final = 1
"""Clocks differ: what is said to be of tomorrow was today."""
_EPOCH_OF_DAYS = 10_957  # 2000-01-01 in days since 1970
_WORDS: Final = {"true": True, "yes": True, "1": True, "t": True, "false": False, "no": False, "0": False, "f": False}
_NAME = re.compile(r"[^a-z]+")
_TOLD: Final = ("false", "true")
_HEARD = frozenset({"inbound", "incoming", "mo"})
_NEVER_LEFT = frozenset(
    {
        "failed", "canceled", "cancelled", "accepted", "scheduled", "queued", "sending", "sendingfailed", "rejected",
        "draft", "expired",
    }
)  # fmt: skip


class Passed(StrEnum):
    """Why a line counts for nothing though nothing is wrong with it."""

    INBOUND = "inbound"
    """A message from the person."""
    NEVER_LEFT = "never_left"
    """A message that the person did not get and that was not on its way to them."""
    TOO_OLD = "too_old"
    """Longer ago than mappings of the service live."""
    OTHER_SERVICE = "other_service"
    """A message of another service than the one asked for."""


class Why(StrEnum):
    """What is wrong with a line that is reported."""

    UNREADABLE = "unreadable"
    NO_PERSON = "no_person"
    NO_SENDER = "no_sender"
    UNKNOWN_SENDER = "unknown_sender"
    """A number that is not in the pool."""
    UNREACHABLE = "unreachable"
    """The number cannot write to that person."""
    NOT_KEPT = "number_not_kept"
    """The person's number is not kept where this was exported."""
    BAD_DATE = "bad_date"
    BAD_FLAG = "bad_flag"
    SEVERAL_PEOPLE = "several_people"


class Line(NamedTuple):
    """A mapping as a line tells it. `sender` is as it was written; `at` are seconds since 1970, days those of `day_number`."""

    to: str
    sender: str
    at: int
    last_used_day: int
    created_day: int
    flags: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What counts. `today` is a `day_number`, `service` the one of which messages count (None: of all)."""

    now_s: int
    today: int
    ttl_days: int
    service: str | None = None


def read_line(values: Sequence[object], terms: Terms, *, is_log: bool) -> Line | Passed | Why:
    """What the values of `limpet.core.sticky_dialects.FIELDS` say."""
    to, sender, at, created, direction, status, service, established, pinned, strict = values
    if is_log:
        if (passed := _passed(direction, status)) is not None:
            return passed
        if terms.service is not None and _text(service) != terms.service:
            return Passed.OTHER_SERVICE
    person = _person(to)
    if isinstance(person, Why):
        return person
    number = _address(sender)
    if isinstance(number, Why) or not number:
        return Why.NO_SENDER
    used = _instant(at, terms)
    if used is None or (is_log and not at):
        return Why.BAD_DATE
    day = used // DAY_S - _EPOCH_OF_DAYS
    if day > terms.today:
        if day > terms.today + AHEAD_DAYS_MAX:
            return Why.BAD_DATE
        used, day = terms.now_s, terms.today
    flags = ESTABLISHED if is_log else _flags(established, pinned, strict)
    if flags is None:
        return Why.BAD_FLAG
    if terms.today - day > terms.ttl_days and not flags & PINNED:
        return Passed.TOO_OLD
    made = day if not created else _day(created)
    if made is None:
        return Why.BAD_DATE
    return Line(person, number, used, day, max(0, min(made, day)), flags)


def _passed(direction: object, status: object) -> Passed | None:
    if _NAME.sub("", str(direction or "").lower()) in _HEARD:
        return Passed.INBOUND
    if _NAME.sub("", str(status or "").lower()) in _NEVER_LEFT:
        return Passed.NEVER_LEFT
    return None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _address(value: object) -> str | Why | None:
    """What an address is written as; Telnyx wraps it, and has a list of recipients."""
    if isinstance(value, str):
        return value.strip() if len(value) <= TEXT_LENGTH_MAX else None
    if isinstance(value, list):
        return _address(value[0]) if len(value) == 1 else Why.SEVERAL_PEOPLE if value else None
    if isinstance(value, dict):
        inner = value.get("phone_number")
        return _address(inner) if isinstance(inner, str) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _person(value: object) -> str | Why:
    written = _address(value)
    if isinstance(written, Why):
        return written
    if not written:
        return Why.NO_PERSON
    if written.endswith(MASK):
        return Why.NOT_KEPT
    person = parse_recipient(written)
    return Why.NO_PERSON if person is None else person.value


def _instant(value: object, terms: Terms) -> int | None:
    """Seconds since 1970; now for what is not given."""
    if value is None or value == "":
        return terms.now_s
    if not isinstance(value, str) or len(value) > TEXT_LENGTH_MAX:
        return None
    return _midnight(value) if len(value) == len("2026-11-23") else _seconds(value)


def _day(value: object) -> int | None:
    if not isinstance(value, str) or len(value) > TEXT_LENGTH_MAX:
        return None
    at = _midnight(value) if len(value) == len("2026-11-23") else _seconds(value)
    return None if at is None else at // DAY_S - _EPOCH_OF_DAYS


@lru_cache(maxsize=4096)
def _midnight(text: str) -> int | None:
    return _seconds(text)


def _seconds(text: str) -> int | None:
    """ISO 8601 with `T` or a space, also with `UTC` behind it, or RFC 2822; without a zone it is UTC."""
    plain = text.strip().removesuffix("UTC").rstrip()
    try:
        at = datetime.fromisoformat(plain)
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    try:
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (OverflowError, ValueError):
        return None


def _flags(established: object, pinned: object, strict: object) -> int | None:
    told = [_flag(value, default) for value, default in ((established, True), (pinned, False), (strict, False))]
    if None in told:
        return None
    left, fixed, hard = told
    return (ESTABLISHED if left else 0) | (PINNED if fixed or hard else 0) | (STRICT if hard else 0)


def _flag(value: object, default: bool) -> bool | None:
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    return _WORDS.get(value.strip().lower()) if isinstance(value, str) else None


def terms_of(now: datetime, ttl_days: int, service: str | None = None) -> Terms:
    """What counts at an instant."""
    return Terms(int(now.timestamp()), day_number(now), ttl_days, service)


EXPORTED: Final = ("to", "from", "last_used_day", "created_day", "established", "pinned", "strict")


def export_head(*, as_csv: bool) -> str:
    """What an export begins with."""
    return ",".join(EXPORTED) + "\n" if as_csv else ""


def export_line(to: str, sender: str, used_day: int, created_day: int, flags: int, *, as_csv: bool) -> str:
    """A mapping as a line that `read_line` reads. None of the values has anything in it that would have to be quoted."""
    used, created = day_date(used_day).isoformat(), day_date(created_day).isoformat()
    left, fixed, hard = (_TOLD[bool(flags & bit)] for bit in (ESTABLISHED, PINNED, STRICT))
    if as_csv:
        return f"{shown(to)},{sender},{used},{created},{left},{fixed},{hard}\n"
    return (
        f'{{"to":"{shown(to)}","from":"{sender}","last_used_day":"{used}","created_day":"{created}",'
        f'"established":{left},"pinned":{fixed},"strict":{hard}}}\n'
    )
