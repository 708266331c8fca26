"""How a lane is doing, as the process that runs it sees it: for operators, and for whoever must send elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from limpet.carrier.port import Delivery, Receipt
from limpet.core.meter import Meter

ERROR_LENGTH_MAX = 200


@dataclass(slots=True)
class Vitals:
    """Counters of one lane. `changed` says that something is to be told at once."""

    submits: Meter = field(default_factory=lambda: Meter(0.0))
    receipts: Meter = field(default_factory=lambda: Meter(0.0))
    last_error: str | None = None
    last_error_at: datetime | None = None
    bound: bool | None = None
    """As it was last told."""

    def heard(self, deliveries: Sequence[Delivery], now_s: float) -> None:
        """Receipts among what the carrier delivered."""
        self.receipts.add(sum(isinstance(each, Receipt) for each in deliveries), now_s)

    def failed(self, why: str, at: datetime) -> None:
        """The lane was lost, or the carrier refused a message: the last of it is kept."""
        self.last_error, self.last_error_at = why[:ERROR_LENGTH_MAX], at
