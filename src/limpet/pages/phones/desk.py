"""What the pages of phones work with: the running server's parts, and bubbles as they are shown, made once for all who look."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from limpet.core.model import Account, Message
from limpet.pages.ask import Ask, Refused, Renderer
from limpet.pages.phones.bubble import Bubble, bubble_of
from limpet.pages.phones.facts import Facts
from limpet.pages.phones.feed import Feed, Seen
from limpet.store.dispatch import Key
from limpet.store.phones import Phones
from limpet.twilio.sid import message_sid, parse_message_sid
from limpet.web.deps import Deps, PersonWrites, Simulated

RENDERED_MAX: Final = 8000


class Releaser(Protocol):
    """Lets a message that a simulated carrier caught go to a real one."""

    carrier: str

    def allows(self, recipient: str) -> bool:
        """Whether the person is one of those to whom something may really go."""

    async def release(self, message: Message, media: Sequence[str] = ()) -> str:
        """Send it; answers in one sentence what the carrier said."""


@dataclass
class Desk:
    """The parts. `fates` are the names of what the simulated carriers can let become of messages;
    `step` moves the clock on, where it can be moved; `offset` says how far it has been."""

    deps: Deps
    feed: Feed
    store: Phones
    facts: Facts
    simulated: Simulated
    person_writes: PersonWrites
    fates: Sequence[str] = ()
    step: Callable[[timedelta], Awaitable[None]] | None = None
    offset: Callable[[], timedelta] = timedelta
    releaser: Releaser | None = None
    answers: Callable[[Key, int], str | None] = lambda _key, _attempt: None
    """What a customer's URL answered to a try of a callback, as far as it is remembered."""
    begin_anew: Callable[[], None] = lambda: None
    """Told that everything that was sent and heard has been forgotten, and that time has gone back to where it started."""
    streams: int = 0
    _rendered: OrderedDict[Key, tuple[int, str]] = field(default_factory=OrderedDict)

    def sid(self, message: Message) -> str:
        """A message's SID."""
        key = self.deps.installation.sid_key
        return message_sid(message.bucket, message.id, media=message.num_media > 0, sid_key=key)

    def bubble(self, seen: Seen) -> Bubble:
        """A message as a bubble."""
        return bubble_of(seen.message, self.sid(seen.message), seen.media, seen.tries)

    def bubble_html(self, seen: Seen, renderer: Renderer) -> str:
        """A bubble as it stands in a page; made once for each version of its message."""
        key = Key(seen.message.bucket, seen.message.id)
        known = self._rendered.get(key)
        if known is not None and known[0] == seen.version:
            return known[1]
        html = renderer.render("phones/bubble.html", bubble=self.bubble(seen))
        self._rendered[key] = seen.version, html
        self._rendered.move_to_end(key)
        if len(self._rendered) > RENDERED_MAX:
            self._rendered.popitem(last=False)
        return html

    async def message(self, ask: Ask) -> tuple[Account, Message]:
        """The message that a path names, and whose it is; Refused when there is none."""
        place = parse_message_sid(ask.parts["sid"], self.deps.installation.sid_key)
        found = None if place is None else await self.store.message(*place)
        if found is not None:
            return await self.account(found.account_id), found
        raise Refused("There is no such message, or not any more.", 404)

    async def account(self, account_id: int) -> Account:
        """An account by its id."""
        pool = self.deps.database.pool
        async with pool.acquire() as connection:
            return (await self.deps.directory.accounts(connection, {account_id}))[account_id]
