"""What customers ask over SMPP, each request answered once: submit_sm and data_sm, query_sm, cancel_sm, replace_sm.

A message goes the one way in that all messages go (`limpet.flow.accept`), under the same rules and limits as over HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import structlog

from limpet.clock import Clock
from limpet.core.allowance import Allowances
from limpet.core.errors import ApiError
from limpet.core.esme import RECEIPT_BITS, Ask, address_of, events_for
from limpet.core.model import AccountStatus, Direction
from limpet.core.model import Message as StoredMessage
from limpet.core.status import is_final
from limpet.esme.long_messages import Incomplete, LongMessages, Whole
from limpet.esme.parcels import state_of
from limpet.esme.statuses import status_of
from limpet.esme.submission import form_of, service_in, unfit
from limpet.flow.accept import Accept
from limpet.flow.draft import Answer, NewMessage, Overloaded, Rejected
from limpet.flow.repeat import Idempotency
from limpet.smpp.commands import Body, Cancel, Command, Data, Message, Pdu, Query, QueryAnswer
from limpet.smpp.concatenation import part_of
from limpet.smpp.status import Status
from limpet.smpp.times import write_time
from limpet.store.database import DATABASE_AWAY, Installation
from limpet.store.messages import MessageRefusal, Messages
from limpet.store.smpp_credentials import Esme, SmppCredentials
from limpet.twilio.message_form import parse_message
from limpet.twilio.sid import is_sid, message_sid, parse_message_sid

ERROR_CODE_MAX = 0xFF
_log = structlog.get_logger()


class Reply(NamedTuple):
    """What a request is answered with."""

    status: int = Status.ROK
    message_id: str = ""
    body: Body | None = None


class Caller(NamedTuple):
    """Who asks, and by which service messages go that name none."""

    esme: Esme
    service_sid: str | None


class Requests:
    """Answers requests. `per_s` is how many messages of an account are taken in a second; None for no limit."""

    def __init__(
        self, accept: Accept, messages: Messages, credentials: SmppCredentials, long_messages: LongMessages,
        installation: Installation, clock: Clock, per_s: float | None,
    ) -> None:  # fmt: skip
        self._accept = accept
        self._messages = messages
        self._credentials = credentials
        self._long_messages = long_messages
        self._sid_key = installation.sid_key
        self._clock = clock
        self._allowances = Allowances(per_s)
        self._handlers: Mapping[Command, Callable[[Caller, Pdu], Awaitable[Reply]]] = {
            Command.SUBMIT_SM: self._submit,
            Command.DATA_SM: self._submit,
            Command.QUERY_SM: self._query,
            Command.CANCEL_SM: self._cancel,
            Command.REPLACE_SM: self._replace,
        }

    async def answer(self, caller: Caller, pdu: Pdu) -> Reply:
        """The reply to a request, whatever goes wrong."""
        try:
            return await self._handlers[pdu.command](caller, pdu)
        except ApiError as error:
            return Reply(status_of(error.code))
        except DATABASE_AWAY as error:
            _log.warning("database away", error=type(error).__name__)
            return Reply(status_of(20503))
        except Exception:  # noqa: BLE001 - the outermost place: the customer gets an answer, the log gets the cause
            _log.exception("a request failed", command=pdu.command.name, esme=caller.esme.name)
            return Reply(status_of(20500))

    async def make(self, esme: Esme, whole: Whole) -> Answer:
        """Make a message of parts that an earlier process has left behind."""
        try:
            return await self._take(esme, whole.pdus, whole.parts[0].service_sid, whole.asks, whole.idempotency)
        except ApiError as error:
            return Rejected(error.code, {})

    # ── messages ──

    async def _submit(self, caller: Caller, pdu: Pdu) -> Reply:
        if caller.esme.standing is not AccountStatus.ACTIVE:
            raise ApiError(20005)
        if not self._allowances.take(caller.esme.account.id, self._clock.monotonic()):
            raise ApiError(20429)
        if (status := unfit(pdu)) is not None:
            return Reply(status)
        service_sid = await self._service(caller, pdu)
        part = part_of(pdu)
        if part is not None:
            kept = await self._long_messages.add(caller.esme, pdu, part, service_sid)
            return await self._part(caller.esme, kept)
        registered = _registered(pdu)
        asks = (Ask(None, registered),) if registered else ()
        return self._reply(await self._take(caller.esme, (pdu,), service_sid, asks, None))

    async def _part(self, esme: Esme, kept: Whole | Incomplete | int) -> Reply:
        """The answer to a part: its own id, or for the last one what has become of the message."""
        if isinstance(kept, int):
            raise ApiError(kept)
        if isinstance(kept, Incomplete):
            return Reply(message_id=kept.sid)
        answer = await self.make(esme, kept)
        await self._long_messages.finish(kept, answer)
        return self._reply(answer)

    async def _take(
        self, esme: Esme, pdus: Sequence[Pdu], service_sid: str | None, asks: Sequence[Ask],
        idempotency: Idempotency | None,
    ) -> Answer:  # fmt: skip
        now = self._clock.now()
        asked = parse_message(form_of(pdus, service_sid, now), now)
        return await self._accept.submit(
            NewMessage(
                esme.account, asked.service_sid, asked.sender, asked.recipient, asked.body,
                address_of(esme.name, asks) if asks else None, events_for(asks) if asks else None,
                asked.validity_period_s, asked.send_at, None, idempotency,
            )
        )  # fmt: skip

    async def _service(self, caller: Caller, pdu: Pdu) -> str | None:
        """The SID of the service: the request's own, or the bind's. 21701 for one that the account does not have."""
        name = service_in(pdu)
        if name is None or is_sid("MG", name):
            return name or caller.service_sid
        sid = await self._credentials.service_named(caller.esme.account.id, name)
        if sid is None:
            raise ApiError(21701, service=name)
        return sid

    def _reply(self, answer: Answer) -> Reply:
        if isinstance(answer, StoredMessage):
            return Reply(message_id=self._sid(answer))
        if isinstance(answer, Overloaded):
            return Reply(status_of(20503))
        return Reply(status_of(answer.code) if isinstance(answer, Rejected) else Status.RSUBMITFAIL)

    def _sid(self, message: StoredMessage) -> str:
        return message_sid(message.bucket, message.id, media=bool(message.num_media), sid_key=self._sid_key)

    # ── what became of them ──

    async def _query(self, caller: Caller, pdu: Pdu) -> Reply:
        """What is known of a message (§4.8); RQUERYFAIL for one that the account does not have."""
        assert isinstance(pdu.body, Query)
        found = await self._find(caller, pdu.body.message_id)
        if found is None or found.direction is Direction.INBOUND:
            return Reply(Status.RQUERYFAIL)
        code = found.error_code or 0
        state = state_of(found.status, code)
        final = write_time(found.updated_at) if is_final(found.status) else ""
        return Reply(body=QueryAnswer(pdu.body.message_id, final, state, min(code % 1000, ERROR_CODE_MAX)))

    async def _cancel(self, caller: Caller, pdu: Pdu) -> Reply:
        """Cancel a scheduled message by its id (§4.9); RCANCELFAIL where it is not scheduled any more, or not the account's."""
        assert isinstance(pdu.body, Cancel)
        found = await self._find(caller, pdu.body.message_id)
        if found is None:
            return Reply(Status.RCANCELFAIL)
        done = await self._accept.cancel(caller.esme.account, found.bucket, found.id)
        return Reply(Status.RCANCELFAIL if isinstance(done, MessageRefusal) else Status.ROK)

    async def _replace(self, _caller: Caller, _pdu: Pdu) -> Reply:
        """A message here does not change (§4.10): cancel a scheduled one and submit it anew."""
        return Reply(Status.RREPLACEFAIL)

    async def _find(self, caller: Caller, sid: str) -> StoredMessage | None:
        place = parse_message_sid(sid, self._sid_key)
        return None if place is None else await self._messages.fetch(caller.esme.account.id, *place)


def _registered(pdu: Pdu) -> int:
    return pdu.body.registered_delivery & RECEIPT_BITS if isinstance(pdu.body, Message | Data) else 0
