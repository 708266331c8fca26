"""What waits, what goes and what each message gets: the orders and the one result, with a hand's clock."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from limpet.carrier.port import MessageKey, Refused, Result, Retry, Submission, Submitted, Unanswered, Unsent
from limpet.carrier.smpp_queue import RESENDS_MAX, Outgoing, SendQueue
from limpet.core.encoding import segment
from limpet.smpp.status import Status


def _message(number: int, recipient: str = "", segments: int = 1) -> Submission:
    content = segment("x" if segments == 1 else "x" * 153 * segments)
    assert content.count == segments
    return Submission(MessageKey(0, number), 1, "+1", recipient or f"+{number}", content, number)


class Wire:
    """A queue whose segments are sent at once, as long as it lets them go."""

    def __init__(self, window: int = 10) -> None:
        self.queue = SendQueue(window, throttle_pause_s=1.0)
        self.sequence = 0
        self.flying: dict[int, Outgoing] = {}
        self.now = 5.0

    def offer(self, *messages: Submission) -> None:
        for message in messages:
            self.queue.offer(message)
        self.pump()

    def pump(self) -> None:
        while outgoing := self.queue.next(self.now):
            self.sequence += 1
            self.queue.sent(self.sequence, outgoing)
            self.flying[self.sequence] = outgoing

    def answer(self, sequence: int, status: int = 0) -> list[Result]:
        del self.flying[sequence]
        results = list(self.queue.answered(sequence, status, f"id{sequence}", self.now))
        self.pump()
        return results

    @property
    def numbers(self) -> list[int]:
        return [outgoing.submission.key.id for outgoing in self.flying.values()]


def test_window_counts_what_flies_and_room_what_is_held() -> None:
    wire = Wire(3)
    assert wire.queue.room == 3
    wire.offer(*(_message(n) for n in range(5)))
    assert (wire.numbers, wire.queue.held, wire.queue.room) == ([0, 1, 2], 5, 0)
    assert wire.answer(2) == [Submitted(MessageKey(0, 1), 1, ("id2",))]
    assert wire.numbers == [0, 2, 3]
    assert (wire.queue.held, wire.queue.room) == (4, 0)


def test_one_recipient_hears_one_message_after_the_other() -> None:
    wire = Wire()
    wire.offer(_message(1, "+a"), _message(2, "+a"), _message(3, "+b"), _message(4, "+a"))
    assert wire.numbers == [1, 3]
    wire.answer(1)
    assert wire.numbers == [3, 2]
    wire.answer(3)
    assert wire.numbers == [3, 4]


def test_segments_go_one_after_the_other_before_newer_messages() -> None:
    wire = Wire(1)
    wire.offer(_message(1, segments=3), _message(2))
    assert wire.numbers == [1]
    assert wire.answer(1) == []
    assert wire.numbers == [1]
    assert wire.answer(2) == []
    assert wire.answer(3) == [Submitted(MessageKey(0, 1), 1, ("id1", "id2", "id3"))]
    assert wire.numbers == [2]


def test_refused_segment_refuses_the_message_and_the_rest_stays_here() -> None:
    wire = Wire()
    wire.offer(_message(1, segments=3))
    wire.answer(1)
    assert wire.answer(2, Status.RINVDSTADR) == [Refused(MessageKey(0, 1), 1, 30005, Retry.NEVER, "ESME_RINVDSTADR")]
    assert (wire.flying, wire.queue.held) == ({}, 0)


def test_behind_a_message_that_failed_for_good_the_next_goes() -> None:
    wire = Wire()
    wire.offer(_message(1, "+a"), _message(2, "+a"))
    wire.answer(1, Status.RINVDSTADR)
    assert wire.numbers == [2]


@pytest.mark.parametrize("status", [Status.RSYSERR, Status.RUNKNOWNERR])
def test_behind_a_message_that_is_tried_again_the_others_are_given_back(status: int) -> None:
    wire = Wire()
    wire.offer(_message(1, "+a"), _message(2, "+a"), _message(3, "+a"), _message(4))
    refused, *others = wire.answer(1, status)
    assert isinstance(refused, Refused)
    assert refused.retry is Retry.LATER
    assert others == [Unsent(MessageKey(0, 2), 1), Unsent(MessageKey(0, 3), 1)]
    assert wire.queue.held == 1


def test_answer_that_cannot_be_read_leaves_the_message_in_doubt() -> None:
    wire = Wire()
    wire.offer(_message(1, "+a"), _message(2, "+a"))
    assert list(wire.queue.unreadable(1)) == [Unanswered(MessageKey(0, 1), 1), Unsent(MessageKey(0, 2), 1)]
    assert list(wire.queue.unreadable(1)) == []
    assert wire.queue.held == 0


def test_message_that_cannot_be_written_fails_alone() -> None:
    queue = SendQueue(10, 1.0)
    queue.offer(_message(1, "+a"))
    queue.offer(_message(2, "+a"))
    outgoing = queue.next(0.0)
    assert outgoing
    assert list(queue.reject(outgoing, "why")) == [Refused(MessageKey(0, 1), 1, 30008, Retry.NEVER, "why")]
    following = queue.next(0.0)
    assert following
    assert following.submission.key.id == 2


@pytest.mark.parametrize("status", [Status.RTHROTTLED, Status.RMSGQFUL])
def test_throttled_segment_is_offered_again_after_the_pause(status: int) -> None:
    wire = Wire(8)
    wire.offer(*(_message(n) for n in range(1, 9)))
    assert wire.answer(1, status) == []
    assert wire.answer(2, status) == []
    assert (wire.queue.window, wire.queue.paused_until, wire.queue.held) == (4, 6.0, 8)
    for sequence in range(3, 9):
        wire.answer(sequence)
    assert wire.flying == {}
    wire.now = 5.99
    wire.pump()
    assert wire.flying == {}
    wire.now = 6.0
    wire.pump()
    assert wire.numbers == [1, 2]


def test_window_comes_back_slowly() -> None:
    wire = Wire(8)
    wire.offer(_message(0))
    wire.answer(1, Status.RTHROTTLED)
    wire.now = 6.0
    wire.pump()
    windows = []
    for number in range(1, 40):
        wire.answer(wire.sequence)
        windows.append(wire.queue.window)
        wire.offer(_message(number))
    assert windows[:4] == [4, 4, 4, 5]
    assert windows[7:9] == [5, 6]
    assert windows[-1] == 8


def test_window_never_shrinks_below_one() -> None:
    wire = Wire(2)
    wire.offer(_message(1))
    for _ in range(5):
        wire.answer(wire.sequence, Status.RTHROTTLED)
        wire.now += 1.0
        wire.pump()
    assert wire.queue.window == 1
    assert wire.numbers == [1]


def test_throttling_without_end_is_given_back() -> None:
    wire = Wire()
    wire.offer(_message(1))
    for _ in range(RESENDS_MAX):
        assert wire.answer(wire.sequence, Status.RTHROTTLED) == []
        wire.now += 1.0
        wire.pump()
    assert wire.answer(wire.sequence, Status.RTHROTTLED) == [
        Refused(MessageKey(0, 1), 1, 30001, Retry.SLOWER, "ESME_RTHROTTLED")
    ]


def test_lost_connection_parts_doubt_from_unsent() -> None:
    wire = Wire(3)
    wire.offer(_message(1), _message(2, segments=2), _message(3), _message(4), _message(5, "+1"))
    wire.answer(2)
    wire.answer(3, Status.RTHROTTLED)
    assert sorted(wire.numbers) == [1, 2]
    results = wire.queue.drop()
    assert sorted(result.key.id for result in results if isinstance(result, Unanswered)) == [1, 2]
    assert sorted(result.key.id for result in results if isinstance(result, Unsent)) == [3, 4, 5]
    assert (wire.queue.held, wire.queue.window, wire.queue.room) == (0, 3, 3)
    assert wire.queue.next(100.0) is None


def test_half_sent_message_between_two_segments_is_in_doubt() -> None:
    wire = Wire(2)
    wire.offer(_message(1, segments=2), _message(2))
    wire.answer(2, Status.RTHROTTLED)
    wire.answer(1)
    assert wire.flying == {}
    assert wire.queue.drop() == [Unanswered(MessageKey(0, 1), 1, ("id1", "")), Unsent(MessageKey(0, 2), 1)]


def test_release_gives_back_only_what_has_not_begun() -> None:
    wire = Wire(2)
    wire.offer(_message(1, segments=2), _message(2), _message(3), _message(4, "+1"))
    assert sorted(result.key.id for result in wire.queue.release()) == [3, 4]
    assert wire.queue.held == 2
    wire.answer(1)
    assert wire.answer(3) == [Submitted(MessageKey(0, 1), 1, ("id1", "id3"))]
    wire.answer(2)
    assert wire.queue.held == 0


class Histories(RuleBasedStateMachine):
    """Any history: each message gets one result, and the two orders hold."""

    def __init__(self) -> None:
        super().__init__()
        self.wire = Wire(4)
        self.offered: list[Submission] = []
        self.results: list[Result] = []
        self.went: dict[str, list[int]] = {}

    @rule(to=st.sampled_from("abc"), segments=st.sampled_from([1, 1, 2, 3]))
    def offer(self, to: str, segments: int) -> None:
        message = _message(len(self.offered), to, segments)
        self.offered.append(message)
        self.wire.offer(message)

    @precondition(lambda self: self.wire.flying)
    @rule(data=st.data(), status=st.sampled_from([0, 0, 0, 0x58, 0x0B, 0x08]))
    def answer(self, data: st.DataObject, status: int) -> None:
        self.results += self.wire.answer(data.draw(st.sampled_from(sorted(self.wire.flying))), status)

    @precondition(lambda self: self.wire.flying)
    @rule()
    def garble(self) -> None:
        sequence, _ = self.wire.flying.popitem()
        self.results += self.wire.queue.unreadable(sequence)
        self.wire.pump()

    @rule(seconds=st.sampled_from([0.5, 1.0]))
    def wait(self, seconds: float) -> None:
        self.wire.now += seconds
        self.wire.pump()

    @rule()
    def lose(self) -> None:
        self.results += self.wire.queue.drop()
        self.wire.flying.clear()

    @rule()
    def release(self) -> None:
        self.results += self.wire.queue.release()

    @invariant()
    def one_per_recipient(self) -> None:
        recipients = Counter(outgoing.submission.recipient for outgoing in self.wire.flying.values())
        assert all(number == 1 for number in recipients.values())

    @invariant()
    def window_holds(self) -> None:
        assert len(self.wire.flying) <= 4

    @invariant()
    def held_and_told_are_all(self) -> None:
        assert self.wire.queue.held + len(self.results) == len(self.offered)
        assert max(Counter(result.key for result in self.results).values(), default=1) == 1

    @invariant()
    def a_recipient_is_answered_in_order(self) -> None:
        recipients = {message.key: message.recipient for message in self.offered}
        taken = [result.key for result in self.results if isinstance(result, Submitted)]
        for recipient in "abc":
            numbers = [key.id for key in taken if recipients[key] == recipient]
            assert numbers == sorted(numbers)

    def teardown(self) -> None:
        self.results += self.wire.queue.drop()
        self.held_and_told_are_all()
        assert self.wire.queue.held == 0


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
