"""A client that calls the ASGI application in process, and holds every answer to Twilio's documents where they are at hand."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from starlette.types import Message

from limpet.core.links import code_in
from limpet.web.app import App
from tests.wire.openapi import contract

HOST = "limpet.test:8080"
ROOTS = (
    "/carriers",
    "/2010",
    "/v1",
    "/messaging",
    "/events",
    "/health",
    "/ready",
    "/metrics",
    "/m/",
    "/deactivations/",
    "/phones",
)
"""What paths begin with that are not within an account."""
FORM_TYPE = "application/x-www-form-urlencoded"
Fields = Mapping[str, object] | Iterable[tuple[str, object]]


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> int | None:
        """Twilio's error code; None in an answer that is no refusal."""
        found = self.json.get("code") if self.body else None
        return found if isinstance(found, int) else None

    @property
    def says(self) -> tuple[int, int | None]:
        """Status and code, to be compared at once."""
        return self.status, self.code


def basic(sid: str, secret: str) -> str:
    """The value of `Authorization`."""
    return "Basic " + b64encode(f"{sid}:{secret}".encode()).decode()


@dataclass(frozen=True)
class Client:
    """Calls as one credential. A path that begins with a slash and no version is taken within the account."""

    app: App
    sid: str
    secret: str
    account_sid: str
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: str = "192.0.2.7"
    scheme: str = "http"

    def with_headers(self, **headers: str) -> Client:
        return replace(self, headers={**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})

    async def get(self, path: str, query: Fields = ()) -> Response:
        return await self.call("GET", path, query=query)

    async def post(self, path: str, form: Fields | bytes = (), **named: object) -> Response:
        """Post a form, given as fields, as fields by name, or as bytes."""
        body = form if isinstance(form, bytes) else encoded({**dict(form), **named})
        return await self.call("POST", path, body=body)

    async def delete(self, path: str, query: Fields = ()) -> Response:
        return await self.call("DELETE", path, query=query)

    async def follow(self, uri: str) -> Response:
        """Fetch a page by the URI or URL that another page gave."""
        path, _, query = uri.removeprefix(f"{self.scheme}://{HOST}").partition("?")
        return await self.call("GET", path, query=query.encode())

    async def call(
        self, method: str, path: str, *, query: Fields | bytes = (), body: bytes = b"", chunk: int = 1 << 16
    ) -> Response:
        """One request; its body arrives in chunks."""
        path = path if path.startswith(ROOTS) or code_in(path) else self.within(path)
        raw_query = query if isinstance(query, bytes) else encoded(query)
        headers = {
            "host": HOST,
            "authorization": basic(self.sid, self.secret),
            "content-type": FORM_TYPE,
            "content-length": str(len(body)),
            **self.headers,
        }
        response = await call_app(self.app, self._scope(method, path, raw_query, headers), pieces(body, chunk))
        oracle = contract()
        said = oracle.complaints(method, path, response.status, response.body) if oracle else []
        assert said == []
        return response

    def within(self, path: str) -> str:
        """A path of the 2010 API within the account."""
        return f"/2010-04-01/Accounts/{self.account_sid}{path}"

    def _scope(self, method: str, path: str, query: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": path,
            "raw_path": quote(path).encode(),
            "root_path": "",
            "query_string": query,
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items() if value],
            "client": (self.peer, 40000),
            "server": ("10.0.0.1", 8080),
        }


def encoded(fields: Fields) -> bytes:
    """A form or a query; a list gives its name several times."""
    return urlencode(dict(fields) if isinstance(fields, Mapping) else list(fields), doseq=True).encode()


def pieces(body: bytes, chunk: int) -> list[Message]:
    """A body as a server hands it on."""
    parts = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]
    return [{"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts]


async def call_app(app: App, scope: dict[str, Any], messages: list[Message]) -> Response:
    """Play one request to the application; after its messages the client is gone."""
    waiting, sent = iter(messages), list[Message]()

    async def receive() -> Message:
        return next(waiting, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if not sent:
        return Response(0, {}, b"")
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Response(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
