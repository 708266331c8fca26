"""A pool of 400 numbers and many people: everybody's sender as the decision gives it, and what changes when numbers join.

LIMPET_TEST_PEOPLE=1000000 asks for as many people as the promise names; without it there are enough to see the same.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from limpet.core.address import Address, AddressKind
from limpet.core.load import LoadMeter
from limpet.core.sticky import Ask, Outcome, StoredMapping, decide
from tests.core.test_sticky import TODAY, bound, member, pool

PEOPLE, NUMBERS = int(os.environ.get("LIMPET_TEST_PEOPLE", "100000")), 400
SPREAD_MAX = 0.05
MESSAGES_PER_S = 1_000
BRITISH_EVERY = 10
US_NUMBERS = tuple(member(n, f"+1212555{n:04}") for n in range(1, NUMBERS + 1))


def people() -> list[tuple[Address, int]]:
    """Each with a hash; every tenth in the United Kingdom, where no number of the pool is."""
    chance = random.Random(42)
    british, american = (Address(c, AddressKind.PHONE, c, None, toll_free=False) for c in ("GB", "US"))
    return [(american if n % BRITISH_EVERY else british, chance.getrandbits(64)) for n in range(PEOPLE)]


@pytest.mark.timeout(600)
def test_S_12_S_35_people_are_spread_evenly_and_moved_only_by_a_local_number() -> None:
    everybody, four_hundred, meter = people(), pool(*US_NUMBERS), LoadMeter(0.0)
    mapped: list[int] = []
    for n, (to, person) in enumerate(everybody):
        chosen = bound(decide(Ask(to, person), four_hundred, None, meter.loads, TODAY)).candidate.member_id
        meter.add(chosen, 1, n / MESSAGES_PER_S)
        mapped.append(chosen)
    counts, even = Counter(mapped), PEOPLE / NUMBERS
    print(
        f"{PEOPLE} people, {NUMBERS} numbers: {min(counts.values())} to {max(counts.values())} each, {even:g} if even"
    )
    assert all(abs(count - even) <= SPREAD_MAX * even for count in counts.values())
    assert len(counts) == NUMBERS

    more = pool(*US_NUMBERS, *(member(n, f"+1646555{n:04}") for n in range(NUMBERS + 1, NUMBERS + 101)))
    british = pool(*US_NUMBERS, member(NUMBERS + 1, "+447700900123", "GB"))
    moved_people = 0
    for (to, person), before in zip(everybody, mapped, strict=True):
        mapping = StoredMapping(before, TODAY - 1, TODAY - 9, established=True)
        ask = Ask(to, person)
        stays = bound(decide(ask, more, mapping, {}, TODAY))
        assert (stays.candidate.member_id, stays.outcome) == (before, Outcome.USED)
        after = bound(decide(ask, british, mapping, {}, TODAY))
        moved = after.candidate.member_id != before
        assert moved == (to.country == "GB")
        assert after.outcome is (Outcome.REPLACED if moved else Outcome.USED)
        moved_people += moved
    print(f"100 numbers more: nobody moved; one British number: {moved_people} moved, all of them British")
    assert moved_people == sum(to.country == "GB" for to, _ in everybody) > 0
