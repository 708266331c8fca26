"""The API as Twilio spreads it over host names: each product has one, and answers nothing of another's.

Clients that were not told of Limpet come by these names (`limpet.devtools.proxy`). Paths are the same here as there; what is
decided is only whether a host has them, since `/v1/Services` is something else at each product that has it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from limpet.core.errors import ApiError
from limpet.web.answer import refusal, send_answer

DOMAIN = "twilio.com"
HOST_LENGTH_MAX = 253
API, MESSAGING, CONTENT, EVENTS = PRODUCTS = ("api", "messaging", "content", "events")
_HOST = re.compile(rf"([a-z][a-z0-9-]{{0,62}})((?:\.[a-z0-9][a-z0-9-]{{0,62}}){{0,2}})\.{re.escape(DOMAIN)}")
_HEADS: Mapping[str, str] = {
    "2010-04-01": API,
    "v1/Content": CONTENT,
    "v1/Sinks": EVENTS,
    "v1/Subscriptions": EVENTS,
    "v1/Types": EVENTS,
    "v1/Schemas": EVENTS,
    "v1": MESSAGING,
}
"""Of which product a path is that begins so, the longest first. All else that is served is links, followed at any of them."""


def product_of(host: str) -> str | None:
    """Which product a host name is of, such as `api` for `api.dublin.ie1.twilio.com`; None for everybody else's.

    Between the product and the domain there may be an edge and a region (www.twilio.com/docs/global-infrastructure).
    """
    if len(host) > HOST_LENGTH_MAX:
        return None
    found = _HOST.fullmatch(host.lower())
    return None if found is None else found[1]


def has(product: str | None, path: str) -> bool:
    """Whether the host of a product has something at a path, as far as Limpet knows."""
    if product not in PRODUCTS:
        return False
    first, _, rest = path.lstrip("/").partition("/")
    owner = _HEADS.get(f"{first}/{rest.partition('/')[0]}", _HEADS.get(first))
    return owner is None or owner == product


class AsTwilio:
    """The API, for requests that name Twilio's hosts: what a host does not have is not found there (20404)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and not has(_product_asked(scope), scope["path"]):
            request_id = "RQ" + os.urandom(16).hex()
            await send_answer(send, refusal(ApiError(20404, resource=scope["path"])), request_id, 0.0)
        else:
            await self._app(scope, receive, send)


def _product_asked(scope: Scope) -> str | None:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return product_of(host.decode("latin-1").removesuffix(":443"))
