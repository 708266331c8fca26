"""The simulated carrier that takes media: an HTTP server on the loopback interface, beside the one over SMPP.

Its API is one that an operator could describe, and `described` does. Messages are taken at once and reported a moment later;
magic recipients are those of `limpet.devtools.behaviour`. It refuses to know Limpet: it sees only requests, as any carrier does.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from limpet.clock import Clock
from limpet.config_http import HttpCarrierConfig, read_http_carrier
from limpet.devtools.behaviour import FATES, Behaviour, Fate, Receipts
from limpet.smpp.receipt import MessageState

HOST = "127.0.0.1"
NOTICE_TRIES_MAX = 5
NOTICE_PAUSE_S = 1.0
NOTICE_TIMEOUT_S = 10.0
NOTICES_MAX = 10_000
"""So many notices are on their way at a time; what is more is lost."""
_STATES = {MessageState.DELIVERED: "delivered"}
_ERRORS = {MessageState.REJECTED: "spam", MessageState.EXPIRED: "absent"}
_UNKNOWN_PERSON = "001"
_BY_NAME: Mapping[str, int] = {name: int(name.partition("-")[2]) for name in FATES if "-" in name}
_NAMES: Mapping[Fate, str] = {fate: name for name, fate in FATES.items() if name in _BY_NAME}
_Later = Callable[[], Coroutine[Any, Any, None]]


def described(name: str, port: int, secret: str) -> HttpCarrierConfig:
    """The carrier as an operator would describe it in `[[carriers]]`."""
    message = {
        "from": "{number}", "to": "{person}", "text": "{text}", "media": "{media}", "reference": "{reference}",
        "notices_url": "{notices_url}",
    }  # fmt: skip
    codes = {"unknown": 30005, "spam": 30007, "absent": 30003, **_BY_NAME}
    table: Mapping[str, object] = {
        "name": name,
        "kind": "http",
        "mms": True,
        "idempotency_keys": True,
        "window_size_max": 100,
        "secret": secret,
        "notice_secret": secret,
        "request": {
            "url": f"http://{HOST}:{port}/messages",
            "headers": {"Authorization": "Bearer {secret}"},
            "json": message,
        },
        "reply": {"id": "id", "error": "error", "codes": codes},
        "receipt": {
            "when": {"type": "receipt"}, "id": "id", "number": "from", "person": "to", "state": "state",
            "states": {"delivered": "delivered", "undelivered": "undelivered"}, "error": "error", "codes": codes,
            "reference": "reference",
        },
        "inbound": {
            "when": {"type": "text"}, "id": "id", "number": "to", "person": "from", "text": "text", "media": "media",
        },
        "verify": {"header": "X-Signature"},
    }  # fmt: skip
    return read_http_carrier(table, name, Path(), {})


class MmsSimulator:
    """A carrier on `127.0.0.1`. `secret` lets in and signs; `notices_url` is where people's texts are brought."""

    def __init__(
        self, secret: str, notices_url: str, clock: Clock, behaviour: Callable[[], Behaviour] = Behaviour,
        chance: Callable[[], float] = lambda: 0.5,
    ) -> None:  # fmt: skip
        """`behaviour` is asked for each message, so that it may be another carrier's; `chance` is a number of [0, 1)."""
        self._behaviour = behaviour
        self._chance = chance
        self._secret = secret
        self._notices_url = notices_url
        self._ids = count(int(clock.now().timestamp() * 1000) * 1000)
        self._taken: dict[str, str] = {}
        self._notices: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_post("/messages", self._submit)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        self.port = self._runner.addresses[0][1]
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=NOTICE_TIMEOUT_S))

    async def stop(self) -> None:
        """Stop listening, and bring nothing more."""
        for task in self._notices:
            task.cancel()
        await asyncio.gather(*self._notices, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def inject_inbound(self, person: str, number: str, text: str, media: Sequence[str] = ()) -> None:
        """A person's text to a number, with media or without."""
        notice = {
            "type": "text",
            "id": str(next(self._ids)),
            "from": person,
            "to": number,
            "text": text,
            "media": [*media],
        }
        self._bring_later(lambda: self._bring(self._notices_url, notice))

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {self._secret}"):
            return web.json_response({"error": "unauthorized"}, status=401)
        message = await request.json()
        key = request.headers.get("Idempotency-Key", "")
        if key in self._taken:
            return web.json_response({"id": self._taken[key]})
        behaves = self._behaviour()
        fate = behaves.fate(message["from"], message["to"], self._chance())
        await asyncio.sleep(behaves.submit_delay_s)
        if fate.status:
            return web.json_response({"error": _NAMES.get(fate, "unknown")}, status=422)
        message_id = self._taken[key] = str(next(self._ids))
        if len(self._taken) > NOTICES_MAX:
            del self._taken[next(iter(self._taken))]
        state = _STATES.get(fate.state, "undelivered")
        error = "unknown" if fate.err == _UNKNOWN_PERSON else _ERRORS.get(fate.state, "absent")
        error = _NAMES.get(fate, error)
        notice = {"type": "receipt", "id": message_id, "from": message["from"], "to": message["to"], "state": state}
        notice |= {"reference": message["reference"], "error": error}
        where = message["notices_url"]
        if fate.receipts is Receipts.BEFORE_RESPONSE:
            await self._bring(where, notice)
        for _ in range({Receipts.ON_TIME: 1, Receipts.TWICE: 2}.get(fate.receipts, 0)):
            self._bring_later(lambda: self._bring(where, notice, behaves.receipt_delay_s))
        return web.json_response({"id": message_id})

    def _bring_later(self, work: _Later) -> None:
        if len(self._notices) < NOTICES_MAX:
            task = asyncio.create_task(work())
            self._notices.add(task)
            task.add_done_callback(self._notices.discard)

    async def _bring(self, url: str, notice: Mapping[str, object], delay_s: float = 0.0) -> None:
        """Bring a notice until it is taken, a few times."""
        await asyncio.sleep(delay_s)
        assert self._session is not None
        body = json.dumps(notice).encode()
        headers = {"X-Signature": hmac.digest(self._secret.encode(), body, "sha256").hex()}
        for _ in range(NOTICE_TRIES_MAX):
            try:
                async with self._session.post(url, data=body, headers=headers) as answer:
                    if answer.status == web.HTTPOk.status_code:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(NOTICE_PAUSE_S)
