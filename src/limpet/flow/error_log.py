"""Requests to customers' URLs that fail, told as events of Twilio's error log to the sinks that have subscribed to it.

Every failure of a webhook is told. Of a sink the first one is, then the tenth, the hundredth and so on, and one every
SINK_TOLD_EVERY_S, as Twilio groups them; never to that sink. An event of the error log that fails is told to nobody, so that
what tells of failures causes none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs

from limpet.clock import Clock
from limpet.core.ids import BUCKETS
from limpet.core.model import Account
from limpet.flow.directory import Directory
from limpet.flow.events import Events
from limpet.flow.tried import Fault, Tried
from limpet.store.callbacks import EVENT, OwedCallback
from limpet.store.database import Database
from limpet.twilio.event_types import ERROR_LOGGED
from limpet.twilio.events import Event, error_event, event_message, event_type
from limpet.twilio.sid import error_sid
from limpet.webhook import Cause, Posted

SINK_TOLD_EVERY_S: Final = 20 * 60.0
SINKS_REMEMBERED_MAX: Final = 10_000
PRODUCT, SINKS_PRODUCT = "Programmable Messaging", "Event Streams"
_OF_WEBHOOKS: Final[Mapping[Cause, int]] = {
    Cause.URL: 11100, Cause.ADDRESS: 11205, Cause.CONNECT: 11205, Cause.READ: 11205,
    Cause.CLIENT_ERROR: 11200, Cause.GONE: 11200, Cause.SERVER_ERROR: 11200,
}  # fmt: skip
_OF_SINKS: Final[Mapping[Cause, int]] = {
    Cause.URL: 91300, Cause.ADDRESS: 91307, Cause.CONNECT: 91307, Cause.READ: 91308,
    Cause.CLIENT_ERROR: 91305, Cause.GONE: 91305, Cause.SERVER_ERROR: 91306,
}  # fmt: skip
"""Twilio's codes (twilio.com/docs/api/errors), whose words are not repeated here."""


class ErrorLog:
    """Makes the events of what failed. `sid_key` signs their SIDs, `new_id` makes their ids."""

    def __init__(
        self, database: Database, directory: Directory, events: Events, clock: Clock, sid_key: bytes,
        new_id: Callable[[datetime], int],
    ) -> None:  # fmt: skip
        self._database = database
        self._directory = directory
        self._events = events
        self._clock = clock
        self._sid_key = sid_key
        self._new_id = new_id
        self._sinks: dict[tuple[int, str], tuple[int, float]] = {}

    async def of(self, tried: Sequence[Tried]) -> list[OwedCallback]:
        """The events that these tries owe, to be written with the log of them."""
        for one in tried:
            if one.owed.kind == EVENT and isinstance(one.outcome, Posted):
                self._sinks.pop((one.owed.account_id, one.owed.url), None)
        told = [
            fault
            for one in tried
            for fault in one.faults
            if self._is_heard(one.owed.account_id) and self._is_told(one.owed)
        ]
        if not told:
            return []
        async with self._database.pool.acquire() as connection:
            accounts = await self._directory.accounts(connection, {fault.asked.account_id for fault in told})
        now = self._clock.now()
        return [row for fault in told for row in self._rows(fault, accounts[fault.asked.account_id], now)]

    def _is_heard(self, account_id: int) -> bool:
        return ERROR_LOGGED in (self._events.streams.of(account_id) or ())

    def _is_told(self, owed: OwedCallback) -> bool:
        """Whether a failure is one that is told; what went along in the same request failed with it, and counts as well."""
        if owed.kind != EVENT:
            return True
        if event_type(owed.payload) == ERROR_LOGGED:
            return False
        key, now_s = (owed.account_id, owed.url), self._clock.monotonic()
        count, told_s = self._sinks.get(key, (0, now_s))
        tell = _is_round(count + 1) or now_s - told_s >= SINK_TOLD_EVERY_S
        if key not in self._sinks and len(self._sinks) >= SINKS_REMEMBERED_MAX:
            self._sinks.clear()
        self._sinks[key] = count + 1, now_s if tell else told_s
        return tell

    def _rows(self, fault: Fault, account: Account, now: datetime) -> list[OwedCallback]:
        owed = fault.asked
        return self._events.rows(
            account.id, [self._event(fault, account, now)], now, but=owed.url if owed.kind == EVENT else None
        )

    def _event(self, fault: Fault, account: Account, now: datetime) -> Event:
        owed, failed, of_sink = fault.asked, fault.failed, fault.asked.kind == EVENT
        row_id = self._new_id(now)
        resource, service = _named(owed)
        return error_event(
            sid=error_sid(row_id % BUCKETS, row_id, sid_key=self._sid_key),
            error_code=(_OF_SINKS if of_sink else _OF_WEBHOOKS)[failed.cause],
            text=failed.why,
            account_sid=account.sid,
            master_account_sid=account.owner_sid or account.sid,
            service_sid=service,
            resource_sid=resource,
            product=SINKS_PRODUCT if of_sink else PRODUCT,
            url=_without_credentials(owed.url),
            method=owed.method,
            status=failed.status,
            at=now,
            message=(owed.bucket, owed.message_id),
        )


def _named(owed: OwedCallback) -> tuple[str | None, str | None]:
    """The message and the service that a callback tells of, as far as it does; a batch tells of more than one message."""
    if owed.kind == EVENT:
        return (event_message(owed.payload) if owed.payload.count('"specversion"') == 1 else None), None
    form = parse_qs(owed.payload)
    sid = form.get("MessageSid") or form.get("sms_sid")
    service = form.get("MessagingServiceSid") or form.get("messaging_service_sid")
    return sid[0] if sid else None, service[0] if service else None


def _without_credentials(url: str) -> str:
    """A URL without user and password, and without the fragment, which is ours to read."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def _is_round(count: int) -> bool:
    """1, 10, 100 and so on."""
    while count >= 10 and count % 10 == 0:
        count //= 10
    return count == 1
