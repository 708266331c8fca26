"""Content templates over HTTP. Source: twilio.com/docs/content/content-api-resources."""

from __future__ import annotations

from dataclasses import replace

from limpet.core.content import Content, resolve
from limpet.core.encoding import BODY_LENGTH_MAX
from limpet.core.errors import ApiError
from limpet.twilio.content_form import Json, content_resource, parse_content
from limpet.twilio.lists import parse_page
from limpet.twilio.message_form import MessageRequest
from limpet.twilio.pages import page_v1
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call


async def create(call: Call) -> Answer:
    """POST /v1/Content, whose body is JSON."""
    made = await call.deps.contents.create(call.account.id, parse_content(call.json), call.now)
    return created(_shown(call, made))


async def page(call: Call) -> Answer:
    """GET /v1/Content, newest first."""
    request = parse_page(call.query)
    found = await call.deps.contents.page(call.account.id, request)
    return ok(page_v1("contents", [_shown(call, one) for one in found.items], found, request, call.url, call.query))


async def fetch(call: Call) -> Answer:
    """GET /v1/Content/{HX}."""
    found = await call.deps.contents.by_sid(call.account.id, _sid(call))
    if found is None:
        raise call.not_found()
    return ok(_shown(call, found))


async def delete(call: Call) -> Answer:
    """DELETE /v1/Content/{HX}."""
    if not await call.deps.contents.delete(call.account.id, _sid(call)):
        raise call.not_found()
    return NO_CONTENT


async def filled_in(call: Call, asked: MessageRequest) -> MessageRequest:
    """A message with the text of its template: 21655 for a template that is not the account's, 21656 for variables that do not
    fit."""
    assert asked.content_sid is not None
    found = await call.deps.contents.by_sid(call.account.id, asked.content_sid)
    if found is None:
        raise ApiError(21655, value=asked.content_sid)
    body = resolve(found.body, found.variables, asked.content_variables)
    if body is None:
        raise ApiError(21656)
    if len(body) > BODY_LENGTH_MAX:
        raise ApiError(21617)
    return replace(asked, body=body, media_urls=asked.media_urls or found.media)


def _shown(call: Call, one: Content) -> Json:
    return content_resource(one, call.account.sid, call.url.partition("/Content")[0])


def _sid(call: Call) -> str:
    sid = call.parts["sid"]
    if not is_sid("HX", sid):
        raise call.not_found()
    return sid
