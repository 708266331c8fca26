"""What a mapping's `flags` hold: 1 established, 2 written again since made, 4 and 8 the pin, 16 to 64 where it comes from, and
from 128 on five bits for the hour of last use: the hour of the day and one, 0 where it was not noted.

They are bits of one small number because there may be a hundred million of them.
"""

from __future__ import annotations

from typing import Final

from limpet.core.sticky import Origin, Pin

ESTABLISHED: Final = 1
PINNED: Final = 4
STRICT: Final = 8
"""Only together with PINNED."""
PIN_BITS: Final = {Pin.NONE: 0, Pin.PLAIN: PINNED, Pin.STRICT: PINNED | STRICT}
ORIGIN_BITS: Final = {origin: place << 4 for place, origin in enumerate(Origin)}
HOUR_SHIFT: Final = 7
_PINS = (Pin.NONE, Pin.PLAIN, Pin.STRICT, Pin.STRICT)
_ORIGINS = tuple(Origin)


def flags_of(pin: Pin, origin: Origin, *, established: bool) -> int:
    """The flags of a mapping that is written anew."""
    return int(established) | PIN_BITS[pin] | ORIGIN_BITS[origin]


def hour_bits(hour: int | None) -> int:
    """The hour of last use, of the UTC day, in the flags."""
    return 0 if hour is None else hour + 1 << HOUR_SHIFT


def hour_of(flags: int) -> int | None:
    """The hour of last use; None where it was not noted."""
    noted = flags >> HOUR_SHIFT & 31
    return noted - 1 if noted else None


def pin_of(flags: int) -> Pin:
    """Whether a mapping is held by hand."""
    return _PINS[flags >> 2 & 3]


def origin_of(flags: int) -> Origin:
    """How a mapping came to point where it does."""
    return _ORIGINS[flags >> 4 & 7]
