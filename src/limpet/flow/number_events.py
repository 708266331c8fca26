"""What customers hear of the registration of their numbers: events in Twilio's shape, owed in the transaction of each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from limpet.core.registration import Told
from limpet.flow.events import Events
from limpet.store.callbacks import OwedCallback
from limpet.store.database import Connection, after_commit
from limpet.twilio.events import Event, NumberState, number_event


class NumberEvents:
    """The `owe` of a `RegistrationBook`. `post` takes rows that are committed."""

    def __init__(self, events: Events, post: Callable[[Sequence[OwedCallback]], None]) -> None:
        self._events = events
        self._post = post

    async def owe(self, connection: Connection, account_id: int, told: Sequence[Told], now: datetime) -> None:
        """Owe an account what it is to hear, and have it posted once the steps are committed."""
        owed = await self._events.owe(connection, account_id, map(event_of, told), now)
        if owed:
            after_commit(partial(self._post, owed))


def event_of(told: Told) -> Event:
    """A step as the event that tells of it; its type ends in what is done and how far it has come."""
    process, state = told.tells.removeprefix("number-").split(".")
    return number_event(
        registering=process == "registration", state=NumberState(state), event_id=told.key, phone_number=told.number,
        phone_number_sid=told.number_sid, account_sid=told.account_sid, campaign_sid=told.campaign_sid,
        messaging_service_sid=told.service_sid, at=told.at, updated_at=told.at, failure_reason=told.reason,
    )  # fmt: skip
