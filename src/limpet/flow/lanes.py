"""The lanes that this process runs: who owns them, how much room they have, and what is in flight on each.

Plain bookkeeping in memory; what must survive a crash is written by `limpet.flow.dispatch` before it is noted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from limpet import tracing
from limpet.carrier.port import Lane, MessageKey, Submission
from limpet.core.allowance import Allowance
from limpet.core.encoding import Segmented
from limpet.core.ids import reference_of
from limpet.core.limits import NO_LIMITS, ServiceLimits
from limpet.core.model import Account, SenderKind
from limpet.core.rate import Pacer, Queue, of_account, of_service, segments_per_s
from limpet.core.routing import Mode, Routes, carrier_of
from limpet.flow.vitals import Vitals
from limpet.flow.worker import Nudge
from limpet.store.dispatch import Claim, Key, Outgoing

BURST_S = 0.25
"""So much of a second's rate may a lane be given at once."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A claimed message on its way, with the batch of claims that it belongs to. `media` are the URLs of what goes with it as
    MMS; None makes it an SMS."""

    message: Outgoing
    content: Segmented
    claim_id: int
    media: tuple[str, ...] | None = None


@dataclass(slots=True)
class Running:
    """One lane as this process runs it. Without a fence it is another process's.

    `reserved` counts the room promised to messages whose claim is not committed yet. `backlog` says that messages wait in the
    queue: new ones then join it behind them.
    """

    lane: Lane
    fence: int | None = None
    reserved: int = 0
    backlog: bool = True
    bound_s: float = 0.0
    in_flight: dict[Key, Flight] = field(default_factory=dict)
    open_claims: dict[int, int] = field(default_factory=dict)
    suspects: list[Claim] = field(default_factory=list)
    """Claims whose commit was asked for and never confirmed: they may stand in the store, and nothing of them was sent."""
    nudge: Nudge = field(default_factory=Nudge)
    vitals: Vitals = field(default_factory=Vitals)
    mode: Mode = Mode.ACTIVE
    """What an operator wants of its carrier."""
    drained_from: int = 0
    """While draining: the id from which on messages were accepted too late."""
    held: bool = False
    """Messages of another lane are on their way into this one's queue, and go first."""
    allowance: Allowance | None = None
    now_s: Callable[[], float] = lambda: 0.0

    @property
    def room(self) -> int:
        """How many more messages may be claimed now."""
        if self.fence is None or self.held or self.mode is Mode.PAUSED:
            return 0
        room = self.lane.room
        if self.allowance is not None:
            room = min(room, self.allowance.room(self.now_s()))
        return max(0, room - self.reserved)

    def wait_s(self, at_most_s: float) -> float:
        """How long until there may be room again that nobody will ring for."""
        return at_most_s if self.allowance is None else min(at_most_s, self.allowance.wait_s(self.now_s()) or at_most_s)

    def launch(self, flights: Iterable[Flight]) -> None:
        """Hand over messages whose claim is committed."""
        submissions = []
        for flight in flights:
            self.in_flight[flight.message.key] = flight
            self.open_claims[flight.claim_id] = self.open_claims.get(flight.claim_id, 0) + 1
            submissions.append(submission_of(flight))
        if self.allowance is not None:
            self.allowance.spend(sum(each.content.count for each in submissions), self.now_s())
        if tracing.active is not None:
            tracing.active.submitted(self.lane.name, {each.key: each.content.count for each in submissions})
        self.lane.submit(submissions)

    def landed(self, key: Key) -> Flight | None:
        """A message has its answer: it leaves the books of what is in flight."""
        return self.in_flight.pop(key, None)

    def finished(self, claim_ids: Iterable[int]) -> list[int]:
        """The batches of claims of which none is left once one more message each is settled for every id named."""
        return [
            claim_id for claim_id, count in Counter(claim_ids).items() if self.open_claims.get(claim_id, 0) <= count
        ]

    def settle(self, claim_ids: Iterable[int]) -> None:
        """One message each of these claims is settled in the store, committed."""
        for claim_id, count in Counter(claim_ids).items():
            left = self.open_claims.pop(claim_id, 0) - count
            if left > 0:
                self.open_claims[claim_id] = left


def submission_of(flight: Flight) -> Submission:
    """What the carrier is given. The reference is the id's random end, so that a receipt that echoes it names the message."""
    message = flight.message
    return Submission(
        MessageKey(*message.key),
        message.attempt,
        message.sender or "",
        message.recipient,
        flight.content,
        reference_of(message.key.id),
        flight.media or (),
        flight.media is not None,
    )


class Fleet:
    """All lanes, by name, and which of them a message takes. `closed` are those that take no new ones, if there are others."""

    def __init__(
        self, now_s: Callable[[], float] = lambda: 0.0, *, rated: bool = False, account_per_s: float | None = None,
        routes: Routes | None = None, segments_per_s: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        """Unless `rated` numbers send as fast as their lane does. `account_per_s` is what accounts may that have no rate of their
        own; carriers that are not in `segments_per_s` get messages as fast as they take them. `now_s` is monotonic."""
        self.pacer = Pacer()
        self._rated = rated
        self._account_per_s = account_per_s
        self._now_s = now_s
        self.routes = Routes() if routes is None else routes
        self._routed = bool(self.routes)
        self._rates = dict(segments_per_s or {})
        self.running: dict[str, Running] = {}
        self.closed: Collection[str] = frozenset()
        self._counts: dict[str, int] = {}
        self._with_mms: set[str] = set()
        self.waiting_people: Container[str] = frozenset()
        """Whose messages join the queue, though there is room: an earlier one to them is in doubt."""

    def add(self, lane: Lane) -> None:
        """One more lane; all of them are known before the first message. Each has its share of its carrier's rate."""
        self.running[lane.name] = Running(lane, now_s=self._now_s)
        carrier = carrier_of(lane.name)
        self._counts[carrier] = self._counts.get(carrier, 0) + 1
        if lane.mms:
            self._with_mms.add(carrier)
        if per_s := self._rates.get(carrier):
            share = per_s / self._counts[carrier]
            for name, running in self.running.items():
                if carrier_of(name) == carrier:
                    running.allowance = Allowance(share, share * BURST_S)

    def has_mms(self, carrier: str) -> bool:
        """Whether a carrier takes media."""
        return carrier in self._with_mms

    def acknowledge(self, lane: str, tokens: Sequence[int]) -> None:
        """What these deliveries said is committed."""
        self.running[lane].lane.acknowledge(tokens)

    def decline(self, lane: str, tokens: Sequence[int]) -> None:
        """What these deliveries said could not be written: the carrier shall repeat them."""
        self.running[lane].lane.decline(tokens)

    def lane_of(self, carrier: str, sender: str) -> str:
        """The lane that a sender always takes: one lane keeps its rate and the order of its conversations."""
        return f"{carrier}/{crc32(sender.encode()) % self._counts.get(carrier, 1)}"

    def lane_for(
        self, carrier: str, address: str, country: str, also_through: Sequence[str] | None, recipient: str
    ) -> str:
        """The lane of a message: by the operator's routes (S-74), and past lanes that are closed where another may be taken
        (S-75). A sender always takes the same lane of a carrier, so its conversations keep their order."""
        if not (self._routed or self.closed):
            return self.lane_of(carrier, address)
        if self._routed and (routed := self.routes.carrier(recipient, country)) is not None:
            carrier, also_through = routed, None if routed != carrier else also_through
        lane = self.lane_of(carrier, address)
        if lane not in self.closed:
            return lane
        others = (self.lane_of(other, address) for other in self.routes.others(carrier, also_through))
        return next((other for other in others if other in self.running and other not in self.closed), lane)

    def room(self, lane: str) -> int:
        """How many new messages may go straight to a lane: none while others wait for it, or it takes no new ones."""
        running = self.running.get(lane)
        return 0 if running is None or running.backlog or lane in self.closed else running.room

    def shared(
        self, account: Account, service_id: int | None = None, limits: ServiceLimits = NO_LIMITS
    ) -> tuple[Queue, ...]:
        """What a message shares with others of its account and its service."""
        account_per_s = account.segments_per_s or self._account_per_s
        queues = () if account_per_s is None else (of_account(account.id, account_per_s),)
        if service_id is None or limits.segments_per_s is None:
            return queues
        return (*queues, of_service(service_id, limits.segments_per_s))

    def wait_s(
        self, sender: str, kind: SenderKind, country: str, segments: int, shared: Sequence[Queue] = ()
    ) -> float | None:
        """How long a number's next message must wait so that the number keeps its rate, and its service and its account theirs; 0
        when it may go now, None when a queue is full."""
        number = Queue(sender, segments_per_s(kind, country)) if self._rated else None
        if number is None and not shared:
            return 0.0
        return self.pacer.wait_s(number, shared, segments, self._now_s())

    def is_full(self, queue: str) -> bool:
        """Whether a queue, such as a number's, takes nothing more at the moment."""
        return self.pacer.is_full(queue, self._now_s())

    def suspect(self, claims: Iterable[Claim]) -> None:
        """A transaction that made these claims has failed, perhaps after its commit."""
        for claim in claims:
            if (running := self.running.get(claim.lane)) is not None:
                running.suspects.append(claim)

    def waiting(self, lanes: Iterable[str]) -> None:
        """Messages have joined the queues of these lanes."""
        for name in set(lanes):
            if (running := self.running.get(name)) is not None:
                running.backlog = True
                running.nudge.ring()


@dataclass(slots=True)
class Reservation:
    """Room promised to a batch before its transaction commits, and what was claimed for it."""

    fleet: Fleet
    taken: dict[str, int] = field(default_factory=dict)

    def take(self, lane: str) -> int | None:
        """Promise one place on a lane: the fence to claim under, None when there is no room."""
        running = self.fleet.running.get(lane)
        if running is None or self.fleet.room(lane) <= 0:
            return None
        running.reserved += 1
        self.taken[lane] = self.taken.get(lane, 0) + 1
        return running.fence

    def give_back(self) -> None:
        """The batch is through, or came to nothing: its messages are in flight now, or never will be."""
        for lane, count in self.taken.items():
            self.fleet.running[lane].reserved -= count
        self.taken = {}


def by_lane(flights: Iterable[Flight]) -> Mapping[str, list[Flight]]:
    """Flights by the lane that they were claimed for."""
    groups: dict[str, list[Flight]] = {}
    for flight in flights:
        groups.setdefault(flight.message.lane or "", []).append(flight)
    return groups
