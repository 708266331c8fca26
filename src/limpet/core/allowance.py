"""So much a second, and a little at once: what a lane submits, what a carrier is sent, what a customer may ask.

Kept is one time: until when everything spent is paid for. Times are monotonic seconds, given by the caller.
"""

from __future__ import annotations

WHO_MAX = 100_000
_ROUNDING_S = 1e-6
"""Times are floats: what is due now must not be a rounding short, or whoever waits for it would not be woken again."""


class Allowance:
    """At most `burst` together (one at least), and `per_s` a second in the long run."""

    __slots__ = ("_burst", "_per_s", "_slack_s", "_step_s", "paid_until")

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = max(1.0, burst)
        self._step_s = 1.0 / per_s
        self._slack_s = (self._burst - 1.0) / per_s
        self.paid_until = 0.0

    def room(self, now_s: float) -> int:
        """How many may go now."""
        spare = int(self._burst - max(0.0, self.paid_until - now_s) * self._per_s)
        return spare if spare > 0 else int(self.wait_s(now_s) == 0.0)

    def spend(self, many: int, now_s: float) -> None:
        """So many went; it may be more than there was room for, and the next ones wait the longer."""
        self.paid_until = max(self.paid_until, now_s) + many * self._step_s

    def take(self, now_s: float) -> bool:
        """Spend one, if there is room for it."""
        paid_until = self.paid_until
        if paid_until - now_s - self._slack_s > _ROUNDING_S:
            return False
        self.paid_until = (paid_until if paid_until > now_s else now_s) + self._step_s
        return True

    def wait_s(self, now_s: float) -> float:
        """How long until there is room for one; 0 where there is."""
        wait_s = self.paid_until - now_s - self._slack_s
        return wait_s if wait_s > _ROUNDING_S else 0.0


class Allowances:
    """The same allowance for each of many, by number; None for no limit."""

    def __init__(self, per_s: float | None, burst_s: float = 1.0) -> None:
        """`burst_s` seconds' worth may come at once."""
        self._per_s = per_s
        self._burst = 0.0 if per_s is None else per_s * burst_s
        self._known: dict[int, Allowance] = {}

    def take(self, who: int, now_s: float) -> bool:
        """Whether one more is within the limit; if it is, it counts."""
        if self._per_s is None:
            return True
        allowance = self._known.get(who)
        if allowance is None:
            if len(self._known) >= WHO_MAX:  # who has been quiet has all of it anyway
                self._known = {one: its for one, its in self._known.items() if its.paid_until > now_s}
            allowance = self._known[who] = Allowance(self._per_s, self._burst)
        return allowance.take(now_s)
