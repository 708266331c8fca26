"""Which status changes a customer is told of, by callback and by event, and the rows that say so: made beside the change, in its
transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from limpet.core.encoding import segment
from limpet.core.status import CALLBACK_STATES, Status, parse_callback_events
from limpet.flow.directory import Directory
from limpet.flow.events import Events
from limpet.store import callbacks
from limpet.store.callbacks import OwedCallback
from limpet.store.dispatch import Outgoing
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
        self, directory: Directory, events: Events, sid_key: bytes, new_id: Callable[[datetime], int]
    ) -> None:  # fmt: skip
        self._directory = directory
        self._events = events
        self._sid_key = sid_key
        self._new_id = new_id

    async def rows(self, changes: Iterable[Told], now: datetime) -> list[OwedCallback]:
        """The callbacks and events that these changes owe; those that nobody asked for owe none."""
        changes = list(changes)
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
        await self._directory.sids({told.message.account_id for told in asked}, services)
        events = [
            row for told in heard for row in self._events.rows(told.message.account_id, [self._event(told, now)], now)
        ]
        return [self._row(told, now) for told in wanted] + events

    def _is_heard(self, told: Told) -> bool:
        routes = self._events.streams.of(told.message.account_id)
        return routes is not None and MESSAGE_EVENTS.get(told.status) in routes

    def _event(self, told: Told, now: datetime) -> Event:
        message = told.message
        return message_event(
            status=told.status,
            message_sid=message_sid(*message.key, media=bool(message.num_media), sid_key=self._sid_key),
            account_sid=self._directory.account_sid(message.account_id),
            messaging_service_sid=self._directory.service_sid(message.service_id),
            to=message.recipient,
            from_=message.sender,
            status_callback=message.status_callback,
            num_segments=segment(message.body).count,
            error_code=told.error_code,
            done_at=told.done_at,
            at=now,
            message=message.key,
        )

    def _row(self, told: Told, now: datetime) -> OwedCallback:
        message = told.message
        form = status_callback_form(
            message_sid=message_sid(*message.key, media=bool(message.num_media), sid_key=self._sid_key),
            account_sid=self._directory.account_sid(message.account_id),
            status=told.status,
            to=message.recipient,
            from_=message.sender,
            messaging_service_sid=self._directory.service_sid(message.service_id),
            error_code=told.error_code,
            done_at=told.done_at,
        )
        return OwedCallback(
            bucket=message.key.bucket,
            id=self._new_id(now),
            account_id=message.account_id,
            message_id=message.key.id,
            url=message.status_callback or "",
            payload=form,
            due_at=now + LEASE,
        )


@lru_cache(maxsize=1000)
def wants(events: str, status: Status) -> bool:
    """Whether a `StatusCallbackEvents` asks for a status; what cannot be read asks for all."""
    parsed = parse_callback_events(events)
    return status in (CALLBACK_STATES if parsed is None else parsed)
