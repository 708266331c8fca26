"""Reads the named statements of `sql/`: all the SQL there is, a file a subject, each statement with name, reach and reason.

`hot` ones have `bucket` in every scope, `fan-out` ones ask all shards and never run once a message, `reference` ones touch only
small tables. Time is always a parameter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

_HEAD = re.compile(
    r"^-- name: (?P<name>\w+) \((?P<reach>[\w-]+)\)\n(?P<why>(?:--.*\n)*)(?P<text>(?:(?!^-- name:).*\n?)*)",
    re.MULTILINE,
)


_SHARD_FILTER = re.compile(r"\b\w+\.bucket = ANY \(\$1\)\s+AND\s+(?=\w+\.bucket = )")


class Reach(StrEnum):
    """How many shards a statement may touch."""

    HOT = "hot"
    """One shard a row: `bucket` is given in every scope."""
    FAN_OUT = "fan-out"
    """All shards: lists, counts and finders of work, never once a message."""
    REFERENCE = "reference"
    """Only small tables that every node holds."""


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement."""

    name: str
    reach: Reach
    why: str
    text: str

    @property
    def local(self) -> str:
        """The text without its shard filters: `bucket = ANY` beside `bucket =` tells a cluster which shards to ask. One server
        would only sort the batch's buckets before each look-up by key."""
        return _SHARD_FILTER.sub("", self.text)


def parse(source: str) -> dict[str, Query]:
    """The statements of a query file by name; a name given twice raises ValueError."""
    found: dict[str, Query] = {}
    for match in _HEAD.finditer(source):
        name = match["name"]
        if name in found:
            raise ValueError(f"two statements are called {name}")
        found[name] = Query(name, Reach(match["reach"]), match["why"].strip(), match["text"].strip().rstrip(";"))
    return found


def _sources() -> str:
    found = (each for each in files("limpet.store").joinpath("sql").iterdir() if each.name.endswith(".sql"))
    return "\n".join(each.read_text() for each in sorted(found, key=lambda each: each.name))


QUERIES = parse(_sources())


@cache
def query(name: str) -> str:
    """The text of a named statement as one server runs it; a wrong name fails at import."""
    return QUERIES[name].local
