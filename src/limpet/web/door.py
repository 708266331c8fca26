"""The door: a request comes in, is let through or refused, and leaves with an answer in Twilio's shape, whatever happens.

Every request leads through `Door.serve`. It knows who may enter; what is asked is for the handlers.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog
from starlette.types import Receive, Scope, Send

from limpet import tracing
from limpet.core.errors import ApiError
from limpet.core.model import Account, AccountStatus
from limpet.core.tenancy import standing
from limpet.store.database import DATABASE_AWAY
from limpet.twilio.forms import Form, parse_form
from limpet.web.answer import Answer, refusal, send_answer
from limpet.web.auth import Authenticator, Caller
from limpet.web.body import ClientGone, read_form, read_json
from limpet.web.deps import Deps
from limpet.web.origin import origin_of

V1 = "/v1"
_NO_FORM: Form = {}
_REQUEST_ID_BYTES = 16
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in. `parts` are the variable parts of its path, `form` is empty unless it is a POST.

    `account` is whose resources these are: the caller's, or those of a sub-account that its path names.
    """

    deps: Deps
    auth: Authenticator
    caller: Caller
    account: Account
    scope: Scope
    headers: Mapping[bytes, bytes]
    parts: Mapping[str, str]
    query: Form
    form: Form
    now: datetime
    json: object = None
    """What was posted, where that is JSON."""
    receive: Receive | None = None
    """Where what is posted comes from, for a handler that reads it as it comes."""

    @property
    def path(self) -> str:
        """The path as it was asked for."""
        return str(self.scope["path"])

    @property
    def url(self) -> str:
        """The absolute URL of what was asked for, without its query."""
        return self.origin + self.path

    @property
    def origin(self) -> str:
        """Scheme and host by which this request came, or the public URL."""
        return origin_of(self.scope, self.headers, self.deps.public_url, self.deps.trusted_proxies)

    @property
    def root(self) -> str:
        """The absolute URL under which the v1 resources of this request are, ending in `/v1`."""
        before, _, _ = self.url.partition(f"{V1}/")
        return before + V1

    @property
    def actor(self) -> str:
        """Who asks, as events of changes name it."""
        return f"api:{self.caller.credential_sid}"

    def not_found(self) -> ApiError:
        """20404, also for what belongs to somebody else: that it exists is not told."""
        return ApiError(20404, resource=self.path)


Handler = Callable[[Call], Awaitable[Answer]]


async def _not_rehearsed(_: Call) -> Answer:
    raise ApiError(20008)


class Door:
    """What all requests pass through."""

    def __init__(self, deps: Deps, rehearsals: Mapping[Handler, Handler] | None = None) -> None:
        """`rehearsals`: what answers instead of a handler to who came by test credentials."""
        self.deps = deps
        self._rehearsals = rehearsals or {}
        self._under_way: dict[int, int] = {}
        self.auth = Authenticator(deps.accounts, deps.clock)

    async def serve(self, scope: Scope, send: Send, work: Awaitable[Answer]) -> None:
        """Send what `work` answers; nothing that goes wrong in it leaves by another way."""
        began = self.deps.clock.monotonic()
        request_id = "RQ" + os.urandom(_REQUEST_ID_BYTES).hex()
        if tracing.active is not None:
            work = tracing.active.request(scope["method"], scope["headers"], work)
        try:
            answer = await work
        except ApiError as error:
            answer = refusal(error)
        except ClientGone:
            return
        except DATABASE_AWAY as error:
            _log.warning("database away", request_id=request_id, error=type(error).__name__)
            answer = refusal(ApiError(20503))
        except Exception:  # noqa: BLE001 - the outermost place: the client gets an answer, the log gets the cause
            _log.exception("request failed", request_id=request_id, method=scope["method"])
            answer = refusal(ApiError(20500))
        took_s = self.deps.clock.monotonic() - began
        self.deps.counts.request(answer.status, took_s)
        await send_answer(send, answer, request_id, took_s)

    async def admit(
        self,
        scope: Scope,
        receive: Receive,
        parts: Mapping[str, str],
        handlers: Mapping[str, Handler],
        *,
        json: bool = False,
        streamed: bool = False,
    ) -> Answer:
        """Let a request in and have the handler of its method answer it; or an ApiError that says why not."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        caller = await self.auth.caller(headers.get(b"authorization"))
        account, method, status = caller.account, scope["method"], caller.standing
        if parts.get("account_sid", account.sid) != account.sid:
            account = await self._subaccount(caller, parts["account_sid"], scope["path"])
            status = standing(status, account.status)
        handler = handlers.get(method)
        if handler is None:
            return refusal(ApiError(20004, method=method), ((b"allow", ", ".join(sorted(handlers)).encode()),))
        if status is not AccountStatus.ACTIVE and method != "GET":
            raise ApiError(20005)
        if caller.is_test:
            handler = self._rehearsals.get(handler, _not_rehearsed)
        with self._within_limits(account.id):
            return await self._handle(
                handler, caller, account, scope, receive, parts, headers, json=json, streamed=streamed
            )

    @contextmanager
    def _within_limits(self, account_id: int) -> Iterator[None]:
        """Count the account's requests under way; 20429 beyond what it may have at once, and nothing has been done."""
        count = self._under_way.get(account_id, 0)
        if count >= self.deps.concurrency_max:
            raise ApiError(20429)
        self._under_way[account_id] = count + 1
        try:
            yield
        finally:
            left = self._under_way[account_id] - 1
            if left:
                self._under_way[account_id] = left
            else:
                del self._under_way[account_id]

    async def _handle(
        self, handler: Handler, caller: Caller, account: Account, scope: Scope, receive: Receive, parts: Mapping[str, str],
        headers: Mapping[bytes, bytes], *, json: bool, streamed: bool,
    ) -> Answer:  # fmt: skip
        query = parse_form(scope["query_string"]) if scope["query_string"] else _NO_FORM
        posted, now = scope["method"] == "POST" and not streamed, self.deps.clock.now
        form = await read_form(headers, receive) if posted and not json else _NO_FORM
        value = await read_json(headers, receive) if posted and json else None
        return await handler(
            Call(
                self.deps, self.auth, caller, account, scope, headers, parts, query, form, now(), value,
                receive if streamed else None,
            )
        )  # fmt: skip

    async def _subaccount(self, caller: Caller, sid: str, path: str) -> Account:
        found = await self.auth.subaccount(caller, sid)
        if found is None:
            raise ApiError(20404, resource=path)
        return found


class Endpoint:
    """The resource at one path, with a handler for each method that it has."""

    def __init__(
        self, door: Door, handlers: Mapping[str, Handler], *, json: bool = False, streamed: bool = False
    ) -> None:
        """With `json` what is posted here is JSON and not a form; with `streamed` the handler itself reads it as it comes."""
        self._door = door
        self._json = json
        self._streamed = streamed
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, behind a router that found the parts of the path."""
        await self.answer(scope, receive, send, scope["path_params"])

    async def answer(self, scope: Scope, receive: Receive, send: Send, parts: Mapping[str, str]) -> None:
        """The same for a path whose parts are known already."""
        await self._door.serve(
            scope,
            send,
            self._door.admit(scope, receive, parts, self._handlers, json=self._json, streamed=self._streamed),
        )
