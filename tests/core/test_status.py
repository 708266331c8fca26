"""Statuses: what may follow what, what is told, and how the receipts of segments become one status."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.status import (
    CALLBACK_STATES,
    FINAL_STATES,
    RETRY,
    STEPS,
    SegmentState,
    Status,
    fold_receipts,
    is_final,
    may_become,
    parse_callback_events,
)

TWILIOS = (
    "queued sending sent failed delivered undelivered receiving received accepted scheduled read "
    "partially_delivered canceled"
)
FINAL = "delivered undelivered failed canceled read"


def states(words: str) -> frozenset[Status]:
    return frozenset(Status(word) for word in words.split())


def test_there_are_twilios_thirteen() -> None:
    assert {str(status) for status in Status} == set(TWILIOS.split())


@pytest.mark.parametrize(
    ("current", "later"),
    [
        ("accepted", "queued sending sent delivered undelivered failed read"),
        ("scheduled", "queued sending sent delivered undelivered failed read canceled"),
        ("queued", "sending sent delivered undelivered failed read"),
        ("sending", "queued sent delivered undelivered failed read"),
        ("sent", "delivered undelivered read"),
        ("delivered", "read"),
        ("undelivered", ""),
        ("failed", ""),
        ("canceled", ""),
        ("read", ""),
        ("receiving", "received"),
        ("received", ""),
        ("partially_delivered", ""),
    ],
)
def test_a_status_may_become_these_and_no_other(current: str, later: str) -> None:
    assert {new for new in Status if may_become(Status(current), new)} == states(later)


def test_there_is_no_way_back_but_the_retry() -> None:
    both_ways = [pair for pair in permutations(Status, 2) if may_become(*pair) and may_become(*reversed(pair))]
    assert sorted(both_ways) == sorted([RETRY, RETRY[::-1]])
    assert not any(may_become(status, status) for status in Status)


def test_what_is_final_leads_to_no_more_work() -> None:
    assert {status for status in Status if is_final(status)} == states(FINAL + " received partially_delivered")
    ends = {status for status in Status if status not in STEPS} | {Status.DELIVERED}
    assert ends == FINAL_STATES


def test_twilio_calls_back_about_these() -> None:
    assert states("queued sent canceled read delivered undelivered failed") == CALLBACK_STATES


@pytest.mark.parametrize(
    ("segments", "status"),
    [
        ([], "sent"),
        (["sent"], "sent"),
        (["delivered"], "delivered"),
        (["undelivered"], "undelivered"),
        (["delivered", "sent"], "sent"),
        (["delivered", "delivered"], "delivered"),
        (["delivered", "undelivered"], "undelivered"),
        (["sent", "undelivered"], "undelivered"),
    ],
)
def test_receipts_fold_to_one_status(segments: list[str], status: str) -> None:
    assert fold_receipts([SegmentState(state) for state in segments]) is Status(status)


@given(st.lists(st.sampled_from(SegmentState), min_size=1, max_size=12))
def test_receipts_fold_in_any_order_and_only_forward(segments: list[SegmentState]) -> None:
    folded = fold_receipts(segments)
    assert fold_receipts(segments[::-1]) is folded
    for known in range(len(segments)):
        earlier = fold_receipts([*segments[:known], *[SegmentState.SENT] * (len(segments) - known)])
        assert earlier is folded or may_become(earlier, folded)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", "queued sent delivered undelivered failed canceled read"),
        ("final", FINAL),
        ("FINAL", FINAL),
        ("sent", "sent"),
        ("sent,delivered", "sent delivered"),
        ("sent, Delivered\tfailed", "sent delivered failed"),
        (" queued,queued ", "queued"),
        ("final queued", FINAL + " queued"),
    ],
)
def test_callback_events_are_read(text: str, expected: str) -> None:
    assert parse_callback_events(text) == states(expected)


@pytest.mark.parametrize("text", ["", " ", ",", "sent,", "none", "sending", "accepted", "all;final", "sent " * 100])
def test_callback_events_that_are_not_understood(text: str) -> None:
    assert parse_callback_events(text) is None


@given(st.sets(st.sampled_from(sorted(CALLBACK_STATES)), min_size=1), st.sampled_from([",", " ", ", "]))
def test_any_list_of_told_states_is_understood(chosen: set[Status], separator: str) -> None:
    assert parse_callback_events(separator.join(chosen)) == frozenset(chosen)
