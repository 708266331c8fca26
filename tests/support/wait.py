"""Waiting for a condition that something else brings about, instead of for time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

WAIT_S = 10.0


async def until(condition: Callable[[], Awaitable[bool]] | Callable[[], bool], at_most_s: float = WAIT_S) -> None:
    """Return as soon as the condition holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(at_most_s):
        while True:
            answer = condition()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await asyncio.sleep(0)
