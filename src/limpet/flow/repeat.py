"""Requests under a key of the customer's own: the first makes its message, each repetition is answered with that message.

Exact for messages, also at once, in many processes and after a crash: the key is written in the message's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from limpet.core.ids import bucket_of
from limpet.core.model import Message
from limpet.store import idempotency, messages
from limpet.store.database import Connection
from limpet.store.idempotency import KeyedMessage, KeyPlace


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A customer's key for a request, and the hash of what was asked under it."""

    key: str
    form_hash: bytes


@dataclass(frozen=True, slots=True)
class Misused:
    """Not taken: the key was used before, for something else or for a message that has been deleted."""

    why: str


ANOTHER_FORM = Misused("it was used before with other parameters")
DELETED = Misused("it was used for a message that has been deleted")


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that wants to be made under a key; `message` is its row's place."""

    account_id: int
    asked: Idempotency
    message: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SameBatch:
    """The answer is that of another claim of the batch, by its index."""

    index: int


Outcome = Message | Misused | SameBatch | None
"""None: the key is free, and is this message's now."""


def place_of(claim: Claim, bucket_key: bytes) -> KeyPlace:
    """Where a claim's key is."""
    return KeyPlace(bucket_of(claim.asked.key, bucket_key), claim.account_id, claim.asked.key)


async def settle(connection: Connection, claims: Sequence[Claim], bucket_key: bytes) -> list[Outcome]:
    """Write the keys that are free, and answer what the others stand for, in the order of the claims."""
    places = [place_of(claim, bucket_key) for claim in claims]
    first: dict[KeyPlace, int] = {}
    for index, place in enumerate(places):
        first.setdefault(place, index)
    new = [KeyedMessage(place, claims[n].asked.form_hash, *claims[n].message) for place, n in first.items()]
    made = await idempotency.claim(connection, new)
    known = await idempotency.find(connection, set(first) - made) if len(made) < len(first) else {}
    outcomes: list[Outcome] = []
    for index, (claim, place) in enumerate(zip(claims, places, strict=True)):
        if place in made:
            outcomes.append(_in_batch(claims, claim, first[place], index))
        else:
            outcomes.append(await _known(connection, claim, known[place]))
    return outcomes


def _in_batch(claims: Sequence[Claim], claim: Claim, first: int, index: int) -> Outcome:
    if first == index:
        return None
    return SameBatch(first) if claims[first].asked.form_hash == claim.asked.form_hash else ANOTHER_FORM


async def _known(connection: Connection, claim: Claim, known: KeyedMessage) -> Outcome:
    if known.form_hash != claim.asked.form_hash:
        return ANOTHER_FORM
    found = await messages.fetch(connection, claim.account_id, known.message_bucket, known.message_id)
    return found or DELETED
