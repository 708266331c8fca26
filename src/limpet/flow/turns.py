"""Whose turn it is: callbacks that wait in memory, fair among endpoints, and in order within a message.

Plain bookkeeping: nothing here posts, waits or reads a clock. What it refuses to hold stays in the table, whose lease brings
it back.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from limpet.store.callbacks import EVENT, OwedCallback
from limpet.store.dispatch import Key

HELD_MAX = 20_000
ENDPOINT_WAITING_MAX = 10_000
ENDPOINT_AT_ONCE_MAX = 10
SUSPECT_WAITING_MAX = 100
SUSPECT_AT_ONCE_MAX = 1
ENDPOINTS_REMEMBERED_MAX = 10_000

Turn = tuple[int, int, str]


@dataclass(slots=True, eq=False)
class _Endpoint:
    """A scheme, host and port. One that did not answer last time is suspect: it gets one request at a time until it does."""

    name: str
    waiting: deque[OwedCallback] = field(default_factory=deque)
    under_way: int = 0
    suspect: bool = False
    in_ring: bool = False

    @property
    def free(self) -> bool:
        return self.under_way < (SUSPECT_AT_ONCE_MAX if self.suspect else ENDPOINT_AT_ONCE_MAX)

    @property
    def full(self) -> bool:
        return len(self.waiting) >= (SUSPECT_WAITING_MAX if self.suspect else ENDPOINT_WAITING_MAX)

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.under_way


class Turns:
    """What this process holds: each callback from `add` to `forget`, and in between at most once from `take` to `attempted`."""

    def __init__(self) -> None:
        self._held: set[Key] = set()
        self._endpoints: dict[str, _Endpoint] = {}
        self._ring: deque[_Endpoint] = deque()
        self._going: set[Turn] = set()
        self._behind: defaultdict[Turn, deque[OwedCallback]] = defaultdict(deque)

    @property
    def room(self) -> int:
        """How many more callbacks may be held."""
        return HELD_MAX - len(self._held)

    @property
    def held(self) -> int:
        """How many callbacks are held."""
        return len(self._held)

    @property
    def suspects(self) -> int:
        """How many endpoints did not answer last time, and get one request at a time until they do."""
        return sum(endpoint.suspect for endpoint in self._endpoints.values())

    def add(self, owed: OwedCallback) -> bool:
        """Hold a callback until its turn. False when it is held already, or when there is no room for it or its endpoint."""
        endpoint = self._endpoint(owed.url)
        if owed.key in self._held or self.room <= 0 or endpoint.full:
            return False
        self._held.add(owed.key)
        if (turn := _turn(owed)) in self._going:
            self._behind[turn].append(owed)
        else:
            self._queue(endpoint, owed)
        return True

    def take(self) -> OwedCallback | None:
        """The callback whose turn it is; endpoints take turns. None when none may go now."""
        while self._ring:
            endpoint = self._ring.popleft()
            endpoint.in_ring = False
            if endpoint.free and endpoint.waiting:
                owed = endpoint.waiting.popleft()
                endpoint.under_way += 1
                self._enter_ring(endpoint)
                return owed
        return None

    def along(
        self, owed: OwedCallback, fits: Callable[[OwedCallback], bool], most: int
    ) -> list[OwedCallback]:  # fmt: skip
        """Take at most `most` of those that are next at the endpoint of a taken one and fit: they go in the same request."""
        waiting = self._endpoints[endpoint_of(owed.url)].waiting
        found: list[OwedCallback] = []
        while waiting and len(found) < most and fits(waiting[0]):
            found.append(waiting.popleft())
        return found

    def attempted(
        self, owed: OwedCallback, along: Sequence[OwedCallback] = (), *, answered: bool | None
    ) -> None:  # fmt: skip
        """A taken callback was tried, with what went along: their messages' next ones may go. `answered` None: it was not posted
        after all."""
        endpoint = self._endpoints[endpoint_of(owed.url)]
        endpoint.under_way -= 1
        if answered is not None:
            endpoint.suspect = not answered
        self._enter_ring(endpoint)
        for each in (owed, *along):
            self._go_on(_turn(each))
        if endpoint.idle and not endpoint.suspect:
            del self._endpoints[endpoint.name]

    def forget(self, key: Key) -> None:
        """What became of a callback is written down."""
        self._held.discard(key)

    def leave(self) -> list[OwedCallback]:
        """Give back everything that is not under way."""
        waiting = [owed for endpoint in self._endpoints.values() for owed in endpoint.waiting]
        left = waiting + [owed for behind in self._behind.values() for owed in behind]
        for endpoint in self._endpoints.values():
            endpoint.waiting.clear()
        self._behind.clear()
        self._going.difference_update(_turn(owed) for owed in waiting)
        self._held.difference_update(owed.key for owed in left)
        return left

    def _go_on(self, turn: Turn) -> None:
        behind = self._behind.get(turn)
        if not behind:
            self._going.discard(turn)
            return
        owed = behind.popleft()
        if not behind:
            del self._behind[turn]
        self._queue(self._endpoint(owed.url), owed)

    def _queue(self, endpoint: _Endpoint, owed: OwedCallback) -> None:
        self._going.add(_turn(owed))
        endpoint.waiting.append(owed)
        self._enter_ring(endpoint)

    def _enter_ring(self, endpoint: _Endpoint) -> None:
        if endpoint.waiting and endpoint.free and not endpoint.in_ring:
            endpoint.in_ring = True
            self._ring.append(endpoint)

    def _endpoint(self, url: str) -> _Endpoint:
        name = endpoint_of(url)
        found = self._endpoints.get(name)
        if found is None:
            if len(self._endpoints) >= ENDPOINTS_REMEMBERED_MAX:
                self._endpoints = {known: kept for known, kept in self._endpoints.items() if not kept.idle}
            found = self._endpoints[name] = _Endpoint(name)
        return found


def endpoint_of(url: str) -> str:
    """Scheme, host and port of a URL, without credentials: what shares a limit, and what a log may show."""
    scheme, _, rest = url.partition("://")
    authority = rest.split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    return f"{scheme}://{authority.rpartition('@')[2]}".lower()


def _turn(owed: OwedCallback) -> Turn:
    """What goes one after the other: a message's callbacks, and its events to one sink. A sink holds up nobody else."""
    return owed.bucket, owed.message_id, owed.url if owed.kind == EVENT else ""
