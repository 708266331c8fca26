"""What customers hear of the registration steps that a command causes: owed in its transaction, posted by a server that runs."""

from __future__ import annotations

import random
from datetime import datetime
from secrets import token_bytes

from limpet.core.ids import IdSource
from limpet.flow.events import Events
from limpet.flow.number_events import NumberEvents
from limpet.flow.streams import Streams
from limpet.store.database import Database
from limpet.store.registrations import RegistrationBook


async def telling_book(database: Database, now: datetime) -> RegistrationBook:
    """A book whose steps owe their events to who has subscribed to them now. Nothing is posted from here: the rows are a
    server's to find, when their first lease is over."""
    streams = Streams(database)
    await streams.refresh()
    if not streams.any:  # so there may be no installation yet, and it is not made for this
        return RegistrationBook()
    installation = await database.installation(now, token_bytes(64))
    chance, ids = random.Random(token_bytes(16)), IdSource()  # noqa: S311 - makes ids differ, guards nothing

    def new_id(at: datetime) -> int:
        return ids.next(at, chance.getrandbits(21))

    events = Events(database, streams, installation.sid_key, new_id)
    return RegistrationBook(NumberEvents(events, lambda _: None).owe)
