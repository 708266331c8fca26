"""Where time comes from, so that nothing else asks the operating system for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for what people see and for expiry, monotonic time for waits and leases."""

    def now(self) -> datetime:
        """Wall time, aware UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""


class SystemClock:
    """The machine's clock, with its wall time moved by `offset`."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self._offset = offset

    def now(self) -> datetime:
        """Wall time plus the offset, aware UTC."""
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        """The machine's monotonic seconds; the offset does not touch them."""
        return time.monotonic()


class SteppableClock(SystemClock):
    """A machine's clock whose wall time can be moved on while it runs: what a year of silence does is seen at once."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        super().__init__(offset)
        self._first = offset

    @property
    def offset(self) -> timedelta:
        """How far it is from the machine's."""
        return self._offset

    def step(self, by: timedelta) -> None:
        """Move it on. ValueError for a step back: times that have been written down stay in the past."""
        if by < timedelta():
            raise ValueError("a clock is moved on, never back")
        self._offset += by

    def begin_anew(self) -> None:
        """Back to where it started. Only for who has forgotten everything that was written down meanwhile."""
        self._offset = self._first
