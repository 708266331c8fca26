"""The page of phones over a running server: its parts, its routes, and what ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from secrets import token_bytes, token_hex
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp

from limpet.clock import Clock, SteppableClock
from limpet.pages.ask import Ask, Group, Handler
from limpet.pages.phones import actions, anew, detail, events, views
from limpet.pages.phones.answers import Answers
from limpet.pages.phones.desk import Desk, Releaser
from limpet.pages.phones.facts import Facts
from limpet.pages.phones.feed import Feed
from limpet.pages.site import Site
from limpet.store.database import Database
from limpet.store.phones import Phones
from limpet.web.deps import Deps

ROOT: Final = "/phones"
_Page = Callable[[Desk, Ask], Awaitable[Response]]
ROUTES: Final[Mapping[str, Mapping[str, _Page]]] = {
    "": {"GET": views.show},
    "/messages.json": {"GET": views.messages},
    "/events": {"GET": events.events},
    "/inbound": {"POST": actions.write},
    "/clear": {"POST": actions.clear},
    "/chaos": {"POST": actions.chaos},
    "/clock": {"POST": actions.clock},
    "/reset": {"POST": anew.reset},
    "/messages/{sid}": {"GET": detail.show},
    "/messages/{sid}/release": {"POST": actions.release},
    "/deliveries/{sid}/replay": {"POST": actions.replay},
}


def stepping(clock: Clock, database: Database) -> Callable[[timedelta], Awaitable[None]] | None:
    """What moves a clock on, having made room first for what will be written then; None where it cannot be moved."""
    if not isinstance(clock, SteppableClock):
        return None

    async def step(by: timedelta) -> None:
        await database.ensure_partitions(clock.now() + by)
        clock.step(by)

    return step


class PhonesSite:
    """The pages in front of the API. Only for servers with a simulated carrier."""

    def __init__(
        self, deps: Deps, facts: Facts, fates: Sequence[str], answers: Answers, elsewhere: ASGIApp,
        releaser: Releaser | None = None, begin_anew: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        assert deps.simulated is not None
        assert deps.person_writes is not None
        store, clock = Phones(deps.database), deps.clock
        self._feed = Feed(store, clock, token_hex(4))
        desk = Desk(
            deps, self._feed, store, facts, deps.simulated, deps.person_writes, fates, stepping(clock, deps.database),
            (lambda: clock.offset) if isinstance(clock, SteppableClock) else timedelta, releaser, answers.of, begin_anew,
        )  # fmt: skip
        self.app = Site([group(desk)], elsewhere, deps.installation.sid_key, token_bytes)

    async def close(self) -> None:
        """End what is open: pages that listen would hold the server up."""
        await self._feed.close()


def group(desk: Desk) -> Group:
    """The pages of phones."""

    def bound(handlers: Mapping[str, _Page]) -> dict[str, Handler]:
        return {method: partial(handler, desk) for method, handler in handlers.items()}

    return Group(ROOT, {path: bound(handlers) for path, handlers in ROUTES.items()})
