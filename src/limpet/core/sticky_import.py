"""An import as a value: what it was asked to do, how far it is, and what became of the lines.

Every line is in exactly one of the counts, whatever happens (rule S-120).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

SID_PREFIX: Final = "LI"
ACTOR_PREFIX: Final = "import:"


class Mode(StrEnum):
    """What becomes of a person who has a live mapping to another number already."""

    SKIP = "skip"
    """They keep it."""
    NEWER = "newer"
    """The line counts if it was used later."""
    OVERWRITE = "overwrite"
    """The line counts, also over a pin."""


class State(StrEnum):
    """Where an import is."""

    LOADING = "loading"
    """The file is being read; nothing is changed yet."""
    MERGING = "merging"
    DONE = "done"
    FAILED = "failed"
    """Nothing was changed, and it cannot be carried on with."""
    UNDOING = "undoing"
    UNDONE = "undone"
    SETTLED = "settled"
    """Done, and so long ago that it cannot be undone any more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an import is to do. `dialect` None: recognise it. `log_service`: of a log only the messages of this service."""

    mode: Mode = Mode.SKIP
    dialect: str | None = None
    log_service: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """Lines: `made` + `replaced` + `refreshed` + `unchanged` + `kept` + `superseded` + `reported` + `passed` of them.

    `made`: the person had no mapping. `replaced`: another one, or a dead one. `refreshed`: the same, with other days or flags.
    `kept`: theirs stays, by the mode. `superseded`: a newer line is about the same person. `reported`: not taken, told line by
    line. `passed` by why. Of a dry run, or one that is under way, `staged` are those that are still to be merged.
    """

    lines: int = 0
    staged: int = 0
    made: int = 0
    replaced: int = 0
    refreshed: int = 0
    unchanged: int = 0
    kept: int = 0
    superseded: int = 0
    reported: int = 0
    undone: int = 0
    passed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Import:
    """An import as it is stored."""

    id: int
    sid: str
    service_id: int
    actor: str
    wish: Wish
    state: State
    why: str | None
    blocks: int
    digest: str | None
    merged_buckets: int
    counts: Counts
    first_event_id: int
    last_event_id: int
    created_at: datetime
    updated_at: datetime
    scope_id: int
    """Where its mappings go: the service, or the space that it was in when the import began."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that was not taken. `place` is where in the line, for lines of several records."""

    line: int
    place: int
    why: str
    what: str


def accounted(counts: Counts) -> int:
    """The lines of which it is known what became of them."""
    return (
        counts.staged + counts.made + counts.replaced + counts.refreshed + counts.unchanged + counts.kept
        + counts.superseded + counts.reported + sum(counts.passed.values())
    )  # fmt: skip
