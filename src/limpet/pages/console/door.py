"""Signing in and out."""

from __future__ import annotations

import structlog
from starlette.responses import Response

from limpet.core.console import Act
from limpet.pages.ask import Ask
from limpet.pages.console.desk import Desk
from limpet.pages.console.guard import SIGN_IN, address_of, after_sign_in, drop, keep, token_of
from limpet.pages.console.visit import Visit
from limpet.store.console import Deed
from limpet.store.operators import Locked
from limpet.twilio.forms import filled

NAME_LENGTH_MAX = 64
_log = structlog.get_logger()
WRONG = "That is not right. Look again at the name, the password and, if you have a second factor, at its code."


async def show(desk: Desk, ask: Ask) -> Response:
    """GET /console/sign-in."""
    return ask.html("console/sign_in.html", says="", who="", next=after_sign_in(ask.asked("next")), dev=desk.developer)


async def enter(desk: Desk, ask: Ask) -> Response:
    """POST /console/sign-in: `Name`, `Password`, and `Code` of the second factor or a recovery code. A new session each time."""
    name, where = (
        (filled(ask.form, "Name") or "").strip()[:NAME_LENGTH_MAX],
        after_sign_in(filled(ask.form, "Next") or ""),
    )
    now, address = desk.deps.clock.now(), address_of(desk, ask)
    password, code = filled(ask.form, "Password") or "", (filled(ask.form, "Code") or "").strip()
    found = await desk.operators.sign_in(name, password, code, address, now)
    if found is None or isinstance(found, Locked):
        locked = isinstance(found, Locked)
        _log.warning("console sign-in refused", address=address, locked=locked)
        says = f"Too many tries. Wait {found.seconds} seconds." if isinstance(found, Locked) else WRONG
        page = ask.html(
            "console/sign_in.html", says=says, who=name, next=where, dev=desk.developer, status=429 if locked else 401
        )
        if isinstance(found, Locked):
            page.headers["Retry-After"] = str(found.seconds)
        return page
    former = token_of(ask.headers, secure=desk.secure)
    token = await desk.operators.open_session(found, address, now, former)
    deed_id = desk.deps.sticky.new_id(now)
    await desk.log.begin(deed_id, Deed(found.name, found.role, address, Act.SIGN_IN, None, found.name))
    await desk.log.settle(deed_id, "done", {})
    return keep(ask.go(where), token, secure=desk.secure)


async def leave(desk: Desk, visit: Visit) -> Response:
    """POST /console/sign-out."""
    token = token_of(visit.ask.headers, secure=desk.secure)
    async with visit.deed(visit.operator.name):
        if token is not None:
            await desk.operators.end_session(token)
    return drop(visit.ask.go(SIGN_IN), secure=desk.secure)
