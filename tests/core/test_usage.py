"""Days are cut and summed."""

from __future__ import annotations

from datetime import date

import pytest

from limpet.core.usage import Day, Period, dates_of, pieces, used

TODAY, FIRST = date(2026, 3, 2), date(2025, 12, 30)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.TODAY, TODAY, TODAY),
        (Period.YESTERDAY, date(2026, 3, 1), date(2026, 3, 1)),
        (Period.THIS_MONTH, date(2026, 3, 1), TODAY),
        (Period.LAST_MONTH, date(2026, 2, 1), date(2026, 2, 28)),
        (Period.ALL_TIME, FIRST, TODAY),
    ],
)
def test_periods_with_dates_of_their_own(period: Period, start: date, end: date) -> None:
    assert dates_of(period, TODAY, FIRST) == (start, end)


def test_pieces_are_cut_newest_first() -> None:
    assert [start.isoformat() for start, _ in pieces(Period.MONTHLY, FIRST, TODAY)] == [
        "2026-03-01", "2026-02-01", "2026-01-01", "2025-12-30",
    ]  # fmt: skip
    assert list(pieces(Period.YEARLY, FIRST, TODAY)) == [(date(2026, 1, 1), TODAY), (FIRST, date(2025, 12, 31))]
    assert len(list(pieces(Period.DAILY, FIRST, TODAY))) == 63
    assert list(pieces(Period.ALL, FIRST, TODAY)) == [(FIRST, TODAY)]


def test_sums_are_by_category_and_piece() -> None:
    days = [
        Day(FIRST, True, False, 1, 2), Day(FIRST, False, False, 10, 20), Day(TODAY, False, False, 100, 200),
        Day(TODAY, False, True, 1000, 1000),
    ]  # fmt: skip
    whole = list(pieces(Period.ALL, FIRST, TODAY))
    assert [(each.category, each.messages, each.segments) for each in used(days, ["sms", "sms-inbound", "mms"], whole)] == [
        ("sms", 111, 222), ("sms-inbound", 1, 2), ("mms", 1000, 1000),
    ]  # fmt: skip
    assert [each.messages for each in used(days, ["sms"], pieces(Period.YEARLY, FIRST, TODAY))] == [100, 11]
