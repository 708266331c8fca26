"""How long to wait before something is tried again; chance is an argument, from 0 up to but not including 1.

It does not know what is tried, nor when to give up for reasons of its own, such as a message's validity period.
"""

from __future__ import annotations

from typing import Final

ATTEMPTS_MAX: Final = 20
"""Submissions of one message; after so many it has failed."""

RETRY_FIRST_S: Final = 5.0
RETRY_MAX_S: Final = 300.0
"""The first pause at its longest, and the longest of all."""

CALLBACK_SCHEDULE_S: Final = (5.0, 5 * 60.0, 30 * 60.0, 2 * 3600.0, 5 * 3600.0, 10 * 3600.0, 10 * 3600.0)
"""Pauses before each further try to tell a customer; after the last one Limpet gives up, a good 27 hours on."""

EVENT_SCHEDULE_S: Final = (5.0, 60.0, 5 * 60.0, 15 * 60.0, 30 * 60.0, 3600.0, 6000.0)
"""Pauses before each further try to bring an event to a sink; Twilio gives up after four hours, Limpet within them."""

CALLBACK_SPREAD: Final = 0.1
"""The part of a pause that chance adds, so that calls that failed together do not come back together."""

_DOUBLINGS_MAX = 16


def retry_delay_s(attempt: int, chance: float) -> float:
    """Seconds to wait after a message's `attempt`, counted from 1, was refused for now.

    Full jitter: anything up to 5 s after the first, up to twice as much after each further one, never over 300 s
    (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).
    """
    doublings = min(max(attempt - 1, 0), _DOUBLINGS_MAX)
    return chance * min(RETRY_FIRST_S * 2.0**doublings, RETRY_MAX_S)


def callback_delay_s(
    attempt: int, chance: float, schedule_s: tuple[float, ...] = CALLBACK_SCHEDULE_S
) -> float | None:  # fmt: skip
    """Seconds to wait after the `attempt` to call a customer back, counted from 1, failed; None: give up."""
    if attempt > len(schedule_s):
        return None
    return schedule_s[max(attempt, 1) - 1] * (1.0 + CALLBACK_SPREAD * chance)
