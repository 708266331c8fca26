"""What carriers know of messages, over HTTP, ours: a message's submission, those in doubt, and how a person settles one."""

from __future__ import annotations

from limpet.store.submissions import Submitted
from limpet.twilio.forms import invalid
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.resources import Json
from limpet.twilio.sid import message_sid, parse_message_sid
from limpet.twilio.submission import parse_release, submission_resource
from limpet.web.answer import Answer, ok
from limpet.web.door import Call


async def fetch(call: Call) -> Answer:
    """GET /v1/Messages/{SM}/Submission."""
    return ok(await _shown(call, await _one(call)))


async def release(call: Call) -> Answer:
    """POST /v1/Messages/{SM}/Submission with `InDoubt=resend` or `fail`; 20001 for a message that is not in doubt."""
    found = await _one(call)
    policy = parse_release(call.form)
    if not await call.deps.releases.release(found, policy):
        raise invalid("InDoubt", "the message is not in doubt")
    return ok(await _shown(call, await _one(call)))


async def page(call: Call) -> Answer:
    """GET /v1/Messages/InDoubt, newest first."""
    request = parse_page(call.query)
    found = await call.deps.releases.page(call.account.id, request)
    shown = [await _shown(call, one) for one in found.items]
    return ok(page_v1("submissions", shown, found, request, call.url, call.query))


async def _one(call: Call) -> Submitted:
    place = parse_message_sid(call.parts["sid"], call.deps.installation.sid_key)
    found = None if place is None else await call.deps.releases.fetch(call.account.id, *place)
    if found is None:
        raise call.not_found()
    return found


async def _shown(call: Call, one: Submitted) -> Json:
    message, directory, key = one.message, call.deps.directory, call.deps.installation.sid_key
    sid = message_sid(*message.key, media=message.num_media > 0, sid_key=key)
    await directory.sids(call.deps.database.pool, set(), set() if message.service_id is None else {message.service_id})
    return submission_resource(
        account_sid=call.account.sid,
        message_sid=sid,
        service_sid=directory.service_sid(message.service_id),
        status=message.status,
        lane=message.lane,
        attempt=message.attempt,
        claimed_at=message.claimed_at,
        sent_at=one.sent_at,
        in_doubt_at=one.in_doubt_at,
        num_segments=one.num_segments,
        carrier_message_ids=one.carrier_message_ids,
        segment_states=one.segment_states,
        tlvs=one.tlvs,
        url=f"{call.url.partition('/Messages/')[0]}/Messages/{sid}/Submission",
    )
