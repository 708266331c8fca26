"""Places in time for a number's messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.model import SenderKind
from limpet.core.rate import Pacer, TokenBucket, segments_per_s


@pytest.mark.parametrize(
    ("kind", "country", "expected"),
    [
        (SenderKind.LONG_CODE, "US", 1.0),
        (SenderKind.LONG_CODE, "CA", 1.0),
        (SenderKind.LONG_CODE, "GB", 10.0),
        (SenderKind.TOLL_FREE, "US", 3.0),
        (SenderKind.SHORT_CODE, "US", 100.0),
        (SenderKind.ALPHANUMERIC, "", 10.0),
        (SenderKind.DESTINATION_ALPHA, "FR", 10.0),
    ],
)
def test_rates_by_kind_and_country(kind: SenderKind, country: str, expected: float) -> None:
    assert segments_per_s(kind, country) == expected


def test_a_queue_of_ten_hours_is_full_and_takes_no_place() -> None:
    pacer = Pacer()
    assert pacer.wait_s("a", 35_999, 1.0, 0.0) == 0.0
    assert pacer.wait_s("a", 1, 1.0, 0.0) == 35_999.0
    assert [pacer.wait_s("a", 1, 1.0, 0.0) for _ in range(2)] == [None, None]
    assert pacer.wait_s("a", 1, 1.0, 1.0) == 35_999.0
    assert pacer.wait_s("b", 1, 1.0, 0.0) == 0.0


def test_places_follow_each_other_and_a_pause_is_not_saved_up() -> None:
    pacer = Pacer()
    assert [pacer.wait_s("a", 1, 1.0, 100.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert pacer.wait_s("b", 3, 1.0, 100.0) == 0.0
    assert pacer.wait_s("b", 1, 1.0, 101.0) == 2.0
    assert pacer.wait_s("a", 1, 1.0, 500.0) == 0.0
    assert pacer.wait_s("a", 1, 1.0, 500.0) == 1.0


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 10)), min_size=1, max_size=50))
def test_no_second_holds_more_than_the_rate_allows(steps: list[tuple[float, int]]) -> None:
    pacer, now, starts = Pacer(), 0.0, []
    for gap, segments in steps:
        now += gap
        wait_s = pacer.wait_s("a", segments, 2.0, now)
        assert wait_s is not None
        starts.append((now + wait_s, segments))
    for (start, segments), (following, _) in pairwise(starts):
        assert following >= start + segments / 2.0 - 1e-6


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(10.0, 2.0)
    assert [bucket.take(5.0) for _ in range(3)] == [True, True, False]
    assert bucket.free_at(5.0) == pytest.approx(5.1)
    assert not bucket.take(5.09)
    assert bucket.take(bucket.free_at(5.09))
    taken = sum(bucket.take(6.0 + n / 1000) for n in range(10_001))
    assert taken == 2 + 100


def test_a_bucket_that_is_slower_than_one_a_second_still_gives_one() -> None:
    bucket = TokenBucket(0.5, 0.05)
    assert [bucket.take(float(second)) for second in range(5)] == [True, False, True, False, True]
    assert bucket.free_at(4.5) == pytest.approx(6.0)
    assert not bucket.take(3.0)
