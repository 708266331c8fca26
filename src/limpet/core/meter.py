"""How often something happens: an average over the last minute, kept in three numbers."""

from __future__ import annotations

WINDOW_S = 60.0


class Meter:
    """Counts; `per_s` weighs the minute before this one by how much of it is still within the last sixty seconds."""

    def __init__(self, started_s: float) -> None:
        self._start_s = started_s
        self._before = 0
        self._now = 0

    def add(self, count: int, now_s: float) -> None:
        """So many, at this monotonic second."""
        self._roll(now_s)
        self._now += count

    def per_s(self, now_s: float) -> float:
        """How many a second, lately."""
        self._roll(now_s)
        return (self._before * (1.0 - (now_s - self._start_s) / WINDOW_S) + self._now) / WINDOW_S

    def _roll(self, now_s: float) -> None:
        passed = int((now_s - self._start_s) // WINDOW_S)
        if passed > 0:
            self._before, self._now = (self._now if passed == 1 else 0), 0
            self._start_s += passed * WINDOW_S
