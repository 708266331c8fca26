"""What if a number left its pool: how many people would hear from which other one.

By the same ladder that chooses (`limpet.core.selection`), with each rung's people split as their weights say (S-104).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from limpet.core.address import Address, AddressKind
from limpet.core.pool import Candidate, Pool
from limpet.core.selection import shares


@dataclass(frozen=True, slots=True)
class Removal:
    """People by expectation: of the number, where they go (most first), and those for whom there is nobody, or of whom too little
    is known. `estimated` where not all of the service's people were looked at."""

    people: float
    to: tuple[tuple[Candidate, float], ...]
    nobody: float
    unknown: float
    estimated: bool


@dataclass(slots=True)
class Removing:
    """Counts a member's people one by one."""

    pool: Pool
    member_id: int
    people: int = 0
    nobody: int = 0
    unknown: int = 0
    _places: dict[tuple[AddressKind, str | None, str | None], list[tuple[Candidate, float]]] = field(
        default_factory=dict
    )
    _found: dict[int, float] = field(default_factory=dict)

    def add(self, to: Address | None, *, strictly: bool) -> None:
        """One person of the member; None for one under a pseudonym. Who is held `strictly` hears from nobody else (S-82)."""
        self.people += 1
        if to is None:
            self.unknown += 1
            return
        place = (to.kind, to.country, to.area_code)
        if place not in self._places:
            self._places[place] = shares(self.pool, to, {self.member_id})
        heirs = [] if strictly else self._places[place]
        if not heirs:
            self.nobody += 1
        for candidate, share in heirs:
            self._found[candidate.member_id] = self._found.get(candidate.member_id, 0.0) + share

    def total(self, factor: float) -> Removal:
        """What was counted, times as many as there are for each that was looked at."""
        found = sorted(self._found.items(), key=lambda one: (-one[1], one[0]))
        to = tuple((self.pool.by_member[member], people * factor) for member, people in found)
        return Removal(self.people * factor, to, self.nobody * factor, self.unknown * factor, factor > 1)
