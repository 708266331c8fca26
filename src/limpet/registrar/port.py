"""The seam between Limpet and whoever registers: what is asked, under which key, and what may be answered.

Values only, and one protocol. A registrar knows neither store nor flow. It is asked for one thing under one key, however often:
asking again after a crash must not register anything twice, and `status` tells what became of a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Subject(StrEnum):
    """What is asked."""

    BRAND = "brand"
    CAMPAIGN = "campaign"
    CAMPAIGN_REMOVAL = "campaign_removal"
    NUMBER = "number"
    """To register a number with a campaign."""
    NUMBER_REMOVAL = "number_removal"
    """To take a number out of a campaign, which also calls off a registration of it that is not decided yet."""
    TOLLFREE = "tollfree"


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked of a registrar. `details` are what it is about, by Twilio's names in snake case; `reference` is the
    registrar's own name for the request, once it has given one."""

    key: str
    subject: Subject
    sid: str
    account_sid: str
    details: Mapping[str, object]
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Taken, and not decided."""

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """Done. `details` may hold `tcr_id`, and of a brand `score` (0 to 100) and `identity_status`."""

    reference: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will not be done. `error_code` is Twilio's, where the registrar has given one; `reason` is for people."""

    reason: str
    error_code: int | None = None
    reference: str | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known under that key: it was never taken."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """No answer that could be believed; ask again later. `why` names no secrets."""

    why: str


Answer = Pending | Approved | Rejected | Unknown | Trouble


class Registrar(Protocol):
    """Whoever registers."""

    async def submit(self, request: Request) -> Answer:
        """Ask for something; the same key again is the same request. Never Unknown."""

    async def status(self, request: Request) -> Answer:
        """What became of a request."""

    async def close(self) -> None:
        """Let go of connections."""
