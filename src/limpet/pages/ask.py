"""A request for a page as its handler sees it, and the answers that it can give."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive

from limpet.pages.assets import Assets
from limpet.pages.guard import is_loopback
from limpet.twilio.forms import Form, filled

SEE_OTHER = 303


class Refused(Exception):
    """What a person asked for cannot be; `says` is a sentence that they read."""

    def __init__(self, says: str, status: int = 400) -> None:
        super().__init__(says)
        self.says = says
        self.status = status


class Renderer:
    """Templates, compiled once. Whatever is put into one is text, never markup."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=PackageLoader("limpet.pages", "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        self._environment.globals["asset"] = assets.url

    def render(self, name: str, **values: Any) -> str:
        """The page or the part of one that a template makes."""
        return self._environment.get_template(name).render(values)


@dataclass(frozen=True)
class Ask:
    """A request that was let in. `parts` are the variable parts of its path; `form` is empty unless one was posted, `json` is
    what was posted as JSON. `csrf` is the token for the forms of the answer, `peer` the address that the request came from.
    `receive` is where a file comes from that is read as it comes."""

    headers: Mapping[bytes, bytes]
    path: str
    parts: Mapping[str, str]
    query: Form
    csrf: str
    renderer: Renderer
    method: str = "GET"
    form: Form = field(default_factory=dict)
    json: object = None
    peer: str | None = None
    receive: Receive | None = None

    @cached_property
    def by_htmx(self) -> bool:
        """Whether a script of the page asked, for a part and not for a page."""
        return self.headers.get(b"hx-request") == b"true"

    @property
    def wants_json(self) -> bool:
        """Whether a program asks."""
        accepted = self.headers.get(b"accept", b"")
        return self.path.endswith(".json") or self.json is not None or accepted.startswith(b"application/json")

    def asked(self, name: str, most: int = 1000) -> str:
        """A value of the query, empty when it is not there, and without its end when it is too long."""
        return (filled(self.query, name) or "").strip()[:most]

    def html(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page, or a part of one."""
        text = self.renderer.render(template, csrf=self.csrf, **values)
        return HTMLResponse(text, status, {"Cache-Control": "no-store"})

    def value(self, value: object, status: int = 200) -> Response:
        """JSON for programs."""
        return JSONResponse(value, status, {"Cache-Control": "no-store"})

    def go(self, place: str) -> Response:
        """On to a page by GET, after something was posted."""
        return RedirectResponse(place, SEE_OTHER, {"Cache-Control": "no-store"})


Handler = Callable[[Ask], Awaitable[Response]]


@dataclass(frozen=True)
class Group:
    """Pages under one path. `hosts` says under which `Host` they may be asked for; `local` that only this machine may ask.
    To the paths of `streamed` also files may be posted, with the token in a header: their handlers read them as they come."""

    root: str
    routes: Mapping[str, Mapping[str, Handler]]
    hosts: Callable[[bytes], bool] = is_loopback
    local: bool = True
    streamed: frozenset[str] = frozenset()
    seen: str | None = None
    """The host under which browsers know the pages, where something in front asks for them under another."""


def object_of(value: object) -> dict[str, Any]:
    """What was posted as JSON, when it is an object; Refused for anything else."""
    if not isinstance(value, dict):
        raise Refused("What is posted must be a JSON object.")
    return value


def as_form(value: object) -> Form:
    """An object of JSON as a form: each value a text, or a list of texts."""
    found: dict[str, list[str]] = {}
    for name, given in object_of(value).items():
        texts = given if isinstance(given, list) else [given]
        if not all(isinstance(text, str) for text in texts):
            raise Refused(f"{json.dumps(name)[:100]} must be a text, or a list of texts.")
        found[name] = [text.replace("\0", "") for text in texts]
    return found
