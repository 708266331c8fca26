"""What has changed on the phones, for all pages that are open: one reader of the database, whoever looks.

Each message is kept as it was last seen, with the version at which it became so. A page that has everything up to a version asks
for what came after it. Without anybody who watches nothing is read.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from limpet.clock import Clock
from limpet.core.ids import id_floor
from limpet.core.media import Medium
from limpet.core.model import Message
from limpet.pages.phones.bubble import is_over
from limpet.store.database import DATABASE_AWAY
from limpet.store.dispatch import Key
from limpet.store.phones import Phones, Try

MESSAGES_MAX: Final = 4000
"""So many messages are shown, the newest."""
TRIES_MAX: Final = 3
"""So many tries of callbacks a message are told of in its bubble; the others are a click away."""
POLL_S: Final = 0.2
WHOLE_EVERY: Final = 25
"""Each so many-th look reads everything anew: what was deleted goes, what came late is found."""
OVERLAP: Final = timedelta(seconds=3)
"""A message is committed at most so long after its id was made; what takes longer is found by a whole look."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as it was last seen, and since which version it has been so."""

    message: Message
    media: tuple[Medium, ...]
    tries: tuple[Try, ...]
    version: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What came after a version: messages that are new or other, and those that are gone. `whole` is false for a version of which
    too little is remembered: then everything is to be read again."""

    version: int
    seen: tuple[Seen, ...] = ()
    gone: tuple[Key, ...] = ()
    whole: bool = True


class Feed:
    """The reader. `run` names this run of the server, so that versions of another are not taken for its own."""

    def __init__(self, phones: Phones, clock: Clock, run: str) -> None:
        self._phones = phones
        self._clock = clock
        self.run = run
        self.version = 0
        self._seen: OrderedDict[Key, Seen] = OrderedDict()  # in the order of their versions
        self._gone: OrderedDict[Key, int] = OrderedDict()
        self._forgotten = 0
        self._accounts: list[int] = []
        self._tries: dict[Key, tuple[Try, ...]] = {}
        self._looked_at = clock.now()
        self._looks = 0
        self._watchers = 0
        self._looking = asyncio.Lock()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.closed = False

    async def fresh(self) -> None:
        """Look now: what is committed by now has been seen afterwards."""
        await self._look(whole=self._task is None)

    async def whole(self) -> None:
        """Look at everything anew, now: what has been deleted is gone afterwards."""
        await self._look(whole=True)

    def seen(self) -> list[Seen]:
        """Everything that is shown, in the order of the ids."""
        return sorted(self._seen.values(), key=lambda one: one.message.id)

    def after(self, version: int) -> Changes:
        """What came after a version, the oldest change first."""
        if not self._forgotten <= version <= self.version:
            return Changes(self.version, whole=False)
        found: list[Seen] = []
        for one in reversed(self._seen.values()):
            if one.version <= version:
                break
            found.append(one)
        gone = tuple(key for key, since in self._gone.items() if since > version)
        return Changes(self.version, tuple(reversed(found)), gone)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """While somebody watches, looks are taken."""
        self._watchers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._watchers -= 1

    async def news(self, version: int, timeout_s: float) -> bool:
        """Wait until there is something after a version; False when there is not in time, or everything ends."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.version <= version and not self.closed:
                    await self._news.wait()
        except TimeoutError:
            return False
        return not self.closed

    async def close(self) -> None:
        """End it, and let nobody wait any more."""
        self.closed = True
        self._news.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._watchers:
                try:
                    await self._look(whole=self._looks % WHOLE_EVERY == 0)
                except DATABASE_AWAY as error:
                    _log.warning("phones could not be read", why=error)
                except Exception:  # noqa: BLE001 - pages that are open must not stand still for ever
                    _log.exception("phones could not be read")
                self._looks += 1
                await asyncio.sleep(POLL_S)
        finally:
            self._task = None

    async def _look(self, *, whole: bool) -> None:
        async with self._looking:
            now = self._clock.now()
            if whole or not self._accounts:
                self._accounts = await self._phones.accounts()
            since = 0 if whole else id_floor(self._looked_at - OVERLAP)
            found = await self._phones.newest(self._accounts, since, MESSAGES_MAX)
            if not whole:
                here = {Key(message.bucket, message.id) for message in found}
                open_ = [one.message for key, one in self._seen.items() if key not in here and not is_over(one.message)]
                found += await self._phones.changed(open_)
            tried = await self._phones.tried(self._accounts, since, MESSAGES_MAX)
            await self._take(found, self._told(tried), whole=whole)
            self._looked_at = now

    def _told(self, tried: Sequence[Try]) -> set[Key]:
        """Keep tries; answers the messages of which something new was told."""
        new: set[Key] = set()
        for one in tried:
            before = self._tries.get(one.key, ())
            if all(one.id != other.id for other in before) and (len(before) < TRIES_MAX or one.id > before[0].id):
                self._tries[one.key] = tuple(sorted((*before, one), key=lambda each: each.id))[-TRIES_MAX:]
                new.add(one.key)
        return new

    async def _take(self, found: Iterable[Message], told: set[Key], *, whole: bool) -> None:
        there = {Key(message.bucket, message.id): message for message in found}
        other = {
            key: message
            for key, message in there.items()
            if key not in self._seen or self._seen[key].message != message
        }
        for key in told & self._seen.keys():
            other.setdefault(key, self._seen[key].message)
        media = await self._phones.media([key for key, message in other.items() if message.num_media])
        gone = [key for key in self._seen if key not in there] if whole else []
        if not other and not gone:
            return
        self.version += 1
        for key, message in sorted(other.items(), key=lambda item: item[1].id):
            self._gone.pop(key, None)
            self._seen[key] = Seen(message, media.get(key, ()), self._tries.get(key, ()), self.version)
            self._seen.move_to_end(key)
        for key in gone:
            self._forget(key)
        self._bound()
        self._news.set()
        self._news = asyncio.Event()

    def _forget(self, key: Key) -> None:
        del self._seen[key]
        self._tries.pop(key, None)
        self._gone[key] = self.version

    def _bound(self) -> None:
        """Let go of what is more than MESSAGES_MAX, and of what is known of who is gone."""
        if len(self._seen) > MESSAGES_MAX:
            for key in sorted(self._seen, key=lambda key: key.id)[:-MESSAGES_MAX]:
                self._forget(key)
        while len(self._gone) > MESSAGES_MAX:
            _, self._forgotten = self._gone.popitem(last=False)
