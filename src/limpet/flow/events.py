"""Events on their way to the sinks that have subscribed: rows of the same queue as status callbacks, written beside the change.

`owe` is for whoever changes something that customers may want to hear of: call it in the transaction of the change, and post what
it answers once that is committed. Messages need no call: `limpet.flow.owed` and `limpet.flow.inbound` add their events
to the callbacks that they owe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from limpet.core.event_streams import Sink
from limpet.core.ids import BUCKETS
from limpet.flow.streams import Route, Streams
from limpet.store import callbacks
from limpet.store.callbacks import EVENT, LEASE, OwedCallback
from limpet.store.database import Connection, Database
from limpet.twilio.events import Event, batch, cloud_event, sink_test
from limpet.twilio.sid import event_sid


class Events:
    """Makes the rows of events. `sid_key` signs their ids, `new_id` makes row ids."""

    def __init__(
        self, database: Database, streams: Streams, sid_key: bytes, new_id: Callable[[datetime], int]
    ) -> None:  # fmt: skip
        self._database = database
        self.streams = streams
        self._sid_key = sid_key
        self._new_id = new_id

    async def owe(
        self, connection: Connection, account_id: int, events: Iterable[Event], now: datetime
    ) -> list[OwedCallback]:
        """Owe events of an account to the sinks that have subscribed to them, in the caller's transaction. What is answered is
        to be posted after the commit; whoever does not leaves it to the lease."""
        owed = self.rows(account_id, events, now)
        await callbacks.insert(connection, owed)
        return owed

    def rows(
        self, account_id: int, events: Iterable[Event], now: datetime, but: str | None = None
    ) -> list[OwedCallback]:  # fmt: skip
        """The rows of events, for a caller that writes them together with others; none where nobody has subscribed. None goes to
        the URL `but`."""
        routes = self.streams.of(account_id)
        if routes is None:
            return []
        return [
            row
            for event in events
            for row in self._rows(account_id, event, [r for r in routes.get(event.type, ()) if r.url != but], now)
        ]

    def _rows(
        self, account_id: int, event: Event, routes: Iterable[Route], now: datetime
    ) -> Iterable[OwedCallback]:  # fmt: skip
        """A row a sink. Whichever sink it goes to, an event has the id that its first row gave it."""
        event_id = event.id
        for route in routes:
            row_id = self._new_id(now)
            bucket, message_id = event.message or (row_id % BUCKETS, row_id)
            event_id = event_id or event_sid(bucket, row_id, sid_key=self._sid_key)
            told = _told(event, event_id, route)
            kept = None if event.kept is None else _told(replace(event, data=event.kept), event_id, route)
            yield _row(bucket, row_id, account_id, message_id, route.url, told, now + LEASE, kept)

    async def test(self, sink: Sink, account_sid: str, test_id: str, now: datetime) -> None:
        """Owe a sink the event by which its owner sees that it is reached, due at once."""
        row_id, told = self._new_id(now), sink_test(account_sid, test_id, now)
        row = _row(
            row_id % BUCKETS, row_id, sink.account_id, row_id, sink.destination, batch(told) if sink.batch_events else told, now
        )  # fmt: skip
        await self._database.transaction(lambda connection: callbacks.insert(connection, [row]))


def _told(event: Event, event_id: str, route: Route) -> str:
    told = cloud_event(event, event_id, route.schema_version)
    return batch(told) if route.batched else told


def _row(
    bucket: int, row_id: int, account_id: int, message_id: int, url: str, payload: str, due_at: datetime,
    payload_kept: str | None = None,
) -> OwedCallback:  # fmt: skip
    return OwedCallback(
        bucket, row_id, account_id, message_id, url, payload, due_at, kind=EVENT, payload_kept=payload_kept
    )
