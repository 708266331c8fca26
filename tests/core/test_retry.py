"""Pauses between tries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.retry import ATTEMPTS_MAX, callback_delay_s, retry_delay_s

chances = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(
    ("attempt", "longest_s"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 300), (8, 300), (ATTEMPTS_MAX, 300), (10**9, 300)],
)
def test_a_retry_waits_up_to_twice_as_long_each_time(attempt: int, longest_s: float) -> None:
    assert retry_delay_s(attempt, 0.0) == 0
    assert retry_delay_s(attempt, 0.5) == longest_s / 2
    assert longest_s * 0.98 < retry_delay_s(attempt, 0.99) < longest_s


@given(st.integers(-3, 100), chances)
def test_a_retry_never_waits_longer_than_five_minutes(attempt: int, chance: float) -> None:
    assert 0 <= retry_delay_s(attempt, chance) < 300


def test_a_callback_follows_the_schedule_and_then_gives_up() -> None:
    pauses = [callback_delay_s(attempt, 0.0) for attempt in range(1, 9)]
    assert pauses == [5, 300, 1800, 7200, 18000, 36000, 36000, None]
    assert callback_delay_s(0, 0.0) == 5


@given(st.integers(1, 7), chances)
def test_chance_adds_less_than_a_tenth_to_a_callbacks_pause(attempt: int, chance: float) -> None:
    shortest, pause = callback_delay_s(attempt, 0.0), callback_delay_s(attempt, chance)
    assert shortest is not None
    assert pause is not None
    assert shortest <= pause <= shortest * 1.1


def test_there_are_twenty_attempts() -> None:
    assert ATTEMPTS_MAX == 20
