"""Files cut into records while they come in: CSV, a JSON object a line, or whole JSON documents, one after another.

No line is lost: whatever cannot be read is a record too, with the line where it begins. What is kept in memory is one record.
It knows how files are written and not what is in them.
"""

from __future__ import annotations

import csv
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from limpet.core.sticky_dialects import Layout, find_layout
from limpet.core.sticky_json import Document, records_in

RECORD_BYTES_MAX: Final = 65_536
PAGE_BYTES_MAX: Final = 4 << 20
"""A line of JSON, which may be a whole page of an API."""
RECORD_LINES_MAX: Final = 2_000
"""Lines that a quoted text may have; a quote that is open for longer was never to be closed."""
COLUMNS_MAX: Final = 200
_DELIMITERS: Final = (",", ";", "\t")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_BOM: Final = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """What stands from one line on. `values` are those of `FIELDS` by `layout`; both are None where it cannot be read."""

    line: int
    layout: Layout | None
    values: tuple[object, ...] | None
    text: str


class UnknownFormat(Exception):
    """The file as a whole is none that can be read; the message says why."""


class Reader:
    """Cuts one file. `wanted` is the name of its dialect, None to recognise it."""

    def __init__(self, wanted: str | None = None) -> None:
        self._wanted = wanted
        self._tail = b""
        self._line_rest = False
        """What comes next, up to the end of its line, belongs to a line whose beginning has been dealt with."""
        self._lines = 0
        self._read: _Csv | _JsonLines | _Documents | None = None

    def feed(self, block: bytes) -> Iterator[Record]:
        """The records that end within the next octets of the file. UnknownFormat from the first lines."""
        *lines, self._tail = (self._tail + block).split(b"\n")
        for line in lines:
            yield from self._line(line, b"\n")
        if len(self._tail) > (PAGE_BYTES_MAX if self._is_json() else RECORD_BYTES_MAX):
            tail, self._tail = self._tail, b""
            yield from self._line(tail, b"")

    def end(self) -> Iterator[Record]:
        """The records that the end of the file ends."""
        if self._tail:
            yield from self._line(self._tail, b"\n")
        if self._read is not None:
            yield from self._read.end()

    def _is_json(self) -> bool:
        return not isinstance(self._read, _Csv) and (self._read is not None or _is_json(self._tail))

    def _line(self, line: bytes, ending: bytes) -> Iterator[Record]:
        """A whole line, or, without its ending, the beginning or more of one that is too long to be kept."""
        begins, self._line_rest = not self._line_rest, not ending
        self._lines += begins
        if begins and self._lines == 1:
            if line[:2] in _UTF_16:
                raise UnknownFormat("the file is UTF-16; save it as UTF-8")
            line = line.removeprefix(_BOM)
        if self._read is None:
            if not line.strip():
                return
            self._read = self._reader(line, whole=bool(ending))
        if isinstance(self._read, _Documents) and begins and ending and self._read.is_misread(line):
            yield from self._read.end()
            self._read = _JsonLines(self._wanted)
        if isinstance(self._read, _Documents):
            yield from self._read.piece(self._lines, line + ending)
        elif begins and not ending:
            yield Record(self._lines, None, None, _shown(line))
        elif begins:
            yield from self._read.line(self._lines, line.rstrip(b"\r"))

    def _reader(self, first: bytes, *, whole: bool) -> _Csv | _JsonLines | _Documents:
        """What the file is, by its first line that is not empty."""
        if not _is_json(first):
            return _Csv(first.rstrip(b"\r"), self._wanted)
        return _JsonLines(self._wanted) if whole and _decoded(first) is not None else _Documents(self._wanted)


class _JsonLines:
    """A JSON value a line: a record, or a page of them."""

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted

    def line(self, number: int, line: bytes) -> Iterator[Record]:
        if not line.strip():
            return
        value = _decoded(line)
        found = records_in(value)
        if not isinstance(value, dict | list):
            yield Record(number, None, None, _shown(line))
        elif found is None:
            yield _of_json(number, value, self._wanted, line)
        else:
            for each in found:
                yield _of_json(number, each, self._wanted, line)

    def end(self) -> Iterator[Record]:
        return iter(())


class _Documents:
    """JSON over many lines, or on one that is too long to be kept."""

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted
        self._document = Document(RECORD_BYTES_MAX)
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")

    def is_misread(self, line: bytes) -> bool:
        """Whether the file is an object a line after all, and an earlier line was broken."""
        if not (line.startswith(b"{") and self._document.stuck):
            return False
        value = _decoded(line)
        return isinstance(value, dict) and find_layout(tuple(value), self._wanted) is not None

    def piece(self, number: int, text: bytes) -> Iterator[Record]:
        for found, whole in self._document.feed(number, self._decoder.decode(text)):
            raw = whole.encode()
            value = _decoded(raw)
            inner = records_in(value)
            for each in [value] if inner is None else inner:
                yield _of_json(found, each, self._wanted, raw)

    def end(self) -> Iterator[Record]:
        for found, text in self._document.end():
            yield Record(found, None, None, _shown(text.encode()))


class _Csv:
    """A head that names the columns, then a record a line, or several lines where a text between quotes has line ends."""

    def __init__(self, head: bytes, wanted: str | None) -> None:
        text = head.decode(errors="replace")
        self._delimiter = max(_DELIMITERS, key=text.count)
        names = _cells(text, self._delimiter)[:COLUMNS_MAX]
        layout = find_layout(tuple(names), wanted)
        if layout is None:
            raise UnknownFormat(
                "the file is no JSON, and its first line does not name the columns of "
                + ("a known log or of mappings (to, from)" if wanted is None else f"the format {wanted}")
            )
        self._layout, self._columns = layout, len(names)
        self._pick = itemgetter(*(names.index(each) if each is not None else len(names) for each in layout.names))
        self._open: list[tuple[int, bytes]] = []
        self._open_bytes = 0
        self._head_seen = False

    def line(self, number: int, line: bytes) -> Iterator[Record]:
        if not self._head_seen:
            self._head_seen = True
            return
        if not self._open and b'"' not in line:
            if line and not line.isspace():
                yield self._plain(number, line)
            return
        yield from self._quoted(number, line)

    def end(self) -> Iterator[Record]:
        while self._open:
            yield from self._give_up()

    def _plain(self, number: int, line: bytes) -> Record:
        text = line.decode(errors="replace")
        return self._record(number, text.split(self._delimiter), text)

    def _quoted(self, number: int, line: bytes) -> Iterator[Record]:
        self._open.append((number, line))
        self._open_bytes += len(line) + 1
        closed = line.count(b'"') % 2 == (0 if len(self._open) == 1 else 1)
        if closed:
            whole = b"\n".join(part for _, part in self._open).decode(errors="replace")
            cells = _cells(whole, self._delimiter)
            if len(cells) == self._columns or len(self._open) == 1:
                first = self._open[0][0]
                self._open, self._open_bytes = [], 0
                yield self._record(first, cells, whole)
            else:
                yield from self._give_up()
        elif not self._layout.dialect.is_log or self._too_much():
            yield from self._give_up()

    def _too_much(self) -> bool:
        return self._open_bytes > RECORD_BYTES_MAX or len(self._open) > RECORD_LINES_MAX

    def _give_up(self) -> Iterator[Record]:
        """The line with the open quote cannot be read; those after it are read as if it were not there."""
        waiting = deque(self._open)
        self._open, self._open_bytes = [], 0
        number, line = waiting.popleft()
        yield Record(number, None, None, _shown(line))
        for number, line in waiting:
            yield from self.line(number, line)

    def _record(self, number: int, cells: list[str], text: str) -> Record:
        if len(cells) != self._columns:
            return Record(number, None, None, text)
        cells.append("")
        return Record(number, self._layout, self._pick(cells), text)


def _is_json(text: bytes) -> bool:
    return text.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[")


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return []


def _decoded(text: bytes) -> Any:
    """A JSON value; None for what is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _of_json(number: int, value: object, wanted: str | None, text: bytes) -> Record:
    layout = find_layout(tuple(value), wanted) if isinstance(value, dict) and len(value) <= COLUMNS_MAX else None
    if layout is None or not isinstance(value, dict):
        return Record(number, None, None, _shown(text))
    return Record(number, layout, tuple([None if each is None else value.get(each) for each in layout.names]), "")


def _shown(line: bytes) -> str:
    return line[:200].decode(errors="replace")
