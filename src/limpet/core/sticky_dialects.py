"""What the columns and fields of files are called that say who heard from which number: Limpet's own, and the message logs of
Twilio, Telnyx and Plivo.

A log is recognised by the names in it, however they are spelled (`SentDate`, `date_sent`, `Sent Date`). It knows no file and no
value. Sources: the Message resource and the Console's CSV export (Twilio); message detail records and their search (Telnyx);
the Message object (Plivo).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

FIELDS: Final = ("to", "from", "at", "created", "direction", "status", "service", "established", "pinned", "strict")
"""What is read of a line, in this order everywhere."""
OWN: Final = "limpet"
_NAME = re.compile(r"[^a-z0-9]+")
_LAYOUTS_MAX = 256


@dataclass(frozen=True, slots=True)
class Dialect:
    """The names of each field, the first that is there counts; `telling` are names that no other dialect has."""

    name: str
    names: Mapping[str, tuple[str, ...]]
    telling: frozenset[str]

    @property
    def is_log(self) -> bool:
        """Whether its lines are messages, of which the newest of each person counts, and not mappings."""
        return self.name != OWN


DIALECTS: Final = (
    Dialect(
        "plivo",
        {
            "to": ("tonumber",), "from": ("fromnumber",), "at": ("messagetime", "messagesenttime", "time"),
            "direction": ("messagedirection", "direction"), "status": ("messagestate", "state", "status"),
            "service": ("powerpackuuid", "powerpackid"),
        },
        frozenset({"tonumber", "fromnumber"}),
    ),
    Dialect(
        "telnyx",
        {
            "to": ("cld", "to", "tonumber", "destination"), "from": ("cli", "from", "source"),
            "at": ("sentat", "createdat", "completedat", "datetime", "timestamp"),
            "direction": ("direction",), "status": ("status", "state"), "service": ("messagingprofileid", "profileid"),
        },
        frozenset({"cld", "cli", "messagingprofileid", "profileid", "recordtype"}),
    ),
    Dialect(
        "twilio",
        {
            "to": ("to",), "from": ("from",), "at": ("datesent", "sentdate", "datecreated", "createddate"),
            "direction": ("direction",), "status": ("status",), "service": ("messagingservicesid",),
        },
        frozenset({"datesent", "sentdate", "numsegments", "messagingservicesid"}),
    ),
    Dialect(
        OWN,
        {
            "to": ("to",), "from": ("from",), "at": ("lastusedday", "lastused"), "created": ("createdday", "created"),
            "established": ("established",), "pinned": ("pinned",), "strict": ("strict",),
        },
        frozenset({"to"}),
    ),
)  # fmt: skip
"""In the order in which they are tried: the names of the last one are in others too."""
DIALECT_NAMES: Final = tuple(sorted(each.name for each in DIALECTS))


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a file of one dialect each of FIELDS is: the name as the file spells it, None for what the file has not."""

    dialect: Dialect
    names: tuple[str | None, ...]


@lru_cache(maxsize=_LAYOUTS_MAX)
def find_layout(names: tuple[str, ...], wanted: str | None) -> Layout | None:
    """How a file with these names is to be read, as the dialect `wanted` or as the first that fits; None when it says neither who
    was written to nor from which number."""
    spelled = {_NAME.sub("", name.lower()): name for name in reversed(names)}
    for dialect in DIALECTS:
        if wanted not in (None, dialect.name) or (wanted is None and not dialect.telling & spelled.keys()):
            continue
        found = tuple(
            next((spelled[each] for each in dialect.names.get(field, ()) if each in spelled), None) for field in FIELDS
        )
        if found[0] is not None and found[1] is not None:
            return Layout(dialect, found)
    return None
