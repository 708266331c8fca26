"""One connection of a lane, kept up: made or awaited, bound, and made again after each loss, ever more slowly while it fails.

It refuses to know messages: what comes in goes to its lane, what goes out its lane puts into the session. Chance is an argument.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Sequence
from typing import Protocol

import structlog

from limpet.carrier.smpp_config import CONNECT_TIMEOUT_S, UNBIND_TIMEOUT_S, Outbinds, SmppConfig
from limpet.carrier.smpp_link import Link
from limpet.smpp.commands import Command
from limpet.smpp.events import BindRefused, Bound, Called, Event
from limpet.smpp.session import Role, SessionConfig
from limpet.smpp.status import meaning

CALLERS_MAX = 8
"""So many connections to the port for outbinds may wait to say who they are; one more is cut."""
_log = structlog.get_logger()


class Chance(Protocol):
    """Where jitter comes from, such as `random.Random`."""

    def random(self) -> float:
        """A number of [0, 1)."""


class Lane(Protocol):
    """What a connection tells its lane."""

    @property
    def name(self) -> str:
        """`carrier/number`."""

    def on_events(self, bind: Bind, events: Sequence[Event]) -> None:
        """Everything that one read or tick brought."""

    def before_write(self, bind: Bind) -> None:
        """The moment to put into the session what shall go out."""

    def on_lost(self, bind: Bind, why: str) -> None:
        """The connection is gone, and with it what was in flight on it."""

    def on_failed(self, why: str) -> None:
        """There is no connection to be had."""


class Bind:
    """A connection with its place in a lane. `command` is the bind that it asks for."""

    def __init__(self, lane: Lane, config: SmppConfig, command: Command, chance: Chance) -> None:
        self.command = command
        self.link: Link | None = None
        self._lane = lane
        self._config = config
        self._chance = chance
        self._outbinds = config.outbinds if command is not Command.BIND_TRANSMITTER else None
        self._callers: set[Link] = set()
        self._failures = 0
        self._refused = False

    @property
    def bound(self) -> bool:
        """Whether requests can pass."""
        return self.link is not None and self.link.session.bound

    async def run(self) -> None:
        """Keep it up until cancelled; then the last link is left as it is."""
        if self._outbinds is not None:
            await self._listen(self._outbinds)
        while True:
            await self._connect_once()
            ceiling_s = self._config.reconnect_ceiling_s(self._failures, self._refused)
            self._failures += 1
            await asyncio.sleep(ceiling_s * self._chance.random())

    async def leave(self) -> None:
        """Unbind, wait `UNBIND_TIMEOUT_S` for the answer, and close."""
        link = self.link
        if link is None:
            return
        if link.session.bound:
            link.session.unbind(asyncio.get_running_loop().time())
            link.flush()
            await within(UNBIND_TIMEOUT_S, link.lost)
        link.close("the lane was stopped")

    # ── what links tell ──

    def on_connected(self, link: Link) -> None:
        """Ask for the bind; whoever has called us must say who it is first."""
        if self._outbinds is None:
            self._take(link)
        elif len(self._callers) >= CALLERS_MAX:
            link.cut("too many connections")
        else:
            self._callers.add(link)

    def on_events(self, link: Link, events: Sequence[Event]) -> None:
        """Hear about the bind, and hand all of it on."""
        for event in events:
            match event:
                case Called(system_id, password) if link in self._callers:
                    self._on_called(link, system_id, password)
                case Bound():
                    self._failures, self._refused = 0, False
                    _log.info("bound", lane=self._lane.name, as_=self.command.name.lower())
                case BindRefused(status):
                    self._on_refused(status)
                case _:
                    continue
        if link is self.link:
            self._lane.on_events(self, events)

    def before_write(self, link: Link) -> None:
        """Let the lane fill the session."""
        if link is self.link and link.session.bound:
            self._lane.before_write(self)

    def on_lost(self, link: Link, why: str) -> None:
        """Tell the lane, once."""
        self._callers.discard(link)
        if link is self.link:
            self.link = None
            self._lane.on_lost(self, why)

    # ── how it comes up ──

    def _take(self, link: Link) -> None:
        self.link, self._refused = link, False
        link.session.bind(self._config.bind, asyncio.get_running_loop().time(), self.command)

    def _on_called(self, link: Link, system_id: str, password: str) -> None:
        """A message centre that names itself rightly is bound to, one at a time."""
        self._callers.discard(link)
        wanted = self._outbinds
        known = wanted is not None and hmac.compare_digest(
            f"{wanted.system_id}\0{wanted.password}".encode(), f"{system_id}\0{password}".encode()
        )
        if not known or self.link is not None:
            _log.warning("an outbind was turned away", lane=self._lane.name, known=known)
            link.close("the outbind was turned away")
        else:
            self._take(link)

    def _on_refused(self, status: int) -> None:
        """An alarm: no pause helps against a wrong password, and hammering makes carriers lock accounts."""
        self._refused = True
        ceiling_s = self._config.reconnect_ceiling_s(self._failures, refused=True)
        _log.error(
            "the carrier refuses the bind", lane=self._lane.name, status=meaning(status).name,
            failures=self._failures + 1, next_try_within_s=ceiling_s,
        )  # fmt: skip

    async def _connect_once(self) -> None:
        """Come up, and stay until the connection is lost."""
        config = self._config
        link = Link(Role.ESME, session_config(config), self)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: link, config.host, config.port, ssl=config.tls
                )
        except (OSError, ValueError) as error:
            self._lane.on_failed(str(error) or "no connection in time")
        else:
            await link.lost.wait()

    async def _listen(self, outbinds: Outbinds) -> None:
        """Wait to be called, for as long as the lane runs; a port that cannot be had is asked for again."""
        config, loop = session_config(self._config), asyncio.get_running_loop()
        while True:
            try:
                server = await loop.create_server(lambda: Link(Role.ESME, config, self), outbinds.host, outbinds.port)
            except OSError as error:
                self._lane.on_failed(f"the port for outbinds cannot be had: {error.strerror}")
                await asyncio.sleep(self._config.reconnect_max_s * self._chance.random())
            else:
                async with server:
                    await server.serve_forever()


def session_config(config: SmppConfig) -> SessionConfig:
    """A lane's session."""
    return SessionConfig(
        config.system_id,
        window_size_max=config.window_size_max,
        response_timeout_s=config.response_timeout_s,
        enquire_link_s=config.enquire_link_s,
    )


async def within(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event, and no longer than so."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
