"""What the pages of the console work with: the running server's parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.responses import Response

from limpet.core.console import Act
from limpet.pages.ask import Ask
from limpet.pages.console.visit import Visit
from limpet.store.console import ConsoleLog, Minutes
from limpet.store.operators import Operator, Operators
from limpet.web.auth import Authenticator
from limpet.web.deps import Deps

Page = Callable[["Desk", Visit], Awaitable[Response]]
Entrance = Callable[["Desk", Ask], Awaitable[Response]]


@dataclass(frozen=True)
class Way:
    """A page, and the deed that asking for it is."""

    act: Act
    page: Page


@dataclass
class Desk:
    """The parts. `secure` says that browsers come by TLS; `developer` is who somebody is who comes to a development server from
    its own machine and has not signed in."""

    deps: Deps
    auth: Authenticator
    operators: Operators
    log: ConsoleLog
    minutes: Minutes
    secure: bool = False
    developer: Operator | None = None
    spreads: dict[int, tuple[float, dict[int, int], float]] = field(default_factory=dict)
    """Of services: when (monotonic) it was last counted how their mappings spread over members, what was found, and by what to
    multiply."""
