"""A registrar that is played: it answers after a delay, and goes wrong where its script says so.

Magic numbers, by their last four digits:

| digits | what happens |
|---|---|
| 9911 | rejected (30125) |
| 9912 | never answered |
| 9913 | registered, and never let go of: taking it out is rejected |
| 9914 | the first two tries fail, the third is taken |

A campaign whose description begins with `REJECT`, and a toll-free verification whose summary does, are rejected too.
It forgets everything with its process: a key that it does not know is asked again, as the flow does anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from limpet.registrar.port import Answer, Approved, Pending, Rejected, Request, Subject, Trouble, Unknown

REJECTED_NUMBER, SILENT_NUMBER, STUCK_NUMBER, TROUBLED_NUMBER = "9911", "9912", "9913", "9914"
REJECT = "REJECT"
NUMBER_REJECTED, CAMPAIGN_REJECTED, TOLLFREE_REJECTED = 30125, 30897, 30445
TROUBLES = 2
BRAND_SCORE = 78
FORGET_AT = 100_000
"""So many keys are remembered; then the oldest is forgotten."""


@dataclass(frozen=True, slots=True)
class Script:
    """How it behaves. `fates` are answers by key's subject and SID or number, in the place of the usual ones."""

    delay: timedelta = timedelta()
    fates: Mapping[tuple[Subject, str], Answer] = field(default_factory=dict)
    magic: bool = True


class SimulatedRegistrar:
    """Implements `Registrar`. `now` is the clock by which the delay runs; `taken` counts what was asked, by key."""

    def __init__(self, now: Callable[[], datetime], script: Script | None = None) -> None:
        self.script = script or Script()
        self.taken: dict[str, Request] = {}
        self._now = now
        self._taken_at: dict[str, datetime] = {}
        self._troubles: Counter[str] = Counter()

    async def submit(self, request: Request) -> Answer:
        """Take a request; one that is known already is answered as `status` does."""
        if self._is_troubled(request):
            return Trouble("the simulated registrar is away")
        if request.key not in self.taken:
            if len(self.taken) >= FORGET_AT:
                self._forget(next(iter(self.taken)))
            self.taken[request.key], self._taken_at[request.key] = request, self._now()
        return await self.status(request)

    async def status(self, request: Request) -> Answer:
        """Undecided until the delay is over, then what the script says."""
        since = self._taken_at.get(request.key)
        if since is None:
            return Unknown()
        if self._now() - since < self.script.delay:
            return Pending(request.key)
        return self._fate(self.taken[request.key])

    async def close(self) -> None:
        """Nothing to let go of."""

    def _forget(self, key: str) -> None:
        del self.taken[key], self._taken_at[key]

    def _is_troubled(self, request: Request) -> bool:
        if not (self.script.magic and _number(request).endswith(TROUBLED_NUMBER)):
            return False
        self._troubles[request.key] += 1
        return self._troubles[request.key] <= TROUBLES

    def _fate(self, request: Request) -> Answer:
        for name in (_number(request), request.sid):
            if (scripted := self.script.fates.get((request.subject, name))) is not None:
                return scripted
        magic = _magic(request) if self.script.magic else None
        return magic or Approved(f"SIM-{request.key[:8]}", _granted(request))


def _magic(request: Request) -> Answer | None:
    digits = _number(request)[-4:]
    if request.subject is Subject.NUMBER and digits == REJECTED_NUMBER:
        return Rejected("The number cannot be registered with the campaign", NUMBER_REJECTED)
    if request.subject is Subject.NUMBER and digits == SILENT_NUMBER:
        return Pending(request.key)
    if request.subject is Subject.NUMBER_REMOVAL and digits == STUCK_NUMBER:
        return Rejected("The number cannot be taken out of the campaign")
    if request.subject is Subject.CAMPAIGN and str(request.details.get("description", "")).startswith(REJECT):
        return Rejected("The description does not say what is sent", CAMPAIGN_REJECTED, None, ("DESCRIPTION",))
    if request.subject is Subject.TOLLFREE and str(request.details.get("use_case_summary", "")).startswith(REJECT):
        return Rejected("The use case is not clear", TOLLFREE_REJECTED)
    return None


def _granted(request: Request) -> Mapping[str, object]:
    if request.subject is Subject.BRAND:
        return {"tcr_id": f"B{request.key[:6].upper()}", "score": BRAND_SCORE, "identity_status": "VERIFIED"}
    return {"tcr_id": f"C{request.key[:6].upper()}"} if request.subject is Subject.CAMPAIGN else {}


def _number(request: Request) -> str:
    return str(request.details.get("phone_number", ""))
