"""A carrier's clock, measured by receipts: never wrong about what is possible, however far away the clock is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from limpet.core.carrier_clock import CarrierClock, learn, may_be_of, may_be_of_earlier_copy

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECONDS = st.floats(0, 86_400)
EXCHANGES = st.lists(st.tuples(SECONDS, st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=30)
"""When each message was claimed, how long until it was taken, and from then until its answer was written; seconds."""


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def date_of(moment: datetime, ahead_s: float, *, minutes: bool) -> datetime:
    """What a carrier writes whose clock is so far ahead."""
    theirs = moment + timedelta(seconds=ahead_s)
    return theirs.replace(second=0, microsecond=0) if minutes else theirs.replace(microsecond=0)


def measured(exchanges: list[tuple[float, float, float]], ahead_s: float, *, minutes: bool) -> CarrierClock:
    clock = CarrierClock()
    for claimed, until_taken, until_written in exchanges:
        date = date_of(at(claimed + until_taken), ahead_s, minutes=minutes)
        clock = learn(clock, date, at(claimed), at(claimed + until_taken + until_written))
    return clock


@given(EXCHANGES, st.floats(-50_000, 50_000), st.booleans())
@example([(0.0, 0.0, 0.0)], 0.0, True)
@example([(59.9, 0.2, 0.0), (119.0, 0.9, 0.0)], -18_000.0, True)
def test_the_true_distance_stays_in_the_interval(
    exchanges: list[tuple[float, float, float]], ahead_s: float, minutes: bool
) -> None:
    clock = measured(exchanges, ahead_s, minutes=minutes)
    assert clock.known
    assert clock.least_s - 1e-3 <= ahead_s <= clock.most_s + 1e-3


@given(EXCHANGES, st.floats(-50_000, 50_000), st.booleans(), SECONDS, st.floats(0, 5))
def test_a_receipt_of_the_message_itself_is_always_possible(
    exchanges: list[tuple[float, float, float]], ahead_s: float, minutes: bool, claimed: float, until_taken: float
) -> None:
    clock = measured(exchanges, ahead_s, minutes=minutes)
    date = date_of(at(claimed + until_taken), ahead_s, minutes=minutes)
    known = CarrierClock(clock.least_s - 1e-3, clock.most_s + 1e-3, clock.precision_s, known=True)
    assert may_be_of(known, date, at(claimed), at(claimed + until_taken + 0.01))
    assert may_be_of_earlier_copy(known, date, at(claimed), at(claimed + until_taken + 90))


def test_many_receipts_of_a_minute_tell_a_clock_to_a_second_or_two() -> None:
    exchanges = [(float(n), 0.05, 0.05) for n in range(120)]
    for ahead_s in (0.0, -18_000.0, 7_200.5):
        clock = measured(exchanges, ahead_s, minutes=True)
        assert clock.most_s - clock.least_s < 2.5


def test_the_receipt_of_a_message_before_cannot_be_that_of_one_that_was_claimed_later() -> None:
    clock = measured([(float(n), 0.05, 0.05) for n in range(120)], -18_000.0, minutes=True)
    date = date_of(at(1000), -18_000.0, minutes=True)
    assert may_be_of(clock, date, at(1000), at(1001))
    assert not may_be_of(clock, date, at(1000 + 63), at(1100))
    assert not may_be_of_earlier_copy(clock, date, at(1100), at(1200))


def test_seconds_are_believed_once_they_were_seen() -> None:
    clock = measured([(float(n), 0.05, 0.05) for n in range(120)], 3.0, minutes=False)
    assert clock.precision_s == 1.0
    date = date_of(at(1000), 3.0, minutes=False)
    assert may_be_of(clock, date, at(1000), at(1001))
    assert not may_be_of(clock, date, at(1004), at(1010))


def test_of_a_clock_that_nobody_knows_only_what_is_near_is_believed() -> None:
    unknown = CarrierClock()
    assert may_be_of(unknown, at(0), at(179), at(200))
    assert not may_be_of(unknown, at(0), at(181), at(200))
    assert not may_be_of(unknown, at(3600), at(0), at(10)), "its clock is ahead, or writes local time"


def test_a_clock_that_was_set_is_measured_anew() -> None:
    winter = measured([(float(n), 0.05, 0.05) for n in range(120)], 0.0, minutes=True)
    summer = learn(winter, date_of(at(300), 3600.0, minutes=True), at(300), at(300.1))
    assert 3500 < summer.least_s <= 3600 <= summer.most_s < 3700
