"""A person's phone in a test: what it got, and what the person writes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from limpet.testing.door import Door, LimpetError
from limpet.testing.messages import Message, Text, asked_for, in_words, is_it, not_come

LOOK_EVERY_S = 0.02
WITHIN_S = 5.0
QUIET_S = 0.2

Look = Callable[[], list[Message]]
"""All messages that there are, the oldest first."""


def looks(look: Look, within_s: float) -> Iterator[list[Message]]:
    """What is there, again and again until the time is over; at least twice."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        yield look()
        time.sleep(LOOK_EVERY_S)
    yield look()


class Phone:
    """One phone. A message that was expected once is not found again, so that each `expect` is about another one."""

    def __init__(self, number: str, door: Door, look: Look) -> None:
        self.number = number
        self._door = door
        self._look = look
        self._expected: set[str] = set()

    def __repr__(self) -> str:
        """As a failing assertion shows it."""
        return f"Phone({self.number!r})"

    @property
    def messages(self) -> list[Message]:
        """All messages to this person and from them, in order, whatever became of them."""
        return [message for message in self._look() if self.number in (message.to, message.from_)]

    def expect(
        self, text: Text = None, *, within: float = WITHIN_S, from_: str | None = None, media: int | None = None
    ) -> Message:
        """Wait until the phone has such a message, and answer it; AssertionError, with what came instead, when it does not.

        `text` is the whole text, a compiled expression to be found in it, or a function; `from_` is the number that it is to come
        from; `media` how many media it is to have. A message that cannot arrive any more ends the wait at once.
        """
        __tracebackhide__ = True
        seen: list[Message] = []
        for seen in looks(lambda: self.messages, within):
            for message in self._new(seen):
                found = _fits(message, text, from_, media)
                if found and message.has_missed:
                    raise AssertionError(_missed(self.number, text, message))
                if found and message.has_arrived:
                    self._expected.add(message.sid)
                    return replace(message, match=None if isinstance(found, bool) else found)
        raise AssertionError(not_come(self.number, text, within, self._new(seen), len(self._expected)))

    def expect_nothing(self, within: float = QUIET_S) -> None:
        """Wait so long, and see that nothing comes that was not expected already; AssertionError with what came."""
        __tracebackhide__ = True
        for seen in looks(lambda: self.messages, within):
            if came := [message for message in self._new(seen) if message.has_arrived]:
                raise AssertionError(f"{self.number} was to get nothing, and got:\n{in_words(came)}")

    def reply(self, text: str = "", *, to: str | None = None, media: Sequence[str] = ()) -> Message:
        """Let the person write, to the number that they heard from last or to `to`, and wait until it has been received."""
        before = {message.sid for message in self.messages}
        form: dict[str, str | list[str]] = {"From": self.number, "Body": text, "MediaUrl": list(media)}
        said = self._door.post("/phones/inbound", form if to is None else {**form, "To": to})
        for seen in looks(lambda: self.messages, WITHIN_S):
            for message in seen:
                if message.is_from_phone and message.sid not in before and message.to == said["to"]:
                    return message
        raise LimpetError(f"What {self.number} wrote to {said['to']} was not received: its inbound messages are off.")

    def forget(self) -> None:
        """Expect from the beginning: the server has begun anew."""
        self._expected.clear()

    def _new(self, seen: Sequence[Message]) -> list[Message]:
        """Those to this person that were not expected yet."""
        return [message for message in seen if not message.is_from_phone and message.sid not in self._expected]


def _fits(message: Message, text: Text, from_: str | None, media: int | None) -> re.Match[str] | bool:
    if from_ not in (None, message.from_) or media not in (None, len(message.media)):
        return False
    return is_it(text, message.body)


def _missed(person: str, text: Text, message: Message) -> str:
    return f"{person} will not get {asked_for(text)}:\n{in_words([message])}"
