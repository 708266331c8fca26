"""How a number fares: windows, thresholds, and what becomes of a number that fails."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.address import area_code
from limpet.core.health import (
    NOTHING,
    UNHEALTHY_FOR,
    Complaint,
    Counts,
    Health,
    Policy,
    Windows,
    complaint,
    health,
    hour_number,
    turn,
    windows,
)
from limpet.core.pool import WhyNot, make_pool
from limpet.core.selection import choose, passed_over
from limpet.core.sticky import Outcome, Standing, decide, standing
from tests.core.test_selection import chosen
from tests.core.test_sticky import SERVICE, TODAY, US, ask, bound, member, stored, to
from tests.support.clock import NOW

HOUR = hour_number(NOW)
MEMBERS = member(1, "+12125550101"), member(2, "+12125550102")


@pytest.mark.parametrize(
    ("minutes", "hours", "hour", "day"),
    [
        (0, {0: 8}, 8, 8),
        (0, {1: 8}, 8, 8),
        (15, {1: 8}, 6, 8),
        (59, {1: 60, 0: 1}, 2, 61),
        (30, {2: 8}, 0, 8),
        (0, {24: 8}, 0, 8),
        (45, {24: 8}, 0, 2),
        (0, {25: 8}, 0, 0),
    ],
)
def test_S_91_windows_slide_over_the_hours(minutes: int, hours: dict[int, int], hour: float, day: float) -> None:
    counts = {HOUR - ago: Counts(delivered) for ago, delivered in hours.items()}
    seen = windows(counts, NOW + timedelta(minutes=minutes))
    assert (round(seen.hour.delivered, 6), round(seen.day.delivered, 6)) == (hour, day)


def test_S_91_rates_are_of_what_is_known_and_of_nothing_there_are_none() -> None:
    counts = Counts(delivered=60, undelivered=40, filtered=30, opted_out=5)
    assert (counts.delivery_rate, counts.filtered_rate, counts.opt_out_rate) == (0.6, 0.3, 0.05)
    assert (NOTHING.delivery_rate, NOTHING.filtered_rate, NOTHING.opt_out_rate) == (None, None, None)


@pytest.mark.parametrize(
    ("counts", "policy", "found"),
    [
        (Counts(13, 37), Policy(), None),
        (Counts(12, 38), Policy(), Complaint.DELIVERY_RATE),
        (Counts(12, 37), Policy(), None),
        (Counts(1, 9), Policy(messages_min=10), Complaint.DELIVERY_RATE),
        (Counts(20, 80, 75), Policy(delivery_rate_min=0.1), None),
        (Counts(20, 80, 76), Policy(delivery_rate_min=0.1), Complaint.FILTERED_RATE),
        (Counts(100, 0, 0, 3), Policy(opt_out_rate_max=0.02), Complaint.OPT_OUT_RATE),
        (Counts(100, 0, 0, 2), Policy(opt_out_rate_max=0.02), None),
        (Counts(0, 100), Policy(delivery_rate_min=0.0), None),
    ],
)
def test_S_91_a_number_is_unhealthy_by_its_services_thresholds(
    counts: Counts, policy: Policy, found: Complaint | None
) -> None:
    assert complaint(Windows(NOTHING, counts), policy) is found
    assert complaint(Windows(counts, counts), policy) is found


def test_S_91_a_bad_hour_is_enough_in_a_good_day() -> None:
    assert complaint(Windows(Counts(0, 60), Counts(900, 60)), Policy()) is Complaint.DELIVERY_RATE
    assert complaint(Windows(NOTHING, NOTHING), Policy()) is None


def test_S_91_of_a_number_with_few_messages_nothing_is_said() -> None:
    assert health(Windows(NOTHING, Counts(49)), Policy(), None) is Health.UNKNOWN
    assert health(Windows(NOTHING, Counts(50)), Policy(), None) is Health.HEALTHY
    assert health(Windows(NOTHING, NOTHING), Policy(), NOW) is Health.UNHEALTHY


def test_S_93_a_number_is_unhealthy_for_an_hour_at_least() -> None:
    assert turn(Complaint.FILTERED_RATE, None, NOW) is Health.UNHEALTHY
    assert turn(Complaint.FILTERED_RATE, NOW, NOW + timedelta(days=1)) is None
    assert turn(None, NOW, NOW + UNHEALTHY_FOR - timedelta(seconds=1)) is None
    assert turn(None, NOW, NOW + UNHEALTHY_FOR) is Health.HEALTHY
    assert turn(None, None, NOW) is None


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=40))
def test_S_93_its_states_take_turns(steps: list[tuple[int, bool]]) -> None:
    at, failing, told = NOW, None, []
    for minutes, bad in steps:
        at += timedelta(minutes=minutes)
        new = turn(Complaint.DELIVERY_RATE if bad else None, failing, at)
        if new is not None:
            told.append((new, at))
            failing = at if new is Health.UNHEALTHY else None
    assert [new for new, _ in told] == [Health.UNHEALTHY, Health.HEALTHY][: len(told)] * 1 + [
        Health.UNHEALTHY if n % 2 == 0 else Health.HEALTHY for n in range(2, len(told))
    ]
    assert all(b - a >= UNHEALTHY_FOR for (x, a), (_, b) in pairwise(told) if x is Health.UNHEALTHY)


def test_S_92_a_failing_member_gets_no_new_people_and_keeps_its_own() -> None:
    some = make_pool(SERVICE, MEMBERS, area_code, failing=frozenset({1}))
    answers = [chosen(choose(some, to(US), person, {2: 9.0})) for person in range(50)]
    assert {a.candidate.member_id for a in answers} == {2}
    assert [p.why for p in passed_over(some, to(US), answers[0].candidate, {})] == [WhyNot.UNHEALTHY]
    kept = bound(decide(ask(), some, stored(1), {}, TODAY))
    assert (kept.candidate.member_id, kept.outcome) == (1, Outcome.USED)


def test_S_92_where_nobody_else_can_have_them_a_failing_member_gets_new_people() -> None:
    alone = make_pool(SERVICE, MEMBERS[:1], area_code, failing=frozenset({1}))
    assert chosen(choose(alone, to(US), 5, {})).candidate.member_id == 1
    both = make_pool(SERVICE, MEMBERS, area_code, failing=frozenset({1}))
    assert chosen(choose(both, to(US), 5, {}, without={2})).candidate.member_id == 1


def test_S_92_who_hears_from_abroad_stays_while_the_numbers_at_home_fail() -> None:
    """Otherwise their mapping would be replaced by each message."""
    pair = member(1, "+12125550101"), member(2, "+442079460102", "GB")
    ill = make_pool(SERVICE, pair, area_code, failing=frozenset({1}))
    assert standing(ill, stored(2), to(US), TODAY) is Standing.LIVE
    assert standing(make_pool(SERVICE, pair, area_code), stored(2), to(US), TODAY) is Standing.FOREIGN
