"""How all carriers are, as operators see them: each with its lanes, what they have told, and what waits for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from limpet.core.routing import UNSEEN_AFTER, Mode, Wish, carrier_of
from limpet.store.carriers import Carriers, LaneView, Waiting
from limpet.store.database import Database

UNSEEN = "nobody runs it"


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane as it is shown. Times are ISO 8601, rates those of the last minute."""

    lane: str
    state: str
    since: str | None
    owner: str | None
    in_flight: int
    window_size: int
    waiting: int
    oldest_waiting: str | None
    submits_per_s: float
    receipts_per_s: float
    throttles: int
    last_error: str | None
    last_error_at: str | None


@dataclass(frozen=True, slots=True)
class CarrierState:
    """A carrier with its lanes; `mode` is what operators want."""

    name: str
    mode: str
    mode_since: str | None
    lanes: tuple[LaneState, ...]

    @property
    def bound(self) -> int:
        """How many of its lanes are bound."""
        return sum(lane.state == "bound" for lane in self.lanes)

    def total(self, what: str) -> float:
        """The sum of a number of its lanes, such as `waiting`."""
        return float(sum(getattr(lane, what) for lane in self.lanes))


async def carrier_states(database: Database, configured: Collection[str], now: datetime) -> list[CarrierState]:
    """All carriers: the configured ones, and those that somebody runs or wants something of, in order of their names."""
    store = Carriers(database)
    lanes, wishes = await store.lanes(), await store.wishes()
    names = sorted({*configured, *map(carrier_of, lanes), *wishes})
    waiting = await store.waiting([*lanes, *(f"{name}/0" for name in names)])
    return [
        _state(name, {n: v for n, v in lanes.items() if carrier_of(n) == name}, wishes.get(name), waiting, now)
        for name in names
    ]


def _state(
    name: str, lanes: Mapping[str, LaneView], wish: Wish | None, waiting: Mapping[str, Waiting], now: datetime
) -> CarrierState:
    shown = tuple(_lane(lane, view, waiting.get(lane), now) for lane, view in lanes.items())
    mode = Mode.ACTIVE if wish is None else wish.mode
    return CarrierState(name, str(mode), _time(wish.changed_at if wish else None), shown)


def _lane(name: str, view: LaneView, waiting: Waiting | None, now: datetime) -> LaneState:
    report, pulse = view.report, view.pulse
    unseen = now - pulse.seen_at > UNSEEN_AFTER
    return LaneState(
        name, UNSEEN if unseen else "bound" if pulse.bound else "down", _time(pulse.seen_at if unseen else pulse.since),
        None if unseen else view.owner, report.in_flight, report.window_size, waiting.messages if waiting else 0,
        _time(waiting.oldest if waiting else None), round(report.submits_per_s, 2), round(report.receipts_per_s, 2),
        report.throttles, report.last_error, _time(report.last_error_at),
    )  # fmt: skip


def _time(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
