"""Batches of what arrives together, and loops that a server runs until it stops.

Alone an item is a batch of one and waits for nobody; while a batch is under way the next one gathers. No timer is involved.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Generic, TypeVar

import structlog

from limpet import tracing
from limpet.store.database import DATABASE_AWAY

T = TypeVar("T")
R = TypeVar("R")

_log = structlog.get_logger()

BATCH_MAX = 500
WAITING_MAX = 20_000
RESTART_PAUSE_S = 1.0
TROUBLE_PAUSE_S = 0.5
"""How long whoever needs the database waits for it before asking again."""


class Batcher(Generic[T, R]):
    """Runs `run(items)` on what has gathered, at most `concurrency` batches at a time; each item gets its own answer.

    An error of `shared` kind concerns the whole batch. Any other is taken to be one item's fault: the batch is halved until
    the culprit stands alone, and only it gets the error.
    """

    def __init__(
        self,
        run: Callable[[list[T]], Awaitable[Sequence[R]]],
        *,
        batch_max: int = BATCH_MAX,
        waiting_max: int = WAITING_MAX,
        concurrency: int = 1,
        shared: tuple[type[Exception], ...] = DATABASE_AWAY,
    ) -> None:
        self._run = run
        self._shared = shared
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._free = concurrency
        self._waiting: deque[tuple[T, asyncio.Future[R] | None]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def full(self) -> bool:
        """Whether no more can wait: the caller refuses instead."""
        return len(self._waiting) >= self._waiting_max

    def put(self, item: T) -> asyncio.Future[R]:
        """Let an item join the next batch; the future is its answer, or the error that its batch met."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, answer))
        self._begin(loop)
        return answer

    def add(self, items: Iterable[T]) -> None:
        """Let items join the next batch whose answers nobody waits for."""
        self._waiting.extend((item, None) for item in items)
        if self._waiting:
            self._begin(asyncio.get_running_loop())

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._free:
            self._free -= 1
            task = loop.create_task(self._drain())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._running:
            await asyncio.wait(self._running)

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._one()
        finally:
            self._free += 1

    async def _one(self) -> None:
        await self._answer([self._waiting.popleft() for _ in range(min(self._batch_max, len(self._waiting)))])

    async def _answer(self, taken: list[tuple[T, asyncio.Future[R] | None]]) -> None:
        try:
            work = self._run([item for item, _ in taken])
            if tracing.active is not None:
                work = tracing.active.batch(_owner(self._run), len(taken), work)
            answers = await work
        except self._shared as error:
            _fail(taken, error)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            if len(taken) == 1:
                _log.error("an item could not be processed", exc_info=error)
                _fail(taken, error)
                return
            await self._answer(taken[: len(taken) // 2])
            await self._answer(taken[len(taken) // 2 :])
        else:
            for (_, future), answer in zip(taken, answers, strict=True):
                if future is not None and not future.done():
                    future.set_result(answer)


def _owner(run: Callable[..., object]) -> str:
    """Whose batches these are: `accept` of a method of Accept."""
    return type(getattr(run, "__self__", run)).__name__.lower()


def _fail(taken: Sequence[tuple[T, asyncio.Future[R] | None]], error: Exception) -> None:
    for _, future in taken:
        if future is not None and not future.done():
            future.set_exception(error)
            future.exception()  # whoever does not wait for it is not scolded for that


Loop = Callable[[], Coroutine[Any, Any, None]]
"""Makes the coroutine of something that runs for as long as the process does."""


async def supervise(loop: Loop) -> None:
    """Run a loop, and begin it again after a pause when it has ended by a defect: one bad row must not stop a server."""
    while True:
        try:
            await loop()
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop goes on
            _log.error("a loop has ended and begins again", exc_info=error)
        await asyncio.sleep(RESTART_PAUSE_S)


class Nudge:
    """A loop's bell: rung by whoever has work for it, or by time."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is work."""
        self._rung.set()

    async def wait(self, at_most_s: float) -> None:
        """Until rung, or until the time is over."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()
