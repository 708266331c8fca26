"""A message as a bubble on a phone: which words say what became of it and why it comes from its number. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import phonenumbers

from limpet.core.encoding import segment
from limpet.core.errors import ERRORS
from limpet.core.media import Medium
from limpet.core.model import Direction, Message
from limpet.core.selection import Reason
from limpet.core.status import Status
from limpet.core.sticky import Outcome
from limpet.store.phones import Try

CODE: Final = re.compile(r"(?<![\w+#$€£.,:/=&?-])(\d{3}-\d{3}|\d{4,8})(?![\w-]|[.,:/]\d)")
"""A one-time code: 4 to 8 digits, or `123-456`, and no part of a number, price, date or address."""
WHY: Final[Mapping[str, tuple[str, str]]] = {
    Reason.STICKY: ("sticky", "This person has heard from this number before, and hears from it again."),
    Reason.EXPLICIT: ("explicit", "The request named this number as its From."),
    Reason.RCS: ("new", "Chosen anew: the pool has an RCS sender, which comes first."),
    Reason.SHORT_CODE: ("new", "Chosen anew: a short code of the person's country."),
    Reason.DESTINATION_ALPHA: ("new", "Chosen anew: the name that the service has for the person's country."),
    Reason.ALPHA: ("new", "Chosen anew: the name of the service."),
    Reason.TOLL_FREE: ("new", "Chosen anew: towards Canada toll-free numbers come first."),
    Reason.AREA_CODE: ("geomatch", "Chosen anew: a number with the person's own area code."),
    Reason.OVERLAY: ("geomatch", "Chosen anew: a number whose area code serves the place where the person's own does."),
    Reason.COUNTRY: ("new", "Chosen anew: a number of the person's country."),
    Reason.US_OR_CANADA: ("new", "Chosen anew: a number of the United States or Canada."),
    Reason.US_FALLBACK: (
        "new",
        "Chosen anew: the pool has no number of the person's country, but one of the United States.",
    ),
    Reason.ANY: ("new", "Chosen anew: any number of the pool."),
}
"""Each reason for a sender: in a word, and in a sentence."""
REPLY: Final = ("reply", "An answer to what the person wrote: it comes from the number that they wrote to.")
MAPPED: Final[Mapping[str, str]] = {
    Outcome.CREATED: "The person had no mapping; this message made one.",
    Outcome.USED: "The person's mapping was used.",
    Outcome.REPLACED: "The person's mapping could not be used any more, or had expired: it points to this number now.",
    Outcome.BYPASSED: "The person's mapping was passed by for this message, and stays.",
    Outcome.OFF: "Sticky Sender is off for the service.",
}
_GOOD: Final = frozenset({Status.DELIVERED, Status.READ, Status.RECEIVED})
_BAD: Final = frozenset({Status.FAILED, Status.UNDELIVERED})
_OVER: Final = frozenset({*_GOOD, *_BAD, Status.CANCELED})


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, and whether it is a one-time code."""

    text: str
    is_code: bool


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message as the templates show it. `tone` is `good`, `bad` or `open`; `why` is empty for what a person wrote."""

    id: str
    sid: str
    person: str
    sender: str
    is_from_person: bool
    pieces: tuple[Piece, ...]
    why: str
    why_text: str
    mapped: str
    segments: int
    encoding: str
    status: str
    tone: str
    error_code: int | None
    error: str
    media: tuple[Medium, ...]
    tries: tuple[Try, ...]
    at: datetime
    order: int

    @property
    def name(self) -> str:
        """The person's number as people write it."""
        return spelled(self.person)


def bubble_of(message: Message, sid: str, media: Sequence[Medium], tries: Sequence[Try]) -> Bubble:
    """The bubble of a message. `tries` are those to tell its customer of it, the oldest first."""
    why, why_text = WHY.get(message.reason or "", ("", ""))
    if why == "new" and message.sticky == Outcome.REPLACED:
        why = "new number"
    if message.direction is Direction.OUTBOUND_REPLY and message.reason == Reason.EXPLICIT:
        why, why_text = REPLY
    error = ERRORS.get(message.error_code or 0)
    status = message.status
    return Bubble(
        f"m-{message.bucket:x}-{message.id:x}", sid, message.recipient, message.sender or "",
        message.direction is Direction.INBOUND, tuple(pieces_of(message.body)), why, why_text,
        MAPPED.get(message.sticky or "", ""), message.num_segments, segment(message.body).encoding, status,
        "good" if status in _GOOD else "bad" if status in _BAD else "open", message.error_code,
        error.message if error else "", tuple(media), tuple(tries), message.created_at, message.id,
    )  # fmt: skip


def is_over(message: Message) -> bool:
    """Whether nothing more is expected to become of a message."""
    return message.status in _OVER


def pieces_of(body: str) -> Iterator[Piece]:
    """A text cut where its one-time codes begin and end."""
    end = 0
    for match in CODE.finditer(body):
        if match.start() > end:
            yield Piece(body[end : match.start()], False)
        yield Piece(match[0], True)
        end = match.end()
    if end < len(body) or not body:
        yield Piece(body[end:], False)


def element_id(person: str) -> str:
    """The name of a person's phone within the page."""
    return "p-" + re.sub(r"[^0-9A-Za-z]", lambda match: f"_{ord(match[0]):x}_", person.removeprefix("+"))


def spelled(number: str) -> str:
    """A number as people write it; a short code or a name as it is."""
    if not number.startswith("+"):
        return number
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return number


@dataclass(slots=True)
class Phone:
    """A person's phone: its bubbles in order, and the number that it would write to."""

    person: str
    bubbles: list[Bubble]
    number: str = ""

    @property
    def id(self) -> str:
        """Its name within the page."""
        return element_id(self.person)


def phones_of(bubbles: Iterable[Bubble], phones_max: int, bubbles_max: int) -> list[Phone]:
    """Bubbles by person, those who were heard of last first. `bubbles` are the oldest first; of each phone the last `bubbles_max`
    are kept, and of the phones the first `phones_max`."""
    found: dict[str, Phone] = {}
    for bubble in bubbles:
        phone = found.pop(bubble.person, None) or Phone(bubble.person, [])
        found[bubble.person] = phone
        phone.bubbles.append(bubble)
        phone.number = bubble.sender or phone.number
    newest = list(reversed(found.values()))[:phones_max]
    for phone in newest:
        del phone.bubbles[:-bubbles_max]
    return newest
