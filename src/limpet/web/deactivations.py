"""Numbers that carriers took out of service, over HTTP: a redirect for the customer, a list for who follows it.

Source: twilio.com/docs/sms/deactivated-phone-numbers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

from starlette.types import Scope

from limpet.core.errors import ApiError
from limpet.twilio.deactivations import linked_day, list_link, parse_day
from limpet.twilio.forms import parse_form
from limpet.web.answer import Answer, json_answer
from limpet.web.deps import Deps
from limpet.web.door import Call

REDIRECT = 307
_TEXT = ((b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"private, no-store"))


async def fetch(call: Call) -> Answer:
    """GET /v1/Deactivations?Date=: 307 to the list of that day, if the operator has brought one."""
    day = parse_day(call.query)
    if not await call.deps.deactivations.has(day):
        raise ApiError(20404, resource=f"{call.path}?Date={day}")
    place = call.origin + list_link(day, call.now, call.deps.installation.sid_key)
    body = json_answer(REDIRECT, {"redirect_to": place}).body
    return Answer(REDIRECT, body, ((b"location", place.encode()),))


async def follow(deps: Deps, scope: Scope) -> Answer:
    """GET /deactivations/…: the list that a link leads to, a number a line; 404 once the link is over."""
    path = scope["path"]
    day = linked_day(path, parse_form(scope["query_string"]), deps.clock.now(), deps.installation.sid_key)
    if day is None:
        raise ApiError(20404, resource=path)
    return Answer(200, headers=_TEXT, parts=_lines(deps, day))


async def _lines(deps: Deps, day: date) -> AsyncIterator[bytes]:
    async for numbers in deps.deactivations.numbers(day):
        yield "".join(f"{number}\n" for number in numbers).encode()
