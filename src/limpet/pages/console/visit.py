"""An operator's request, let in: who asks, the API's own functions on an account's behalf, and the log of what is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
from starlette.responses import Response
from starlette.types import Receive

from limpet.core.console import Act, may
from limpet.core.errors import ApiError
from limpet.core.model import Account
from limpet.pages.ask import Ask, Refused
from limpet.store.console import ConsoleLog, Deed
from limpet.store.operators import Operator
from limpet.telemetry import masked
from limpet.twilio.forms import Form
from limpet.twilio.resources import error_resource
from limpet.twilio.sid import is_sid
from limpet.web.answer import Answer
from limpet.web.auth import Authenticator, Caller
from limpet.web.deps import Deps
from limpet.web.door import Call, Handler

PAGE_SIZE: Final = 50
ROOT: Final = "/console"
DONE: Final = {
    "added": "It has been added.",
    "changed": "Saved.",
    "paused": "Nothing is sent through it from now on.",
    "resumed": "It sends again.",
    "removed": "The number is out of the pool. Its people get another with their next message: who moved where is listed here.",
    "set": "The mapping is as asked from now on.",
    "reset": "Forgotten: the next message chooses anew.",
    "opted-out": "Nothing is sent to that person by this service any more.",
    "opted-in": "The person may be written to again.",
    "settled": "The doubt is settled.",
    "replayed": "The callback is on its way once more.",
    "carrier": "The servers have been told; they act on it within a second or two.",
    "answered": "The answer is written down; a running server carries it out within seconds.",
    "imported": "The import has been taken.",
    "planned": "This is the plan: nobody has moved yet.",
    "undone": "What the import changed is as it was before.",
    "account": "The account has been changed.",
    "ended": "The sessions are over.",
}


@dataclass(frozen=True, slots=True)
class OperatorCall(Call):
    """A call of the API's functions by an operator of the console, on behalf of an account."""

    operator: str = ""

    @property
    def actor(self) -> str:
        """Who asks, as events of changes name it."""
        return f"console:{self.operator}"


@dataclass(frozen=True)
class Pager:
    """Where the neighbours of a page are; None where there are none."""

    next: str | None
    previous: str | None


@dataclass
class Changes:
    """What a deed changed: `[before, after]` by name."""

    found: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def note(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Keep what is other in `after`."""
        for name in {*before, *after}:
            if before.get(name) != after.get(name):
                self.found[name] = (before.get(name), after.get(name))


@dataclass(frozen=True)
class Visit:
    """The request, with who asks. `act` is the deed that it is; `here` says that nobody signed in, since it comes from the
    machine of a development server."""

    ask: Ask
    operator: Operator
    address: str
    act: Act
    deps: Deps
    auth: Authenticator
    log: ConsoleLog
    here: bool = False

    def may(self, act: str) -> bool:
        """Whether who asks may do something else, by its name in `Act`."""
        return may(self.operator.role, Act[act])

    def html(self, template: str, **values: Any) -> Response:
        """A page of the console."""
        return self.ask.html(
            f"console/{template}", visit=self, me=self.operator, done=DONE.get(self.ask.asked("done"), ""),
            now=self.deps.clock.now(), page=template.removesuffix(".html"), **values,
        )  # fmt: skip

    def go(self, place: str, done: str) -> Response:
        """On to a page, which says what has been done."""
        return self.ask.go(f"{place}{'&' if '?' in place else '?'}done={done}")

    async def account(self) -> Account:
        """The account that the path names; Refused when there is none."""
        sid = self.ask.parts["account"]
        found = await self.deps.accounts.by_sid(sid) if is_sid("AC", sid) else None
        if found is None:
            raise Refused("There is no such account.", 404)
        return found

    async def call(
        self, handler: Handler, account: Account, parts: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None,
        form: Form | None = None,
    ) -> Any:  # fmt: skip
        """What the API answers to a function of its own, as JSON; None for nothing. ApiError as there."""
        answer = await self.answer(handler, account, parts, query, form)
        return msgspec.json.decode(answer.body) if answer.body else None

    async def answer(
        self, handler: Handler, account: Account, parts: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None,
        form: Form | None = None, receive: Receive | None = None,
    ) -> Answer:  # fmt: skip
        """The same as it is sent."""
        name = f"console:{self.operator.name}"
        asked = {key: [value] for key, value in (query or {}).items() if value}
        scope = {"type": "http", "method": self.ask.method, "path": self.ask.path, "scheme": "http"}
        return await handler(
            OperatorCall(
                self.deps, self.auth, Caller(account, name, ""), account, scope, self.ask.headers, parts or {}, asked, form or {},
                self.deps.clock.now(), None, receive, operator=self.operator.name,
            )
        )  # fmt: skip

    def paged(self, **more: str) -> dict[str, str]:
        """The query of a list of the API: the page that this request asks for, and filters."""
        return {"PageSize": str(PAGE_SIZE), "PageToken": self.ask.asked("PageToken"), **more}

    def pager(self, found: Mapping[str, Any], filters: Mapping[str, str] | None = None) -> Pager:
        """The neighbours of a page that the API has answered, as places of this page."""
        told = found.get("meta", found)
        places = [told.get(f"{which}_page_{kind}") for which in ("next", "previous") for kind in ("url", "uri")]
        return Pager(self._place(places[0] or places[1], filters), self._place(places[2] or places[3], filters))

    def place(self, token: str | None, filters: Mapping[str, str] | None = None) -> str | None:
        """A page of this list by its token."""
        query = {name: value for name, value in (filters or {}).items() if value}
        return None if token is None else f"{self.ask.path}?{urlencode({**query, 'PageToken': token})}"

    def _place(self, url: str | None, filters: Mapping[str, str] | None) -> str | None:
        return None if url is None else self.place(parse_qs(urlsplit(url).query)["PageToken"][0], filters)

    def person(self, number: str) -> str:
        """A person's number as the log has it."""
        return masked(number, self.deps.installation.pseudonym_key)

    @asynccontextmanager
    async def deed(
        self, subject: str, account: Account | None = None, act: Act | None = None
    ) -> AsyncIterator[Changes]:
        """Something that is done: in the log before it is, with what came of it after. What is refused is there too."""
        deed_id, changes = self.deps.sticky.new_id(self.deps.clock.now()), Changes()
        operator, sid = self.operator, None if account is None else account.sid
        await self.log.begin(
            deed_id, Deed(operator.name, operator.role, self.address, act or self.act, sid, subject[:200])
        )
        try:
            yield changes
        except ApiError as error:
            await self.log.settle(deed_id, f"refused: {error_resource(error)['message']} ({error.code})", changes.found)
            raise
        except Refused as error:
            await self.log.settle(deed_id, f"refused: {error.says}", changes.found)
            raise
        except Exception as error:
            await self.log.settle(deed_id, f"failed: {type(error).__name__}", changes.found)
            raise
        await self.log.settle(deed_id, "done", changes.found)
