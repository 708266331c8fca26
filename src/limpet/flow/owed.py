"""Which status changes a customer is told of, by callback and by event, and the rows that say so: made beside the change, in its
transaction.

Every change passes by here, so this is also where what is not kept of a message goes when nothing needs it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial

from limpet.core.esme import is_esme_address
from limpet.core.retention import FORGOTTEN, Mark, Pseudonyms, as_kept
from limpet.core.status import CALLBACK_STATES, FINAL_STATES, Status, parse_callback_events
from limpet.flow.counts import Counts
from limpet.flow.directory import Directory
from limpet.flow.events import Events
from limpet.store import callbacks, retention
from limpet.store.callbacks import ESME_RECEIPT, STATUS, OwedCallback
from limpet.store.database import Connection, after_commit
from limpet.store.dispatch import Outgoing
from limpet.store.retention import Over
from limpet.twilio.callback import status_callback_form
from limpet.twilio.event_types import MESSAGE_EVENTS
from limpet.twilio.events import Event, message_event
from limpet.twilio.sid import message_sid

LEASE = callbacks.LEASE


@dataclass(frozen=True, slots=True)
class Told:
    """A message that has come to `status`. `done_at` is the carrier's own time of delivery, where it gave one."""

    message: Outgoing
    status: Status
    error_code: int | None = None
    done_at: datetime | None = None


class Owed:
    """Makes callback rows. `sid_key` signs message SIDs."""

    def __init__(
        self, directory: Directory, events: Events, sid_key: bytes, new_id: Callable[[datetime], int], pseudonyms: Pseudonyms
    ) -> None:  # fmt: skip
        self._directory = directory
        self._events = events
        self._sid_key = sid_key
        self._new_id = new_id
        self._pseudonyms = pseudonyms
        self.counts = Counts()

    async def write(self, connection: Connection, changes: Iterable[Told], now: datetime) -> list[OwedCallback]:
        """Write the callbacks that these changes owe, and take out what is not kept of their messages."""
        told = list(changes)
        owed = await self._rows(connection, told, now)
        await callbacks.insert(connection, owed)
        after_commit(partial(self.counts.told, told))
        if any(one.message.marks & FORGOTTEN for one in told):
            await self.forget(connection, told)
        return owed

    async def forget(self, connection: Connection, told: Sequence[Told]) -> None:
        """Take out what is not kept of messages that have come to these states."""
        over = [one for each in told if (one := self._over(each)) is not None]
        if over:
            await retention.forget(connection, over)

    def _over(self, told: Told) -> Over | None:
        """What is over with a message: text and media once the carrier has them, its recipient once nothing more can come."""
        message, final = told.message, told.status in FINAL_STATES
        wordy = (
            message.marks & Mark.DISCARD
            and (message.body or message.num_media)
            and (final or told.status is Status.SENT)
        )
        hide = final and message.marks & (Mark.OBFUSCATE | Mark.OBFUSCATED) == Mark.OBFUSCATE
        if not wordy and not hide:
            return None
        pseudonym = self._pseudonyms.of(message.recipient) if hide else None
        return Over(message.key, message.recipient, pseudonym, media=bool(wordy and message.num_media))

    async def _rows(self, connection: Connection, changes: Sequence[Told], now: datetime) -> list[OwedCallback]:
        """The callbacks and events that these changes owe; those that nobody asked for owe none."""
        wanted = [
            told
            for told in changes
            if told.message.status_callback and wants(told.message.callback_events, told.status)
        ]
        heard = [told for told in changes if self._is_heard(told)] if self._events.streams.any else []
        if not wanted and not heard:
            return []
        asked = wanted + heard
        services = {told.message.service_id for told in asked if told.message.service_id is not None}
        await self._directory.sids(connection, {told.message.account_id for told in asked}, services)
        events = [
            row for told in heard for row in self._events.rows(told.message.account_id, [self._event(told, now)], now)
        ]
        return [self._row(told, now) for told in wanted] + events

    def _is_heard(self, told: Told) -> bool:
        routes = self._events.streams.of(told.message.account_id)
        return routes is not None and MESSAGE_EVENTS.get(told.status) in routes

    def _event(self, told: Told, now: datetime) -> Event:
        message = told.message
        to, kept = _recipients(told)
        return message_event(
            status=told.status,
            message_sid=message_sid(*message.key, media=bool(message.num_media), sid_key=self._sid_key),
            account_sid=self._directory.account_sid(message.account_id),
            messaging_service_sid=self._directory.service_sid(message.service_id),
            to=to,
            to_kept=kept,
            from_=message.sender,
            status_callback=None if is_esme_address(message.status_callback or "") else message.status_callback,
            num_segments=message.num_segments,
            error_code=told.error_code,
            done_at=told.done_at,
            at=now,
            message=message.key,
        )

    def _row(self, told: Told, now: datetime) -> OwedCallback:
        message = told.message
        to, kept = _recipients(told)
        by_smpp = is_esme_address(message.status_callback or "")
        return OwedCallback(
            bucket=message.key.bucket,
            id=self._new_id(now),
            account_id=message.account_id,
            message_id=message.key.id,
            url=message.status_callback or "",
            payload=self._form(told, to),
            due_at=now if by_smpp else now + LEASE,
            kind=ESME_RECEIPT if by_smpp else STATUS,
            payload_kept=None if kept is None else self._form(told, kept),
        )

    def _form(self, told: Told, to: str) -> str:
        message = told.message
        return status_callback_form(
            message_sid=message_sid(*message.key, media=bool(message.num_media), sid_key=self._sid_key),
            account_sid=self._directory.account_sid(message.account_id),
            status=told.status,
            to=to,
            from_=message.sender,
            messaging_service_sid=self._directory.service_sid(message.service_id),
            error_code=told.error_code,
            done_at=told.done_at,
        )


def _recipients(told: Told) -> tuple[str, str | None]:
    """A message's recipient as it is told now, and as it is kept, where that differs: what is over is told as it is kept."""
    message = told.message
    if not message.marks & Mark.OBFUSCATE:
        return message.recipient, None
    kept = as_kept(message.recipient, "", message.marks)[0]
    return (kept, None) if told.status in FINAL_STATES or kept == message.recipient else (message.recipient, kept)


@lru_cache(maxsize=1000)
def wants(events: str, status: Status) -> bool:
    """Whether a `StatusCallbackEvents` asks for a status; what cannot be read asks for all."""
    parsed = parse_callback_events(events)
    return status in (CALLBACK_STATES if parsed is None else parsed)
