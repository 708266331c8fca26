"""The console over a running server, and what fills its plots: once a minute, by one of all processes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Final

import structlog
from starlette.types import ASGIApp

from limpet.clock import Clock
from limpet.core.console import Role
from limpet.flow.carrier_states import carrier_states
from limpet.pages.console.desk import Desk
from limpet.pages.console.routes import group
from limpet.pages.site import Site
from limpet.store.console import ConsoleLog, Minute, Minutes
from limpet.store.database import DATABASE_AWAY, Database
from limpet.store.operators import Operator, Operators
from limpet.web.auth import Authenticator
from limpet.web.deps import Deps

DEVELOPER: Final = Operator(0, "developer", Role.ADMIN)
"""Who is at a development server without having signed in."""
LOOK_EVERY_S: Final = 5.0
PURGE_EVERY: Final = timedelta(hours=1)
_log = structlog.get_logger()


class ConsoleSite:
    """The pages in front of `elsewhere`. `secure` says that browsers come by TLS, `open_here` that a development server lets in
    who comes from its own machine."""

    def __init__(
        self, deps: Deps, auth: Authenticator, operators: Operators, elsewhere: ASGIApp, *, secure: bool, open_here: bool
    ) -> None:  # fmt: skip
        log, minutes = ConsoleLog(deps.database), Minutes(deps.database)
        developer = DEVELOPER if open_here else None
        desk = Desk(deps, auth, operators, log, minutes, secure, developer)
        self.app = Site([group(desk)], elsewhere, deps.installation.sid_key, token_bytes)
        self._teller = Teller(deps.database, minutes, deps.clock, deps.carriers)
        self._housekeeping = (operators, log)
        self._clock = deps.clock

    async def run(self) -> None:
        """Tell of each minute, and forget what is old, until canceled."""
        purged = None
        while True:
            try:
                await self._teller.turn()
                now = self._clock.now()
                if purged is None or now - purged >= PURGE_EVERY:
                    purged = now
                    await self._forget(now)
            except DATABASE_AWAY as error:
                _log.warning("console waits for the database", error=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _forget(self, now: datetime) -> None:
        operators, log = self._housekeeping
        await operators.purge(now)
        await log.purge(now)
        await self._teller.minutes.purge(now)


class Teller:
    """Writes down how each minute went, in the first seconds of the next one. The rates are those that lanes tell of themselves
    anyway; of messages a bounded sample is looked at. So nothing is counted while messages are sent, and nothing when somebody
    looks."""

    def __init__(self, database: Database, minutes: Minutes, clock: Clock, carriers: tuple[str, ...]) -> None:
        self.minutes = minutes
        self._database = database
        self._clock = clock
        self._carriers = carriers
        self._told: datetime | None = None

    async def turn(self) -> bool:
        """Tell of the minute that is over, unless that has been done; whether it was."""
        now = self._clock.now()
        minute = now.replace(second=0, microsecond=0) - timedelta(minutes=1)
        if minute == self._told:
            return False
        self._told = minute
        if not await self.minutes.begin(minute):
            return False
        carriers = await carrier_states(self._database, self._carriers, now)
        owed = await self.minutes.owed()
        sample = await self.minutes.sample(minute + timedelta(minutes=1))
        await self.minutes.settle(
            Minute(
                minute, sum(one.total("submits_per_s") for one in carriers), sum(one.total("receipts_per_s") for one in carriers),
                int(sum(one.total("waiting") for one in carriers)), sum(one.owed for one in owed),
                sample.sampled, sample.delivered, sample.failed, sample.latency_ms,
            )
        )  # fmt: skip
        return True
