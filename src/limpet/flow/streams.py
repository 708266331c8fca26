"""Which events are subscribed, known in memory: a process asks for what has changed, never once a message.

The process in which a subscription is made or ended knows at once, every other one within LOOK_EVERY_S. An account without
subscriptions takes no room and costs one look into a dictionary.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import structlog

from limpet.store.database import DATABASE_AWAY, Database
from limpet.store.event_streams import RouteRow, changed_routes, failing_sinks

LOOK_EVERY_S = 1.0
_log = structlog.get_logger()


class Route(NamedTuple):
    """Where a type of event goes: the version of its schema that is wanted there, the URL, and whether events are batched."""

    schema_version: int
    url: str
    batched: bool


_Routes = dict[str, list[Route]]


class Streams:
    """What is subscribed, as of a generation, and which sinks take nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._generation = 0
        self._routes: dict[int, _Routes] = {}
        self._failing: dict[int, set[str]] = {}

    def of(self, account_id: int) -> _Routes | None:
        """An account's routes by type of event; None for an account that has subscribed to nothing."""
        return self._routes.get(account_id)

    @property
    def any(self) -> bool:
        """Whether anybody has subscribed to anything."""
        return bool(self._routes)

    def is_failing(self, account_id: int, url: str) -> bool:
        """Whether the account's sinks at a URL are known to have taken nothing of late, or to have failed altogether."""
        return url in self._failing.get(account_id, ())

    async def refresh(self) -> None:
        """Learn what has changed until now."""
        rows = await changed_routes(self._database, self._generation)
        if not rows or rows[-1].generation <= self._generation:
            return
        for account_id, routes in _by_account(rows).items():
            if routes:
                self._routes[account_id] = routes
            else:
                self._routes.pop(account_id, None)
        failing = await failing_sinks(self._database, self._generation)
        for account_id in {row.account_id for row in rows}:
            self._failing.pop(account_id, None)
        for account_id, url in failing:
            self._failing.setdefault(account_id, set()).add(url)
        self._generation = rows[-1].generation

    async def follow(self) -> None:
        """Keep up with changes that other processes make."""
        while True:
            try:
                await self.refresh()
            except DATABASE_AWAY as error:
                _log.warning("changes of event streams could not be read", why=error)
            await asyncio.sleep(LOOK_EVERY_S)


def _by_account(rows: list[RouteRow]) -> dict[int, _Routes]:
    found: dict[int, _Routes] = {}
    for row in rows:
        routes = found.setdefault(row.account_id, {})
        if row.type is not None:
            routes.setdefault(row.type, []).append(Route(row.schema_version, row.destination, row.batch_events))
    return found
