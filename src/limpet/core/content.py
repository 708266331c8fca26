"""Content templates: a text with places in it, and what is put there.

Source: twilio.com/docs/content/using-variables-with-content-api; error 21656 says what a value may not be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

BODY_LENGTH_MAX = 1600
VARIABLES_MAX = 100
_PLACE = re.compile(r"\{\{([A-Za-z0-9_]{1,64})\}\}")
_BROKEN = re.compile(r"\{\{|\}\}")
_NOT_IN_A_VALUE = re.compile(r"[\n\r\t]| {5,}")


@dataclass(frozen=True, slots=True)
class Content:
    """A template of an account. `variables` are what its places hold when nothing is given."""

    id: int
    sid: str
    account_id: int
    friendly_name: str
    language: str
    variables: Mapping[str, str]
    types: Mapping[str, Mapping[str, object]]
    created_at: datetime
    updated_at: datetime

    @property
    def body(self) -> str:
        """Its text, of whichever type."""
        return next((str(kind["body"]) for kind in self.types.values() if kind.get("body")), "")

    @property
    def media(self) -> tuple[str, ...]:
        """The URLs of its media, of whichever type."""
        return next(
            (tuple(map(str, urls)) for kind in self.types.values() if isinstance(urls := kind.get("media"), list)), ()
        )


def is_well_formed(body: str) -> bool:
    """Whether every `{{` and `}}` of a text belongs to a place with a name."""
    return not _BROKEN.search(_PLACE.sub("", body))


def resolve(body: str, usual: Mapping[str, str], given: Mapping[str, str]) -> str | None:
    """The text with its places filled, by what is given or else by what is usual; None where that cannot be (21656)."""
    values = {**usual, **given}
    names = set(_PLACE.findall(body))
    if not is_well_formed(body) or any(not values.get(name) or _NOT_IN_A_VALUE.search(values[name]) for name in names):
        return None
    return _PLACE.sub(lambda place: values[place[1]], body)
