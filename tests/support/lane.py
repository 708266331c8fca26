"""A carrier's lane that a test plays by hand: it keeps what it was given and answers when told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from limpet.carrier.port import (
    Inbound,
    Listener,
    MessageKey,
    Receipt,
    ReceiptState,
    Refused,
    Result,
    Retry,
    Submission,
    Submitted,
    Unanswered,
    Unsent,
)


@dataclass
class HandLane:
    """Implements `limpet.carrier.port.Lane`. `window` is how many messages may be unanswered."""

    name: str = "hand/0"
    window: int = 100
    bound: bool = True
    mms: bool = False
    listener: Listener | None = None
    submitted: list[Submission] = field(default_factory=list)
    open: dict[MessageKey, Submission] = field(default_factory=dict)
    acknowledged: list[int] = field(default_factory=list)
    declined: list[int] = field(default_factory=list)
    started: int = 0
    _next: int = 1000

    @property
    def room(self) -> int:
        return max(0, self.window - len(self.open)) if self.bound else 0

    def submit(self, submissions: Sequence[Submission]) -> None:
        assert len(submissions) <= self.room, "more than there was room for"
        for submission in submissions:
            assert submission.key not in self.open, "the same message twice at once"
            self.open[submission.key] = submission
            self.submitted.append(submission)

    def acknowledge(self, tokens: Sequence[int]) -> None:
        self.acknowledged += tokens

    def decline(self, tokens: Sequence[int]) -> None:
        self.declined += tokens

    async def start(self) -> None:
        self.started += 1

    async def stop(self, grace_s: float) -> None:
        for submission in list(self.open.values()):
            self.answer(Unanswered(submission.key, submission.attempt))

    # ── the test's hand ──

    def answer(self, *results: Result) -> None:
        for result in results:
            self.open.pop(result.key)
        assert self.listener is not None
        self.listener.on_results(self.name, results)
        self.listener.on_room(self.name)

    def take(self, submission: Submission, *ids: str) -> tuple[str, ...]:
        """Answer that the carrier took a message; the ids it gave."""
        if not ids:
            ids = tuple(str(self._next + n) for n in range(submission.content.count))
            self._next += len(ids)
        self.answer(Submitted(submission.key, submission.attempt, ids))
        return ids

    def refuse(self, submission: Submission, retry: Retry = Retry.NEVER, code: int = 30008) -> None:
        self.answer(Refused(submission.key, submission.attempt, code, retry, "a test's refusal"))

    def lose(self, *submissions: Submission, written: bool = True) -> None:
        kind = Unanswered if written else Unsent
        self.answer(*(kind(s.key, s.attempt) for s in submissions))

    def tell(self, *deliveries: Receipt | Inbound) -> None:
        assert self.listener is not None
        self.listener.on_deliveries(self.name, deliveries)


def receipt(
    submission: Submission, carrier_message_id: str | None, state: ReceiptState = ReceiptState.DELIVERED, *, token: int = 1,
    error_code: int | None = None, reference: int | None = None, **times: object,
) -> Receipt:  # fmt: skip
    """A receipt for a submission."""
    return Receipt(
        token, submission.sender, submission.recipient, carrier_message_id, state, error_code, reference,
        times.get("submitted_at"), times.get("done_at"),  # type: ignore[arg-type]
    )  # fmt: skip
