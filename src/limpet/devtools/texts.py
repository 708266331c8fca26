"""The texts that reached the simulated carrier, their segments put together again.

Values and bookkeeping, bounded. It refuses to know connections and receipts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from limpet.carrier.smpp_values import from_wire, text_of
from limpet.smpp.commands import Message, Pdu, Tag
from limpet.smpp.concatenation import Part, read_part
from limpet.smpp.pdu import text_octets, tlv_integer
from limpet.smpp.receipt import without_header

TEXTS_MAX = 100_000
"""So many texts are remembered, the oldest forgotten first."""
PARTIALS_MAX = 1_000
"""So many texts may be incomplete at a time."""


@dataclass(frozen=True, slots=True)
class Text:
    """One message as a phone would show it. One id and one reference a segment, in the order of the segments."""

    sender: str
    recipient: str
    body: str
    message_ids: tuple[str, ...]
    references: tuple[int | None, ...]
    at: datetime


class _Segment(NamedTuple):
    body: str
    message_id: str
    reference: int | None


class Texts:
    """A log of whole texts."""

    def __init__(self) -> None:
        self.whole: deque[Text] = deque(maxlen=TEXTS_MAX)
        self._partial: dict[tuple[str, str, int, int], dict[int, _Segment]] = {}

    def add(self, pdu: Pdu, message: Message, message_id: str, at: datetime) -> Text | None:
        """Take a segment; the text, if it is now whole."""
        sender = from_wire(message.source_addr, message.source_addr_ton)
        recipient = from_wire(message.destination_addr, message.dest_addr_ton)
        segment = _Segment(text_of(pdu), message_id, tlv_integer(pdu, Tag.USER_MESSAGE_REFERENCE))
        header, _ = without_header(message.esm_class, text_octets(pdu))
        part = read_part(pdu, header)
        if part is None:
            return self._complete(sender, recipient, [segment], at)
        segments = self._gather((sender, recipient, part.reference, part.total), part, segment)
        return self._complete(sender, recipient, segments, at) if segments else None

    def _gather(self, key: tuple[str, str, int, int], part: Part, segment: _Segment) -> list[_Segment]:
        """All segments in order, once the last is there."""
        gathered = self._partial.setdefault(key, {})
        gathered[part.number] = segment
        if len(gathered) < part.total:
            if len(self._partial) > PARTIALS_MAX:
                del self._partial[next(iter(self._partial))]
            return []
        del self._partial[key]
        return [gathered[number] for number in sorted(gathered)]

    def _complete(self, sender: str, recipient: str, segments: list[_Segment], at: datetime) -> Text:
        body = "".join(segment.body for segment in segments)
        ids = tuple(segment.message_id for segment in segments)
        text = Text(sender, recipient, body, ids, tuple(segment.reference for segment in segments), at)
        self.whole.append(text)
        return text
