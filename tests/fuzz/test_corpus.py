"""What the search has kept, and small changes to it, go through every target without breaking a promise."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.search import INPUT_OCTETS_MAX, kept
from tests.fuzz.targets import TARGETS

CHANGED = 3000
SEED = 20_261_125


def changed(one: bytes, chance: random.Random) -> bytes:
    """An input with an octet or a piece of it otherwise."""
    octets = bytearray(one or b"\0")
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(octets))
        octets[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(4)) or b"\xff"
    return bytes(octets[:INPUT_OCTETS_MAX])


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_kept_inputs_and_changes_to_them_break_no_promise(target: str) -> None:
    inputs, chance = kept(target), random.Random(SEED)
    assert len(inputs) >= 10, "the corpus is gone"
    for one in inputs:
        TARGETS[target](one)
    for _ in range(CHANGED):
        TARGETS[target](changed(chance.choice(inputs), chance))
