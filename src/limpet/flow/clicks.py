"""Short links that people open: each click is counted, and the customer's callback is owed, in one transaction.

The callback waits in the same queue as status callbacks and is signed like them. Which requests are clicks is the question of
`limpet.core.links`, how a request reads that of `limpet.web`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from limpet.clock import Clock
from limpet.core.ids import id_time
from limpet.core.retention import as_kept
from limpet.core.status import FINAL_STATES, Status
from limpet.flow.directory import Directory
from limpet.flow.owed import LEASE
from limpet.store import callbacks, links
from limpet.store.callbacks import CLICK, OwedCallback
from limpet.store.database import Connection, Database, Installation
from limpet.store.links import Followed, LinkConfig
from limpet.twilio.click_form import click_form
from limpet.twilio.sid import message_sid


@dataclass(frozen=True, slots=True)
class Opened:
    """A request for a short link. `shortened_link` is as the person has it, `counts` says that a person made it."""

    code: str
    shortened_link: str
    user_agent: str
    counts: bool


class Clicks:
    """Follows short links. `post` takes callbacks that are committed."""

    def __init__(
        self, database: Database, directory: Directory, installation: Installation, clock: Clock,
        new_id: Callable[[datetime], int], post: Callable[[Sequence[OwedCallback]], None],
    ) -> None:  # fmt: skip
        self._database = database
        self._directory = directory
        self._keys = installation
        self._clock = clock
        self._new_id = new_id
        self._post = post

    async def follow(self, opened: Opened) -> str | None:
        """Where a short link leads; for one that is over its account's fallback, None where there is nothing."""
        now = self._clock.now()

        async def work(connection: Connection) -> tuple[str | None, list[OwedCallback]]:
            place = await links.find(connection, opened.code, self._keys.bucket_key)
            if place is None:
                return None, []
            config = await links.config_of(connection, place.account_id)
            found = await links.followed(connection, place, opened.code, now)
            if found is None:
                return config.fallback_url if config else None, []
            if not opened.counts:
                return found.url, []
            await links.clicked(connection, place, opened.code)
            owed = await self._owed(connection, config, found, opened, now)
            await callbacks.insert(connection, owed)
            return found.url, owed

        url, owed = await self._database.transaction(work)
        if owed:
            self._post(owed)
        return url

    async def _owed(
        self, connection: Connection, config: LinkConfig | None, found: Followed, opened: Opened, now: datetime
    ) -> list[OwedCallback]:
        """The callback that a click owes, if the account wants any."""
        if config is None or config.callback_url is None:
            return []
        message = found.message
        await self._directory.sids(
            connection, {message.account_id}, {message.service_id} if message.service_id else set()
        )
        shown = as_kept(message.recipient, "", message.marks)[0]
        to = shown if Status(message.status) in FINAL_STATES else message.recipient
        kept = self._form(found, opened, shown, now)
        return [
            OwedCallback(
                message.key.bucket, self._new_id(now), message.account_id, message.key.id, config.callback_url,
                self._form(found, opened, to, now), now + LEASE, kind=CLICK, payload_kept=None if to == shown else kept,
            )
        ]  # fmt: skip

    def _form(self, found: Followed, opened: Opened, to: str, now: datetime) -> str:
        message = found.message
        return click_form(
            message_sid=message_sid(*message.key, media=bool(message.num_media), sid_key=self._keys.sid_key),
            account_sid=self._directory.account_sid(message.account_id),
            messaging_service_sid=self._directory.service_sid(message.service_id),
            to=to,
            from_=message.sender,
            link=found.url,
            shortened_link=opened.shortened_link,
            link_create_time=id_time(message.key.id),
            click_time=now,
            user_agent=opened.user_agent,
        )
