"""SIDs: two letters and 32 hexadecimal digits, as every Twilio client expects them.

A message's SID is also its address: bucket, row id and check digits (`design.md` D4), so that a fetch reads one row of one
partition and a made-up SID reads none. The other SIDs are chance. It knows no rows.
"""

from __future__ import annotations

import hmac
import re
from hashlib import blake2b

from limpet.core.ids import BUCKETS

_CHECK_BYTES = 6
_CHANCE_MAX = (1 << 128) - 1
_ID_MAX = 2**63 - 1
_HEX = re.compile(r"[0-9a-fA-F]{32}")
_DELIVERY = re.compile(r"(WD([0-9a-f]{4})([0-9a-f]{16}))([0-9a-f]{12})")
_MESSAGE = re.compile(r"((?:SM|MM)([0-9a-f]{4})([0-9a-f]{16}))([0-9a-f]{12})")


def message_sid(bucket: int, row_id: int, *, media: bool, sid_key: bytes) -> str:
    """The SID of the message at `(bucket, row_id)`: `MM…` with media, else `SM…`.

    Four digits of bucket, sixteen of id, twelve of a keyed hash over all before them.
    """
    placed = f"{'MM' if media else 'SM'}{bucket:04x}{row_id:016x}"
    return placed + _check(placed, sid_key)


def media_sid(bucket: int, row_id: int, position: int, *, sid_key: bytes) -> str:
    """The SID (`ME…`) of a message's medium by its position: the message's place, then a keyed check that holds the position."""
    placed = f"ME{bucket:04x}{row_id:016x}"
    return placed + _check(f"{placed}/{position}", sid_key)


def parse_message_sid(sid: str, sid_key: bytes) -> tuple[int, int] | None:
    """`(bucket, id)` of a message's SID; None when it is not one that this installation has made."""
    return _place(_MESSAGE.fullmatch(sid), sid_key)


def delivery_sid(bucket: int, row_id: int, *, sid_key: bytes) -> str:
    """The SID (`WD…`) of a try to reach a customer's URL, made as a message's is."""
    placed = f"WD{bucket:04x}{row_id:016x}"
    return placed + _check(placed, sid_key)


def parse_delivery_sid(sid: str, sid_key: bytes) -> tuple[int, int] | None:
    """`(bucket, id)` of a try's SID; None when it is not one that this installation has made."""
    return _place(_DELIVERY.fullmatch(sid), sid_key)


def event_sid(bucket: int, row_id: int, *, sid_key: bytes) -> str:
    """The id (`EZ…`) of an event, from the place of what it was made for: the same however often and to whom it is sent."""
    placed = f"EZ{bucket:04x}{row_id:016x}"
    return placed + _check(placed, sid_key)


def error_sid(bucket: int, row_id: int, *, sid_key: bytes) -> str:
    """The SID (`NO…`) of an error that is told, made as an event's id is."""
    placed = f"NO{bucket:04x}{row_id:016x}"
    return placed + _check(placed, sid_key)


def change_sid(bucket: int, row_id: int, *, sid_key: bytes) -> str:
    """The SID (`LE`) of an event of a mapping, made as an event's id is."""
    placed = f"LE{bucket:04x}{row_id:016x}"
    return placed + _check(placed, sid_key)


def _place(match: re.Match[str] | None, sid_key: bytes) -> tuple[int, int] | None:
    if not match or not hmac.compare_digest(_check(match[1], sid_key), match[4]):
        return None
    bucket, row_id = int(match[2], 16), int(match[3], 16)
    return (bucket, row_id) if bucket < BUCKETS and row_id <= _ID_MAX else None


def new_sid(prefix: str, chance: int) -> str:
    """A SID from 128 bits of chance: `new_sid("MG", n)`."""
    return f"{prefix}{chance & _CHANCE_MAX:032x}"


def is_sid(prefix: str, text: str) -> bool:
    """Whether a text has the form of a SID of that kind; not whether anything has it."""
    return text[:2] == prefix and _HEX.fullmatch(text, 2) is not None


def _check(placed: str, sid_key: bytes) -> str:
    return blake2b(placed.encode(), digest_size=_CHECK_BYTES, key=sid_key).hexdigest()
