"""owed → webhook → customer: posts status callbacks and events until each is taken or given up.

Whoever commits a change posts what it owes at once, from memory. Everything else comes from the table: what a crash left
behind, what found no room, what is to be tried again. A callback reaches its customer at least once, in the order of its
message's events as far as the first try goes, each time under the same idempotency token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version

import structlog

from limpet import tracing
from limpet.clock import Clock
from limpet.core.retry import CALLBACK_SCHEDULE_S, EVENT_SCHEDULE_S, callback_delay_s
from limpet.flow.counts import Counts
from limpet.flow.owed import LEASE
from limpet.flow.tried import Fault, Tried, delivery_of
from limpet.flow.turns import Turns, endpoint_of
from limpet.flow.worker import Batcher, Nudge
from limpet.store.callbacks import EVENT, POST, OwedCallback, Postponed, claim_due, settle
from limpet.store.database import DATABASE_AWAY, Database
from limpet.store.deliveries import Delivery
from limpet.twilio.callback import Overrides, idempotency_token, signature, split_fragment
from limpet.twilio.events import is_batch, joined
from limpet.twilio.inbound import HTTP_RETRIEVAL_FAILURE, fallback_form
from limpet.twilio.webhook_request import WebhookRequest, form_request, json_request
from limpet.webhook import CONNECTIONS_MAX, RETRY_NAMES, Cause, Posted, PostFailed, Webhooks, sent_as

POLL_S = 5.0
CLAIM_MAX = 500
AT_ONCE_MAX = CONNECTIONS_MAX
LEASE_NEEDED = timedelta(seconds=20)
"""A post takes 15 seconds at most; what is left of a lease must cover it."""
TOKEN_REMEMBERED_S = 60.0
TOKENS_MAX = 10_000
REQUESTS_MAX = 5
"""Requests that may follow from the answers to one callback (TwiML's Redirect)."""
BATCH_EVENTS_MAX = 100
BATCH_BYTES_MAX = 64 * 1024
"""Of the events that go to a sink in one request; Twilio has the same limit of octets."""
USER_AGENT = f"Limpet/{version('limpet')}"

_UNANSWERED = frozenset({Cause.CONNECT, Cause.READ})
_log = structlog.get_logger()


Following = OwedCallback | PostFailed | None
"""What an answer leads to: another request, a failure after all, or nothing more."""


async def _nothing_follows(_owed: OwedCallback, _answer: Posted, _step: int) -> Following:
    return None


async def _nothing_owed(_tried: Sequence[Tried]) -> list[OwedCallback]:
    return []


async def _nobody_watches(_tried: Sequence[Tried]) -> None:
    return None


class Callbacks:
    """Posts what is owed. `token_of` answers an account's auth token by its id, `chance` a number in [0, 1)."""

    def __init__(
        self,
        database: Database,
        webhooks: Webhooks,
        token_of: Callable[[int], Awaitable[str]],
        clock: Clock,
        chance: Callable[[], float],
        new_id: Callable[[datetime], int],
        *,
        log_all: bool = False,
    ) -> None:
        """The log keeps tries that failed and those that followed them; with `log_all` every try."""
        self._database = database
        self._webhooks = webhooks
        self._token_of = token_of
        self._clock = clock
        self._chance = chance
        self._new_id = new_id
        self._log_all = log_all
        self._turns = Turns()
        self._workers: set[asyncio.Task[None]] = set()
        self._tried: Batcher[Tried, None] = Batcher(self._write)
        self._tokens: dict[int, tuple[str, float]] = {}
        self._nudge = Nudge()
        self._lacked_room = False
        self._stopping = False
        self.counts = Counts()
        self.on_answered: Callable[[OwedCallback, Posted, int], Awaitable[Following]] = _nothing_follows
        """Asked what an answer leads to, before the callback is settled; also told how many redirects led there."""
        self.on_tried: Callable[[Sequence[Tried]], Awaitable[list[OwedCallback]]] = _nothing_owed
        """Asked what is owed because of tries: it is written with the log of them, and posted."""
        self.on_settled: Callable[[Sequence[Tried]], Awaitable[None]] = _nobody_watches
        """Told of tries once they are written down."""

    def post_now(self, owed: Sequence[OwedCallback]) -> None:
        """Post callbacks whose rows are committed. Returns at once; what finds no room waits in the table for its lease."""
        if not self._stopping:
            for one in owed:
                self._turns.add(one)
            self._hire()

    @property
    def turns(self) -> Turns:
        """What is held in memory, for whoever watches."""
        return self._turns

    def nudge(self) -> None:
        """Look at the table now."""
        self._nudge.ring()

    async def run(self) -> None:
        """Take over what is due in the table, every POLL_S and on `nudge`, until `stop`."""
        while not self._stopping:
            if not await self._take_over():
                await self._nudge.wait(POLL_S)

    async def stop(self, grace_s: float) -> None:
        """Wait at most `grace_s` for posts under way; what has not begun is due at once for whoever comes next."""
        self._stopping = True
        self._nudge.ring()
        left = self._turns.leave()
        if self._workers:
            await asyncio.wait(self._workers, timeout=grace_s)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._tried.idle()
        if left:
            now = self._clock.now()
            await self._write([Tried(owed, Postponed(*owed.key, owed.attempt, now)) for owed in left])

    async def _take_over(self) -> bool:
        """Claim what is due and there is room for; whether there may be more that there is room for."""
        limit = min(CLAIM_MAX, self._turns.room)
        now = self._clock.now()
        try:
            claimed = await claim_due(self._database, now, now + LEASE, limit) if limit else []
        except DATABASE_AWAY as error:
            _log.warning("callbacks that are due could not be read", why=error)
            return False
        self.post_now(claimed)
        self._lacked_room = len(claimed) == limit < CLAIM_MAX
        return len(claimed) == CLAIM_MAX

    def _hire(self) -> None:
        """As many workers as there is work that may go now, within AT_ONCE_MAX."""
        while len(self._workers) < AT_ONCE_MAX and (together := self._take()):
            worker = asyncio.create_task(self._work(together))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self, together: list[OwedCallback]) -> None:
        while together:
            await self._one(together)
            self._hire()
            together = self._take()

    def _take(self) -> list[OwedCallback]:
        """The callback whose turn it is, with what goes in the same request; nothing when none may go now."""
        owed = self._turns.take()
        return [] if owed is None else [owed, *self._along(owed)]

    def _along(self, owed: OwedCallback) -> list[OwedCallback]:
        """What waits for the same sink, where the sink takes batches."""
        if owed.kind != EVENT or not is_batch(owed.payload):
            return []
        latest, left = self._clock.now() + LEASE_NEEDED, BATCH_BYTES_MAX - len(owed.payload.encode())

        def fits(other: OwedCallback) -> bool:
            nonlocal left
            like = (other.url, other.kind, other.attempt, other.account_id)
            if like != (owed.url, owed.kind, owed.attempt, owed.account_id) or other.due_at < latest:
                return False
            left -= len(other.payload.encode())
            return left >= 0

        return self._turns.along(owed, fits, BATCH_EVENTS_MAX - 1)

    async def _one(self, together: list[OwedCallback]) -> None:
        owed, outcome, faults = together[0], None, list[Fault]()
        try:
            if owed.due_at - self._clock.now() >= LEASE_NEEDED:
                work = self._converse(_joined(together), faults)
                if tracing.active is None:
                    outcome = await work
                else:
                    outcome = await tracing.active.callback(owed.kind, endpoint_of(owed.url), owed.attempt + 1, work)
        except Exception:  # noqa: BLE001 - one account's trouble is not another's, and the row comes back
            _log.exception("a callback could not be posted", account_id=owed.account_id, endpoint=endpoint_of(owed.url))
        answered = None if outcome is None else not (isinstance(outcome, PostFailed) and outcome.cause in _UNANSWERED)
        self._turns.attempted(owed, together[1:], answered=answered)
        if outcome is None:
            for each in together:
                self._turns.forget(each.key)
        else:
            self._tried.add([Tried(each, self._later(each, outcome), outcome, tuple(faults)) for each in together])

    async def _converse(self, owed: OwedCallback, faults: list[Fault]) -> Posted | PostFailed:
        """One try: the request, and those to which the answers lead, each with its fallback; which of them failed goes into
        `faults`."""
        step = 0
        asked, outcome = await self._ask(owed, faults)
        for requests in range(REQUESTS_MAX + 1):
            if isinstance(outcome, PostFailed):
                return outcome
            following = await self.on_answered(asked, outcome, step)
            if not isinstance(following, OwedCallback):
                return following or outcome
            if requests == REQUESTS_MAX:
                _log.warning("an answer leads too far", account_id=owed.account_id, endpoint=endpoint_of(asked.url))
                return outcome
            step += (
                following.payload == asked.payload
            )  # a fallback, which is told what went wrong, stands for the same step
            asked, outcome = await self._ask(following, faults)
        return outcome

    async def _ask(self, owed: OwedCallback, faults: list[Fault]) -> tuple[OwedCallback, Posted | PostFailed]:
        """A request, or its fallback where that is what answered: which of them it was, and the outcome."""
        outcome = await self._post(owed)
        if isinstance(outcome, Posted):
            return owed, outcome
        faults.append(Fault(owed, outcome))
        if not owed.fallback_url:
            return owed, outcome
        form = fallback_form(owed.payload, HTTP_RETRIEVAL_FAILURE, owed.url)
        instead = owed._replace(url=owed.fallback_url, method=owed.fallback_method, payload=form, fallback_url=None)
        said = await self._post(instead)
        if isinstance(said, Posted):
            return instead, said
        faults.append(Fault(instead, said))
        return owed, outcome

    async def _post(self, owed: OwedCallback) -> Posted | PostFailed:
        """One try: a request and, the first time, Twilio's immediate repetitions, all within the URL's total time."""
        url, overrides = split_fragment(owed.url)
        request = _request_of(owed, url)
        headers = await self._headers(owed, request)
        ends_at = self._clock.monotonic() + overrides.total_timeout_s
        outcome = await self._request(request, headers, overrides)
        for _ in range(0 if owed.attempt else overrides.retries):
            left_s = ends_at - self._clock.monotonic()
            if left_s <= 0 or not _repeatable(outcome, overrides):
                break
            shorter = replace(overrides, total_timeout_s=left_s)
            outcome = await self._request(request, headers, shorter)
        return outcome

    async def _request(
        self, request: WebhookRequest, headers: dict[str, str], overrides: Overrides
    ) -> Posted | PostFailed:
        if request.body is None:
            return await self._webhooks.get(request.url, headers, overrides)
        return await self._webhooks.post(request.url, request.body, headers, overrides)

    async def _headers(self, owed: OwedCallback, request: WebhookRequest) -> dict[str, str]:
        token = await self._token(owed.account_id)
        kind = {} if request.content_type is None else {"Content-Type": request.content_type}
        return {
            **kind,
            "User-Agent": USER_AGENT,
            "X-Twilio-Signature": signature(token, sent_as(request.url), request.signed_form),
            "I-Twilio-Idempotency-Token": token_of(owed),
        }

    async def _token(self, account_id: int) -> str:
        now = self._clock.monotonic()
        known = self._tokens.get(account_id)
        if known is not None and known[1] > now:
            return known[0]
        if len(self._tokens) >= TOKENS_MAX:
            self._tokens.clear()
        token = await self._token_of(account_id)
        self._tokens[account_id] = token, now + TOKEN_REMEMBERED_S
        return token

    def _later(self, owed: OwedCallback, outcome: Posted | PostFailed) -> Postponed | None:
        """When a callback is due again; None when it was taken, or when there is no use in trying further."""
        if isinstance(outcome, Posted):
            return None
        attempt = owed.attempt + 1
        schedule = EVENT_SCHEDULE_S if owed.kind == EVENT else CALLBACK_SCHEDULE_S
        delay_s = callback_delay_s(attempt, self._chance(), schedule) if outcome.retryable else None
        if delay_s is None:
            _log.warning("callback given up", account_id=owed.account_id, attempts=attempt, why=outcome.why)
            return None
        return Postponed(*owed.key, attempt, self._clock.now() + timedelta(seconds=delay_s))

    async def _write(self, tried: Sequence[Tried]) -> list[None]:
        """Settle what was tried. Where that fails the rows keep their lease and are posted again after it."""
        try:
            owed = await self.on_tried(tried)
            done = [one.owed.key for one in tried if one.later is None]
            later = [one.later for one in tried if one.later is not None]
            await settle(self._database, done, later, self._logged(tried), owed)
            self.counts.tried(tried)
            self.post_now(owed)
        except DATABASE_AWAY as error:
            _log.warning("callbacks that were tried could not be written", count=len(tried), why=error)
        finally:
            self._forget(one.owed for one in tried)
        try:
            await self.on_settled(tried)
        except DATABASE_AWAY as error:
            _log.warning("what tries say of sinks could not be written", why=error)
        return [None] * len(tried)

    def _logged(self, tried: Sequence[Tried]) -> list[Delivery]:
        now = self._clock.now()
        return [
            delivery_of(one, one.outcome, self._new_id(now))
            for one in tried
            if one.outcome is not None
            and (self._log_all or one.owed.attempt or isinstance(one.outcome, PostFailed))
        ]  # fmt: skip

    def _forget(self, over: Iterable[OwedCallback]) -> None:
        for owed in over:
            self._turns.forget(owed.key)
        if self._lacked_room:
            self._nudge.ring()


def token_of(owed: OwedCallback) -> str:
    """The idempotency token of a callback: the same on each try, and for whatever else is requested because of it."""
    return idempotency_token(*owed.key)


def _request_of(owed: OwedCallback, url: str) -> WebhookRequest:
    if owed.kind == EVENT:
        return json_request(url, owed.payload)
    return form_request(url, owed.payload, post=owed.method == POST)


def _joined(together: Sequence[OwedCallback]) -> OwedCallback:
    first = together[0]
    return first if len(together) == 1 else first._replace(payload=joined([each.payload for each in together]))


def _repeatable(outcome: Posted | PostFailed, overrides: Overrides) -> bool:
    return isinstance(outcome, PostFailed) and RETRY_NAMES.get(outcome.cause) in overrides.retry_on
