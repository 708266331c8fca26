"""The operators' console in front of what a server serves, where there is one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from starlette.types import ASGIApp

from limpet.config import Config, DevOptions
from limpet.flow.worker import supervise
from limpet.pages.console.whole import ConsoleSite
from limpet.store.operators import Operators
from limpet.web.auth import Authenticator
from limpet.web.deps import Deps


async def with_console(
    stack: AsyncExitStack, config: Config, dev: DevOptions | None, app: ASGIApp, deps: Deps, auth: Authenticator,
    operators: Operators,
) -> ASGIApp:  # fmt: skip
    """The application with the console in front of it: with `dev` always, else where the configuration says so."""
    if dev is None and not config.console.enabled:
        return app
    secure = (config.server.public_url or "").startswith("https") or config.server.tls_certificate_file is not None
    here = dev is not None and not config.server.behind_proxy
    console = ConsoleSite(deps, auth, operators, app, secure=secure, open_here=here)
    stack.push_async_callback(_ended, asyncio.create_task(supervise(console.run)))
    return console.app


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
