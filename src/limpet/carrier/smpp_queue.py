"""What a lane has taken and the carrier has not yet answered: who goes next, how many at once, and what became of each.

No input or output, no clock: `now` is monotonic seconds. Two orders are kept, because receipts are matched by them: at
most one message per recipient is on its way, and a message's segments go one after the other. So each message has at most
one PDU in flight, and a window of PDUs is a window of messages. It refuses to know bytes, sequences' meaning and binds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from limpet.carrier.port import Refused, Result, Retry, Submission, Submitted, Unanswered, Unsent
from limpet.carrier.smpp_codes import NO_CODES
from limpet.carrier.smpp_values import refusal, unsendable
from limpet.core.allowance import Allowance
from limpet.smpp.status import Outcome, Status, meaning

RATE_BURST_S = 0.1
"""A lane with a rate may send a tenth of a second's worth at once, and no more: carriers count in short intervals."""
RESENDS_MAX = 60
"""So often is one message offered again because the carrier throttles; then whoever submitted it decides anew."""


@dataclass(slots=True)
class Outgoing:
    """One message on its way: which segment is next, and the ids of those before it."""

    submission: Submission
    ids: list[str] = field(default_factory=list)
    resends: int = 0

    @property
    def index(self) -> int:
        """The segment that is next, or in flight."""
        return len(self.ids)


class SendQueue:
    """Messages between `offer` and their one result."""

    def __init__(
        self, window_size_max: int, throttle_pause_s: float, segments_per_s: float | None = None,
        error_codes: Mapping[int, int] = NO_CODES.submit,
    ) -> None:  # fmt: skip
        """`error_codes` are Twilio's for the carrier's own statuses."""
        self._rate = None if segments_per_s is None else Allowance(segments_per_s, segments_per_s * RATE_BURST_S)
        self._error_codes = error_codes
        self._window_size_max = window_size_max
        self._throttle_pause_s = throttle_pause_s
        self._again: deque[Outgoing] = deque()
        self._ready: deque[Outgoing] = deque()
        self._flying: dict[int, Outgoing] = {}
        self._lines: dict[str, deque[Outgoing]] = {}
        self.throttles = 0
        """Answers by which the carrier said that it is too much."""
        self._reset()

    def _reset(self) -> None:
        self._window = self._window_size_max
        self._taken = 0
        self._held = 0
        self._paused_until = 0.0

    @property
    def held(self) -> int:
        """Messages without a result, waiting or in flight."""
        return self._held

    @property
    def window(self) -> int:
        """How many PDUs may be in flight: halved when the carrier throttles, one more for each full window it takes."""
        return self._window

    @property
    def room(self) -> int:
        """How many more messages could be on their way at once."""
        return max(0, self._window - self._held)

    @property
    def paused_until(self) -> float:
        """The second until which the carrier is left alone."""
        return self._paused_until

    def wake_at(self, now: float) -> float | None:
        """When something that waits now may go, though no answer comes: the end of a pause, or the rate's next place. None where
        nothing waits, or only for an answer."""
        if not (self._again or self._ready) or len(self._flying) >= self._window:
            return self._paused_until if now < self._paused_until else None
        rated = now if self._rate is None else now + self._rate.wait_s(now)
        at = max(self._paused_until, rated)
        return at if at > now else None

    def offer(self, submission: Submission) -> None:
        """Take a message. It waits behind those to the same recipient."""
        outgoing = Outgoing(submission)
        self._held += 1
        line = self._lines.get(submission.recipient)
        if line is None:
            self._lines[submission.recipient] = deque()
            self._ready.append(outgoing)
        else:
            line.append(outgoing)

    def next(self, now: float) -> Outgoing | None:
        """The message whose next segment may go now: begun ones first. The answer is `sent` or `reject`."""
        if now < self._paused_until or len(self._flying) >= self._window:
            return None
        source = self._again or self._ready
        if not source or (self._rate is not None and not self._rate.take(now)):
            return None
        return source.popleft()

    def sent(self, sequence: int, outgoing: Outgoing) -> None:
        """Its segment is on the wire under this sequence."""
        self._flying[sequence] = outgoing

    def reject(self, outgoing: Outgoing, why: str) -> Sequence[Result]:
        """Its segment cannot be written."""
        return self._finish(outgoing, unsendable(outgoing.submission, why))

    def answered(self, sequence: int, status: int, message_id: str, now: float) -> Sequence[Result]:
        """The carrier's answer to a segment: the message goes on, or has its result, or is offered again."""
        outgoing = self._flying.pop(sequence, None)
        if outgoing is None:
            return ()
        if status == Status.ROK:
            return self._take(outgoing, message_id)
        if meaning(status).outcome is Outcome.THROTTLED:
            return self._throttle(outgoing, status, now)
        return self._finish(outgoing, refusal(outgoing.submission, status, self._error_codes))

    def unreadable(self, sequence: int) -> Sequence[Result]:
        """The carrier's answer to a segment cannot be read."""
        outgoing = self._flying.pop(sequence, None)
        return self._finish(outgoing, _unanswered(outgoing)) if outgoing else ()

    def release(self) -> list[Result]:
        """Give back what has not begun: the lane stops. Begun messages go on."""
        idle = [outgoing for outgoing in (*self._again, *self._ready) if not outgoing.ids]
        for outgoing in idle:
            self._lines[outgoing.submission.recipient].appendleft(outgoing)
        results: list[Result] = [_unsent(outgoing) for line in self._lines.values() for outgoing in line]
        self._again = deque(outgoing for outgoing in self._again if outgoing.ids)
        self._ready.clear()
        self._lines = {outgoing.submission.recipient: deque() for outgoing in (*self._again, *self._flying.values())}
        self._held -= len(results)
        return results

    def drop(self) -> list[Result]:
        """The connection is gone: in doubt is what had left without all of its answers, the rest is unsent."""
        unsent = self.release()
        in_doubt = [_unanswered(outgoing) for outgoing in (*self._flying.values(), *self._again)]
        self._flying.clear()
        self._again.clear()
        self._lines.clear()
        self._reset()
        return [*in_doubt, *unsent]

    def _take(self, outgoing: Outgoing, message_id: str) -> Sequence[Result]:
        outgoing.ids.append(message_id)
        self._widen()
        submission = outgoing.submission
        if len(outgoing.ids) < submission.content.count:
            self._again.append(outgoing)
            return ()
        return self._finish(outgoing, Submitted(submission.key, submission.attempt, tuple(outgoing.ids)))

    def _widen(self) -> None:
        self._taken += 1
        if self._taken >= self._window:
            self._taken = 0
            self._window = min(self._window + 1, self._window_size_max)

    def _throttle(self, outgoing: Outgoing, status: int, now: float) -> Sequence[Result]:
        """Not an attempt. All that the carrier throttles within one pause counts once."""
        self.throttles += 1
        if now >= self._paused_until:
            self._window = max(1, self._window // 2)
            self._taken = 0
            self._paused_until = now + self._throttle_pause_s
        outgoing.resends += 1
        if outgoing.resends > RESENDS_MAX:
            return self._finish(outgoing, refusal(outgoing.submission, status, self._error_codes))
        self._again.append(outgoing)
        return ()

    def _finish(self, outgoing: Outgoing, result: Result) -> Sequence[Result]:
        """Give the result, and let the recipient's next message go.

        Behind one that will be tried again or is in doubt the others are given back, or they would overtake it.
        """
        self._held -= 1
        line = self._lines.pop(outgoing.submission.recipient)
        if not line:
            return (result,)
        if isinstance(result, Submitted) or (isinstance(result, Refused) and result.retry is Retry.NEVER):
            self._ready.append(line.popleft())
            self._lines[outgoing.submission.recipient] = line
            return (result,)
        self._held -= len(line)
        return (result, *map(_unsent, line))


def _unanswered(outgoing: Outgoing) -> Unanswered:
    count = outgoing.submission.content.count
    ids = (*outgoing.ids, *("",) * (count - len(outgoing.ids))) if count > 1 else ()
    return Unanswered(outgoing.submission.key, outgoing.submission.attempt, ids)


def _unsent(outgoing: Outgoing) -> Unsent:
    return Unsent(outgoing.submission.key, outgoing.submission.attempt)
