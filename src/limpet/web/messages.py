"""Messages over HTTP: created, fetched, listed, redacted, canceled, deleted.

Source: twilio.com/docs/messaging/api/message-resource. Creating is the hot route: what it does per request is counted in
microseconds, and everything slow is behind `Accept.submit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from limpet.core.errors import ApiError
from limpet.core.model import Message
from limpet.core.retention import Mark
from limpet.flow.draft import Media, NewMessage, Overloaded, Rejected
from limpet.flow.repeat import Idempotency, Misused
from limpet.store.messages import MessageFilter, MessageRefusal
from limpet.twilio.forms import invalid
from limpet.twilio.lists import parse_message_query, parse_page
from limpet.twilio.message_form import MessageChange, MessageRequest, parse_message, parse_message_change, parse_outcome
from limpet.twilio.pages import page_2010
from limpet.twilio.resources import Json, decision_resource, feedback_resource, message_resource
from limpet.twilio.sid import parse_message_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.content import filled_in
from limpet.web.door import Call
from limpet.web.links import shorten
from limpet.web.media import new_media, unkept_media

IDEMPOTENCY_KEY_LENGTH_MAX = 255
FORM_HASH_BYTES = 16
_NAMED = {
    21701: "service", 21606: "from", 21611: "from", 21711: "from", 21659: "from", 21212: "from", 21601: "from", 21669: "from",
    21621: "from", 21211: "to", 21608: "to",
}  # fmt: skip
"""Which of a rejection's values its text names."""


async def create(call: Call) -> Answer:
    """POST …/Messages.json: 201 once the message is committed."""
    asked = parse_message(call.form, call.now)
    if asked.content_sid is not None:
        asked = await filled_in(call, asked)
    urls: dict[str, str] = {}
    if asked.shorten:
        asked, urls = await shorten(call, asked)
    answer = await call.deps.accept.submit(
        NewMessage(
            call.account,
            asked.service_sid,
            asked.sender,
            asked.recipient,
            asked.body,
            asked.status_callback,
            asked.callback_events,
            asked.validity_period_s,
            asked.send_at,
            asked.smart_encoded,
            _idempotency(call),
            media=_media(call, asked),
            marks=asked.marks | Mark.LINKED if urls else asked.marks,
            links=urls,
            as_mms=asked.as_mms,
        )
    )
    if isinstance(answer, Message):
        return created(message_resource(answer, call.account.sid, asked.service_sid, call.deps.installation.sid_key))
    raise _not_taken(answer)


def _media(call: Call, asked: MessageRequest) -> Media | None:
    """The media of a message, and with a service, which may have the MMS converter, the link that may stand for them."""
    if not asked.media_urls:
        return None
    if asked.service_sid is None:
        return Media(asked.media_urls)
    if asked.marks & Mark.DISCARD:
        return unkept_media(asked.media_urls, asked.body)
    return new_media(asked.media_urls, call.origin)


def _idempotency(call: Call) -> Idempotency | None:
    """The customer's own key for the request, if it has one (ours): two headers are understood, both in use by clients."""
    given = call.headers.get(b"idempotency-key") or call.headers.get(b"i-twilio-idempotency-token")
    if not given:
        return None
    if len(given) > IDEMPOTENCY_KEY_LENGTH_MAX or not given.isascii() or not given.decode("ascii").isprintable():
        raise invalid("Idempotency-Key", f"not {IDEMPOTENCY_KEY_LENGTH_MAX} printable ASCII characters at most")
    asked, key = repr(sorted(call.form.items())).encode(), call.deps.installation.pseudonym_key
    return Idempotency(given.decode("ascii"), blake2b(asked, digest_size=FORM_HASH_BYTES, key=key).digest())


def _not_taken(answer: Rejected | Overloaded | Misused) -> ApiError:
    if isinstance(answer, Misused):
        return invalid("Idempotency-Key", answer.why)
    if isinstance(answer, Overloaded):
        return ApiError(20503)
    return ApiError(answer.code, value=answer.values.get(_NAMED.get(answer.code, ""), ""))


async def page(call: Call) -> Answer:
    """GET …/Messages.json, newest first."""
    request, asked = parse_page(call.query), parse_message_query(call.query)
    wanted = MessageFilter(asked.to, asked.from_, asked.sent_from, asked.sent_to)
    found = await call.deps.messages.page(call.account.id, wanted, request)
    shown = await _shown(call, found.items)
    return ok(page_2010("messages", shown, found, request, call.path, call.query))


async def fetch(call: Call) -> Answer:
    """GET …/Messages/{SM}.json."""
    return await _one(call, await call.deps.messages.fetch(call.account.id, *_place(call)))


async def decision(call: Call) -> Answer:
    """GET …/Messages/{SM}/Decision.json (ours): why this sender."""
    found = await call.deps.messages.fetch(call.account.id, *_place(call))
    if found is None:
        raise call.not_found()
    await call.deps.directory.sids(
        call.deps.database.pool, set(), set() if found.service_id is None else {found.service_id}
    )
    service_sid = call.deps.directory.service_sid(found.service_id)
    return ok(decision_resource(found, call.account.sid, service_sid, call.deps.installation.sid_key))


async def give_feedback(call: Call) -> Answer:
    """POST …/Messages/{SM}/Feedback.json: whether what the message was to do came about."""
    outcome, place = parse_outcome(call.form), _place(call)
    kept = await call.deps.contents.give_feedback(call.account.id, *place, outcome, call.now)
    if kept is None:
        raise call.not_found()
    return ok(feedback_resource(call.account.sid, call.parts["sid"], outcome, *kept))


async def update(call: Call) -> Answer:
    """POST …/Messages/{SM}.json: redact or cancel."""
    place, change = _place(call), parse_message_change(call.form)
    if change is MessageChange.CANCEL:
        return await _one(call, await call.deps.accept.cancel(call.account, *place))
    return await _one(call, await call.deps.messages.redact(call.account.id, *place, call.now))


async def delete(call: Call) -> Answer:
    """DELETE …/Messages/{SM}.json."""
    place = _place(call)
    refused = await call.deps.messages.delete(call.account.id, *place)
    if refused is not None:
        raise await _refused(call, refused)
    return NO_CONTENT


def _place(call: Call) -> tuple[int, int]:
    place = parse_message_sid(call.parts["sid"], call.deps.installation.sid_key)
    if place is None:
        raise call.not_found()
    return place


async def _one(call: Call, found: Message | MessageRefusal | None) -> Answer:
    if found is None:
        raise call.not_found()
    if isinstance(found, MessageRefusal):
        raise await _refused(call, found)
    return ok((await _shown(call, [found]))[0])


async def _refused(call: Call, refusal: MessageRefusal) -> ApiError:
    """The error that a refusal is, with the status that the message has by now."""
    found = await call.deps.messages.fetch(call.account.id, *_place(call))
    if refusal is MessageRefusal.NOT_FOUND or found is None:
        return call.not_found()
    return ApiError(_CODES[refusal], status_now=found.status)


_CODES: Mapping[MessageRefusal, int] = {MessageRefusal.NOT_FINAL: 20009, MessageRefusal.NOT_SCHEDULED: 30409}


async def _shown(call: Call, messages: Sequence[Message]) -> list[Json]:
    directory, key = call.deps.directory, call.deps.installation.sid_key
    await directory.sids(
        call.deps.database.pool, set(), {message.service_id for message in messages if message.service_id is not None}
    )
    return [
        message_resource(message, call.account.sid, directory.service_sid(message.service_id), key)
        for message in messages
    ]
