"""What one process has done, counted where batches are: how many messages, receipts and callbacks, and what came of them.

Labels are bounded: lanes of the configuration, statuses, classes of Twilio's codes. No person and no customer is one.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from limpet.carrier.port import Delivery, Receipt
from limpet.core.routing import carrier_of
from limpet.flow.tried import Tried
from limpet.metrics import SECONDS, SIZES, Counter, Family, Histogram, counter
from limpet.webhook import PostFailed

if TYPE_CHECKING:
    from limpet.flow.draft import Draft
    from limpet.flow.owed import Told
    from limpet.store.messages import MessageRow

RESET = ("reset",)
"""How a mapping that was reset by hand is counted."""
NONE = "none"
"""Stands for a lane that is not chosen yet, and for the code of what did not fail."""


def code_class(code: int | None) -> str:
    """The hundred that one of Twilio's codes belongs to: `300xx`, `216xx`; `none` without one."""
    return NONE if code is None else f"{code // 100}xx"


@dataclass(slots=True)
class Counts:
    """Counters of one process. What is counted in a transaction is counted after its commit."""

    accepted: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)
    changes: Counter = field(default_factory=Counter)
    sticky: Counter = field(default_factory=Counter)
    deliveries: Counter = field(default_factory=Counter)
    receipts: Counter = field(default_factory=Counter)
    callbacks: Counter = field(default_factory=Counter)
    requests: Counter = field(default_factory=Counter)
    batches: dict[str, Histogram] = field(default_factory=dict)
    request_s: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    transaction_s: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    lag_s: Histogram = field(default_factory=lambda: Histogram(SECONDS))

    def batch(self, of: str, size: int) -> None:
        """A batch of so many was written."""
        if (found := self.batches.get(of)) is None:
            found = self.batches[of] = Histogram(SIZES)
        found.observe(size)

    def drafts(self, drafts: Sequence[Draft]) -> None:
        """A batch of requests for messages was answered."""
        self.batch("accept", len(drafts))
        made = [draft for draft in drafts if draft.repeats is None]
        rows = [draft.row for draft in made if draft.row is not None and draft.rejected is None]
        _add(self.accepted, [(row.lane or NONE,) for row in rows])
        if len(rows) < len(made):
            _add(self.refused, [(code_class(draft.rejected.code),) for draft in made if draft.rejected is not None])
        self.bound(rows)

    def bound(self, rows: Iterable[MessageRow]) -> None:
        """Messages have got their senders, or came to none."""
        _add(self.sticky, [(row.sticky,) for row in rows if row.sticky is not None])

    def told(self, told: Sequence[Told]) -> None:
        """Messages have changed."""
        _add(self.changes, [(one.status, one.message.lane or NONE, code_class(one.error_code)) for one in told])

    def heard(self, lane: str, deliveries: Sequence[Delivery]) -> None:
        """A carrier has brought these."""
        receipts = sum(isinstance(each, Receipt) for each in deliveries)
        if receipts:
            self.deliveries.add((lane, "receipt"), receipts)
        if receipts < len(deliveries):
            self.deliveries.add((lane, "text"), len(deliveries) - receipts)

    def receipts_written(self, lanes: Sequence[str], kept: Sequence[str]) -> None:
        """Receipts of these lanes are written; those of `kept` are of no message that is known."""
        self.batch("receipts", len(lanes))
        left = Tally(kept)
        for lane, count in left.items():
            self.receipts.add((carrier_of(lane), "kept"), count)
        for lane, count in (Tally(lanes) - left).items():
            self.receipts.add((carrier_of(lane), "matched"), count)

    def tried(self, tried: Sequence[Tried]) -> None:
        """Callbacks were tried."""
        self.batch("callbacks", len(tried))
        _add(self.callbacks, (_outcome(one) for one in tried if one.outcome is not None))

    def request(self, status: int, took_s: float) -> None:
        """A request was answered."""
        self.requests.add((f"{status // 100}xx",))
        self.request_s.observe(took_s)

    def families(self) -> list[Family]:
        """All of it."""
        return [
            counter("limpet_messages_accepted_total", "Messages taken.", ("lane",), self.accepted),
            counter("limpet_messages_refused_total", "Messages not taken, by the class of the code.", ("code",), self.refused),
            counter(
                "limpet_messages_total",
                "Changes of messages: sent, delivered, failed and so on, by the class of the error's code.",
                ("status", "lane", "code"), self.changes,
            ),
            counter("limpet_sticky_total", "What mappings had to do with messages that got a sender.", ("outcome",), self.sticky),
            counter("limpet_deliveries_total", "What carriers brought: receipts and texts.", ("lane", "kind"), self.deliveries),
            counter(
                "limpet_receipts_total", "Receipts written: of a known message, or kept until it is known.",
                ("carrier", "outcome"), self.receipts,
            ),
            counter(
                "limpet_callback_tries_total", "Requests to customers' URLs: taken, to be repeated, or given up.",
                ("kind", "outcome", "cause"), self.callbacks,
            ),
            counter("limpet_http_requests_total", "Requests answered, by the class of the status.", ("status",), self.requests),
            _histogram("limpet_http_request_seconds", "How long requests took.", self.request_s),
            _histogram("limpet_transaction_seconds", "How long transactions took, with the wait.", self.transaction_s),
            _histogram("limpet_event_loop_lag_seconds", "How late a timer was.", self.lag_s),
            Family(
                "limpet_batch_size", "histogram", "How many were written in one transaction.", ("of",),
                {(of,): found for of, found in self.batches.items()},
            ),
        ]  # fmt: skip


def _histogram(name: str, says: str, found: Histogram) -> Family:
    return Family(name, "histogram", says, (), {(): found})


def _add(into: Counter, found: Iterable[tuple[str, ...]]) -> None:
    """One more of each; there are many alike."""
    for labels, count in Tally(found).items():
        into.add(labels, count)


def _outcome(one: Tried) -> tuple[str, str, str]:
    kind = one.owed.kind
    if not isinstance(one.outcome, PostFailed):
        return kind, "taken", NONE
    return kind, "given_up" if one.later is None else "repeat", one.outcome.cause.name.lower()
