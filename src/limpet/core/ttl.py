"""For how long a mapping counts after its last use: days, or hours where a day is too coarse (rules S-5, S-140, S-141).

Days and hours are those of UTC, counted whole: a use of hour 7 counts for one hour until hour 8 is over.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

DAYS_MAX: Final = 36_500
HOURS_MAX: Final = 720
NEVER_DAYS: Final = DAYS_MAX
"""A hundred years: longer than the days of mappings can be counted."""
HOURS_A_DAY: Final = 24
_WORDS: Final = {"never": NEVER_DAYS}
_SPELLED: Final = re.compile(r"([1-9][0-9]{0,5})([dh])")


class Ttl(NamedTuple):
    """`hours` is None where days count; otherwise `days` is the same rounded up."""

    days: int
    hours: int | None = None

    def __str__(self) -> str:
        if self.hours is not None:
            return f"{self.hours}h"
        return "never" if self.days == NEVER_DAYS else f"{self.days}d"


def parse_ttl(text: str) -> Ttl | None:
    """What `1h` (to 720h), `8d` (to 36500d) or `never` says; None for anything else."""
    if text in _WORDS:
        return Ttl(_WORDS[text])
    match = _SPELLED.fullmatch(text)
    if match is None:
        return None
    count = int(match[1])
    if match[2] == "d":
        return Ttl(count) if count <= DAYS_MAX else None
    return Ttl(-(-count // HOURS_A_DAY), count) if count <= HOURS_MAX else None


def is_aged(ttl: Ttl, day: int, hour_noted: int | None, today: int, hour: int) -> bool:
    """Whether a use of a day, and of an hour of it if that was noted, was too long ago."""
    if ttl.hours is None:
        return today - day > ttl.days
    return hours_since(day, hour_noted, today, hour) > ttl.hours


def is_use_due(ttl: Ttl, day: int, hour_noted: int | None, today: int, hour: int) -> bool:
    """Whether a use now is to be noted: it is the first of its day, or of its hour."""
    if ttl.hours is None:
        return day < today
    return (day, -1 if hour_noted is None else hour_noted) < (today, hour)


def hours_since(day: int, hour_noted: int | None, today: int, hour: int) -> int:
    """How many hours ago a use was. One whose hour was not noted was in the last one of its day."""
    used = HOURS_A_DAY - 1 if hour_noted is None else hour_noted
    return (today - day) * HOURS_A_DAY + hour - used
