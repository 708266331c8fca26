"""Lanes to a carrier over HTTP: bounded requests, with messages on one side and an upstream's description on the other.

It refuses to know any one API: `limpet.carrier.http_values.Upstream` says what is sent and what answers mean. What a carrier
tells later comes by its notices (`limpet.carrier.http_notices`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from limpet.carrier.http_client import HttpClient, Medium, NoAnswer, NotConnected
from limpet.carrier.http_notices import NoticeDesk
from limpet.carrier.http_values import UNKNOWN_ERROR, HttpReply, LockedOut, Upstream, refused
from limpet.carrier.port import Lane, Listener, Refused, Result, Retry, Submission, Unanswered, Unsent
from limpet.carrier.upstreams import upstream_of
from limpet.clock import Clock
from limpet.config_http import HttpCarrierConfig

THROTTLE_PAUSE_S = 1.0
"""So long nothing is submitted after the carrier has said that it is too much, unless it says for how long."""
RETURN_FIRST_S, RETURN_MAX_S, LOCKED_OUT_MAX_S = 1.0, 60.0, 300.0
"""The first pause after a carrier could not be reached, doubled by each failure; wrong credentials must not hammer."""
DOUBLINGS_MAX = 16
IN_DOUBT = frozenset({502, 504})
"""Statuses of what stands before a carrier: it may have got the request."""


class Chance(Protocol):
    """Where jitter comes from, such as `random.Random`."""

    def random(self) -> float:
        """A number of [0, 1)."""


class HttpLane:
    """A `limpet.carrier.port.Lane` of a carrier over HTTP. Its methods are called from the event loop's thread.

    It is bound from its start on, but for the pauses after the carrier could not be reached or let nobody in.
    """

    def __init__(
        self, name: str, upstream: Upstream, window_size_max: int, notices_url: str, desk: NoticeDesk, client: HttpClient,
        listener: Listener, chance: Chance,
    ) -> None:  # fmt: skip
        self._name = name
        self._upstream = upstream
        self._window = window_size_max
        self._notices_url = notices_url
        self._desk = desk
        self._client = client
        self._listener = listener
        self._chance = chance
        self._under_way: dict[str, tuple[Submission, asyncio.Task[None]]] = {}
        self._behind: dict[str, deque[Submission]] = {}
        self._results: list[Result] = []
        self._held = 0
        self._started = self._stopping = self._down = self._had_room = False
        self._failures = 0
        self._why_down: str | None = None
        self._return: asyncio.TimerHandle | None = None
        self._resume: asyncio.TimerHandle | None = None
        self._throttled_until = 0.0

    @property
    def name(self) -> str:
        """`carrier/number`."""
        return self._name

    @property
    def bound(self) -> bool:
        """Whether requests may be made: as far as is known the carrier is there."""
        return self._started and not self._down

    @property
    def mms(self) -> bool:
        """Whether the carrier takes media."""
        return self._upstream.mms

    @property
    def room(self) -> int:
        """How many more requests could be under way now."""
        waits = self._stopping or not self.bound or self._throttled_until > asyncio.get_running_loop().time()
        return 0 if waits else max(0, self._window - self._held)

    async def start(self) -> None:
        """Be ready; returns at once. A lane that was stopped may be started again."""
        if not self._started:
            self._started, self._stopping, self._down = True, False, False
            asyncio.get_running_loop().call_soon(self._tell_room)

    async def stop(self, grace_s: float) -> None:
        """Give back what has not begun, wait at most `grace_s` for answers, and give up on the rest, which is in doubt."""
        self._stopping = True
        for timer in (self._return, self._resume):
            if timer is not None:
                timer.cancel()
        self._return = self._resume = None
        self._release()
        tasks = [task for _, task in self._under_way.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._tell()
        self._started = False

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Take messages; what comes while not bound, or beyond the window, is Unsent."""
        space = 0 if self._stopping or not self.bound else max(0, self._window - self._held)
        for submission in submissions[:space]:
            self._held += 1
            self._offer(submission)
        self._had_room = self._had_room and self.room > 0
        for submission in submissions[space:]:
            self._result(Unsent(submission.key, submission.attempt))

    def acknowledge(self, tokens: Sequence[int]) -> None:
        """Answer notices positively."""
        self._desk.acknowledge(tokens)

    def decline(self, tokens: Sequence[int]) -> None:
        """Answer notices so that they are repeated."""
        self._desk.decline(tokens)

    # ── one message ──

    def _offer(self, submission: Submission) -> None:
        """Begin, or wait for the message to the same person that is under way: conversations stay in order."""
        if submission.recipient in self._under_way:
            self._behind.setdefault(submission.recipient, deque()).append(submission)
            return
        task = asyncio.create_task(self._send(submission), name=f"submit on {self._name}")
        self._under_way[submission.recipient] = submission, task

    async def _send(self, submission: Submission) -> None:
        result: Result = Unanswered(submission.key, submission.attempt)
        try:
            result = await self._exchange(submission)
        finally:
            del self._under_way[submission.recipient]
            self._done(submission, result)

    async def _exchange(self, submission: Submission) -> Result:
        try:
            request = self._upstream.request(submission, self._notices_url)
        except (ValueError, KeyError) as error:
            return refused(submission, UNKNOWN_ERROR, Retry.NEVER, str(error))
        answer = await self._client.send(request)
        match answer:
            case NotConnected(why):
                self._go_down(why, RETURN_MAX_S)
                return Unsent(submission.key, submission.attempt)
            case NoAnswer(why):
                return self._unanswered(submission, why)
        self._failures = 0
        if answer.status in IN_DOUBT:
            return self._unanswered(submission, str(answer.status))
        return self._judged(submission, answer)

    def _judged(self, submission: Submission, answer: HttpReply) -> Result:
        meant = self._upstream.reply(submission, answer)
        if isinstance(meant, LockedOut):
            self._go_down(meant.why, LOCKED_OUT_MAX_S)
            return Unsent(submission.key, submission.attempt)
        if isinstance(meant, Refused) and meant.retry is Retry.SLOWER:
            self._slow_down(answer.retry_after_s or THROTTLE_PAUSE_S)
        return meant

    def _unanswered(self, submission: Submission, why: str) -> Result:
        """In doubt; but where the key keeps a repetition from being a second message, it is simply sent again."""
        if self._upstream.idempotent:
            return refused(submission, UNKNOWN_ERROR, Retry.LATER, f"{why}, to be repeated under the same key")
        return Unanswered(submission.key, submission.attempt)

    def _done(self, submission: Submission, result: Result) -> None:
        self._held -= 1
        behind = self._behind.pop(submission.recipient, deque())
        if behind and (self._down or self._stopping or _comes_again_soon(result)):
            self._give_back(behind)  # so that none of them overtakes the one before it
        elif behind:
            self._offer(behind.popleft())
            if behind:
                self._behind[submission.recipient] = behind
        self._result(result)

    # ── the carrier ──

    def _go_down(self, why: str, pause_max_s: float) -> None:
        """Make no more requests for a while. Those under way may still be answered."""
        self._release()
        if self._down or self._stopping:
            return
        self._down = True
        self._failures = min(self._failures + 1, DOUBLINGS_MAX)
        pause_s = min(pause_max_s, RETURN_FIRST_S * 2.0 ** (self._failures - 1)) * (0.5 + self._chance.random() / 2)
        self._return = asyncio.get_running_loop().call_later(pause_s, self._come_back)
        self._why_down = why  # told after the results that are still to be told

    def _come_back(self) -> None:
        self._return, self._down = None, False
        self._tell_room()

    def _slow_down(self, pause_s: float) -> None:
        self._throttled_until = max(self._throttled_until, asyncio.get_running_loop().time() + pause_s)
        self._had_room = False
        self._resume_later()

    def _resume_later(self) -> None:
        if self._resume is None and not self._stopping:
            self._resume = asyncio.get_running_loop().call_at(self._throttled_until, self._resume_now)

    def _resume_now(self) -> None:
        """A loop's timer may come a little early, and the pause may have grown; then there is another."""
        self._resume = None
        if self._throttled_until > asyncio.get_running_loop().time():
            self._resume_later()
        else:
            self._tell_room()

    # ── what is told ──

    def _release(self) -> None:
        """Give back what has not begun."""
        behind, self._behind = self._behind, {}
        for waiting in behind.values():
            self._give_back(waiting)

    def _give_back(self, waiting: Sequence[Submission]) -> None:
        self._held -= len(waiting)
        for submission in waiting:
            self._result(Unsent(submission.key, submission.attempt))

    def _result(self, result: Result) -> None:
        """Results of one turn of the loop are told as one batch."""
        if not self._results:
            asyncio.get_running_loop().call_soon(self._tell)
        self._results.append(result)

    def _tell(self) -> None:
        results, self._results = self._results, []
        if results:
            self._listener.on_results(self._name, results)
        why, self._why_down = self._why_down, None
        if why is not None:
            self._listener.on_down(self._name, why)
        self._tell_room()

    def _tell_room(self) -> None:
        """Tell of room that was not there before."""
        had_room, self._had_room = self._had_room, self.room > 0
        if self._had_room and not had_room:
            self._listener.on_room(self._name)


def _comes_again_soon(result: Result) -> bool:
    return isinstance(result, Unsent) or (isinstance(result, Refused) and result.retry is Retry.SLOWER)


class HttpCarrier:
    """One configured carrier in one process: its lanes, the desk for its notices, and its connections."""

    def __init__(
        self, config: HttpCarrierConfig, notices_url: str, listener: Listener, clock: Clock, chance: Chance
    ) -> None:
        """To be made inside a running event loop. `notices_url` is where the carrier is told to bring its notices."""
        self.name = config.name
        self._upstream = upstream_of(config)
        connections = config.workers * config.window_size_max
        self._client = HttpClient(connections, config.connect_timeout_s, config.response_timeout_s)
        self.desk = NoticeDesk(f"{config.name}/0", self._upstream, listener, clock)
        self.lanes: Sequence[Lane] = [
            HttpLane(
                f"{config.name}/{n}", self._upstream, config.window_size_max, notices_url, self.desk, self._client, listener,
                chance,
            )
            for n in range(config.workers)
        ]  # fmt: skip

    async def medium(self, url: str) -> Medium | None:
        """A medium of an inbound message that only the carrier's credentials open; None where anybody may fetch it."""
        headers = self._upstream.media_headers(url)
        return None if headers is None else await self._client.fetch(url, headers)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()
