"""The whole flow of one process, put together: what a server starts, and what a test plays with a carrier of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from limpet.carrier.port import Delivery, Inbound, Lane, Listener, Receipt
from limpet.clock import Clock
from limpet.core.ids import day_number
from limpet.core.limits import SCHEDULED_MAX, Prefixes
from limpet.core.load import LoadMeter
from limpet.core.retention import Pseudonyms
from limpet.core.routing import Patience, Routes
from limpet.flow.accept import Accept
from limpet.flow.answers import Answers
from limpet.flow.assign import Assigner
from limpet.flow.campaign_share import CampaignCounts
from limpet.flow.carriers import Switchboard
from limpet.flow.clicks import Clicks
from limpet.flow.consent import Consent
from limpet.flow.directory import Directory
from limpet.flow.dispatch import Dispatcher
from limpet.flow.doubt import DoubtBook, Resolver
from limpet.flow.due import DueBinder
from limpet.flow.events import Events
from limpet.flow.failure import Failures
from limpet.flow.health import Fates, HealthWatch
from limpet.flow.inbound import Inbounds
from limpet.flow.lanes import Fleet
from limpet.flow.lease import Leases
from limpet.flow.owed import Owed
from limpet.flow.question import Questions
from limpet.flow.rebalance import Rebalances
from limpet.flow.receipt import Receipts
from limpet.flow.refused import REFUSED_DAYS, RefusedMarks
from limpet.flow.release import Releases
from limpet.flow.share import Contacts
from limpet.flow.streams import Streams
from limpet.flow.swap_notices import Notices
from limpet.flow.sweep import EVERY_SECOND_S, Sweeps, every
from limpet.flow.worker import WAITING_MAX, Loop
from limpet.store.callbacks import OwedCallback
from limpet.store.database import DATABASE_AWAY, Database, Installation
from limpet.store.dispatch import Lanes
from limpet.store.messages import Messages
from limpet.store.opt_outs import OptOuts
from limpet.store.people import People
from limpet.store.sticky import StickyStore

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient and how busy a process is.

    `take_over`: nobody else is alive, so leases of former runs count for nothing. `rated`: numbers keep Twilio's rates.
    More than `pending_max` requests are not let wait for the database. `account_per_s` and `scheduled_max` hold for accounts that
    have no other limit; senders of the carriers `elsewhere` are not sent from here.
    """

    lease: timedelta = timedelta(seconds=15)
    doubt_patience_s: float = 90.0
    purge_rows_per_s: int = 20_000
    take_over: bool = False
    rated: bool = False
    pending_max: int = WAITING_MAX
    refused_days: int = REFUSED_DAYS
    routes: Routes = field(default_factory=Routes)
    patience: Patience = field(default_factory=Patience)
    segments_per_s: Mapping[str, float] = field(default_factory=dict)
    """Of the carriers that have a rate."""
    receipts_on_last: frozenset[str] = frozenset()
    """Carriers that give one receipt a message, for its last segment."""
    whole_messages: frozenset[str] = frozenset()
    """Carriers that get every message in one PDU."""
    query_after: Mapping[str, timedelta] = field(default_factory=dict)
    """Carriers that can be asked what became of a message, and how long its receipt is waited for first."""
    account_per_s: float | None = None
    scheduled_max: int = SCHEDULED_MAX
    elsewhere: frozenset[str] = frozenset()
    tmobile: tuple[str, ...] = ()
    """How numbers begin whose network is T-Mobile's, as far as the operator knows (rule S-54)."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The parts that doors and tests use."""

    directory: Directory
    accept: Accept
    dispatcher: Dispatcher
    due: DueBinder
    receipts: Receipts
    inbounds: Inbounds
    doubt: DoubtBook
    sweeps: Sweeps
    sticky: StickyStore
    messages: Messages
    opt_outs: OptOuts
    people: People
    clicks: Clicks
    events: Events
    switchboard: Switchboard
    releases: Releases
    fates: Fates
    rebalances: Rebalances
    notices: Notices
    post: Callable[[Sequence[OwedCallback]], None]
    lease: timedelta

    def loops(self) -> list[Loop]:
        """What has to run for as long as the process does."""
        lanes: list[Loop] = [
            partial(self.dispatcher.run_lane, name, self.lease) for name in self.dispatcher.fleet.running
        ]
        return [
            *lanes,
            *self.sweeps.loops(),
            *self.rebalances.loops(),
            partial(every, EVERY_SECOND_S, self.switchboard.turn),
            self.events.streams.follow,
        ]

    async def idle(self) -> None:
        """Wait until nothing that has come in is under way."""
        await self.accept.idle()
        await self.dispatcher.answers.idle()
        await self.receipts.idle()
        await self.inbounds.idle()
        await self.fates.write()

    async def stop(self, grace_s: float) -> None:
        """Finish what is in flight for at most `grace_s`, write every answer, give the lanes away."""
        await self.accept.idle()
        await self.dispatcher.stop(grace_s)
        await asyncio.gather(self.receipts.idle(), self.inbounds.idle())
        try:
            await self.fates.write()
        except DATABASE_AWAY as error:
            _log.warning("what became of the last messages is not counted for their numbers", why=error)


def assemble(
    database: Database, installation: Installation, owner: str, clock: Clock, pace: Pace,
    lanes: Callable[[Listener], Iterable[Lane]], post: Callable[[Sequence[OwedCallback]], None],
    new_id: Callable[[datetime], int], chance: Callable[[], float], base_url: str = "http://127.0.0.1",
) -> Flow:  # fmt: skip
    """Make the flow of a process called `owner`. `lanes` makes its lanes for their listener, `post` takes committed callbacks,
    `base_url` begins the URLs under which customers find what people send."""
    bucket_key = installation.bucket_key
    fleet = Fleet(
        clock.monotonic, rated=pace.rated, account_per_s=pace.account_per_s, routes=pace.routes,
        segments_per_s=pace.segments_per_s,
    )  # fmt: skip
    directory = Directory(database, fleet.has_mms, lambda: day_number(clock.now()), clock.monotonic)
    doubt = DoubtBook()
    pseudonyms = Pseudonyms(installation.pseudonym_key)
    events = Events(database, Streams(database), installation.sid_key, new_id)
    owed = Owed(directory, events, installation.sid_key, new_id, pseudonyms)
    contacts = Contacts(clock.monotonic, lambda candidate: fleet.is_full(candidate.sender.address))
    assigner = Assigner(directory, LoadMeter(clock.monotonic()), clock.monotonic, new_id, pseudonyms, contacts)
    marks = RefusedMarks(pace.refused_days)
    failures = Failures(database, owed, clock, new_id, marks, pseudonyms)
    answers = Answers(database, fleet, doubt, owed, failures, clock, new_id, chance)
    held = Lanes(database, owner, pace.lease)
    leases = Leases(database, held, doubt, clock, new_id, take_over=pace.take_over)
    dispatcher = Dispatcher(database, directory, fleet, leases, answers, doubt, clock, new_id)
    fleet.waiting_people = doubt.people
    for lane in lanes(dispatcher):
        fleet.add(lane)
    receipts = Receipts(
        database, owed, clock, bucket_key, new_id, fleet.acknowledge, fleet.decline, doubt.resolved, post, marks,
        pseudonyms, pace.receipts_on_last, pace.whole_messages,
    )  # fmt: skip
    consent = Consent(fleet, bucket_key, new_id, assigner.forgotten)
    inbounds = Inbounds(
        database, directory, assigner, consent, events, clock, bucket_key, installation.sid_key, new_id,
        fleet.acknowledge, fleet.decline, post, pseudonyms, base_url,
    )  # fmt: skip
    leases.after_doubt = receipts.look_again_for_doubtful
    owed.counts = dispatcher.counts
    _connect(dispatcher, receipts, inbounds, post)
    campaigns = CampaignCounts(Prefixes(pace.tmobile).match)
    due = DueBinder(database, directory, assigner, dispatcher, owed, clock, bucket_key, new_id, campaigns)
    sticky = StickyStore(database, bucket_key, new_id, pseudonyms)
    resolver = Resolver(database, directory, owed, failures)
    questions = Questions(database, fleet, clock, pace.query_after)
    fates = Fates(database)
    dispatcher.answers.on_told = receipts.on_told = fates.add
    watch = HealthWatch(database, fates, events, clock, post)
    sweeps = Sweeps(
        database, sticky, dispatcher, due, doubt, resolver, failures, owed, receipts, inbounds, questions, watch, clock,
        patience_s=pace.doubt_patience_s, purge_rows_per_s=pace.purge_rows_per_s,
    )  # fmt: skip
    accept = Accept(
        database, directory, assigner, dispatcher, owed, clock, bucket_key, new_id, pace.pending_max, pace.scheduled_max,
        pace.elsewhere, campaigns,
    )  # fmt: skip
    return Flow(
        directory, accept, dispatcher, due, receipts, inbounds, doubt, sweeps, sticky,
        Messages(database, bucket_key, pseudonyms),
        OptOuts(database, bucket_key, new_id, pseudonyms),
        People(database, bucket_key, new_id, pseudonyms),
        Clicks(database, directory, installation, clock, new_id, post),
        events,
        Switchboard(database, fleet, clock, owner, pace.patience),
        Releases(database, resolver, doubt, fleet, clock, post),
        fates,
        Rebalances(database, directory, clock, new_id),
        Notices(database, directory, accept, clock),
        post, pace.lease,
    )  # fmt: skip


def _connect(
    dispatcher: Dispatcher, receipts: Receipts, inbounds: Inbounds, post: Callable[[Sequence[OwedCallback]], None]
) -> None:
    """Tie what lanes tell to those who write it down."""

    def deliver(lane: str, deliveries: Sequence[Delivery]) -> None:
        receipts.take(lane, [d for d in deliveries if isinstance(d, Receipt)])
        inbounds.take(lane, [d for d in deliveries if isinstance(d, Inbound)])

    dispatcher.on_delivery = deliver
    dispatcher.answers.counts = receipts.counts = dispatcher.counts
    dispatcher.answers.on_owed = post
    dispatcher.answers.after_sent = receipts.look_again
    dispatcher.answers.after_doubt = receipts.look_again_for_doubtful
