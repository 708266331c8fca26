"""What a search on the page of phones asks for: `to:`, `from:`, `status:`, `error:` and `body:`, and free words. Pure.

All words must hold. `to` and `from` are those of the wire; of a number its digits are enough, or some of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from limpet.core.model import Message

LENGTH_MAX: Final = 300
WORDS_MAX: Final = 20
_WORD = re.compile(r'(?:(to|from|status|error|body):\s*)?(?:"([^"]*)"|(\S+))', re.IGNORECASE)
_NOT_DIGITS = re.compile(r"[\s().+-]")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a search; `field` is empty for one that may stand anywhere."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was read. Without words everything matches."""

    text: str = ""
    words: tuple[Word, ...] = ()

    def matches(self, message: Message) -> bool:
        """Whether all words hold for a message."""
        return all(_holds(word, message) for word in self.words)


def read_search(text: str) -> Search:
    """Read what a person typed; never fails: what is no field is a word to look for."""
    text = text[:LENGTH_MAX].strip()
    found = [Word((m[1] or "").lower(), (m[2] or m[3] or "").lower()) for m in _WORD.finditer(text)]
    return Search(text, tuple(word for word in found if word.text)[:WORDS_MAX])


def _holds(word: Word, message: Message) -> bool:
    if word.field:
        return _FIELDS[word.field](message, word.text)
    return any(field(message, word.text) for field in _FIELDS.values())


def _number(number: str | None, text: str) -> bool:
    return _NOT_DIGITS.sub("", text) in _NOT_DIGITS.sub("", (number or "").lower()) and bool(_NOT_DIGITS.sub("", text))


_FIELDS: Mapping[str, Callable[[Message, str], bool]] = {
    "to": lambda message, text: _number(message.to, text),
    "from": lambda message, text: _number(message.from_, text),
    "status": lambda message, text: message.status == text,
    "error": lambda message, text: str(message.error_code or "") == text,
    "body": lambda message, text: text in message.body.lower(),
}
