"""What tests of imports of mappings need: a file given in pieces, and an importer with a hand on its clock."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from uuid import uuid4

from limpet.clock import Clock
from limpet.core.ids import IdSource
from limpet.core.model import Service
from limpet.core.sticky_import import Import, Problem, Wish
from limpet.core.sticky_lines import export_head, export_line
from limpet.flow.sticky_import import StickyImports
from limpet.store import sticky_bulk
from limpet.store.database import Database, Installation
from tests.support.world import BUCKET_KEY, PSEUDONYM_KEY, SID_KEY


def importer(database: Database, clock: Clock, bucket_key: bytes = BUCKET_KEY) -> StickyImports:
    chance, ids = random.Random(5), IdSource()

    def new_id(now: datetime) -> int:
        return ids.next(now, chance.getrandbits(21))

    return StickyImports(database, Installation(bucket_key, SID_KEY, PSEUDONYM_KEY), new_id, clock)


async def pieces(data: bytes | Iterable[bytes], size: int = 1 << 16) -> AsyncIterator[bytes]:
    whole = data if isinstance(data, bytes) else None
    for piece in data if whole is None else (whole[at : at + size] for at in range(0, len(whole), size)):
        yield piece  # type: ignore[misc]


def new_sid() -> str:
    return f"LI{uuid4().hex}"


async def bring(
    imports: StickyImports,
    service: Service,
    data: bytes | str | Iterable[bytes],
    sid: str | None = None,
    **wish: object,
) -> Import:
    """Import a whole file."""
    one = await imports.begin(service, sid or new_sid(), Wish(**wish), "test")  # type: ignore[arg-type]
    return await imports.run(one, service, pieces(data.encode() if isinstance(data, str) else data))


async def problems(database: Database, one: Import) -> list[Problem]:
    return [problem async for some in sticky_bulk.problems(database, one) for problem in some]


async def exported(database: Database, service: Service, now: datetime, *, as_csv: bool = False) -> str:
    """What the export of a service says."""
    lines = [export_head(as_csv=as_csv)]
    async for rows in sticky_bulk.export(database, service, now):
        for row in rows:
            flags = row.flags | row.established
            lines.append(
                export_line(row.recipient, row.sender, row.last_used_day, row.created_day, flags, as_csv=as_csv)
            )
    return "".join(lines)
