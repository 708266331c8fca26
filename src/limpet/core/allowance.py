"""So many a second, for each of many: whoever takes more is told to come again.

Times are monotonic seconds, given by the caller.
"""

from __future__ import annotations

ACCOUNTS_MAX = 100_000
BURST_S = 1.0
"""A second's worth may come at once."""


class Allowance:
    """Keeps everybody to `per_s` on average; None for no limit."""

    def __init__(self, per_s: float | None) -> None:
        self._step_s = None if per_s is None else 1.0 / per_s
        self._paid_until: dict[int, float] = {}

    def take(self, who: int, now_s: float) -> bool:
        """Whether one more is within the limit; if it is, it counts."""
        if self._step_s is None:
            return True
        paid_until = max(now_s, self._paid_until.get(who, 0.0)) + self._step_s
        if paid_until > now_s + BURST_S + self._step_s / 2:
            return False
        if len(self._paid_until) >= ACCOUNTS_MAX:
            self._paid_until = {one: at for one, at in self._paid_until.items() if at > now_s}
        self._paid_until[who] = paid_until
        return True
