"""Sticky spaces over HTTP, ours: a person hears from one number, whichever service of a space writes to them.

A service joins and leaves by its own parameter `StickySpaceSid`, or all of an account's do by `AllServices` of the space.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from limpet.core.errors import ApiError
from limpet.store.sticky_spaces import SID_PREFIX, Space, SpaceRefusal, SpaceRefused, Spaces, SpaceSettings
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.resources import Json
from limpet.twilio.sid import is_sid
from limpet.twilio.sticky_space_form import parse_space, parse_space_changes, space_resource
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call

T = TypeVar("T")
_PARAMETERS = {
    SpaceRefusal.GONE: "'StickySpaceSid'",
    SpaceRefusal.OF_ALL: "'StickySpaceSid'",
    SpaceRefusal.SECOND: "'AllServices'",
}
_CONFLICTS = (SpaceRefusal.NOT_EMPTY, SpaceRefusal.OF_ALL, SpaceRefusal.SECOND, SpaceRefusal.FULL)


async def create(call: Call) -> Answer:
    """POST /v1/StickySpaces."""
    settings = SpaceSettings(**parse_space(call.form))
    return created(_shown(call, await unless_refused(_spaces(call).create(call.account.id, settings, call.now))))


async def page(call: Call) -> Answer:
    """GET /v1/StickySpaces, newest first."""
    request = parse_page(call.query)
    found = await _spaces(call).page(call.account.id, request)
    shown = [_shown(call, one) for one in found.items]
    return ok(page_v1("sticky_spaces", shown, found, request, call.url, call.query))


async def fetch(call: Call) -> Answer:
    """GET /v1/StickySpaces/{LS}."""
    return ok(_shown(call, await _space(call)))


async def update(call: Call) -> Answer:
    """POST /v1/StickySpaces/{LS}: what is not given stays as it is."""
    space, changes = await _space(call), parse_space_changes(call.form)
    return ok(_shown(call, await unless_refused(_spaces(call).update(space, changes, call.now))))


async def delete(call: Call) -> Answer:
    """DELETE /v1/StickySpaces/{LS}: only an empty one; its mappings are dead with it."""
    await unless_refused(_spaces(call).delete(await _space(call), call.now))
    return NO_CONTENT


async def unless_refused(work: Awaitable[T]) -> T:
    """What something does with a space; 20001 where it cannot be."""
    try:
        return await work
    except SpaceRefused as refused:
        parameter, why = _PARAMETERS.get(refused.why, "the space"), str(refused)
        if refused.why in _CONFLICTS:
            raise ApiError(20001, status=409, parameter=parameter, why=why) from None
        raise ApiError(20001, parameter=parameter, why=why) from None


def _spaces(call: Call) -> Spaces:
    return Spaces(call.deps.database)


async def _space(call: Call) -> Space:
    sid = call.parts["sid"]
    space = await _spaces(call).by_sid(call.account.id, sid) if is_sid(SID_PREFIX, sid) else None
    if space is None:
        raise call.not_found()
    return space


def _shown(call: Call, space: Space) -> Json:
    settings = space.settings
    return space_resource(
        sid=space.sid, account_sid=call.account.sid, friendly_name=settings.friendly_name, of_all=settings.of_all,
        ttl=settings.ttl, services=space.services, created_at=space.created_at, updated_at=space.updated_at,
        root=call.root,
    )  # fmt: skip
