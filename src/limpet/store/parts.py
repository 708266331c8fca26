"""Texts in parts, in PostgreSQL: a row a text, locked while parts are added, so that exactly one process sees it become whole.

What becomes of a text is `limpet.flow.parts`' decision. Octets are kept as hexadecimal digits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import asyncpg

from limpet.core.alphabet import Alphabet
from limpet.core.tlvs import Tlvs, read, written
from limpet.store.database import Connection, Database
from limpet.store.dispatch import columns
from limpet.store.queries import query

Piece = tuple[Alphabet, bytes]


class TextKey(NamedTuple):
    """Which text. `recipient` is the person who writes, `sender` our number, as in `message`."""

    bucket: int
    recipient: str
    sender: str
    carrier: str
    name: str


@dataclass(slots=True)
class KeptText:
    """A text as far as it has come, by number of part (from 1). `given_on`: it is a message already."""

    key: TextKey
    lane: str
    due_at: datetime
    given_on: bool = False
    parts: dict[int, Piece] = field(default_factory=dict)
    tlvs: Tlvs = ()


async def lock(connection: Connection, keys: Iterable[TextKey], lane: str, due_at: datetime) -> dict[TextKey, KeptText]:
    """The texts, made where they are new, and locked until the transaction ends."""
    arrays = columns(sorted(keys))
    await connection.execute(query("parts_open"), *arrays, lane, due_at)
    return await relock(connection, keys)


async def relock(connection: Connection, keys: Iterable[TextKey]) -> dict[TextKey, KeptText]:
    """Those of the texts that are still there, locked until the transaction ends."""
    rows = await connection.fetch(query("parts_lock"), *columns(sorted(keys)))
    return {kept.key: kept for kept in map(_kept, rows)}


async def write(connection: Connection, texts: Sequence[KeptText]) -> None:
    """Write locked texts as they are now."""
    rows = [
        (*text.key, _parts_json(text), text.lane, text.given_on, text.due_at, json.dumps(written(text.tlvs)))
        for text in texts
    ]
    await connection.execute(query("parts_write"), *columns(rows))


async def forget(connection: Connection, keys: Iterable[TextKey]) -> None:
    """Forget texts."""
    await connection.execute(query("parts_forget"), *columns(sorted(keys)))


async def crowded(connection: Connection, people: Iterable[tuple[int, str]], most: int) -> set[str]:
    """Those of the people, by bucket and address, who have more than `most` texts unfinished."""
    rows = await connection.fetch(query("parts_crowded"), *columns(sorted(people)), most)
    return {row["recipient"] for row in rows}


async def find_due(database: Database, now: datetime, limit: int) -> list[TextKey]:
    """Texts whose time is over, at most `limit`, the longest over first."""
    return [TextKey(*row) for row in await database.pool.fetch(query("parts_due"), now, limit)]


def _parts_json(text: KeptText) -> str:
    return json.dumps({number: [alphabet, octets.hex()] for number, (alphabet, octets) in text.parts.items()})


def _kept(row: asyncpg.Record) -> KeptText:
    parts = {int(number): (Alphabet(name), bytes.fromhex(digits)) for number, (name, digits) in row["parts"].items()}
    key = TextKey(*(row[name] for name in TextKey._fields))
    return KeptText(key, row["lane"], row["due_at"], row["given_on"], parts, read(row["tlvs"]))
