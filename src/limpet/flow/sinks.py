"""Which sinks take what they get: one that has taken nothing for long has failed, and is owed nothing more until it takes again.

That a sink fails is written down at the second failure of an event, and that it takes again when it does: both are changes of
the account's streams, so that every process knows (`limpet.flow.streams`). A sink that takes everything costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from limpet.clock import Clock
from limpet.core.event_streams import SINK_FAILS_FOR
from limpet.flow.streams import Streams
from limpet.flow.tried import Tried
from limpet.flow.turns import endpoint_of
from limpet.store.callbacks import EVENT
from limpet.store.database import Database
from limpet.store.event_streams import EventStreams
from limpet.webhook import Posted, PostFailed

_log = structlog.get_logger()


class SinkWatch:
    """Hears of every try, after it was written down."""

    def __init__(self, database: Database, streams: Streams, clock: Clock) -> None:
        self._store = EventStreams(database)
        self._streams = streams
        self._clock = clock

    async def note(self, tried: Sequence[Tried]) -> None:
        """Note what these tries say about the sinks that they were for."""
        of_sinks: dict[tuple[int, str], list[Tried]] = {}
        for one in tried:
            if one.owed.kind == EVENT and one.outcome is not None:
                of_sinks.setdefault((one.owed.account_id, one.owed.url), []).append(one)
        for (account_id, url), ones in of_sinks.items():
            if await self._judge(account_id, url, ones):
                await self._streams.refresh()

    async def _judge(self, account_id: int, url: str, tried: Sequence[Tried]) -> bool:
        """Whether anything was written down."""
        now, failing = self._clock.now(), self._streams.is_failing(account_id, url)
        if any(isinstance(one.outcome, Posted) for one in tried):
            if failing:
                await self._store.sink_takes(account_id, url, now)
            return failing
        if any(one.later is None for one in tried):
            hopeless = any(isinstance(one.outcome, PostFailed) and not one.outcome.retryable for one in tried)
            failed = await self._store.sink_failed(account_id, url, None if hopeless else now - SINK_FAILS_FOR, now)
            if failed:
                _log.warning("sinks failed", account_id=account_id, sinks=failed, endpoint=endpoint_of(url))
            return True
        if failing or not any(one.owed.attempt for one in tried):
            return False
        await self._store.sink_fails(account_id, url, now)
        return True
