"""SIDs of mappings, `LM` and 32 digits: where a row is, found without an index and readable by nobody else.

A mapping's key is a service and a person, and the service is known wherever the SID is used. So the SID is the person: a kind,
digits, for a pseudonym its bucket and the first 40 bits of its hash, then zeros, enciphered under the installation's key and
the service (four rounds of a Feistel network over BLAKE2b). A made-up SID has something else than zeros there and is refused
without asking. The places at which walks through a list go on are written in the same way. It knows no rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import Final

from limpet.core.address import WHATSAPP_PREFIX
from limpet.core.retention import MARK, MASK

PREFIX: Final = "LM"
_HALF_BITS, _HALF_BYTES, _ROUNDS = 64, 8, 4
_HALF: Final = (1 << _HALF_BITS) - 1
_KIND_BITS, _DIGITS_BITS, _BUCKET_BITS, _HASH_BITS, _ZERO_BITS = 4, 50, 10, 40, 24
_HASH_DIGITS: Final = _HASH_BITS // 4
_AFTER_ALL: Final = "g"
"""Sorts behind every hexadecimal digit."""
_ON = "PA"
_SID = re.compile(rf"{PREFIX}[0-9a-f]{{32}}")
_TOKEN = re.compile(rf"{_ON}[0-9a-f]{{32}}")
_PERSON = re.compile(rf"({WHATSAPP_PREFIX})?\+([1-9][0-9]{{0,14}})")
_HIDDEN = re.compile(rf"({WHATSAPP_PREFIX})?\+([1-9][0-9]{{0,10}}){MASK}{MARK}([0-9a-f]{{{_HASH_DIGITS}}})[0-9a-f]*")


class _Kind(IntEnum):
    PHONE = 0
    WHATSAPP = 1
    HIDDEN_PHONE = 2
    HIDDEN_WHATSAPP = 3
    EDGE = 4
    """Before everybody in a bucket."""


@dataclass(frozen=True, slots=True)
class MappingPlace:
    """Where a row is: `recipient` in its normal form; or `bucket` with a `recipient` that is the beginning of a pseudonym."""

    recipient: str
    bucket: int | None = None

    @property
    def end(self) -> str:
        """What sorts behind every recipient that begins so, and before all others that come after them."""
        return self.recipient + _AFTER_ALL


def mapping_sid(service_id: int, bucket: int, recipient: str, *, sid_key: bytes) -> str:
    """The SID of a person's mapping within a service, always the same. ValueError for what is no recipient's normal form."""
    return PREFIX + _enciphered(_plain(bucket, recipient), service_id, sid_key)


def parse_mapping_sid(sid: str, service_id: int, sid_key: bytes) -> MappingPlace | None:
    """Where the mapping of this SID is; None when it is not one that this installation has made for this service."""
    found = _read(sid[2:], service_id, sid_key) if _SID.fullmatch(sid) else None
    return None if found is None or not found.recipient else found


def walk_token(service_id: int, bucket: int, recipient: str, *, sid_key: bytes) -> str:
    """A page token: go on behind this person, or with an empty one at the beginning of the bucket."""
    return _ON + _enciphered(_plain(bucket, recipient), service_id, sid_key)


def parse_walk_token(token: str, service_id: int, sid_key: bytes) -> MappingPlace | None:
    """The place of a page token; None when it is not one of this list's. `bucket` is None where it follows from the person."""
    return _read(token[len(_ON) :], service_id, sid_key) if _TOKEN.fullmatch(token) else None


def _plain(bucket: int, recipient: str) -> int:
    """The 128 bits of a place, before they are enciphered."""
    if not recipient:
        return _joined(_Kind.EDGE, 0, bucket, 0)
    if match := _PERSON.fullmatch(recipient):
        return _joined(_Kind.WHATSAPP if match[1] else _Kind.PHONE, int(match[2]), 0, 0)
    if match := _HIDDEN.fullmatch(recipient):
        kind = _Kind.HIDDEN_WHATSAPP if match[1] else _Kind.HIDDEN_PHONE
        return _joined(kind, int(match[2]), bucket, int(match[3], 16))
    raise ValueError("no recipient is spelled so")


def _joined(kind: _Kind, digits: int, bucket: int, hashed: int) -> int:
    value = kind << _DIGITS_BITS | digits
    return ((value << _BUCKET_BITS | bucket) << _HASH_BITS | hashed) << _ZERO_BITS


def _read(text: str, service_id: int, sid_key: bytes) -> MappingPlace | None:
    value = _deciphered(text, service_id, sid_key)
    value, zeros = value >> _ZERO_BITS, value & ((1 << _ZERO_BITS) - 1)
    value, hashed = value >> _HASH_BITS, value & ((1 << _HASH_BITS) - 1)
    value, bucket = value >> _BUCKET_BITS, value & ((1 << _BUCKET_BITS) - 1)
    kind, digits = value >> _DIGITS_BITS, value & ((1 << _DIGITS_BITS) - 1)
    if zeros or kind > _Kind.EDGE:
        return None
    if kind in (_Kind.PHONE, _Kind.WHATSAPP):
        return None if bucket or hashed else MappingPlace(_channel(kind == _Kind.PHONE) + f"+{digits}")
    if kind in (_Kind.HIDDEN_PHONE, _Kind.HIDDEN_WHATSAPP):
        shown = _channel(kind == _Kind.HIDDEN_PHONE) + f"+{digits}{MASK}{MARK}"
        return MappingPlace(f"{shown}{hashed:0{_HASH_DIGITS}x}", bucket)
    return None if digits or hashed else MappingPlace("", bucket)


def _channel(plain: bool) -> str:
    return "" if plain else WHATSAPP_PREFIX


def _enciphered(value: int, service_id: int, sid_key: bytes) -> str:
    left, right = value >> _HALF_BITS, value & _HALF
    for round_ in range(_ROUNDS):
        left, right = right, left ^ _mixed(right, round_, service_id, sid_key)
    return f"{left:016x}{right:016x}"


def _deciphered(digits: str, service_id: int, sid_key: bytes) -> int:
    value = int(digits, 16)
    left, right = value >> _HALF_BITS, value & _HALF
    for round_ in reversed(range(_ROUNDS)):
        left, right = right ^ _mixed(left, round_, service_id, sid_key), left
    return left << _HALF_BITS | right


def _mixed(half: int, round_: int, service_id: int, sid_key: bytes) -> int:
    """What a round mixes into the other half."""
    said = half.to_bytes(_HALF_BYTES, "big") + bytes([round_]) + service_id.to_bytes(_HALF_BYTES, "big")
    return int.from_bytes(blake2b(said, digest_size=_HALF_BYTES, key=sid_key, person=b"mapping").digest(), "big")
