"""The records in JSON documents that are larger than memory should hold: pages of an API, an array, or objects in a row.

A record is an object directly within an outermost array, or within an array of an outermost object (a page), or an outermost
object that is no page. It decodes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

PAGES: Final = ("messages", "objects", "data")
"""Under which names the APIs of Twilio, Plivo and Telnyx put the records of a page."""
_STRUCTURE = re.compile(r'[\[\]{}"]')
_IN_STRING = re.compile(r'["\\]')
_PLACES: Final[tuple[list[str], ...]] = ([], ["["], ["{", "["])
"""What may be open around a record."""


def records_in(value: object) -> list[object] | None:
    """The records of a page or an array; None for a value that is neither."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        for name in PAGES:
            inner = value.get(name)
            if isinstance(inner, list):
                return inner
            if isinstance(inner, dict):
                return [inner]
    return None


class Document:
    """Cuts records out of text that comes piece by piece; of each at most `most` characters are kept, and one more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: list[str] = []
        self._in_string = False
        self._skip = 0
        self._record: list[str] = []
        self._size = 0
        self._base: int | None = None
        """How deep the record is that is open now."""
        self._began = 1

    def feed(self, line: int, text: str) -> Iterator[tuple[int, str]]:
        """The records that end within a piece of that line, each with the line on which it began."""
        at, start = self._skip, 0
        while at < len(text):
            found = (_IN_STRING if self._in_string else _STRUCTURE).search(text, at)
            if found is None:
                at = len(text)
                break
            mark, at = found[0], found.end()
            if mark == "\\":
                at += 1
            elif mark == '"':
                self._in_string = not self._in_string
            elif mark in "{[":
                if self._opens(mark, line):
                    start = found.start()
            elif self._closes():
                self._keep(text[start:at])
                yield self._began, "".join(self._record)
                self._record, self._size = [], 0
        self._skip = at - len(text)
        if self._base is not None:
            self._keep(text[start:])

    @property
    def stuck(self) -> bool:
        """Whether an object that no line completes is open, so that a whole one on a line of its own is not a part of it."""
        return self._in_string or self._open == ["{"]

    def end(self) -> Iterator[tuple[int, str]]:
        """What is still open: the document ends, or went wrong, within it."""
        if self._open or self._in_string:
            yield self._began, "".join(self._record) or "the document does not end"

    def _opens(self, mark: str, line: int) -> bool:
        """Whether a record begins here: what was taken for one around it was a page."""
        begins = mark == "{" and self._base in (None, 1) and self._open in _PLACES
        self._open.append(mark)
        if begins:
            self._base, self._began = len(self._open), line
            self._record, self._size = [], 0
        return begins

    def _closes(self) -> bool:
        """Whether the record that is open ends here."""
        if self._open:
            self._open.pop()
        if self._base is None or len(self._open) >= self._base:
            return False
        self._base = None
        return True

    def _keep(self, text: str) -> None:
        if self._size <= self._most:
            self._record.append(text[: self._most + 1])
            self._size += len(text)
