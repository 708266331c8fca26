"""SMPP's absolute and relative times (SMPP 3.4 §7.1.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.smpp.times import read_time, write_time

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("text", "at"), [
    ("260302131500000+", datetime(2026, 3, 2, 13, 15, tzinfo=UTC)),
    ("260302131500504+", datetime(2026, 3, 2, 12, 15, 0, 500_000, UTC)),
    ("260302131500032-", datetime(2026, 3, 2, 21, 15, tzinfo=UTC)),
    ("000000000500000R", NOW + timedelta(minutes=5)),
    ("000002000010000R", NOW + timedelta(days=2, seconds=10)),
    ("010100000000000R", NOW + timedelta(days=395)),
])  # fmt: skip
def test_times_are_read(text: str, at: datetime) -> None:
    assert read_time(text, NOW) == at


@pytest.mark.parametrize("text", [
    "", "tomorrow", "260302131500000", "260302131500000X", "261302131500000+", "260230131500000+", "260302251500000+",
    "260302131500049+", "２60302131500000+", "260302131500000+ ",
])  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_time(text, NOW) is None


@given(st.timedeltas(timedelta(), timedelta(days=36_500)))
def test_a_time_that_was_written_is_read_as_it_was(since: timedelta) -> None:
    at = datetime(2000, 1, 1, tzinfo=UTC) + since
    tenth = at.replace(microsecond=at.microsecond // 100_000 * 100_000)
    assert read_time(write_time(at), NOW) == tenth


@given(st.text(alphabet="0123456789+-R", max_size=17))
def test_no_text_raises(text: str) -> None:
    read_time(text, NOW)
