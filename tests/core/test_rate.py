"""Places in time for a number's messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.model import SenderKind
from limpet.core.rate import Pacer, Queue, of_account, of_service, segments_per_s


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


def alone(pacer: Pacer, name: str, segments: int, now_s: float, per_s: float = 1.0) -> float | None:
    return pacer.wait_s(Queue(name, per_s), (), segments, now_s)


def test_a_queue_of_ten_hours_is_full_and_takes_no_place() -> None:
    pacer = Pacer()
    assert alone(pacer, "a", 35_999, 0.0) == 0.0
    assert not pacer.is_full("a", 0.0)
    assert alone(pacer, "a", 1, 0.0) == 35_999.0
    assert pacer.is_full("a", 0.0)
    assert [alone(pacer, "a", 1, 0.0) for _ in range(2)] == [None, None]
    assert not pacer.is_full("a", 1.0)
    assert alone(pacer, "a", 1, 1.0) == 35_999.0
    assert alone(pacer, "b", 1, 0.0) == 0.0


def test_places_follow_each_other_and_a_pause_is_not_saved_up() -> None:
    pacer = Pacer()
    assert [alone(pacer, "a", 1, 100.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert alone(pacer, "b", 3, 100.0) == 0.0
    assert alone(pacer, "b", 1, 101.0) == 2.0
    assert alone(pacer, "a", 1, 500.0) == 0.0
    assert alone(pacer, "a", 1, 500.0) == 1.0


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 10)), min_size=1, max_size=50))
def test_no_second_holds_more_than_the_rate_allows(steps: list[tuple[float, int]]) -> None:
    pacer, now, starts = Pacer(), 0.0, []
    for gap, segments in steps:
        now += gap
        wait_s = alone(pacer, "a", segments, now, 2.0)
        assert wait_s is not None
        starts.append((now + wait_s, segments))
    for (start, segments), (following, _) in pairwise(starts):
        assert following >= start + segments / 2.0 - 1e-6


def test_numbers_share_what_their_service_and_their_account_may() -> None:
    pacer, shared = Pacer(), (of_service(1, 4.0), of_account(1, 2.0))
    assert [pacer.wait_s(Queue(name, 1.0), shared, 1, 0.0) for name in "abc"] == [0.0, 0.5, 1.0]
    assert pacer.wait_s(Queue("d", 1.0), (of_account(2, 2.0),), 1, 0.0) == 0.0
    assert pacer.wait_s(None, shared, 1, 0.0) == 1.5


def test_a_number_that_is_slow_holds_up_no_other_of_its_service() -> None:
    pacer, shared = Pacer(), (of_service(1, 100.0),)
    slow = [pacer.wait_s(Queue("a", 1.0), shared, 1, 0.0) for _ in range(50)]
    assert slow[-1] == 49.0
    assert pacer.wait_s(Queue("b", 1.0), shared, 1, 0.0) == pytest.approx(0.5)


def test_a_shared_queue_that_is_full_takes_no_place_in_any() -> None:
    pacer, account = Pacer(), of_account(1, 1.0)
    assert pacer.wait_s(None, (account,), 36_000, 0.0) == 0.0
    assert pacer.wait_s(Queue("a", 1.0), (of_service(1, 1.0), account), 1, 0.0) is None
    assert pacer.wait_s(Queue("a", 1.0), (of_service(1, 1.0),), 1, 0.0) == 0.0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 2), st.integers(1, 5)), min_size=1, max_size=60))
def test_a_number_keeps_its_rate_and_at_no_time_has_more_left_than_is_shared(
    steps: list[tuple[str, float, int]],
) -> None:
    pacer, now, left = Pacer(), 0.0, []
    for name, gap, segments in steps:
        now += gap
        wait_s = pacer.wait_s(Queue(name, 3.0), (of_service(1, 4.0),), segments, now)
        assert wait_s is not None
        left.append((now + wait_s, name, segments))
    for name in "abc":
        mine = [(at, segments) for at, its, segments in left if its == name]
        for (at, segments), (following, _) in pairwise(mine):
            assert following >= at + segments / 3.0 - 1e-6
    for at, _, segments in left:
        assert sum(s for when, _, s in left if when <= at) - segments <= 4.0 * at + 5 * len("abc") + 1e-6
