"""A clock that moves only when a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""Where tests stand unless they say otherwise: a Monday; the test databases have partitions for it and a year after it."""


class HandClock:
    """Both times of `limpet.clock.Clock`, moved together by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Move on; monotonic time never goes back, wall time may."""
        self._now += by
        self._monotonic += max(0.0, by.total_seconds())
