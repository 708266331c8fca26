"""SMPP credentials over HTTP, ours: who may bind to Limpet for this account. With its own token only, as for keys."""

from __future__ import annotations

from limpet.core.errors import ApiError
from limpet.store.smpp_credentials import PREFIX, NewCredential, SmppCredential, SmppCredentials
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_2010
from limpet.twilio.resources import Json
from limpet.twilio.sid import is_sid
from limpet.twilio.smpp_credential_form import parse_credential, smpp_credential_resource
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call


async def create(call: Call) -> Answer:
    """POST …/SmppCredentials.json: the only answer that shows the password."""
    credentials, asked = _credentials(call), parse_credential(call.form)
    service_id = None
    if asked.service_sid is not None:
        service = await call.deps.services.by_sid(call.account.id, asked.service_sid)
        if service is None:
            raise ApiError(21701, service=asked.service_sid)
        service_id = service.id
    new = NewCredential(asked.friendly_name, service_id, asked.networks, asked.inbound)
    credential, password = await credentials.create(call.account.id, new, call.now)
    return created(_shown(call, credential, password))


async def page(call: Call) -> Answer:
    """GET …/SmppCredentials.json, newest first."""
    request = parse_page(call.query)
    found = await _credentials(call).page(call.account.id, request)
    shown = [_shown(call, one) for one in found.items]
    return ok(page_2010("smpp_credentials", shown, found, request, call.path, call.query))


async def fetch(call: Call) -> Answer:
    """GET …/SmppCredentials/{ES}.json."""
    found = await _credentials(call).fetch(call.account.id, _sid(call))
    if found is None:
        raise call.not_found()
    return ok(_shown(call, found))


async def delete(call: Call) -> Answer:
    """DELETE …/SmppCredentials/{ES}.json: refused from now on; binds that stand end within a quarter of a minute."""
    if not await _credentials(call).delete(call.account.id, _sid(call)):
        raise call.not_found()
    return NO_CONTENT


def _credentials(call: Call) -> SmppCredentials:
    if call.caller.is_key:
        raise ApiError(20003)
    if call.deps.smpp_credentials is None:
        raise call.not_found()
    return call.deps.smpp_credentials


def _sid(call: Call) -> str:
    sid = call.parts["sid"]
    if not is_sid(PREFIX, sid):
        raise call.not_found()
    return sid


def _shown(call: Call, one: SmppCredential, password: str | None = None) -> Json:
    return smpp_credential_resource(
        call.account.sid, one.sid, one.friendly_name, one.system_id, one.service_sid, one.networks, one.inbound,
        one.created_at, password,
    )  # fmt: skip
