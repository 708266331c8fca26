"""What a customer answers to an inbound text becomes messages: TwiML's replies, each sent once, from the number written to.

A webhook may be answered more than once (a crash, a repetition); a reply is a message under a key made of the webhook's token and
the reply's place, so that it is sent once. Source: twilio.com/docs/messaging/twiml.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import parse_qs, urljoin

import structlog

from limpet.core.address import parse_recipient
from limpet.core.model import Account, Direction
from limpet.flow.accept import Accept
from limpet.flow.callback import Following, token_of
from limpet.flow.draft import Media, NewMessage, Overloaded, Rejected
from limpet.flow.repeat import Idempotency
from limpet.flow.turns import endpoint_of
from limpet.store.callbacks import INBOUND, OwedCallback
from limpet.twilio.forms import is_web_url
from limpet.twilio.inbound import fallback_form
from limpet.twilio.twiml import Reply, Script, read_answer
from limpet.webhook import Cause, Posted, PostFailed

_log = structlog.get_logger()
NO_RECIPIENT = 21211
FIRST_ANSWER_COUNTS = b""
"""Whatever else a repeated webhook is answered, what was answered first is what was sent."""


class Replies:
    """Does what answers ask for. `account_of` finds an account by its SID, `new_media` makes a link for media."""

    def __init__(
        self,
        accept: Accept,
        account_of: Callable[[str], Awaitable[Account | None]],
        new_media: Callable[[tuple[str, ...]], Media] = Media,
    ) -> None:
        self._accept = accept
        self._account_of = account_of
        self._new_media = new_media

    async def answered(self, owed: OwedCallback, answer: Posted, step: int) -> Following:
        """Send what the answer to an inbound webhook says, and answer where it leads: a redirect, or the fallback when it
        cannot be read. `step` counts the redirects that led here."""
        if owed.kind != INBOUND:
            return None
        script = read_answer(answer.content_type, answer.body)
        if script.errors:
            codes = [int(error) for error in script.errors]
            _log.warning("TwiML with errors", endpoint=endpoint_of(owed.url), account_id=owed.account_id, codes=codes)
        if script.unreadable:
            return _fallback(owed, int(script.errors[0]))
        if not await self._send(owed, script, step):
            return PostFailed(Cause.SERVER_ERROR, "a reply could not be taken")
        if script.redirect is None:
            return None
        where = urljoin(owed.url.partition("#")[0], script.redirect.url)
        if not is_web_url(where):
            return _fallback(owed, 12100)
        return owed._replace(url=where, method=script.redirect.method)

    async def _send(self, owed: OwedCallback, script: Script, step: int) -> bool:
        """Send the replies one after the other; whether each was taken or refused for good."""
        if not script.replies:
            return True
        told = {name: values[0] for name, values in parse_qs(owed.payload, keep_blank_values=True).items()}
        account = await self._account_of(told["AccountSid"])
        for place, reply in enumerate(script.replies):
            new = None if account is None else _message(owed, told, account, reply, f"{step}:{place}")
            if new is None:
                continue
            if reply.media:
                new = replace(new, media=self._new_media(reply.media))
            outcome = await self._accept.submit(new)
            if isinstance(outcome, Overloaded):
                return False
            if isinstance(outcome, Rejected):
                _log.warning("a reply was not sent", account_id=owed.account_id, code=outcome.code)
        return True


def _message(owed: OwedCallback, told: dict[str, str], account: Account, reply: Reply, place: str) -> NewMessage | None:
    """A reply as a message; by default from the number that was written to, to who wrote. `place` is the step of the conversation
    and the reply's place in the answer: the same whichever URL has answered."""
    recipient = parse_recipient(reply.to or told["From"])
    if recipient is None:
        _log.warning("a reply was not sent", account_id=owed.account_id, code=NO_RECIPIENT)
        return None
    callback = reply.status_callback and urljoin(owed.url.partition("#")[0], reply.status_callback)
    key = Idempotency(f"reply:{token_of(owed)}:{place}", FIRST_ANSWER_COUNTS)
    return NewMessage(
        account=account, service_sid=told.get("MessagingServiceSid"), sender=reply.from_ or told["To"], recipient=recipient,
        body=reply.body, status_callback=callback if callback and is_web_url(callback) else None, callback_events=None,
        validity_period_s=None, send_at=None, idempotency=key, direction=Direction.OUTBOUND_REPLY,
    )  # fmt: skip


def _fallback(owed: OwedCallback, error_code: int) -> OwedCallback | None:
    """Ask the fallback instead, once; without one there is nothing to be done."""
    if owed.fallback_url is None:
        return None
    form = fallback_form(owed.payload, error_code, owed.url)
    return owed._replace(url=owed.fallback_url, method=owed.fallback_method, payload=form, fallback_url=None)
