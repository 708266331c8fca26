"""The first page: how everything is at a glance, and the plots; the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response

from limpet.flow import registration_orders as orders
from limpet.pages.console.carriers import states
from limpet.pages.console.desk import Desk
from limpet.pages.console.visit import Visit
from limpet.store.console import Minute

SPANS: Final = {"1h": timedelta(hours=1), "6h": timedelta(hours=6), "24h": timedelta(hours=24), "3d": timedelta(days=3)}
POINTS_MAX: Final = 360
"""Of a plot; longer spans have a point for several minutes."""
ROWS_SHOWN: Final = 12


async def show(desk: Desk, visit: Visit) -> Response:
    """GET /console."""
    span = visit.ask.asked("span") if visit.ask.asked("span") in SPANS else "1h"
    minutes = await desk.minutes.since(visit.deps.clock.now() - SPANS[span])
    owed, carriers = await desk.minutes.owed(), await states(visit)
    return visit.html(
        "overview.html", carriers=carriers, lanes=sum(len(one.lanes) for one in carriers),
        submits=sum(one.total("submits_per_s") for one in carriers), waiting=int(sum(one.total("waiting") for one in carriers)),
         span=span, spans=list(SPANS), rows=list(reversed(minutes))[:ROWS_SHOWN],
        owed=sum(one.owed for one in owed), failing=sum(one.failing for one in owed),
        open_jobs=await orders.listed(visit.deps.database, refused_too=False), rate=delivery_rate,
    )  # fmt: skip


async def series(desk: Desk, visit: Visit) -> Response:
    """GET /console/series.json: what the plots show of a `span`; times are seconds of the epoch, null is not known."""
    span = SPANS.get(visit.ask.asked("span"), SPANS["1h"])
    found = await desk.minutes.since(visit.deps.clock.now() - span)
    return visit.ask.value(told(found))


def told(minutes: Sequence[Minute]) -> dict[str, list[Any]]:
    """Minutes as columns, at most POINTS_MAX of them: of several minutes the last is told."""
    step = -(-len(minutes) // POINTS_MAX) or 1
    kept = list(reversed(list(reversed(minutes))[::step]))
    percentiles = [one.latency_ms or (None, None, None) for one in kept]
    return {
        "at": [int(one.minute.timestamp()) for one in kept],
        "submits": [one.submits_per_s for one in kept],
        "receipts": [one.receipts_per_s for one in kept],
        "waiting": [one.waiting for one in kept],
        "callbacks": [one.callbacks for one in kept],
        "delivered": [delivery_rate(one) for one in kept],
        "p50": [three[0] for three in percentiles],
        "p95": [three[1] for three in percentiles],
        "p99": [three[2] for three in percentiles],
    }


def delivery_rate(minute: Minute) -> float | None:
    """The percentage of messages that arrived, of those of which it is known; None where it is of none."""
    known = minute.delivered + minute.failed
    return round(100 * minute.delivered / known, 1) if known else None
