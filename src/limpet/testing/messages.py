"""A message as a test sees it, and how a list of them is put into words for whoever reads why a test failed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ARRIVED = frozenset({"sent", "delivered", "read"})
"""The states of a message that a phone has."""
UNDERWAY = frozenset({"accepted", "queued", "sending", "sent"})
MISSED = frozenset({"failed", "undelivered", "canceled"})
SHOWN_MAX = 20
"""So many messages are put into words, the newest."""
BODY_SHOWN_MAX = 300

Text = str | re.Pattern[str] | Callable[[str], object] | None
"""What a text must be: this one, one in which the expression is found, or one for which the function is true."""


@dataclass(frozen=True)
class Message:
    """A message from or to a phone. `codes` are one-time codes in its text; `reason` says why it came from its number."""

    sid: str
    from_: str | None
    to: str
    body: str
    media: tuple[str, ...]
    status: str
    direction: str
    segments: int
    error_code: int | None
    error_message: str | None
    codes: tuple[str, ...]
    reason: str | None
    match: re.Match[str] | None = None
    """Where the expression was found by which it was expected."""

    @property
    def is_from_phone(self) -> bool:
        """Whether the person wrote it."""
        return self.direction == "inbound"

    @property
    def has_arrived(self) -> bool:
        """Whether the person got it."""
        return not self.is_from_phone and self.status in ARRIVED

    @property
    def has_missed(self) -> bool:
        """Whether the person will never get it."""
        return not self.is_from_phone and self.status in MISSED


def read_message(value: Mapping[str, Any]) -> Message:
    """A message of `GET /phones/messages.json`."""
    return Message(
        value["sid"], value["from"], value["to"], value["body"], tuple(value["media"]), value["status"],
        value["direction"], value["segments"], value["error_code"], value["error_message"], tuple(value["codes"]),
        value["reason"],
    )  # fmt: skip


def is_it(text: Text, body: str) -> re.Match[str] | bool:
    """Whether a body is what a test expects; where the expression was found, when it is one."""
    if text is None:
        return True
    if isinstance(text, str):
        return body == text
    if isinstance(text, re.Pattern):
        return text.search(body) or False
    return bool(text(body))


def asked_for(text: Text) -> str:
    """What a test expects, in words."""
    if text is None:
        return "a text"
    if isinstance(text, str):
        return f"the text {text!r}"
    if isinstance(text, re.Pattern):
        return f"a text with /{text.pattern}/"
    return f"a text for which {getattr(text, '__name__', 'the function')} is true"


def in_words(messages: Sequence[Message]) -> str:
    """Messages, one a line: who to whom, what became of it, its text."""
    lines = [_line(message) for message in messages[-SHOWN_MAX:]]
    left_out = len(messages) - len(lines)
    return "\n".join([*([f"  … {left_out} before these"] if left_out else []), *lines])


def _line(message: Message) -> str:
    body = message.body if len(message.body) <= BODY_SHOWN_MAX else message.body[:BODY_SHOWN_MAX] + "…"
    error = f" {message.error_code} ({message.error_message})" if message.error_code else ""
    media = f" with {', '.join(message.media)}" if message.media else ""
    return f"  {message.from_ or '(no number)'} → {message.to}  {message.status}{error}  {body!r}{media}"


def not_come(person: str, text: Text, within_s: float, new: Sequence[Message], before: int) -> str:
    """Why an expectation was not met: which messages came or did not that are `new`, beside the `before` that were expected."""
    parts = [f"{person} did not get {asked_for(text)} within {within_s:g} s."]
    more = " more" if before else ""
    if got := [message for message in new if message.has_arrived]:
        parts += ["It got:", in_words(got)]
    else:
        parts += [f"It got nothing{more}."]
    if missed := [message for message in new if not message.has_arrived]:
        parts += ["This has not arrived:", in_words(missed)]
    if before:
        parts += [f"({before} expected before {'is' if before == 1 else 'are'} not counted.)"]
    return "\n".join(parts)
