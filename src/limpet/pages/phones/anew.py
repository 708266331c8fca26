"""A server that begins anew between two tests, in a few milliseconds and without being started again."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response

from limpet.pages.ask import Ask
from limpet.pages.phones.desk import Desk
from limpet.store.emptying import empty, is_quiet

QUIET_WAIT_S: Final = 1.0
"""So long is waited for what is still on its way, so that it does not arrive in the next test."""
_LOOK_EVERY_S: Final = 0.005


async def reset(desk: Desk, ask: Ask) -> Response:
    """POST /phones/reset: forget all messages, mappings, opt-outs and what became of them; the carrier behaves and the clock
    stands as at the start. Accounts, services and numbers stay as they are."""
    desk.simulated.reset()
    await _quiet(desk)
    await empty(desk.deps.database)
    desk.begin_anew()
    await desk.feed.whole()
    if ask.json is None:
        return ask.go("/phones?done=cleared")
    now = desk.deps.clock.now().isoformat()
    return ask.value({"after": f"{desk.feed.run}.{desk.feed.version}", "now": now})


async def _quiet(desk: Desk) -> None:
    """Wait until nothing is on its way; at most QUIET_WAIT_S."""
    now = desk.deps.clock.monotonic
    until = now() + QUIET_WAIT_S
    while not await is_quiet(desk.deps.database) and now() < until:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(_LOOK_EVERY_S)
