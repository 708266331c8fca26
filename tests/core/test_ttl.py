"""For how long a mapping counts: rules S-5, S-140 and S-141 at their edges."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.pool import Pool
from limpet.core.sticky import Change, Origin, Pin, Standing, StoredMapping, decide, standing
from limpet.core.sticky_flags import ESTABLISHED, flags_of, hour_bits, hour_of, origin_of, pin_of
from limpet.core.ttl import NEVER_DAYS, Ttl, hours_since, is_aged, is_use_due, parse_ttl
from tests.core.test_sticky import TODAY, US, ask, bound, member, pool, stored, to

HOURS = st.integers(0, 23)


def aging(ttl: Ttl) -> Pool:
    return pool(
        member(1, "+12125550101"), member(2, "+12125550102"), sticky_ttl_days=ttl.days, sticky_ttl_hours=ttl.hours
    )


def used(day: int, hour: int | None) -> StoredMapping:
    return replace(stored(1, day), last_used_hour=hour)


@pytest.mark.parametrize(
    ("text", "ttl"),
    [
        ("1h", Ttl(1, 1)), ("24h", Ttl(1, 24)), ("25h", Ttl(2, 25)), ("720h", Ttl(30, 720)), ("721h", None), ("0h", None),
        ("1d", Ttl(1)), ("36500d", Ttl(36_500)), ("36501d", None), ("never", Ttl(NEVER_DAYS)), ("", None), ("1", None),
        ("-1d", None), ("1.5h", None), ("1 d", None), ("365", None), ("d", None), ("٣d", None),
    ],
)  # fmt: skip
def test_S_141_a_time_to_live_is_hours_days_or_never(text: str, ttl: Ttl | None) -> None:
    assert parse_ttl(text) == ttl
    if ttl is not None:
        assert parse_ttl(str(ttl)) == ttl


@pytest.mark.parametrize(
    ("ttl", "unused_hours", "worth"),
    [
        (Ttl(1, 1), 0, Standing.LIVE), (Ttl(1, 1), 1, Standing.LIVE), (Ttl(1, 1), 2, Standing.EXPIRED),
        (Ttl(2, 36), 36, Standing.LIVE), (Ttl(2, 36), 37, Standing.EXPIRED),
        (Ttl(365), 365 * 24, Standing.LIVE), (Ttl(365), 366 * 24, Standing.EXPIRED),
        (Ttl(8), 8 * 24, Standing.LIVE), (Ttl(8), 9 * 24, Standing.EXPIRED),
        (Ttl(NEVER_DAYS), 20_000 * 24, Standing.LIVE),
    ],
)  # fmt: skip
@given(hour=HOURS)
def test_S_140_the_last_hour_counts_and_the_next_does_not(
    ttl: Ttl, unused_hours: int, worth: Standing, hour: int
) -> None:
    at = TODAY * 24 + hour
    day, used_hour = divmod(at - unused_hours, 24)
    mapping = used(day, used_hour if ttl.hours is not None else None)
    assert standing(aging(ttl), mapping, to(US), TODAY, (), hour) is worth
    answer = bound(decide(ask(), aging(ttl), mapping, {}, TODAY, hour=hour))
    assert (answer.cause == "expired") is (worth is Standing.EXPIRED)


@given(HOURS, HOURS)
def test_S_140_a_use_is_written_once_an_hour_where_hours_count(hour: int, then: int) -> None:
    hourly, daily = aging(Ttl(30, 720)), aging(Ttl(30))
    answer = bound(decide(ask(), hourly, used(TODAY, then), {}, TODAY, hour=hour))
    assert answer.change is (Change.REFRESH if then < hour else None), "and it never goes back"
    assert bound(decide(ask(), daily, used(TODAY, then), {}, TODAY, hour=hour)).change is None
    assert bound(decide(ask(), daily, used(TODAY - 1, then), {}, TODAY, hour=hour)).change is Change.REFRESH


@given(HOURS)
def test_S_140_a_use_whose_hour_was_not_noted_was_at_the_end_of_its_day(hour: int) -> None:
    assert is_aged(Ttl(1, 1), TODAY - 1, None, TODAY, hour) is (hour > 0)
    assert hours_since(TODAY, None, TODAY, hour) <= 0
    assert is_use_due(Ttl(1, 1), TODAY, None, TODAY, hour)


@given(st.none() | HOURS, st.sampled_from(Pin), st.sampled_from(Origin), st.booleans())
def test_the_hour_of_last_use_is_in_the_flags_beside_all_else(
    hour: int | None, pin: Pin, origin: Origin, established: bool
) -> None:
    flags = flags_of(pin, origin, established=established) | hour_bits(hour)
    assert (hour_of(flags), pin_of(flags), origin_of(flags), bool(flags & ESTABLISHED)) == (
        hour,
        pin,
        origin,
        established,
    )
    assert flags < 1 << 15, "a smallint"
