"""The pages of a server in front of its API, as one ASGI application: who may ask for which page, and what is made of what goes
wrong. What pages show is for their groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

import structlog
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from limpet.core.errors import ApiError
from limpet.pages import guard
from limpet.pages.ask import Ask, Group, Handler, Refused, Renderer
from limpet.pages.assets import PATH, Assets
from limpet.store.database import DATABASE_AWAY
from limpet.twilio.forms import filled, parse_form
from limpet.twilio.resources import error_resource
from limpet.web.body import JSON_TYPE, ClientGone, read_form, read_json

FOREVER = "public, max-age=31536000, immutable"
FILE_TYPE = b"application/octet-stream"
_log = structlog.get_logger()


async def _nothing(_: Ask) -> Response:
    raise AssertionError("a route is only asked for its path")


class _Place:
    """One path of a group."""

    def __init__(self, path: str, group: Group, handlers: Mapping[str, Handler]) -> None:
        self.group = group
        self.handlers = handlers
        self.streamed = path in group.streamed
        self._route = Route(group.root + path, _nothing)

    def parts(self, scope: Scope) -> Mapping[str, str] | None:
        """The variable parts of a path that is this one; None for another."""
        match, found = self._route.matches({**scope, "method": "GET"})
        return None if match is Match.NONE else found["path_params"]


class Site:
    """The application: what is under no group's path is for `elsewhere`. `key` is secret and outlives a restart; `chance` makes
    so many bytes that nobody can guess. People who come to `/` are sent on to the first group of the innermost site."""

    def __init__(self, groups: Sequence[Group], elsewhere: ASGIApp, key: bytes, chance: Callable[[int], bytes]) -> None:
        self._assets = Assets()
        self._renderer = Renderer(self._assets)
        self._elsewhere = elsewhere
        self._key = blake2b(b"limpet.pages", key=key[:64], digest_size=32).digest()
        self._chance = chance
        self._roots = tuple(group.root for group in groups)
        self._groups = groups
        self._places = [_Place(path, group, handlers) for group in groups for path, handlers in group.routes.items()]

    @property
    def renderer(self) -> Renderer:
        """For groups that make parts of pages without being asked."""
        return self._renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        path = scope.get("path", "")
        if path == "/" and _is_person(scope) and not isinstance(self._elsewhere, Site):
            await RedirectResponse(self._roots[0])(scope, receive, send)
        elif scope["type"] != "http" or not (path.startswith(PATH) or path.startswith(self._roots)):
            await self._elsewhere(scope, receive, send)
        elif path.startswith(PATH):
            await self._static(path)(scope, receive, send)
        elif (group := self._group_of(path)) is None:
            await self._elsewhere(scope, receive, send)
        else:
            await (await self._answer(group, scope, receive))(scope, receive, send)

    def _group_of(self, path: str) -> Group | None:
        return next((g for g in self._groups if path == g.root or path.startswith(g.root + "/")), None)

    def _static(self, path: str) -> Response:
        asset = self._assets.find(path)
        if asset is None:
            return Response(status_code=404, headers=guard.HEADERS)
        headers = {**guard.HEADERS, "Cache-Control": FOREVER}
        return Response(asset.content, headers=headers, media_type=asset.media_type)

    async def _answer(self, group: Group, scope: Scope, receive: Receive) -> Response:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        cookie = guard.cookie_of(headers)
        kept = cookie or self._chance(guard.COOKIE_BYTES).hex()
        peer = scope.get("client")
        ask = Ask(
            headers, scope["path"], {}, {}, guard.token_for(kept, self._key), self._renderer, scope["method"],
            peer=peer[0] if peer else None,
        )  # fmt: skip
        try:
            response = await self._handle(group, ask, cookie, scope, receive)
        except ClientGone:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - the outermost place: a person gets a page, the log gets the cause
            response = self._went_wrong(group, ask, error)
        for name, value in guard.HEADERS.items():
            response.headers.setdefault(name, value)
        if cookie is None:
            response.set_cookie(guard.COOKIE, kept, httponly=True, samesite="strict", path="/")
        return response

    async def _handle(
        self, group: Group, before: Ask, cookie: str | None, scope: Scope, receive: Receive
    ) -> Response:  # fmt: skip
        _admit(group, before)
        place, parts = self._find(scope)
        method = "GET" if before.method == "HEAD" else before.method
        handler = place.handlers.get(method)
        if handler is None:
            raise Refused("This page does not do that.", 405)
        query = parse_form(scope["query_string"]) if scope["query_string"] else {}
        if method != "POST":
            return await handler(replace(before, parts=parts, query=query))
        kind = before.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind == JSON_TYPE:
            value = await read_json(before.headers, receive)
            return await handler(replace(before, parts=parts, query=query, json=value))
        file = place.streamed and kind == FILE_TYPE
        form = {} if file else await read_form(before.headers, receive)
        given = before.headers.get(guard.TOKEN_HEADER, b"").decode("latin-1") or filled(form, "csrf")
        if not guard.token_matches(given, cookie, self._key):
            raise Refused("This page is too old, or of somebody else's making: load it again, and repeat.", 403)
        return await handler(replace(before, parts=parts, query=query, form=form, receive=receive if file else None))

    def _find(self, scope: Scope) -> tuple[_Place, Mapping[str, str]]:
        for place in self._places:
            if (parts := place.parts(scope)) is not None:
                return place, parts
        raise Refused("There is no such page.", 404)

    def _went_wrong(self, group: Group, ask: Ask, error: Exception) -> Response:
        """A refusal, in the shape that whoever asked can use: Twilio's to programs, a sentence to scripts, a page to people."""
        if isinstance(error, Refused):
            status, says = error.status, error.says
        elif isinstance(error, ApiError):
            status, says = error.status, f"{error_resource(error)['message']} ({error.code})."
        elif isinstance(error, DATABASE_AWAY):
            status, says = 503, "The database is away. Wait a moment, and repeat."
        else:
            _log.error("page failed", path=ask.path, exc_info=error)
            status, says = 500, "Something went wrong that should not: the log of the server tells what."
        if ask.wants_json or _is_json(ask):
            known = error if isinstance(error, ApiError) else None
            return ask.value(error_resource(known) if known else _resource(status, says), status)
        return ask.html("says.html" if ask.by_htmx else "refused.html", status=status, says=says, home=group.root)


def _is_person(scope: Scope) -> bool:
    """Whether somebody asks with a browser, who will not know what to do with an error in JSON."""
    return scope["type"] == "http" and b"text/html" in dict(scope["headers"]).get(b"accept", b"")


def _is_json(ask: Ask) -> bool:
    return ask.headers.get(b"content-type", b"").startswith(JSON_TYPE)


def _admit(group: Group, ask: Ask) -> None:
    """Refused for a request that must not be answered, whatever it asks for."""
    if group.local and not guard.is_here(ask.peer):
        raise Refused("These pages are only for the machine that Limpet runs on.", 403)
    if not group.hosts(ask.headers.get(b"host", b"")):
        raise Refused("These pages are only there under the names of this machine: localhost, 127.0.0.1, [::1].", 403)
    if ask.method == "POST" and guard.comes_from_elsewhere(ask.headers, group.seen):
        raise Refused("Another site asked for this.", 403)


def _resource(status: int, says: str) -> dict[str, object]:
    code = {404: 20404, 405: 20004, 403: 20003, 500: 20500, 503: 20503}.get(status, 20001)
    return {
        "code": code,
        "message": says,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
