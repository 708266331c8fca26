"""A browser without scripts, as far as the console sees one: it keeps cookies, takes the token of a page, posts its forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
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

    @property
    def says(self) -> str:
        """Its text without markup, in one line."""
        body = re.sub(r"<(script|style).*?</\1>", "", re.sub(r"^.*<main[^>]*>", "", self.text, flags=re.S), flags=re.S)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


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
