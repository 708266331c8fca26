"""So much a second and a little at once, for one and for many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.allowance import WHO_MAX, Allowance, Allowances

BURST_S = 0.25


def test_the_burst_may_go_at_once_and_then_the_rate_counts() -> None:
    one = Allowance(10.0, 2.0)
    assert [one.take(5.0) for _ in range(3)] == [True, True, False]
    assert one.wait_s(5.0) == pytest.approx(0.1)
    assert not one.take(5.09)
    assert one.take(5.09 + one.wait_s(5.09))
    assert sum(one.take(6.0 + n / 1000) for n in range(10_001)) == 2 + 100


def test_less_than_one_a_second_is_still_one_at_a_time() -> None:
    one = Allowance(0.5, 0.05)
    assert [one.take(float(second)) for second in range(5)] == [True, False, True, False, True]
    assert one.wait_s(4.5) == pytest.approx(1.5)
    assert not one.take(3.0), "a clock that goes back gives nothing"


def test_what_is_spent_beyond_the_room_is_waited_for() -> None:
    one = Allowance(4.0, 2.0)
    assert one.room(100.0) == 2
    one.spend(6, 100.0)
    assert (one.room(100.0), one.take(100.0), one.wait_s(100.0)) == (0, False, 1.25)
    assert [one.room(100.0 + after) for after in (1.0, 1.25, 1.5, 9.0)] == [0, 1, 2, 2]


@pytest.mark.parametrize("per_s", [0.5, 1, 3, 7, 40, 1000])
@pytest.mark.parametrize("many", [1, 3])
def test_the_rate_is_kept_over_time_and_nobody_waits_for_ever(per_s: float, many: int) -> None:
    one, now, sent = Allowance(per_s, per_s * BURST_S), 1000.0, 0
    end, steps = now + 60.0, 0
    while now < end:
        steps += 1
        assert steps < 200_000, "it waits, and waits"
        if one.room(now):
            one.spend(many, now)
            sent += many
        else:
            wait = one.wait_s(now)
            assert 0 < wait <= many / per_s + BURST_S
            now += wait
    assert 60 * per_s * 0.9 - many <= sent <= 60 * per_s + max(BURST_S * per_s, 1) + many


@given(st.floats(0.1, 5000.0), st.floats(0.0, 500.0), st.floats(0.0, 1e8), st.lists(st.integers(0, 20), max_size=20))
def test_room_wait_and_take_say_the_same(per_s: float, burst: float, began_s: float, spent: list[int]) -> None:
    """Whoever waits for as long as it is told finds room then: a rounding may not make it wait without an end."""
    one, now = Allowance(per_s, burst), began_s
    for many in spent:
        one.spend(many, now)
        wait = one.wait_s(now)
        assert (one.room(now) > 0) == (wait == 0.0)
        now += wait
        assert one.wait_s(now) == 0.0
        assert one.room(now) > 0
        assert one.take(now)


def test_a_seconds_worth_each_may_come_at_once() -> None:
    each = Allowances(4)
    assert [each.take(1, 10.0) for _ in range(5)] == [True] * 4 + [False]
    assert each.take(2, 10.0)
    assert [each.take(1, 10.25) for _ in range(2)] == [True, False]
    assert [each.take(1, 100.0) for _ in range(5)] == [True] * 4 + [False]


def test_without_a_limit_everything_is_taken_and_nothing_is_kept() -> None:
    each = Allowances(None)
    assert all(each.take(1, 0.0) for _ in range(100))
    assert not each._known


def test_who_has_been_quiet_is_forgotten() -> None:
    each = Allowances(1)
    for who in range(WHO_MAX + 1):
        assert each.take(who, float(who))
    assert len(each._known) < 10
