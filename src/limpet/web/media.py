"""Media of messages over HTTP, and the links by which people are led to them.

Source: twilio.com/docs/messaging/api/media-resource. Limpet keeps where media are, not what they are.
"""

from __future__ import annotations

import os
from html import escape

from limpet.core.encoding import BODY_LENGTH_MAX
from limpet.core.errors import ApiError
from limpet.core.ids import id_time
from limpet.core.media import Medium, link_code, with_link
from limpet.core.page import Page
from limpet.flow.draft import Media
from limpet.twilio.lists import parse_page
from limpet.twilio.media_resource import Json, media_resource
from limpet.twilio.pages import page_2010
from limpet.twilio.sid import media_sid, parse_message_sid
from limpet.web.answer import NO_CONTENT, Answer, ok
from limpet.web.deps import Deps
from limpet.web.door import Call

LINKS_PATH = "/m/"
CODE_BYTES = 16
_STRANGERS = ((b"x-content-type-options", b"nosniff"), (b"content-security-policy", b"sandbox"))
"""What a person has sent is shown, and runs nothing."""
_HTML = ((b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"private, max-age=300"))


def new_media(urls: tuple[str, ...], origin: str) -> Media:
    """Media with a new link, under a host that people's phones can reach."""
    code = link_code(int.from_bytes(os.urandom(CODE_BYTES), "big"))
    return Media(urls, f"{origin}{LINKS_PATH}{code}", code)


def unkept_media(urls: tuple[str, ...], body: str) -> Media:
    """Media of which nothing is kept: where they cannot go along, the text names them itself, as far as a text may be long."""
    named = " ".join(urls)
    return Media(urls, named if len(with_link(body, named)) <= BODY_LENGTH_MAX else None)


async def page(call: Call) -> Answer:
    """GET …/Messages/{MM}/Media.json."""
    request, place = parse_page(call.query), _message(call)
    found = tuple(await call.deps.media.of(call.account.id, *place))
    if not found and await call.deps.messages.fetch(call.account.id, *place) is None:
        raise call.not_found()
    shown = [_shown(call, one) for one in found]
    return ok(page_2010("media_list", shown, Page(found, None, None), request, call.path, call.query))


async def fetch(call: Call) -> Answer:
    """GET …/Media/{ME}.json; without `.json` a redirect to where the medium is, or the medium itself where its carrier gives it
    to nobody else."""
    one = await _one(call)
    if call.path.endswith(".json"):
        return ok(_shown(call, one))
    if call.deps.carrier_medium is not None and (found := await call.deps.carrier_medium(one.url)) is not None:
        return Answer(200, found.content, ((b"content-type", one.content_type.encode()), *_STRANGERS))
    return Answer(307, headers=((b"location", one.url.encode()),))


async def delete(call: Call) -> Answer:
    """DELETE …/Media/{ME}.json: the message leads there no more."""
    if not await call.deps.media.delete(*_message(call), (await _one(call)).position):
        raise call.not_found()
    return NO_CONTENT


async def follow(deps: Deps, path: str) -> Answer:
    """GET /m/{code}, without credentials: to the medium, or to a list of several. 404 once the link is over."""
    found = await deps.media.linked(path.removeprefix(LINKS_PATH), deps.clock.now())
    if not found:
        raise ApiError(20404, resource=path)
    if len(found) == 1:
        return Answer(302, headers=((b"location", found[0].url.encode()),))
    links = "".join(f'<li><a href="{escape(one.url)}">{escape(one.content_type)}</a></li>' for one in found)
    page_ = f'<!doctype html><meta name="viewport" content="width=device-width"><title>Media</title><ol>{links}</ol>'
    return Answer(200, page_.encode(), _HTML)


async def _one(call: Call) -> Medium:
    place = _message(call)
    for one in await call.deps.media.of(call.account.id, *place):
        if media_sid(*place, one.position, sid_key=call.deps.installation.sid_key) == call.parts["media_sid"]:
            return one
    raise call.not_found()


def _message(call: Call) -> tuple[int, int]:
    place = parse_message_sid(call.parts["sid"], call.deps.installation.sid_key)
    if place is None:
        raise call.not_found()
    return place


def _shown(call: Call, one: Medium) -> Json:
    bucket, message_id = _message(call)
    sid = media_sid(bucket, message_id, one.position, sid_key=call.deps.installation.sid_key)
    return media_resource(sid, call.parts["sid"], call.account.sid, one.content_type, id_time(message_id))
