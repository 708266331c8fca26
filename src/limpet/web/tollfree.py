"""Toll-free verifications over HTTP. Source: twilio.com/docs/messaging/api/tollfree-verification-resource."""

from __future__ import annotations

from limpet.core.campaign import Verification
from limpet.core.errors import ApiError
from limpet.core.model import SenderKind
from limpet.store.brands import RecordRefusal, VerificationFilter
from limpet.twilio.compliance_resources import Json, verification_resource
from limpet.twilio.forms import invalid
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.sid import is_sid
from limpet.twilio.tollfree_form import parse_verification, parse_verification_changes, parse_verification_filter
from limpet.web.answer import NO_CONTENT, Answer, created, json_answer, ok
from limpet.web.compliance import ACCEPTED
from limpet.web.door import Call


async def create(call: Call) -> Answer:
    """POST /v1/Tollfree/Verifications."""
    number_sid, fields = parse_verification(call.form)
    sender = await call.deps.senders.by_sid(call.account.id, number_sid)
    if sender is None or sender.kind is not SenderKind.TOLL_FREE:
        raise ApiError(21421, parameter="TollfreePhoneNumberSid", value=number_sid)
    made = await call.deps.compliance.verifications.create(call.account.id, sender, fields, call.now)
    if isinstance(made, RecordRefusal):
        raise invalid("TollfreePhoneNumberSid", "the number has a verification already")
    return created(_shown(call, made))


async def page(call: Call) -> Answer:
    """GET /v1/Tollfree/Verifications, newest first."""
    request, wanted = parse_page(call.query), VerificationFilter(*parse_verification_filter(call.query))
    found = await call.deps.compliance.verifications.page(call.account.id, wanted, request)
    shown = [_shown(call, one) for one in found.items]
    return ok(page_v1("verifications", shown, found, request, call.url, call.query))


async def fetch(call: Call) -> Answer:
    """GET /v1/Tollfree/Verifications/{HH}."""
    found = await call.deps.compliance.verifications.by_sid(call.account.id, _sid(call))
    if found is None:
        raise call.not_found()
    return ok(_shown(call, found))


async def update(call: Call) -> Answer:
    """POST /v1/Tollfree/Verifications/{HH}: one that was rejected is changed and looked at again."""
    sid, changes = _sid(call), parse_verification_changes(call.form)
    done = await call.deps.compliance.verifications.change(call.account.id, sid, changes, call.now)
    if done is RecordRefusal.GONE:
        raise call.not_found()
    if isinstance(done, RecordRefusal):
        raise invalid("Sid", "only a rejected verification can be edited, for as long as its edit_expiration says")
    return json_answer(ACCEPTED, _shown(call, done))


async def delete(call: Call) -> Answer:
    """DELETE /v1/Tollfree/Verifications/{HH}."""
    if not await call.deps.compliance.verifications.delete(call.account.id, _sid(call), call.now):
        raise call.not_found()
    return NO_CONTENT


def _shown(call: Call, one: Verification) -> Json:
    return verification_resource(one, call.account.sid, call.root, call.now)


def _sid(call: Call) -> str:
    sid = call.parts["sid"]
    if not is_sid("HH", sid):
        raise call.not_found()
    return sid
