"""Notices of carriers over HTTP: receipts and inbound texts, answered once what they say is committed.

They come without credentials of Limpet's: each carrier shows by its own signature that it is the one.
"""

from __future__ import annotations

from starlette.types import Receive, Scope

from limpet.carrier.http_notices import Taken
from limpet.carrier.http_values import Notice
from limpet.core.errors import ApiError
from limpet.web.answer import Answer
from limpet.web.body import read_raw
from limpet.web.deps import Deps
from limpet.web.origin import origin_of

NOTICES_HEAD, NOTICES_TAIL = "/carriers/", "/notices"


def notices_path(carrier: str) -> str:
    """Where a carrier brings its notices."""
    return f"{NOTICES_HEAD}{carrier}{NOTICES_TAIL}"


async def take(deps: Deps, scope: Scope, receive: Receive) -> Answer:
    """POST or GET /carriers/{name}/notices: 200 once committed, 403 for what is not the carrier's, 400 for what says nothing, 503
    where it is to come again."""
    path = str(scope["path"])
    desk = deps.notices.get(path[len(NOTICES_HEAD) : -len(NOTICES_TAIL)]) if path.endswith(NOTICES_TAIL) else None
    if desk is None:
        raise ApiError(20404, resource=path)
    if scope["method"] not in ("GET", "POST"):
        raise ApiError(20004, method=scope["method"])
    headers: dict[bytes, bytes] = dict(scope["headers"])
    body = await read_raw(headers, receive)
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    url = origin_of(scope, headers, deps.public_url, deps.trusted_proxies) + path + query
    named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers.items()}
    taken = await desk.take(Notice(scope["method"], url, named, body))
    if taken is Taken.UNTRUSTED:
        raise ApiError(20003, status=403)
    if taken is Taken.UNREADABLE:
        raise ApiError(20001, parameter="body", why="nothing can be made of it")
    if taken is Taken.LATER:
        raise ApiError(20503)
    kind, text = desk.answer
    return Answer(200, text, ((b"content-type", kind.encode()),))
