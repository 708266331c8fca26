"""Long texts from people, put together from their parts: in any order, by any bind, to any process, across restarts.

A part is kept, and acknowledged after the commit. Whoever holds the row's lock when the last part is there makes the message, so
that there is one. Parts that are missing are waited for; then what is there is given on, with an ellipsis for each gap: a
mutilated text is seen, a dropped one is not. It knows neither customers nor consent: that is `limpet.flow.inbound`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import structlog

from limpet.carrier.port import Inbound, Part
from limpet.core.alphabet import joined_text
from limpet.core.ids import bucket_of
from limpet.core.routing import carrier_of
from limpet.core.tlvs import kept as kept_tlvs
from limpet.store import parts
from limpet.store.database import Connection, Database
from limpet.store.parts import KeptText, TextKey

PATIENCE = timedelta(minutes=10)
"""So long are missing parts waited for, counted from the first."""
REPEATED = timedelta(minutes=10)
"""So long is a text that was given on remembered, so that a part which a carrier repeats is known."""
UNFINISHED_MAX = 20
"""So many texts of one person may be unfinished; parts of further ones are given on by themselves."""
GIVE_ON_MAX = 100
GAP = "\N{HORIZONTAL ELLIPSIS}"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Came:
    """An inbound text with the lane it came in on."""

    lane: str
    text: Inbound


class Gathering:
    """Parts in, texts out, within the caller's transaction."""

    def __init__(self, database: Database, bucket_key: bytes) -> None:
        self._database = database
        self._bucket_key = bucket_key

    async def gather(self, connection: Connection, batch: Sequence[Came], now: datetime) -> list[Came]:
        """Keep the parts in a batch; answers its whole texts, and those that have become whole."""
        pieces = [(came, came.text.part) for came in batch if came.text.part is not None]
        texts = [came for came in batch if came.text.part is None]
        if pieces:
            keys = {self._key(came, part) for came, part in pieces}
            held = await parts.lock(connection, keys, pieces[0][0].lane, now + PATIENCE)
            people = {(key.bucket, key.recipient) for key in keys}
            crowded = await parts.crowded(connection, people, UNFINISHED_MAX)
            for came, part in pieces:
                kept = held[self._key(came, part)]
                kept.lane = came.lane
                texts += add_part(kept, came.text, part, now, alone=kept.key.recipient in crowded)
            await parts.write(connection, list(held.values()))
        return texts

    async def find_due(self, now: datetime) -> list[TextKey]:
        """Texts whose time is over."""
        return await parts.find_due(self._database, now, GIVE_ON_MAX)

    async def give_on(self, connection: Connection, keys: Iterable[TextKey], now: datetime) -> list[Came]:
        """Of texts whose time is over, the unfinished ones as far as they have come; those given on before are forgotten."""
        held = [kept for kept in (await parts.relock(connection, keys)).values() if kept.due_at <= now]
        unfinished = [kept for kept in held if not kept.given_on]
        if over := [kept.key for kept in held if kept.given_on]:
            await parts.forget(connection, over)
        if not unfinished:
            return []
        _log.warning("texts given on without all of their parts", count=len(unfinished))
        texts = [_finish(kept, now) for kept in unfinished]
        await parts.write(connection, unfinished)
        return texts

    def _key(self, came: Came, part: Part) -> TextKey:
        text = came.text
        bucket = bucket_of(text.sender, self._bucket_key)
        return TextKey(bucket, text.sender, text.recipient, carrier_of(came.lane), part.text)


def add_part(kept: KeptText, came: Inbound, part: Part, now: datetime, *, alone: bool) -> Iterator[Came]:
    """Add a part to its text, with its TLVs; what is given on by that: the text where it is whole now, and an unfinished one
    whose name has been used again. With `alone` a text that has nothing yet does not wait for more."""
    piece = (part.alphabet, part.octets)
    if kept.parts.get(part.number) == piece:
        return
    if kept.given_on or part.number in kept.parts:
        if not kept.given_on:
            yield _finish(kept, now)
        kept.parts, kept.tlvs, kept.given_on, kept.due_at = {}, (), False, now + PATIENCE
    alone = alone and not kept.parts
    kept.parts[part.number] = piece
    kept.tlvs = kept_tlvs((*kept.tlvs, *came.tlvs))
    if alone or len(kept.parts) == part.total:
        yield _finish(kept, now)


def _finish(kept: KeptText, now: datetime) -> Came:
    kept.given_on, kept.due_at = True, now + REPEATED
    key = kept.key
    return Came(kept.lane, Inbound(0, key.recipient, key.sender, _body(kept), tlvs=kept.tlvs))


def _body(kept: KeptText) -> str:
    """The parts in order, and for each run of missing ones an ellipsis."""
    total = int(kept.key.name.rpartition(":")[2])
    runs = groupby(range(1, total + 1), key=kept.parts.__contains__)
    return "".join(joined_text(kept.parts[number] for number in run) if there else GAP for there, run in runs)
