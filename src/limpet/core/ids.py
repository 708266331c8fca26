"""Where a row is: the bucket of a person, and ids that carry their time.

A row's key is `(bucket, id)`. The bucket is a keyed hash of the person's address, so that a message, its mapping, its receipts
and its replies lie together and nobody can aim at one shard. The id is 42 bits of milliseconds since 2020, then 21 bits of
chance: rows sort by time, and monthly partitions are ranges of ids.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

BUCKETS = 1024
REFERENCE_MAX = 0xFFFF
CHANCE_BITS = 21
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_EPOCH_S = _EPOCH.timestamp()
_DAY_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
_HASH_BYTES = 8


def person_hash(address: str, key: bytes) -> int:
    """The keyed 64-bit hash of a normalised address: its low bits are the bucket, all of them break ties."""
    return int.from_bytes(blake2b(address.encode(), digest_size=_HASH_BYTES, key=key).digest(), "big")


def bucket_of(address: str, key: bytes) -> int:
    """The bucket (0 to 1023) of everything that concerns a person. Fixed for ever: rows are found by it."""
    return person_hash(address, key) % BUCKETS


def id_floor(at: datetime) -> int:
    """The smallest id that an instant can have; `id >= id_floor(at)` means not before `at`."""
    return int((at.timestamp() - _EPOCH_S) * 1000) << CHANCE_BITS


def id_time(row_id: int) -> datetime:
    """The instant at which an id was made, to the millisecond, aware UTC."""
    return _EPOCH + timedelta(milliseconds=row_id >> CHANCE_BITS)


def day_number(at: datetime) -> int:
    """Whole UTC days since 2000-01-01: the unit in which mappings age."""
    return (at - _DAY_ZERO).days


def hour_of_day(at: datetime) -> int:
    """The hour of the UTC day that an instant is in."""
    return (at - _DAY_ZERO).seconds // 3600


def day_date(day: int) -> date:
    """The date of a `day_number`."""
    return (_DAY_ZERO + timedelta(days=day)).date()


def reference_of(row_id: int) -> int:
    """The `user_message_reference` of a message (SMPP 3.4 §5.3.2.17): 16 bits, which carriers may echo in its receipts."""
    return row_id & REFERENCE_MAX


def date_day(day: date) -> int:
    """The `day_number` of a date."""
    return (day - _DAY_ZERO.date()).days


class IdSource:
    """Ids of one process: growing even within a millisecond and when the clock goes back."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: datetime, chance: int) -> int:
        """A new id for `now`; of `chance` the low 21 bits count."""
        made = id_floor(now) | (chance & ((1 << CHANCE_BITS) - 1))
        self._last = made if made > self._last else self._last + 1
        return self._last

    def begin_anew(self) -> None:
        """Forget the last one: for who has forgotten everything that had an id, and has gone back in time."""
        self._last = 0
