"""Makes decisions stick: the writes of one round, each of which holds only if the mapping is still as it was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from limpet.core.sticky import Binding, Change, Origin, StoredMapping
from limpet.store import sticky
from limpet.store.database import Connection
from limpet.store.sticky import Claimed, MappingKey, Swap


@dataclass(slots=True)
class Decided:
    """A decision that holds if its write does."""

    place: int
    key: MappingKey
    binding: Binding
    before: StoredMapping | None
    home: MappingKey
    """Where the mapping is: under `key`, or under the person's pseudonym; in a space its service is that."""
    counts: bool
    """It gives the sender a person whom it has not had, and not because that person wrote."""
    origin: Origin = Origin.SEND
    hour: int | None = None
    """The hour of the day, where hours count."""


async def stick(connection: Connection, decided: Sequence[Decided], today: int) -> Callable[[Decided], bool]:
    """Write what the decisions of a round ask for; answers which of them hold.

    One statement claims every mapping that is to change, in the order of the keys; whatever follows, now or in a later round,
    touches only what it holds. So two batches cannot deadlock.
    """
    writes = [d for d in decided if d.binding.change is not None]
    if not writes:
        return lambda _: True
    claims = {d.home: _claimant(d) for d in reversed(writes)}
    made_by = {d.home: d.origin for d in writes if d.origin is not Origin.SEND and d.binding.change is Change.INSERT}
    hours = {d.home: d.hour for d in writes if d.hour is not None}
    found = await sticky.claim(connection, claims, today, made_by or None, hours or None)
    strays = [d.home for d in writes if d.before is not None and found[d.home].made]
    if strays:
        await sticky.disclaim(connection, strays)
    swaps = {
        d.home: Swap(d.home, d.binding.candidate.member_id, d.before, d.origin, d.hour)
        for d in writes
        if d.binding.change is Change.SWAP and d.before is not None and not found[d.home].made
    }
    swapped = await sticky.swap(connection, list(swaps.values()), today) if swaps else set[MappingKey]()
    return lambda d: _holds(d, found.get(d.home), swapped)


def _claimant(d: Decided) -> int:
    """Whose mapping to claim. A swap compares with what was read, so nothing may change before it: not even a use."""
    return sticky.NOBODY if d.binding.change is Change.SWAP else _pointed_at(d.binding)


def _pointed_at(binding: Binding) -> int:
    """The member that the mapping points at afterwards: not the sender's where a message passed its mapping by."""
    return binding.candidate.member_id if binding.kept is None else binding.kept


def _holds(d: Decided, found: Claimed | None, swapped: set[MappingKey]) -> bool:
    if d.binding.change is None or found is None:
        return True
    if d.binding.change is Change.SWAP:
        return d.home in swapped
    as_wanted = found.made is (d.binding.change is Change.INSERT) and found.member_id == _pointed_at(d.binding)
    return as_wanted and d.home not in swapped
