"""Which carrier a message takes: rules S-74 to S-77, as tables."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limpet.core.meter import Meter
from limpet.core.routing import UNSEEN_AFTER, Mode, Patience, Pulse, Route, Routes, Wish, closed_lanes
from tests.support.clock import NOW

ROUTES = Routes(
    [Route("+44", "uk"), Route("+447", "mobile"), Route("+44", "german", "DE"), Route("+1", "america")],
    {"uk": ("second", "third"), "second": ()},
)
PATIENCE = Patience(timedelta(seconds=30), timedelta(seconds=10))
LANE = "up/0"


@pytest.mark.parametrize(
    ("recipient", "country", "carrier"),
    [
        ("+442079460000", "US", "uk"),
        ("+447700900199", "US", "mobile"),
        ("+442079460000", "DE", "german"),
        ("+447700900199", "DE", "mobile"),
        ("+14155550100", "", "america"),
        ("+4", "US", None),
        ("+33123456789", "US", None),
        ("whatsapp:+447700900199", "US", None),
    ],
)
def test_S_74_the_longest_prefix_wins_and_then_the_senders_country(
    recipient: str, country: str, carrier: str | None
) -> None:
    assert ROUTES.carrier(recipient, country) == carrier


def test_S_75_a_senders_own_list_comes_before_its_carriers() -> None:
    assert ROUTES.others("uk", None) == ("second", "third")
    assert ROUTES.others("uk", ("fourth",)) == ("fourth",)
    assert ROUTES.others("uk", ()) == ()
    assert ROUTES.others("unknown", None) == ()
    assert ROUTES.substitutes == {"second", "third"}


def test_without_routes_nothing_is_asked() -> None:
    assert not Routes((), {"uk": ("second",)})
    assert ROUTES


def ago(seconds: float) -> object:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("bound", "since", "seen", "before", "closed"),
    [
        (True, 0, 0, False, False),
        (False, 0, 0, False, False),
        (False, 29.9, 0, False, False),
        (False, 30, 0, False, True),
        (False, 1, 0, True, True),  # down again before it was given anything back
        (True, 9.9, 0, True, True),
        (True, 10, 0, True, False),
        (True, 100, UNSEEN_AFTER.total_seconds(), False, False),
        (True, 100, 29.9, False, False),  # nobody tells of it, but not for long enough
        (True, 100, 30, False, True),
    ],
)
def test_S_75_S_76_a_lane_closes_and_opens_with_patience(
    bound: bool, since: float, seen: float, before: bool, closed: bool
) -> None:
    pulse = Pulse(bound, ago(since), ago(seen))  # type: ignore[arg-type]
    found = closed_lanes([LANE], {LANE: pulse}, {}, [LANE] if before else [], PATIENCE, NOW)
    assert found == ({LANE} if closed else set())


@pytest.mark.parametrize("mode", [Mode.PAUSED, Mode.DRAINING])
def test_S_77_a_wish_closes_every_lane_of_its_carrier_at_once(mode: Mode) -> None:
    pulse = Pulse(True, NOW, NOW)
    lanes = ["up/0", "up/1", "upper/0"]
    found = closed_lanes(lanes, dict.fromkeys(lanes, pulse), {"up": Wish(mode, NOW)}, [], PATIENCE, NOW)
    assert found == {"up/0", "up/1"}


def test_a_lane_that_nobody_has_told_of_is_open() -> None:
    assert closed_lanes([LANE], {}, {}, [], PATIENCE, NOW) == frozenset()


def test_a_rate_is_an_average_of_the_last_minute() -> None:
    meter = Meter(0.0)
    for second in range(600, 720):
        meter.add(5, float(second))
    assert meter.per_s(720.0) == pytest.approx(5.0)
    assert meter.per_s(750.0) == pytest.approx(2.5)
    assert meter.per_s(900.0) == 0.0
