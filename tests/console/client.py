"""A browser without scripts, as far as the console sees one: it keeps cookies, takes the token of a page, posts its forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from starlette.types import ASGIApp, Message

FORM_TYPE = b"application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Page:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def place(self) -> str:
        """Where it leads on to."""
        return self.headers.get("location", "")

    def form(self, action: str) -> dict[str, str]:
        """What a browser would post of a form if nobody touched it; of a name that is there twice the last value."""
        reader = _Form(action)
        reader.feed(self.text)
        return reader.values

    @property
    def says(self) -> str:
        """Its text without markup, in one line."""
        body = re.sub(r"<(script|style).*?</\1>", "", re.sub(r"^.*<main[^>]*>", "", self.text, flags=re.S), flags=re.S)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


class _Form(HTMLParser):
    def __init__(self, action: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._action = action
        self._inside = False
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = told.get("action") == self._action
        elif self._inside and tag == "input" and (told.get("type") != "checkbox" or "checked" in told):
            self.values[told["name"]] = told.get("value", "")
        elif self._inside and tag == "select":
            self._select = told["name"]
        elif self._inside and tag == "option" and self._select:
            self._chosen = "selected" in told or self._select not in self.values
            if self._chosen and "value" in told:
                self.values[self._select] = told["value"]
                self._chosen = False

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        self._inside = self._inside and tag != "form"

    def handle_data(self, data: str) -> None:
        if self._inside and self._select and getattr(self, "_chosen", False):
            self.values[self._select], self._chosen = data, False


@dataclass
class Browser:
    """One browser, at one address."""

    app: ASGIApp
    peer: str = "192.0.2.7"
    host: str = "console.test"
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)

    async def get(self, path: str, **headers: str) -> Page:
        return await self.call("GET", path, headers=headers)

    async def post(
        self, path: str, *, token: str | None = None, headers: Mapping[str, str] | None = None, **form: str
    ) -> Page:
        """Post a form with the token of this browser's pages, or another."""
        fields = {"csrf": await self.token() if token is None else token, **form}
        told = {"content-type": FORM_TYPE.decode(), **(headers or {})}
        return await self.call("POST", path, urlencode(fields).encode(), told)

    async def token(self) -> str:
        """What each form of this browser's pages holds."""
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', (await self.get("/console/sign-in")).text)
        assert found
        return found[1]

    async def sign_in(self, name: str, password: str, code: str = "", **more: str) -> Page:
        return await self.post("/console/sign-in", Name=name, Password=password, Code=code, **more)

    async def call(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Page:
        path, _, query = path.partition("?")
        sent = {"host": self.host, "content-length": str(len(body)), **(headers or {})}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(), "scheme": "http",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": (self.peer, 40000), "server": ("127.0.0.1", 8080), "raw_path": path.encode(), "root_path": "",
        }  # fmt: skip
        messages: list[Message] = []

        given = False

        async def receive() -> Message:
            nonlocal given
            if given:  # a browser that waits for its answer says no more
                await asyncio.Event().wait()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        pairs = [(name.decode().lower(), value.decode()) for name, value in messages[0]["headers"]]
        self.set_cookies = [value for name, value in pairs if name == "set-cookie"]
        for one in self.set_cookies:
            for name, morsel in SimpleCookie(one).items():
                self.cookies[name] = morsel.value
                if not morsel.value:
                    del self.cookies[name]
        text = b"".join(message.get("body", b"") for message in messages[1:]).decode()
        return Page(messages[0]["status"], dict(pairs), text)
