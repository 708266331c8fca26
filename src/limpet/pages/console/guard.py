"""Who is let in to the console: sessions and their cookie, and what each operator may ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from limpet.core.console import Act, may
from limpet.core.sign_in import SESSION_MAX
from limpet.pages.ask import Ask, Handler, Refused
from limpet.pages.console.desk import Desk, Entrance, Way
from limpet.pages.console.visit import ROOT, Visit
from limpet.web.origin import client_of

COOKIE: Final = "limpet_session"
SIGN_IN: Final = f"{ROOT}/sign-in"
_TOKEN = re.compile(r"[0-9a-f]{64}")
_OURS = re.compile(r"/console(/[\w@.+/-]*)?(\?[\w@.+%=&-]*)?")
_FORWARDED: Final = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"via")


def admitted(desk: Desk, way: Way) -> Handler:
    """What answers at a way: its page to who may, the door to who has not signed in, a refusal to all others."""

    async def handler(ask: Ask) -> Response:
        if ask.json is not None:
            raise Refused("This page takes forms only.", 415)
        visit = await visit_of(desk, ask, way.act)
        if visit is None:
            return _to_the_door(ask)
        if not may(visit.operator.role, way.act):
            raise Refused(f"Your role, {visit.operator.role}, does not let you {way.act}.", 403)
        return await way.page(desk, visit)

    return handler


def open_to_all(desk: Desk, page: Entrance) -> Handler:
    """What answers at the door itself."""

    async def handler(ask: Ask) -> Response:
        if ask.json is not None:
            raise Refused("This page takes forms only.", 415)
        return await page(desk, ask)

    return handler


async def visit_of(desk: Desk, ask: Ask, act: Act) -> Visit | None:
    """The visit that a request is; None when nobody has signed in."""
    token = token_of(ask.headers, secure=desk.secure)
    operator = None if token is None else await desk.operators.session(token, desk.deps.clock.now())
    here = operator is None and desk.developer is not None and not any(name in ask.headers for name in _FORWARDED)
    operator = desk.developer if here else operator
    if operator is None:
        return None
    return Visit(ask, operator, address_of(desk, ask), act, desk.deps, desk.auth, desk.log, here)


def address_of(desk: Desk, ask: Ask) -> str:
    """The address that a request comes from."""
    return client_of(ask.peer, ask.headers, desk.deps.trusted_proxies)


def token_of(headers: Mapping[bytes, bytes], *, secure: bool) -> str | None:
    """The session's token; None when there is none that could be ours."""
    try:
        jar = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    name = _name(secure)
    value = jar[name].value if name in jar else ""
    return value if _TOKEN.fullmatch(value) else None


def keep(response: Response, token: str, *, secure: bool) -> Response:
    """An answer by which the browser keeps a session."""
    response.set_cookie(
        _name(secure), token, max_age=int(SESSION_MAX.total_seconds()), httponly=True, samesite="strict", secure=secure,
        path="/",
    )  # fmt: skip
    return response


def drop(response: Response, *, secure: bool) -> Response:
    """An answer by which the browser forgets it."""
    response.delete_cookie(_name(secure), httponly=True, samesite="strict", secure=secure, path="/")
    return response


def after_sign_in(asked: str) -> str:
    """Where to go then: a page of the console, whatever was asked for."""
    return asked if _OURS.fullmatch(asked) and "//" not in asked and ".." not in asked else ROOT


def _name(secure: bool) -> str:
    return f"__Host-{COOKIE}" if secure else COOKIE


def _to_the_door(ask: Ask) -> Response:
    door = SIGN_IN if ask.method == "POST" else f"{SIGN_IN}?next={quote(ask.path)}"
    if ask.by_htmx:
        return Response(status_code=401, headers={"HX-Redirect": SIGN_IN, "Cache-Control": "no-store"})
    if ask.wants_json:
        raise Refused("Sign in first.", 401)
    return ask.go(door)
